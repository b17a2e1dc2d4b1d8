// Where you are: brings what was written here to the server. Each queue (one person or group) goes out one
// message at a time, so that the order of writing is the order of the log; what is not answered is repeated
// with the same `client_id`, which the server stores once. What is waiting survives a reload: one key in
// localStorage per message, so that two tabs never overwrite each other's.

/** @import {Request} from "../net/connection.js" */
/** @import {Message} from "../net/protocol.js" */
/** @import {Outgoing} from "../state/outgoing.js" */
/** @import {State} from "../state/state.js" */
/** @import {Store} from "../state/store.js" */
import { backoff, pause } from "../net/backoff.js";
import { passes, Refused } from "../net/errors.js";
import { laneOf } from "../state/outgoing.js";

/**
 * @param {Store} store
 * @param {Request} request
 */
export function sending(store, request) {
  /** @type {Set<string>} */
  const busy = new Set();

  /** @param {State} state */
  function pump({ connection, outgoing }) {
    if (connection.phase !== "live") return;
    for (const lane of new Set(outgoing.map((one) => laneOf(one.address)))) if (!busy.has(lane)) drain(lane);
  }

  /** @param {string} lane */
  async function drain(lane) {
    busy.add(lane);
    const first = () => store.state().outgoing.find((one) => one.refused === null && laneOf(one.address) === lane);
    for (let one = first(); one && (await settled(one, 0)); one = first());
    busy.delete(lane);
  }

  /**
   * Whether the server has answered for good; if not, the line broke, and the next `sync` starts it again.
   * @param {Outgoing} one
   * @param {number} attempt
   * @returns {Promise<boolean>}
   */
  async function settled(one, attempt) {
    try {
      const { message } = await request("message.send", { ...one.address, client_id: one.client_id, ...content(one) });
      arrived(one, message);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) return false;
      if (!passes(error.code)) return refused(one, error);
      await pause(backoff(attempt, error.retryAfterMs ?? 0));
      return settled(one, attempt + 1);
    }
  }

  /** @param {Outgoing} one @param {Refused} error */
  function refused(one, error) {
    store.dispatch({ type: "refused", clientId: one.client_id, code: error.code });
    return true;
  }

  /** @param {Outgoing} one @param {Message} message */
  function arrived(one, message) {
    store.dispatch({ type: "message", message });
    store.dispatch({ type: "discarded", clientId: one.client_id });
  }

  return store.subscribe(pump);
}

/** What is absent is left out. @param {Outgoing} outgoing */
function content({ text, attachments = [] }) {
  const files = attachments.map((one) => one.id);
  return { ...(text === "" ? {} : { text }), ...(files.length === 0 ? {} : { attachments: files }) };
}

/**
 * Keeps the queue in the storage.
 * @param {Store} store
 * @param {Storage} storage
 * @param {string} prefix
 */
export function keepOutgoing(store, storage, prefix) {
  let kept = store.state().outgoing;
  /** @param {State} state */
  function keep({ outgoing }) {
    if (outgoing === kept) return;
    for (const one of kept)
      if (!outgoing.some((other) => other.client_id === one.client_id)) storage.removeItem(prefix + one.client_id);
    for (const one of outgoing) if (!kept.includes(one)) storage.setItem(prefix + one.client_id, JSON.stringify(one));
    kept = outgoing;
  }
  return store.subscribe(keep);
}

/**
 * What was waiting when the page was left.
 * @param {Storage} storage
 * @param {string} prefix
 * @returns {Outgoing[]}
 */
export function keptOutgoing(storage, prefix) {
  return Object.keys(storage)
    .filter((key) => key.startsWith(prefix))
    .map((key) => JSON.parse(storage.getItem(key) ?? "null"))
    .sort((one, other) => one.at - other.at);
}

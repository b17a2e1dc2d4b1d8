// Where you are: the line to the server, one WebSocket after the other. It matches replies to requests by id,
// notices when the line is dead although nobody said so, and comes back with backoff after every break.
// What is said over it is not its business: `resume` makes the state whole, `heard` takes the events.
//
// Order matters once: entries may follow the answer to `sync` in the very next frame. A reply resolves its
// promise within its own frame's task, so whatever awaits it has run before the next frame is read.

/** @import {ClosingEvent, Hello} from "./protocol.js" */
/** @import {Connection, ServerEvent} from "../state/state.js" */
/** @import {TokenKeeper} from "./tokens.js" */
import { backoff } from "./backoff.js";
import { Refused, SessionEnded, Unreachable } from "./errors.js";

/** @typedef {(type: string, fields?: object) => Promise<any>} Request */

/**
 * @typedef {object} Listeners
 * @property {(hello: Hello, request: Request) => Promise<void>} resume called after every `hello`, before the first event
 * @property {(event: ServerEvent) => void} heard
 * @property {(connection: Connection) => void} phase
 * @property {() => void} ended the session is over
 */

/** An answer that takes longer than this does not come. */
const ANSWER_MS = 15_000;
/** "Token refused or session ended". */
const REFUSED = 4401;

/**
 * @param {URL} address
 * @param {TokenKeeper} tokens
 * @param {Listeners} listeners
 */
export function createConnection(address, tokens, listeners) {
  /** @type {WebSocket | null} */
  let socket = null;
  /** @type {Map<number, {resolve: (reply: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  let lastId = 0;
  let attempt = 0;
  let stopped = false;
  let askedToWaitMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  let heartbeatMs = 25_000;

  /** @type {Request} */
  function request(type, fields = {}) {
    const line = socket;
    if (line?.readyState !== WebSocket.OPEN) return Promise.reject(new Unreachable());
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => abandon(line), ANSWER_MS);
      const done = () => (clearTimeout(late), waiting.delete(id));
      waiting.set(id, { resolve: (reply) => (done(), resolve(reply)), reject: (error) => (done(), reject(error)) });
      line.send(JSON.stringify({ id, type, ...fields }));
    });
  }

  async function connect() {
    clearTimeout(retry);
    listeners.phase({ phase: "connecting" });
    try {
      const token = await tokens.access();
      if (!stopped && socket === null) listen(new WebSocket(address, ["chat.v1", "Bearer", token]), token);
    } catch (error) {
      if (error instanceof SessionEnded) listeners.ended();
      else comeBack();
    }
  }

  /** @param {WebSocket} line @param {string} token */
  function listen(line, token) {
    socket = line;
    line.onmessage = ({ data }) => {
      if (line !== socket) return;
      listenForSilence(line);
      receive(JSON.parse(data));
    };
    line.onclose = ({ code }) => {
      if (line === socket) closed(code === REFUSED ? () => exchange(token) : comeBack);
    };
  }

  /** @param {() => void} next */
  function closed(next) {
    socket = null;
    clearTimeout(silence);
    for (const one of [...waiting.values()]) one.reject(new Unreachable());
    if (!stopped) next();
  }

  /** Does not wait for a polite goodbye, which over a dead network takes minutes. @param {WebSocket | null} line */
  function abandon(line) {
    if (!line || line !== socket) return;
    line.close();
    closed(comeBack);
  }

  /** @param {any} frame */
  function receive(frame) {
    const one = waiting.get(frame.id);
    if (frame.type === "ok") one?.resolve(frame);
    else if (frame.type === "error") one?.reject(new Refused(frame));
    else if (frame.type === "hello") greet(frame);
    else if (frame.type === "closing") bye(frame);
    else listeners.heard(frame);
  }

  /** @param {Hello} hello */
  async function greet(hello) {
    const line = socket;
    heartbeatMs = hello.heartbeat_ms;
    listeners.phase({ phase: "syncing" });
    try {
      await listeners.resume(hello, request);
      attempt = 0;
      askedToWaitMs = 0;
      if (line === socket) listeners.phase({ phase: "live" });
    } catch {
      abandon(line); // the next line tries again
    }
  }

  /** The server is about to close: nothing is sent on this line any more. @param {ClosingEvent} closing */
  function bye(closing) {
    askedToWaitMs = closing.retry_after_ms ?? 0;
    listeners.phase({ phase: "waiting" });
  }

  /** The token was refused: with a new one at once, or not at all. @param {string} token */
  async function exchange(token) {
    listeners.phase({ phase: "waiting" });
    try {
      await tokens.renew(token);
      comeBack();
    } catch (error) {
      if (error instanceof SessionEnded) listeners.ended();
      else comeBack();
    }
  }

  function comeBack() {
    if (stopped) return;
    clearTimeout(retry);
    listeners.phase({ phase: "waiting" });
    retry = setTimeout(connect, backoff(attempt++, askedToWaitMs));
  }

  /** Scripts do not see the server's own pings: after a heartbeat of silence it is asked, and has to answer. @param {WebSocket} line */
  function listenForSilence(line) {
    clearTimeout(silence);
    silence = setTimeout(() => line === socket && request("ping").catch(() => {}), heartbeatMs);
  }

  return {
    request,
    start: connect,
    /** Starts anew with `resume`: something was missing. */
    restart: () => abandon(socket),
    /** The network is back, or somebody is looking: no need to wait longer than the server asked. */
    wake() {
      if (stopped) return;
      if (socket !== null) request("ping").catch(() => {});
      else if (askedToWaitMs === 0) connect();
    },
    stop() {
      stopped = true;
      clearTimeout(retry);
      socket?.close();
    },
  };
}

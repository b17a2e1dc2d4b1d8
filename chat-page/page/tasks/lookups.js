// Where you are: asks the server for what the state mentions but does not know: people's names, summaries of
// conversations of which only an entry came, and of the conversation that is open enough messages and how far
// the others have read.

/** @import {Request} from "../net/connection.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Store} from "../state/store.js" */
import { Refused } from "../net/errors.js";
import { open, strangers, undescribed } from "../state/selectors.js";

/** Names asked for at once. */
const NAMES = 100;
/** In larger conversations nobody is told how far the others have read. */
const RECEIPTS = 100;
/** An open conversation shows at least this many messages, if it has them. */
const ENOUGH = 20;

/**
 * @param {Store} store
 * @param {Request} request
 */
export function lookups(store, request) {
  /** What is being asked, or was answered with nothing. @type {Set<string>} */
  const asked = new Set();

  /** @param {State} state */
  function look(state) {
    if (state.connection.phase !== "live") return asked.clear();
    const users = strangers(state)
      .filter((user) => !asked.has(user))
      .slice(0, NAMES);
    if (users.length > 0) once(users, () => names(users));
    for (const id of undescribed(state))
      once([`summary ${id}`], () => summary(id));
    const conversation = open(state);
    if (conversation?.kind && !conversation.stale)
      once([`members ${conversation.id}`], () => members(conversation, state.limits));
    const short = conversation && conversation.kind && conversation.from > 1 && conversation.messages.length < ENOUGH;
    if (short) once([`history ${conversation.id} ${conversation.from}`], () => history(conversation));
  }

  /** @param {string[]} keys @param {() => Promise<void>} ask */
  function once(keys, ask) {
    if (keys.every((key) => asked.has(key))) return;
    for (const key of keys) asked.add(key);
    ask().catch(() => {}); // the line broke: asked again when it is back
  }

  /** @param {string[]} users */
  async function names(users) {
    const { items } = await request("user.get", { users });
    store.dispatch({ type: "profiles", users: items });
  }

  /** @param {string} id */
  async function summary(id) {
    try {
      const { conversation } = await request("conversation.get", { conversation: id });
      store.dispatch({ type: "conversation", ...conversation });
    } catch (error) {
      if (error instanceof Refused && error.code === "not_found") store.dispatch({ type: "gone", conversation: id });
    } finally {
      asked.delete(`summary ${id}`); // it may become stale again
    }
  }

  /** How far the others have come, which no log tells. @param {Conversation} conversation @param {Record<string, number>} limits */
  async function members({ id, memberCount }, limits) {
    if (memberCount > (limits["receipt_members_max"] ?? RECEIPTS)) return;
    const { items } = await request("conversation.members", { conversation: id, limit: RECEIPTS });
    store.dispatch({ type: "members", conversation: id, members: items });
  }

  /** @param {Conversation} conversation */
  async function history({ id, from }) {
    const reply = await request("history", { conversation: id, before: from });
    store.dispatch({ type: "history", conversation: id, before: from, reply });
  }

  return store.subscribe(look);
}

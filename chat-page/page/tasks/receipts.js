// Where you are: tells the server how far messages have come here: delivered when the page has them, read when
// their conversation is open before somebody's eyes. One request per conversation is on its way at a time; what
// has moved meanwhile goes with the next.

/** @import {Request} from "../net/connection.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Store} from "../state/store.js" */
import { open } from "../state/selectors.js";

/**
 * @param {Store} store
 * @param {Request} request
 * @param {() => boolean} watched whether somebody is looking at the page
 */
export function receipts(store, request, watched) {
  /** @type {Set<string>} */
  const busy = new Set();

  /** @param {State} state */
  function tell(state) {
    if (state.connection.phase !== "live") return;
    const seen = watched() ? open(state) : null;
    for (const one of Object.values(state.conversations)) {
      if (one.kind === null || one.stale || busy.has(one.id)) continue;
      const position = one.position;
      if (one === seen && one.read < position) raise(one, { read: position });
      else if (one.delivered < position) raise(one, { delivered: position });
    }
  }

  /** @param {Conversation} conversation @param {{read: number} | {delivered: number}} marks */
  async function raise({ id }, marks) {
    busy.add(id);
    const reply = await request("receipt", { conversation: id, ...marks }).catch(() => null);
    busy.delete(id);
    if (reply)
      store.dispatch({
        type: "receipt",
        conversation: id,
        user: store.state().me.id,
        read: reply.read,
        delivered: reply.delivered,
      });
  }

  return store.subscribe(tell);
}

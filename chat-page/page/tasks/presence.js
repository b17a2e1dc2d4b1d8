// Where you are: asks to be told which friends are there, anew on every line, since the server forgets it with
// the connection.

/** @import {Presence} from "../net/protocol.js" */
/** @import {Request} from "../net/connection.js" */
/** @import {State} from "../state/state.js" */
/** @import {Store} from "../state/store.js" */

/** Of more friends than this, some are shown without. */
const MOST = 500;

/**
 * @param {Store} store
 * @param {Request} request
 */
export function presence(store, request) {
  /** @type {Set<string>} */
  let watched = new Set();

  /** @param {State} state */
  function watch({ connection, friends, limits }) {
    if (connection.phase !== "live") return void (watched = new Set());
    const wanted = Object.keys(friends.byUser).filter((user) => friends.byUser[user]?.state === "friends");
    const kept = new Set(wanted.slice(0, limits["watched_users_max"] ?? MOST));
    const added = [...kept].filter((user) => !watched.has(user));
    const removed = [...watched].filter((user) => !kept.has(user));
    watched = kept;
    if (removed.length > 0) request("presence.unwatch", { users: removed }).catch(() => {});
    if (added.length > 0) ask(added);
  }

  /** @param {string[]} users */
  async function ask(users) {
    const reply = await request("presence.watch", { users }).catch(() => null);
    if (reply) store.dispatch({ type: "present", presence: /** @type {Presence[]} */ (reply.presence) });
  }

  return store.subscribe(watch);
}

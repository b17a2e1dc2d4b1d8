// Where you are: after every `hello`, the exchange that makes the state whole again. The page names the last
// position it has of every conversation and the server tells what became of each; the missing entries follow
// as ordinary entries. What the page does not name comes as summaries.

/** @import {Hello} from "../net/protocol.js" */
/** @import {Request} from "../net/connection.js" */
/** @import {Store} from "../state/store.js" */

/** Conversations in one part, unless the server allows fewer. */
const PART = 500;
/** Friendships in one page of the list. */
const FRIENDS = 200;

/**
 * @param {Store} store
 * @param {Hello} hello
 * @param {Request} request
 */
export async function resume(store, hello, request) {
  store.dispatch(hello);
  const { epoch, friends, conversations } = store.state();
  const positions = Object.values(conversations).map((one) => [one.id, one.position]);
  const parts = chunks(positions, hello.limits?.["sync_conversations_max"] ?? PART);
  /** @type {string | undefined} */
  let next;
  let listFriends = false;
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const reply = await request("sync", {
      ...(epoch !== null && { epoch }),
      ...(friends.cursor !== null && { friends: friends.cursor }),
      conversations: Object.fromEntries(part),
      ...(!last && { more: true }),
    });
    store.dispatch({ type: "synced", reply, epoch: last ? hello.epoch : null });
    next = reply.new?.next;
    listFriends ||= reply.friends?.reset ?? false;
  }
  while (next !== undefined) {
    const reply = await request("sync", { next });
    store.dispatch({ type: "synced", reply, epoch: null });
    next = reply.new?.next;
  }
  if (listFriends) await allFriends(store, request);
}

/** After a reset of friendships, all of them: `sync` brings only the first. @param {Store} store @param {Request} request */
async function allFriends(store, request) {
  /** @type {string | undefined} */
  let cursor;
  do {
    const page = await request("friend.list", { limit: FRIENDS, ...(cursor !== undefined && { cursor }) });
    store.dispatch({ type: "befriended", friendships: page.items });
    cursor = page.next;
  } while (cursor !== undefined);
}

/** At least one part, if only an empty one. @template T @param {T[]} items @param {number} size @returns {T[][]} */
function chunks(items, size) {
  const parts = Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
  return parts.length === 0 ? [[]] : parts;
}

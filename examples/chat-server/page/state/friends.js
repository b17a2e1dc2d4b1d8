// Where you are: people: who they are, who is a friend, who is there. Pure.

/** @import {FriendshipEvent, Friendship, FriendState, Presence, Profile, SyncReply} from "../net/protocol.js" */

/**
 * @typedef {object} Friends
 * @property {string | null} cursor where the next `sync` goes on
 * @property {Record<string, {state: FriendState, blocked: boolean}>} byUser
 */

/** @typedef {Record<string, Profile>} People */

/** @type {Friends} */
export const NO_FRIENDS = { cursor: null, byUser: {} };

/**
 * @param {Friends} friends
 * @param {NonNullable<SyncReply["friends"]>} reply
 * @returns {Friends}
 */
export function withFriends(friends, { cursor, reset, items }) {
  return items.reduce(withFriendship, { cursor, byUser: reset ? {} : friends.byUser });
}

/**
 * @param {Friends} friends
 * @param {FriendshipEvent} event
 * @returns {Friends}
 */
export function withFriendEvent(friends, { cursor, friendship }) {
  return withFriendship({ ...friends, cursor }, friendship);
}

/**
 * @param {Friends} friends
 * @param {Friendship} friendship
 * @returns {Friends}
 */
export function withFriendship(friends, { user, state, blocked = false }) {
  const id = typeof user === "string" ? user : user.id;
  const { [id]: _, ...others } = friends.byUser;
  const nothing = state === "none" && !blocked;
  return { ...friends, byUser: nothing ? others : { ...others, [id]: { state, blocked } } };
}

/**
 * Profiles found anywhere in what the server said. Bare ids tell nothing new.
 * @param {People} people
 * @param {Iterable<string | Profile | undefined>} users
 * @returns {People}
 */
export function withPeople(people, users) {
  const profiles = [...users].filter((user) => typeof user === "object");
  return profiles.length === 0 ? people : { ...people, ...Object.fromEntries(profiles.map((user) => [user.id, user])) };
}

/**
 * @param {Record<string, Presence>} presence
 * @param {Presence[]} told
 * @returns {Record<string, Presence>}
 */
export function withPresence(presence, told) {
  return { ...presence, ...Object.fromEntries(told.map((one) => [one.user, one])) };
}

// Where you are: people in the state: who they are, who is a friend, who is there. Pure.

/** @import {Friendship, FriendState, Presence, Profile} from "../net/protocol.js" */
/** @import {Action, State} from "./state.js" */

/**
 * @typedef {object} Friends
 * @property {string | null} cursor where the next `sync` goes on
 * @property {Record<string, {state: FriendState, blocked: boolean, at: string}>} byUser with those that ended
 */

/** @typedef {Record<string, Profile>} People */

/** @type {Friends} */
export const NO_FRIENDS = { cursor: null, byUser: {} };

/**
 * What an action does to people.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reducePeople(state, action) {
  switch (action.type) {
    case "connection":
      return action.connection.phase === "live" ? state : { ...state, presence: {} }; // nobody would say who leaves
    case "synced": {
      const { friends, new: added } = action.reply;
      const met = withPeople(
        state,
        (added?.items ?? []).map((summary) => summary.with),
      );
      if (!friends) return met;
      const known = friends.reset ? {} : met.friends.byUser;
      return withFriendships({ ...met, friends: { cursor: friends.cursor, byUser: known } }, friends.items);
    }
    case "friendship": {
      const { cursor, friendship } = action;
      return withFriendships({ ...state, friends: { ...state.friends, cursor } }, [friendship]);
    }
    case "befriended":
      return withFriendships(state, action.friendships);
    case "conversation":
      return withPeople(state, [action.with]);
    case "members":
      return withPeople(
        state,
        action.members.map((member) => member.user),
      );
    case "profiles":
      return withPeople(state, action.users);
    case "presence":
      return withPresence(state, [action]);
    case "present":
      return withPresence(state, action.presence);
    default:
      return state;
  }
}

/**
 * What is between oneself and others, unless something later is known: lists and events may cross.
 * @param {State} state
 * @param {Friendship[]} friendships
 * @returns {State}
 */
function withFriendships(state, friendships) {
  const byUser = { ...state.friends.byUser };
  for (const { user, state: now, blocked, at } of friendships) {
    const known = byUser[user.id];
    if (!known || known.at <= at) byUser[user.id] = { state: now, blocked, at };
  }
  return withPeople(
    { ...state, friends: { ...state.friends, byUser } },
    friendships.map((one) => one.user),
  );
}

/**
 * @param {State} state
 * @param {Array<Profile | undefined>} users
 * @returns {State}
 */
function withPeople(state, users) {
  const known = users.filter((user) => user !== undefined).map((user) => [user.id, user]);
  return known.length === 0 ? state : { ...state, people: { ...state.people, ...Object.fromEntries(known) } };
}

/**
 * @param {State} state
 * @param {Presence[]} told
 * @returns {State}
 */
function withPresence(state, told) {
  return { ...state, presence: { ...state.presence, ...Object.fromEntries(told.map((one) => [one.user, one])) } };
}

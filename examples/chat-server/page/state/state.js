// Where you are: the whole state of the page and the one function that changes it. Pure: no clock, no
// network, no storage. `reduce(state, action)` gives a new state; parts that did not change stay the same
// objects, so that views and tasks see by identity what concerns them.

/** @import {Entry, FriendshipEvent, Hello, HistoryReply, Message, Presence, Profile, ReceiptEvent, ResetEvent, Summary, SyncReply, TypingEvent, ClosingEvent, Friendship} from "../net/protocol.js" */
/** @import {Conversation} from "./conversations.js" */
/** @import {Friends, People} from "./friends.js" */
/** @import {Address, Outgoing} from "./outgoing.js" */
import * as conversation from "./conversations.js";
import * as friends from "./friends.js";
import * as outgoing from "./outgoing.js";

/** @typedef {{phase: "connecting" | "syncing" | "live" | "waiting", retryAt?: number}} Connection */

/**
 * @typedef {object} State
 * @property {Profile} me
 * @property {Connection} connection
 * @property {string | null} epoch of the store that the positions belong to
 * @property {Record<string, number>} limits
 * @property {Friends} friends
 * @property {People} people
 * @property {Record<string, Presence>} presence
 * @property {Record<string, Conversation>} conversations
 * @property {Record<string, Record<string, number>>} typing conversation → user → when it ends (milliseconds)
 * @property {Outgoing[]} outgoing in the order of writing
 * @property {Address | null} selected what is open: a conversation, or a person (with or without one)
 */

/** What is kept over a reload. @typedef {Pick<State, "epoch" | "friends" | "people" | "conversations">} Snapshot */

/**
 * @typedef {{type: "restored", snapshot: Snapshot | null, outgoing: Outgoing[]}
 *   | {type: "connection", connection: Connection}
 *   | {type: "synced", reply: SyncReply, epoch: string | null}
 *   | {type: "history", conversation: string, before: number | null, reply: HistoryReply}
 *   | {type: "message", message: Message}
 *   | {type: "written", outgoing: Outgoing}
 *   | {type: "refused", clientId: string, code: string}
 *   | {type: "discarded", clientId: string}
 *   | {type: "repeated", clientId: string}
 *   | {type: "befriended", friendship: Friendship}
 *   | {type: "profiles", users: Profile[]}
 *   | {type: "present", presence: Presence[]}
 *   | {type: "gone", conversation: string}
 *   | {type: "select", selected: Address | null}
 *   | {type: "tick", now: number}} LocalAction
 */

/** @typedef {{type: "conversation", id: string, gone?: true} & Partial<Summary>} ConversationEvent */
/** @typedef {{type: "presence"} & Presence} PresenceEvent */
/** @typedef {Hello | Entry | ReceiptEvent | TypingEvent & {now?: number} | PresenceEvent | FriendshipEvent | ConversationEvent | ResetEvent | ClosingEvent} ServerEvent */
/** @typedef {LocalAction | ServerEvent} Action */

/** Typing ends by itself after this time. */
export const TYPING_MS = 6000;

/** @param {Profile} me @returns {State} */
export function initial(me) {
  return {
    me,
    connection: { phase: "connecting" },
    epoch: null,
    limits: {},
    friends: friends.NO_FRIENDS,
    people: {},
    presence: {},
    conversations: {},
    typing: {},
    outgoing: [],
    selected: null,
  };
}

/**
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "restored":
      return { ...state, ...action.snapshot, outgoing: action.outgoing };
    case "connection":
      return { ...state, connection: action.connection };
    case "hello":
      return { ...state, me: action.user, limits: action.limits ?? {} };
    case "synced":
      return synced(state, action);
    case "entry":
      return entered(state, action);
    case "history":
      return arrived(
        changed(state, action.conversation, (known) =>
          conversation.withHistory(known, action.reply, action.before, state.me.id),
        ),
        action.reply.items,
      );
    case "message":
      return answered(state, action.message);
    case "receipt":
      return changed(state, action.conversation, (known) =>
        conversation.withMarks(known, action.user, action, state.me.id),
      );
    case "conversation":
      return action.gone ? without(state, action.id) : summarised(state, /** @type {Summary} */ (action));
    case "gone":
      return without(state, action.conversation);
    case "reset":
      return changed(state, action.conversation, (known) => conversation.afterReset(known, action.head));
    case "typing":
      return typing(state, action.conversation, action.user, action.active ? (action.now ?? 0) + TYPING_MS : null);
    case "tick":
      return expired(state, action.now);
    case "friendship":
      return {
        ...state,
        friends: friends.withFriendEvent(state.friends, action),
        people: friends.withPeople(state.people, [action.friendship.user]),
      };
    case "befriended":
      return {
        ...state,
        friends: friends.withFriendship(state.friends, action.friendship),
        people: friends.withPeople(state.people, [action.friendship.user]),
      };
    case "profiles":
      return { ...state, people: friends.withPeople(state.people, action.users) };
    case "presence":
      return { ...state, presence: friends.withPresence(state.presence, [action]) };
    case "present":
      return { ...state, presence: friends.withPresence(state.presence, action.presence) };
    case "written":
      return { ...state, outgoing: outgoing.withOutgoing(state.outgoing, action.outgoing) };
    case "refused":
      return {
        ...state,
        outgoing: state.outgoing.map((one) =>
          one.client_id === action.clientId ? { ...one, refused: action.code } : one,
        ),
      };
    case "repeated":
      return {
        ...state,
        outgoing: state.outgoing.map((one) => (one.client_id === action.clientId ? { ...one, refused: null } : one)),
      };
    case "discarded":
      return { ...state, outgoing: outgoing.withoutOutgoing(state.outgoing, action.clientId) };
    case "select":
      return { ...state, selected: action.selected };
    default:
      return state; // what a later server may say, and `closing`, which concerns the connection alone
  }
}

/**
 * What is kept over a reload: short windows, and positions that say exactly what these windows hold.
 * @param {State} state
 * @param {number} keep
 * @returns {Snapshot}
 */
export function snapshot({ epoch, friends, people, conversations }, keep) {
  const kept = Object.values(conversations)
    .filter((one) => !one.hole)
    .map((one) => [one.id, conversation.shortened(one, keep)]);
  return { epoch, friends, people, conversations: Object.fromEntries(kept) };
}

/**
 * One part of the answer to `sync`. The epoch is taken over with the last part, since until then some
 * positions are still those of the old one.
 * @param {State} state
 * @param {{reply: SyncReply, epoch: string | null}} action
 * @returns {State}
 */
function synced(state, { reply, epoch }) {
  let next = state;
  for (const [id, standing] of Object.entries(reply.conversations ?? {})) {
    if (standing.state === "gone") next = without(next, id);
    else
      next = changed(next, id, (known) =>
        conversation.withStanding(
          standing.state === "reset" ? conversation.afterReset(known, standing.head) : known,
          standing,
        ),
      );
  }
  for (const summary of reply.new?.items ?? []) next = summarised(next, summary);
  if (reply.friends) {
    const people = friends.withPeople(
      next.people,
      reply.friends.items.map((one) => one.user),
    );
    next = { ...next, people, friends: friends.withFriends(next.friends, reply.friends) };
  }
  return epoch === null ? next : { ...next, epoch };
}

/**
 * A live or missing entry. One's own leaving ends the stream, and so does the end of the conversation.
 * @param {State} state
 * @param {Entry} entry
 * @returns {State}
 */
function entered(state, entry) {
  const me = state.me.id;
  const left = ["left", "removed", "banned"].includes(entry.kind) && (entry.users ?? [entry.by]).includes(me);
  if (left || entry.kind === "closed") return without(state, entry.conversation);
  const known = state.conversations[entry.conversation] ?? conversation.stub(entry);
  const next = withConversation(state, conversation.withEntry(known, entry, me));
  const silent = entry.kind === "message" && entry.by ? typing(next, entry.conversation, entry.by, null) : next;
  return arrived(silent, entry.message ? [entry.message] : []);
}

/**
 * The message that the server answered with. Its entry may come later, as may its conversation.
 * @param {State} state
 * @param {Message} message
 * @returns {State}
 */
function answered(state, message) {
  const { conversation: id, seq, created_at: at } = message;
  const known =
    state.conversations[id] ?? conversation.stub({ type: "entry", conversation: id, seq, at, kind: "message" });
  return arrived(withConversation(state, conversation.withMessages(known, [message])), [message]);
}

/** @param {State} state @param {Summary} summary @returns {State} */
function summarised(state, summary) {
  const known = state.conversations[summary.id];
  const next = known ? conversation.withSummary(known, summary) : conversation.fromSummary(summary);
  return {
    ...withConversation(state, next),
    people: friends.withPeople(state.people, [typeof summary.with === "string" ? undefined : summary.with]),
  };
}

/** @param {State} state @param {Message[]} messages @returns {State} */
function arrived(state, messages) {
  return { ...state, outgoing: outgoing.withoutArrived(state.outgoing, messages, state.me.id) };
}

/** @param {State} state @param {Conversation} conversation @returns {State} */
function withConversation(state, conversation) {
  return { ...state, conversations: { ...state.conversations, [conversation.id]: conversation } };
}

/** @param {State} state @param {string} id @param {(known: Conversation) => Conversation} change @returns {State} */
function changed(state, id, change) {
  const known = state.conversations[id];
  return known ? withConversation(state, change(known)) : state;
}

/** @param {State} state @param {string} id @returns {State} */
function without(state, id) {
  const { [id]: _gone, ...conversations } = state.conversations;
  const { [id]: _silent, ...typing } = state.typing;
  return { ...state, conversations, typing };
}

/** @param {State} state @param {string} id @param {string} user @param {number | null} until @returns {State} */
function typing(state, id, user, until) {
  const { [user]: before, ...others } = state.typing[id] ?? {};
  if (until === null && before === undefined) return state;
  return { ...state, typing: { ...state.typing, [id]: until === null ? others : { ...others, [user]: until } } };
}

/** @param {State} state @param {number} now @returns {State} */
function expired(state, now) {
  let next = state;
  for (const [id, users] of Object.entries(state.typing)) {
    for (const [user, until] of Object.entries(users)) if (until <= now) next = typing(next, id, user, null);
  }
  return next;
}

// Where you are: the whole state of the page and the one function that changes it. Pure: no clock, no
// network, no storage. `reduce(state, action)` gives a new state; parts that did not change stay the same
// objects, so that views and tasks see by identity what concerns them.

/** @import {Entry, Friendship, FriendshipEvent, Hello, HistoryReply, Member, Message, Presence, Profile, ReceiptEvent, ResetEvent, Summary, SyncReply, TypingEvent} from "../net/protocol.js" */
/** @import {Conversation} from "./conversations.js" */
/** @import {Address, Outgoing} from "./outgoing.js" */
/** @import {Friends, People} from "./people.js" */
import { shortened } from "./conversations.js";
import * as outgoing from "./outgoing.js";
import { NO_FRIENDS, reducePeople } from "./people.js";
import { reduceTalk } from "./talk.js";

/** @typedef {{phase: "connecting" | "syncing" | "live" | "waiting"}} Connection */

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
 * What happens here, or is answered to something asked from here.
 * @typedef {{type: "restored", snapshot: Snapshot | null, outgoing: Outgoing[]}
 *   | {type: "connection", connection: Connection}
 *   | {type: "synced", reply: SyncReply, epoch: string | null}
 *   | {type: "history", conversation: string, before: number, reply: HistoryReply}
 *   | {type: "members", conversation: string, members: Member[]}
 *   | {type: "message", message: Message}
 *   | {type: "written", outgoing: Outgoing}
 *   | {type: "refused", clientId: string, code: string}
 *   | {type: "discarded", clientId: string}
 *   | {type: "repeated", clientId: string}
 *   | {type: "befriended", friendships: Friendship[]}
 *   | {type: "profiles", users: Profile[]}
 *   | {type: "present", presence: Presence[]}
 *   | {type: "gone", conversation: string}
 *   | {type: "select", selected: Address | null}
 *   | {type: "tick", now: number}} LocalAction
 */

/** @typedef {{type: "conversation", id: string, gone?: true} & Partial<Summary>} ConversationEvent */
/** @typedef {{type: "presence"} & Presence} PresenceEvent */
/** @typedef {Entry | ReceiptEvent | TypingEvent | PresenceEvent | FriendshipEvent | ConversationEvent | ResetEvent} ServerEvent */
/** @typedef {LocalAction | Hello | Exclude<ServerEvent, TypingEvent> | (TypingEvent & {now: number})} Action */

/** @param {Profile} me @returns {State} */
export function initial(me) {
  return {
    me,
    connection: { phase: "connecting" },
    epoch: null,
    limits: {},
    friends: NO_FRIENDS,
    people: {},
    presence: {},
    conversations: {},
    typing: {},
    outgoing: [],
    selected: null,
  };
}

/**
 * Every part takes from an action what concerns it. What none of them knows changes nothing, so that a later
 * server may say more.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduce(state, action) {
  return reduceTalk(reducePeople(reducePage(state, action), action), action);
}

/**
 * What is kept over a reload: short windows, and positions that say exactly what these windows hold.
 * @param {State} state
 * @param {number} keep
 * @returns {Snapshot}
 */
export function snapshot({ epoch, friends, people, conversations }, keep) {
  const whole = Object.values(conversations).filter((one) => !one.hole);
  return {
    epoch,
    friends,
    people,
    conversations: Object.fromEntries(whole.map((one) => [one.id, shortened(one, keep)])),
  };
}

/**
 * What an action does to the page itself: the line, what is open, what was written here.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
function reducePage(state, action) {
  switch (action.type) {
    case "restored":
      return { ...state, ...action.snapshot, outgoing: action.outgoing };
    case "connection":
      return { ...state, connection: action.connection };
    case "hello":
      return { ...state, me: action.user, limits: action.limits ?? {} };
    case "select":
      return { ...state, selected: action.selected };
    case "written":
      return { ...state, outgoing: outgoing.withOutgoing(state.outgoing, action.outgoing) };
    case "refused":
      return { ...state, outgoing: outgoing.withRefusal(state.outgoing, action.clientId, action.code) };
    case "repeated":
      return { ...state, outgoing: outgoing.withRefusal(state.outgoing, action.clientId, null) };
    case "discarded":
      return { ...state, outgoing: outgoing.withoutOutgoing(state.outgoing, action.clientId) };
    default:
      return state;
  }
}

// Where you are: questions that views and tasks ask of the state. Pure; nothing here is stored.

/** @import {Entry, FriendState, Message} from "../net/protocol.js" */
/** @import {Conversation} from "./conversations.js" */
/** @import {Outgoing} from "./outgoing.js" */
/** @import {State} from "./state.js" */
import { laneOf } from "./outgoing.js";

/** @typedef {{kind: "message", key: string, message: Message} | {kind: "note", key: string, note: Entry} | {kind: "outgoing", key: string, outgoing: Outgoing}} Line */
/** @typedef {"sending" | "refused" | "sent" | "delivered" | "read"} Progress */

/** @param {State} state @param {string} user @returns {string} */
export function nameOf(state, user) {
  const profile = user === state.me.id ? state.me : state.people[user];
  return profile?.full_name ?? profile?.username ?? "Somebody";
}

/** @param {State} state @param {Conversation} conversation @returns {string} */
export function titleOf(state, conversation) {
  return conversation.with ? nameOf(state, conversation.with) : (conversation.name ?? "Unnamed group");
}

/** Conversations with a summary, the one with the latest message first. @param {State} state @returns {Conversation[]} */
export function chats(state) {
  return Object.values(state.conversations)
    .filter((one) => one.kind !== null)
    .sort((one, other) => latestAt(other).localeCompare(latestAt(one)));
}

/** @param {Conversation} conversation @returns {Message | null} */
export function latest(conversation) {
  return conversation.messages.at(-1) ?? conversation.last;
}

/** @param {Conversation} conversation @returns {string} */
function latestAt(conversation) {
  return latest(conversation)?.created_at ?? conversation.createdAt;
}

/** The conversation that is open, if it exists yet. @param {State} state @returns {Conversation | null} */
export function open(state) {
  const { selected } = state;
  if (!selected) return null;
  if ("conversation" in selected) return state.conversations[selected.conversation] ?? null;
  return Object.values(state.conversations).find((one) => one.with === selected.to) ?? null;
}

/** What the open conversation shows, in order: the log, then what is on its way. @param {State} state @returns {Line[]} */
export function lines(state) {
  const conversation = open(state);
  /** @type {Array<Line & {seq: number}>} */
  const log = (conversation?.messages ?? []).map((message) => ({
    kind: "message",
    key: keyOf(state, message),
    message,
    seq: message.seq,
  }));
  for (const note of conversation?.notes ?? [])
    log.push({ kind: "note", key: `note ${note.seq}`, note, seq: note.seq });
  log.sort((one, other) => one.seq - other.seq);
  return [
    ...log,
    ...onTheirWay(state).map((one) => /** @type {Line} */ ({ kind: "outgoing", key: one.client_id, outgoing: one })),
  ];
}

/** One's own messages keep the key that they had on their way. @param {State} state @param {Message} message @returns {string} */
function keyOf(state, message) {
  return message.sender === state.me.id ? message.client_id : `message ${message.seq}`;
}

/** @param {State} state @returns {Outgoing[]} */
function onTheirWay(state) {
  const { selected } = state;
  return selected ? state.outgoing.filter((one) => laneOf(one.address) === laneOf(selected)) : [];
}

/** How far a message of one's own has come. @param {Conversation} conversation @param {Message} message @returns {Progress} */
export function progress(conversation, message) {
  const marks = Object.values(conversation.marks);
  const all = conversation.kind === "direct" ? marks.length : Math.max(1, conversation.memberCount - 1);
  const reached = (/** @type {"read" | "delivered"} */ mark) =>
    marks.length >= all && all > 0 && marks.every((one) => one[mark] >= message.seq);
  return reached("read") ? "read" : reached("delivered") ? "delivered" : "sent";
}

/** @param {Conversation} conversation @param {Message} message @returns {number} */
export function readers(conversation, message) {
  return Object.values(conversation.marks).filter((marks) => marks.read >= message.seq).length;
}

/** Who of the others is writing. @param {State} state @param {Conversation} conversation @returns {string[]} */
export function typists(state, conversation) {
  return Object.keys(state.typing[conversation.id] ?? {}).filter((user) => user !== state.me.id);
}

/** Users in one state of friendship, by name. @param {State} state @param {FriendState | "blocked"} wanted @returns {string[]} */
export function usersWho(state, wanted) {
  return Object.entries(state.friends.byUser)
    .filter(([, one]) => (wanted === "blocked" ? one.blocked : one.state === wanted && !one.blocked))
    .map(([user]) => user)
    .sort((one, other) => nameOf(state, one).localeCompare(nameOf(state, other)));
}

/** @param {State} state @returns {number} */
export function unreadInAll(state) {
  return chats(state).reduce((sum, one) => sum + one.unread, 0);
}

/** Ids that the state mentions and of whom no profile is known. @param {State} state @returns {string[]} */
export function strangers(state) {
  const mentioned = new Set(Object.keys(state.friends.byUser));
  for (const one of Object.values(state.conversations)) {
    if (one.with) mentioned.add(one.with);
    for (const message of one.messages) if (message.sender) mentioned.add(message.sender);
    if (one.last?.sender) mentioned.add(one.last.sender);
    for (const note of one.notes) for (const user of [note.by, ...(note.users ?? [])]) if (user) mentioned.add(user);
  }
  mentioned.delete(state.me.id);
  return [...mentioned].filter((user) => !state.people[user]);
}

/** Conversations whose summary must be asked for. @param {State} state @returns {string[]} */
export function undescribed(state) {
  return Object.values(state.conversations)
    .filter((one) => one.stale)
    .map((one) => one.id);
}

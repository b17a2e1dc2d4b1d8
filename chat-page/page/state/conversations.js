// Where you are: one conversation as this page knows it, and everything that can happen to it. Pure.
//
// A conversation is a log with positions 1, 2, 3, …. The page holds a *window* of it: every message from
// `from` up to `position` in its present state. Live entries lengthen the window at its end, pages of history
// at its start. Of two versions of one message the one with the higher `rev` stays, so replies, events and
// history may arrive in any order. Notes (joined, left, renamed, …) are kept as they pass by.

/** @import {Entry, HistoryReply, Kind, Marks, Message, PeerMarks, Role, Summary} from "../net/protocol.js" */

/**
 * @typedef {object} Conversation
 * @property {string} id
 * @property {Kind | null} kind null: an entry came before its summary
 * @property {boolean} stale its summary must be asked for
 * @property {string | null} name
 * @property {string | null} with the other one of a direct conversation
 * @property {Role} role
 * @property {number} memberCount
 * @property {string} createdAt
 * @property {number} position last entry applied; all before it have been
 * @property {number} from first position of the window; `position + 1` while it is empty, 1 when all is there
 * @property {number} read
 * @property {number} delivered
 * @property {number} unread
 * @property {number} counted the position up to which the server has counted `unread`
 * @property {number} described the position up to which name, role and members are known from a summary
 * @property {Record<string, Marks>} marks how far the others have read
 * @property {Message[]} messages ascending by seq
 * @property {Entry[]} notes ascending by seq
 * @property {Message | null} last what the summary named as the last message
 * @property {number} roster grows whenever members or roles change, so that an open list is read again
 * @property {boolean} hole an entry was missing: the stream must be started anew
 */

/** Entries that tell of people and settings rather than of messages. */
const NOTES = new Set([
  "created",
  "joined",
  "left",
  "removed",
  "banned",
  "unbanned",
  "role_changed",
  "updated",
  "unreadable",
]);
const ROSTER = new Set(["created", "joined", "left", "removed", "banned", "role_changed"]);

/**
 * A conversation of which only an entry is known yet.
 * @param {Entry} entry
 * @returns {Conversation}
 */
export function stub(entry) {
  return {
    id: entry.conversation,
    kind: null,
    stale: true,
    name: null,
    with: null,
    role: "member",
    memberCount: 0,
    createdAt: entry.at,
    position: entry.seq - 1,
    from: entry.seq,
    read: 0,
    delivered: 0,
    unread: 0,
    counted: 0,
    described: 0,
    marks: {},
    messages: [],
    notes: [],
    last: null,
    roster: 0,
    hole: false,
  };
}

/**
 * A conversation known by its summary: live entries go on after its head, older ones come from history.
 * @param {Summary} summary
 * @returns {Conversation}
 */
export function fromSummary(summary) {
  const empty = stub({
    type: "entry",
    conversation: summary.id,
    seq: summary.head + 1,
    at: summary.created_at,
    kind: "",
  });
  return withSummary(empty, summary);
}

/**
 * What a summary says of a conversation already known. The window stays: missing entries come as entries.
 * @param {Conversation} conversation
 * @param {Summary} summary
 * @returns {Conversation}
 */
export function withSummary(conversation, summary) {
  if (summary.head < conversation.described) return conversation;
  const known = {
    ...conversation,
    kind: summary.kind,
    stale: false,
    described: summary.head,
    name: summary.name ?? null,
    with: summary.with?.id ?? null,
    role: summary.role,
    memberCount: summary.member_count,
    createdAt: summary.created_at,
    last: newer(conversation.last, summary.last_message ?? null),
    roster: conversation.roster + 1,
  };
  return withStanding(known, summary);
}

/**
 * What the server says of the user's place in it as of `head`. Marks never go back; a count older than the
 * window is not taken.
 * @param {Conversation} conversation
 * @param {Marks & {head: number, unread: number, peer?: PeerMarks}} standing
 * @returns {Conversation}
 */
export function withStanding(conversation, standing) {
  const { peer } = standing;
  const current = standing.head >= conversation.position;
  return {
    ...conversation,
    ...raised(conversation, standing),
    unread: current ? standing.unread : conversation.unread,
    counted: Math.max(conversation.counted, standing.head),
    marks: peer
      ? { ...conversation.marks, [peer.user]: raised(conversation.marks[peer.user], peer) }
      : conversation.marks,
    hole: false,
  };
}

/**
 * The window is worth nothing any more: start after `head`, the rest comes from history.
 * @param {Conversation} conversation
 * @param {number} head
 * @returns {Conversation}
 */
export function afterReset(conversation, head) {
  return {
    ...conversation,
    stale: true,
    position: head,
    from: head + 1,
    messages: [],
    notes: [],
    last: null,
    read: 0,
    delivered: 0,
    counted: head,
    described: 0,
    marks: {},
    roster: conversation.roster + 1,
    hole: false,
  };
}

/**
 * The next entry of the log. One that was applied before changes nothing but what is newer; one too far ahead
 * leaves a mark instead of a hole.
 * @param {Conversation} conversation
 * @param {Entry} entry
 * @param {string} me
 * @returns {Conversation}
 */
export function withEntry(conversation, entry, me) {
  if (entry.seq > conversation.position + 1) return { ...conversation, hole: true };
  const merged = entry.message ? withMessages(conversation, [entry.message]) : conversation;
  if (entry.seq <= conversation.position) return merged;
  const next = { ...merged, position: entry.seq };
  const told = NOTES.has(entry.kind) ? withNote(next, entry, me) : next;
  return recounted(counted(told, entry, me), me);
}

/**
 * Messages in their present state, from a reply or an entry. Those before the window are left out, so that the
 * window never has a gap.
 * @param {Conversation} conversation
 * @param {Message[]} messages
 * @returns {Conversation}
 */
export function withMessages(conversation, messages) {
  const bySeq = new Map(conversation.messages.map((message) => [message.seq, message]));
  for (const message of messages) {
    if (message.seq < conversation.from) continue;
    const known = bySeq.get(message.seq);
    if (!known || message.rev > known.rev) bySeq.set(message.seq, message);
  }
  const last = messages.find((message) => message.seq === conversation.last?.seq);
  return {
    ...conversation,
    messages: [...bySeq.values()].sort((one, other) => one.seq - other.seq),
    last: newer(conversation.last, last ?? null),
  };
}

/**
 * The page of history before the position `before`. If the window does not begin there any more, the page does not
 * touch it and is dropped.
 * @param {Conversation} conversation
 * @param {HistoryReply} page
 * @param {number} before
 * @param {string} me
 * @returns {Conversation}
 */
export function withHistory(conversation, page, before, me) {
  if (before !== conversation.from) return conversation;
  const first = page.has_before ? (page.items[0]?.seq ?? conversation.from) : 1;
  const wider = { ...conversation, from: Math.min(conversation.from, first) };
  return recounted(withMessages(wider, page.items), me);
}

/**
 * Somebody has read or received further: another member, or the user on another device. How much of a long absence
 * that device has read, only the server can count.
 * @param {Conversation} conversation
 * @param {string} user
 * @param {Marks} marks
 * @param {string} me
 * @returns {Conversation}
 */
export function withMarks(conversation, user, marks, me) {
  if (user !== me) {
    return { ...conversation, marks: { ...conversation.marks, [user]: raised(conversation.marks[user], marks) } };
  }
  const read = { ...conversation, ...raised(conversation, marks) };
  if (read.read >= read.position) return { ...read, unread: 0 };
  return covered(read) ? recounted(read, me) : { ...read, stale: read.read > conversation.read };
}

/**
 * At most `keep` messages of it, for storing: a shorter window, not a window with a gap.
 * @param {Conversation} conversation
 * @param {number} keep
 * @returns {Conversation}
 */
export function shortened(conversation, keep) {
  const surplus = conversation.messages.length - keep;
  if (surplus <= 0) return conversation;
  const messages = conversation.messages.slice(surplus);
  const from = messages[0]?.seq ?? conversation.position + 1;
  return { ...conversation, from, messages, notes: conversation.notes.filter((note) => note.seq >= from) };
}

/** @param {Conversation} conversation @param {Entry} entry @param {string} me @returns {Conversation} */
function withNote(conversation, entry, me) {
  const noted = {
    ...conversation,
    notes: [...conversation.notes, entry],
    roster: conversation.roster + (ROSTER.has(entry.kind) ? 1 : 0),
  };
  if (entry.seq <= conversation.described) return noted;
  const users = entry.users ?? (entry.by ? [entry.by] : []);
  const crowd =
    entry.kind === "joined" ? users.length : ["left", "removed", "banned"].includes(entry.kind) ? -users.length : 0;
  const marks =
    crowd < 0
      ? Object.fromEntries(Object.entries(conversation.marks).filter(([user]) => !users.includes(user)))
      : conversation.marks;
  const promoted = entry.kind === "left" && entry.successor === me ? "owner" : null;
  const role = entry.kind === "role_changed" && users.includes(me) ? entry.role : promoted;
  return {
    ...noted,
    role: role ?? conversation.role,
    name: entry.changes && "name" in entry.changes ? (entry.changes.name ?? null) : conversation.name,
    memberCount: Math.max(1, conversation.memberCount + crowd),
    marks,
  };
}

/**
 * What one live entry does to `unread` and to one's own `read`.
 * @param {Conversation} conversation
 * @param {Entry} entry
 * @param {string} me
 * @returns {Conversation}
 */
function counted(conversation, entry, me) {
  if (entry.kind === "message" && entry.by === me) {
    return { ...conversation, read: Math.max(conversation.read, entry.seq), unread: 0 };
  }
  if (entry.seq <= conversation.counted) return conversation;
  if (entry.kind === "message") return { ...conversation, unread: conversation.unread + 1 };
  const wasUnread = entry.kind === "deleted" && (entry.target ?? 0) > conversation.read && entry.message?.sender !== me;
  return wasUnread ? { ...conversation, unread: Math.max(0, conversation.unread - 1) } : conversation;
}

/**
 * The exact count, whenever the window holds all that can be unread; else the running one stays.
 * @param {Conversation} conversation
 * @param {string} me
 * @returns {Conversation}
 */
function recounted(conversation, me) {
  if (!covered(conversation)) return conversation;
  const unread = conversation.messages.filter(
    (message) => message.seq > conversation.read && message.sender !== me && !message.deleted_at,
  );
  return { ...conversation, unread: unread.length };
}

/** Whether the window holds everything that can be unread. @param {Conversation} conversation @returns {boolean} */
function covered({ from, read, position, counted }) {
  return from <= read + 1 && position >= counted;
}

/** @param {Message | null} known @param {Message | null} offered @returns {Message | null} */
function newer(known, offered) {
  if (!known || !offered) return offered ?? known;
  if (known.seq !== offered.seq) return offered.seq > known.seq ? offered : known;
  return offered.rev > known.rev ? offered : known;
}

/** @param {Marks | undefined} known @param {Marks} offered @returns {Marks} */
function raised(known, offered) {
  return {
    read: Math.max(known?.read ?? 0, offered.read),
    delivered: Math.max(known?.delivered ?? 0, offered.delivered, offered.read),
  };
}

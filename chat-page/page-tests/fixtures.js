// Where you are: what the tests are made of: short ways to say "Bo wrote something at position 3".

/** @import {Entry, Message, Summary} from "../page/net/protocol.js" */
import { initial, reduce } from "../page/state/state.js";

export const ME = "ana";
export const OTHER = "bo";
export const TALK = "talk";

/** @param {number} seq @param {Partial<Message>} [more] @returns {Message} */
export function message(seq, more = {}) {
  const sender = more.sender ?? OTHER;
  return {
    id: `m${seq}`,
    conversation: TALK,
    seq,
    rev: seq,
    sender,
    client_id: `${sender}-${seq}`,
    text: `text ${seq}`,
    created_at: new Date(seq * 1000).toISOString(),
    ...more,
  };
}

/** The entry that brings a message. @param {number} seq @param {Partial<Message>} [more] @returns {Entry} */
export function said(seq, more) {
  const brought = message(seq, more);
  return {
    type: "entry",
    conversation: brought.conversation,
    seq,
    at: brought.created_at,
    by: brought.sender,
    client_id: brought.client_id,
    kind: "message",
    message: brought,
  };
}

/** An entry of another kind. @param {number} seq @param {string} kind @param {Partial<Entry>} [more] @returns {Entry} */
export function happened(seq, kind, more = {}) {
  return { type: "entry", conversation: TALK, seq, at: new Date(seq * 1000).toISOString(), by: OTHER, kind, ...more };
}

/** @param {Partial<Summary>} [more] @returns {Summary} */
export function summary(more = {}) {
  return {
    id: TALK,
    kind: "group",
    name: "Talk",
    role: "member",
    head: 0,
    read: 0,
    delivered: 0,
    unread: 0,
    member_count: 3,
    created_at: new Date(0).toISOString(),
    ...more,
  };
}

/** The state after these actions, from nothing. */
export function after(...actions) {
  return actions.reduce(reduce, initial({ id: ME, username: "ana" }));
}

/** What the server says to a page that has nothing. */
export function fresh(...summaries) {
  return { type: "synced", epoch: "e1", reply: { new: { items: summaries } } };
}

/** What the server says of one conversation that the page has. */
export function standing(state, head, more = {}) {
  return {
    type: "synced",
    epoch: "e1",
    reply: { conversations: { [TALK]: { state, head, read: 0, delivered: 0, unread: 0, ...more } } },
  };
}

/** A page of history. */
export function page(before, has_before, ...items) {
  return { type: "history", conversation: TALK, before, reply: { items, has_before } };
}

/** @param {import("../page/state/state.js").State} state */
export const seqs = (state) => state.conversations[TALK].messages.map((one) => one.seq);

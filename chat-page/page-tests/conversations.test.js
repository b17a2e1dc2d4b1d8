// Where you are: what entries, replies and history do to a conversation.
import assert from "node:assert/strict";
import test from "node:test";
import { reduce, snapshot } from "../page/state/state.js";
import { after, fresh, happened, ME, message, page, said, seqs, standing, summary, TALK } from "./fixtures.js";

const talk = (state) => state.conversations[TALK];

test("entries are applied in order and move the position", () => {
  const state = after(fresh(summary()), said(1), said(2), said(3));
  assert.deepEqual(seqs(state), [1, 2, 3]);
  assert.equal(talk(state).position, 3);
});

test("an entry that comes again changes nothing", () => {
  const state = after(fresh(summary()), said(1), said(2));
  const again = reduce(state, said(1));
  assert.deepEqual(seqs(again), [1, 2]);
  assert.equal(talk(again).position, 2);
  assert.equal(talk(again).unread, 2);
});

test("a missing entry is marked, never skipped", () => {
  const state = after(fresh(summary()), said(1), said(3));
  assert.equal(talk(state).hole, true);
  assert.deepEqual(seqs(state), [1]);
  assert.equal(talk(state).position, 1);
  assert.equal(snapshot(state, 100).conversations[TALK], undefined, "a window with a hole is not stored");
});

test("resuming fills the hole", () => {
  const state = after(fresh(summary()), said(1), said(3), standing("complete", 3, { unread: 3 }), said(2), said(3));
  assert.equal(talk(state).hole, false);
  assert.deepEqual(seqs(state), [1, 2, 3]);
});

test("of two versions the higher rev stays, whichever comes first", () => {
  const edited = message(1, { rev: 2, text: "new", edited_at: "2026-01-01T00:00:00.000Z" });
  const live = after(fresh(summary()), said(1), happened(2, "edited", { target: 1, message: edited }));
  assert.equal(talk(live).messages[0].text, "new");
  const late = reduce(live, page(1, false, message(1, { text: "old" })));
  assert.equal(talk(late).messages[0].text, "new", "an older page of history does not bring the old text back");
  const early = after(fresh(summary()), said(1, { rev: 2, text: "new" }), { type: "message", message: message(1) });
  assert.equal(talk(early).messages[0].text, "new");
});

test("a deletion leaves no text behind, in the window and in the preview", () => {
  const deleted = { ...message(5, { rev: 6, deleted_at: "2026-01-01T00:00:00.000Z" }), text: undefined };
  const state = after(
    fresh(summary({ head: 5, last_message: message(5) })),
    happened(6, "deleted", { target: 5, message: deleted }),
  );
  assert.equal(talk(state).last.text, undefined);
  assert.deepEqual(seqs(state), [], "what lies before the window does not enter it");
});

test("history lengthens the window at its start, page by page, until nothing is before it", () => {
  let state = after(fresh(summary({ head: 9 })), said(10));
  state = reduce(state, page(10, true, message(6), message(9)));
  assert.deepEqual([seqs(state), talk(state).from], [[6, 9, 10], 6]);
  state = reduce(state, page(6, false, message(2), message(4)));
  assert.deepEqual([seqs(state), talk(state).from], [[2, 4, 6, 9, 10], 1]);
});

test("a page that does not touch the window is dropped", () => {
  const state = after(fresh(summary({ head: 9 })), said(10), page(5, true, message(3), message(4)));
  assert.deepEqual([seqs(state), talk(state).from], [[10], 10]);
});

test("a page of history and live entries meet without doubles", () => {
  const state = after(fresh(summary({ head: 3 })), said(4), said(5), page(4, false, message(2), message(3)));
  assert.deepEqual(seqs(state), [2, 3, 4, 5]);
});

test("reset forgets the window and goes on after head", () => {
  const state = after(fresh(summary()), said(1), said(2), { type: "reset", conversation: TALK, head: 90 }, said(91));
  assert.deepEqual([seqs(state), talk(state).from, talk(state).position], [[91], 91, 91]);
  assert.equal(talk(state).stale, true, "its summary is asked for again");
});

test("reset in sync takes marks and counts from the server", () => {
  const state = after(fresh(summary({ head: 8, read: 8 })), standing("reset", 5, { read: 2, delivered: 4, unread: 3 }));
  const { position, read, delivered, unread } = talk(state);
  assert.deepEqual({ position, read, delivered, unread }, { position: 5, read: 2, delivered: 4, unread: 3 });
});

test("an entry before its summary starts the window where it stands", () => {
  const state = after(said(7), summaryEvent({ head: 7, unread: 1 }), said(8));
  assert.deepEqual([seqs(state), talk(state).from, talk(state).kind], [[7, 8], 7, "group"]);
  assert.equal(talk(state).unread, 2);
});

test("unread: counted by the server up to its head, here from there on, never twice", () => {
  const missed = standing("complete", 12, { read: 5, unread: 4 });
  let state = after(fresh(summary({ head: 10, read: 5, unread: 2 })), missed);
  assert.equal(talk(state).unread, 4);
  state = [said(11), said(12)].reduce(reduce, state);
  assert.equal(talk(state).unread, 4, "those two were in the count");
  assert.equal(talk(reduce(state, said(13))).unread, 5);
});

test("unread: exact as soon as the window holds everything after read", () => {
  const deleted = { ...message(2, { rev: 4, deleted_at: "2026-01-01T00:00:00.000Z" }) };
  const state = after(
    fresh(summary()),
    said(1),
    said(2),
    said(3),
    happened(4, "deleted", { target: 2, message: deleted }),
  );
  assert.equal(talk(state).unread, 2);
  assert.equal(talk(reduce(state, said(5, { sender: ME }))).unread, 0, "writing is having read");
});

test("unread: reading on another device counts here, and never goes back", () => {
  const read = (at) => ({ type: "receipt", conversation: TALK, user: ME, read: at, delivered: at });
  const state = after(fresh(summary()), said(1), said(2), said(3), read(2), read(1));
  assert.deepEqual([talk(state).read, talk(state).unread], [2, 1]);
});

test("unread: what another device has read of a long absence is asked for", () => {
  const read = { type: "receipt", conversation: TALK, user: ME, read: 40, delivered: 90 };
  const state = after(fresh(summary({ head: 90, read: 10, unread: 80 })), read);
  assert.deepEqual([talk(state).read, talk(state).stale], [40, true]);
  const told = reduce(state, summaryEvent({ head: 90, read: 40, delivered: 90, unread: 50 }));
  assert.deepEqual([talk(told).unread, talk(told).stale], [50, false]);
});

test("a page of history that was asked for before a reset is dropped", () => {
  const state = after(
    fresh(summary({ head: 9 })),
    { type: "reset", conversation: TALK, head: 90 },
    page(10, true, message(9)),
  );
  assert.deepEqual([seqs(state), talk(state).from], [[], 91]);
});

test("notes: roles, names and the number of members follow the log", () => {
  const state = after(
    fresh(summary()),
    happened(1, "joined", { users: ["cy", "di"] }),
    happened(2, "role_changed", { users: [ME], role: "admin" }),
    happened(3, "updated", { changes: { name: "New" } }),
    happened(4, "left", { by: "cy", users: ["cy"] }),
  );
  const { memberCount, role, name, notes } = talk(state);
  assert.deepEqual(
    { memberCount, role, name, kinds: notes.map((note) => note.kind) },
    {
      memberCount: 4,
      role: "admin",
      name: "New",
      kinds: ["joined", "role_changed", "updated", "left"],
    },
  );
});

test("notes: entries that a summary already covers do not count twice", () => {
  const state = after(
    fresh(summary()),
    summaryEvent({ head: 1, member_count: 4 }),
    happened(1, "joined", { users: ["cy"] }),
  );
  assert.equal(talk(state).memberCount, 4);
});

test("an unknown kind moves the position and shows nothing", () => {
  const state = after(fresh(summary()), happened(1, "x77"), said(2));
  assert.deepEqual([talk(state).position, seqs(state), talk(state).notes], [2, [2], []]);
});

for (const kind of ["left", "removed", "banned"]) {
  test(`one's own ${kind} ends the conversation`, () => {
    const entry = happened(1, kind, { users: [ME] });
    assert.equal(talk(after(fresh(summary()), entry)), undefined);
  });
}

test("a closed or gone conversation is forgotten", () => {
  assert.equal(talk(after(fresh(summary()), happened(1, "closed"))), undefined);
  assert.equal(talk(after(fresh(summary()), { type: "conversation", id: TALK, gone: true })), undefined);
  assert.equal(talk(after(fresh(summary()), standing("gone", 0))), undefined);
});

test("what is stored is a shorter window without a gap", () => {
  const entries = Array.from({ length: 10 }, (_, index) => said(index + 1));
  const state = after(fresh(summary()), happened(1, "created"), ...entries.slice(1));
  const kept = snapshot(state, 3).conversations[TALK];
  assert.deepEqual(
    [kept.messages.map((one) => one.seq), kept.from, kept.position, kept.notes],
    [[8, 9, 10], 8, 10, []],
  );
});

function summaryEvent(more) {
  return { type: "conversation", ...summary(more) };
}

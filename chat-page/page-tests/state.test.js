// Where you are: friends, presence, typing, the queue and the epoch in the whole state.
import assert from "node:assert/strict";
import test from "node:test";
import { lines, nameOf, open, progress, strangers, undescribed, usersWho } from "../page/state/selectors.js";
import { reduce } from "../page/state/state.js";
import { after, fresh, happened, ME, message, OTHER, said, standing, summary, TALK } from "./fixtures.js";

const BO = { id: OTHER, username: "bo", full_name: "Bo B" };
const CY = { id: "cy", username: "cy" };
const friend = (user, state, minute = 0) => ({
  user,
  state,
  blocked: false,
  at: new Date(minute * 60_000).toISOString(),
});
const written = (client_id, at, address = { to: OTHER }) => ({
  type: "written",
  outgoing: { client_id, address, text: client_id, at, refused: null },
});
const direct = summary({ kind: "direct", with: BO, name: undefined, member_count: 2 });
const texts = (state) =>
  lines(state).map((line) => (line.kind === "outgoing" ? line.outgoing.text : line.message.text));

test("friendships: a reset replaces, a change updates, an end removes", () => {
  const items = [friend(BO, "friends"), friend(CY, "incoming")];
  let state = after({ type: "synced", epoch: "e1", reply: { friends: { cursor: "1", reset: true, items } } });
  assert.deepEqual(
    [usersWho(state, "friends"), usersWho(state, "incoming"), state.friends.cursor],
    [[OTHER], ["cy"], "1"],
  );
  assert.equal(nameOf(state, OTHER), "Bo B");
  state = reduce(state, { type: "friendship", cursor: "2", friendship: friend(CY, "none", 1) });
  assert.deepEqual([usersWho(state, "incoming"), state.friends.cursor], [[], "2"]);
  state = reduce(state, { type: "synced", epoch: null, reply: { friends: { cursor: "9", reset: true, items: [] } } });
  assert.deepEqual(state.friends, { cursor: "9", byUser: {} });
});

test("friendships: an older page of the list does not undo a later event", () => {
  const event = { type: "friendship", cursor: "2", friendship: friend(BO, "none", 5) };
  const page = { type: "befriended", friendships: [friend(BO, "friends", 4), friend(CY, "friends", 1)] };
  assert.deepEqual(usersWho(after(event, page), "friends"), ["cy"]);
});

test("friendships: the blocked are listed apart, whatever the state was", () => {
  const state = after({ type: "befriended", friendships: [{ ...friend(BO, "none"), blocked: true }] });
  assert.deepEqual([usersWho(state, "blocked"), usersWho(state, "friends")], [[OTHER], []]);
});

test("a message on its way becomes the message of the log, once, whoever is first", () => {
  const mine = { sender: ME, client_id: "c1", text: "c1" };
  const before = after(fresh(direct), { type: "select", selected: { to: OTHER } }, written("c1", 1), written("c2", 2));
  assert.deepEqual(texts(before), ["c1", "c2"]);
  const entryFirst = [said(1, mine), { type: "message", message: message(1, mine) }].reduce(reduce, before);
  const ackFirst = [{ type: "message", message: message(1, mine) }, said(1, mine)].reduce(reduce, before);
  for (const state of [entryFirst, ackFirst]) {
    assert.deepEqual(texts(state), ["c1", "c2"]);
    assert.deepEqual(
      state.outgoing.map((one) => one.client_id),
      ["c2"],
    );
    assert.equal(lines(state)[0].key, "c1", "it keeps its place in the page");
  }
});

test("an answer before others' entries does not open a hole", () => {
  const mine = { sender: ME, client_id: "c1" };
  const state = after(fresh(direct), { type: "message", message: message(3, mine) }, said(1), said(2), said(3, mine));
  assert.deepEqual([state.conversations[TALK].hole, state.conversations[TALK].position], [false, 3]);
  assert.deepEqual(
    state.conversations[TALK].messages.map((one) => one.seq),
    [1, 2, 3],
  );
});

test("the first message to somebody shows at once and stays when its conversation appears", () => {
  const mine = { sender: ME, client_id: "c1", text: "c1" };
  let state = after({ type: "select", selected: { to: OTHER } }, written("c1", 1));
  assert.deepEqual([texts(state), open(state)], [["c1"], null]);
  state = reduce(state, { type: "message", message: message(1, mine) });
  assert.deepEqual(undescribed(state), [TALK]);
  state = [{ type: "conversation", ...direct, head: 1 }, said(1, mine)].reduce(reduce, state);
  assert.deepEqual(texts(state), ["c1"]);
});

test("another's message with the same client_id is not mine", () => {
  const state = after(fresh(direct), written("c1", 1), said(1, { client_id: "c1" }));
  assert.equal(state.outgoing.length, 1);
});

test("the queue keeps the order of writing; a refused one can be repeated or discarded", () => {
  let state = after(written("c2", 2), written("c1", 1), { type: "refused", clientId: "c1", code: "forbidden" });
  assert.deepEqual(
    state.outgoing.map((one) => [one.client_id, one.refused]),
    [
      ["c1", "forbidden"],
      ["c2", null],
    ],
  );
  state = [
    { type: "repeated", clientId: "c1" },
    { type: "discarded", clientId: "c2" },
  ].reduce(reduce, state);
  assert.deepEqual(
    state.outgoing.map((one) => [one.client_id, one.refused]),
    [["c1", null]],
  );
});

test("typing ends with the message, by itself, and when said", () => {
  const on = { type: "typing", conversation: TALK, user: OTHER, active: true, now: 1000 };
  const typing = (...actions) => Object.keys(after(fresh(direct), on, ...actions).typing[TALK]);
  assert.deepEqual(typing({ type: "tick", now: 6999 }), [OTHER]);
  assert.deepEqual(typing({ type: "tick", now: 7000 }), []);
  assert.deepEqual(typing({ ...on, active: false }), []);
  assert.deepEqual(typing(said(1)), []);
});

test("progress of a message follows the slowest of the others", () => {
  const marks = (user, read, delivered) => ({ type: "receipt", conversation: TALK, user, read, delivered });
  const after3 = (...actions) => {
    const { conversations } = after(fresh(summary()), said(1, { sender: ME }), ...actions);
    return progress(conversations[TALK], message(1));
  };
  assert.equal(after3(), "sent");
  assert.equal(after3(marks("bo", 1, 1)), "sent");
  assert.equal(after3(marks("bo", 1, 1), marks("cy", 0, 1)), "delivered");
  assert.equal(after3(marks("bo", 1, 1), marks("cy", 1, 1)), "read");
  assert.equal(after3(marks("bo", 1, 1), marks("cy", 0, 1), happened(2, "left", { by: "cy", users: ["cy"] })), "read");
});

test("the epoch is taken over with the last part of sync", () => {
  const part = { type: "synced", epoch: null, reply: {} };
  assert.equal(after(part).epoch, null);
  assert.equal(after(part, { ...part, epoch: "e2" }).epoch, "e2");
});

test("peer marks come with sync", () => {
  const state = after(
    fresh(direct),
    said(1, { sender: ME }),
    standing("complete", 1, { peer: { user: OTHER, read: 1, delivered: 1 } }),
  );
  assert.equal(progress(state.conversations[TALK], message(1)), "read");
});

test("members bring their marks and their names", () => {
  const members = [
    { user: BO, role: "member", read: 1, delivered: 1 },
    { user: CY, role: "member" },
  ];
  const state = after(fresh(direct), said(1, { sender: ME }), { type: "members", conversation: TALK, members });
  assert.equal(progress(state.conversations[TALK], message(1)), "read");
  assert.equal(nameOf(state, "cy"), "cy");
});

test("people mentioned without a profile are strangers until they are known", () => {
  const state = after(fresh(summary()), said(1), happened(2, "joined", { by: ME, users: ["cy"] }));
  assert.deepEqual(strangers(state).sort(), ["bo", "cy"]);
  assert.deepEqual(strangers(reduce(state, { type: "profiles", users: [BO] })), ["cy"]);
});

test("what a later server may say changes nothing", () => {
  const state = after(fresh(summary()));
  assert.equal(reduce(state, { type: "something.new" }), state);
});

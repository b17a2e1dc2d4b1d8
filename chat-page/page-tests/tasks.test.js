// Where you are: tasks that watch the state and ask or tell the server by themselves.
import assert from "node:assert/strict";
import test from "node:test";
import { Refused } from "../page/net/errors.js";
import { initial } from "../page/state/state.js";
import { createStore } from "../page/state/store.js";
import { lookups } from "../page/tasks/lookups.js";
import { presence } from "../page/tasks/presence.js";
import { receipts } from "../page/tasks/receipts.js";
import { fresh, ME, message, OTHER, said, summary, TALK } from "./fixtures.js";

const LIVE = { type: "connection", connection: { phase: "live" } };
const WAITING = { type: "connection", connection: { phase: "waiting" } };
const BO = { id: OTHER, username: "bo" };
const OPEN = { type: "select", selected: { conversation: TALK } };

/** A page with one task, whose server answers by `answers`: request type → answer. */
async function page(task, answers, ...actions) {
  const store = createStore(initial({ id: ME }), (flush) => queueMicrotask(flush));
  const asked = [];
  const request = async (type, fields) => {
    asked.push({ type, ...fields });
    return answers[type]?.(fields) ?? {};
  };
  task(store, request);
  const run = async (...more) => {
    more.forEach(store.dispatch);
    await new Promise((resolve) => setImmediate(resolve));
    return asked.splice(0);
  };
  await run(...actions);
  return { store, run };
}

test("what has arrived is told as delivered, what is seen as read", async () => {
  let watched = false;
  const answers = { receipt: ({ read, delivered }) => ({ read: read ?? 0, delivered: delivered ?? read }) };
  const task = (store, request) => receipts(store, request, () => watched);
  const { run } = await page(task, answers, fresh(summary()), OPEN, LIVE);
  assert.deepEqual(await run(said(1)), [{ type: "receipt", conversation: TALK, delivered: 1 }]);
  watched = true;
  assert.deepEqual(await run(said(2)), [{ type: "receipt", conversation: TALK, read: 2 }]);
  assert.deepEqual(await run(said(3, { sender: ME })), [{ type: "receipt", conversation: TALK, delivered: 3 }]);
  assert.deepEqual(await run({ type: "select", selected: null }), [], "nothing is told twice");
});

test("receipts go one at a time, the latest last", async () => {
  const held = [];
  const answers = { receipt: () => new Promise((resolve) => held.push(resolve)) };
  const { run } = await page(
    (store, request) => receipts(store, request, () => true),
    answers,
    fresh(summary()),
    OPEN,
    LIVE,
  );
  assert.deepEqual(
    (await run(said(1))).map((one) => one.read),
    [1],
  );
  assert.deepEqual(await run(said(2), said(3)), []);
  held[0]({ read: 1, delivered: 1 });
  assert.deepEqual(
    (await run()).map((one) => one.read),
    [3],
  );
});

test("names, a missing summary and messages are asked for once, and again on a new line", async () => {
  const answers = {
    "user.get": ({ users }) => ({ items: users.map((id) => ({ id, username: id })) }),
    "conversation.get": () => ({ conversation: summary({ head: 5 }) }),
    "conversation.members": () => ({ items: [] }),
    history: () => ({ items: [message(4)], has_before: false }),
  };
  const { store, run } = await page(lookups, answers, LIVE);
  assert.deepEqual(await run(said(5)), [
    { type: "user.get", users: [OTHER] },
    { type: "conversation.get", conversation: TALK },
  ]);
  assert.deepEqual(
    (await run(OPEN)).map((one) => one.type),
    ["conversation.members", "history"],
  );
  assert.deepEqual(
    store.state().conversations[TALK].messages.map((one) => one.seq),
    [4, 5],
  );
  assert.deepEqual(await run(said(6)), []);
  assert.deepEqual(
    (await run(WAITING), await run(LIVE)).map((one) => one.type),
    ["conversation.members"],
  );
});

test("a conversation that is not there any more is forgotten", async () => {
  const answers = {
    "conversation.get": () => {
      throw new Refused({ code: "not_found" });
    },
  };
  const { store } = await page(lookups, answers, LIVE, said(5));
  assert.deepEqual(store.state().conversations, {});
});

test("an open conversation is filled page by page until there is enough", async () => {
  const pages = [
    { items: [message(38), message(39)], has_before: true },
    { items: Array.from({ length: 20 }, (_, index) => message(18 + index)), has_before: true },
  ];
  const answers = { history: () => pages.shift(), "conversation.members": () => ({ items: [] }) };
  const { run, store } = await page(
    lookups,
    answers,
    { type: "profiles", users: [BO] },
    fresh(summary({ head: 40 })),
    LIVE,
  );
  const asked = (await run(OPEN)).filter((one) => one.type === "history");
  assert.deepEqual(asked, [
    { type: "history", conversation: TALK, before: 41 },
    { type: "history", conversation: TALK, before: 38 },
  ]);
  assert.equal(store.state().conversations[TALK].from, 18);
});

test("friends are watched, on every new line anew, and no longer than they are friends", async () => {
  const friend = (state, minute) => ({
    type: "befriended",
    friendships: [{ user: BO, state, blocked: false, at: new Date(minute * 60_000).toISOString() }],
  });
  const answers = { "presence.watch": ({ users }) => ({ presence: users.map((user) => ({ user, online: true })) }) };
  const { store, run } = await page(presence, answers, LIVE);
  assert.deepEqual(await run(friend("requested", 1)), []);
  assert.deepEqual(await run(friend("friends", 2)), [{ type: "presence.watch", users: [OTHER] }]);
  assert.equal(store.state().presence[OTHER].online, true);
  await run(WAITING);
  assert.deepEqual(store.state().presence, {}, "without a line nobody knows");
  assert.deepEqual(await run(LIVE), [{ type: "presence.watch", users: [OTHER] }]);
  assert.deepEqual(await run(friend("none", 3)), [{ type: "presence.unwatch", users: [OTHER] }]);
});

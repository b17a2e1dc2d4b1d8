// Where you are: the queue on its way to the server: in order, repeated with the same id, never twice at once.
import assert from "node:assert/strict";
import test from "node:test";
import { Refused, Unreachable } from "../page/net/errors.js";
import { initial } from "../page/state/state.js";
import { createStore } from "../page/state/store.js";
import { keepOutgoing, keptOutgoing, sending } from "../page/tasks/sending.js";
import { ME, message, TALK } from "./fixtures.js";

const LIVE = { type: "connection", connection: { phase: "live" } };
const WAITING = { type: "connection", connection: { phase: "waiting" } };

/** A page whose server answers as the test says, one request at a time. */
function page() {
  const store = createStore(initial({ id: ME }), (flush) => queueMicrotask(flush));
  const sent = [];
  let seq = 0;
  const request = (type, fields) =>
    new Promise((resolve, reject) => {
      const accept = () => resolve({ message: message(++seq, { sender: ME, client_id: fields.client_id }) });
      sent.push({
        type,
        ...fields,
        accept,
        refuse: (code) => reject(new Refused({ code, retry_after_ms: 0 })),
        lose: () => reject(new Unreachable()),
      });
    });
  sending(store, request);
  return { store, sent, ids: () => sent.map((one) => one.client_id) };
}

const write = (store, client_id, at, address = { conversation: TALK }) =>
  store.dispatch({ type: "written", outgoing: { client_id, address, text: client_id, at, refused: null } });

/** Everything that is ready has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one message of a queue is on its way at a time, in the order of writing", async () => {
  const { store, sent, ids } = page();
  write(store, "a", 1);
  write(store, "b", 2);
  await settled();
  assert.deepEqual(ids(), [], "nothing goes out before the line is live");
  store.dispatch(LIVE);
  await settled();
  assert.deepEqual(ids(), ["a"]);
  sent[0].accept();
  await settled();
  assert.deepEqual(ids(), ["a", "b"]);
  sent[1].accept();
  await settled();
  assert.deepEqual(store.state().outgoing, []);
});

test("queues do not wait for each other", async () => {
  const { store, ids } = page();
  write(store, "a", 1);
  write(store, "b", 2, { to: "bo" });
  store.dispatch(LIVE);
  await settled();
  assert.deepEqual(ids(), ["a", "b"]);
});

test("what was lost with the line goes out again with the same id", async () => {
  const { store, sent, ids } = page();
  write(store, "a", 1);
  store.dispatch(LIVE);
  await settled();
  store.dispatch(WAITING);
  sent[0].lose();
  await settled();
  assert.deepEqual(ids(), ["a"], "not before the line is back");
  store.dispatch(LIVE);
  await settled();
  assert.deepEqual(ids(), ["a", "a"]);
  assert.deepEqual([sent[1].text, sent[1].conversation], ["a", TALK]);
});

test("a line that broke without notice yet does not make it spin", async () => {
  const { store, sent, ids } = page();
  write(store, "a", 1);
  store.dispatch(LIVE);
  await settled();
  sent[0].lose();
  await settled();
  assert.deepEqual(ids(), ["a"]);
});

test("a passing refusal is repeated and keeps its place", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, sent, ids } = page();
  write(store, "a", 1);
  write(store, "b", 2);
  store.dispatch(LIVE);
  await settled();
  sent[0].refuse("rate_limited");
  await settled();
  context.mock.timers.tick(60_000);
  await settled();
  assert.deepEqual(ids(), ["a", "a"]);
});

test("a lasting refusal is shown and the next goes on", async () => {
  const { store, sent, ids } = page();
  write(store, "a", 1);
  write(store, "b", 2);
  store.dispatch(LIVE);
  await settled();
  sent[0].refuse("not_accepted");
  await settled();
  assert.deepEqual(ids(), ["a", "b"]);
  assert.equal(store.state().outgoing[0].refused, "not_accepted");
});

test("the queue survives a reload, message by message", async () => {
  const storage = Object.create({
    getItem(key) {
      return this[key] ?? null;
    },
    setItem(key, value) {
      this[key] = value;
    },
    removeItem(key) {
      delete this[key];
    },
  });
  const { store } = page();
  keepOutgoing(store, storage, "out ");
  storage.setItem("something else", "1");
  write(store, "b", 2);
  write(store, "a", 1);
  await settled();
  assert.deepEqual(
    keptOutgoing(storage, "out ").map((one) => one.client_id),
    ["a", "b"],
  );
  store.dispatch({ type: "message", message: message(1, { sender: ME, client_id: "a" }) });
  await settled();
  assert.deepEqual(
    keptOutgoing(storage, "out ").map((one) => one.client_id),
    ["b"],
  );
});

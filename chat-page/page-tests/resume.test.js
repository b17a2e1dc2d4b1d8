// Where you are: what the page says after `hello`, and what it makes of the answers.
import assert from "node:assert/strict";
import test from "node:test";
import { initial } from "../page/state/state.js";
import { createStore } from "../page/state/store.js";
import { resume } from "../page/tasks/resume.js";
import { fresh, ME, said, summary, TALK } from "./fixtures.js";

const HELLO = {
  type: "hello",
  user: { id: ME, username: "ana" },
  epoch: "e2",
  heartbeat_ms: 25000,
  limits: { sync_conversations_max: 2 },
};

function page(...actions) {
  const store = createStore(initial({ id: ME }), () => {});
  actions.forEach(store.dispatch);
  return store;
}

/** A server that answers with these, in order, and remembers what it was asked. */
function server(...answers) {
  const asked = [];
  const request = async (type, fields) => (asked.push({ type, ...fields }), answers.shift() ?? {});
  return { asked, request };
}

test("a page that knows nothing names nothing", async () => {
  const store = page();
  const { asked, request } = server({ friends: { cursor: "7", reset: false, items: [] } });
  await resume(store, HELLO, request);
  assert.deepEqual(asked, [{ type: "sync", conversations: {} }]);
  assert.deepEqual([store.state().epoch, store.state().friends.cursor], ["e2", "7"]);
});

test("it names the last position of each conversation, the epoch and the cursor", async () => {
  const store = page(fresh(summary({ head: 4 })), said(5), {
    type: "friendship",
    cursor: "3",
    friendship: { user: { id: "bo" }, state: "friends", blocked: false, at: "2026-01-01T00:00:00.000Z" },
  });
  const { asked, request } = server();
  await resume(store, HELLO, request);
  assert.deepEqual(asked, [{ type: "sync", epoch: "e1", friends: "3", conversations: { [TALK]: 5 } }]);
});

test("many conversations go in parts, and the new epoch holds from the last one on", async () => {
  const store = page(fresh(...["a", "b", "c", "d", "e"].map((id) => summary({ id }))));
  const epochs = [];
  const request = async (_, fields) => (
    epochs.push(store.state().epoch, fields.epoch, fields.more ?? false, Object.keys(fields.conversations).join("")),
    {}
  );
  await resume(store, HELLO, request);
  assert.deepEqual(epochs, ["e1", "e1", true, "ab", "e1", "e1", true, "cd", "e1", "e1", false, "e"]);
  assert.equal(store.state().epoch, "e2");
});

test("summaries of what is new are read to the last page", async () => {
  const store = page();
  const { asked, request } = server(
    { new: { items: [summary({ id: "a" })], next: "p2" } },
    { new: { items: [summary({ id: "b" })], next: "p3" } },
    { new: { items: [summary({ id: "c" })] } },
  );
  await resume(store, HELLO, request);
  assert.deepEqual(
    asked.map((one) => one.next),
    [undefined, "p2", "p3"],
  );
  assert.deepEqual(Object.keys(store.state().conversations), ["a", "b", "c"]);
});

test("after a reset of friendships the whole list is read", async () => {
  const friend = (id) => ({ user: { id }, state: "friends", blocked: false, at: "2026-01-01T00:00:00.000Z" });
  const store = page();
  const { asked, request } = server(
    { friends: { cursor: "7", reset: true, items: [friend("a")] } },
    { items: [friend("a"), friend("b")], next: "more" },
    { items: [friend("c")] },
  );
  await resume(store, HELLO, request);
  assert.deepEqual(asked.slice(1), [
    { type: "friend.list", limit: 200 },
    { type: "friend.list", limit: 200, cursor: "more" },
  ]);
  assert.deepEqual(Object.keys(store.state().friends.byUser), ["a", "b", "c"]);
});

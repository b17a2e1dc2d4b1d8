// Where you are: the line itself, against a socket that the test holds in its hands.
import assert from "node:assert/strict";
import test from "node:test";
import { Connection } from "../page/net/connection.js";
import { Refused, SessionEnded, Unreachable } from "../page/net/errors.js";

const HELLO = { type: "hello", user: { id: "ana" }, epoch: "e1", heartbeat_ms: 25_000 };

/** Sockets that were opened, the latest last. */
let sockets = [];

class FakeSocket {
  static OPEN = 1;
  readyState = 1;
  sent = [];
  constructor(address, protocols) {
    Object.assign(this, { address, protocols });
    sockets.push(this);
  }
  send(frame) {
    this.sent.push(JSON.parse(frame));
  }
  hears(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  close() {
    this.readyState = 3;
  }
  dies(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function line(context, more = {}) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  sockets = [];
  globalThis.WebSocket = FakeSocket;
  const seen = { phases: [], heard: [], ended: 0, resumed: 0 };
  const tokens = { access: async () => "token", renew: async () => "other token", ...more.tokens };
  const connection = new Connection(new URL("ws://host/v1/ws"), tokens, {
    resume: more.resume ?? (async () => void seen.resumed++),
    heard: (event) => seen.heard.push(event),
    phase: ({ phase }) => seen.phases.push(phase),
    ended: () => seen.ended++,
  });
  const wait = async (ms) => (context.mock.timers.tick(ms), settled());
  return { connection, seen, wait };
}

async function live(context, more) {
  const made = line(context, more);
  made.connection.start();
  await settled();
  sockets[0].hears(HELLO);
  await settled();
  return made;
}

test("it says who it is in the subprotocol, resumes after hello, and is live then", async (context) => {
  const { seen } = await live(context);
  assert.deepEqual(sockets[0].protocols, ["chat.v1", "Bearer", "token"]);
  assert.deepEqual(seen.phases, ["connecting", "syncing", "live"]);
});

test("replies find their request, in any order; the rest is heard", async (context) => {
  const { connection, seen } = await live(context);
  const [one, other] = [connection.request("a"), connection.request("b", { field: 1 })];
  const [a, b] = sockets[0].sent;
  assert.deepEqual([a.type, b.type, b.field], ["a", "b", 1]);
  sockets[0].hears({ id: b.id, type: "error", code: "forbidden", message: "no" });
  sockets[0].hears({ type: "typing" });
  sockets[0].hears({ id: a.id, type: "ok", value: 5 });
  await assert.rejects(other, (error) => error instanceof Refused && error.code === "forbidden");
  assert.equal((await one).value, 5);
  assert.deepEqual(seen.heard, [{ type: "typing" }]);
});

test("a broken line fails what is open and comes back, later each time", async (context) => {
  const { connection, seen, wait } = await live(context);
  const open = connection.request("a");
  sockets[0].dies();
  await assert.rejects(open, Unreachable);
  await assert.rejects(connection.request("b"), Unreachable);
  await wait(500);
  assert.equal(sockets.length, 2);
  sockets[1].dies();
  await wait(499);
  assert.equal(sockets.length, 2, "the second attempt waits longer than half of a second");
  await wait(501);
  sockets[2].hears(HELLO);
  await settled();
  assert.equal(seen.resumed, 2);
  assert.equal(seen.phases.at(-1), "live");
});

test("what the server asks to wait is waited", async (context) => {
  const { wait } = await live(context);
  sockets[0].hears({ type: "closing", code: "overloaded", retry_after_ms: 20_000 });
  sockets[0].dies(1013);
  await wait(19_999);
  assert.equal(sockets.length, 1);
  await wait(10_000);
  assert.equal(sockets.length, 2);
});

test("a refused token is exchanged for another", async (context) => {
  const { seen, wait } = await live(context);
  sockets[0].dies(4401);
  await settled();
  await wait(1000);
  assert.deepEqual([sockets.length, seen.ended], [2, 0]);
});

test("a session that is over is not repeated", async (context) => {
  const renew = async () => {
    throw new SessionEnded();
  };
  const { seen, wait } = await live(context, { tokens: { renew } });
  sockets[0].dies(4401);
  await settled();
  await wait(100_000);
  assert.deepEqual([sockets.length, seen.ended], [1, 1]);
});

test("silence is questioned, and a line that does not answer is given up", async (context) => {
  const { seen, wait } = await live(context);
  await wait(25_000);
  assert.equal(sockets[0].sent.at(-1).type, "ping");
  await wait(15_000);
  assert.equal(seen.phases.at(-1), "waiting");
  await wait(1000);
  assert.equal(sockets.length, 2);
});

test("a resume that fails starts over", async (context) => {
  const { seen, wait } = await live(context, {
    resume: async () => {
      throw new Refused({ code: "overloaded" });
    },
  });
  assert.equal(seen.phases.at(-1), "waiting");
  await wait(1000);
  assert.equal(sockets.length, 2);
});

test("stopped is stopped", async (context) => {
  const { connection, wait } = await live(context);
  connection.stop();
  sockets[0].dies();
  await wait(100_000);
  assert.equal(sockets.length, 1);
});

// Where you are: tokens shared by tabs: one refresh for all of them, and nobody logged out by a bad line.
import assert from "node:assert/strict";
import test from "node:test";
import { Refused, SessionEnded, Unreachable } from "../page/net/errors.js";
import { Tokens } from "../page/net/tokens.js";

const LIFE_MS = 600_000;

/** A browser: one storage, one queue of locks, a clock, and any number of tabs. */
function browser(refresh) {
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  let last = Promise.resolve();
  const locks = { request: (_, turn) => (last = last.then(turn, turn)) };
  const world = { time: 0, refreshed: [], tab: null };
  const api = {
    async refresh(token) {
      world.refreshed.push(token);
      return refresh ? refresh(token) : session(world.refreshed.length + 1);
    },
  };
  world.tab = (own = locks) => new Tokens(api, { key: "tokens", storage, locks: own, now: () => world.time });
  return world;
}

const session = (number) => ({
  access_token: `access ${number}`,
  refresh_token: `refresh ${number}`,
  expires_in: LIFE_MS / 1000,
  user: { id: "ana", username: "ana" },
});

test("a token is used while it is good and renewed before it expires", async () => {
  const world = browser();
  const tab = world.tab();
  tab.keep(session(1));
  assert.equal(await tab.access(), "access 1");
  world.time = LIFE_MS * 0.9;
  assert.equal(await tab.access(), "access 2");
  assert.deepEqual(world.refreshed, ["refresh 1"]);
  assert.equal(await tab.access(), "access 2");
});

test("two tabs renew once, and both have the new token", async () => {
  const world = browser();
  const [one, other] = [world.tab(), world.tab()];
  one.keep(session(1));
  assert.deepEqual(await Promise.all([one.renew("access 1"), other.renew("access 1")]), ["access 2", "access 2"]);
  assert.deepEqual(world.refreshed, ["refresh 1"]);
});

test("a refused refresh ends the session", async () => {
  const tab = browser(() => {
    throw new Refused({ code: "unauthenticated" });
  }).tab();
  tab.keep(session(1));
  await assert.rejects(tab.renew("access 1"), SessionEnded);
  assert.equal(tab.current(), null);
  await assert.rejects(tab.access(), SessionEnded);
});

test("an unreachable server does not", async () => {
  const world = browser(() => {
    throw new Unreachable();
  });
  const tab = world.tab();
  tab.keep(session(1));
  world.time = LIFE_MS * 0.9;
  assert.equal(await tab.access(), "access 1", "it is still valid");
  world.time = LIFE_MS;
  await assert.rejects(tab.access(), Unreachable);
  assert.equal(tab.current().refresh, "refresh 1", "to be tried again");
});

test("a busy server does not end it either", async () => {
  const tab = browser(() => {
    throw new Refused({ code: "overloaded" });
  }).tab();
  tab.keep(session(1));
  await assert.rejects(tab.renew("access 1"), Refused);
  assert.equal(tab.current().refresh, "refresh 1");
});

test("without Web Locks it still works", async () => {
  const tab = browser().tab(null);
  tab.keep(session(1));
  assert.equal(await tab.renew("access 1"), "access 2");
});

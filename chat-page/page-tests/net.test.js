// Where you are: the small parts of talking to the server.
import assert from "node:assert/strict";
import test from "node:test";
import { createApi } from "../page/net/api.js";
import { backoff, FIRST_MS, LONGEST_MS } from "../page/net/backoff.js";
import { Refused, Unreachable } from "../page/net/errors.js";
import { uuid } from "../page/net/uuid.js";

test("backoff doubles, is capped, and keeps between half and all of its step", () => {
  assert.deepEqual(
    [0, 1, 2].map((attempt) => backoff(attempt, 0, () => 1)),
    [FIRST_MS, FIRST_MS * 2, FIRST_MS * 4],
  );
  assert.deepEqual(
    [0, 1, 2].map((attempt) => backoff(attempt, 0, () => 0)),
    [FIRST_MS / 2, FIRST_MS, FIRST_MS * 2],
  );
  assert.equal(
    backoff(1000, 0, () => 1),
    LONGEST_MS,
  );
  assert.ok(backoff(0, 5000, () => 0) >= 5000);
});

test("uuids are of version 4 and differ", () => {
  const made = Array.from({ length: 100 }, uuid);
  for (const one of made) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(made).size, 100);
});

test("addresses are relative to the page, and only the caller's token goes along", async () => {
  const asked = [];
  const api = createApi(
    "https://host/under/chat/index.html",
    async (url, request) => (asked.push([url.href, request]), new Response(null, { status: 204 })),
  );
  await api.logOut("token");
  assert.deepEqual([asked[0][0], asked[0][1].method], ["https://host/under/chat/v1/sessions/current", "DELETE"]);
  assert.equal(asked[0][1].headers.get("Authorization"), "Bearer token");
  assert.equal(asked[0][1].credentials, "omit");
});

test("a problem is a refusal; anything else is no answer", async () => {
  const answering = (response) => createApi("https://host/", async () => response()).refresh("x");
  const problem = () =>
    new Response(JSON.stringify({ status: 401, code: "unauthenticated", detail: "no" }), { status: 401 });
  await assert.rejects(answering(problem), (error) => error instanceof Refused && error.code === "unauthenticated");
  await assert.rejects(
    answering(() => new Response("<html>", { status: 502 })),
    Unreachable,
  );
  await assert.rejects(
    answering(() => {
      throw new TypeError("network");
    }),
    Unreachable,
  );
});

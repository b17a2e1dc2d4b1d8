// Links from mails, and what is told when they are good no more.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, Unreachable } from "../page/net/errors.js";
import { mailed, sentence } from "../page/views/recovery.js";

test("a link says what it is for, and nothing else is one", () => {
  assert.deepEqual(mailed("#verify-email=Ab-_9"), { what: "verify-email", token: "Ab-_9" });
  assert.deepEqual(mailed("#reset-password=x"), { what: "reset-password", token: "x" });
  for (const other of ["", "#", "#reset-password=", "#reset-password=a b", "#other=x", "reset-password=x", "#verify-email=x&y"]) {
    assert.equal(mailed(other), null, other);
  }
});

test("every refusal has its sentence", () => {
  const refused = (/** @type {string} */ code, /** @type {string} */ field) => sentence(new Refused({ code, field }));
  assert.match(refused("validation_failed", "/token"), /too old/);
  assert.match(refused("validation_failed", "/new_password"), /8 to 256/);
  assert.match(refused("validation_failed", "/email"), /no e-mail address/);
  assert.match(refused("already_exists", "/email"), /another account/);
  assert.match(refused("not_found", ""), /No mail/);
  assert.match(sentence(new Unreachable()), /cannot be reached/);
});

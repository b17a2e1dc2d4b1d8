// Where you are: how a request can fail, and what a person is told about it.

/** The server said no: one of the protocol's stable codes. */
export class Refused extends Error {
  /** @param {{code?: string, message?: string, detail?: string, field?: string, retry_after_ms?: number}} answer */
  constructor(answer) {
    super(answer.message ?? answer.detail ?? answer.code ?? "refused");
    this.code = answer.code ?? "internal";
    this.field = answer.field ?? null;
    this.retryAfterMs = answer.retry_after_ms ?? null;
  }
}

/** No answer: whether the server has done it is unknown. */
export class Unreachable extends Error {
  constructor() {
    super("the server cannot be reached");
  }
}

/** The session is over; only logging in again helps. */
export class SessionEnded extends Error {
  constructor() {
    super("the session has ended");
  }
}

/** @type {Record<string, string>} */
const SENTENCES = {
  unauthenticated: "The user name or the password is wrong.",
  forbidden: "You may not do this.",
  not_found: "This does not exist, or not any more.",
  already_exists: "This name is taken.",
  conflict: "Somebody changed this meanwhile. Please look again.",
  last_owner: "A group must keep an owner. Make somebody else an owner first.",
  limit_reached: "There are too many of these already.",
  not_accepted: "This person accepts this from friends only.",
  too_many_members: "This group is full.",
  payload_too_large: "This is too large.",
  unsupported_media_type: "Files of this type are not accepted here.",
  rate_limited: "Too much at once. Please wait a moment.",
  overloaded: "The server is busy. Please try again in a moment.",
  unavailable: "The server cannot reach its data at the moment. Please try again.",
};

/** Refusals that pass by themselves: the same request may be repeated. */
const PASSING = new Set(["rate_limited", "overloaded", "unavailable"]);

/** @param {string} code @returns {boolean} */
export function passes(code) {
  return PASSING.has(code);
}

/** @param {string} code @returns {string} */
export function sentence(code) {
  return SENTENCES[code] ?? "This did not work.";
}

/** @param {unknown} error @returns {string} */
export function explain(error) {
  if (error instanceof Refused) return SENTENCES[error.code] ?? `This was not accepted: ${error.message}.`;
  if (error instanceof SessionEnded) return "Your session has ended. Please log in again.";
  return "The server cannot be reached.";
}

// Where you are: the session's two tokens. They are in localStorage, which all tabs of this site share; what
// keeps them from others is that no foreign script can run here (see the Content-Security-Policy).
//
// A refresh token works once. So tabs take turns (Web Locks), and whoever gets his turn first looks whether
// another tab has already refreshed. Without Web Locks (plain http on a host other than localhost) two tabs
// may refresh at once; the server's grace period answers both with the same successor.

/** @import {Api, SessionReply} from "./api.js" */
/** @import {Profile} from "./protocol.js" */
import { Refused, SessionEnded } from "./errors.js";

/** @typedef {{access: string, refresh: string, renewAt: number, expiresAt: number, user: Profile}} Tokens */

/** A token is renewed when this part of its life has passed. */
const RENEW_AFTER = 0.8;

/**
 * @typedef {object} Environment
 * @property {string} key where in the storage
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage
 * @property {Pick<LockManager, "request"> | undefined} locks
 * @property {() => number} now
 */

/** @typedef {ReturnType<typeof createTokens>} TokenKeeper */

/**
 * @param {Pick<Api, "refresh">} api
 * @param {Environment} environment
 */
export function createTokens(api, { key, storage, locks, now }) {
  /** @returns {Tokens | null} */
  function current() {
    const stored = storage.getItem(key);
    return stored ? JSON.parse(stored) : null;
  }

  /** @param {SessionReply} reply @returns {Tokens} */
  function keep(reply) {
    const life = reply.expires_in * 1000;
    const tokens = {
      access: reply.access_token,
      refresh: reply.refresh_token,
      user: reply.user,
      renewAt: now() + life * RENEW_AFTER,
      expiresAt: now() + life,
    };
    storage.setItem(key, JSON.stringify(tokens));
    return tokens;
  }

  function forget() {
    storage.removeItem(key);
  }

  /** @returns {Tokens} */
  function held() {
    const tokens = current();
    if (!tokens) throw new SessionEnded();
    return tokens;
  }

  /** @param {() => Promise<string>} turn @returns {Promise<string>} */
  async function inTurn(turn) {
    return locks ? locks.request(key, turn) : turn();
  }

  /**
   * A new access token, in exchange for `refused` which the server does not take (any more).
   * @param {string} refused
   * @returns {Promise<string>}
   */
  function renew(refused) {
    return inTurn(async () => {
      const tokens = held();
      if (tokens.access !== refused) return tokens.access; // another tab was faster
      try {
        return keep(await api.refresh(tokens.refresh)).access;
      } catch (error) {
        const over = error instanceof Refused && ["unauthenticated", "token_expired"].includes(error.code);
        if (!over) throw error;
        if (current()?.refresh === tokens.refresh) forget();
        throw new SessionEnded();
      }
    });
  }

  /**
   * An access token that is good for a while. If the server cannot be reached, one that is still valid will do.
   * @returns {Promise<string>}
   */
  async function access() {
    const tokens = held();
    if (now() < tokens.renewAt) return tokens.access;
    try {
      return await renew(tokens.access);
    } catch (error) {
      if (error instanceof SessionEnded || now() >= tokens.expiresAt) throw error;
      return tokens.access;
    }
  }

  return { key, current, keep, forget, renew, access };
}

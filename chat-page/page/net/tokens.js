// Where you are: the session's two tokens. They are in localStorage, which all tabs of this site share; what
// keeps them from others is that no foreign script can run here (see the Content-Security-Policy).
//
// A refresh token works once. So tabs take turns (Web Locks), and whoever gets his turn first looks whether
// another tab has already refreshed. Without Web Locks (plain http on a host other than localhost) two tabs
// may refresh at once; the server's grace period answers both with the same successor.

/** @import {Api, SessionReply} from "./api.js" */
/** @import {Profile} from "./protocol.js" */
import { Refused, SessionEnded } from "./errors.js";

/** @typedef {{access: string, refresh: string, renewAt: number, expiresAt: number, user: Profile}} Pair */

/**
 * @typedef {object} Environment
 * @property {string} key where in the storage
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage
 * @property {Pick<LockManager, "request"> | undefined} locks
 * @property {() => number} now milliseconds
 */

/** A token is renewed when this part of its life has passed. */
const RENEW_AFTER = 0.8;

export class Tokens {
  /** @type {Pick<Api, "refresh">} */ #api;
  /** @type {Environment} */ #environment;

  /** @param {Pick<Api, "refresh">} api @param {Environment} environment */
  constructor(api, environment) {
    this.#api = api;
    this.#environment = environment;
  }

  /** Those of this site, whichever tab has put them there. @returns {Pair | null} */
  current() {
    const stored = this.#environment.storage.getItem(this.#environment.key);
    return stored ? JSON.parse(stored) : null;
  }

  /** @param {SessionReply} reply @returns {Pair} */
  keep(reply) {
    const { key, storage, now } = this.#environment;
    const life = reply.expires_in * 1000;
    const pair = {
      access: reply.access_token,
      refresh: reply.refresh_token,
      user: reply.user,
      renewAt: now() + life * RENEW_AFTER,
      expiresAt: now() + life,
    };
    storage.setItem(key, JSON.stringify(pair));
    return pair;
  }

  forget() {
    this.#environment.storage.removeItem(this.#environment.key);
  }

  /**
   * An access token that is good for a while. If the server cannot be reached, one that is still valid will do.
   * @returns {Promise<string>}
   */
  async access() {
    const { now } = this.#environment;
    const pair = this.#held();
    if (now() < pair.renewAt) return pair.access;
    try {
      return await this.renew(pair.access);
    } catch (error) {
      if (error instanceof SessionEnded || now() >= pair.expiresAt) throw error;
      return pair.access;
    }
  }

  /**
   * A new access token, in exchange for one that is old or refused.
   * @param {string} refused
   * @returns {Promise<string>}
   */
  renew(refused) {
    const { key, locks } = this.#environment;
    const turn = async () => {
      const pair = this.#held();
      return pair.access === refused ? this.#refresh(pair) : pair.access; // another tab was faster
    };
    return locks ? locks.request(key, turn) : turn();
  }

  /** @param {Pair} pair @returns {Promise<string>} */
  async #refresh({ refresh }) {
    try {
      return this.keep(await this.#api.refresh(refresh)).access;
    } catch (error) {
      const over = error instanceof Refused && ["unauthenticated", "token_expired"].includes(error.code);
      if (!over) throw error;
      if (this.current()?.refresh === refresh) this.forget();
      throw new SessionEnded();
    }
  }

  /** @returns {Pair} */
  #held() {
    const pair = this.current();
    if (!pair) throw new SessionEnded();
    return pair;
  }
}

// Where you are: the few REST calls this page makes, all about accounts and sessions; everything else goes
// over the socket. Addresses are relative to the page, so that it works under any prefix.

/** @import {Profile} from "./protocol.js" */
import { Refused, Unreachable } from "./errors.js";

/** @typedef {{access_token: string, refresh_token: string, expires_in: number, user: Profile}} SessionReply */
/** @typedef {{username: string, password: string, full_name?: string, email?: string}} NewAccount */

/**
 * @typedef {object} Api
 * @property {(account: NewAccount) => Promise<void>} signUp
 * @property {(username: string, password: string) => Promise<SessionReply>} logIn
 * @property {(refreshToken: string) => Promise<SessionReply>} refresh
 * @property {(accessToken: string) => Promise<void>} logOut
 * @property {(token: string) => Promise<void>} verifyEmail
 * @property {(email: string) => Promise<void>} forgotPassword
 * @property {(token: string, newPassword: string) => Promise<void>} resetPassword
 */

/**
 * @param {string} base the address of the page
 * @param {typeof fetch} [fetcher]
 * @returns {Api}
 */
export function createApi(base, fetcher = (...request) => fetch(...request)) {
  /** @param {string} method @param {string} path @param {object | null} body @param {string} [token] */
  async function call(method, path, body, token) {
    const headers = new Headers();
    if (body) headers.set("Content-Type", "application/json");
    if (token) headers.set("Authorization", `Bearer ${token}`);
    const request = { method, headers, body: body && JSON.stringify(body), credentials: /** @type {const} */ ("omit") };
    const response = await fetcher(new URL(path, base), request).catch(() => null);
    if (!response) throw new Unreachable();
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    throw answer.code ? new Refused(answer) : new Unreachable();
  }

  return {
    signUp: (account) => call("POST", "v1/accounts", account),
    logIn: (username, password) => call("POST", "v1/sessions", { username, password, device: "web page" }),
    refresh: (refreshToken) => call("POST", "v1/sessions/refresh", { refresh_token: refreshToken }),
    logOut: (accessToken) => call("DELETE", "v1/sessions/current", null, accessToken),
    verifyEmail: (token) => call("POST", "v1/email-verifications/confirm", { token }),
    forgotPassword: (email) => call("POST", "v1/password-resets", { email }),
    resetPassword: (token, password) => call("POST", "v1/password-resets/confirm", { token, new_password: password }),
  };
}

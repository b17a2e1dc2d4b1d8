// Where you are: the line to the server, one WebSocket after the other. It matches replies to requests by id,
// notices when the line is dead although nobody said so, and comes back with backoff after every break.
// What is said over it is not its business: `resume` makes the state whole, `heard` takes the events.
//
// Order matters once: entries may follow the answer to `sync` in the very next frame. A reply resolves its
// promise within its own frame's task, so whatever awaits it has run before the next frame is read.

/** @import {ClosingEvent, Hello} from "./protocol.js" */
/** @import {Connection as Phase, ServerEvent} from "../state/state.js" */
/** @import {Tokens} from "./tokens.js" */
import { backoff } from "./backoff.js";
import { Refused, SessionEnded, Unreachable } from "./errors.js";

/** @typedef {(type: string, fields?: object) => Promise<any>} Request */

/**
 * @typedef {object} Listeners
 * @property {(hello: Hello, request: Request) => Promise<void>} resume called after every `hello`, before the first event
 * @property {(event: ServerEvent) => void} heard
 * @property {(phase: Phase) => void} phase
 * @property {() => void} ended the session is over
 */

/** An answer that takes longer than this does not come. */
const ANSWER_MS = 15_000;
/** Until `hello` says otherwise. */
const HEARTBEAT_MS = 25_000;
/** "Token refused or session ended". */
const REFUSED = 4401;

export class Connection {
  /** @type {URL} */ #address;
  /** @type {Pick<Tokens, "access" | "renew">} */ #tokens;
  /** @type {Listeners} */ #listeners;
  /** @type {WebSocket | null} */ #socket = null;
  /** Requests without an answer yet. @type {Map<number, {resolve: (reply: any) => void, reject: (error: Error) => void}>} */
  #open = new Map();
  #lastId = 0;
  /** Attempts since the last time all was well. */
  #attempt = 0;
  #askedToWaitMs = 0;
  #heartbeatMs = HEARTBEAT_MS;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #silence;

  /**
   * @param {URL} address
   * @param {Pick<Tokens, "access" | "renew">} tokens
   * @param {Listeners} listeners
   */
  constructor(address, tokens, listeners) {
    this.#address = address;
    this.#tokens = tokens;
    this.#listeners = listeners;
  }

  /** Asks, on the line as it is now. @type {Request} */
  request = (type, fields = {}) => {
    const line = this.#socket;
    if (line?.readyState !== WebSocket.OPEN) return Promise.reject(new Unreachable());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#abandon(line), ANSWER_MS);
      const done = () => (clearTimeout(late), this.#open.delete(id));
      this.#open.set(id, { resolve: (reply) => (done(), resolve(reply)), reject: (error) => (done(), reject(error)) });
      line.send(JSON.stringify({ id, type, ...fields }));
    });
  };

  async start() {
    clearTimeout(this.#retry);
    this.#listeners.phase({ phase: "connecting" });
    try {
      const token = await this.#tokens.access();
      if (this.#stopped || this.#socket) return;
      this.#listen(new WebSocket(this.#address, ["chat.v1", "Bearer", token]), token);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Starts anew with `resume`: something was missing. */
  restart() {
    this.#abandon(this.#socket);
  }

  /** The network is back, or somebody is looking: no need to wait longer than the server asked. */
  wake() {
    if (this.#stopped) return;
    if (this.#socket) this.#ping();
    else if (this.#askedToWaitMs === 0) this.start();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  /** @param {WebSocket} line @param {string} token */
  #listen(line, token) {
    this.#socket = line;
    line.onmessage = ({ data }) => {
      if (line !== this.#socket) return;
      this.#listenForSilence();
      this.#receive(JSON.parse(data));
    };
    line.onclose = ({ code }) => {
      if (line === this.#socket) this.#closed(code === REFUSED ? () => this.#exchange(token) : () => this.#comeBack());
    };
  }

  /** @param {any} frame */
  #receive(frame) {
    const asked = this.#open.get(frame.id);
    if (frame.type === "ok") asked?.resolve(frame);
    else if (frame.type === "error") asked?.reject(new Refused(frame));
    else if (frame.type === "hello") this.#greet(frame);
    else if (frame.type === "closing") this.#bye(frame);
    else this.#listeners.heard(frame);
  }

  /** @param {Hello} hello */
  async #greet(hello) {
    const line = this.#socket;
    this.#heartbeatMs = hello.heartbeat_ms;
    this.#listeners.phase({ phase: "syncing" });
    try {
      await this.#listeners.resume(hello, this.request);
    } catch {
      return this.#abandon(line); // the next line tries again
    }
    if (line !== this.#socket) return;
    this.#attempt = 0;
    this.#askedToWaitMs = 0;
    this.#listeners.phase({ phase: "live" });
  }

  /** The server is about to close: the queue stops. @param {ClosingEvent} closing */
  #bye(closing) {
    this.#askedToWaitMs = closing.retry_after_ms ?? 0;
    this.#listeners.phase({ phase: "waiting" });
  }

  /** The token was refused: with a new one, or not at all. @param {string} token */
  async #exchange(token) {
    this.#listeners.phase({ phase: "waiting" });
    try {
      await this.#tokens.renew(token);
      this.#comeBack();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    if (error instanceof SessionEnded) this.#listeners.ended();
    else this.#comeBack();
  }

  #comeBack() {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#listeners.phase({ phase: "waiting" });
    this.#retry = setTimeout(() => this.start(), backoff(this.#attempt++, this.#askedToWaitMs));
  }

  /** @param {() => void} next */
  #closed(next) {
    this.#socket = null;
    clearTimeout(this.#silence);
    for (const asked of [...this.#open.values()]) asked.reject(new Unreachable());
    if (!this.#stopped) next();
  }

  /** Does not wait for a polite goodbye, which over a dead network takes minutes. @param {WebSocket | null} line */
  #abandon(line) {
    if (!line || line !== this.#socket) return;
    line.close();
    this.#closed(() => this.#comeBack());
  }

  /** Scripts do not see the server's own pings: after a heartbeat of silence it is asked, and has to answer. */
  #listenForSilence() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#ping(), this.#heartbeatMs);
  }

  #ping() {
    this.request("ping").catch(() => {}); // no answer is noticed by `request` itself
  }
}

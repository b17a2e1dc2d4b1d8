// Where you are: typing, both ways. One's own is repeated while it lasts, since the server lets it end after
// six seconds; that of others ends here by itself, should the end be lost.

/** @import {Request} from "../net/connection.js" */
/** @import {Store} from "../state/store.js" */
import { TYPING_MS } from "../state/talk.js";

/** While somebody goes on typing, it is said again after this time. */
const AGAIN_MS = TYPING_MS / 2;
/** How often it is looked at what has ended. */
const SWEEP_MS = 1000;

export class Typing {
  /** What the server was told last. @type {{conversation: string, at: number} | null} */ #said = null;
  /** @type {Request} */ #request;

  /** @param {Store} store @param {Request} request */
  constructor(store, request) {
    this.#request = request;
    setInterval(() => {
      if (Object.keys(store.state().typing).length > 0) store.dispatch({ type: "tick", now: Date.now() });
    }, SWEEP_MS);
  }

  /** A key was pressed. @param {string} conversation */
  pressed(conversation) {
    if (this.#said?.conversation !== conversation) this.ended();
    if (!this.#said || Date.now() - this.#said.at > AGAIN_MS) this.#say(conversation, true);
  }

  /** The text was emptied or left. */
  ended() {
    if (this.#said) this.#say(this.#said.conversation, false);
  }

  /** Sent: the message itself ends it for everybody. */
  sent() {
    this.#said = null;
  }

  /** @param {string} conversation @param {boolean} active */
  #say(conversation, active) {
    this.#request("typing", { conversation, active }).catch(() => {}); // nobody waits for it
    this.#said = active ? { conversation, at: Date.now() } : null;
  }
}

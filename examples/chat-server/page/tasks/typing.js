// Where you are: typing, both ways. One's own is repeated while it lasts, since the server lets it end after
// six seconds; that of others ends here by itself, should the end be lost.

/** @import {Request} from "../net/connection.js" */
/** @import {Store} from "../state/store.js" */
import { TYPING_MS } from "../state/talk.js";

/** @typedef {ReturnType<typeof typing>} Typing */

/** While somebody goes on typing, it is said again after this time. */
const AGAIN_MS = TYPING_MS / 2;

/**
 * @param {Store} store
 * @param {Request} request
 */
export function typing(store, request) {
  /** @type {{conversation: string, at: number} | null} */
  let said = null;

  /** @param {string} conversation @param {boolean} active */
  function say(conversation, active) {
    request("typing", { conversation, active }).catch(() => {});
    said = active ? { conversation, at: Date.now() } : null;
  }

  const sweep = setInterval(() => {
    if (Object.keys(store.state().typing).length > 0) store.dispatch({ type: "tick", now: Date.now() });
  }, 1000);

  return {
    /** A key was pressed. @param {string} conversation */
    pressed(conversation) {
      if (said?.conversation !== conversation) this.ended();
      if (!said || Date.now() - said.at > AGAIN_MS) say(conversation, true);
    },
    /** The text was sent, emptied or left. */
    ended() {
      if (said) say(said.conversation, false);
    },
    /** Sent: the message itself ends it for everybody. */
    sent() {
      said = null;
    },
    stop: () => clearInterval(sweep),
  };
}

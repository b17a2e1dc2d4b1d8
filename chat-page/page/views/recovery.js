// Where you are: a new password by mail: asking for one, and what the mailed link leads to.

/** @import {Api} from "../net/api.js" */
import { explain, Refused } from "../net/errors.js";
import { find, setText } from "./dom.js";

export class RecoveryView {
  #screen = find("recovery", HTMLElement);
  #submit = find("recovery-submit", HTMLButtonElement);
  #error = find("recovery-error", HTMLElement);
  #email = find("recovery-email", HTMLInputElement);
  #password = find("recovery-password", HTMLInputElement);
  /** What was mailed; without it a mail is asked for. */
  #token = "";
  /** @type {Api} */ #api;
  /** @type {(why: string) => void} */ #done;

  /** @param {Api} api @param {(why: string) => void} done */
  constructor(api, done) {
    this.#api = api;
    this.#done = done;
    find("recovery-back", HTMLButtonElement).onclick = () => this.#leave("");
    find("recovery-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
  }

  /** @param {string} [token] */
  show(token = "") {
    this.#token = token;
    this.#screen.hidden = false;
    find("recovery-email-field", HTMLElement).hidden = token !== "";
    find("recovery-password-field", HTMLElement).hidden = token === "";
    setText(this.#submit, token ? "Choose this password" : "Send me a mail");
    setText(
      find("recovery-hint", HTMLElement),
      token ? "All your devices will be logged out." : "A link is sent to the address of your account.",
    );
    setText(this.#error, "");
    (token ? this.#password : this.#email).focus();
  }

  async #send() {
    setText(this.#error, "");
    this.#submit.disabled = true;
    try {
      if (this.#token) {
        await this.#api.resetPassword(this.#token, this.#password.value);
        this.#leave("Your password is changed. Please log in.");
      } else {
        await this.#api.forgotPassword(this.#email.value.trim());
        this.#leave("If this is the address of an account, a mail is on its way.");
      }
    } catch (reason) {
      setText(this.#error, sentence(reason));
    } finally {
      this.#submit.disabled = false;
    }
  }

  /** @param {string} why */
  #leave(why) {
    this.#password.value = "";
    this.#screen.hidden = true;
    this.#done(why);
  }
}

/** @param {unknown} reason @returns {string} */
export function sentence(reason) {
  if (!(reason instanceof Refused)) return explain(reason);
  if (reason.code === "not_found") return "No mail is sent here. Please ask whoever runs this server.";
  if (reason.field === "/token") return "This link was used, or is too old. Please ask for another mail.";
  if (reason.field === "/new_password") return "A password has 8 to 256 characters.";
  if (reason.field === "/email") return "This is no e-mail address, or it belongs to another account.";
  return explain(reason);
}

/**
 * What a mailed link carries behind the `#`, where no server sees it.
 * @param {string} hash
 * @returns {{what: "verify-email" | "reset-password", token: string} | null}
 */
export function mailed(hash) {
  const found = /^#(verify-email|reset-password)=([\w-]+)$/.exec(hash);
  return found && { what: found[1] === "verify-email" ? "verify-email" : "reset-password", token: found[2] ?? "" };
}

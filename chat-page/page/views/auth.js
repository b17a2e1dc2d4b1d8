// Where you are: signing up and logging in.

/** @import {Api, SessionReply} from "../net/api.js" */
import { explain, Refused } from "../net/errors.js";
import { find, setText } from "./dom.js";

export class AuthView {
  #screen = find("auth", HTMLElement);
  #submit = find("auth-submit", HTMLButtonElement);
  #error = find("auth-error", HTMLElement);
  #username = find("username", HTMLInputElement);
  #password = find("password", HTMLInputElement);
  #fullName = find("full-name", HTMLInputElement);
  #email = find("email", HTMLInputElement);
  #signingUp = false;
  /** @type {Api} */ #api;
  /** @type {(session: SessionReply) => void} */ #loggedIn;

  /** @param {Api} api @param {(session: SessionReply) => void} loggedIn */
  constructor(api, loggedIn) {
    this.#api = api;
    this.#loggedIn = loggedIn;
    find("auth-login", HTMLButtonElement).onclick = () => this.#choose("login");
    find("auth-signup", HTMLButtonElement).onclick = () => this.#choose("signup");
    find("auth-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#enter();
    };
  }

  /** @param {boolean} visible @param {string} [why] */
  show(visible, why = "") {
    this.#screen.hidden = !visible;
    setText(this.#error, why);
    if (visible) this.#username.focus();
  }

  /** @param {"login" | "signup"} mode */
  #choose(mode) {
    this.#signingUp = mode === "signup";
    find("auth-login", HTMLElement).setAttribute("aria-pressed", String(!this.#signingUp));
    find("auth-signup", HTMLElement).setAttribute("aria-pressed", String(this.#signingUp));
    find("full-name-field", HTMLElement).hidden = !this.#signingUp;
    find("email-field", HTMLElement).hidden = !this.#signingUp;
    this.#password.autocomplete = this.#signingUp ? "new-password" : "current-password";
    setText(this.#submit, this.#signingUp ? "Sign up" : "Log in");
    setText(this.#error, "");
  }

  async #enter() {
    setText(this.#error, "");
    this.#submit.disabled = true;
    try {
      const session = await this.#session();
      this.#password.value = "";
      this.#loggedIn(session);
    } catch (reason) {
      setText(this.#error, sentence(reason));
    } finally {
      this.#submit.disabled = false;
    }
  }

  async #session() {
    const name = this.#fullName.value.trim();
    const email = this.#email.value.trim();
    const username = this.#username.value.trim();
    const password = this.#password.value;
    const more = { ...(name && { full_name: name }), ...(email && { email }) };
    if (this.#signingUp) await this.#api.signUp({ username, password, ...more });
    return this.#api.logIn(username, password);
  }
}

/** @param {unknown} reason @returns {string} */
function sentence(reason) {
  if (!(reason instanceof Refused) || reason.code !== "validation_failed") return explain(reason);
  if (reason.field === "/password") return "A password has 8 to 256 characters.";
  if (reason.field === "/email") return "This is no e-mail address.";
  if (reason.field === "/username") return "A user name has 3 to 32 letters or digits.";
  return "The full name cannot be used.";
}

// Where you are: signing up and logging in.

/** @import {Api, SessionReply} from "../net/api.js" */
import { Refused, explain } from "../net/errors.js";
import { find, setText } from "./dom.js";

/**
 * @param {Api} api
 * @param {(session: SessionReply) => void} loggedIn
 */
export function createAuth(api, loggedIn) {
  const screen = find("auth", HTMLElement);
  const form = find("auth-form", HTMLFormElement);
  const submit = find("auth-submit", HTMLButtonElement);
  const error = find("auth-error", HTMLElement);
  const username = find("username", HTMLInputElement);
  const password = find("password", HTMLInputElement);
  const fullName = find("full-name", HTMLInputElement);
  const modes = { login: find("auth-login", HTMLButtonElement), signup: find("auth-signup", HTMLButtonElement) };
  let signingUp = false;

  /** @param {"login" | "signup"} mode */
  function choose(mode) {
    signingUp = mode === "signup";
    for (const [name, button] of Object.entries(modes)) button.setAttribute("aria-pressed", String(name === mode));
    find("full-name-field", HTMLElement).hidden = !signingUp;
    password.autocomplete = signingUp ? "new-password" : "current-password";
    setText(submit, signingUp ? "Sign up" : "Log in");
    setText(error, "");
  }

  async function enter() {
    const name = fullName.value.trim();
    const account = { username: username.value.trim(), password: password.value, ...(name && { full_name: name }) };
    if (signingUp) await api.signUp(account);
    return api.logIn(account.username, account.password);
  }

  /** @param {unknown} reason @returns {string} */
  function sentence(reason) {
    if (!(reason instanceof Refused) || reason.code !== "validation_failed") return explain(reason);
    if (reason.field === "/password") return "A password has 8 to 256 characters.";
    if (reason.field === "/username") return "A user name has 3 to 32 letters or digits.";
    return "The full name cannot be used.";
  }

  modes.login.addEventListener("click", () => choose("login"));
  modes.signup.addEventListener("click", () => choose("signup"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    setText(error, "");
    submit.disabled = true;
    try {
      const session = await enter();
      password.value = "";
      loggedIn(session);
    } catch (reason) {
      setText(error, sentence(reason));
    } finally {
      submit.disabled = false;
    }
  });

  return {
    /** @param {boolean} visible @param {string} [why] */
    show(visible, why = "") {
      screen.hidden = !visible;
      setText(error, why);
      if (visible) username.focus();
    },
  };
}

// Where you are: the people tab: search, requests both ways, friends and the blocked.

/** @import {State} from "../state/state.js" */
/** @import {Commands, FriendAction} from "../tasks/commands.js" */
import { nameOf, usersWho } from "../state/selectors.js";
import { avatar, showAvatar } from "./avatar.js";
import { confirm } from "./confirm.js";
import { button, find, h, keyed, setText } from "./dom.js";

/** @typedef {"none" | "requested" | "incoming" | "friends" | "blocked"} Standing */

/** A search waits until typing has paused this long. */
const SEARCH_AFTER_MS = 250;

export class PeopleView {
  #search = find("search", HTMLInputElement);
  #none = find("none-found", HTMLElement);
  /** @type {string[]} */ #found = [];
  #searched = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {Commands} */ #commands;
  /** @type {() => void} */ #repaint;

  /** @param {Commands} commands @param {() => void} repaint */
  constructor(commands, repaint) {
    this.#commands = commands;
    this.#repaint = repaint;
    this.#search.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), SEARCH_AFTER_MS);
    };
  }

  /** @param {State} state */
  render(state) {
    setText(this.#none, this.#searched && this.#found.length === 0 ? `Nobody is called “${this.#searched}”.` : "");
    this.#list(state, "found", this.#found);
    find("section-found", HTMLElement).hidden = this.#searched === "";
    for (const standing of /** @type {const} */ (["incoming", "requested", "friends", "blocked"])) {
      this.#list(state, standing, usersWho(state, standing));
    }
  }

  /** @param {State} state @param {string} test @param {string[]} users */
  #list(state, test, users) {
    find(`section-${test}`, HTMLElement).hidden = users.length === 0;
    keyed(
      find(test, HTMLUListElement),
      users,
      (user) => user,
      (user) => new Person(user, this.#commands),
      (row) => row.show(state),
    );
  }

  async #look() {
    const query = this.#search.value.trim();
    const users = query ? await this.#commands.find(query) : [];
    if (query !== this.#search.value.trim()) return; // typed on meanwhile
    this.#found = users.map((user) => user.id);
    this.#searched = query;
    this.#repaint();
  }
}

class Person {
  #avatar = avatar();
  #name = h("strong", { class: "line", "data-test": "person-name" });
  #username = h("small", { class: "line" });
  #actions = h("span", { class: "actions" });
  /** @type {Standing | null} */ #standing = null;
  /** @type {string} */ #user;
  /** @type {Commands} */ #commands;
  /** @type {HTMLElement} */ element;

  /** @param {string} user @param {Commands} commands */
  constructor(user, commands) {
    this.#user = user;
    this.#commands = commands;
    const words = h("span", { class: "grow" }, this.#name, this.#username);
    this.element = h("li", { class: "person", "data-test": "person" }, this.#avatar, words, this.#actions);
  }

  /** @param {State} state */
  show(state) {
    const standing = standingOf(state, this.#user);
    const username = state.people[this.#user]?.username ?? "";
    this.element.dataset["username"] = username;
    this.element.classList.toggle("online", standing === "friends" && (state.presence[this.#user]?.online ?? false));
    showAvatar(this.#avatar, this.#user, nameOf(state, this.#user));
    setText(this.#name, nameOf(state, this.#user));
    setText(this.#username, username && `@${username}`);
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#actions.replaceChildren(...this.#buttons(standing));
  }

  /** @param {Standing} standing @returns {HTMLElement[]} */
  #buttons(standing) {
    switch (standing) {
      case "none":
        return [this.#act("request", "Add friend"), this.#block()];
      case "requested":
        return [this.#act("cancel", "Cancel", "quiet")];
      case "incoming":
        return [this.#act("accept", "Accept", "primary"), this.#act("reject", "Reject"), this.#block()];
      case "friends":
        return [this.#message(), this.#ask("remove", "Remove", "Remove … from your friends?"), this.#block()];
      case "blocked":
        return [this.#act("unblock", "Unblock")];
    }
  }

  #message() {
    return button("Message", "friend-message", () => this.#commands.open({ to: this.#user }));
  }

  #block() {
    return this.#ask("block", "Block", "Block …? You will not hear from each other any more.");
  }

  /** @param {FriendAction} action @param {string} label @param {string} [kind] */
  #act(action, label, kind) {
    return button(label, `friend-${action}`, () => this.#commands.friend(action, this.#user), kind);
  }

  /** @param {FriendAction} action @param {string} label @param {string} question with … for the name */
  #ask(action, label, question) {
    const act = () => this.#commands.friend(action, this.#user);
    const ask = () =>
      confirm(
        question.replace("…", () => this.#name.textContent),
        label,
        act,
      );
    return button(label, `friend-${action}`, ask, "quiet");
  }
}

/** @param {State} state @param {string} user @returns {Standing} */
function standingOf(state, user) {
  const friend = state.friends.byUser[user];
  return friend?.blocked ? "blocked" : (friend?.state ?? "none");
}

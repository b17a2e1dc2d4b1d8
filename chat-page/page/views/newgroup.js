// Where you are: the dialog that makes a group of at least two friends and oneself.

/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { nameOf, usersWho } from "../state/selectors.js";
import { find, h } from "./dom.js";

const FRIENDS_MIN = 2;

export class NewGroupDialog {
  #dialog = find("group-dialog", HTMLDialogElement);
  #name = find("group-name", HTMLInputElement);
  #friends = find("group-friends", HTMLUListElement);
  #create = find("group-create", HTMLButtonElement);
  /** @type {Commands} */ #commands;
  /** @type {() => void} */ #made;

  /** @param {Commands} commands @param {() => State} state @param {() => void} made */
  constructor(commands, state, made) {
    this.#commands = commands;
    this.#made = made;
    find("new-group", HTMLButtonElement).onclick = () => this.#show(state());
    find("group-cancel", HTMLButtonElement).onclick = () => this.#dialog.close();
    this.#dialog.oninput = () => this.#check();
    find("group-form", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#make();
    };
  }

  /** @param {State} state */
  #show(state) {
    const friends = usersWho(state, "friends");
    this.#name.value = "";
    this.#friends.replaceChildren(...friends.map((user) => choice(state, user)));
    if (friends.length < FRIENDS_MIN)
      this.#friends.append(h("li", { class: "hint" }, "A group needs two friends of yours."));
    this.#check();
    this.#dialog.showModal();
  }

  /** @returns {string[]} */
  #chosen() {
    return [...this.#friends.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
  }

  #check() {
    this.#create.disabled = this.#chosen().length < FRIENDS_MIN || this.#name.value.trim() === "";
  }

  async #make() {
    this.#create.disabled = true;
    const conversation = await this.#commands.createGroup(this.#name.value.trim(), this.#chosen());
    this.#check();
    if (!conversation) return;
    this.#dialog.close();
    this.#made();
    this.#commands.open({ conversation: conversation.id });
  }
}

/** @param {State} state @param {string} user @returns {HTMLElement} */
function choice(state, user) {
  const username = state.people[user]?.username;
  const box = h("input", { type: "checkbox", value: user, "data-test": "group-friend", "data-username": username });
  return h("li", {}, h("label", { class: "check" }, box, nameOf(state, user)));
}

// Where you are: the dialog with what there is to know and to do in a group: name, members, roles, leaving. It
// offers only what one's role allows; the server decides.

/** @import {Member, Role} from "../net/protocol.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { nameOf, open, titleOf, usersWho } from "../state/selectors.js";
import { avatar, showAvatar } from "./avatar.js";
import { confirm } from "./confirm.js";
import { button, find, h, keyed, setText } from "./dom.js";

/** @type {Role[]} */
const ROLES = ["owner", "admin", "member"];

export class DetailsDialog {
  #dialog = find("details-dialog", HTMLDialogElement);
  #title = find("details-title", HTMLElement);
  #rename = find("rename", HTMLInputElement);
  #list = find("members", HTMLUListElement);
  #choice = find("add-friend-choice", HTMLSelectElement);
  /** @type {Member[]} */ #members = [];
  /** The conversation and the change of its members that the list was read at. */
  #read = "";
  /** @type {Commands} */ #commands;
  /** @type {() => State} */ #state;

  /** @param {Commands} commands @param {() => State} state */
  constructor(commands, state) {
    this.#commands = commands;
    this.#state = state;
    find("details-close", HTMLButtonElement).onclick = () => this.#dialog.close();
    this.#submitting(
      "rename-form",
      (id) => this.#rename.value.trim() && commands.rename(id, this.#rename.value.trim()),
    );
    this.#submitting("add-form", (id) => this.#choice.value && commands.addMembers(id, [this.#choice.value]));
    this.#asking("leave-group", "Leave this group?", "Leave", (id) => commands.leave(id));
    this.#asking("delete-group", "Delete this group and all its messages for everybody?", "Delete", (id) =>
      commands.destroy(id),
    );
  }

  show() {
    const conversation = open(this.#state());
    if (!conversation) return;
    this.#rename.value = conversation.name ?? "";
    this.#read = "";
    this.#dialog.showModal();
    this.render(this.#state());
  }

  /** @param {State} state */
  render(state) {
    if (!this.#dialog.open) return;
    const conversation = open(state);
    if (conversation?.kind !== "group") return this.#dialog.close();
    this.#readMembers(conversation);
    setText(this.#title, titleOf(state, conversation));
    find("rename-form", HTMLElement).hidden = conversation.role === "member";
    find("delete-group", HTMLElement).hidden = conversation.role !== "owner";
    this.#offerFriends(state, conversation);
    keyed(
      this.#list,
      this.#members,
      (member) => member.user.id,
      (member) => new MemberRow(conversation.id, member.user.id, this.#commands),
      (row, member) => row.show(state, conversation, member),
    );
  }

  /** @param {Conversation} conversation */
  async #readMembers({ id, roster }) {
    const wanted = `${id} ${roster}`;
    if (wanted === this.#read) return;
    this.#read = wanted;
    const members = await this.#commands.members(id);
    if (!members || this.#read !== wanted) return;
    this.#members = members;
    this.render(this.#state());
  }

  /** @param {State} state @param {Conversation} conversation */
  #offerFriends(state, conversation) {
    const inside = new Set(this.#members.map((member) => member.user.id));
    const others = usersWho(state, "friends").filter((user) => !inside.has(user));
    find("add-form", HTMLElement).hidden = conversation.role === "member" || others.length === 0;
    keyed(
      this.#choice,
      others,
      (user) => user,
      (user) => ({ element: h("option", { value: user }) }),
      ({ element }, user) => setText(element, nameOf(state, user)),
    );
  }

  /** @param {string} test @param {(id: string) => void} act */
  #submitting(test, act) {
    find(test, HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#here(act);
    };
  }

  /** @param {string} test @param {string} question @param {string} yes @param {(id: string) => void} act */
  #asking(test, question, yes, act) {
    find(test, HTMLButtonElement).onclick = () => this.#here((id) => confirm(question, yes, () => act(id)));
  }

  /** @param {(id: string) => void} act */
  #here(act) {
    const conversation = open(this.#state());
    if (conversation) act(conversation.id);
  }
}

class MemberRow {
  #avatar = avatar();
  #name = h("strong", { class: "line grow" });
  #role = h("small", { "data-test": "member-role-name" });
  /** @type {HTMLSelectElement} */ #choice;
  /** @type {HTMLButtonElement} */ #remove;
  /** @type {HTMLElement} */ element;

  /** @param {string} conversation @param {string} user @param {Commands} commands */
  constructor(conversation, user, commands) {
    const roles = ROLES.map((role) => h("option", { value: role }, role));
    const choose = () => commands.setRole(conversation, user, /** @type {Role} */ (this.#choice.value));
    const remove = () => commands.removeMember(conversation, user);
    const ask = () => confirm(`Remove ${this.#name.textContent} from this group?`, "Remove", remove);
    this.#choice = h("select", { "data-test": "member-role", "aria-label": "Role", change: choose }, ...roles);
    this.#remove = button("Remove", "member-remove", ask, "quiet");
    const parts = [this.#avatar, this.#name, this.#role, this.#choice, this.#remove];
    this.element = h("li", { class: "member", "data-test": "member" }, ...parts);
  }

  /** @param {State} state @param {Conversation} conversation @param {Member} member */
  show(state, conversation, { user, role }) {
    const mine = conversation.role;
    const self = user.id === state.me.id;
    const name = self ? "You" : (user.full_name ?? user.username ?? nameOf(state, user.id));
    this.element.dataset["username"] = user.username ?? "";
    showAvatar(this.#avatar, user.id, name);
    setText(this.#name, name);
    setText(this.#role, role);
    this.#choice.value = role;
    this.#role.hidden = mine === "owner";
    this.#choice.hidden = mine !== "owner";
    this.#remove.hidden = self || !(mine === "owner" || (mine === "admin" && role === "member"));
  }
}

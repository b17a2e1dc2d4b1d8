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

/**
 * @param {Commands} commands
 * @param {() => State} state
 */
export function createDetails(commands, state) {
  const dialog = find("details-dialog", HTMLDialogElement);
  const rename = find("rename", HTMLInputElement);
  const choice = find("add-friend-choice", HTMLSelectElement);
  /** @type {Member[]} */
  let members = [];
  /** What the list was read for. */
  let listed = "";

  function show() {
    const conversation = open(state());
    if (!conversation) return;
    rename.value = conversation.name ?? "";
    listed = "";
    dialog.showModal();
    render(state());
  }

  /** @param {Conversation} conversation */
  async function list({ id, roster }) {
    const read = `${id} ${roster}`;
    if (read === listed) return;
    listed = read;
    const items = await commands.members(id);
    if (!items || listed !== read) return;
    members = items;
    render(state());
  }

  /** @param {Member} member */
  function create({ user: { id: user } }) {
    const here = () => /** @type {Conversation} */ (open(state()));
    const choose = h(
      "select",
      { "data-test": "member-role", "aria-label": "Role" },
      ...ROLES.map((role) => h("option", { value: role }, role)),
    );
    choose.onchange = () => commands.setRole(here().id, user, /** @type {Role} */ (choose.value));
    const remove = () =>
      confirm(`Remove ${nameOf(state(), user)} from this group?`, "Remove", () =>
        commands.removeMember(here().id, user),
      );
    return h(
      "li",
      { class: "member", "data-test": "member", "data-user": user },
      avatar(),
      h("strong", { class: "line grow" }),
      h("small", { "data-test": "member-role-name" }),
      choose,
      button("Remove", "member-remove", remove, "quiet"),
    );
  }

  /** @param {HTMLElement} element @param {Member} member @param {Conversation} conversation */
  function update(element, { user, role }, conversation) {
    const mine = conversation.role;
    const self = user.id === state().me.id;
    const name = self ? "You" : (user.full_name ?? user.username ?? nameOf(state(), user.id));
    element.dataset["username"] = user.username ?? "";
    element.dataset["role"] = role;
    showAvatar(element.querySelector(".avatar"), user.id, name);
    setText(element.querySelector("strong") ?? element, name);
    const [words, choose, remove] = [
      element.querySelector("small"),
      element.querySelector("select"),
      element.querySelector("button"),
    ];
    if (!words || !choose || !remove) return;
    setText(words, role);
    choose.value = role;
    words.hidden = mine === "owner";
    choose.hidden = mine !== "owner";
    remove.hidden = self || !(mine === "owner" || (mine === "admin" && role === "member"));
  }

  /** @param {State} now */
  function render(now) {
    if (!dialog.open) return;
    const conversation = open(now);
    if (!conversation || conversation.kind === "direct") return dialog.close();
    list(conversation);
    const leads = conversation.role !== "member";
    setText(find("details-title", HTMLElement), titleOf(now, conversation));
    find("rename-form", HTMLElement).hidden = !leads;
    find("delete-group", HTMLElement).hidden = conversation.role !== "owner";
    keyed(
      find("members", HTMLUListElement),
      members,
      (member) => member.user.id,
      create,
      (element, member) => update(element, member, conversation),
    );
    offerFriends(now, leads);
  }

  /** @param {State} now @param {boolean} leads */
  function offerFriends(now, leads) {
    const inside = new Set(members.map((member) => member.user.id));
    const others = usersWho(now, "friends").filter((user) => !inside.has(user));
    find("add-form", HTMLElement).hidden = !leads || others.length === 0;
    keyed(
      choice,
      others,
      (user) => user,
      (user) => h("option", { value: user, "data-username": now.people[user]?.username }),
      (option, user) => setText(option, nameOf(now, user)),
    );
  }

  /** @param {string} test @param {string} question @param {string} yes @param {(id: string) => void} act */
  function asking(test, question, yes, act) {
    find(test, HTMLButtonElement).onclick = () => {
      const id = open(state())?.id;
      if (id) confirm(question, yes, () => act(id));
    };
  }

  /** @param {string} test @param {(id: string) => void} act */
  function submitting(test, act) {
    find(test, HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      const id = open(state())?.id;
      if (id) act(id);
    };
  }

  submitting("rename-form", (id) => rename.value.trim() && commands.rename(id, rename.value.trim()));
  submitting("add-form", (id) => choice.value && commands.addMembers(id, [choice.value]));
  asking("leave-group", "Leave this group?", "Leave", commands.leave);
  asking("delete-group", "Delete this group and all its messages for everybody?", "Delete", commands.destroy);
  find("details-close", HTMLButtonElement).onclick = () => dialog.close();

  return { show, render };
}

// Where you are: the dialog that makes a group of at least two friends and oneself.

/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { nameOf, usersWho } from "../state/selectors.js";
import { find, h } from "./dom.js";

const FRIENDS_MIN = 2;

/**
 * @param {Commands} commands
 * @param {() => State} state
 * @param {() => void} made
 */
export function createNewGroup(commands, state, made) {
  const dialog = find("group-dialog", HTMLDialogElement);
  const name = find("group-name", HTMLInputElement);
  const friends = find("group-friends", HTMLUListElement);
  const create = find("group-create", HTMLButtonElement);

  const chosen = () => [...friends.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
  const check = () => (create.disabled = chosen().length < FRIENDS_MIN || name.value.trim() === "");

  function show() {
    name.value = "";
    friends.replaceChildren(
      ...usersWho(state(), "friends").map((user) =>
        h(
          "li",
          {},
          h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              value: user,
              "data-test": "group-friend",
              "data-username": state().people[user]?.username,
            }),
            nameOf(state(), user),
          ),
        ),
      ),
    );
    if (friends.childElementCount < FRIENDS_MIN)
      friends.append(h("li", { class: "hint" }, "A group needs two friends of yours."));
    check();
    dialog.showModal();
  }

  find("new-group", HTMLButtonElement).onclick = show;
  find("group-cancel", HTMLButtonElement).onclick = () => dialog.close();
  dialog.addEventListener("input", check);
  find("group-form", HTMLFormElement).onsubmit = async (event) => {
    event.preventDefault();
    create.disabled = true;
    const conversation = await commands.createGroup(name.value.trim(), chosen());
    check();
    if (!conversation) return;
    dialog.close();
    made();
    commands.open({ conversation: conversation.id });
  };
}

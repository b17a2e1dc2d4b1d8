// Where you are: where one writes. Enter sends, Shift+Enter makes a new line, Arrow-up in an empty field edits
// the last message of one's own, Escape ends editing. What is not sent yet waits with its conversation.

/** @import {Message} from "../net/protocol.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
/** @import {Typing} from "../tasks/typing.js" */
import { laneOf } from "../state/outgoing.js";
import { open } from "../state/selectors.js";
import { find } from "./dom.js";

/**
 * @param {Commands} commands
 * @param {Typing} typing
 * @param {() => State} state
 */
export function createComposer(commands, typing, state) {
  const form = find("composer", HTMLFormElement);
  const text = find("text", HTMLTextAreaElement);
  const banner = find("editing", HTMLElement);
  /** @type {Map<string, string>} */
  const drafts = new Map();
  let lane = "";
  /** @type {Message | null} */
  let editing = null;

  /** @param {Message} message */
  function edit(message) {
    if (!editing) drafts.set(lane, text.value);
    editing = message;
    banner.hidden = false;
    text.value = message.text ?? "";
    text.focus();
  }

  function endEditing() {
    editing = null;
    banner.hidden = true;
    text.value = drafts.get(lane) ?? "";
  }

  async function send() {
    const { selected } = state();
    if (!selected || text.value.trim() === "") return;
    if (editing) {
      if (editing.text === text.value || (await commands.edit(editing, text.value))) endEditing();
      return;
    }
    commands.write(selected, text.value);
    drafts.delete(lane);
    text.value = "";
    typing.sent();
  }

  function editLast() {
    const { me } = state();
    const last = open(state())?.messages.findLast((message) => message.sender === me.id && !message.deleted_at);
    if (last) edit(last);
  }

  form.onsubmit = (event) => {
    event.preventDefault();
    send();
  };
  text.onkeydown = (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text.value === "") {
      event.preventDefault();
      editLast();
    } else if (event.key === "Escape" && editing) endEditing();
  };
  text.oninput = () => {
    const conversation = open(state());
    if (text.value === "" || editing) typing.ended();
    else if (conversation) typing.pressed(conversation.id);
  };
  text.onblur = () => typing.ended();
  find("edit-cancel", HTMLButtonElement).onclick = endEditing;

  /** @param {State} now */
  function render({ selected }) {
    const next = selected ? laneOf(selected) : "";
    if (next === lane) return;
    if (editing) endEditing();
    drafts.set(lane, text.value);
    lane = next;
    text.value = drafts.get(lane) ?? "";
    if (selected && matchMedia("(pointer: fine)").matches) text.focus();
  }

  return { edit, render };
}

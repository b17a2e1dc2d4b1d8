// Where you are: where one writes. Enter sends, Shift+Enter makes a new line, Arrow-up in an empty field edits
// the last message of one's own, Escape ends editing. What is not sent yet waits with its conversation.

/** @import {Message} from "../net/protocol.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
/** @import {Typing} from "../tasks/typing.js" */
/** @import {WaitingFiles} from "./waiting.js" */
import { laneOf } from "../state/outgoing.js";
import { open } from "../state/selectors.js";
import { find } from "./dom.js";

export class ComposerView {
  #text = find("text", HTMLTextAreaElement);
  #banner = find("editing", HTMLElement);
  /** @type {Map<string, string>} */ #drafts = new Map();
  #lane = "";
  /** @type {Message | null} */ #editing = null;
  /** @type {Commands} */ #commands;
  /** @type {Typing} */ #typing;
  /** @type {WaitingFiles} */ #files;
  /** @type {() => State} */ #state;

  /** @param {Commands} commands @param {Typing} typing @param {WaitingFiles} files @param {() => State} state */
  constructor(commands, typing, files, state) {
    this.#commands = commands;
    this.#files = files;
    this.#typing = typing;
    this.#state = state;
    this.#text.onkeydown = (event) => this.#key(event);
    this.#text.oninput = () => this.#typed();
    this.#text.onblur = () => typing.ended();
    find("edit-cancel", HTMLButtonElement).onclick = () => this.#endEditing();
    find("composer", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
  }

  /** @param {Message} message */
  edit(message) {
    if (!this.#editing) this.#drafts.set(this.#lane, this.#text.value);
    this.#editing = message;
    this.#banner.hidden = false;
    this.#text.value = message.text ?? "";
    this.#text.focus();
  }

  /** @param {State} state */
  render({ selected }) {
    const lane = selected ? laneOf(selected) : "";
    if (lane === this.#lane) return;
    if (this.#editing) this.#endEditing();
    this.#drafts.set(this.#lane, this.#text.value);
    this.#lane = lane;
    this.#files.show(lane);
    this.#text.value = this.#drafts.get(lane) ?? "";
    if (selected && matchMedia("(pointer: fine)").matches) this.#text.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && this.#text.value === "") {
      event.preventDefault();
      this.#editLast();
    } else if (event.key === "Escape" && this.#editing) this.#endEditing();
  }

  #typed() {
    const conversation = open(this.#state());
    if (this.#text.value === "" || this.#editing) this.#typing.ended();
    else if (conversation) this.#typing.pressed(conversation.id);
  }

  #send() {
    const { selected } = this.#state();
    if (!selected) return;
    if (this.#editing) return this.#change(this.#editing);
    const text = this.#text.value.trim() === "" ? "" : this.#text.value;
    if (!this.#files.areWhole()) return; // what is on its way goes with the message it was chosen for
    const attachments = this.#files.take();
    if (text === "" && attachments.length === 0) return;
    this.#commands.write(selected, text, attachments);
    this.#drafts.delete(this.#lane);
    this.#text.value = "";
    this.#typing.sent();
  }

  /** @param {Message} message */
  async #change(message) {
    if (this.#text.value.trim() === "") return;
    const same = message.text === this.#text.value;
    if (same || (await this.#commands.edit(message, this.#text.value))) this.#endEditing();
  }

  #editLast() {
    const { me } = this.#state();
    const last = open(this.#state())?.messages.findLast((message) => message.sender === me.id && !message.deleted_at);
    if (last) this.edit(last);
  }

  #endEditing() {
    this.#editing = null;
    this.#banner.hidden = true;
    this.#text.value = this.#drafts.get(this.#lane) ?? "";
  }
}

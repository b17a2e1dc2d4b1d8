// Where you are: one message: who, what, when, how far it has come, and what can be done with it. It keeps its
// element from the moment of writing until it has been read.

/** @import {Message} from "../net/protocol.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {Outgoing} from "../state/outgoing.js" */
/** @import {Progress} from "../state/selectors.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
/** @import {Item} from "./messages.js" */
/** @import {AttachmentsView} from "./attachments.js" */
import { sentence } from "../net/errors.js";
import { nameOf, open, progress, readers } from "../state/selectors.js";
import { confirm } from "./confirm.js";
import { button, h, setText } from "./dom.js";
import { clock } from "./time.js";

/** @type {Record<Progress, [sign: string, words: string]>} */
const MARKS = {
  sending: ["◷", "on its way"],
  refused: ["!", "not sent"],
  sent: ["✓", "sent"],
  delivered: ["✓✓", "delivered"],
  read: ["✓✓", "read"],
};

/** @typedef {"none" | "own" | "others" | "refused"} Tools */

export class Bubble {
  #author = h("span", { class: "author", "data-test": "message-author" });
  #text = h("p", { class: "text", "data-test": "message-text", dir: "auto" });
  #edited = h("span", { class: "edited", "data-test": "message-edited" });
  #time = h("time", {});
  #mark = h("span", { class: "mark", role: "img", "data-test": "message-mark" });
  #tools = h("span", { class: "tools" });
  /** @type {Tools} */ #offered = "none";
  /** @type {Message | null} */ #message = null;
  /** @type {Commands} */ #commands;
  /** @type {AttachmentsView} */ #attachments;
  /** @type {(message: Message) => void} */ #edit;
  /** @type {HTMLElement} */ element;

  /** @param {Commands} commands @param {AttachmentsView} attachments @param {(message: Message) => void} edit */
  constructor(commands, attachments, edit) {
    this.#commands = commands;
    this.#attachments = attachments;
    this.#edit = edit;
    const foot = h("span", { class: "foot" }, this.#edited, this.#time, this.#mark);
    const parts = [this.#author, attachments.element, this.#text, foot, this.#tools];
    this.element = h("li", { class: "message", "data-test": "message", tabindex: -1 }, ...parts);
  }

  /** @param {State} state @param {Item} item @param {Item | undefined} before */
  show(state, item, before) {
    const conversation = open(state);
    if (item.kind === "outgoing") this.#showOutgoing(item.outgoing);
    else if (item.kind === "message" && conversation) {
      const follows = before?.kind === "message" && before.message.sender === item.message.sender;
      this.#showMessage(state, conversation, item.message, follows);
    }
  }

  /** @param {State} state @param {Conversation} conversation @param {Message} message @param {boolean} follows */
  #showMessage(state, conversation, message, follows) {
    const { sender, deleted_at: deleted } = message;
    const mine = sender === state.me.id;
    const named = !mine && !follows && conversation.kind !== "direct";
    this.#message = message;
    this.element.dataset["seq"] = String(message.seq);
    this.element.classList.toggle("mine", mine);
    this.element.classList.toggle("unnamed", !named);
    this.element.classList.toggle("follows", follows);
    this.element.classList.toggle("deleted", deleted !== undefined);
    setText(this.#author, mine ? "You" : sender ? nameOf(state, sender) : "System");
    setText(this.#text, deleted ? "Message deleted" : (message.text ?? ""));
    this.#attachments.show(message.attachments ?? []);
    setText(this.#edited, message.edited_at && !deleted ? "edited" : "");
    setText(this.#time, clock(message.created_at));
    this.#time.dateTime = message.created_at;
    this.#showMark(mine ? progress(conversation, message) : null, readers(conversation, message));
    this.#offer(deleted ? "none" : mine ? "own" : mayDelete(conversation) ? "others" : "none", message.client_id);
  }

  /** @param {Outgoing} outgoing */
  #showOutgoing({ client_id: clientId, text, attachments = [], refused }) {
    this.element.classList.add("mine", "unnamed");
    setText(this.#author, "You");
    setText(this.#text, text);
    this.#attachments.show(attachments);
    setText(this.#time, refused === null ? "" : sentence(refused));
    this.#showMark(refused === null ? "sending" : "refused", 0);
    this.#offer(refused === null ? "none" : "refused", clientId);
  }

  /** @param {Progress | null} progress @param {number} seen by how many */
  #showMark(progress, seen) {
    this.#mark.hidden = progress === null;
    if (progress === null) return;
    const [sign, words] = MARKS[progress];
    const told = progress !== "read" && seen > 0 ? `${words}, read by ${seen}` : words;
    this.element.dataset["state"] = progress;
    setText(this.#mark, sign);
    this.#mark.setAttribute("aria-label", told);
    this.#mark.title = told;
  }

  /** @param {Tools} tools @param {string} clientId */
  #offer(tools, clientId) {
    if (tools === this.#offered) return;
    this.#offered = tools;
    this.#tools.replaceChildren(...this.#buttons(tools, clientId));
  }

  /** @param {Tools} tools @param {string} clientId @returns {HTMLElement[]} */
  #buttons(tools, clientId) {
    switch (tools) {
      case "none":
        return [];
      case "own":
        return [this.#button("Edit", "edit", this.#edit), this.#eraser()];
      case "others":
        return [this.#eraser()];
      case "refused":
        return [
          button("Try again", "message-repeat", () => this.#commands.repeat(clientId), "quiet"),
          button("Discard", "message-discard", () => this.#commands.discard(clientId), "quiet"),
        ];
    }
  }

  #eraser() {
    const question = "Delete this message for everybody?";
    return this.#button("Delete", "delete", (message) =>
      confirm(question, "Delete", () => this.#commands.erase(message)),
    );
  }

  /** For the message as it is when the button is pressed. @param {string} label @param {string} test @param {(message: Message) => void} act */
  #button(label, test, act) {
    return button(label, `message-${test}`, () => this.#message && act(this.#message), "quiet");
  }
}

/** Messages of others. @param {Conversation} conversation @returns {boolean} */
function mayDelete({ kind, role }) {
  return kind !== "direct" && (role === "owner" || role === "admin");
}

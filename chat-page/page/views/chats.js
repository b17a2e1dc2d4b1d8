// Where you are: the list of chats, with the last message, what is unread and who is there.

/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { chats, latest, nameOf, open, titleOf, typists } from "../state/selectors.js";
import { avatar, showAvatar } from "./avatar.js";
import { find, h, keyed, setText } from "./dom.js";
import { shortTime } from "./time.js";

export class ChatsView {
  #list = find("chats", HTMLUListElement);
  #none = find("no-chats", HTMLElement);
  /** @type {Commands} */ #commands;

  /** @param {Commands} commands */
  constructor(commands) {
    this.#commands = commands;
  }

  /** @param {State} state */
  render(state) {
    const all = chats(state);
    this.#none.hidden = all.length > 0;
    keyed(
      this.#list,
      all,
      (one) => one.id,
      ({ id, with: other }) => new Chat(() => this.#commands.open(other ? { to: other } : { conversation: id })),
      (row, one) => row.show(state, one),
    );
  }
}

class Chat {
  #avatar = avatar();
  #title = h("strong", { class: "line grow", "data-test": "chat-title" });
  #time = h("time", {});
  #preview = h("span", { class: "line grow preview", "data-test": "chat-preview" });
  #unread = h("span", { class: "badge", "data-test": "chat-unread" });
  /** @type {HTMLButtonElement} */ #button;
  /** @type {HTMLElement} */ element;

  /** @param {() => void} click */
  constructor(click) {
    const top = h("span", { class: "row" }, this.#title, this.#time);
    const bottom = h("span", { class: "row" }, this.#preview, this.#unread);
    const words = h("span", { class: "grow" }, top, bottom);
    this.#button = h("button", { type: "button", class: "item", "data-test": "chat", click }, this.#avatar, words);
    this.element = h("li", {}, this.#button);
  }

  /** @param {State} state @param {Conversation} conversation */
  show(state, conversation) {
    const title = titleOf(state, conversation);
    const last = latest(conversation);
    showAvatar(this.#avatar, conversation.with ?? conversation.id, title);
    this.element.classList.toggle("online", state.presence[conversation.with ?? ""]?.online ?? false);
    this.#button.setAttribute("aria-current", String(open(state) === conversation));
    setText(this.#title, title);
    setText(this.#time, last ? shortTime(last.created_at) : "");
    setText(this.#preview, preview(state, conversation));
    this.#unread.hidden = conversation.unread === 0;
    setText(this.#unread, String(conversation.unread));
    this.#unread.setAttribute("aria-label", `${conversation.unread} unread`);
  }
}

/** As much of a message as can be seen in one line. */
const PREVIEW_LETTERS = 200;

/** @param {State} state @param {Conversation} conversation @returns {string} */
function preview(state, conversation) {
  const [typist] = typists(state, conversation);
  if (typist) return `${nameOf(state, typist)} is typing…`;
  const last = latest(conversation);
  if (!last) return "";
  const text = last.deleted_at ? "Message deleted" : (last.text ?? last.attachments?.[0]?.name ?? "").slice(0, PREVIEW_LETTERS);
  if (last.sender === state.me.id) return `You: ${text}`;
  return conversation.kind === "direct" || !last.sender ? text : `${nameOf(state, last.sender)}: ${text}`;
}

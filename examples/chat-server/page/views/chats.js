// Where you are: the list of chats, with the last message, what is unread and who is there.

/** @import {Message} from "../net/protocol.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { chats, latest, nameOf, open, titleOf, typists } from "../state/selectors.js";
import { avatar, showAvatar } from "./avatar.js";
import { find, h, keyed, setText } from "./dom.js";
import { shortTime } from "./time.js";

/** @param {Commands} commands */
export function createChats(commands) {
  const list = find("chats", HTMLUListElement);

  /** @param {Conversation} conversation */
  function create({ id, with: other }) {
    const click = () => commands.open(other ? { to: other } : { conversation: id });
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "item", "data-test": "chat", click },
        avatar(),
        h(
          "span",
          { class: "grow" },
          h("span", { class: "row" }, h("strong", { class: "line grow", "data-test": "chat-title" }), h("time", {})),
          h(
            "span",
            { class: "row" },
            h("span", { class: "line grow preview", "data-test": "chat-preview" }),
            h("span", { class: "badge", "data-test": "chat-unread" }),
          ),
        ),
      ),
    );
  }

  /** @param {State} state @param {HTMLElement} element @param {Conversation} conversation */
  function update(state, element, conversation) {
    const title = titleOf(state, conversation);
    const last = latest(conversation);
    const time = element.querySelector("time");
    const unread = element.querySelector(".badge");
    showAvatar(element.querySelector(".avatar"), conversation.with ?? conversation.id, title);
    element.querySelector("button")?.setAttribute("aria-current", String(open(state) === conversation));
    element.classList.toggle("online", state.presence[conversation.with ?? ""]?.online ?? false);
    setText(element.querySelector("strong") ?? element, title);
    setText(element.querySelector(".preview") ?? element, preview(state, conversation, last));
    if (time) setText(time, last ? shortTime(last.created_at) : "");
    if (unread instanceof HTMLElement) {
      unread.hidden = conversation.unread === 0;
      setText(unread, String(conversation.unread));
      unread.setAttribute("aria-label", `${conversation.unread} unread`);
    }
  }

  /** @param {State} state */
  function render(state) {
    const all = chats(state);
    find("no-chats", HTMLElement).hidden = all.length > 0;
    keyed(
      list,
      all,
      (one) => one.id,
      create,
      (element, one) => update(state, element, one),
    );
  }

  return { render };
}

/** @param {State} state @param {Conversation} conversation @param {Message | null} last @returns {string} */
function preview(state, conversation, last) {
  const [typist] = typists(state, conversation);
  if (typist) return `${nameOf(state, typist)} is typing…`;
  if (!last) return "";
  const text = last.deleted_at ? "Message deleted" : (last.text ?? "").slice(0, 200);
  if (last.sender === state.me.id) return `You: ${text}`;
  return conversation.kind === "direct" || !last.sender ? text : `${nameOf(state, last.sender)}: ${text}`;
}

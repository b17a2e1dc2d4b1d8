// Where you are: the messages of the open conversation, from the log and on their way, with notes and days in
// between. New ones are followed at the end; older ones come when one scrolls to the start.

/** @import {Message} from "../net/protocol.js" */
/** @import {Line} from "../state/selectors.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
/** @import {AttachmentsView} from "./attachments.js" */
import { lines, open } from "../state/selectors.js";
import { Bubble } from "./bubble.js";
import { find, h, keyed, setText } from "./dom.js";
import { noteText } from "./notes.js";
import { day } from "./time.js";

/** @typedef {Line | {kind: "day", key: string, day: string}} Item */

/** This close to the end counts as being there. */
const NEAR_END_PX = 80;
/** This close to the start, older messages are asked for. */
const NEAR_START_PX = 40;

export class MessagesView {
  #log = find("log", HTMLElement);
  #list = find("messages", HTMLOListElement);
  #earlier = find("earlier", HTMLButtonElement);
  /** What was shown last. @type {{selected: string, first: string | undefined, last: string | undefined}} */
  #shown = { selected: "", first: undefined, last: undefined };
  #loading = false;
  /** @type {Commands} */ #commands;
  /** @type {() => State} */ #state;
  /** @type {() => AttachmentsView} */ #attachments;
  /** @type {(message: Message) => void} */ #edit;

  /** @param {Commands} commands @param {() => State} state @param {() => AttachmentsView} attachments @param {(message: Message) => void} edit */
  constructor(commands, state, attachments, edit) {
    this.#commands = commands;
    this.#state = state;
    this.#attachments = attachments;
    this.#edit = edit;
    this.#earlier.onclick = () => this.#load();
    this.#log.onscroll = () => {
      if (this.#log.scrollTop < NEAR_START_PX && this.#log.scrollHeight > this.#log.clientHeight) this.#load();
    };
  }

  /** @param {State} state */
  render(state) {
    const conversation = open(state);
    const shown = lines(state);
    const items = withDays(shown);
    this.#earlier.hidden = !conversation || conversation.from <= 1;
    this.#keepingPlace(JSON.stringify(state.selected), shown, () =>
      keyed(
        this.#list,
        items,
        (item) => item.key,
        (item) => this.#create(item),
        (row, item, index) => row.show(state, item, items[index - 1]),
      ),
    );
  }

  /** @param {Item} item @returns {{element: HTMLElement, show: (state: State, item: Item, before: Item | undefined) => void}} */
  #create({ kind }) {
    return kind === "day" ? new Day() : kind === "note" ? new Note() : new Bubble(this.#commands, this.#attachments(), this.#edit);
  }

  /**
   * Follows the end if that is where one was, or when one has just written; stays at the same message when older
   * ones appear before it.
   * @param {string} selected
   * @param {Line[]} lines
   * @param {() => void} paint
   */
  #keepingPlace(selected, lines, paint) {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const before = this.#shown;
    const [first, last] = [lines[0], lines.at(-1)];
    const wrote = last?.kind === "outgoing" && last.key !== before.last;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    paint();
    if (selected !== before.selected || wrote || wasAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
    else if (first?.key !== before.first) this.#log.scrollTop = this.#log.scrollHeight - scrollHeight + scrollTop;
    this.#shown = { selected, first: first?.key, last: last?.key };
  }

  async #load() {
    const conversation = open(this.#state());
    if (this.#loading || !conversation || conversation.from <= 1) return;
    this.#loading = true;
    this.#log.setAttribute("aria-busy", "true"); // old messages are not news
    await this.#commands.earlier(conversation);
    this.#log.removeAttribute("aria-busy");
    this.#loading = false;
  }
}

class Day {
  element = h("li", { class: "day" });

  /** @param {State} _ @param {Item} item */
  show(_, item) {
    if (item.kind === "day") setText(this.element, item.day);
  }
}

class Note {
  element = h("li", { class: "note", "data-test": "note" });

  /** @param {State} state @param {Item} item */
  show(state, item) {
    if (item.kind === "note") setText(this.element, noteText(state, item.note));
  }
}

/** @param {Line[]} lines @returns {Item[]} */
function withDays(lines) {
  /** @type {Item[]} */
  const items = [];
  let current = "";
  for (const line of lines) {
    const at = line.kind === "message" ? line.message.created_at : line.kind === "note" ? line.note.at : null;
    const today = at === null ? current : day(at);
    if (today !== current) items.push({ kind: "day", key: `day ${today}`, day: today });
    current = today;
    items.push(line);
  }
  return items;
}

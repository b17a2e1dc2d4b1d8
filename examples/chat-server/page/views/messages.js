// Where you are: the messages of the open conversation, from the log and on their way, with notes and days in
// between. A message keeps its element from writing to being read, found by `client_id`.

/** @import {Message} from "../net/protocol.js" */
/** @import {Line, Progress} from "../state/selectors.js" */
/** @import {Outgoing} from "../state/outgoing.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { sentence } from "../net/errors.js";
import { lines, nameOf, open, progress, readers } from "../state/selectors.js";
import { confirm } from "./confirm.js";
import { button, find, h, keyed, setText } from "./dom.js";
import { noteText } from "./notes.js";
import { clock, day } from "./time.js";

/** @typedef {Line | {kind: "day", key: string, day: string}} Row */

/** @type {Record<Progress, [sign: string, words: string]>} */
const MARKS = {
  sending: ["◷", "on its way"],
  refused: ["!", "not sent"],
  sent: ["✓", "sent"],
  delivered: ["✓✓", "delivered"],
  read: ["✓✓", "read"],
};

/** This close to the end counts as being there. */
const NEAR_END_PX = 80;
const NEAR_START_PX = 40;

<<<<<<< Updated upstream
/**
 * @param {Commands} commands
 * @param {() => State} state
 * @param {(message: Message) => void} edit
 */
export function createMessages(commands, state, edit) {
  const log = find("log", HTMLElement);
  const list = find("messages", HTMLOListElement);
  const earlier = find("earlier", HTMLButtonElement);
  /** What was shown last, to know whether to stay at the end. @type {string | null} */
  let shown = null;
  /** @type {Promise<void> | null} */
  let loading = null;
=======
export class MessagesView {
  #log = find("log", HTMLElement);
  #list = find("messages", HTMLOListElement);
  #earlier = find("earlier", HTMLButtonElement);
  /** What was shown last. @type {{selected: string, first: string | undefined, last: string | undefined}} */
  #shown = { selected: "", first: undefined, last: undefined };
  #loading = false;
  /** @type {Commands} */ #commands;
  /** @type {() => State} */ #state;
  /** @type {(message: Message) => void} */ #edit;
>>>>>>> Stashed changes

  function loadEarlier() {
    const conversation = open(state());
    if (loading || !conversation || conversation.from <= 1) return;
    log.setAttribute("aria-busy", "true"); // old messages are not news
    loading = commands.earlier(conversation).finally(() => (loading = null));
  }

<<<<<<< Updated upstream
  earlier.onclick = loadEarlier;
  log.onscroll = () => {
    if (log.scrollTop < NEAR_START_PX && log.scrollHeight > log.clientHeight) loadEarlier();
  };

  /** @param {Row} row @returns {HTMLElement} */
  function create(row) {
    if (row.kind === "day") return h("li", { class: "day" });
    if (row.kind === "note") return h("li", { class: "note", "data-test": "note" });
    return h(
      "li",
      { class: "message", "data-test": "message", tabindex: -1 },
      h("span", { class: "author", "data-test": "message-author" }),
      h("p", { class: "text", "data-test": "message-text", dir: "auto" }),
      h(
        "span",
        { class: "foot" },
        h("span", { class: "edited", "data-test": "message-edited" }),
        h("time", {}),
        h("span", { class: "mark", role: "img", "data-test": "message-mark" }),
=======
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
>>>>>>> Stashed changes
      ),
      h("span", { class: "tools" }),
    );
  }

  /** @param {HTMLElement} element @param {Row} row @param {Row | undefined} before */
  function update(element, row, before) {
    if (row.kind === "day") setText(element, row.day);
    else if (row.kind === "note") setText(element, noteText(state(), row.note));
    else if (row.kind === "outgoing") showOutgoing(element, row.outgoing);
    else showMessage(element, row.message, before);
  }

<<<<<<< Updated upstream
  /** @param {HTMLElement} element @param {Message} message @param {Row | undefined} before */
  function showMessage(element, message, before) {
    const now = state();
    const conversation = open(now);
    const mine = message.sender === now.me.id;
    const follows = before?.kind === "message" && before.message.sender === message.sender;
    const hidden = mine || follows || conversation?.kind === "direct";
    element.dataset["seq"] = String(message.seq);
    element.classList.toggle("mine", mine);
    element.classList.toggle("follows", follows);
    element.classList.toggle("deleted", message.deleted_at !== undefined);
    part(element, ".author", hidden ? "" : message.sender ? nameOf(now, message.sender) : "System");
    part(element, ".text", message.deleted_at ? "Message deleted" : (message.text ?? ""));
    part(element, ".edited", message.edited_at && !message.deleted_at ? "edited" : "");
    part(element, "time", clock(message.created_at));
    const seen = conversation && conversation.kind !== "direct" ? readers(conversation, message) : 0;
    if (conversation) mark(element, mine ? progress(conversation, message) : null, seen);
    tools(
      element,
      message.deleted_at
        ? "none"
        : mine
          ? "own"
          : conversation && conversation.kind !== "direct" && conversation.role !== "member"
            ? "other"
            : "none",
      message,
    );
=======
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
>>>>>>> Stashed changes
  }

  /** @param {HTMLElement} element @param {Outgoing} one */
  function showOutgoing(element, one) {
    element.classList.add("mine");
    part(element, ".text", one.text);
    part(element, "time", one.refused === null ? "" : sentence(one.refused));
    mark(element, one.refused === null ? "sending" : "refused", 0);
    tools(element, one.refused === null ? "none" : "refused", one);
  }

  /** @param {HTMLElement} element @param {"none" | "own" | "other" | "refused"} kind @param {Message | Outgoing} about */
  function tools(element, kind, about) {
    const known = /** @type {HTMLElement & {about?: Message | Outgoing}} */ (element);
    known.about = about;
    if (element.dataset["tools"] === kind) return;
    element.dataset["tools"] = kind;
    const message = () => /** @type {Message} */ (known.about);
    const outgoing = () => /** @type {Outgoing} */ (known.about);
    const erase = () => confirm("Delete this message for everybody?", "Delete", () => commands.erase(message()));
    const buttons = {
      none: [],
      own: [
        button("Edit", "message-edit", () => edit(message()), "quiet"),
        button("Delete", "message-delete", erase, "quiet"),
      ],
      other: [button("Delete", "message-delete", erase, "quiet")],
      refused: [
        button("Try again", "message-repeat", () => commands.repeat(outgoing().client_id), "quiet"),
        button("Discard", "message-discard", () => commands.discard(outgoing().client_id), "quiet"),
      ],
    };
    element.querySelector(".tools")?.replaceChildren(...buttons[kind]);
  }

  /** @param {State} now */
  function render(now) {
    const conversation = open(now);
    const selected = JSON.stringify(now.selected);
    const atEnd = shown !== selected || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
    const fromEnd = log.scrollHeight - log.scrollTop;
    const rows = withDays(lines(now));
    const first = rows[0]?.key;
    const grewAtStart = shown === selected && list.dataset["first"] !== first;
    earlier.hidden = !conversation || conversation.from <= 1;
    keyed(
      list,
      rows,
      (row) => row.key,
      create,
      (element, row, index) => update(element, row, rows[index - 1]),
    );
    list.dataset["first"] = first ?? "";
    if (atEnd) log.scrollTop = log.scrollHeight;
    else if (grewAtStart) log.scrollTop = log.scrollHeight - fromEnd;
    if (!loading) log.removeAttribute("aria-busy");
    shown = selected;
  }

  return { render };
}

/** @param {HTMLElement} element @param {Progress | null} progress @param {number} seen */
function mark(element, progress, seen) {
  const sign = element.querySelector(".mark");
  const [symbol, words] = progress ? MARKS[progress] : ["", ""];
  if (progress) element.dataset["state"] = progress;
  if (!(sign instanceof HTMLElement)) return;
  sign.hidden = progress === null;
  setText(sign, symbol);
  sign.setAttribute("aria-label", progress === "sent" && seen > 0 ? `read by ${seen}` : words);
  sign.title = sign.getAttribute("aria-label") ?? "";
}

/** @param {HTMLElement} element @param {string} selector @param {string} text */
function part(element, selector, text) {
  const child = element.querySelector(selector);
  if (child) setText(child, text);
}

/** @param {Line[]} lines @returns {Row[]} */
function withDays(lines) {
  /** @type {Row[]} */
  const rows = [];
  let current = "";
  for (const line of lines) {
    const at = line.kind === "message" ? line.message.created_at : line.kind === "note" ? line.note.at : null;
    const today = at === null ? current : day(at);
    if (today !== current) rows.push({ kind: "day", key: `day ${today}`, day: today });
    current = today;
    rows.push(line);
  }
  return rows;
}

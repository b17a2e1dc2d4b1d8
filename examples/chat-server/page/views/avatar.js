// Where you are: the round sign of a person or a group: two letters on one of eight colours, chosen by id so
// that it is the same everywhere.
import { h, setText } from "./dom.js";

const COLOURS = 8;

/** @returns {HTMLElement} */
export function avatar() {
  return h("span", { class: "avatar", "aria-hidden": "true" });
}

/** @param {Element | null} element @param {string} id @param {string} name */
export function showAvatar(element, id, name) {
  if (!(element instanceof HTMLElement)) return;
  const sum = [...id].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) >>> 0, 7);
  element.dataset["colour"] = String(sum % COLOURS);
  const words = name.trim().split(/\s+/);
  setText(
    element,
    [words[0], words.length > 1 ? words.at(-1) : ""]
      .map((word) => [...(word ?? "")][0] ?? "")
      .join("")
      .toUpperCase(),
  );
}

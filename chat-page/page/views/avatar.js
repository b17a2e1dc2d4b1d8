// Where you are: the round sign of a person or a group: two letters on one of eight colours, chosen by id so
// that it is the same everywhere.
import { h, setText } from "./dom.js";

const COLOURS = 8;

/** @returns {HTMLElement} */
export function avatar() {
  return h("span", { class: "avatar", "aria-hidden": "true" });
}

/** @param {HTMLElement} element @param {string} id @param {string} name */
export function showAvatar(element, id, name) {
  const sum = [...id].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  element.dataset["colour"] = String(sum % COLOURS);
  setText(
    element,
    letters
      .map((word) => [...(word ?? "")][0] ?? "")
      .join("")
      .toUpperCase(),
  );
}

// Where you are: one sentence at the bottom of the page that goes away by itself.
import { find, setText } from "./dom.js";

const SHOWN_MS = 6000;

/** @returns {(sentence: string) => void} */
export function createNotice() {
  const notice = find("notice", HTMLElement);
  notice.popover = "manual"; // above open dialogs too
  notice.hidden = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  return (sentence) => {
    clearTimeout(timer);
    notice.showPopover();
    setText(notice, sentence);
    timer = setTimeout(() => {
      setText(notice, "");
      notice.hidePopover();
    }, SHOWN_MS);
  };
}

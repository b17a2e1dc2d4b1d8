// Where you are: asking before what cannot be undone.
import { find, setText } from "./dom.js";

/**
 * @param {string} question
 * @param {string} yes what the button says
 * @param {() => void} act
 */
export function confirm(question, yes, act) {
  const dialog = find("confirm-dialog", HTMLDialogElement);
  const accept = find("confirm-yes", HTMLButtonElement);
  setText(find("confirm-question", HTMLElement), question);
  setText(accept, yes);
  accept.onclick = () => {
    dialog.close();
    act();
  };
  find("confirm-no", HTMLButtonElement).onclick = () => dialog.close();
  dialog.showModal();
}

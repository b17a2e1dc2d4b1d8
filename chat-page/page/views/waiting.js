// Where you are: files that were chosen and are not sent yet: their names, how far they have come, and a way to let
// go of each. Those of one conversation wait with it, as its draft does.

/** @import {Attachment} from "../net/protocol.js" */
/** @import {Files} from "../net/files.js" */
import { explain } from "../net/errors.js";
import { button, find, h } from "./dom.js";

/** @typedef {{element: HTMLElement, attachment: Attachment | null, stop: AbortController}} Waiting */

export class WaitingFiles {
  #list = find("waiting-files", HTMLUListElement);
  #choice = find("file-choice", HTMLInputElement);
  /** @type {Map<string, Waiting[]>} */ #lanes = new Map();
  #lane = "";
  /** @type {Files} */ #files;
  /** @type {(sentence: string) => void} */ #say;

  /** @param {Files} files @param {(sentence: string) => void} say */
  constructor(files, say) {
    this.#files = files;
    this.#say = say;
    find("attach", HTMLButtonElement).onclick = () => this.#choice.click();
    this.#choice.onchange = () => {
      for (const file of this.#choice.files ?? []) this.#bring(file);
      this.#choice.value = "";
    };
  }

  /** @param {string} lane */
  show(lane) {
    this.#lane = lane;
    this.#list.replaceChildren(...this.#here().map((one) => one.element));
  }

  /** Whether all that waits here may be sent. @returns {boolean} */
  areWhole() {
    return this.#here().every((one) => one.attachment !== null);
  }

  /** What waits here, to be sent: it waits no more. @returns {Attachment[]} */
  take() {
    const taken = this.#here().flatMap((one) => one.attachment ?? []);
    this.#lanes.delete(this.#lane);
    this.show(this.#lane);
    return taken;
  }

  #here() {
    return this.#lanes.get(this.#lane) ?? [];
  }

  /** @param {File} file */
  async #bring(file) {
    const lane = this.#lane;
    const bar = h("progress", { max: 1, value: 0, "data-test": "upload-progress", "aria-label": `${file.name} is on its way` });
    const name = h("span", { class: "line grow", dir: "auto" }, file.name);
    const drop = button("Remove", "upload-remove", () => this.#drop(lane, one), "quiet");
    const element = h("li", { "data-test": "waiting-file", "data-state": "coming" }, name, bar, drop);
    /** @type {Waiting} */
    const one = { element, attachment: null, stop: new AbortController() };
    this.#lanes.set(lane, [...(this.#lanes.get(lane) ?? []), one]);
    this.show(this.#lane);
    try {
      one.attachment = await this.#files.bring(file, (share) => (bar.value = share), one.stop.signal);
      element.dataset["state"] = "whole";
    } catch (error) {
      if (!one.stop.signal.aborted) this.#say(`${file.name}: ${explain(error)}`);
      this.#forget(lane, one);
    }
  }

  /** @param {string} lane @param {Waiting} one */
  #drop(lane, one) {
    one.stop.abort();
    if (one.attachment) this.#files.discard(one.attachment.id).catch(() => {}); // else it goes by its age
    this.#forget(lane, one);
  }

  /** @param {string} lane @param {Waiting} one */
  #forget(lane, one) {
    this.#lanes.set(lane, (this.#lanes.get(lane) ?? []).filter((other) => other !== one));
    this.show(this.#lane);
  }
}

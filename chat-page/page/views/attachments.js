// Where you are: the files of one message: pictures, small ones first, and everything else as something to save.

/** @import {Attachment} from "../net/protocol.js" */
/** @import {Files} from "../net/files.js" */
import { explain } from "../net/errors.js";
import { h } from "./dom.js";

/** Pictures that are in memory, by what they are, however often they are shown. @type {Map<string, Promise<string>>} */
const shown = new Map();
/** So many of them. */
const SHOWN_MAX = 200;

export class AttachmentsView {
  /** @type {HTMLElement} */ element = h("ul", { class: "attachments", "data-test": "attachments" });
  #ids = "";
  /** @type {Files} */ #files;
  /** @type {(sentence: string) => void} */ #say;

  /** @param {Files} files @param {(sentence: string) => void} say */
  constructor(files, say) {
    this.#files = files;
    this.#say = say;
  }

  /** @param {Attachment[]} attachments */
  show(attachments) {
    const ids = attachments.map((one) => one.id).join();
    if (ids === this.#ids) return;
    this.#ids = ids;
    this.element.replaceChildren(...attachments.map((one) => h("li", {}, this.#one(one))));
  }

  /** @param {Attachment} attachment */
  #one(attachment) {
    const { name, bytes, width } = attachment;
    const click = () => this.#save(attachment);
    if (width === undefined) {
      const label = `${name} (${size(bytes)})`;
      return h("button", { type: "button", class: "file", dir: "auto", "data-test": "attachment-file", click }, label);
    }
    const picture = this.#picture(attachment);
    return h("button", { type: "button", class: "picture", title: name, "data-test": "attachment-picture", click }, picture);
  }

  /** @param {Attachment} attachment */
  #picture({ id, name, width, height, thumbnail }) {
    const { width: across, height: down } = thumbnail ?? { width, height };
    const image = h("img", { alt: name, width: across, height: down, "data-test": "attachment-image" });
    address(this.#files, id, thumbnail ? "thumbnail" : "file").then(
      (url) => (image.src = url),
      () => (image.alt = `${name} cannot be shown`),
    );
    return image;
  }

  /** @param {Attachment} attachment */
  async #save({ id, name }) {
    try {
      const url = URL.createObjectURL(await this.#files.fetch(id, "file"));
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      this.#say(explain(error));
    }
  }
}

/** Where a picture is for this page. @param {Files} files @param {string} id @param {"file" | "thumbnail"} form @returns {Promise<string>} */
function address(files, id, form) {
  const known = shown.get(id) ?? files.fetch(id, form).then((blob) => URL.createObjectURL(blob));
  shown.delete(id);
  shown.set(id, known);
  known.catch(() => shown.delete(id));
  for (const [oldest, url] of shown) {
    if (shown.size <= SHOWN_MAX) break;
    shown.delete(oldest);
    url.then(URL.revokeObjectURL, () => {});
  }
  return known;
}

/** @param {number} bytes @returns {string} */
function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

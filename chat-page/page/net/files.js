// Where you are: files on their way to the server and back. Bytes go over HTTP, not over the socket, with the same
// token. What is shown is fetched, since an address in a page carries no token.

/** @import {Attachment} from "./protocol.js" */
/** @import {Tokens} from "./tokens.js" */
import { Refused, Unreachable } from "./errors.js";

/** @typedef {(share: number) => void} Watch called with how much is there, 0 to 1 */

/**
 * @typedef {object} Files
 * @property {(file: File, watch: Watch, signal: AbortSignal) => Promise<Attachment>} bring
 * @property {(id: string) => Promise<void>} discard takes back what is part of no message
 * @property {(id: string, form: "file" | "thumbnail") => Promise<Blob>} fetch
 */

/**
 * @param {string} base the address of the page
 * @param {Pick<Tokens, "access">} tokens
 * @returns {Files}
 */
export function createFiles(base, tokens) {
  /** @param {string} path */
  const address = (path) => new URL(`v1/attachments${path}`, base);

  /** @param {string} method @param {string} path */
  async function call(method, path) {
    const headers = { Authorization: `Bearer ${await tokens.access()}` };
    const response = await fetch(address(path), { method, headers, credentials: "omit" }).catch(() => null);
    if (!response) throw new Unreachable();
    if (!response.ok) throw refusal(await response.json().catch(() => ({})));
    return response;
  }

  return {
    async bring(file, watch, signal) {
      const token = await tokens.access();
      return await post(address(`?name=${encodeURIComponent(file.name)}`), file, token, watch, signal);
    },
    discard: (id) => call("DELETE", `/${id}`).then(() => {}),
    fetch: async (id, form) => (await call("GET", `/${id}${form === "thumbnail" ? "/thumbnail" : ""}`)).blob(),
  };
}

/**
 * Of all that browsers have, only XMLHttpRequest tells how far an upload is.
 * @param {URL} address
 * @param {File} file
 * @param {string} token
 * @param {Watch} watch
 * @param {AbortSignal} signal
 * @returns {Promise<Attachment>}
 */
function post(address, file, token, watch, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => watch(total > 0 ? loaded / total : 0);
    request.onload = () => (request.status === 201 ? resolve(request.response) : reject(refusal(request.response ?? {})));
    request.onerror = request.onabort = () => reject(new Unreachable());
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("POST", address);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });
}

/** @param {{code?: string, detail?: string}} answer @returns {Error} */
function refusal(answer) {
  return answer.code ? new Refused(answer) : new Unreachable();
}

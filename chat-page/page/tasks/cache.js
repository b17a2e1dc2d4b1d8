// Where you are: what the page knows, kept in IndexedDB over a reload: short windows of the conversations, and
// with each the position that says what it holds. Both are one record, so that they cannot disagree: whatever
// of the latest moments is lost here, `sync` brings again from that position.
//
// A record names the epoch it belongs to. Two tabs may write in turn; records of another epoch than the
// account's are left out, and come back as new.

/** @import {Conversation} from "../state/conversations.js" */
/** @import {Snapshot, State} from "../state/state.js" */
/** @import {Store} from "../state/store.js" */
import { snapshot } from "../state/state.js";

/** Messages kept per conversation. */
const KEEP = 100;
/** Raised whenever the shape of the state changes; an older cache is thrown away. */
const VERSION = 1;
const WRITE_AFTER_MS = 250;

/** @typedef {{user: string, id: string, epoch: string | null, conversation: Conversation}} Row */
/** @typedef {Pick<Snapshot, "epoch" | "friends" | "people"> & {user: string}} Account */
/** @typedef {{load: (user: string) => Promise<Snapshot | null>, write: (user: string, before: State | null, now: State) => Promise<void>, clear: (user: string) => Promise<void>}} Cache */

/**
 * @param {IDBFactory} factory
 * @param {string} name
 * @returns {Promise<Cache>}
 */
export async function openCache(factory, name) {
  const opening = factory.open(name, VERSION);
  opening.onupgradeneeded = () => {
    for (const store of [...opening.result.objectStoreNames]) opening.result.deleteObjectStore(store);
    opening.result.createObjectStore("accounts", { keyPath: "user" });
    opening.result.createObjectStore("conversations", { keyPath: ["user", "id"] });
  };
  const database = await finished(opening);
  database.onversionchange = () => database.close();

  /** @param {IDBTransactionMode} mode */
  function begin(mode) {
    const transaction = database.transaction(["accounts", "conversations"], mode);
    return { accounts: transaction.objectStore("accounts"), conversations: transaction.objectStore("conversations") };
  }

  return {
    async load(user) {
      const { accounts, conversations } = begin("readonly");
      /** @type {[Account | undefined, Row[]]} */
      const [account, rows] = await Promise.all([
        finished(accounts.get(user)),
        finished(conversations.getAll(rangeOf(user))),
      ]);
      if (!account) return null;
      const { epoch, friends, people } = account;
      const known = rows.filter((row) => row.epoch === epoch).map((row) => [row.id, row.conversation]);
      return { epoch, friends, people, conversations: Object.fromEntries(known) };
    },

    async write(user, before, now) {
      const { accounts, conversations } = begin("readwrite");
      const { epoch, friends, people, ...rest } = snapshot(now, KEEP);
      accounts.put({ user, epoch, friends, people });
      for (const [id, conversation] of Object.entries(rest.conversations)) {
        if (before?.epoch === epoch && before.conversations[id] === now.conversations[id]) continue;
        conversations.put({ user, id, epoch, conversation });
      }
      for (const id of Object.keys(before?.conversations ?? {})) {
        if (!now.conversations[id]) await finished(conversations.delete([user, id]));
      }
    },

    async clear(user) {
      const { accounts, conversations } = begin("readwrite");
      accounts.delete(user);
      await finished(conversations.delete(rangeOf(user)));
    },
  };
}

/**
 * Writes what has changed, soon after it has.
 * @param {Store} store
 * @param {Cache} cache
 */
export function keepState(store, cache) {
  /** @type {State | null} */
  let written = store.state();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function write() {
    timer = undefined;
    const now = store.state();
    const before = written;
    written = now;
    await cache.write(now.me.id, before, now).catch(() => (written = before)); // no room, or private browsing
  }

  return store.subscribe(() => {
    timer ??= setTimeout(write, WRITE_AFTER_MS);
  });
}

/** @param {string} user */
function rangeOf(user) {
  return IDBKeyRange.bound([user], [user, []]);
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

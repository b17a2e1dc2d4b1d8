// Where you are: everything a person can do here, one function each. Refusals are told in a sentence; what was
// written goes into the queue and needs no answer.

/** @import {Friendship, HistoryReply, Member, Message, Profile, Role} from "../net/protocol.js" */
/** @import {Request} from "../net/connection.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {Address} from "../state/outgoing.js" */
/** @import {Store} from "../state/store.js" */
import { explain } from "../net/errors.js";
import { uuid } from "../net/uuid.js";

/** @typedef {ReturnType<typeof createCommands>} Commands */
/** @typedef {"request" | "accept" | "reject" | "cancel" | "remove" | "block" | "unblock"} FriendAction */

/** Messages in one page of history. */
const PAGE = 50;

/**
 * @param {Store} store
 * @param {Request} request
 * @param {(sentence: string) => void} say
 */
export function createCommands(store, request, say) {
  /** The answer, or null after telling why there is none. @param {string} type @param {object} fields @returns {Promise<any>} */
  async function ask(type, fields) {
    try {
      return await request(type, fields);
    } catch (error) {
      say(explain(error));
      return null;
    }
  }

  /** What changes a conversation answers with its summary. @param {string} type @param {object} fields */
  async function change(type, fields) {
    const reply = await ask(type, fields);
    if (reply?.conversation) store.dispatch({ type: "conversation", ...reply.conversation });
    return reply?.conversation ?? null;
  }

  /** @param {string} type @param {Message} message @param {object} fields */
  async function amend(type, { conversation, seq }, fields) {
    const reply = await ask(type, { conversation, seq, client_id: uuid(), ...fields });
    if (reply) store.dispatch({ type: "message", message: reply.message });
    return reply !== null;
  }

  /** All pages of a list. @template T @param {string} type @param {object} fields @returns {Promise<T[] | null>} */
  async function all(type, fields) {
    /** @type {T[]} */
    const items = [];
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await ask(type, { ...fields, ...(cursor !== undefined && { cursor }) });
      if (!page) return null;
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    return items;
  }

  return {
    /** @param {Address | null} selected */
    open(selected) {
      store.dispatch({ type: "select", selected });
    },

    /** @param {Address} address @param {string} text */
    write(address, text) {
      store.dispatch({
        type: "written",
        outgoing: { client_id: uuid(), address, text, at: Date.now(), refused: null },
      });
    },
    /** @param {string} clientId */
    discard: (clientId) => store.dispatch({ type: "discarded", clientId }),
    /** @param {string} clientId */
    repeat: (clientId) => store.dispatch({ type: "repeated", clientId }),

    /** @param {Message} message @param {string} text */
    edit: (message, text) => amend("message.edit", message, { text, rev: message.rev }),
    /** @param {Message} message */
    erase: (message) => amend("message.delete", message, {}),

    /** The page of history before the window. @param {Conversation} conversation */
    async earlier({ id, from }) {
      /** @type {HistoryReply | null} */
      const reply = await ask("history", { conversation: id, before: from, limit: PAGE });
      if (reply) store.dispatch({ type: "history", conversation: id, before: from, reply });
    },

    /** @param {FriendAction} action @param {string} user */
    async friend(action, user) {
      /** @type {{friendship: Friendship} | null} */
      const reply = await ask(`friend.${action}`, { user });
      if (reply) store.dispatch({ type: "befriended", friendships: [reply.friendship] });
    },

    /** @param {string} query @returns {Promise<Profile[]>} */
    async find(query) {
      const reply = await ask("user.search", { query, limit: 20 });
      /** @type {Profile[]} */
      const users = (reply?.items ?? []).filter((/** @type {Profile} */ user) => user.id !== store.state().me.id);
      store.dispatch({ type: "profiles", users });
      return users;
    },

    /** @param {string} name @param {string[]} members */
    createGroup: (name, members) => change("conversation.create", { kind: "group", client_id: uuid(), name, members }),
    /** @param {string} conversation @param {string} name */
    rename: (conversation, name) => change("conversation.update", { conversation, name }),
    /** @param {string} conversation @param {string[]} users */
    addMembers: (conversation, users) => change("conversation.add", { conversation, users }),
    /** @param {string} conversation @param {string} user */
    removeMember: (conversation, user) => change("conversation.remove", { conversation, user }),
    /** @param {string} conversation @param {string} user @param {Role} role */
    setRole: (conversation, user, role) => change("conversation.set_role", { conversation, user, role }),
    /** @param {string} conversation */
    async leave(conversation) {
      if (await ask("conversation.leave", { conversation })) store.dispatch({ type: "gone", conversation });
    },
    /** @param {string} conversation */
    async destroy(conversation) {
      if (await ask("conversation.delete", { conversation })) store.dispatch({ type: "gone", conversation });
    },
    /** @param {string} conversation @returns {Promise<Member[] | null>} */
    members: (conversation) => all("conversation.members", { conversation, limit: 200 }),
  };
}

// Where you are: everything a person can do here, one function each. Refusals are told in a sentence; what was
// written goes into the queue and needs no answer.

/** @import {Attachment, Friendship, HistoryReply, Member, Message, Profile, Role, Summary} from "../net/protocol.js" */
/** @import {Request} from "../net/connection.js" */
/** @import {Conversation} from "../state/conversations.js" */
/** @import {Address} from "../state/outgoing.js" */
/** @import {Store} from "../state/store.js" */
import { explain } from "../net/errors.js";
import { uuid } from "../net/uuid.js";

/** @typedef {"request" | "accept" | "reject" | "cancel" | "remove" | "block" | "unblock"} FriendAction */

/** Messages in one page of history. */
const PAGE = 50;
/** People found at once. */
const FOUND = 20;
/** Members in one page of the list. */
const MEMBERS = 200;

export class Commands {
  /** @type {Store} */ #store;
  /** @type {Request} */ #request;
  /** @type {(sentence: string) => void} */ #say;

  /** @param {Store} store @param {Request} request @param {(sentence: string) => void} say */
  constructor(store, request, say) {
    this.#store = store;
    this.#request = request;
    this.#say = say;
  }

  /** @param {Address | null} selected */
  open(selected) {
    this.#store.dispatch({ type: "select", selected });
  }

  /** @param {Address} address @param {string} text @param {Attachment[]} attachments */
  write(address, text, attachments) {
    const outgoing = { client_id: uuid(), address, text, attachments, at: Date.now(), refused: null };
    this.#store.dispatch({ type: "written", outgoing });
  }

  /** Tries a refused message once more. @param {string} clientId */
  repeat(clientId) {
    this.#store.dispatch({ type: "repeated", clientId });
  }

  /** @param {string} clientId */
  discard(clientId) {
    this.#store.dispatch({ type: "discarded", clientId });
  }

  /** Unless somebody changed it meanwhile. @param {Message} message @param {string} text @returns {Promise<boolean>} */
  edit(message, text) {
    return this.#amend("message.edit", message, { text, rev: message.rev });
  }

  /** @param {Message} message @returns {Promise<boolean>} */
  erase(message) {
    return this.#amend("message.delete", message, {});
  }

  /** The page of history before the window. @param {Conversation} conversation */
  async earlier({ id, from }) {
    /** @type {HistoryReply | null} */
    const reply = await this.#ask("history", { conversation: id, before: from, limit: PAGE });
    if (reply) this.#store.dispatch({ type: "history", conversation: id, before: from, reply });
  }

  /** @param {FriendAction} action @param {string} user */
  async friend(action, user) {
    /** @type {{friendship: Friendship} | null} */
    const reply = await this.#ask(`friend.${action}`, { user });
    if (reply) this.#store.dispatch({ type: "befriended", friendships: [reply.friendship] });
  }

  /** People other than oneself. @param {string} query @returns {Promise<Profile[]>} */
  async find(query) {
    /** @type {{items: Profile[]} | null} */
    const reply = await this.#ask("user.search", { query, limit: FOUND });
    const users = (reply?.items ?? []).filter((user) => user.id !== this.#store.state().me.id);
    this.#store.dispatch({ type: "profiles", users });
    return users;
  }

  /** @param {string} name @param {string[]} members */
  createGroup(name, members) {
    return this.#change("conversation.create", { kind: "group", client_id: uuid(), name, members });
  }

  /** @param {string} conversation @param {string} name */
  rename(conversation, name) {
    return this.#change("conversation.update", { conversation, name });
  }

  /** @param {string} conversation @param {string[]} users */
  addMembers(conversation, users) {
    return this.#change("conversation.add", { conversation, users });
  }

  /** @param {string} conversation @param {string} user */
  removeMember(conversation, user) {
    return this.#change("conversation.remove", { conversation, user });
  }

  /** @param {string} conversation @param {string} user @param {Role} role */
  setRole(conversation, user, role) {
    return this.#change("conversation.set_role", { conversation, user, role });
  }

  /** @param {string} conversation */
  leave(conversation) {
    return this.#end("conversation.leave", conversation);
  }

  /** For everybody. @param {string} conversation */
  destroy(conversation) {
    return this.#end("conversation.delete", conversation);
  }

  /** All of them, page by page. @param {string} conversation @returns {Promise<Member[] | null>} */
  async members(conversation) {
    /** @type {Member[]} */
    const members = [];
    /** @type {string | undefined} */
    let cursor;
    do {
      const fields = { conversation, limit: MEMBERS, ...(cursor !== undefined && { cursor }) };
      const page = await this.#ask("conversation.members", fields);
      if (!page) return null;
      members.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    return members;
  }

  /** What changes a message answers with it. @param {string} type @param {Message} message @param {object} fields */
  async #amend(type, { conversation, seq }, fields) {
    const reply = await this.#ask(type, { conversation, seq, client_id: uuid(), ...fields });
    if (reply) this.#store.dispatch({ type: "message", message: reply.message });
    return reply !== null;
  }

  /** What changes a conversation answers with its summary. @param {string} type @param {object} fields @returns {Promise<Summary | null>} */
  async #change(type, fields) {
    const reply = await this.#ask(type, fields);
    if (reply?.conversation) this.#store.dispatch({ type: "conversation", ...reply.conversation });
    return reply?.conversation ?? null;
  }

  /** @param {string} type @param {string} conversation */
  async #end(type, conversation) {
    if (await this.#ask(type, { conversation })) this.#store.dispatch({ type: "gone", conversation });
  }

  /** The answer, or null after telling why there is none. @param {string} type @param {object} fields @returns {Promise<any>} */
  async #ask(type, fields) {
    try {
      return await this.#request(type, fields);
    } catch (error) {
      this.#say(explain(error));
      return null;
    }
  }
}

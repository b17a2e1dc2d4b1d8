// Where you are: conversations in the state: what entries, replies and events do to them, who is typing, and
// what is still on its way. Pure; what happens inside of one conversation is in conversations.js.

/** @import {Entry, Message, Summary} from "../net/protocol.js" */
/** @import {Conversation} from "./conversations.js" */
/** @import {Action, State} from "./state.js" */
import * as conversation from "./conversations.js";
import * as outgoing from "./outgoing.js";

/** Typing ends by itself after this time. */
export const TYPING_MS = 6000;

/**
 * What an action does to conversations.
 * @param {State} state
 * @param {Action} action
 * @returns {State}
 */
export function reduceTalk(state, action) {
  const me = state.me.id;
  switch (action.type) {
    case "synced":
      return synced(state, action);
    case "entry":
      return entered(state, action);
    case "message":
      return answered(state, action.message);
    case "history": {
      const wider = change(state, action.conversation, (known) =>
        conversation.withHistory(known, action.reply, action.before, me),
      );
      return arrived(wider, action.reply.items);
    }
    case "receipt":
      return change(state, action.conversation, (known) => conversation.withMarks(known, action.user, action, me));
    case "members":
      return action.members.reduce(
        (next, { user, read, delivered }) =>
          read === undefined || delivered === undefined
            ? next
            : change(next, action.conversation, (known) =>
                conversation.withMarks(known, user.id, { read, delivered }, me),
              ),
        state,
      );
    case "conversation":
      return action.gone ? without(state, action.id) : summarised(state, /** @type {Summary} */ (action));
    case "gone":
      return without(state, action.conversation);
    case "reset":
      return change(state, action.conversation, (known) => conversation.afterReset(known, action.head));
    case "typing":
      return typing(state, action.conversation, action.user, action.active ? action.now + TYPING_MS : null);
    case "connection":
      return action.connection.phase === "live" ? state : { ...state, typing: {} };
    case "tick":
      return expired(state, action.now);
    default:
      return state;
  }
}

/**
 * One part of the answer to `sync`. The epoch is taken over with the last part, since until then some
 * positions are still those of the old one.
 * @param {State} state
 * @param {Extract<Action, {type: "synced"}>} action
 * @returns {State}
 */
function synced(state, { reply, epoch }) {
  let next = state;
  for (const [id, standing] of Object.entries(reply.conversations ?? {})) {
    if (standing.state === "gone") next = without(next, id);
    else {
      next = change(next, id, (known) => {
        const kept = standing.state === "reset" ? conversation.afterReset(known, standing.head) : known;
        return conversation.withStanding(kept, standing);
      });
    }
  }
  next = (reply.new?.items ?? []).reduce(summarised, next);
  return epoch === null ? next : { ...next, epoch };
}

/**
 * A live or missing entry. One's own leaving ends the stream, and so does the end of the conversation.
 * @param {State} state
 * @param {Entry} entry
 * @returns {State}
 */
function entered(state, entry) {
  const me = state.me.id;
  const left = ["left", "removed", "banned"].includes(entry.kind) && (entry.users ?? [entry.by]).includes(me);
  if (left || entry.kind === "closed") return without(state, entry.conversation);
  const known = state.conversations[entry.conversation] ?? conversation.stub(entry);
  const next = withConversation(state, conversation.withEntry(known, entry, me));
  const silent = entry.kind === "message" && entry.by ? typing(next, entry.conversation, entry.by, null) : next;
  return arrived(silent, entry.message ? [entry.message] : []);
}

/**
 * The message that the server answered with. Its entry may come later, as may its conversation.
 * @param {State} state
 * @param {Message} message
 * @returns {State}
 */
function answered(state, message) {
  const { conversation: id, seq, created_at: at } = message;
  const known =
    state.conversations[id] ?? conversation.stub({ type: "entry", conversation: id, seq, at, kind: "message" });
  return arrived(withConversation(state, conversation.withMessages(known, [message])), [message]);
}

/** @param {State} state @param {Summary} summary @returns {State} */
function summarised(state, summary) {
  const known = state.conversations[summary.id];
  return withConversation(state, known ? conversation.withSummary(known, summary) : conversation.fromSummary(summary));
}

/** What has become a message is not on its way any more. @param {State} state @param {Message[]} messages @returns {State} */
function arrived(state, messages) {
  return { ...state, outgoing: outgoing.withoutArrived(state.outgoing, messages, state.me.id) };
}

/** @param {State} state @param {Conversation} conversation @returns {State} */
function withConversation(state, conversation) {
  return { ...state, conversations: { ...state.conversations, [conversation.id]: conversation } };
}

/** @param {State} state @param {string} id @param {(known: Conversation) => Conversation} how @returns {State} */
function change(state, id, how) {
  const known = state.conversations[id];
  return known ? withConversation(state, how(known)) : state;
}

/** @param {State} state @param {string} id @returns {State} */
function without(state, id) {
  const { [id]: _gone, ...conversations } = state.conversations;
  const { [id]: _silent, ...typing } = state.typing;
  return { ...state, conversations, typing };
}

/** @param {State} state @param {string} id @param {string} user @param {number | null} until @returns {State} */
function typing(state, id, user, until) {
  const { [user]: before, ...others } = state.typing[id] ?? {};
  if (until === null && before === undefined) return state;
  return { ...state, typing: { ...state.typing, [id]: until === null ? others : { ...others, [user]: until } } };
}

/** @param {State} state @param {number} now @returns {State} */
function expired(state, now) {
  let next = state;
  for (const [id, users] of Object.entries(state.typing)) {
    for (const [user, until] of Object.entries(users)) if (until <= now) next = typing(next, id, user, null);
  }
  return next;
}

// Where you are: the frame of the open conversation: its head, and which of list and conversation a phone shows.

/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { nameOf, open, titleOf, typists } from "../state/selectors.js";
import { showAvatar } from "./avatar.js";
import { find, setText } from "./dom.js";
import { PHASES } from "./side.js";
import { lastSeen } from "./time.js";

/**
 * @param {Commands} commands
 * @param {() => void} details opens what there is to know of a group
 */
export function createTalk(commands, details) {
  const app = find("app", HTMLElement);
  const section = find("conversation", HTMLElement);
  const nothing = find("nothing-open", HTMLElement);
  const more = find("details", HTMLButtonElement);
  find("back", HTMLButtonElement).onclick = () => commands.open(null);
  more.onclick = details;

  /** @param {State} state */
  function render(state) {
    const conversation = open(state);
    const other = state.selected && "to" in state.selected ? state.selected.to : null;
    const shown = conversation !== null || other !== null;
    app.dataset["pane"] = shown ? "talk" : "list";
    section.hidden = !shown;
    nothing.hidden = shown;
    setText(nothing, state.selected ? "You are not in this conversation any more." : "Choose a chat on the left.");
    if (!shown) return;
    const title = other ? nameOf(state, other) : conversation ? titleOf(state, conversation) : "";
    setText(find("conversation-title", HTMLElement), title);
    showAvatar(find("conversation-avatar", HTMLElement), other ?? conversation?.id ?? "", title);
    setText(find("conversation-subtitle", HTMLElement), subtitle(state, conversation, other));
    more.hidden = !conversation || conversation.kind === "direct";
  }

  return { render };
}

/** @param {State} state @param {Conversation | null} conversation @param {string | null} other @returns {string} */
function subtitle(state, conversation, other) {
  if (state.connection.phase !== "live") return PHASES[state.connection.phase];
  const typing = conversation ? typists(state, conversation).map((user) => nameOf(state, user)) : [];
  if (typing.length > 0) return `${typing.join(", ")} ${typing.length === 1 ? "is" : "are"} typing…`;
  if (!other) return conversation ? `${conversation.memberCount} members` : "";
  const presence = state.presence[other];
  return presence ? (presence.online ? "online" : lastSeen(presence.last_seen)) : "";
}

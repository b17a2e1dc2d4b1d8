// Where you are: the frame of the open conversation: its head, and which of list and conversation a phone shows.

/** @import {Conversation} from "../state/conversations.js" */
/** @import {State} from "../state/state.js" */
/** @import {Commands} from "../tasks/commands.js" */
import { nameOf, open, titleOf, typists } from "../state/selectors.js";
import { showAvatar } from "./avatar.js";
import { find, setText } from "./dom.js";
import { PHASES } from "./side.js";
import { lastSeen } from "./time.js";

export class TalkView {
  #app = find("app", HTMLElement);
  #section = find("conversation", HTMLElement);
  #nothing = find("nothing-open", HTMLElement);
  #avatar = find("conversation-avatar", HTMLElement);
  #title = find("conversation-title", HTMLElement);
  #subtitle = find("conversation-subtitle", HTMLElement);
  #details = find("details", HTMLButtonElement);

  /** @param {Commands} commands @param {() => void} details opens what there is to know of a group */
  constructor(commands, details) {
    find("back", HTMLButtonElement).onclick = () => commands.open(null);
    this.#details.onclick = details;
  }

  /** @param {State} state */
  render(state) {
    const conversation = open(state);
    const other = state.selected && "to" in state.selected ? state.selected.to : null;
    const shown = conversation !== null || other !== null;
    this.#app.dataset["pane"] = shown ? "talk" : "list";
    this.#section.hidden = !shown;
    this.#nothing.hidden = shown;
    setText(
      this.#nothing,
      state.selected ? "You are not in this conversation any more." : "Choose a chat on the left.",
    );
    if (!shown) return;
    const title = other ? nameOf(state, other) : conversation ? titleOf(state, conversation) : "";
    setText(this.#title, title);
    showAvatar(this.#avatar, other ?? conversation?.id ?? "", title);
    setText(this.#subtitle, subtitle(state, conversation, other));
    this.#details.hidden = conversation?.kind !== "group";
  }
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

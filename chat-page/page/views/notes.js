// Where you are: what happened in a group besides messages, in a sentence.

/** @import {Entry} from "../net/protocol.js" */
/** @import {State} from "../state/state.js" */
import { nameOf } from "../state/selectors.js";

/** @param {State} state @param {Entry} note @returns {string} */
export function noteText(state, note) {
  const who = (/** @type {string | undefined} */ user) =>
    user === undefined ? "The system" : user === state.me.id ? "You" : nameOf(state, user);
  const by = who(note.by);
  const users = (note.users ?? [])
    .filter((user) => user !== note.by)
    .map((user) => (user === state.me.id ? "you" : nameOf(state, user)));
  const whom = users.join(", ");
  switch (note.kind) {
    case "created":
      return `${by} made this conversation`;
    case "joined":
      return whom ? `${by} added ${whom}` : `${by} joined`;
    case "left":
      return `${by} left${note.successor ? `; the owner is now ${who(note.successor)}` : ""}`;
    case "removed":
      return `${by} removed ${whom}`;
    case "banned":
      return `${by} banned ${whom}`;
    case "unbanned":
      return `${by} lifted the ban of ${whom}`;
    case "role_changed":
      return `${by} made ${whom || "themselves"} ${note.role ?? "member"}`;
    case "updated":
      return note.changes?.name ? `${by} named this “${note.changes.name}”` : `${by} changed the settings`;
    default:
      return "This entry cannot be read";
  }
}

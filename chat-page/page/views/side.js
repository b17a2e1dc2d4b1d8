// Where you are: the head of the left side: who one is, how the line is, log out, and the two tabs.

/** @import {State} from "../state/state.js" */
import { nameOf, unreadInAll, usersWho } from "../state/selectors.js";
import { showAvatar } from "./avatar.js";
import { find, setText } from "./dom.js";

/** @type {Record<State["connection"]["phase"], string>} */
export const PHASES = {
  connecting: "Connecting…",
  syncing: "Catching up…",
  live: "Connected",
  waiting: "No connection. Trying again…",
};

export class SideView {
  #tabs = [find("tab-chats", HTMLButtonElement), find("tab-people", HTMLButtonElement)];
  #panels = [find("panel-chats", HTMLElement), find("panel-people", HTMLElement)];
  #avatar = find("my-avatar", HTMLElement);
  #name = find("me", HTMLElement);
  #connection = find("connection", HTMLElement);

  /** @param {() => void} logOut */
  constructor(logOut) {
    find("log-out", HTMLButtonElement).onclick = logOut;
    this.#tabs.forEach((tab, index) => {
      tab.onclick = () => this.#choose(index);
      tab.onkeydown = ({ key }) => {
        if (key !== "ArrowLeft" && key !== "ArrowRight") return;
        this.#choose(1 - index);
        this.#tabs[1 - index]?.focus();
      };
    });
  }

  showChats() {
    this.#choose(0);
  }

  /** @param {State} state */
  render(state) {
    const name = nameOf(state, state.me.id);
    const unread = unreadInAll(state);
    showAvatar(this.#avatar, state.me.id, name);
    setText(this.#name, name);
    this.#connection.dataset["phase"] = state.connection.phase;
    setText(this.#connection, PHASES[state.connection.phase]);
    showBadge("chats-badge", unread);
    showBadge("people-badge", usersWho(state, "incoming").length);
    document.title = unread > 0 ? `(${unread}) Chat` : "Chat";
  }

  /** @param {number} chosen */
  #choose(chosen) {
    this.#tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    this.#panels.forEach((panel, index) => (panel.hidden = index !== chosen));
  }
}

/** @param {string} test @param {number} count */
function showBadge(test, count) {
  const badge = find(test, HTMLElement);
  badge.hidden = count === 0;
  setText(badge, String(count));
}

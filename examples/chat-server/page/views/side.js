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

/** @param {() => void} logOut */
export function createSide(logOut) {
  const tabs = [find("tab-chats", HTMLButtonElement), find("tab-people", HTMLButtonElement)];
  const panels = [find("panel-chats", HTMLElement), find("panel-people", HTMLElement)];
  const connection = find("connection", HTMLElement);
  find("log-out", HTMLButtonElement).onclick = logOut;

  /** @param {number} chosen */
  function choose(chosen) {
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    panels.forEach((panel, index) => (panel.hidden = index !== chosen));
  }

  tabs.forEach((tab, index) => {
    tab.onclick = () => choose(index);
    tab.onkeydown = ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      choose(1 - index);
      tabs[1 - index]?.focus();
    };
  });

  /** @param {State} state */
  function render(state) {
    showAvatar(find("my-avatar", HTMLElement), state.me.id, nameOf(state, state.me.id));
    setText(find("me", HTMLElement), nameOf(state, state.me.id));
    connection.dataset["phase"] = state.connection.phase;
    setText(connection, PHASES[state.connection.phase]);
    const unread = unreadInAll(state);
    badge("chats-badge", unread);
    badge("people-badge", usersWho(state, "incoming").length);
    setText(
      document.querySelector("title") ?? document.createElement("title"),
      unread > 0 ? `(${unread}) Chat` : "Chat",
    );
  }

  return { render, showChats: () => choose(0) };
}

/** @param {string} test @param {number} count */
function badge(test, count) {
  const element = find(test, HTMLElement);
  element.hidden = count === 0;
  setText(element, String(count));
}

// Where you are: the people tab: search, requests both ways, friends and the blocked.

/** @import {FriendAction, Commands} from "../tasks/commands.js" */
/** @import {State} from "../state/state.js" */
import { nameOf, usersWho } from "../state/selectors.js";
import { avatar, showAvatar } from "./avatar.js";
import { confirm } from "./confirm.js";
import { button, find, h, keyed, setText } from "./dom.js";

const SEARCH_AFTER_MS = 250;

/** @typedef {"none" | "requested" | "incoming" | "friends" | "blocked"} Standing */

/**
 * @param {Commands} commands
 * @param {() => State} state
 * @param {() => void} repaint
 */
export function createPeople(commands, state, repaint) {
  const search = find("search", HTMLInputElement);
  /** @type {string[]} */
  let found = [];
  let searched = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  search.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(look, SEARCH_AFTER_MS);
  };

  async function look() {
    const query = search.value.trim();
    const users = query ? await commands.find(query) : [];
    if (query !== search.value.trim()) return; // typed on meanwhile
    found = users.map((user) => user.id);
    searched = query;
    repaint();
  }

  /** @param {FriendAction} action @param {string} user @param {string} label @param {string} [kind] */
  function act(action, user, label, kind) {
    return button(label, `friend-${action}`, () => commands.friend(action, user), kind);
  }

  /** @param {FriendAction} action @param {string} user @param {string} label @param {string} question */
  function actAfterAsking(action, user, label, question) {
    const ask = () => confirm(question.replace("…", nameOf(state(), user)), label, () => commands.friend(action, user));
    return button(label, `friend-${action}`, ask, "quiet");
  }

  /** @param {string} user @param {Standing} standing @returns {HTMLElement[]} */
  function buttons(user, standing) {
    const block = () => actAfterAsking("block", user, "Block", "Block …? You will not hear from each other any more.");
    switch (standing) {
      case "none":
        return [act("request", user, "Add friend"), block()];
      case "requested":
        return [act("cancel", user, "Cancel", "quiet")];
      case "incoming":
        return [act("accept", user, "Accept", "primary"), act("reject", user, "Reject"), block()];
      case "friends":
        return [
          button("Message", "friend-message", () => commands.open({ to: user })),
          actAfterAsking("remove", user, "Remove", "Remove … from your friends?"),
          block(),
        ];
      case "blocked":
        return [act("unblock", user, "Unblock")];
    }
  }

  /** @param {string} user @returns {HTMLElement} */
  function create(user) {
    return h(
      "li",
      { class: "person", "data-test": "person", "data-user": user },
      avatar(),
      h(
        "span",
        { class: "grow" },
        h("strong", { class: "line", "data-test": "person-name" }),
        h("small", { class: "line" }),
      ),
      h("span", { class: "actions" }),
    );
  }

  /** @param {HTMLElement} element @param {string} user */
  function update(element, user) {
    const now = state();
    const standing = standingOf(now, user);
    const username = now.people[user]?.username ?? "";
    element.dataset["username"] = username;
    element.classList.toggle("online", standing === "friends" && (now.presence[user]?.online ?? false));
    showAvatar(element.querySelector(".avatar"), user, nameOf(now, user));
    setText(element.querySelector("strong") ?? element, nameOf(now, user));
    setText(element.querySelector("small") ?? element, username && `@${username}`);
    if (element.dataset["standing"] === standing) return;
    element.dataset["standing"] = standing;
    element.querySelector(".actions")?.replaceChildren(...buttons(user, standing));
  }

  /** @param {string} test @param {string[]} users @param {boolean} [always] */
  function list(test, users, always = false) {
    find(`section-${test}`, HTMLElement).hidden = users.length === 0 && !always;
    keyed(find(test, HTMLUListElement), users, (user) => user, create, update);
  }

  /** @param {State} now */
  function render(now) {
    list("found", found, searched !== "");
    setText(find("none-found", HTMLElement), searched && found.length === 0 ? `Nobody is called “${searched}”.` : "");
    list("incoming", usersWho(now, "incoming"));
    list("requested", usersWho(now, "requested"));
    list("friends", usersWho(now, "friends"));
    list("blocked", usersWho(now, "blocked"));
  }

  return { render };
}

/** @param {State} state @param {string} user @returns {Standing} */
function standingOf(state, user) {
  const friend = state.friends.byUser[user];
  return friend?.blocked ? "blocked" : (friend?.state ?? "none");
}

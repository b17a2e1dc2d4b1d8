// Where you are: the entrance. Wires net, state, tasks and views together; one `run` is one logged-in session.
//
//   net/    talking to the server: REST, tokens, the socket
//   state/  what is known, and the pure function that changes it
//   tasks/  what watches the state and talks to the server: resume, sending, receipts, lookups, …
//   views/  what watches the state and shows it

/** @import {Profile} from "./net/protocol.js" */
/** @import {ServerEvent} from "./state/state.js" */
/** @import {Store} from "./state/store.js" */
/** @import {Cache} from "./tasks/cache.js" */
import { createApi } from "./net/api.js";
import { createConnection } from "./net/connection.js";
import { createTokens } from "./net/tokens.js";
import { initial } from "./state/state.js";
import { createStore } from "./state/store.js";
import { keepState, openCache } from "./tasks/cache.js";
import { createCommands } from "./tasks/commands.js";
import { lookups } from "./tasks/lookups.js";
import { presence } from "./tasks/presence.js";
import { receipts } from "./tasks/receipts.js";
import { resume } from "./tasks/resume.js";
import { keepOutgoing, keptOutgoing, sending } from "./tasks/sending.js";
import { typing } from "./tasks/typing.js";
import { createAuth } from "./views/auth.js";
import { createChats } from "./views/chats.js";
import { createComposer } from "./views/composer.js";
import { confirm } from "./views/confirm.js";
import { createDetails } from "./views/details.js";
import { find } from "./views/dom.js";
import { createMessages } from "./views/messages.js";
import { createNewGroup } from "./views/newgroup.js";
import { createNotice } from "./views/notice.js";
import { createPeople } from "./views/people.js";
import { createSide } from "./views/side.js";
import { createTalk } from "./views/talk.js";

/** Several of these pages may share an origin under different prefixes; each keeps its own things. */
const HOME = new URL(".", document.baseURI);
const KEY = `chat ${HOME.pathname}`;

const api = createApi(HOME.href);
const tokens = createTokens(api, {
  key: `${KEY} tokens`,
  storage: localStorage,
  locks: navigator.locks,
  now: Date.now,
});
const auth = createAuth(api, (session) => run(tokens.keep(session).user));
const say = createNotice();
/** @typedef {ReturnType<typeof createConnection>} Connection */

/** What keeps a sentence over the reload that ends a session. */
const FAREWELL = `${KEY} farewell`;

/** @param {Profile} me */
async function run(me) {
  const cache = await openCache(indexedDB, KEY).catch(() => null);
  const snapshot = await cache?.load(me.id).catch(() => null);
  const outgoing = `${KEY} outgoing ${me.id} `;
  const store = createStore(initial(me));
  store.dispatch({ type: "restored", snapshot: snapshot ?? null, outgoing: keptOutgoing(localStorage, outgoing) });

  const address = new URL("v1/ws?resume=true", HOME);
  address.protocol = address.protocol.replace("http", "ws");
  const connection = createConnection(address, tokens, {
    resume: (hello, request) => resume(store, hello, request),
    heard: (event) => hear(store, connection, event),
    phase: (phase) => store.dispatch({ type: "connection", connection: phase }),
    ended: () => leave("Your session has ended. Please log in again."),
  });

  keepOutgoing(store, localStorage, outgoing);
  if (cache) keepState(store, cache);
  sending(store, connection.request);
  lookups(store, connection.request);
  presence(store, connection.request);
  receipts(store, connection.request, watched);
  show(store, connection, () => logOut(store, cache));
  watchTheWorld(store, connection);
  connection.start();
}

/** @param {Store} store @param {Connection} connection @param {ServerEvent} event */
function hear(store, connection, event) {
  store.dispatch(event.type === "typing" ? { ...event, now: Date.now() } : event);
  if (event.type === "entry" && store.state().conversations[event.conversation]?.hole) connection.restart();
}

/** @param {Store} store @param {Connection} connection @param {() => void} logOut */
function show(store, connection, logOut) {
  const commands = createCommands(store, connection.request, say);
  const composer = createComposer(commands, typing(store, connection.request), store.state);
  const details = createDetails(commands, store.state);
  const side = createSide(logOut);
  createNewGroup(commands, store.state, side.showChats);
  const views = [
    side,
    createChats(commands),
    createPeople(commands, store.state, store.touch),
    createTalk(commands, details.show),
    createMessages(commands, store.state, composer.edit),
    composer,
    details,
  ];
  const render = () => views.forEach((view) => view.render(store.state()));
  store.subscribe(render);
  auth.show(false);
  find("app", HTMLElement).hidden = false;
  render();
}

/** Somebody looking at the page, the network coming back, other tabs. @param {Store} store @param {Connection} connection */
function watchTheWorld(store, connection) {
  addEventListener("online", connection.wake);
  addEventListener("focus", store.touch);
  addEventListener("pagehide", store.flush);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.wake();
    store.touch();
  });
  addEventListener("storage", ({ key }) => {
    const gone = key === tokens.key && tokens.current()?.user.id !== store.state().me.id;
    if (gone) leave("You have logged out in another tab.");
  });
}

/** @returns {boolean} */
function watched() {
  return document.visibilityState === "visible" && document.hasFocus();
}

/** @param {Store} store @param {Cache | null} cache */
async function logOut(store, cache) {
  const { me, outgoing } = store.state();
  const forget = async () => {
    for (const one of outgoing) store.dispatch({ type: "discarded", clientId: one.client_id });
    store.flush();
    await tokens
      .access()
      .then(api.logOut)
      .catch(() => {}); // out of reach: the session ends by its age
    tokens.forget();
    await cache?.clear(me.id).catch(() => {});
    leave("You have logged out.");
  };
  if (outgoing.length === 0) await forget();
  else confirm("Some messages have not been sent yet and will be lost.", "Log out", forget);
}

/** A reload leaves nothing of the last session in memory. @param {string} why */
function leave(why) {
  sessionStorage.setItem(FAREWELL, why);
  location.reload();
}

const user = tokens.current()?.user;
if (user) run(user);
else auth.show(true, sessionStorage.getItem(FAREWELL) ?? "");
sessionStorage.removeItem(FAREWELL);

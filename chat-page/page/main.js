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
import { Connection } from "./net/connection.js";
import { SessionEnded } from "./net/errors.js";
import { createFiles } from "./net/files.js";
import { Tokens } from "./net/tokens.js";
import { initial } from "./state/state.js";
import { createStore } from "./state/store.js";
import { keepState, openCache } from "./tasks/cache.js";
import { Commands } from "./tasks/commands.js";
import { lookups } from "./tasks/lookups.js";
import { presence } from "./tasks/presence.js";
import { receipts } from "./tasks/receipts.js";
import { resume } from "./tasks/resume.js";
import { keepOutgoing, keptOutgoing, sending } from "./tasks/sending.js";
import { Typing } from "./tasks/typing.js";
import { AttachmentsView } from "./views/attachments.js";
import { AuthView } from "./views/auth.js";
import { ChatsView } from "./views/chats.js";
import { ComposerView } from "./views/composer.js";
import { confirm } from "./views/confirm.js";
import { DetailsDialog } from "./views/details.js";
import { find } from "./views/dom.js";
import { MessagesView } from "./views/messages.js";
import { NewGroupDialog } from "./views/newgroup.js";
import { createNotice } from "./views/notice.js";
import { PeopleView } from "./views/people.js";
import { mailed, RecoveryView, sentence } from "./views/recovery.js";
import { SideView } from "./views/side.js";
import { TalkView } from "./views/talk.js";
import { WaitingFiles } from "./views/waiting.js";

/** Several of these pages may share an origin under different prefixes; each keeps its own things. */
const HOME = new URL(".", document.baseURI);
const KEY = `chat ${HOME.pathname}`;

const api = createApi(HOME.href);
const TOKENS = `${KEY} tokens`;
const tokens = new Tokens(api, { key: TOKENS, storage: localStorage, locks: navigator.locks, now: Date.now });
const auth = new AuthView(api, (session) => run(tokens.keep(session).user));
const say = createNotice();
const recovery = new RecoveryView(api, (why) => auth.show(true, why));
find("forgot", HTMLButtonElement).onclick = () => {
  auth.show(false);
  recovery.show();
};

/** What keeps a sentence over the reload that ends a session. */
const FAREWELL = `${KEY} farewell`;
const SESSION_ENDED = "Your session has ended. Please log in again.";

/** @param {Profile} me */
async function run(me) {
  const cache = await openCache(indexedDB, KEY).catch(() => null);
  const snapshot = await cache?.load(me.id).catch(() => null);
  const outgoing = `${KEY} outgoing ${me.id} `;
  const store = createStore(initial(me));
  store.dispatch({ type: "restored", snapshot: snapshot ?? null, outgoing: keptOutgoing(localStorage, outgoing) });

  const address = new URL("v1/ws?resume=true", HOME);
  address.protocol = address.protocol.replace("http", "ws");
  const connection = new Connection(address, tokens, {
    resume: (hello, request) => resume(store, hello, request),
    heard: (event) => hear(store, connection, event),
    phase: (phase) => store.dispatch({ type: "connection", connection: phase }),
    ended: () => leave(SESSION_ENDED),
  });

  keepOutgoing(store, localStorage, outgoing);
  if (cache) keepState(store, cache);
  sending(store, connection.request);
  lookups(store, connection.request);
  presence(store, connection.request);
  receipts(store, connection.request, watched);
  show(store, connection, () => logOut(store, cache, connection));
  watchTheWorld(store, connection);
  keepSession();
  connection.start();
}

/** @param {Store} store @param {Connection} connection @param {ServerEvent} event */
function hear(store, connection, event) {
  store.dispatch(event.type === "typing" ? { ...event, now: Date.now() } : event);
  if (event.type === "entry" && store.state().conversations[event.conversation]?.hole) connection.restart();
}

/** @param {Store} store @param {Connection} connection @param {() => void} logOut */
function show(store, connection, logOut) {
  const commands = new Commands(store, connection.request, say);
  const files = createFiles(HOME.href, tokens);
  const waiting = new WaitingFiles(files, say);
  const composer = new ComposerView(commands, new Typing(store, connection.request), waiting, store.state);
  const details = new DetailsDialog(commands, store.state);
  const side = new SideView(logOut);
  new NewGroupDialog(commands, store.state, () => side.showChats());
  const views = [
    side,
    new ChatsView(commands),
    new PeopleView(commands, store.touch),
    new TalkView(commands, () => details.show()),
    new MessagesView(commands, store.state, () => new AttachmentsView(files, say), (message) => composer.edit(message)),
    composer,
    details,
  ];
  const render = () => views.forEach((view) => view.render(store.state()));
  store.subscribe(render);
  auth.show(false);
  find("app", HTMLElement).hidden = false;
  render();
}

/** How often it is looked whether the tokens are due; they are renewed well before they expire. */
const LOOK_AT_TOKENS_MS = 30_000;

/** A socket outlives its token, but a session that is never renewed ends. */
function keepSession() {
  setInterval(() => {
    tokens.access().catch((error) => {
      if (error instanceof SessionEnded) leave(SESSION_ENDED);
    });
  }, LOOK_AT_TOKENS_MS);
}

/** Somebody looking at the page, the network coming back, other tabs. @param {Store} store @param {Connection} connection */
function watchTheWorld(store, connection) {
  addEventListener("online", () => connection.wake());
  addEventListener("focus", store.touch);
  addEventListener("pagehide", store.flush);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.wake();
    store.touch();
  });
  addEventListener("storage", ({ key }) => {
    const gone = key === TOKENS && tokens.current()?.user.id !== store.state().me.id;
    if (gone) leave("You have logged out in another tab.");
  });
}

/** @returns {boolean} */
function watched() {
  return document.visibilityState === "visible" && document.hasFocus();
}

/** @param {Store} store @param {Cache | null} cache @param {Connection} connection */
async function logOut(store, cache, connection) {
  const { me, outgoing } = store.state();
  const forget = async () => {
    connection.stop();
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

/** A link from a mail: what it carries is used once and does not stay in the address. */
function followLink() {
  const link = mailed(location.hash);
  if (!link) return false;
  history.replaceState(null, "", HOME);
  if (link.what === "verify-email") {
    api.verifyEmail(link.token).then(
      () => say("Your e-mail address is confirmed."),
      (reason) => say(sentence(reason)),
    );
    return false;
  }
  tokens.forget(); // a new password ends every session, this one too
  recovery.show(link.token);
  return true;
}

if (!followLink()) {
  const user = tokens.current()?.user;
  if (user) run(user);
  else auth.show(true, sessionStorage.getItem(FAREWELL) ?? "");
}
sessionStorage.removeItem(FAREWELL);

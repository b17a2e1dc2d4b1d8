// The whole page: accounts over HTTP, everything live over one socket that is opened again when it breaks. What people
// write goes into the page as text, never as HTML.

const $ = (id) => document.getElementById(id);
const conversations = new Map(); // id → summary
const seen = new Map(); // id → messages by seq
let tokens = null;
let me = null;
let socket = null;
let current = null;
let next = 1;
const waiting = new Map();
const outgoing = []; // what was written and is not acknowledged yet, in order

async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (tokens) headers.Authorization = `Bearer ${tokens.access_token}`;
  const response = await fetch(`v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? "this did not work"), { status: response.status });
  return answer;
}

/** Asks over the socket. */
function ask(type, fields = {}) {
  const id = next++;
  socket.send(JSON.stringify({ id, type, ...fields }));
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function connect() {
  socket = new WebSocket(new URL("v1/ws", location.href.replace(/^http/, "ws")), ["chat.v1", "Bearer", tokens.access_token]);
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = () => {
    $("connection").textContent = "";
    for (const { reject } of waiting.values()) reject(new Error("the line is broken"));
    waiting.clear();
    setTimeout(renew, 1000);
  };
}

/** Tokens expire: a new pair, then a new socket. */
async function renew() {
  if (!tokens) return;
  try {
    tokens = await call("POST", "sessions/refresh", { refresh_token: tokens.refresh_token });
  } catch (error) {
    if (error.status === 401) return location.reload();
    return setTimeout(renew, 2000); // out of reach
  }
  connect();
}

async function hear(frame) {
  const asked = waiting.get(frame.id);
  if (asked) {
    waiting.delete(frame.id);
    return frame.type === "ok" ? asked.resolve(frame) : asked.reject(Object.assign(new Error(frame.message), { code: frame.code }));
  }
  if (frame.type === "hello") {
    $("connection").textContent = frame.connection;
    await everything().finally(() => outgoing.forEach(say));
  } else if (frame.type === "entry") {
    if (frame.message) keep(frame.message);
    if (!conversations.has(frame.conversation)) await summary(frame.conversation);
    show();
  } else if (frame.type === "conversation") {
    if (frame.gone) conversations.delete(frame.id);
    else conversations.set(frame.id, frame);
    show();
  }
}

const LATER = new Set(["rate_limited", "overloaded", "unavailable"]); // refusals that pass

/** Says something that was written, on this line or the next: by its client_id it is one message however often it comes. */
async function say(message) {
  try {
    await ask("message.send", message);
  } catch (error) {
    if (socket.readyState !== WebSocket.OPEN) return; // said again once there is a line
    if (LATER.has(error.code)) return setTimeout(say, 1000, message);
    alert(error.message);
  }
  // It may have been said twice, by this line and the one before.
  if (outgoing.includes(message)) outgoing.splice(outgoing.indexOf(message), 1);
  show();
}

/** All conversations with what was said last, at every connect. */
async function everything() {
  let cursor;
  do {
    const page = await ask("conversation.list", cursor ? { cursor } : {});
    for (const one of page.items) {
      conversations.set(one.id, one);
      const history = await ask("history", { conversation: one.id });
      history.items.forEach(keep);
    }
    cursor = page.next;
  } while (cursor);
  show();
}

async function summary(id) {
  const { conversation } = await ask("conversation.get", { conversation: id }).catch(() => ({}));
  if (conversation) conversations.set(id, conversation);
}

function keep(message) {
  const messages = seen.get(message.conversation) ?? new Map();
  if ((messages.get(message.seq)?.rev ?? 0) <= message.rev) messages.set(message.seq, message);
  seen.set(message.conversation, messages);
}

function show() {
  const rows = [...conversations.values()].map((one) => {
    const button = document.createElement("button");
    button.textContent = one.with ? one.with.username : `${one.name ?? "group"} (${one.id})`;
    button.setAttribute("aria-current", String(one.id === current));
    button.onclick = () => ((current = one.id), show());
    const row = document.createElement("li");
    row.append(button);
    return row;
  });
  $("conversations").replaceChildren(...rows);
  const one = conversations.get(current);
  $("title").textContent = one ? (one.with?.username ?? one.name ?? "group") : "Choose a conversation";
  const messages = [...(seen.get(current)?.values() ?? [])].sort((a, b) => a.seq - b.seq);
  $("messages").replaceChildren(...messages.map((message) => {
    const row = document.createElement("li");
    const by = message.sender === me.id ? "you" : (one?.with?.username ?? message.sender);
    row.textContent = message.deleted_at ? `${by}: (deleted)` : `${by}: ${message.text ?? ""}`;
    return row;
  }), ...outgoing.filter((message) => message.conversation === current).map((message) => {
    const row = document.createElement("li");
    row.textContent = `${message.text} (not sent yet)`;
    return row;
  }));
}

/** @param {string} id @param {(data: FormData, event: SubmitEvent) => Promise<void>} act */
function form(id, act) {
  $(id).onsubmit = async (event) => {
    event.preventDefault();
    $("refused").textContent = "";
    await act(new FormData(event.target), event).catch((error) => (id === "login" ? ($("refused").textContent = error.message) : alert(error.message)));
  };
}

form("login", async (data, event) => {
  const login = { username: data.get("username"), password: data.get("password") };
  if (event.submitter?.value === "register") await call("POST", "accounts", login);
  tokens = await call("POST", "sessions", login);
  me = tokens.user;
  $("me").textContent = me.username;
  $("login").hidden = true;
  document.querySelector("main").hidden = false;
  connect();
});
form("open", async (data) => {
  const { user } = await ask("user.get", { username: data.get("username") });
  const { conversation } = await call("PUT", `direct/${user.id}`);
  conversations.set(conversation.id, conversation);
  current = conversation.id;
  show();
});
form("create", async (data) => {
  const group = { kind: "group", client_id: crypto.randomUUID(), name: data.get("name"), join: "open" };
  current = (await ask("conversation.create", group)).conversation.id;
  show();
});
form("join", async (data) => {
  current = (await ask("conversation.join", { conversation: data.get("id") })).conversation.id;
  (await ask("history", { conversation: current })).items.forEach(keep);
  show();
});
form("write", async (data) => {
  const message = { conversation: current, client_id: crypto.randomUUID(), text: data.get("text") };
  outgoing.push(message);
  $("write").reset();
  show();
  if (socket.readyState === WebSocket.OPEN) await say(message);
});
$("logout").onclick = async () => {
  await call("DELETE", "sessions/current").catch(() => {});
  location.reload();
};

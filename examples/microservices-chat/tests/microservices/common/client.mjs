// Drives the original socket.io-client for the tests: one JSON command a line comes in, what happens goes out the same
// way. Commands: {do: "connect", id, url, auth, headers, transports}, {do: "emit", id, event, data},
// {do: "disconnect", id}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { io } = createRequire(`${process.argv[2]}/`)("socket.io-client");
const sockets = new Map();
const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

const commands = {
  connect({ id, url, auth, headers, transports }) {
    const socket = io(url, { auth, extraHeaders: headers, transports, forceNew: true, reconnection: false });
    socket.on("connect", () => say({ id, event: "connect", data: socket.io.engine.transport.name }));
    socket.on("connect_error", (error) => say({ id, event: "connect_error", data: error.message }));
    socket.on("disconnect", (reason) => say({ id, event: "disconnect", data: reason }));
    socket.onAny((event, data) => say({ id, event, data }));
    sockets.set(id, socket);
  },
  emit({ id, event, data }) {
    sockets.get(id).emit(event, data, (ack) => say({ id, event: "ack", data: ack }));
  },
  disconnect({ id }) {
    sockets.get(id).disconnect();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command);
}
process.exit(0);

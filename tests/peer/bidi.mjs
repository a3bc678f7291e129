// SPDX-License-Identifier: Apache-2.0
// One WebDriver BiDi connection as lines of JSON on standard input and output. Runs inside the network
// namespace of the Firefox it speaks to.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../package.json", import.meta.url));
const WebSocket = require("ws");

const socket = new WebSocket("ws://127.0.0.1:9222/session");
const early = [];
const input = createInterface({ input: process.stdin });
input.on("line", (line) => (socket.readyState === WebSocket.OPEN ? socket.send(line) : early.push(line)));
input.on("close", () => process.exit(0));
socket.on("open", () => early.splice(0).forEach((line) => socket.send(line)));
socket.on("message", (data) => process.stdout.write(`${data}\n`));
socket.on("close", () => process.exit(0));
socket.on("error", (error) => {
	process.stderr.write(`BiDi: ${error.message}\n`);
	process.exit(1);
});

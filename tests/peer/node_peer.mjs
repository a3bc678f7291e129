#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A peer like pair_peer.py on a WebRTC library of npm: --library werift, node-datachannel or wrtc. The first two
// send RTP packets that carry a running number and look for it in what arrives; wrtc, which gives no packets,
// sends tone and a moving picture, counts frames and takes packets from its own statistics. One JSON line
// every half second, of the same form as pair_peer.py's.
import { createHmac } from "node:crypto";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";
import { libraries } from "./libraries.mjs";

const token = (user) => {
	const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
	return `${body}.${createHmac("sha256", process.env.SLUICE_SECRET).update(body).digest("base64url")}`;
};

const signaling = {
	// Dialect 004
	rooms: {
		path: (room, peer) => `/webrtc/signaling/${room}/${peer}`,
		hello: () => [],
		events: (message) => {
			if (message.type === "existing_peers")
				return message.peers.map((peer) => ["joined", peer]);
			if (message.type === "peer_left")
				return [["left", message.peer_id]];
			if (message.type === "offer" || message.type === "answer")
				return [[message.type, message.from_peer_id, message[message.type].sdp]];
			return [];
		},
		describe: (type, peer, sdp) => ({ type, [type]: { type, sdp }, target_peer_id: peer }),
	},
	// Dialect 003, bare names
	jsonrpc: {
		requests: 0,
		path: (room) => `/${room}`,
		request(method, params) {
			return { jsonrpc: "2.0", id: ++this.requests, method, params };
		},
		hello(peer) {
			return [this.request("announce", { peer_id: peer, capabilities: { audio: true, video: true, data: true } })];
		},
		events: (message) => {
			if (message.error)
				throw new Error(`the relay refused: ${JSON.stringify(message)}`);
			if (message.result)
				return (message.result.other_peers ?? []).map((peer) => ["joined", peer]);
			const { from_peer_id, peer_id, sdp, type } = message.params ?? {};
			if (message.method === "peer_left")
				return [["left", peer_id]];
			if (message.method === "offer" || message.method === "answer")
				return [[type, from_peer_id, sdp]];
			return [];
		},
		describe(type, peer, sdp) {
			return this.request(type, { to_peer_id: peer, sdp, type });
		},
	},
	// Dialect 002: the session "up" is what we publish, the others are what comes down, one for each publisher; --peer
	// is a number. Of the libraries werift alone knows one way.
	sfu: {
		oneWay: true,
		path: () => "/",
		hello: (user) => [{ type: "auth", token: token(user) }],
		events: (message) => {
			const { type, publisherId, roomName } = message;
			if (type === "error")
				throw new Error(`the relay refused: ${JSON.stringify(message)}`);
			if (type === "authenticated")
				return [["say", { type: "join-room", roomName: options.room }]];
			if (type === "room-joined")
				return [["joined", "up"]];
			if (type === "publish-answer")
				return [["answer", "up", message.answer]];
			if (type === "new-publisher")
				return [["say", { type: "subscribe-request", roomName, publisherId }]];
			if (type === "subscribe-offer")
				return [["offer", publisherId, message.offer]];
			return type === "publisher-left" ? [["left", publisherId]] : [];
		},
		describe: (type, peer, sdp) => type === "offer"
			? { type: "publish-offer", roomName: options.room, offer: sdp }
			: { type: "subscribe-answer", roomName: options.room, publisherId: peer, answer: sdp },
	},
};

const { values: options } = parseArgs({
	options: {
		library: { type: "string" },
		dialect: { type: "string" },
		url: { type: "string" },
		room: { type: "string", default: "smoke" },
		peer: { type: "string", default: "node" },
		call: { type: "boolean", default: false },
		numbers: { type: "string", default: "200" }, // video packets per second
		"seconds-of-numbers": { type: "string", default: "8" },
		messages: { type: "string", default: "100" },
		seconds: { type: "string", default: "60" },
	},
});
const adapter = signaling[options.dialect];
const sessions = new Map();
let open = false;

// One connection with one peer; the library carries it.
class Session {
	constructor() {
		this.said = this.echoed = 0;
		this.library = new libraries[options.library]({
			rate: Number(options.numbers),
			seconds: Number(options["seconds-of-numbers"]),
			oneWay: adapter.oneWay,
			onMessage: (text) => {
				this.echoed += text === `message ${this.echoed}`;
			},
			onOpen: () => this.say(),
		});
	}

	async say() {
		while (this.said < Number(options.messages)) {
			this.library.say(`message ${this.said++}`);
			await sleep(50);
		}
	}

	async report() {
		const { said, echoed } = this;
		return { ...await this.library.report(), said, echoed };
	}
}

const socket = new WebSocket(options.url + adapter.path(options.room, options.peer));
const send = (message) => socket.send(JSON.stringify(message));

const handle = async (kind, peer, sdp) => {
	if (kind === "say") {
		send(peer);
	} else if (kind === "joined" && options.call) {
		sessions.set(peer, new Session());
		send(adapter.describe("offer", peer, await sessions.get(peer).library.offer()));
	} else if (kind === "offer") {
		if (!sessions.has(peer))
			sessions.set(peer, new Session());
		send(adapter.describe("answer", peer, await sessions.get(peer).library.answer(sdp)));
	} else if (kind === "answer") {
		await sessions.get(peer).library.answered(sdp);
	} else if (kind === "left") {
		await sessions.get(peer)?.library.close();
		sessions.delete(peer);
	}
};

let turn = Promise.resolve(); // messages are handled one after another
socket.on("message", (text) => {
	for (const event of adapter.events(JSON.parse(text)))
		turn = turn.then(() => handle(...event));
});
socket.on("open", () => {
	open = true;
	adapter.hello(options.peer).forEach(send);
});
socket.on("close", () => {
	open = false;
});

const until = Date.now() + 1000 * Number(options.seconds);
while (Date.now() < until) {
	const reports = {};
	for (const [peer, session] of sessions)
		reports[peer] = await session.report();
	console.log(JSON.stringify({ open, sessions: reports }));
	await sleep(500);
}
process.exit(0);

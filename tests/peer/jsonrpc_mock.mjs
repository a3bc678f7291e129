// SPDX-License-Identifier: Apache-2.0
// A client that behaves as the test client of dialect 003's own server does: it announces itself, lists peers after a
// second and offers a made-up description to the peer it is told of; it answers offers with the offer's own
// lines, sends a made-up candidate half a second later, and prints what it hears.
//
//   jsonrpc_mock.mjs URL PEER [TARGET]
import { WebSocket } from "./pages.mjs";

const [url, self, target] = process.argv.slice(2);
const socket = new WebSocket(url);
const waiting = new Map();
let next = 1;

const lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=msid-semantic: WMS",
	"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:test",
	"a=ice-pwd:testpassword", `a=fingerprint:sha-256 ${Array(32).fill("00").join(":")}`, "a=setup:actpass", "a=mid:0",
	"a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"];

const say = (kind, value) => console.log(JSON.stringify({ kind, ...value }));
const request = (method, params = {}) => new Promise((resolve, reject) => {
	const id = next++;
	waiting.set(id, { resolve, reject });
	socket.send(JSON.stringify({ jsonrpc: "2.0", method, params, id }));
});
const candidateTo = (peer) => setTimeout(() => request("ice_candidate", { to_peer_id: peer,
	candidate: "candidate:1 1 UDP 2130706431 192.168.1.100 50000 typ host", sdp_mid: "0", sdp_mline_index: 0 })
	.catch((error) => say("fault", error)), 500);

const hears = {
	offer: async ({ from_peer_id: peer, sdp }) => {
		await request("answer", { to_peer_id: peer, sdp: sdp.replace("a=setup:actpass", "a=setup:active"), type: "answer" });
		candidateTo(peer);
	},
	answer: async ({ from_peer_id: peer }) => candidateTo(peer),
};

socket.on("message", async (data) => {
	const message = JSON.parse(data.toString());
	const { resolve, reject } = waiting.get(message.id) ?? {};
	if (message.id && waiting.delete(message.id)) {
		if (message.result)
			resolve(message.result);
		else
			reject(message.error);
		return;
	}
	say("heard", { method: message.method, params: message.params });
	await hears[message.method]?.(message.params).catch((error) => say("fault", error));
});
socket.on("close", (code, reason) => {
	say("closed", { code, reason: reason.toString() });
	process.exit(0);
});
socket.on("error", (error) => {
	say("fault", { message: error.message });
	process.exit(1);
});
socket.on("open", async () => {
	say("announced", await request("announce", { peer_id: self, capabilities: { audio: true, video: true, data: true } }));
	setTimeout(async () => {
		say("list", await request("list_peers"));
		if (target)
			setTimeout(async () => say("offered", await request("offer",
				{ to_peer_id: target, sdp: lines.join("\n"), type: "offer" })), 1000);
	}, 1000);
});

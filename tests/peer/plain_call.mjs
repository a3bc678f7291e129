// SPDX-License-Identifier: Apache-2.0
// A browser in a call by dialect 000: it offers, the other side answers, hangs up its socket and stays in the
// call. The page is what the dialect's own test page does.
//
//   plain_call.mjs BASE SIGNALING-URL HOST PACKETS --hang-up|--vanish
//
// BASE is any page of the relay, for an origin. Waits until PACKETS of sound have come after the call was
// there, without one lost, prints what came as JSON, and hangs up; with --vanish its host just falls silent.
import { openBrowser, streamsExpression, until } from "./pages.mjs";

const [base, signaling, host, packets, end] = process.argv.slice(2);

const client = async (url) => {
	const connection = new RTCPeerConnection({ iceServers: [] });
	const socket = new WebSocket(url);
	const say = (message) => socket.send(JSON.stringify(message));
	const early = [];
	window.unexpected = [];
	connection.onicecandidate = ({ candidate }) => {
		if (candidate)
			say({ type: "ice", candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex });
	};
	const handlers = {
		answer: async ({ sdp }) => {
			await connection.setRemoteDescription({ type: "answer", sdp });
			for (const candidate of early.splice(0))
				await connection.addIceCandidate(candidate);
		},
		ice: async ({ type, ...candidate }) => {
			if (connection.remoteDescription)
				await connection.addIceCandidate(candidate);
			else
				early.push(candidate);
		},
	};
	socket.onmessage = async ({ data }) => {
		const message = JSON.parse(data);
		if (handlers[message.type])
			await handlers[message.type](message);
		else
			window.unexpected.push(data);
	};
	await new Promise((opened) => { socket.onopen = opened; });
	const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
	stream.getTracks().forEach((track) => connection.addTrack(track, stream));
	const channel = connection.createDataChannel("echo");
	window.echoed = 0;
	channel.onmessage = () => { window.echoed++; };
	channel.onopen = () => {
		for (let i = 0; i < 20; i++)
			channel.send(`message ${i}`);
	};
	const offer = await connection.createOffer();
	await connection.setLocalDescription(offer);
	say({ type: "offer", sdp: offer.sdp });
};

const inbound = async (page) => (await page.evaluate(streamsExpression)).find((s) => s.type === "inbound-rtp" && s.kind === "audio");
let status = 0;
const page = await openBrowser("chromium", host, `${base}/livez`, new URL(base).origin);
try {
	await page.evaluate(`(${client})(${JSON.stringify(signaling)})`);
	const first = await until("sound", 20, async () => {
		const stream = await inbound(page);
		return stream?.packetsReceived > 10 && stream;
	});
	const last = await until(`${packets} packets of sound`, Number(packets) / 50 * 2 + 20, async () => {
		const stream = await inbound(page);
		return stream.packetsReceived - first.packetsReceived >= Number(packets) && stream;
	});
	const echoed = await page.evaluate("window.echoed");
	const unexpected = await page.evaluate("window.unexpected");
	console.log(JSON.stringify({ packets: last.packetsReceived, lost: last.packetsLost, echoed, unexpected }));
	if (end === "--hang-up")
		await page.evaluate("window.connections.forEach((connection) => connection.close())");
	status = last.packetsLost || echoed !== 20 || unexpected.length ? 1 : 0;
} catch (error) {
	console.log("fault:", error.message, page.log.slice(-10));
	status = 1;
}
await page.close();
process.exit(status);

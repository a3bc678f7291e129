// SPDX-License-Identifier: Apache-2.0
// A call of peer rooms between browsers, checked from what they themselves count.
//
//   rooms_call.mjs BASE SECONDS BROWSER:HOST... [--others N] [--shots DIRECTORY] [--original] [--during COMMAND]
//
// Every page at BASE/webrtc/client must be connected with every other peer of the room (--others more who are no
// browsers), decode sound and changing pictures of each for SECONDS without a packet lost, and hear what the
// others say in the chat. Before that COMMAND is run and the first page's socket dropped, and all must
// find each other again. --original: the last page is one like the client that the dialect's own server has.
import { spawnSync } from "node:child_process";
import { finish, openBrowser, pixelsExpression, sleep, streamsExpression, until } from "./pages.mjs";
import { original } from "./original_rooms.mjs";

const words = process.argv.slice(2);
const option = (name, otherwise) => {
	const at = words.indexOf(name);
	return at < 0 ? otherwise : words.splice(at, 2)[1];
};
const flag = (name) => {
	const at = words.indexOf(name);
	return at >= 0 && words.splice(at, 1).length > 0;
};
const others = Number(option("--others", 0));
const shots = option("--shots", "");
const during = option("--during", "");
const withOriginal = flag("--original");
const [base, seconds, ...specs] = words;
const remotes = specs.length - 1 + others;
const pages = [];
const faults = [];

function check(condition, what) {
	if (!condition)
		faults.push(what);
}

const inbound = (streams, kind) => streams.filter((s) => s.type === "inbound-rtp" && s.kind === kind);

async function open(number, spec) {
	const [kind, host] = spec.split(":");
	const origin = new URL(base).origin;
	const name = `${kind}${number}`;
	if (withOriginal && number === specs.length - 1) {
		const page = await openBrowser(kind, host, `${base}/health`, origin);
		await page.evaluate(`(${original})(${JSON.stringify(base.replace(/^http/, "ws"))}, "smoke", "${name}")`);
		return { name, isOriginal: true, ...page };
	}
	const url = `${base}/webrtc/client?room=smoke&peer=${name}&autojoin=1&video=1`;
	return { name, ...(await openBrowser(kind, host, url, origin)) };
}

async function connected(page) {
	const streams = await page.evaluate(streamsExpression);
	const seen = inbound(streams, "video").filter((s) => s.framesDecoded > 5).length;
	const heard = inbound(streams, "audio").filter((s) => s.packetsReceived > 5).length;
	return seen >= remotes && heard >= remotes;
}

async function changedPictures(page, before) {
	let changed = [];
	for (let look = 0; look < 8; look++) {
		const now = await page.evaluate(pixelsExpression);
		changed = now.map((sum, i) => changed[i] || sum !== before[i]);
		await sleep(110);
	}
	return changed;
}

function checkStreams(page, before, after) {
	for (const stream of after.filter((s) => s.type === "inbound-rtp")) {
		const label = `${page.name}: ${stream.kind} ${stream.ssrc}`;
		const old = before.find((s) => s.ssrc === stream.ssrc && s.type === stream.type);
		console.log(label, JSON.stringify({ packets: stream.packetsReceived, lost: stream.packetsLost,
			frames: stream.framesDecoded, size: `${stream.frameWidth}x${stream.frameHeight}`, nack: stream.nackCount }));
		check(old, `${label}: was not there at the start of the measurement`);
		check(stream.packetsLost === 0, `${label}: lost ${stream.packetsLost} packets`);
		if (stream.kind === "video")
			check(stream.framesDecoded - (old?.framesDecoded ?? 0) > seconds * 5, `${label}: decoded too few frames`);
		else
			check(stream.packetsReceived - (old?.packetsReceived ?? 0) > seconds * 30, `${label}: too few packets`);
	}
	check(inbound(after, "video").length === remotes, `${page.name}: ${inbound(after, "video").length} videos, not ${remotes}`);
}

// Says hello until the others have heard it: what is said while a connection is being made anew is lost.
async function chat() {
	const ours = pages.filter((page) => !page.isOriginal);
	const say = (page) => page.evaluate(`(() => {
		document.getElementById("chat-text").value = "hello from ${page.name}";
		document.getElementById("chat-form").requestSubmit();
	})()`);
	const heard = (page, other) => page.evaluate(
		`[...document.querySelectorAll("#messages li")].some((item) => item.textContent.endsWith("hello from ${other.name}"))`);
	for (const speaker of ours)
		for (const page of ours.filter((one) => one !== speaker))
			await until(`${page.name} to hear ${speaker.name} in the chat`, 15, async () => {
				await say(speaker);
				return heard(page, speaker);
			});
}

// Pictures come on, from everybody.
async function flows(page, before) {
	const frames = inbound(await page.evaluate(streamsExpression), "video").map((s) => s.framesDecoded);
	const most = (list) => list.reduce((sum, one) => sum + one, 0);
	return frames.length >= remotes && frames.every((count) => count > 5) && most(frames) !== before;
}

async function again() {
	console.log(during, "exits with", spawnSync("bash", ["-c", during]).status);
	await pages[0].evaluate("window.rooms.dropSocket()");
	for (const page of pages)
		await until(`${page.name} to be connected again`, 30, () => page.evaluate(
			`window.rooms.phase === "connected" && window.rooms.peers.length === ${remotes} &&
			 window.rooms.peers.every((peer) => peer.state === "connected" && peer.picture && peer.chat === "open")`));
	for (const page of pages)
		await until(`${page.name} to see the others again`, 30, () => flows(page, 0));
}

async function run() {
	for (const [number, spec] of specs.entries())
		pages.push(await open(number, spec));
	for (const page of pages)
		await until(`${page.name} to see and hear ${remotes} others`, 40, () => connected(page));
	if (during)
		await again();
	await chat();
	const before = await Promise.all(pages.map((page) => page.evaluate(streamsExpression)));
	const pixels = await Promise.all(pages.map((page) => page.evaluate(pixelsExpression)));
	await sleep(seconds * 1000);
	for (const [number, page] of pages.entries()) {
		checkStreams(page, before[number], await page.evaluate(streamsExpression));
		const changed = await changedPictures(page, pixels[number]);
		check(changed.length >= (page.isOriginal ? 1 : remotes), `${page.name}: shows ${changed.length} remote videos`);
		check(changed.every(Boolean), `${page.name}: a picture stands still`);
		if (shots)
			await page.screenshot(`${shots}/rooms-${page.name}.png`);
	}
}

await finish(run, pages, faults, shots);

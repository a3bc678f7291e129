// SPDX-License-Identifier: Apache-2.0
// A call between browsers on different hosts, checked from what the browsers themselves count.
//
//   call.mjs BASE SECONDS BROWSER:HOST... [--others N] [--shots DIRECTORY] [--loss N]
//            [--during COMMAND] [--reconnects N] [--restart-ice yes] [--resent yes] [--bitrate N]
//
// Every page must decode audio and video of every other participant (--others more who are no
// browsers), with changing pixels, 1280x720 and at most --loss packets lost per stream, for SECONDS. COMMAND
// runs at the start of that time; then each page must have reconnected its socket at least N times.
// --restart-ice: every page restarts ICE of its upward connection in that time, which must go on
// under new credentials. --resent: every video must have been repaired by resends. --bitrate:
// Chromium's estimate upwards must have reached that many bit/s. Prints one line
// per stream and a last line of JSON with the totals.
import { spawnSync } from "node:child_process";
import { finish, openBrowser, pageUrl, pixelsExpression, sleep, streamsExpression, until } from "./pages.mjs";

const words = process.argv.slice(2);
const option = (name, otherwise) => {
	const at = words.indexOf(name);
	return at < 0 ? otherwise : words.splice(at, 2)[1];
};
const others = Number(option("--others", 0));
const shots = option("--shots", "");
const lossAllowed = Number(option("--loss", 0));
const during = option("--during", "");
const restartIce = option("--restart-ice", "");
const bitrate = Number(option("--bitrate", 0));
const resent = option("--resent", "");
const reconnects = Number(option("--reconnects", 0));
const [base, secondsText, ...specs] = words;
const seconds = Number(secondsText);
const remotes = specs.length - 1 + others;
const pages = [];
const faults = [];

function check(condition, what) {
	if (!condition)
		faults.push(what);
}

const inbound = (streams, kind) => streams.filter((s) => s.type === "inbound-rtp" && s.kind === kind);
const outbound = (streams, kind) => streams.filter((s) => s.type === "outbound-rtp" && s.kind === kind);

async function connected(page) {
	const streams = await page.evaluate(streamsExpression);
	const live = inbound(streams, "video").filter((s) => s.framesDecoded > 5).length;
	const heard = inbound(streams, "audio").filter((s) => s.packetsReceived > 5).length;
	return live >= remotes && heard >= remotes ? streams : null;
}

// A browser starts low; 720p must be reached before the measured part begins.
async function sharp(page) {
	const streams = await page.evaluate(streamsExpression);
	return inbound(streams, "video").filter((s) => s.frameHeight >= 720).length >= specs.length - 1;
}

// For each remote picture: does it differ from `before`? Test pictures repeat themselves, so one look
// at the wrong moment proves nothing: several are taken.
async function changedPictures(page, before) {
	let changed = [];
	for (let look = 0; look < 8; look++) {
		const now = await page.evaluate(pixelsExpression);
		changed = now.map((sum, i) => changed[i] || sum !== before[i]);
		await sleep(110);
	}
	return changed;
}

function checkStream(name, before, after) {
	const label = `${name}: ${after.kind} ${after.type} ${after.ssrc}`;
	console.log(label, JSON.stringify({ packets: after.packetsReceived ?? after.packetsSent, lost: after.packetsLost,
		frames: after.framesDecoded ?? after.framesEncoded, size: `${after.frameWidth}x${after.frameHeight}`,
		nack: after.nackCount, pli: after.pliCount, freezes: after.freezeCount, rtt: after.rtt,
		available: after.type === "outbound-rtp" ? after.available : undefined }));
	// Without transport-wide feedback Chromium stays at 80 kbit/s.
	if (after.type === "outbound-rtp" && after.kind === "video" && after.available !== null)
		check(after.available >= bitrate, `${label}: may send ${after.available} bit/s, not ${bitrate}`);
	if (after.type !== "inbound-rtp")
		return;
	check(before, `${label}: was not there at the start of the measurement`);
	check(after.packetsLost <= lossAllowed, `${label}: lost ${after.packetsLost} packets`);
	if (after.kind === "video" && resent)
		check(after.retransmittedPacketsReceived > 0, `${label}: nothing was resent`);
	if (after.kind === "video")
		check(after.framesDecoded - (before?.framesDecoded ?? 0) > seconds * 5, `${label}: decoded too few frames`);
	else
		check(after.packetsReceived - (before?.packetsReceived ?? 0) > seconds * 30, `${label}: too few packets`);
}

// In the page: the relay's credentials on the connection that sends.
const upwardUfrag = `(() => {
	for (const connection of window.connections) {
		const sdp = connection.connectionState === "connected" && connection.currentRemoteDescription?.sdp;
		if (sdp && connection.currentRemoteDescription.type === "answer")
			return /a=ice-ufrag:(.*)/.exec(sdp)[1];
	}
	return null;
})()`;

async function run() {
	const origin = new URL(base).origin;
	for (const [number, spec] of specs.entries()) {
		const [kind, host] = spec.split(":");
		const url = pageUrl(base, "smoke", `${kind} ${number}`);
		pages.push({ name: `${kind}@${host}`, kind, ...(await openBrowser(kind, host, url, origin)) });
	}
	for (const page of pages)
		await until(`${page.name} to see and hear ${remotes} others`, 40, () => connected(page));
	for (const page of pages)
		await until(`${page.name} to receive 720p`, 40, () => sharp(page));
	const before = await Promise.all(pages.map((page) => page.evaluate(streamsExpression)));
	const pixels = await Promise.all(pages.map((page) => page.evaluate(pixelsExpression)));
	const credentials = await Promise.all(pages.map((page) => page.evaluate(upwardUfrag)));
	if (restartIce)
		await Promise.all(pages.map((page) => page.evaluate("window.sluice.restartIce()")));
	if (during)
		console.log(during, "exits with", spawnSync("bash", ["-c", during]).status);
	await sleep(seconds * 1000);
	const after = await Promise.all(pages.map((page) => page.evaluate(streamsExpression)));
	const changed = await Promise.all(pages.map((page, number) => changedPictures(page, pixels[number])));
	const totals = { sent: 0, received: 0, lost: 0 };
	for (const [number, page] of pages.entries()) {
		for (const stream of after[number]) {
			checkStream(page.name, before[number].find((s) => s.ssrc === stream.ssrc && s.type === stream.type), stream);
			totals.sent += stream.packetsSent ?? 0;
			totals.received += stream.packetsReceived ?? 0;
			totals.lost += stream.packetsLost ?? 0;
		}
		check(inbound(after[number], "video").length === remotes, `${page.name}: ${inbound(after[number], "video").length} videos, not ${remotes}`);
		check(outbound(after[number], "video").length >= 1, `${page.name}: sends no video`);
		check(changed[number].length >= remotes, `${page.name}: shows ${changed[number].length} remote videos, not ${remotes}`);
		check(changed[number].every(Boolean), `${page.name}: a picture stands still`);
		if (restartIce)
			check((await page.evaluate(upwardUfrag)) !== credentials[number], `${page.name}: ICE was not restarted`);
		const came = await page.evaluate("window.sluice.reconnects");
		check(came >= reconnects, `${page.name}: its socket reconnected ${came} times, not ${reconnects}`);
		if (shots)
			await page.screenshot(`${shots}/${page.name}.png`);
	}
	console.log(JSON.stringify(totals));
}

await finish(run, pages, faults, shots);

// SPDX-License-Identifier: Apache-2.0
// Drives real browsers inside network namespaces: Chromium over CDP (playwright-core), Firefox over
// WebDriver BiDi. Each opens the relay's own page and gives back what the page's `window.sluice` says.
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { createRequire } from "node:module";

const require = createRequire(new URL("../package.json", import.meta.url));
const { chromium } = require("playwright-core");
const WebSocket = require("ws");

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Runs before the page's own scripts: remembers every RTCPeerConnection, so that what flowed is read from
// the browser and not from what the page says.
const remember = `() => {
	window.connections = [];
	window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
		construct(target, args) {
			const made = new target(...args);
			window.connections.push(made);
			return made;
		},
	});
}`;

// In the page: one object per RTP stream of every open connection.
export const streamsExpression = `(async () => {
	const streams = [];
	for (const connection of window.connections) {
		if (connection.connectionState === "closed")
			continue;
		const report = await connection.getStats();
		let rtt = null, available = null;
		for (const entry of report.values())
			if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
				rtt = entry.currentRoundTripTime;
				available = entry.availableOutgoingBitrate ?? null;
			}
		for (const entry of report.values()) {
			if (entry.type !== "inbound-rtp" && entry.type !== "outbound-rtp")
				continue;
			const { type, kind, ssrc, packetsReceived, packetsSent, packetsLost, framesDecoded, framesEncoded,
				frameWidth, frameHeight, bytesReceived, bytesSent, nackCount, pliCount, keyFramesDecoded,
				retransmittedPacketsReceived, freezeCount, jitter } = entry;
			streams.push({ type, kind, ssrc, packetsReceived, packetsSent, packetsLost, framesDecoded, framesEncoded,
				frameWidth, frameHeight, bytesReceived, bytesSent, nackCount, pliCount, keyFramesDecoded,
				retransmittedPacketsReceived, freezeCount, jitter, rtt, available,
				connection: window.connections.indexOf(connection), state: connection.connectionState });
		}
	}
	return streams;
})()`;

// In the page: one number per playing remote video; it changes when the picture does.
export const pixelsExpression = `[...document.querySelectorAll("video")].filter((video) => video.videoWidth && !video.muted).map((video) => {
	const canvas = document.createElement("canvas");
	canvas.width = 64;
	canvas.height = 36;
	const context = canvas.getContext("2d");
	context.drawImage(video, 0, 0, 64, 36);
	let sum = 0;
	for (const byte of context.getImageData(0, 0, 64, 36).data)
		sum = (sum * 31 + byte) >>> 0;
	return sum;
})`;

// Polls `probe` until it returns something true; throws with `what` after `seconds`.
export async function until(what, seconds, probe) {
	const end = Date.now() + seconds * 1000;
	let last;
	while (Date.now() < end) {
		try {
			last = await probe();
			if (last)
				return last;
		} catch (error) {
			last = error;
		}
		await sleep(250);
	}
	throw new Error(`gave up waiting for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

// The address of the page as a client of `room` called `name`.
export function pageUrl(base, room, name, extra = {}) {
	const query = new URLSearchParams({ room, name, autojoin: "1", hold: "resolution", ...extra });
	return `${base}/?${query}`;
}

// A Chromium of its own on host `namespace` (empty: here); the returned object has evaluate, screenshot, close.
export async function openChromium(namespace, url, origin) {
	const directory = mkdtempSync(join(tmpdir(), "sluice-chromium-"));
	const launcher = join(directory, "chromium");
	const enter = namespace ? `nsenter --net=/run/netns/${namespace} ` : "";
	writeFileSync(launcher, `#!/bin/sh\nexec ${enter}/usr/bin/chromium "$@"\n`);
	chmodSync(launcher, 0o755);
	const browser = await chromium.launch({
		executablePath: launcher,
		headless: true,
		args: [
			"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
			"--autoplay-policy=no-user-gesture-required",
			"--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
			"--ignore-certificate-errors", // a development certificate must do
			`--unsafely-treat-insecure-origin-as-secure=${origin}`,
		],
	});
	const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ignoreHTTPSErrors: true });
	await context.grantPermissions(["camera", "microphone"], { origin });
	const page = await context.newPage();
	const log = [];
	page.on("console", (message) => log.push(message.text()));
	page.on("pageerror", (error) => log.push(`error: ${error.message}`));
	await page.addInitScript(`(${remember})()`);
	await page.goto(url);
	return {
		log,
		evaluate: (expression) => page.evaluate(expression),
		screenshot: (path) => page.screenshot({ path }),
		close: () => browser.close(),
	};
}

// A Firefox of its own on host `namespace`, driven over WebDriver BiDi from within that host.
export async function openFirefox(namespace, url) {
	const profile = mkdtempSync(join(tmpdir(), "sluice-firefox-"));
	const preferences = {
		"media.navigator.streams.fake": true,
		"media.navigator.permission.disabled": true,
		"media.devices.insecure.enabled": true,
		"media.getusermedia.insecure.enabled": true,
		"media.autoplay.default": 0,
		"media.peerconnection.ice.obfuscate_host_addresses": false,
		"app.update.enabled": false,
		"network.captive-portal-service.enabled": false,
		"network.connectivity-service.enabled": false,
		"browser.shell.checkDefaultBrowser": false,
		"datareporting.policy.dataSubmissionEnabled": false,
		"toolkit.telemetry.enabled": false,
		"remote.prefs.recommended": true,
	};
	writeFileSync(join(profile, "user.js"), Object.entries(preferences)
		.map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});\n`).join(""));
	const firefox = spawn("nsenter", [`--net=/run/netns/${namespace}`, "firefox-esr", "--headless", "--no-remote",
		"--profile", profile, "--remote-debugging-port", "9222"], { env: { ...process.env, HOME: profile, MOZ_HEADLESS: "1" } });
	let said = "";
	firefox.stderr.on("data", (data) => { said += data; });
	firefox.stdout.on("data", (data) => { said += data; });
	await until("Firefox to listen", 30, () => /WebDriver BiDi listening/.test(said));
	// The control connection starts in the namespace too: a tiny relay over stdio.
	const pipe = spawn("nsenter", [`--net=/run/netns/${namespace}`, process.execPath, new URL("bidi.mjs", import.meta.url).pathname], { stdio: ["pipe", "pipe", "inherit"] });
	const waiting = new Map();
	let partial = "", next = 1;
	pipe.stdout.on("data", (data) => {
		const lines = (partial + data).split("\n");
		partial = lines.pop();
		for (const line of lines) {
			const message = JSON.parse(line);
			waiting.get(message.id)?.(message);
			waiting.delete(message.id);
		}
	});
	const send = async (method, params) => {
		const id = next++;
		const reply = await new Promise((done) => {
			waiting.set(id, done);
			pipe.stdin.write(JSON.stringify({ id, method, params }) + "\n");
		});
		if (reply.type === "error")
			throw new Error(`${method}: ${reply.error}: ${reply.message}`);
		return reply.result;
	};
	await send("session.new", { capabilities: {} });
	const tree = await send("browsingContext.getTree", {});
	const context = tree.contexts[0].context;
	await send("script.addPreloadScript", { functionDeclaration: remember });
	await send("browsingContext.navigate", { context, url, wait: "complete" });
	return {
		log: [],
		evaluate: async (expression) => {
			const wrapped = `(async () => JSON.stringify(await (${expression})))()`;
			const reply = await send("script.evaluate", { expression: wrapped, target: { context }, awaitPromise: true });
			if (reply.type === "exception")
				throw new Error(reply.exceptionDetails.text);
			return reply.result.value === undefined ? undefined : JSON.parse(reply.result.value);
		},
		screenshot: async (path) => {
			const shot = await send("browsingContext.captureScreenshot", { context });
			writeFileSync(path, Buffer.from(shot.data, "base64"));
		},
		close: async () => {
			pipe.kill();
			firefox.kill("SIGKILL");
		},
	};
}

// Opens `kind` ("chromium" or "firefox") on a host.
export function openBrowser(kind, namespace, url, origin) {
	return kind === "firefox" ? openFirefox(namespace, url) : openChromium(namespace, url, origin);
}

// Runs a test's `run`, which notes what is wrong in `faults`, closes the pages and ends the process: 0 when
// there are none. Where `run` itself fails, each page's last words and a picture in `shots` help.
export async function finish(run, pages, faults, shots) {
	try {
		await run();
	} catch (error) {
		faults.push(error.message);
		for (const page of pages) {
			console.log(page.name, "said:", page.log.slice(-15).join("\n  "));
			if (shots)
				await page.screenshot(`${shots}/failed-${page.name}.png`).catch(() => {});
		}
	}
	for (const fault of faults)
		console.log("fault:", fault);
	for (const page of pages)
		await page.close().catch(() => {});
	process.exit(faults.length ? 1 : 0);
}

export { WebSocket };

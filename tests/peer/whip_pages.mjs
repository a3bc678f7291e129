// SPDX-License-Identifier: Apache-2.0
// The WHIP and WHEP clients of npm in Chromium, as they are published: whip-whep and @eyevinn/whip-web-client.
//
//   whip_pages.mjs BASE HOST
//
// Publishes, views, trickles, restarts ICE and ends; what was asked and answered is read from the page's fetch,
// what flowed from its connections.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { openChromium, sleep, until } from "./pages.mjs";

const require = createRequire(new URL("../package.json", import.meta.url));
const [base, host] = process.argv.slice(2);
const faults = [];

function check(condition, what) {
	console.log(`${condition ? "ok" : "NOT"}: ${what}`);
	if (!condition)
		faults.push(what);
}

// A module of CommonJS and all it requires, as one expression.
function bundle(name) {
	const parts = [], numbers = new Map();
	const add = (file) => {
		if (numbers.has(file))
			return numbers.get(file);
		numbers.set(file, numbers.size);
		const number = numbers.get(file);
		const near = createRequire(file);
		const text = readFileSync(file, "utf8").replace(/require\((["'])([^"']+)\1\)/g,
			(_, _quote, wanted) => `load(${add(near.resolve(wanted === "events" ? "events/" : wanted))})`);
		parts[number] = `(module, exports, load) => {${text}\n}`;
		return number;
	};
	add(require.resolve(name));
	return `(() => {
		const makers = [${parts.join(",")}], made = [];
		const load = (number) => {
			if (!made[number]) {
				made[number] = { exports: {} };
				makers[number](made[number], made[number].exports, load);
			}
			return made[number].exports;
		};
		return load(0);
	})()`;
}

function esModule(name) {
	const file = `${dirname(require.resolve("whip-whep/package.json"))}/${name}`;
	return `import("data:text/javascript;base64,${readFileSync(file).toString("base64")}")`;
}

// /livez and not the page: that one's content security policy keeps foreign scripts out.
const page = await openChromium(host, `${base}/livez`, base);
await page.evaluate(`(async () => {
	window.asked = [];
	const before = window.fetch;
	window.fetch = async (url, options = {}) => {
		const reply = await before(url, options);
		window.asked.push({ method: options.method || "GET", path: new URL(url, location).pathname, status: reply.status });
		return reply;
	};
	window.token = (await (await before("/v1/development-token?identity=41&name=npm")).json()).token;
	window.camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
	window.count = async (connection, type, kind, field) => {
		for (const entry of (await connection.getStats()).values())
			if (entry.type === type && entry.kind === kind)
				return entry[field];
		return 0;
	};
})()`);

const asked = (method, part) => page.evaluate(
	`window.asked.filter((one) => one.method === "${method}" && one.path.includes("${part}")).map((one) => one.status)`);
const framesSeen = () => page.evaluate(`count(window.viewing, "inbound-rtp", "video", "framesDecoded")`);
const lost = async (kind) => page.evaluate(`count(window.viewing, "inbound-rtp", "${kind}", "packetsLost")`);
const noneLost = async (client) => {
	for (const kind of ["audio", "video"])
		check(await lost(kind) === 0, `${client}: of ${await page.evaluate(
			`count(window.viewing, "inbound-rtp", "${kind}", "packetsReceived")`)} packets of ${kind} the viewer lost ${await lost(kind)}`);
};
const flows = async (what) => {
	const before = await framesSeen();
	await until(what, 15, async () => (await framesSeen()) > before + 20);
	check(true, what);
};

// ---- whip-whep

await page.evaluate(`(async () => {
	const { WHIPClient } = await ${esModule("whip.js")};
	const { WHEPClient } = await ${esModule("whep.js")};
	window.up = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
	for (const track of window.camera.getTracks())
		window.up.addTransceiver(track, { direction: "sendonly", streams: [window.camera] });
	window.whip = new WHIPClient();
	await window.whip.publish(window.up, "${base}/npm/whip", window.token);
	window.viewing = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
	window.viewing.addTransceiver("audio", { direction: "recvonly" });
	window.viewing.addTransceiver("video", { direction: "recvonly" });
	window.whep = new WHEPClient();
	await window.whep.view(window.viewing, "${base}/npm/whep", window.token);
})()`);
await until("whip-whep's pictures to be seen", 20, async () => (await framesSeen()) > 20);
check((await asked("POST", "/npm/whip"))[0] === 201, "whip-whep publishes");
check((await asked("POST", "/npm/whep"))[0] === 201, "whip-whep views");
const trickled = await until("candidates to be trickled", 10, async () => {
	const statuses = [...await asked("PATCH", "/whip/session/"), ...await asked("PATCH", "/whep/session/")];
	return statuses.length >= 2 ? statuses : null;
});
check(trickled.every((status) => status === 204), `whip-whep trickles: ${trickled}`);

const remoteUser = (name) => page.evaluate(`window.${name}.remoteDescription.sdp.match(/a=ice-ufrag:(.*)/)[1]`);
const before = await remoteUser("up");
await page.evaluate("window.whip.restart()");
check((await asked("PATCH", "/whip/session/")).includes(200), "whip-whep restarts ICE of the publisher");
check((await remoteUser("up")) !== before, "the relay has other credentials");
await until("the restarted publisher to be connected", 10, () => page.evaluate(`window.up.iceConnectionState !== "checking" && window.up.connectionState === "connected"`));
await flows("pictures go on after the restart");
await sleep(11000); // until the relay forgets the credentials of before
await flows("pictures go on when the old credentials are forgotten");

await noneLost("whip-whep");
await page.evaluate("window.whip.stop()");
await until("the publisher's DELETE", 5, async () => (await asked("DELETE", "/whip/session/")).length);
check((await asked("DELETE", "/whip/session/"))[0] === 200, "whip-whep ends");
await page.evaluate("window.whep.stop()");
await until("the viewer's DELETE", 5, async () => (await asked("DELETE", "/whep/session/")).length);
check((await asked("DELETE", "/whep/session/"))[0] === 404, "its viewer's session had ended with it");

// ---- @eyevinn/whip-web-client

await page.evaluate("window.asked.length = 0");
await page.evaluate(`(async () => {
	const { WHIPClient } = ${bundle("@eyevinn/whip-web-client")};
	window.eyevinn = new WHIPClient({ endpoint: "${base}/eyevinn/whip", opts: { authkey: window.token, timeout: 2000 } });
	await window.eyevinn.setIceServersFromEndpoint();
	await window.eyevinn.ingest(window.camera);
	const { WHEPClient } = await ${esModule("whep.js")};
	window.viewing = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
	window.viewing.addTransceiver("audio", { direction: "recvonly" });
	window.viewing.addTransceiver("video", { direction: "recvonly" });
	window.whep = new WHEPClient();
	await window.whep.view(window.viewing, "${base}/eyevinn/whep", window.token);
})()`);
await until("@eyevinn's pictures to be seen", 20, async () => (await framesSeen()) > 20);
const options = await asked("OPTIONS", "/eyevinn/whip");
check(options.length > 0 && options.every((status) => status === 204), `@eyevinn asks what may be: ${options}`);
check((await asked("POST", "/eyevinn/whip"))[0] === 201, "@eyevinn publishes");
const patches = await asked("PATCH", "/whip/session/");
check(patches.every((status) => status === 204), `@eyevinn trickles: ${patches}`);
await noneLost("@eyevinn");
await page.evaluate("window.eyevinn.destroy()");
await until("@eyevinn's DELETE", 5, async () => (await asked("DELETE", "/whip/session/")).length);
check((await asked("DELETE", "/whip/session/"))[0] === 200, "@eyevinn ends");
await page.close();
console.log(JSON.stringify({ faults }));
process.exit(faults.length ? 1 : 0);

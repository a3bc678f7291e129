// SPDX-License-Identifier: Apache-2.0
// One browser in a call with one other peer by the signaling of a dialect, checked from what the browser counts.
//
//   pair_call.mjs DIALECT HTTP-BASE ROOM NAME BROWSER:HOST SECONDS [--token T] [--call PEER] [--shots DIRECTORY]
//
// Prints "open" when the page is in the room; then it must be called, unless it is told to call. It must decode
// sound and changing pictures for SECONDS without a packet lost; when it calls, what it says on a data channel
// must come back.
import { openBrowser, pixelsExpression, sleep, streamsExpression, until } from "./pages.mjs";
import { pairPage } from "./pair_page.mjs";

const words = process.argv.slice(2);
const option = (name) => {
	const at = words.indexOf(name);
	return at < 0 ? "" : words.splice(at, 2)[1];
};
const token = option("--token"), calls = option("--call"), shots = option("--shots");
const [dialect, base, room, name, spec, seconds] = words;
const [kind, host] = spec.split(":");
const faults = [];

function check(condition, what) {
	if (!condition)
		faults.push(what);
}

async function watch(page) {
	const of = (streams, media) => streams.find((s) => s.type === "inbound-rtp" && s.kind === media);
	await until("sound and picture", 40, async () => {
		const streams = await page.evaluate(streamsExpression);
		return of(streams, "video")?.framesDecoded > 5 && of(streams, "audio")?.packetsReceived > 20;
	});
	const before = await page.evaluate(streamsExpression), pixels = await page.evaluate(pixelsExpression);
	await sleep(seconds * 1000);
	const after = await page.evaluate(streamsExpression);
	for (const media of ["audio", "video"]) {
		const old = of(before, media), now = of(after, media);
		console.log(media, JSON.stringify(now));
		check(now.packetsLost === 0, `${media}: ${now.packetsLost} packets lost`);
		check(now.packetsReceived - old.packetsReceived > seconds * 20, `${media}: too few packets`);
	}
	check(of(after, "video").framesDecoded - of(before, "video").framesDecoded > seconds * 8, "too few frames decoded");
	check(after.some((s) => s.type === "outbound-rtp" && s.kind === "video" && s.framesEncoded > 30), "nothing was sent");
	await until("the picture to change", 5, async () => {
		const now = await page.evaluate(pixelsExpression);
		return now.length === 1 && now[0] !== pixels[0];
	});
	if (calls)
		await until("50 echoes", 15, () => page.evaluate("window.pair.echoed === 50"));
	const pair = await page.evaluate("window.pair");
	console.log("pair", JSON.stringify(pair));
	check(pair.errors.length === 0, `errors: ${pair.errors}`);
	check(pair.candidates === 0, "it was handed candidates of the other peer");
}

const page = await openBrowser(kind, host, `${base}/health`, new URL(base).origin);
try {
	await page.evaluate(`(${pairPage})(${[dialect, base.replace(/^http/, "ws"), room, name, token, calls]
		.map((word) => JSON.stringify(word)).join(",")})`);
	console.log("open");
	await watch(page);
} catch (error) {
	faults.push(error.message);
	console.log("the page said:", page.log.slice(-15).join("\n  "));
	console.log("pair", JSON.stringify(await page.evaluate("window.pair").catch(() => null)));
}
if (shots)
	await page.screenshot(`${shots}/${dialect}-${name}.png`).catch(() => {});
for (const fault of faults)
	console.log("fault:", fault);
await page.close().catch(() => {});
process.exit(faults.length ? 1 : 0);

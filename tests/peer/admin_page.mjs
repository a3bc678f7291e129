// SPDX-License-Identifier: Apache-2.0
// The operator's page in a real browser on host `relay`, which is the relay's own machine.
//
//   admin_page.mjs BROWSER BASE TOKEN ROOM IDENTITY [ODD-ROOM ODD-NAME] [--shots DIRECTORY]
//
// A wrong token is refused; with the right one the room, its people and streams are there, figures go on,
// a press of a button mutes video and another lets it go on. Names that look like markup stay text. Nothing of
// the page may break its own policy.
import { finish, openBrowser, until } from "./pages.mjs";

const words = process.argv.slice(2);
const at = words.indexOf("--shots");
const shots = at < 0 ? "" : words.splice(at, 2)[1];
const [kind, base, token, room, identity, oddRoom, oddName] = words;
const faults = [];
const pages = [];

const text = (selector) => `(document.querySelector(${JSON.stringify(selector)})?.textContent || "")`;
const visible = (selector) => `Boolean(document.querySelector(${JSON.stringify(selector)})?.offsetParent)`;
const press = (expression) => `(() => { const button = ${expression}; if (button) button.click(); return Boolean(button); })()`;
const signIn = (secret) => `(() => {
	document.getElementById("token").value = ${JSON.stringify(secret)};
	document.getElementById("token-form").requestSubmit();
	return true;
})()`;
const card = `[...document.querySelectorAll("article")].find((one) => one.querySelector("h3").textContent.includes(${JSON.stringify(identity)}))`;
const cardText = `(${card}?.textContent || "")`;
const button = (name) => `[...(${card}?.querySelectorAll("button") || [])].find((one) => one.textContent === ${JSON.stringify(name)})`;

const choose = (name) => press(`[...document.querySelectorAll("#rooms button")].find((one) => one.textContent === ${JSON.stringify(name)})`);

async function run() {
	const page = { name: kind, ...(await openBrowser(kind, "relay", `${base}/admin`, base)) };
	pages.push(page);
	const has = (what, expression) => until(what, 20, () => page.evaluate(expression));
	await page.evaluate(signIn("not-the-token"));
	await has("the wrong token to be refused", `${visible("#sign-in")} && /token is not the operator/.test(${text("#fault")})`);
	await page.evaluate(signIn(token));
	await has("the relay to be ready", `/ready/.test(${text("#state")})`);
	await has("a worker", `document.querySelectorAll("#workers tbody tr").length === 1`);
	await has("a port", `/eth0.*xdp/.test(${text("#ports tbody")})`);
	await has("traffic in the room", `/[1-9][0-9]*\\/s/.test(${text("#rooms tbody")})`);
	await page.evaluate(choose(room));
	await has("the publisher's streams", `/sends video VP8/.test(${cardText}) && /sends audio opus/.test(${cardText})`);
	await has("its address and profile", `/connected, \\S+:\\d+, worker 0, AE/.test(${cardText})`);
	await has("a viewer", `/gets video of ${identity}: active/.test(${text("#people")})`);
	if (shots)
		await page.screenshot(`${shots}/admin-${kind}.png`);
	await page.evaluate(press(button("Mute video")));
	await has("the stream to be muted", `/MUTED/.test(${cardText}) && /gets video of ${identity}: paused/.test(${text("#people")})`);
	await has("packets to be dropped by name", `/paused\\s*[1-9][0-9]*\\/s/.test(${text("#drops tbody")})`);
	await page.evaluate(press(button("Unmute video")));
	await has("the stream to go on", `!/MUTED/.test(${cardText})`);
	if (oddRoom) {
		await page.evaluate(choose(oddRoom));
		await has("odd names as they are", `${text("#room-name")} === ${JSON.stringify(oddRoom)} && ` +
			`${text("#people")}.includes(${JSON.stringify(oddName)})`);
		if (await page.evaluate(`Boolean(document.querySelector("#people img, #rooms b") || window.hurt)`))
			faults.push("a name became markup");
	}
	if (await page.evaluate(`document.body.innerHTML.includes(${JSON.stringify(token)})`))
		faults.push("the token is in the page");
	for (const line of page.log.filter((one) => /error|policy|refused/i.test(one) && !/401/.test(one)))
		faults.push(`the browser says: ${line}`);
}

await finish(run, pages, faults, shots);

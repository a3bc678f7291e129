// SPDX-License-Identifier: Apache-2.0
// The operator's page: polls the admin API each second and works out rates from its counters. Names are what
// peers call themselves: they become text, never markup. The token lives in sessionStorage and in no address.
"use strict";
(() => {
	const PERIOD_MS = 1000;
	const STORED = "sluice-operator-token";
	const element = (id) => document.getElementById(id);

	let token = sessionStorage.getItem(STORED) || "";
	let chosen = ""; // room
	let timer = 0;
	let round = 0; // answers to questions of an earlier session are not shown
	let powers = {};
	const before = new Map(); // name of a list → {at, by: key → object}

	// ---- asking

	class Refusal extends Error {
		constructor(status, text) {
			super(text);
			this.status = status;
		}
	}

	async function ask(path, options = {}) {
		const reply = await fetch(path, { ...options, cache: "no-store", credentials: "omit",
			headers: { Authorization: `Bearer ${token}`, ...(options.headers || {}) } });
		const body = await reply.json().catch(() => ({}));
		if (!reply.ok) throw new Refusal(reply.status, body.error || `HTTP ${reply.status}`);
		return body;
	}

	// Names go into arguments: a path cannot carry every name.
	const roomPath = (room, rest = "") => `/v1/rooms/-${rest}?room=${encodeURIComponent(room)}`;
	const personPath = (room, identity, rest = "") =>
		`${roomPath(room, `/participants/-${rest}`)}&identity=${encodeURIComponent(identity)}`;

	// ---- figures

	function short(number, unit = "") {
		if (!Number.isFinite(number)) return "–";
		for (const [size, prefix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
			if (number >= size) return `${(number / size).toFixed(number >= 10 * size ? 1 : 2)} ${prefix}${unit}`;
		const text = number >= 10 || Number.isInteger(number) ? number.toFixed(0) : number.toFixed(1);
		return unit ? `${text} ${unit}` : text;
	}

	const perSecond = (number) => (Number.isFinite(number) ? `${short(number)}/s` : "–");
	const bits = (bytes) => short(8 * bytes, "bit/s");

	// Gives each object of a list a function rate(field): its growth per second since the last look. Counters
	// move ten times a second or less: two looks in quick succession, as after the token, say nothing new.
	const shortest = 0.5; // seconds
	function withRates(list, items, keyOf, at) {
		const last = before.get(list);
		const by = new Map(items.map((item) => [keyOf(item), item]));
		const seconds = last ? at - last.at : 0;
		const soon = last && seconds < shortest;
		for (const item of items) {
			const then = last && last.by.get(keyOf(item));
			const earlier = soon && then && then.rate;
			item.rate = soon ? earlier || (() => NaN) : (field) =>
				then ? Math.max(0, (item[field] - (then[field] || 0)) / seconds) : NaN;
			if (then && !soon) delete then.rate; // it would keep all looks before in memory
		}
		if (!soon) before.set(list, { at, by });
		return items;
	}

	// ---- building

	function make(tag, properties = {}, ...children) {
		const node = document.createElement(tag);
		Object.assign(node, properties);
		node.append(...children);
		return node;
	}

	// Keeps one child of `parent` for each item, in their order, so that focus and clicks survive a redraw.
	function keep(parent, items, keyOf, create, update) {
		const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
		items.forEach((item, place) => {
			const key = String(keyOf(item));
			let child = there.get(key);
			if (!child) {
				child = create(item);
				child.dataset.key = key;
			}
			there.delete(key);
			if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] || null);
			update(child, item);
		});
		for (const child of there.values()) child.remove();
	}

	function setText(node, text, name = "") {
		if (node.textContent !== text) node.textContent = text;
		if (node.className !== name) node.className = name;
	}

	function keepRows(table, items, keyOf, columns, first) {
		const width = element(table).tHead.rows[0].cells.length;
		keep(element(table).tBodies[0], items, keyOf,
			(item) => {
				const row = make("tr");
				for (let i = 0; i < width; i++) row.append(make("td"));
				if (first) first(row, item);
				return row;
			},
			(row, item) => columns(item, row).forEach((value, i) => {
				if (value === null) return;
				const [text, name] = Array.isArray(value) ? value : [value, ""];
				setText(row.cells[i], text, name);
			}));
	}

	// ---- the parts of the page

	function showStatus(status) {
		powers = status.powers;
		const parts = [];
		if (!status.dataplane.ready) parts.push(["data plane is not running", "bad"]);
		if (status.draining) parts.push(["draining", "bad"]);
		if (status.ready) parts.push(["ready", "good"]);
		else parts.push([status.reasons.join("; "), "bad"]);
		parts.push([`version ${status.version}, up ${duration(status.uptime_seconds)}`, "quiet"]);
		element("state").replaceChildren(...parts.flatMap(([text, name]) => [make("span", { className: name }, text), " "]));
		const totals = [["Rooms", status.rooms], ["People", status.participants], ["Streams", status.publications],
			["Views", status.subscriptions], ["Transports", status.transports], ["Sockets", status.websockets]];
		keep(element("totals"), totals, (item) => item[0],
			(item) => make("div", {}, make("b"), item[0]),
			(child, item) => setText(child.firstChild, String(item[1])));
	}

	function duration(seconds) {
		if (seconds < 120) return `${seconds} s`;
		if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
		return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
	}

	function showWorkers({ workers, at_seconds: at }) {
		withRates("workers", workers, (worker) => worker.worker, at);
		keepRows("workers", workers, (worker) => worker.worker,
			(worker, row) => {
				const load = worker.rate("busy_ns") / (worker.rate("busy_ns") + worker.rate("idle_ns"));
				const packets = worker.rate("media_in") + worker.rate("media_out");
				const drops = worker.rate("dropped");
				const [meter, text] = row.cells[1].children;
				meter.value = Number.isFinite(load) ? load : worker.load;
				setText(text, ` ${(100 * meter.value).toFixed(0)} %`);
				return [worker.cpu < 0 ? `${worker.worker}` : `${worker.worker} (cpu ${worker.cpu})`, null,
					packets > 0 ? short(worker.rate("cycles_busy") / packets) : "–",
					perSecond(worker.rate("media_in")), perSecond(worker.rate("media_out")),
					bits(worker.rate("bytes_in")), bits(worker.rate("bytes_out")),
					[perSecond(drops), drops > 0 ? "bad" : ""],
					`${short(worker.buffers_free)} of ${short(worker.buffers)}`];
			},
			(row) => row.cells[1].append(
				make("meter", { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0 }), make("span")));
	}

	function showPorts({ ports, at_seconds: at }) {
		withRates("ports", ports, (port) => port.name, at);
		const lost = ["rx_missed", "rx_no_buffer", "rx_errors", "tx_errors"];
		keepRows("ports", ports, (port) => port.name, (port) => {
			const refused = lost.reduce((sum, field) => sum + port[field], 0);
			return [port.name, `${port.mode}, ${port.driver}`, [port.link_up ? "up" : "DOWN", port.link_up ? "good" : "bad"],
				perSecond(port.rate("rx_packets")), perSecond(port.rate("tx_packets")),
				bits(port.rate("rx_bytes")), bits(port.rate("tx_bytes")), [short(refused), refused ? "bad" : ""]];
		});
	}

	function showDrops({ drops, at_seconds: at }) {
		withRates("drops", drops, (drop) => `${drop.where} ${drop.reason}`, at);
		const some = drops.filter((drop) => drop.packets > 0);
		some.sort((a, b) => (b.rate("packets") || 0) - (a.rate("packets") || 0) || b.packets - a.packets);
		element("no-drops").hidden = some.length > 0;
		element("drops").hidden = some.length === 0;
		keepRows("drops", some, (drop) => `${drop.where} ${drop.reason}`, (drop) => [drop.reason,
			perSecond(drop.rate("packets")), short(drop.packets), [drop.help, "words"]]);
	}

	function showRooms({ rooms, total, at_seconds: at }) {
		withRates("rooms", rooms, (room) => room.name, at);
		const traffic = (room) => (room.rate("packets_in") || 0) + (room.rate("packets_out") || 0);
		rooms.sort((a, b) => traffic(b) - traffic(a) || b.participants - a.participants || (a.name < b.name ? -1 : 1));
		element("rooms-count").textContent = total > rooms.length ? `the ${rooms.length} busiest of ${total}` : `${total}`;
		element("no-rooms").hidden = rooms.length > 0;
		element("rooms").hidden = rooms.length === 0;
		keepRows("rooms", rooms, (room) => room.name,
			(room, row) => {
				row.className = room.name === chosen ? "chosen" : "";
				return [null, short(room.participants), short(room.publications), short(room.subscriptions),
					perSecond(room.rate("packets_in")), perSecond(room.rate("packets_out")),
					bits(room.rate("bytes_in")), bits(room.rate("bytes_out")), perSecond(room.rate("lost"))];
			},
			(row, room) => row.cells[0].append(make("button",
				{ type: "button", onclick: () => choose(room.name) }, room.name)));
	}

	function transportLine(transport) {
		const towards = transport.publisher ? ` of ${transport.publisher}` : "";
		return `${transport.direction}${towards}: ${transport.state}, ${transport.address || "no address yet"}, worker ${transport.worker}, ` +
			`${transport.profile}, in ${short(transport.packets_in)}, out ${short(transport.packets_out)} packets`;
	}

	function publicationLine(publication) {
		const encodings = publication.encodings.map((encoding) =>
			`${encoding.rid ? `${encoding.rid}: ` : ""}${short(encoding.bitrate_bps, "bit/s")}, ${short(encoding.packets)} packets, ` +
			`${short(encoding.lost)} lost, ${short(encoding.key_requests)} key requests`);
		const still = publication.muted_by_operator ? ", MUTED" : publication.paused ? ", paused by itself" : "";
		return `sends ${publication.kind} ${publication.codec} (mid ${publication.mid}${still}): ${encodings.join(" | ")}`;
	}

	function subscriptionLine(subscription) {
		const dropped = Object.entries(subscription.dropped || {}).map(([reason, count]) => `, ${short(count)} ${reason}`).join("");
		return `gets ${subscription.kind} of ${subscription.publisher || "?"}: ${subscription.state}, ` +
			`${short(subscription.packets)} packets, ${short(subscription.resent)} resent, ${short(subscription.lost)} lost${dropped}`;
	}

	const isMuted = (person, kind) => person.muted_by_operator.includes(kind) ||
		person.publications.some((publication) => publication.kind === kind && publication.muted_by_operator);

	function personCard(person) {
		const room = chosen, identity = person.identity;
		const button = (text, action) => make("button", { type: "button", onclick: () => action().catch(showFault) }, text);
		const mute = (kind) => async () => {
			const muted = card.muted[kind];
			await ask(`${personPath(room, identity, "/mute")}&what=${kind}`, { method: muted ? "DELETE" : "POST" });
			look();
		};
		const card = make("article", {}, make("h3"), make("ul"),
			make("p", { className: "buttons" }, button("", mute("audio")), button("", mute("video")),
				button("Remove", () => kick(room, identity))));
		card.muted = {};
		card.querySelector(".buttons").lastChild.className = "danger";
		return card;
	}

	function updateCard(card, person) {
		const name = person.name && person.name !== person.identity ? `${person.name} (${person.identity})` : person.identity;
		const lines = [["kind", `${person.dialect}, here for ${duration(person.age_seconds)}${person.linked ? "" : ", no socket"}` +
				`${person.visible ? "" : ", not shown to others"}`],
			...person.transports.map((transport) => ["", transportLine(transport)]),
			...person.publications.map((publication) => ["", publicationLine(publication)]),
			...person.subscriptions.map((subscription) => ["", subscriptionLine(subscription)])];
		setText(card.querySelector("h3"), name);
		keep(card.querySelector("ul"), lines.map((line, i) => [i, ...line]), (line) => line[0], () => make("li"),
			(item, [, kind, text]) => setText(item, text, kind));
		["audio", "video"].forEach((kind, i) => {
			const button = card.querySelector(".buttons").children[i];
			card.muted[kind] = isMuted(person, kind);
			setText(button, `${card.muted[kind] ? "Unmute" : "Mute"} ${kind}`);
			button.setAttribute("aria-pressed", String(card.muted[kind]));
		});
	}

	function showRoom(room) {
		element("room").hidden = !room;
		if (!room) return;
		setText(element("room-name"), room.name);
		setText(element("room-count"), room.people.length < room.participants
			? `${room.people.length} of ${room.participants} people` : `${room.participants} people`, "quiet");
		keep(element("people"), room.people, (person) => `${room.name} ${person.identity}`, personCard, updateCard);
	}

	// ---- doing

	function choose(room) {
		chosen = chosen === room ? "" : room;
		showRoom(null);
		look();
	}

	async function kick(room, identity) {
		const dialog = element("kick");
		element("kick-who").textContent = identity;
		element("kick-reason").value = "";
		dialog.returnValue = "";
		dialog.showModal();
		await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
		if (dialog.returnValue !== "yes") return;
		const reason = element("kick-reason").value;
		await ask(`${personPath(room, identity)}${reason ? `&reason=${encodeURIComponent(reason)}` : ""}`, { method: "DELETE" });
		look();
	}

	function showFault(error) {
		const text = error instanceof Refusal ? error.message : `The relay does not answer (${error.message}). Trying again.`;
		element("fault").hidden = false;
		setText(element("fault"), text);
	}

	async function lookOnce(mine) {
		const status = await ask("/v1/status");
		const whole = status.powers.list || (status.powers.admin && !status.powers.room);
		const wanted = [ask("/v1/rooms"), ...(whole ? ["workers", "ports", "drops"].map((name) => ask(`/v1/${name}`)) : [])];
		const room = chosen && status.powers.admin ? ask(roomPath(chosen)).catch((error) => {
			if (error.status !== 404 && error.status !== 403) throw error;
			return null; // the last has left, or it is none of theirs
		}) : Promise.resolve(null);
		const [rooms, workers, ports, drops] = await Promise.all(wanted);
		const detail = await room;
		if (mine !== round) return;
		element("machine").hidden = !whole;
		showStatus(status);
		if (whole) {
			showWorkers(workers);
			showPorts(ports);
			showDrops(drops);
		}
		showRooms(rooms);
		showRoom(detail && detail.name === chosen ? detail : null);
		element("fault").hidden = true;
		window.sluiceAdmin = { looked: (window.sluiceAdmin?.looked || 0) + 1 };
	}

	async function look() {
		clearTimeout(timer);
		const mine = ++round;
		try {
			await lookOnce(mine);
		} catch (error) {
			if (mine !== round) return;
			if (error.status === 401) return signOut(error.message);
			showFault(error);
		}
		if (mine === round && token) timer = setTimeout(() => (document.hidden ? null : look()), PERIOD_MS);
	}

	function signIn() {
		sessionStorage.setItem(STORED, token);
		element("sign-in").hidden = true;
		element("board").hidden = element("sign-out").hidden = false;
		element("fault").hidden = true;
		look();
	}

	function signOut(why) {
		clearTimeout(timer);
		round++;
		token = chosen = "";
		before.clear();
		sessionStorage.removeItem(STORED);
		element("sign-in").hidden = false;
		element("board").hidden = element("sign-out").hidden = true;
		element("state").textContent = "";
		element("fault").hidden = !why;
		element("fault").textContent = why || "";
		element("token").focus();
	}

	element("token-form").onsubmit = (event) => {
		event.preventDefault();
		token = element("token").value.trim();
		element("token").value = "";
		if (token) signIn();
	};
	element("sign-out").onclick = () => signOut("");
	element("room-close").onclick = () => choose(chosen);
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden && token) look();
	});
	if (token) signIn();
})();

// SPDX-License-Identifier: Apache-2.0
// The page's half of dialect 004: one socket, and one connection to each peer of the room. Who comes to the
// room calls those who are there. Every connection has places for sound, picture and chat from the start, so
// that starting and stopping the camera changes nothing in it.
"use strict";

(() => {
	const query = new URLSearchParams(location.search);
	const element = (id) => document.getElementById(id);

	const CALL_AFTER_MS = 2500; // a newcomer that has not called by then is called
	const RETRY_FIRST_MS = 400;
	const RETRY_MOST_MS = 10000;
	const FIGURES_MS = 1000;
	const CODE_POLICY = 1008;
	const CODE_REPLACED = 4409;

	const room = {
		phase: "idle", // idle, connecting, connected, reconnecting
		id: "",
		self: "",
		token: query.get("token") || "",
		iceServers: [],
		socket: null,
		retries: 0,
		retryTimer: 0,
		stream: null, // camera and microphone
		label: new MediaStream(), // what our tracks belong to: clients look for it
		peers: new Map(), // peer id → peer
	};

	// ---- the socket

	function send(message) {
		if (room.socket && room.socket.readyState === WebSocket.OPEN) room.socket.send(JSON.stringify(message));
	}

	function setPhase(phase) {
		room.phase = phase;
		const texts = { idle: "Not connected", connecting: "Connecting", connected: "Connected", reconnecting: "Reconnecting" };
		const idle = phase === "idle";
		element("badge").dataset.state = phase;
		element("badge-text").textContent = texts[phase];
		element("connectBtn").disabled = !idle;
		element("disconnectBtn").disabled = idle;
		for (const id of ["roomId", "peerId", "token"]) element(id).disabled = !idle;
		element("chat-text").disabled = phase !== "connected";
		element("chat-text").placeholder = phase === "connected" ? "Say something to all" : "Connect to say something";
		document.title = idle ? "Sluice · peer rooms" : `${room.id} · Sluice`;
	}

	function notice(text) {
		element("notice").textContent = text;
		element("notice").hidden = !text;
	}

	// What the relay says before anything else: its STUN and TURN servers, and who a token makes us.
	async function fetchConfig() {
		const wanted = room.token ? `?${new URLSearchParams({ token: room.token })}` : "";
		const reply = await fetch(`/webrtc/config.json${wanted}`, { cache: "no-store" });
		if (reply.status === 401) return null;
		if (!reply.ok) throw new Error("The relay does not answer as expected.");
		return reply.json();
	}

	// A relay in development gives tokens to anybody.
	async function fetchToken() {
		const wanted = new URLSearchParams({ name: room.self, room: room.id });
		if (/^\d{1,9}$/.test(room.self)) wanted.set("identity", room.self);
		const reply = await fetch(`/v1/development-token?${wanted}`, { cache: "no-store" });
		return reply.ok ? (await reply.json()).token : "";
	}

	async function admission() {
		let config = await fetchConfig();
		if (!config && !room.token) {
			room.token = await fetchToken();
			config = room.token ? await fetchConfig() : null;
		}
		if (config) return config;
		element("token-label").hidden = false;
		room.token = "";
		throw new Error("This relay wants an access token: enter the one you were given.");
	}

	function socketUrl() {
		const path = [room.id, room.self].map(encodeURIComponent).join("/");
		const url = new URL(`/webrtc/signaling/${path}`, location.href);
		url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
		if (room.token) url.searchParams.set("token", room.token);
		return url;
	}

	async function openSocket() {
		const config = await admission();
		if (room.phase === "idle") return;
		room.iceServers = config.iceServers;
		if (config.peerId) {
			room.self = config.peerId;
			element("peerId").value = room.self;
		}
		const socket = new WebSocket(socketUrl());
		room.socket = socket;
		socket.onopen = () => {
			room.retries = 0;
			setPhase("connected");
		};
		socket.onmessage = (event) => {
			if (room.socket !== socket) return;
			const message = JSON.parse(event.data);
			const handle = handlers[message.type];
			if (handle) handle(message).catch((error) => console.warn(message.type, error));
		};
		socket.onclose = (event) => {
			if (room.socket !== socket) return;
			room.socket = null;
			socketLost(event);
		};
	}

	function socketLost(event) {
		if (event.code === CODE_REPLACED) leave("This peer ID has connected from elsewhere.");
		else if (event.code === CODE_POLICY) leave(event.reason ? `The relay refused: ${event.reason}.` : "The relay refused.");
		else retry(event.reason);
	}

	function retry(why) {
		if (room.phase === "connecting" && room.retries >= 2) {
			leave(`The relay cannot be reached${why ? `: ${why}` : ""}.`);
			return;
		}
		if (room.phase === "connected") setPhase("reconnecting");
		const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** room.retries++);
		clearTimeout(room.retryTimer);
		room.retryTimer = setTimeout(() => openSocket().catch(() => retry("")), most * (0.5 + Math.random() / 2));
	}

	// ---- peers

	// A connection that has not been made by our own call must not be called by both at once.
	const isPolite = (peer) => room.self < peer.id;

	function peerOf(id) {
		let peer = room.peers.get(id);
		if (!peer) {
			peer = { id, pc: null, channel: null, early: [], making: false, ignoring: false, chain: Promise.resolve() };
			room.peers.set(id, peer);
			showPeer(peer);
		}
		return peer;
	}

	// One thing at a time for each peer: descriptions and candidates come faster than they are taken.
	function queued(peer, work) {
		const done = peer.chain.then(work);
		peer.chain = done.catch(() => {});
		return done;
	}

	function watchChannel(peer, channel) {
		if (channel.label === "echo") {
			channel.onmessage = (event) => channel.send(event.data);
			return;
		}
		peer.channel = channel;
		channel.onmessage = (event) => {
			if (typeof event.data === "string") showMessage(peer.id, event.data);
		};
	}

	function connect(peer) {
		if (peer.pc) hangUp(peer);
		const pc = new RTCPeerConnection({ iceServers: room.iceServers, bundlePolicy: "max-bundle" });
		peer.pc = pc;
		peer.early = [];
		peer.stream = new MediaStream();
		pc.onicecandidate = ({ candidate }) => {
			if (candidate && peer.pc === pc) send({ type: "ice_candidate", candidate, target_peer_id: peer.id });
		};
		pc.ontrack = ({ track }) => {
			for (const old of peer.stream.getTracks()) if (old.kind === track.kind) peer.stream.removeTrack(old);
			peer.stream.addTrack(track);
			track.onmute = track.onunmute = () => showPeer(peer);
			showPeer(peer);
		};
		pc.ondatachannel = ({ channel }) => watchChannel(peer, channel);
		pc.onconnectionstatechange = () => {
			showPeer(peer);
			if (pc.connectionState === "failed" && peer.pc === pc) call(peer).catch(console.warn);
		};
		return pc;
	}

	function hangUp(peer) {
		if (!peer.pc) return;
		peer.pc.onconnectionstatechange = peer.pc.onicecandidate = peer.pc.ontrack = null;
		peer.pc.close();
		peer.pc = peer.channel = null;
	}

	function tracks() {
		const of = (kind) => (room.stream && room.stream.getTracks().find((track) => track.kind === kind)) || null;
		return { audio: of("audio"), video: of("video") };
	}

	// Puts what we have into the places that the connection has for it.
	async function fillPlaces(peer) {
		const own = tracks();
		const filled = new Set();
		for (const place of peer.pc.getTransceivers()) {
			const kind = place.receiver.track.kind;
			if (place.stopped || filled.has(kind)) continue;
			filled.add(kind);
			place.sender.setStreams(room.label);
			if (place.sender.track !== own[kind]) await place.sender.replaceTrack(own[kind]);
		}
	}

	function call(peer) {
		return queued(peer, async () => {
			const pc = connect(peer);
			for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "sendrecv" });
			watchChannel(peer, pc.createDataChannel("chat"));
			await fillPlaces(peer);
			peer.making = true;
			try {
				await pc.setLocalDescription();
				send({ type: "offer", offer: pc.localDescription, target_peer_id: peer.id });
			} finally {
				peer.making = false;
			}
		});
	}

	async function takeCandidates(peer) {
		for (const candidate of peer.early.splice(0)) await addCandidate(peer, candidate);
	}

	async function addCandidate(peer, candidate) {
		try {
			await peer.pc.addIceCandidate(candidate);
		} catch (error) {
			if (!peer.ignoring) console.warn("candidate", error);
		}
	}

	const fingerprintOf = (description) => (/^a=fingerprint:(.*)$/m.exec(description ? description.sdp : "") || [])[1];

	// True when the peer has a new connection, which an old one of ours cannot follow.
	function isFresh(peer, offer) {
		const before = peer.pc && fingerprintOf(peer.pc.remoteDescription);
		const dead = peer.pc && ["failed", "closed"].includes(peer.pc.connectionState);
		return !peer.pc || dead || (before && before !== fingerprintOf(offer));
	}

	async function takeOffer(peer, offer) {
		const collides = peer.pc && (peer.making || peer.pc.signalingState !== "stable");
		peer.ignoring = Boolean(collides && !isPolite(peer));
		if (peer.ignoring) return;
		const pc = isFresh(peer, offer) ? connect(peer) : peer.pc;
		await pc.setRemoteDescription(offer);
		await takeCandidates(peer);
		for (const place of pc.getTransceivers())
			if (place.direction === "recvonly" || place.direction === "inactive") place.direction = "sendrecv";
		await fillPlaces(peer);
		await pc.setLocalDescription();
		send({ type: "answer", answer: pc.localDescription, target_peer_id: peer.id });
	}

	async function takeAnswer(peer, answer) {
		if (!peer.pc || peer.pc.signalingState !== "have-local-offer") return;
		await peer.pc.setRemoteDescription(answer);
		await takeCandidates(peer);
	}

	// ---- messages

	function removePeer(id) {
		const peer = room.peers.get(id);
		if (!peer) return;
		hangUp(peer);
		room.peers.delete(id);
		if (peer.tile && peer.tile !== element("remote-tile")) peer.tile.remove();
		if (peer.entry) peer.entry.remove();
		giveMainTile();
		showCount();
	}

	const handlers = {
		// We are new: those who are there are called; whom the list lacks has gone.
		async existing_peers({ peers }) {
			for (const id of [...room.peers.keys()]) if (!peers.includes(id)) removePeer(id);
			await Promise.all(peers.map((id) => call(peerOf(id))));
		},

		async peer_joined({ peer_id: id }) {
			if (id === room.self) return;
			const peer = peerOf(id);
			const before = peer.pc;
			setTimeout(() => {
				if (room.peers.get(id) === peer && peer.pc === before && room.phase === "connected")
					call(peer).catch(console.warn);
			}, CALL_AFTER_MS);
		},

		async peer_left({ peer_id: id }) {
			removePeer(id);
		},

		async offer({ offer, from_peer_id: id }) {
			const peer = peerOf(id);
			if (offer && offer.sdp) await queued(peer, () => takeOffer(peer, offer));
		},

		async answer({ answer, from_peer_id: id }) {
			const peer = peerOf(id);
			if (answer && answer.sdp) await queued(peer, () => takeAnswer(peer, answer));
		},

		async ice_candidate({ candidate, from_peer_id: id }) {
			const peer = peerOf(id);
			if (!candidate) return;
			await queued(peer, async () => {
				if (peer.pc && peer.pc.remoteDescription) await addCandidate(peer, candidate);
				else peer.early.push(candidate);
			});
		},
	};

	// ---- what is seen

	function hueOf(text) {
		let hue = 0;
		for (const char of text) hue = (hue * 31 + char.codePointAt(0)) % 360;
		return hue;
	}

	function dressTile(tile, name) {
		const avatar = tile.querySelector(".avatar");
		tile.querySelector(".who").textContent = name;
		avatar.textContent = [...name][0] ? [...name][0].toUpperCase() : "";
		avatar.style.setProperty("--hue", hueOf(name));
	}

	// The first peer has the tile that is always there.
	function tileFor() {
		const main = element("remote-tile");
		if (![...room.peers.values()].some((peer) => peer.tile === main)) return main;
		const tile = main.cloneNode(true);
		tile.removeAttribute("id");
		const video = tile.querySelector("video");
		video.removeAttribute("id");
		video.srcObject = null;
		tile.classList.remove("has-video");
		element("grid").append(tile);
		return tile;
	}

	function giveMainTile() {
		const main = element("remote-tile");
		const peers = [...room.peers.values()];
		if (peers.some((peer) => peer.tile === main)) return;
		main.querySelector("video").srcObject = null;
		main.classList.remove("has-video");
		main.querySelector(".figures").textContent = "";
		main.querySelector(".state").hidden = true;
		dressTile(main, "Nobody yet");
		main.querySelector(".avatar").textContent = "";
		if (peers[0]) {
			peers[0].tile.remove();
			peers[0].tile = main;
			showPeer(peers[0]);
		}
		layOut();
	}

	const stateTexts = {
		new: "Calling", connecting: "Connecting", connected: "", disconnected: "Connection lost, waiting", failed: "Connection failed",
	};

	function showPeer(peer) {
		if (room.peers.get(peer.id) !== peer) return;
		if (!peer.tile) {
			peer.tile = tileFor();
			peer.entry = element("peer-template").content.firstElementChild.cloneNode(true);
			peer.entry.querySelector(".name").textContent = peer.id;
			element("peers").append(peer.entry);
			showCount();
			layOut();
		}
		const state = peer.pc ? peer.pc.connectionState : "new";
		const picture = peer.stream && peer.stream.getVideoTracks().some((track) => !track.muted);
		const video = peer.tile.querySelector("video");
		dressTile(peer.tile, peer.id);
		if (peer.stream && video.srcObject !== peer.stream) {
			video.srcObject = peer.stream;
			play(video);
		}
		peer.tile.classList.toggle("has-video", Boolean(picture && state === "connected"));
		const shown = peer.tile.querySelector(".state");
		shown.textContent = peer.pc ? stateTexts[state] || "" : "";
		shown.hidden = !shown.textContent;
		peer.entry.dataset.state = state;
		peer.entry.querySelector(".how").textContent = peer.pc ? state : "here";
	}

	function showCount() {
		element("peers-count").textContent = room.peers.size;
	}

	function showMessage(from, text) {
		const item = document.createElement("li");
		const who = document.createElement("b");
		who.textContent = from;
		item.classList.toggle("own", from === room.self);
		item.append(who, text);
		element("messages").append(item);
		item.scrollIntoView({ block: "nearest" });
	}

	// As large as they fit, all alike.
	function layOut() {
		const grid = element("grid");
		const count = grid.children.length;
		const width = grid.clientWidth - 24;
		const height = grid.clientHeight - 24;
		let best = 160;
		for (let columns = 1; columns <= count; columns++) {
			const rows = Math.ceil(count / columns);
			const wide = (width - 12 * (columns - 1)) / columns;
			const high = (((height - 12 * (rows - 1)) / rows) * 16) / 9;
			best = Math.max(best, Math.min(wide, high));
		}
		grid.style.setProperty("--tile-width", `${Math.floor(best)}px`);
	}

	new ResizeObserver(layOut).observe(element("grid"));

	// A page that nobody has clicked may not make a sound.
	function play(video) {
		const started = video.play();
		if (started)
			started.catch((error) => {
				if (error.name === "NotAllowedError") element("hear").hidden = false;
			});
	}

	element("hear").onclick = () => {
		element("hear").hidden = true;
		for (const peer of room.peers.values()) play(peer.tile.querySelector("video"));
	};

	async function showFigures(peer) {
		if (!peer.pc || peer.pc.connectionState !== "connected") return;
		const now = { at: performance.now(), bytes: 0, packets: 0, lost: 0, size: "" };
		(await peer.pc.getStats()).forEach((row) => {
			if (row.type !== "inbound-rtp") return;
			now.bytes += row.bytesReceived || 0;
			now.packets += row.packetsReceived || 0;
			now.lost += row.packetsLost || 0;
			if (row.frameWidth) now.size = `${row.frameWidth}×${row.frameHeight}`;
		});
		const before = peer.reading;
		peer.reading = now;
		if (!before || now.bytes < before.bytes) return;
		const kilobits = ((now.bytes - before.bytes) * 8) / (now.at - before.at);
		const lost = Math.max(0, now.lost - before.lost);
		const all = now.packets - before.packets + lost;
		const rate = kilobits >= 1000 ? `${(kilobits / 1000).toFixed(1)} Mbit/s` : `${Math.round(kilobits)} kbit/s`;
		const parts = [rate, now.size, `${all ? ((100 * lost) / all).toFixed(1) : "0.0"} % lost`];
		peer.tile.querySelector(".figures").textContent = parts.filter(Boolean).join(" · ");
	}

	setInterval(() => {
		if (!document.hidden) for (const peer of room.peers.values()) showFigures(peer).catch(() => {});
	}, FIGURES_MS);

	// ---- camera and microphone

	async function startVideo() {
		notice("");
		if (!navigator.mediaDevices) {
			notice("Camera and microphone need a secure page (https or localhost).");
			return;
		}
		element("startVideoBtn").disabled = true;
		const wish = { audio: { echoCancellation: true }, video: { width: { ideal: 1280 }, height: { ideal: 720 } } };
		try {
			room.stream = await navigator.mediaDevices.getUserMedia(wish);
		} catch (error) {
			notice(`No camera or microphone: ${error.message}`);
		}
		await showOwn();
	}

	async function stopVideo() {
		if (room.stream) for (const track of room.stream.getTracks()) track.stop();
		room.stream = null;
		await showOwn();
	}

	async function showOwn() {
		element("localVideo").srcObject = room.stream;
		element("local-tile").classList.toggle("has-video", Boolean(room.stream && room.stream.getVideoTracks().length));
		element("startVideoBtn").disabled = Boolean(room.stream);
		element("stopVideoBtn").disabled = !room.stream;
		await Promise.all([...room.peers.values()].map((peer) => queued(peer, () => peer.pc && fillPlaces(peer))));
	}

	element("startVideoBtn").onclick = () => startVideo().catch((error) => notice(error.message));
	element("stopVideoBtn").onclick = () => stopVideo().catch((error) => notice(error.message));

	// ---- coming and going

	function join() {
		notice("");
		room.id = element("roomId").value.trim();
		room.self = element("peerId").value.trim();
		room.token = element("token").value.trim() || room.token;
		room.retries = 0;
		if (!room.id || !room.self || room.id.includes("/") || room.self.includes("/")) {
			notice("A room and a peer ID are needed, without slashes.");
			return;
		}
		dressTile(element("local-tile"), room.self);
		element("local-tile").querySelector(".who").textContent = `${room.self} (you)`;
		setPhase("connecting");
		openSocket().catch((error) => leave(error.message));
	}

	function leave(why = "") {
		const socket = room.socket;
		clearTimeout(room.retryTimer);
		room.socket = null;
		if (socket) socket.close(1000);
		for (const id of [...room.peers.keys()]) removePeer(id);
		setPhase("idle");
		notice(why);
	}

	element("room-form").onsubmit = (event) => {
		event.preventDefault();
		join();
	};
	element("disconnectBtn").onclick = () => leave();
	addEventListener("pagehide", () => room.socket && room.socket.close(1000));

	element("chat-form").onsubmit = (event) => {
		event.preventDefault();
		const text = element("chat-text").value.trim();
		if (!text) return;
		for (const { channel } of room.peers.values()) if (channel && channel.readyState === "open") channel.send(text);
		showMessage(room.self, text);
		element("chat-text").value = "";
	};

	// ---- for tests and the curious

	window.rooms = {
		get phase() {
			return room.phase;
		},
		get self() {
			return room.self;
		},
		get peers() {
			return [...room.peers.values()].map((peer) => ({
				id: peer.id,
				state: peer.pc ? peer.pc.connectionState : "none",
				chat: peer.channel ? peer.channel.readyState : "none",
				picture: Boolean(peer.tile && peer.tile.classList.contains("has-video")),
			}));
		},
		connectionOf: (id) => room.peers.get(id).pc,
		dropSocket: () => room.socket && room.socket.close(3001),
	};

	function begin() {
		element("roomId").value = query.get("room") || "room1";
		element("peerId").value = query.get("peer") || `peer${1 + Math.floor(Math.random() * 999)}`;
		dressTile(element("local-tile"), element("peerId").value);
		dressTile(element("remote-tile"), "Nobody yet");
		element("remote-tile").querySelector(".avatar").textContent = "";
		if (!window.isSecureContext) notice("This page is not secure (https or localhost), so the browser gives no camera or microphone.");
		const started = query.get("video") === "1" ? startVideo() : Promise.resolve();
		if (query.get("autojoin") === "1") started.then(join, join);
	}

	begin();
})();

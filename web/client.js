// SPDX-License-Identifier: Apache-2.0
// The page's half of dialect 002: one socket, one connection up, one down for each publisher. The
// socket may come and go; media connections that live are left alone.
"use strict";

(() => {
	const query = new URLSearchParams(location.search);
	const element = (id) => document.getElementById(id);

	const RETRY_FIRST_MS = 400;
	const RETRY_MOST_MS = 10000;
	const OPEN_LIMIT_MS = 8000;
	const FIGURES_MS = 1000;
	const LEVEL_MS = 200;
	const SPEAKING_LEVEL = 0.015;
	const CODE_REPLACED = 4000;
	const CODE_KICKED = 4001;

	let config = { iceServers: [], ws: "/ws/sfu", developmentTokens: true };

	// ---- the call

	const call = {
		phase: "idle", // idle, connecting, connected, reconnecting
		room: "",
		name: "",
		userId: 0,
		identity: 0, // stays the same over reconnects, so that the relay knows us again
		token: "", // given by hand; empty = ask the relay for one
		socket: null,
		attempt: 0,
		retryTimer: 0,
		reconnects: 0,
		everJoined: false,
		stream: null,
		muted: { audio: false, video: false },
		up: null,
		people: new Map(), // user id → person
		repeated: new Set(), // publishers of the list that are yet to be announced one by one
		self: null,
	};

	const isOpen = () => call.socket && call.socket.readyState === WebSocket.OPEN;
	const inCall = () => call.phase === "connected" || call.phase === "reconnecting";

	function send(message) {
		if (isOpen()) call.socket.send(JSON.stringify(message));
	}

	// A connection that carries media, or may again by itself: libwebrtc comes back from "disconnected".
	const isAlive = (pc) => pc && (pc.connectionState === "connected" || pc.connectionState === "disconnected");

	function setPhase(phase) {
		call.phase = phase;
		const text = {
			idle: "Not connected",
			connecting: "Connecting",
			connected: "Connected",
			reconnecting: "Reconnecting",
		};
		element("badge").dataset.state = phase;
		element("badge-text").textContent = text[phase];
		element("join").hidden = inCall();
		element("stage").hidden = !inCall();
		element("controls").hidden = !inCall();
		element("where").hidden = !inCall();
		element("connect").disabled = phase === "connecting";
		element("connect").textContent = phase === "connecting" ? "Connecting…" : "Connect";
		document.title = inCall() ? `${call.room} · Sluice` : "Sluice";
		layOut();
	}

	// ---- tokens and the socket

	async function fetchToken() {
		if (call.token) return call.token;
		const wanted = new URLSearchParams({ identity: call.identity, name: call.name, room: call.room });
		const reply = await fetch(`/v1/development-token?${wanted}`, { cache: "no-store" });
		if (!reply.ok) {
			const tooLong = reply.status === 400;
			const error = new Error(
				tooLong
					? "The name or the room is too long."
					: "This relay gives no tokens by itself: enter the one you were given.",
			);
			error.final = reply.status !== 429 && reply.status < 500;
			error.askToken = !tooLong;
			throw error;
		}
		return (await reply.json()).token;
	}

	async function openSocket() {
		clearTimeout(call.retryTimer);
		const attempt = ++call.attempt;
		let token;
		try {
			token = await fetchToken();
			if (call.token) await loadConfig(token);
		} catch (error) {
			if (attempt !== call.attempt || call.phase === "idle") return;
			if (error.final && !call.everJoined) endCall(error.message, error);
			else socketLost("The relay does not answer");
			return;
		}
		if (attempt !== call.attempt || call.phase === "idle") return;

		const url = new URL(config.ws, location.href);
		url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
		const socket = new WebSocket(url);
		call.socket = socket;
		const slow = setTimeout(() => socket.close(), OPEN_LIMIT_MS);
		socket.onopen = () => {
			clearTimeout(slow);
			send({ type: "auth", token });
		};
		socket.onmessage = (event) => {
			if (call.socket !== socket) return;
			const message = JSON.parse(event.data);
			const handle = handlers[message.type];
			if (handle) Promise.resolve(handle(message)).catch((error) => console.warn(message.type, error));
		};
		socket.onclose = () => {
			clearTimeout(slow);
			if (call.socket !== socket) return;
			call.socket = null;
			if (call.phase !== "idle") socketLost("The relay cannot be reached");
		};
	}

	let retries = 0;

	// Media goes on; only the socket is opened again, later and later, spread by chance.
	function socketLost(why) {
		if (!call.everJoined && retries >= 2) {
			endCall(`${why}. Is it running, and is the address right?`);
			return;
		}
		if (call.everJoined && call.phase === "connected") setPhase("reconnecting");
		const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** retries++);
		clearTimeout(call.retryTimer);
		call.retryTimer = setTimeout(openSocket, most / 2 + Math.random() * (most / 2));
	}

	addEventListener("online", () => {
		if (call.phase === "reconnecting" && !call.socket) openSocket();
	});

	// ---- messages from the relay

	const handlers = {
		authenticated(message) {
			call.userId = message.userId;
			send({ type: "join-room", roomName: call.room });
		},

		"room-joined"(message) {
			retries = 0;
			if (call.everJoined) call.reconnects++;
			call.everJoined = true;
			setPhase("connected");
			const here = new Set(message.participants.map((other) => other.userId));
			for (const other of [...call.people.values()]) {
				other.visible = here.has(other.id);
				forgetIfGone(other);
			}
			for (const other of message.participants) person(other.userId, other.username).visible = true;
			if (!isAlive(call.up && call.up.pc)) publish();
		},

		"publishers-list"(message) {
			const publishing = new Set(message.publishers.map((other) => other.publisherId));
			call.repeated = new Set(publishing);
			for (const other of [...call.people.values()]) {
				if (!message.resumed) unsubscribe(other);
				if (!publishing.has(other.id)) publisherLeft(other);
			}
			// The relay has forgotten us: what looks alive here is dead there.
			if (!message.resumed && isAlive(call.up && call.up.pc)) publish();
		},

		"user-joined"(message) {
			person(message.user.userId, message.user.username).visible = true;
		},

		"user-left"(message) {
			const other = call.people.get(message.userId);
			if (!other) return;
			other.visible = false;
			forgetIfGone(other);
		},

		"new-publisher"(message) {
			if (message.publisherId === call.userId) return;
			const other = person(message.publisherId, message.username);
			other.publishing = true;
			// After the list everybody in it is announced once; later on it means more media than before.
			if (!call.repeated.delete(message.publisherId) || !isAlive(other.pc)) subscribe(other);
		},

		"publisher-left"(message) {
			const other = call.people.get(message.publisherId);
			if (other) publisherLeft(other);
		},

		"publisher-muted"(message) {
			if (message.publisherId === call.userId)
				toast(`The operator has ${message.muted ? "muted" : "unmuted"} your ${message.kind === "audio" ? "microphone" : "camera"}.`, message.muted);
			const other = call.people.get(message.publisherId);
			if (!other) return;
			other.muted[message.kind] = message.muted;
			showPerson(other);
		},

		"publish-answer": (message) => call.up && call.up.answered(message.answer),

		async "subscribe-offer"(message) {
			const other = call.people.get(message.publisherId);
			if (other) await acceptOffer(other, message.offer);
		},

		error(message) {
			const text = message.message || "Unknown error";
			if (message.code === CODE_REPLACED) {
				endCall("You have joined this room from another place, so this page left it.");
			} else if (message.code === CODE_KICKED) {
				endCall(text);
			} else if (text.startsWith("Authentication failed")) {
				endCall(friendlyToken(text), { askToken: true });
			} else if (text.startsWith("Failed to join room")) {
				if (call.everJoined) call.socket.close();
				else endCall(text, { askToken: Boolean(call.token) });
			} else if (!/^SFU subscribe request error: Publisher/.test(text)) {
				toast(text, true);
			}
		},
	};

	function friendlyToken(text) {
		if (/expired/i.test(text)) return "This access token has expired. Ask for a new one.";
		return `The relay does not accept this access token (${text.replace(/^Authentication failed: /, "")}).`;
	}

	// ---- up: our camera and microphone

	const connectionSettings = () => ({ iceServers: config.iceServers || [], bundlePolicy: "max-bundle" });

	// For tests: a busy machine then sends fewer frames rather than smaller ones.
	function holdResolution(sender) {
		const parameters = sender.getParameters();
		parameters.degradationPreference = "maintain-resolution";
		sender.setParameters(parameters).catch((error) => console.warn("hold=resolution", error));
	}

	class Uplink {
		constructor(stream) {
			this.pc = new RTCPeerConnection(connectionSettings());
			this.senders = {};
			this.closed = false;
			for (const track of stream.getTracks()) {
				const encodings = track.kind === "video" ? [{ maxBitrate: 2500000 }] : [{}];
				const transceiver = this.pc.addTransceiver(track, {
					direction: "sendonly",
					streams: [stream],
					sendEncodings: encodings,
				});
				this.senders[track.kind] = transceiver.sender;
				if (track.kind === "video" && query.get("hold") === "resolution") holdResolution(transceiver.sender);
			}
			this.pc.onconnectionstatechange = () => this.changed();
		}

		// ICE-lite on the other side: the offer need not wait for our candidates.
		async offer() {
			await this.pc.setLocalDescription(await this.pc.createOffer());
			send({ type: "publish-offer", roomName: call.room, offer: this.pc.localDescription.sdp });
		}

		async answered(sdp) {
			if (this.pc.signalingState !== "have-local-offer") return;
			await this.pc.setRemoteDescription({ type: "answer", sdp });
			for (const kind of ["audio", "video"])
				if (call.muted[kind] && this.senders[kind]) send({ type: "mute", roomName: call.room, kind });
		}

		changed() {
			if (this.closed) return;
			showPerson(call.self);
			if (this.pc.connectionState === "connected") this.restarted = false;
			if (this.pc.connectionState !== "failed") return;
			if (this.restarted) {
				publish();
				return;
			}
			// First only a new path; keys and streams stay.
			this.restarted = true;
			setTimeout(() => {
				if (call.up === this && !isAlive(this.pc)) publish();
			}, 12000);
			if (!isOpen()) return;
			this.pc.restartIce();
			this.offer().catch(() => publish());
		}

		close() {
			this.closed = true;
			this.pc.close();
		}
	}

	// Another network under the same connection: new paths, the same keys and streams.
	function restartUplink() {
		if (!call.up || !isOpen()) return;
		call.up.pc.restartIce();
		call.up.offer().catch(() => publish());
	}

	function publish() {
		if (call.up) call.up.close();
		call.up = null;
		if (!isOpen() || !call.stream || !call.stream.getTracks().length) return;
		call.up = new Uplink(call.stream);
		call.up.offer().catch((error) => toast(`Sending failed: ${error.message}`, true));
	}

	// ---- down: one connection for each publisher

	function subscribe(other) {
		clearTimeout(other.retry);
		send({ type: "subscribe-request", roomName: call.room, publisherId: other.id });
	}

	function unsubscribe(other) {
		clearTimeout(other.retry);
		if (other.pc) other.pc.close();
		other.pc = null;
	}

	function publisherLeft(other) {
		unsubscribe(other);
		other.publishing = false;
		other.muted = { audio: false, video: false };
		other.tile.video.srcObject = null;
		other.figures = "";
		showPerson(other);
		forgetIfGone(other);
	}

	async function acceptOffer(other, sdp) {
		unsubscribe(other);
		const pc = new RTCPeerConnection(connectionSettings());
		const stream = new MediaStream();
		other.pc = pc;
		pc.ontrack = (event) => {
			stream.addTrack(event.track);
			if (other.tile.video.srcObject !== stream) other.tile.video.srcObject = stream;
			event.track.onunmute = () => showPerson(other);
			play(other.tile.video);
			showPerson(other);
		};
		pc.onconnectionstatechange = () => {
			if (other.pc !== pc) return;
			showPerson(other);
			if (pc.connectionState === "connected") other.failures = 0;
			if (pc.connectionState === "failed") retrySubscription(other);
		};
		await pc.setRemoteDescription({ type: "offer", sdp });
		await pc.setLocalDescription(await pc.createAnswer());
		if (other.pc !== pc) return;
		send({
			type: "subscribe-answer",
			roomName: call.room,
			publisherId: other.id,
			answer: pc.localDescription.sdp,
		});
	}

	function retrySubscription(other) {
		const most = Math.min(RETRY_MOST_MS, 500 * 2 ** other.failures++);
		clearTimeout(other.retry);
		other.retry = setTimeout(() => {
			if (other.publishing && isOpen()) subscribe(other);
		}, most / 2 + Math.random() * (most / 2));
	}

	// ---- people and their tiles

	function makeTile(name, isSelf) {
		const node = element("tile-template").content.firstElementChild.cloneNode(true);
		const tile = {
			node,
			video: node.querySelector("video"),
			avatar: node.querySelector(".avatar"),
			state: node.querySelector(".state"),
			figures: node.querySelector(".figures"),
			mutedIcon: node.querySelector(".muted-icon"),
			who: node.querySelector(".who"),
		};
		let hue = 0;
		for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
		tile.avatar.style.setProperty("--hue", hue);
		tile.avatar.textContent = initials(name);
		tile.who.textContent = isSelf ? `${name} (you)` : name;
		node.setAttribute("aria-label", isSelf ? `${name}, you` : name);
		if (isSelf) {
			node.classList.add("self");
			tile.video.muted = true;
		}
		element("grid").append(node);
		return tile;
	}

	function initials(name) {
		const words = name.trim().split(/\s+/);
		const letters = [...words[0]].slice(0, 1).concat(words.length > 1 ? [...words[words.length - 1]].slice(0, 1) : []);
		return letters.join("").toUpperCase() || "?";
	}

	function makePerson(id, name, isSelf = false) {
		return {
			id,
			name,
			isSelf,
			visible: isSelf,
			publishing: false,
			pc: null,
			retry: 0,
			failures: 0,
			muted: { audio: false, video: false },
			previous: new Map(),
			figures: "",
			tile: makeTile(name, isSelf),
		};
	}

	function person(id, name) {
		let other = call.people.get(id);
		if (!other) {
			other = makePerson(id, name || `User ${id}`);
			call.people.set(id, other);
			showPerson(other);
			layOut();
		}
		return other;
	}

	function forgetIfGone(other) {
		if (other.visible || other.publishing) return;
		unsubscribe(other);
		other.tile.node.remove();
		call.people.delete(other.id);
		layOut();
	}

	function stateText(who) {
		const pc = who.isSelf ? call.up && call.up.pc : who.pc;
		if (!pc) return "";
		if (pc.connectionState === "disconnected") return "Connection is weak…";
		if (pc.connectionState === "failed") return "Connecting again…";
		return "";
	}

	function hasVideo(who) {
		const stream = who.tile.video.srcObject;
		const track = stream && stream.getVideoTracks()[0];
		return Boolean(track && !track.muted && track.readyState === "live" && !who.muted.video);
	}

	function showPerson(who) {
		if (!who) return;
		const text = stateText(who);
		who.tile.node.classList.toggle("has-video", hasVideo(who));
		who.tile.mutedIcon.toggleAttribute("hidden", !who.muted.audio);
		who.tile.state.hidden = !text;
		who.tile.state.textContent = text;
		who.tile.figures.textContent = who.figures;
	}

	// As few columns as make the tiles largest.
	function layOut() {
		const grid = element("grid");
		const tiles = grid.children.length;
		element("people-count").textContent = tiles;
		if (!tiles || element("stage").hidden) return;
		const gap = 12; // as in style.css, also around the tiles
		const width = grid.clientWidth - 2 * gap;
		const height = grid.clientHeight - 2 * gap;
		let best = 0;
		for (let columns = 1; columns <= tiles; columns++) {
			const rows = Math.ceil(tiles / columns);
			const byWidth = (width - gap * (columns - 1)) / columns;
			const byHeight = (((height - gap * (rows - 1)) / rows) * 16) / 9;
			best = Math.max(best, Math.min(byWidth, byHeight));
		}
		grid.style.setProperty("--tile-width", `${Math.floor(Math.max(140, best - 1))}px`);
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
		for (const other of call.people.values()) play(other.tile.video);
	};

	// ---- figures

	const sum = (rows, key) => rows.reduce((total, row) => total + (row[key] || 0), 0);

	function rtpRows(report, type) {
		const rows = { audio: [], video: [] };
		report.forEach((row) => {
			if (row.type === type && rows[row.kind]) rows[row.kind].push(row);
		});
		return rows;
	}

	function pathOf(report) {
		let path = null;
		report.forEach((row) => {
			if (row.type === "candidate-pair" && row.nominated && row.state === "succeeded") path = row;
		});
		return path;
	}

	function summarize(report, type, pc) {
		const rows = rtpRows(report, type);
		const remote = rtpRows(report, "remote-inbound-rtp");
		const path = pathOf(report);
		const up = type === "outbound-rtp";
		const of = (kind) => ({
			packets: sum(rows[kind], up ? "packetsSent" : "packetsReceived"),
			bytes: sum(rows[kind], up ? "bytesSent" : "bytesReceived"),
			lost: sum(up ? remote[kind] : rows[kind], "packetsLost"),
			retransmitted: sum(rows[kind], "retransmittedPacketsSent"),
			nacks: sum(rows[kind], "nackCount"),
			keyRequests: sum(rows[kind], "pliCount"),
		});
		const video = of("video");
		const audio = of("audio");
		audio.energy = sum(rows.audio, "totalAudioEnergy");
		audio.samples = sum(rows.audio, "totalSamplesReceived");
		audio.concealed = sum(rows.audio, "concealedSamples");
		const trips = remote.video.concat(remote.audio).map((row) => row.roundTripTime).filter((trip) => trip !== undefined);
		return {
			state: pc.connectionState,
			video,
			audio,
			framesDecoded: sum(rows.video, "framesDecoded"),
			framesSent: sum(rows.video, "framesSent"),
			framesPerSecond: sum(rows.video, "framesPerSecond"),
			keyFrames: sum(rows.video, up ? "keyFramesEncoded" : "keyFramesDecoded"),
			freezes: sum(rows.video, "freezeCount"),
			frameWidth: Math.max(0, ...rows.video.map((row) => row.frameWidth || 0)),
			frameHeight: Math.max(0, ...rows.video.map((row) => row.frameHeight || 0)),
			packetsReceived: up ? 0 : video.packets + audio.packets,
			packetsSent: up ? video.packets + audio.packets : 0,
			packetsLost: video.lost + audio.lost,
			roundTripTime: path && path.currentRoundTripTime !== undefined ? path.currentRoundTripTime : (trips[0] ?? null),
		};
	}

	async function readFigures(who) {
		const pc = who.isSelf ? call.up && call.up.pc : who.pc;
		if (!pc || pc.connectionState === "closed") return null;
		return summarize(await pc.getStats(), who.isSelf ? "outbound-rtp" : "inbound-rtp", pc);
	}

	function rateText(bitsPerSecond) {
		if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
		return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
	}

	// What changed since the last reading, as one short line.
	function figuresLine(now, before) {
		const seconds = (now.at - before.at) / 1000;
		const bytes = now.bytes - before.bytes;
		const packets = now.packets - before.packets;
		const lost = Math.max(0, now.lost - before.lost);
		if (seconds <= 0 || bytes < 0) return "";
		const parts = [rateText((bytes * 8) / seconds)];
		if (now.width) parts.push(`${now.width}×${now.height}`);
		parts.push(`${packets + lost > 0 ? ((100 * lost) / (packets + lost)).toFixed(1) : "0.0"} % lost`);
		if (now.trip !== null) parts.push(`${Math.round(now.trip * 1000)} ms`);
		return parts.join(" · ");
	}

	async function updateFigures(who) {
		const summary = await readFigures(who);
		if (!summary) {
			who.reading = null;
			who.figures = "";
		} else {
			const now = {
				at: performance.now(),
				bytes: summary.video.bytes + summary.audio.bytes,
				packets: summary.video.packets + summary.audio.packets,
				lost: summary.packetsLost,
				width: summary.frameWidth,
				height: summary.frameHeight,
				trip: summary.roundTripTime,
			};
			who.figures = who.reading ? figuresLine(now, who.reading) : "";
			who.reading = now;
		}
		showPerson(who);
	}

	setInterval(() => {
		if (!inCall() || document.hidden) return;
		for (const who of [call.self, ...call.people.values()]) if (who) updateFigures(who).catch(() => {});
	}, FIGURES_MS);

	// ---- who speaks

	let meter = null;

	function watchOwnLevel(stream) {
		if (!stream.getAudioTracks().length || !window.AudioContext) return;
		const context = new AudioContext();
		const analyser = context.createAnalyser();
		analyser.fftSize = 512;
		context.createMediaStreamSource(stream).connect(analyser);
		meter = { context, analyser, samples: new Float32Array(analyser.fftSize) };
	}

	function ownLevel() {
		if (!meter || call.muted.audio) return 0;
		meter.analyser.getFloatTimeDomainData(meter.samples);
		return Math.sqrt(meter.samples.reduce((total, sample) => total + sample * sample, 0) / meter.samples.length);
	}

	function levelOf(other) {
		if (!other.pc || other.muted.audio) return 0;
		const receiver = other.pc.getReceivers().find((each) => each.track.kind === "audio");
		const source = receiver && receiver.getSynchronizationSources()[0];
		return (source && source.audioLevel) || 0;
	}

	function showLevel(who, level) {
		if (level > SPEAKING_LEVEL) who.spoke = performance.now();
		who.tile.node.classList.toggle("speaking", performance.now() - (who.spoke || -1000) < 500);
	}

	setInterval(() => {
		if (!inCall() || document.hidden) return;
		if (call.self) showLevel(call.self, ownLevel());
		for (const other of call.people.values()) showLevel(other, levelOf(other));
	}, LEVEL_MS);

	// ---- camera and microphone

	const videoWish = () => ({
		width: { ideal: Number(query.get("width")) || 1280 },
		height: { ideal: Number(query.get("height")) || 720 },
		frameRate: { ideal: 30, max: 30 },
	});
	const audioWish = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

	function friendlyMedia(error) {
		const why = {
			NotAllowedError: "the browser was not allowed to use it",
			NotFoundError: "none was found",
			NotReadableError: "another program is using it",
			OverconstrainedError: "it cannot do what was asked",
		};
		return why[error.name] || error.message;
	}

	// Takes what there is: both, or one of them, or nothing, and says what is missing.
	async function openMedia(wantAudio, wantVideo) {
		if (!wantAudio && !wantVideo) return new MediaStream();
		if (!navigator.mediaDevices) {
			toast("Camera and microphone need a secure page (https or localhost): you can only watch.", true);
			return new MediaStream();
		}
		const wish = { audio: wantAudio && audioWish, video: wantVideo && videoWish() };
		try {
			return await navigator.mediaDevices.getUserMedia(wish);
		} catch (error) {
			if (!wantAudio || !wantVideo) {
				toast(`No ${wantVideo ? "camera" : "microphone"}: ${friendlyMedia(error)}.`, true);
				return new MediaStream();
			}
		}
		const audio = await openMedia(true, false);
		const video = await openMedia(false, true);
		return new MediaStream([...audio.getTracks(), ...video.getTracks()]);
	}

	function showControls() {
		for (const [kind, id, name] of [["audio", "mic", "microphone"], ["video", "camera", "camera"]]) {
			const button = element(id);
			const muted = call.muted[kind];
			const verb = kind === "audio" ? (muted ? "Unmute" : "Mute") : muted ? "Turn on" : "Turn off";
			button.disabled = !call.sources || !call.sources[kind];
			button.setAttribute("aria-pressed", String(muted));
			button.setAttribute("aria-label", `${verb} ${name}`);
			button.title = `${verb} ${name} (${kind === "audio" ? "M" : "V"})`;
			button.querySelector("use").setAttribute("href", `#icon-${id}${muted ? "-off" : ""}`);
		}
		if (call.self) {
			call.self.muted = { ...call.muted };
			showPerson(call.self);
		}
	}

	// A camera that is off is really off: its light goes out.
	async function setCamera(on) {
		const old = call.stream.getVideoTracks()[0];
		let track = null;
		if (on) {
			const fresh = await navigator.mediaDevices.getUserMedia({ video: videoWish() });
			track = fresh.getVideoTracks()[0];
		}
		if (call.up && call.up.senders.video) await call.up.senders.video.replaceTrack(track || old);
		if (!on) {
			old.stop();
			return;
		}
		call.stream.removeTrack(old);
		call.stream.addTrack(track);
		call.self.tile.video.srcObject = call.stream;
	}

	async function setMuted(kind, muted) {
		if (!call.sources || !call.sources[kind] || call.muted[kind] === muted) return;
		try {
			if (kind === "audio") call.stream.getAudioTracks().forEach((track) => (track.enabled = !muted));
			else await setCamera(!muted);
		} catch (error) {
			toast(`The camera cannot be turned on: ${friendlyMedia(error)}.`, true);
			return;
		}
		call.muted[kind] = muted;
		send({ type: muted ? "mute" : "unmute", roomName: call.room, kind });
		showControls();
	}

	element("mic").onclick = () => setMuted("audio", !call.muted.audio);
	element("camera").onclick = () => setMuted("video", !call.muted.video);

	addEventListener("keydown", (event) => {
		if (!inCall() || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
		if (event.key === "m" || event.key === "M") setMuted("audio", !call.muted.audio);
		if (event.key === "v" || event.key === "V") setMuted("video", !call.muted.video);
	});

	// ---- joining and leaving

	function newIdentity() {
		return (crypto.getRandomValues(new Uint32Array(1))[0] % 4294967294) + 1;
	}

	async function startCall({ name, room, token, audio, video }) {
		setPhase("connecting");
		notice("");
		Object.assign(call, {
			name,
			room,
			token,
			identity: newIdentity(),
			everJoined: false,
			muted: { audio: false, video: false },
		});
		retries = 0;
		call.stream = await openMedia(audio, video);
		call.sources = {
			audio: call.stream.getAudioTracks().length > 0,
			video: call.stream.getVideoTracks().length > 0,
		};
		call.self = makePerson(0, name, true);
		call.self.tile.video.srcObject = call.stream;
		element("room-name").textContent = room;
		watchOwnLevel(call.stream);
		showControls();
		await openSocket();
	}

	// Back to the form, with a reason or without.
	function endCall(reason = "", { askToken = false } = {}) {
		clearTimeout(call.retryTimer);
		call.attempt++;
		const socket = call.socket;
		call.socket = null;
		if (socket) socket.close(1000);
		if (call.up) call.up.close();
		call.up = null;
		for (const other of call.people.values()) unsubscribe(other);
		call.people.clear();
		if (call.stream) call.stream.getTracks().forEach((track) => track.stop());
		if (meter) meter.context.close();
		meter = null;
		call.stream = call.self = call.sources = null;
		element("grid").replaceChildren();
		element("hear").hidden = true;
		setPhase("idle");
		notice(reason);
		if (askToken) element("token-label").hidden = false;
	}

	function notice(text) {
		element("join-notice").textContent = text;
		element("join-notice").hidden = !text;
	}

	function toast(text, bad = false) {
		const node = document.createElement("div");
		node.className = bad ? "toast bad" : "toast";
		node.textContent = text;
		element("toasts").append(node);
		setTimeout(() => node.remove(), bad ? 7000 : 2500);
	}

	element("leave").onclick = () => {
		send({ type: "leave-room", roomName: call.room });
		endCall();
	};

	element("copy").onclick = async () => {
		const link = new URL(location.pathname, location.origin);
		link.searchParams.set("room", call.room);
		try {
			await navigator.clipboard.writeText(link.href);
			toast("Link copied");
		} catch {
			prompt("The link to this room:", link.href);
		}
	};

	// ---- the form

	const memory = {
		get: (key) => {
			try {
				return localStorage.getItem(`sluice.${key}`) || "";
			} catch {
				return "";
			}
		},
		set: (key, value) => {
			try {
				localStorage.setItem(`sluice.${key}`, value);
			} catch {
				// private mode: not remembered
			}
		},
	};

	function roomSuggestion() {
		const pick = (words) => words[Math.floor(Math.random() * words.length)];
		const first = pick(["calm", "bright", "quiet", "swift", "green", "silver", "early", "open"]);
		const second = pick(["river", "harbor", "meadow", "canal", "lake", "bridge", "island", "stream"]);
		return `${first}-${second}-${Math.floor(10 + Math.random() * 90)}`;
	}

	const submit = () =>
		startCall({
			name: element("name").value.trim(),
			room: element("room").value.trim(),
			token: element("token-label").hidden ? "" : element("token").value.trim(),
			audio: element("want-audio").checked,
			video: element("want-video").checked,
		}).catch((error) => endCall(error.message));

	element("join-form").onsubmit = (event) => {
		event.preventDefault();
		if (!element("name").value.trim() || !element("room").value.trim()) {
			notice("A name and a room are needed.");
			return;
		}
		memory.set("name", element("name").value.trim());
		memory.set("room", element("room").value.trim());
		submit();
	};

	// With a token of one's own the relay also tells of servers that need a password.
	async function loadConfig(token) {
		try {
			const headers = token ? { Authorization: `Bearer ${token}` } : {};
			const reply = await fetch("/v1/config.json", { cache: "no-store", headers });
			if (reply.ok) {
				const given = await reply.json();
				config = { ...config, ...given, ws: given.ws || given.wsPath || config.ws };
			}
		} catch {
			// the defaults will do
		}
		element("token-label").hidden = config.developmentTokens;
	}

	async function begin() {
		element("name").value = query.get("name") || memory.get("name");
		element("room").value = query.get("room") || memory.get("room") || roomSuggestion();
		element("want-audio").checked = query.get("audio") !== "0";
		element("want-video").checked = query.get("video") !== "0";
		if (!window.isSecureContext)
			notice("This page is not secure (https or localhost), so the browser gives no camera or microphone.");
		await loadConfig();
		if (query.get("autojoin") === "1" && element("name").value) submit();
		else (element("name").value ? element("connect") : element("name")).focus();
	}

	// ---- for tests and the curious

	window.addEventListener("online", restartUplink);

	window.sluice = {
		get state() {
			return call.phase;
		},
		get userId() {
			return call.userId;
		},
		get room() {
			return call.room;
		},
		get reconnects() {
			return call.reconnects;
		},
		get people() {
			return [...call.people.values()].map(({ id, name, visible, publishing, muted }) => ({ id, name, visible, publishing, muted }));
		},
		async stats() {
			const remotes = {};
			for (const other of call.people.values()) {
				const summary = await readFigures(other);
				if (summary) remotes[other.id] = { name: other.name, ...summary };
			}
			return { publisher: call.self && (await readFigures(call.self)), remotes };
		},
		videoOf: (id) => (call.people.get(id) || call.self).tile.video,
		mute: (kind, muted) => setMuted(kind, muted),
		restartIce: restartUplink,
		leave: () => element("leave").click(),
	};

	begin();
})();

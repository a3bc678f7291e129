// SPDX-License-Identifier: Apache-2.0
// A page that talks to one other peer directly, as it believes, by the signaling of one dialect. Runs in a
// browser: camera and microphone, candidates as they come, a data channel of whoever calls.
export const pairPage = async (dialect, base, room, name, token, calls) => {
	document.body.innerHTML = `<video id="local" autoplay muted></video><video id="remote" autoplay></video>`;
	const by = (id) => document.getElementById(id);
	const pair = { said: 0, echoed: 0, candidates: 0, errors: [], notifications: [] };
	window.pair = pair;
	const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
	by("local").srcObject = stream;
	let connection = null, signaling = null, partner = null;

	const make = () => {
		connection = new RTCPeerConnection({ iceServers: [] });
		stream.getTracks().forEach((track) => connection.addTrack(track, stream));
		connection.ontrack = (event) => { by("remote").srcObject = event.streams[0]; };
		connection.onicecandidate = (event) => {
			if (event.candidate)
				signaling.candidate(partner, event.candidate);
		};
		connection.ondatachannel = ({ channel }) => {
			channel.onmessage = (event) => channel.send(event.data);
		};
	};
	const handle = async (kind, from, value) => {
		if (kind === "offer") {
			partner = from;
			if (!connection)
				make();
			await connection.setRemoteDescription({ type: "offer", sdp: value });
			await connection.setLocalDescription(await connection.createAnswer());
			signaling.answer(from, connection.localDescription);
		} else if (kind === "answer") {
			await connection.setRemoteDescription({ type: "answer", sdp: value });
		} else if (kind === "candidate") {
			pair.candidates++; // the relay's are in its descriptions
			await connection.addIceCandidate(value);
		}
	};
	const call = async (to) => {
		partner = to;
		make();
		const channel = connection.createDataChannel("echo");
		channel.onopen = () => {
			const timer = setInterval(() => {
				if (pair.said < 50)
					channel.send(`message ${pair.said++}`);
				else
					clearInterval(timer);
			}, 40);
		};
		channel.onmessage = (event) => { pair.echoed += event.data === `message ${pair.echoed}`; };
		await connection.setLocalDescription(await connection.createOffer());
		signaling.offer(to, connection.localDescription);
	};

	const open = async (url, hear) => {
		const socket = new WebSocket(url);
		let chain = Promise.resolve();
		socket.onmessage = (event) => {
			chain = chain.then(() => hear(JSON.parse(event.data))).catch((error) => pair.errors.push(String(error)));
		};
		socket.onclose = (event) => { pair.closed = `${event.code} ${event.reason}`; };
		await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
		return (message) => socket.send(JSON.stringify(message));
	};

	const dialects = {
		// 001 as the sample of its guide: to everybody, without wrapping
		chat: async () => {
			const say = await open(`${base}/api/chat/realtime/${room}?signal_type=signaling&tk=${token}`, async ({ type, data }) => {
				pair.notifications.push(type === "signaling" ? data.type : type);
				if (type === "webrtc")
					pair.welcome = data;
				else if (data.type === "offer" || data.type === "answer")
					await handle(data.type, data.SenderAccountId, data.data[data.type].sdp);
				else if (data.type === "ice-candidate")
					await handle("candidate", data.SenderAccountId, data.data.candidate);
			});
			signaling = {
				offer: (_to, offer) => say({ type: "offer", offer }),
				answer: (_to, answer) => say({ type: "answer", answer }),
				candidate: (_to, candidate) => say({ type: "ice-candidate", candidate }),
			};
		},
		// 003, bare names
		jsonrpc: async () => {
			let id = 0;
			const say = await open(`${base}/${room}`, async (message) => {
				pair.notifications.push(message.method ?? "result");
				if (message.error)
					pair.errors.push(message.error.message);
				const params = message.params;
				if (message.method === "offer" || message.method === "answer")
					await handle(message.method, params.from_peer_id, params.sdp);
				else if (message.method === "ice_candidate")
					await handle("candidate", params.from_peer_id,
						{ candidate: params.candidate, sdpMid: params.sdp_mid, sdpMLineIndex: params.sdp_mline_index });
			});
			const ask = (method, params) => say({ jsonrpc: "2.0", id: ++id, method, params });
			signaling = {
				offer: (to, { sdp }) => ask("offer", { to_peer_id: to, sdp, type: "offer" }),
				answer: (to, { sdp }) => ask("answer", { to_peer_id: to, sdp, type: "answer" }),
				candidate: (to, { candidate, sdpMid, sdpMLineIndex }) => ask("ice_candidate",
					{ to_peer_id: to, candidate, sdp_mid: sdpMid, sdp_mline_index: sdpMLineIndex }),
			};
			ask("announce", { peer_id: name, capabilities: { audio: true, video: true, data: true } });
		},
	};
	await dialects[dialect]();
	if (calls)
		await call(calls);
};

// SPDX-License-Identifier: Apache-2.0
// A page that behaves as the demonstration client of dialect 004's own server does, faults included: one connection
// for all peers, a handler of peer_joined that throws, candidates taken as they come. Runs in a browser;
// connects, starts its camera and calls whom it knows of.
export const original = async (base, roomId, peerId) => {
	document.body.innerHTML = `<video id="localVideo" autoplay muted></video><video id="remoteVideo" autoplay></video><ul id="peers"></ul>`;
	const by = (id) => document.getElementById(id);
	let connection = null, stream = null, known = [];
	const socket = new WebSocket(`${base}/webrtc/signaling/${roomId}/${peerId}`);
	const say = (message) => socket.send(JSON.stringify(message));

	const make = (target) => {
		connection = new RTCPeerConnection({ iceServers: [] });
		if (stream)
			stream.getTracks().forEach((track) => connection.addTrack(track, stream));
		connection.ontrack = (event) => { by("remoteVideo").srcObject = event.streams[0]; };
		connection.onicecandidate = (event) => {
			if (event.candidate)
				say({ type: "ice_candidate", candidate: event.candidate, target_peer_id: target });
		};
	};

	const handlers = {
		existing_peers: (message) => { known = message.peers; },
		peer_joined: (message) => {
			known = by("peers").children.map((item) => item.textContent).concat(message.peer_id); // throws
		},
		offer: async (message) => {
			if (!connection)
				make(message.from_peer_id);
			await connection.setRemoteDescription(message.offer);
			const answer = await connection.createAnswer();
			await connection.setLocalDescription(answer);
			say({ type: "answer", answer, target_peer_id: message.from_peer_id });
		},
		answer: (message) => connection.setRemoteDescription(message.answer),
		ice_candidate: (message) => connection.addIceCandidate(message.candidate),
	};
	socket.onmessage = async (event) => {
		const message = JSON.parse(event.data);
		await handlers[message.type]?.(message);
	};
	await new Promise((opened) => { socket.onopen = opened; });

	stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
	by("localVideo").srcObject = stream;
	for (const target of known) {
		if (!connection)
			make(target);
		const offer = await connection.createOffer();
		await connection.setLocalDescription(offer);
		say({ type: "offer", offer, target_peer_id: target });
	}
};

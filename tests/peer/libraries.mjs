// SPDX-License-Identifier: Apache-2.0
// WebRTC libraries of npm behind one form, for node_peer.mjs: offer(), answer(sdp), answered(sdp), say(text),
// report(), close(). Each is made with {rate, seconds, onOpen, onMessage}: how many video packets a second to
// send and for how long, and what to call when the data channel it has opened opens and gets a message; a
// channel the other side opens is echoed. With `oneWay` an offer only sends, an answer only receives, and there is no
// data channel. Only the library asked for is loaded.
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const load = createRequire(import.meta.url);
const MARK = Buffer.from("sluice-number");
const VP8_KEY_FRAME = Buffer.from([0x10, 0x00]);
const AUDIO_RATE = 50;
const CLOCK = { audio: 48000, video: 90000 };
const KINDS = ["audio", "video"];

class Counter {
	constructor() {
		this.numbers = new Set();
		this.packets = this.doubled = this.damaged = 0;
	}

	packet(data) {
		this.packets++;
		const mark = data.indexOf(MARK);
		if (mark < 0 || data.length < mark + MARK.length + 8) {
			this.damaged++;
			return;
		}
		const number = Number(data.readBigUInt64BE(mark + MARK.length));
		this.doubled += this.numbers.has(number);
		this.numbers.add(number);
	}

	report() {
		const { packets, doubled, damaged, numbers } = this;
		const all = [...numbers];
		const expected = all.length ? Math.max(...all) - Math.min(...all) + 1 : 0;
		return { packets, numbers: numbers.size, lost: expected - numbers.size, doubled, damaged };
	}
}

// What the libraries have in common that give and take packets: numbered ones. A subclass has sendPacket(kind,
// packet), where payload type and SSRC of the packet are the library's to set if it will, and state().
class Numbered {
	constructor(options) {
		this.options = options;
		this.counters = { audio: new Counter(), video: new Counter() };
		this.sent = { audio: 0, video: 0 };
	}

	packet(kind, rate, payloadType, ssrc) {
		const number = this.sent[kind];
		const header = Buffer.alloc(12);
		header[0] = 0x80;
		header[1] = payloadType | (kind === "video" ? 0x80 : 0);
		header.writeUInt16BE(number & 0xffff, 2);
		header.writeUInt32BE(Math.floor(number * CLOCK[kind] / rate), 4);
		header.writeUInt32BE(ssrc, 8);
		const payload = Buffer.alloc(400);
		MARK.copy(payload);
		payload.writeBigUInt64BE(BigInt(number), MARK.length);
		return Buffer.concat(kind === "video" ? [header, VP8_KEY_FRAME, payload] : [header, payload]);
	}

	async sendNumbers(kind, payloadType, ssrc) {
		const rate = kind === "video" ? this.options.rate : AUDIO_RATE;
		const begun = performance.now();
		while (this.sent[kind] < this.options.seconds * rate) {
			const due = Math.min(this.options.seconds * rate, Math.floor((performance.now() - begun) * rate / 1000));
			while (this.sent[kind] < due) {
				await this.sendPacket(kind, this.packet(kind, rate, payloadType, ssrc));
				this.sent[kind]++;
			}
			await sleep(4);
		}
	}

	report() {
		const received = Object.fromEntries(KINDS.map((kind) => [kind, this.counters[kind].report()]));
		return { state: this.state(), sent: this.sent, received };
	}
}

class Werift extends Numbered {
	constructor(options) {
		super(options);
		const { RTCPeerConnection } = load("werift");
		this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: [] });
		this.connection.onTrack.subscribe((track) => {
			track.onReceiveRtp.subscribe((packet) => this.counters[track.kind].packet(packet.payload));
		});
		this.connection.onDataChannel.subscribe((channel) => {
			channel.onMessage.subscribe((message) => channel.send(message));
		});
		this.connection.connectionStateChange.subscribe((state) => {
			if (state === "connected" && !this.begun)
				this.begin();
		});
	}

	begin() {
		this.begun = true;
		if (this.listens)
			return;
		for (const transceiver of this.connection.getTransceivers())
			this.sendNumbers(transceiver.kind, 0, 0);
	}

	sendPacket(kind, packet) {
		const transceiver = this.connection.getTransceivers().find((each) => each.kind === kind);
		return transceiver.sender.sendRtp(packet); // which writes its own payload type and SSRC
	}

	// werift asks Google's STUN server when it is given none, and waits five seconds for it where there is no network.
	async describe(description) {
		for (const transport of this.connection.iceTransports)
			transport.connection.stunServer = undefined;
		await this.connection.setLocalDescription(description);
		return this.connection.localDescription.sdp;
	}

	async offer() {
		for (const kind of KINDS)
			this.connection.addTransceiver(kind, { direction: this.options.oneWay ? "sendonly" : "sendrecv" });
		if (this.options.oneWay)
			return this.describe(await this.connection.createOffer());
		this.channel = this.connection.createDataChannel("echo");
		this.channel.stateChanged.subscribe((state) => state === "open" && this.options.onOpen());
		this.channel.onMessage.subscribe((message) => this.options.onMessage(String(message)));
		return this.describe(await this.connection.createOffer());
	}

	async answer(sdp) {
		await this.connection.setRemoteDescription({ type: "offer", sdp });
		this.listens = this.options.oneWay;
		for (const transceiver of this.connection.getTransceivers())
			transceiver.setDirection(this.listens ? "recvonly" : "sendrecv");
		return this.describe(await this.connection.createAnswer());
	}

	answered(sdp) {
		return this.connection.setRemoteDescription({ type: "answer", sdp });
	}

	say(text) {
		this.channel.send(text);
	}

	state() {
		return this.connection.connectionState;
	}

	close() {
		return this.connection.close();
	}
}

// The codec of a kind that is sent, and its payload type in a description.
const payloadType = (sdp, kind) => {
	const codec = kind === "audio" ? "opus/48000" : "vp8/90000";
	const line = sdp.split(/\r?\n/).find((each) => each.startsWith("a=rtpmap:") && each.toLowerCase().includes(` ${codec}`));
	return Number(line.slice("a=rtpmap:".length).split(" ")[0]);
};

// The mid of each kind in a description.
const mids = (sdp) => {
	const found = {};
	let kind;
	for (const line of sdp.split(/\r?\n/)) {
		if (line.startsWith("m="))
			kind = line.slice(2).split(" ")[0];
		else if (line.startsWith("a=mid:"))
			found[kind] ??= line.slice("a=mid:".length);
	}
	return found;
};

const isRtcp = (packet) => packet[1] >= 192 && packet[1] <= 223; // RFC 5761 section 4

class DataChannel extends Numbered {
	constructor(options) {
		super(options);
		this.library = load("node-datachannel");
		this.connection = new this.library.PeerConnection("peer", { iceServers: [], disableAutoNegotiation: true });
		this.tracks = {};
		this.types = {};
		this.ssrcs = { audio: 0x5eed0001, video: 0x5eed0002 };
		this.connection.onDataChannel((channel) => {
			this.incoming = channel; // or it is collected, and closed with that
			channel.onMessage((message) => channel.sendMessage(String(message)));
		});
	}

	addTrack(kind, mid, type) {
		const media = new this.library[kind === "audio" ? "Audio" : "Video"](mid, "SendRecv");
		if (kind === "audio")
			media.addOpusCodec(type);
		else
			media.addVP8Codec(type);
		media.addSSRC(this.ssrcs[kind], "node", "node", kind);
		const track = this.connection.addTrack(media);
		this.tracks[kind] = track;
		this.types[kind] = type;
		track.onMessage((packet) => isRtcp(packet) || this.counters[kind].packet(packet));
		track.onOpen(() => this.sendNumbers(kind, this.types[kind], this.ssrcs[kind]));
	}

	sendPacket(kind, packet) {
		if (!this.tracks[kind].sendMessageBinary(packet))
			throw new Error(`node-datachannel did not send a packet of ${kind}`);
	}

	describe(type) {
		return new Promise((done) => {
			this.connection.onGatheringStateChange((state) => {
				if (state === "complete")
					done(this.connection.localDescription().sdp);
			});
			this.connection.setLocalDescription(type);
		});
	}

	offer() {
		this.addTrack("audio", "0", 111);
		this.addTrack("video", "1", 96);
		this.channel = this.connection.createDataChannel("echo");
		this.channel.onOpen(() => this.options.onOpen());
		this.channel.onMessage((message) => this.options.onMessage(String(message)));
		return this.describe("offer");
	}

	answer(sdp) {
		for (const [kind, mid] of Object.entries(mids(sdp)))
			if (KINDS.includes(kind))
				this.addTrack(kind, mid, payloadType(sdp, kind));
		this.connection.setRemoteDescription(sdp, "offer");
		return this.describe("answer");
	}

	answered(sdp) {
		for (const kind of KINDS)
			this.types[kind] = payloadType(sdp, kind);
		this.connection.setRemoteDescription(sdp, "answer");
	}

	say(text) {
		this.channel.sendMessage(text);
	}

	state() {
		return this.connection.state();
	}

	close() {
		this.connection.close();
	}
}

const WIDTH = 160, HEIGHT = 120;
const SAMPLES = 480; // 10 ms at 48 kHz

// libwebrtc. It gives no packets: what is sent and has come is taken from its statistics, and frames are counted
// behind its decoders.
class Wrtc {
	constructor(options) {
		this.options = options;
		this.library = load("@roamhq/wrtc");
		this.connection = new this.library.RTCPeerConnection({ iceServers: [] });
		this.frames = { audio: 0, video: 0 };
		this.changed = { audio: 0, video: 0 };
		this.timers = [];
		this.sinks = [];
		this.connection.ontrack = ({ track }) => this.count(track);
		this.connection.ondatachannel = ({ channel }) => {
			this.channel = channel;
			channel.onmessage = ({ data }) => channel.send(data);
		};
	}

	count(track) {
		const { RTCAudioSink, RTCVideoSink } = this.library.nonstandard;
		const sink = track.kind === "audio" ? new RTCAudioSink(track) : new RTCVideoSink(track);
		let last;
		const take = (bytes) => {
			this.frames[track.kind]++;
			const now = Buffer.from(bytes);
			this.changed[track.kind] += last === undefined || !now.equals(last);
			last = now;
		};
		sink.ondata = ({ samples }) => take(samples.buffer);
		sink.onframe = ({ frame }) => take(frame.data);
		this.sinks.push(sink);
	}

	addTracks() {
		const { RTCAudioSource, RTCVideoSource } = this.library.nonstandard;
		const audio = new RTCAudioSource(), video = new RTCVideoSource();
		const stream = new this.library.MediaStream();
		for (const source of [audio, video])
			this.connection.addTrack(source.createTrack(), stream);
		let beats = 0, pictures = 0;
		this.timers.push(setInterval(() => {
			const tone = (_, i) => 8000 * Math.sin(2 * Math.PI * 440 * (beats * SAMPLES + i) / 48000);
			const samples = Int16Array.from({ length: SAMPLES }, tone);
			audio.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: SAMPLES });
			beats++;
		}, 10));
		this.timers.push(setInterval(() => {
			const data = new Uint8Array(WIDTH * HEIGHT * 3 / 2).fill(128);
			const row = pictures++ % HEIGHT;
			data.fill(235, row * WIDTH, (row + 1) * WIDTH);
			video.onFrame({ width: WIDTH, height: HEIGHT, data });
		}, 40));
	}

	async describe(description) {
		await this.connection.setLocalDescription(description);
		while (this.connection.iceGatheringState !== "complete")
			await sleep(10);
		return this.connection.localDescription.sdp;
	}

	async offer() {
		this.addTracks();
		this.channel = this.connection.createDataChannel("echo");
		this.channel.onopen = () => this.options.onOpen();
		this.channel.onmessage = ({ data }) => this.options.onMessage(data);
		return this.describe(await this.connection.createOffer());
	}

	async answer(sdp) {
		await this.connection.setRemoteDescription({ type: "offer", sdp });
		this.addTracks();
		return this.describe(await this.connection.createAnswer());
	}

	answered(sdp) {
		return this.connection.setRemoteDescription({ type: "answer", sdp });
	}

	say(text) {
		this.channel.send(text);
	}

	async report() {
		const sent = { audio: 0, video: 0 };
		const received = Object.fromEntries(KINDS.map((kind) => [kind, {
			packets: 0, lost: 0, frames: this.frames[kind], changed: this.changed[kind],
		}]));
		for (const one of (await this.connection.getStats()).values()) {
			if (one.type === "outbound-rtp")
				sent[one.kind] = one.packetsSent;
			if (one.type === "inbound-rtp")
				Object.assign(received[one.kind], { packets: one.packetsReceived, lost: one.packetsLost });
		}
		return { state: this.connection.connectionState, sent, received };
	}

	close() {
		this.timers.forEach(clearInterval);
		this.sinks.forEach((sink) => sink.stop());
		this.connection.close();
	}
}

export const libraries = { werift: Werift, "node-datachannel": DataChannel, wrtc: Wrtc };

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A peer as pair_peer.py, with the same arguments and reports, whose connections are GStreamer's webrtcbin.

Sends a tone and a moving ball as Opus and VP8 with key frames only when they are asked for, decodes and counts
what comes back, opens a data channel when it offers and echoes those of others.
"""
import asyncio

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

from pair_peer import Counter, Peer, read_arguments  # noqa: E402

PAYLOAD_TYPES = {"audio": 111, "video": 96}  # in offers of ours
ENCODINGS = {"audio": "opus", "video": "vp8"}
SENDING = {
    "audio": "audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc "
    "! rtpopuspay name=audio pt={} ! application/x-rtp,media=audio,encoding-name=OPUS,payload={} ! webrtc.",
    "video": "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 "
    "! videoconvert ! vp8enc deadline=1 keyframe-max-dist=9999 target-bitrate=300000 "
    "! rtpvp8pay name=video pt={} ! application/x-rtp,media=video,encoding-name=VP8,payload={} ! webrtc.",
}
RECEIVING = {
    "audio": "rtpopusdepay ! opusdec ! fakesink name=sink sync=false signal-handoffs=true",
    "video": "rtpvp8depay ! vp8dec ! fakesink name=sink sync=false signal-handoffs=true",
}


def offered_types(sdp):
    """The payload type of the encoding that we send, for each kind of the offer."""
    types, kind = {}, None
    for line in sdp.splitlines():
        if line.startswith("m="):
            kind = line[2:].split(" ")[0]
        if line.startswith("a=rtpmap:") and kind in ENCODINGS:
            number, encoding = line[9:].split(" ")
            if encoding.lower().startswith(ENCODINGS[kind] + "/"):
                types.setdefault(kind, int(number))
    return types


class Session:
    """One connection with one peer. Callbacks of GStreamer come on its own threads."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.loop = asyncio.get_running_loop()
        self.pipeline = None
        self.counters = {"audio": Counter(), "video": Counter()}
        self.sent = {"audio": 0, "video": 0}
        self.echoed = self.said = 0
        self.ended = asyncio.Event()
        self.up = asyncio.Event()
        self.channel = None

    def build(self, types):
        sending = [SENDING[kind].format(number, number) for kind, number in types.items()]
        self.pipeline = Gst.parse_launch("webrtcbin name=webrtc bundle-policy=max-bundle " + " ".join(sending))
        self.webrtc = self.pipeline.get_by_name("webrtc")
        self.webrtc.connect("pad-added", self.on_pad)
        self.webrtc.connect("on-data-channel", self.on_channel)
        self.webrtc.connect("notify::connection-state", self.on_state)
        for kind in types:
            pad = self.pipeline.get_by_name(kind).get_static_pad("src")
            pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, self.on_sent, kind)
        self.pipeline.set_state(Gst.State.READY)

    def on_sent(self, _pad, info, kind):
        several = info.type & Gst.PadProbeType.BUFFER_LIST
        self.sent[kind] += info.get_buffer_list().length() if several else 1
        return Gst.PadProbeReturn.OK

    def state(self):
        return self.webrtc.get_property("connection-state").value_nick if self.pipeline else "new"

    def on_state(self, *_):
        state = self.state()
        if state == "connected":
            self.loop.call_soon_threadsafe(self.up.set)
        if state in ("failed", "closed"):
            self.loop.call_soon_threadsafe(self.ended.set)

    def on_pad(self, _webrtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        counter = self.counters[kind]
        decoder = Gst.parse_bin_from_description(RECEIVING[kind], True)
        decoder.get_by_name("sink").connect("handoff", self.on_frame, counter)
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet, counter)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_packet(self, _pad, info, counter):
        counter.sequence(info.get_buffer().extract_dup(0, 12))
        return Gst.PadProbeReturn.OK

    def on_frame(self, _sink, frame, _pad, counter):
        counter.picture(frame.extract_dup(0, frame.get_size()))

    def on_channel(self, _webrtc, channel):
        channel.connect("on-message-string", lambda _, text: channel.emit("send-string", text))

    def open_channel(self):
        self.channel = self.webrtc.emit("create-data-channel", "echo", None)
        self.channel.connect("on-open", lambda _: self.loop.call_soon_threadsafe(self.begin_saying))
        self.channel.connect("on-message-string", self.on_echo)

    def begin_saying(self):
        self.saying = asyncio.ensure_future(self.say())

    def on_echo(self, _channel, text):
        self.echoed += text == f"message {self.echoed}"

    async def say(self):
        while self.said < self.arguments.messages:
            self.channel.emit("send-string", f"message {self.said}")
            self.said += 1
            await asyncio.sleep(0.05)

    async def ask(self, action, *arguments):
        """Emits an action of webrtcbin and waits for the reply, which owns what is in it."""
        promise = Gst.Promise.new()
        self.webrtc.emit(action, *arguments, promise)
        await self.loop.run_in_executor(None, promise.wait)
        reply = promise.get_reply()
        if reply and reply.has_field("error"):
            raise RuntimeError(f"{action}: {reply.get_value('error')}")
        return reply

    async def describe(self, kind):
        reply = await self.ask(f"create-{kind}", None)
        description = reply.get_value(kind)
        await self.ask("set-local-description", description)
        return description.sdp.as_text()

    async def take(self, kind, sdp):
        message = GstSdp.SDPMessage.new_from_text(sdp)[1]
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        await self.ask("set-remote-description", description)

    async def offer(self):
        self.build(PAYLOAD_TYPES)
        if self.arguments.messages:
            self.open_channel()
        self.pipeline.set_state(Gst.State.PLAYING)
        while not all(self.sent.values()):  # until then webrtcbin does not know what to offer
            await asyncio.sleep(0.02)
        return await self.describe("offer")

    async def answer(self, sdp):
        if not self.pipeline:
            self.build(offered_types(sdp))
            self.pipeline.set_state(Gst.State.PLAYING)
        await self.take(GstWebRTC.WebRTCSDPType.OFFER, sdp)
        return await self.describe("answer")

    async def answered(self, sdp):
        await self.take(GstWebRTC.WebRTCSDPType.ANSWER, sdp)

    def report(self):
        return {
            "state": self.state(),
            "sent": self.sent,
            "said": self.said,
            "echoed": self.echoed,
            "received": {kind: counter.report() for kind, counter in self.counters.items()},
        }

    async def close(self):
        if self.channel and self.said:
            self.saying.cancel()
        if self.pipeline:
            await self.loop.run_in_executor(None, self.pipeline.set_state, Gst.State.NULL)


if __name__ == "__main__":
    Gst.init(None)
    asyncio.run(Peer(read_arguments(__doc__), Session).run())

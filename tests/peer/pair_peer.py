#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A peer that talks to each other peer of a room directly, as it believes, by any dialect of signaling.py.

Sends tone and a moving picture, or with --numbers RATE packets that carry a running number, and
counts what comes back; whoever offers opens a data channel and counts what the other side echoes. --call offers
to everybody who is there; without it the peer only answers. --hang-up closes the socket as soon as the
connection is up, as BASS does, and opens another when the connection has ended. SIGUSR1 breaks the socket as a dead
network does, without a close frame, and another is opened. One JSON line a second.
"""
import argparse
import asyncio
import hashlib
import json
import os
import signal
import struct
import time

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.rtcsctptransport import RTCSctpTransport
import websockets

from aiortc_peer import Picture
from signaling import ADAPTERS

aioice.ice.CONSENT_INTERVAL = 0.25
aioice.ice.CONSENT_FAILURES = 8

# aiortc has the controlling side of ICE begin SCTP and the other side wait. Against a lite agent both are
# controlling, both would begin, and aiortc takes no beginning when it has begun itself: who answers waits.
RTCSctpTransport.is_server = property(lambda self: getattr(self, "answers", False))

MARK = b"sluice-number"
VP8_KEY_FRAME = bytes([0x10, 0x00])  # as in numbered_peer.py
CLOCK = {"audio": 48000, "video": 90000}
AUDIO_RATE = 50


class Silent(AudioStreamTrack):
    async def recv(self):
        await asyncio.sleep(3600)


class Dark(VideoStreamTrack):
    async def recv(self):
        await asyncio.sleep(3600)


class Stream:
    """The sequence numbers of one SSRC."""

    def __init__(self, sequence):
        self.newest = sequence
        self.seen = set()

    def add(self, sequence):
        number = self.newest + ((sequence - self.newest + 0x8000) & 0xFFFF) - 0x8000
        self.newest = max(self.newest, number)
        self.seen.add(number)

    def lost(self):
        return max(self.seen) - min(self.seen) + 1 - len(self.seen)


class Counter:
    def __init__(self):
        self.streams = {}
        self.numbers = set()
        self.packets = self.doubled = self.damaged = self.frames = self.changed = 0
        self.digest = None

    def packet(self, data):
        self.packets += 1
        mark = data.find(MARK)
        if mark < 0:
            self.damaged += 1
            return
        number = struct.unpack_from("!Q", data, mark + len(MARK))[0]
        self.doubled += number in self.numbers
        self.numbers.add(number)

    def sequence(self, data):
        """A packet whose payload is a codec's."""
        sequence, ssrc = struct.unpack_from("!2xH4xI", data)
        self.packets += 1
        self.streams.setdefault(ssrc, Stream(sequence)).add(sequence)

    def frame(self, frame):
        self.picture(bytes(frame.planes[0]))

    def picture(self, pixels):
        self.frames += 1
        digest = hashlib.sha1(pixels).digest()
        self.changed += digest != self.digest
        self.digest = digest

    def report(self):
        expected = max(self.numbers) - min(self.numbers) + 1 if self.numbers else 0
        return {
            "packets": self.packets,
            "numbers": len(self.numbers),
            "lost": expected - len(self.numbers) + sum(stream.lost() for stream in self.streams.values()),
            "doubled": self.doubled,
            "damaged": self.damaged,
            "frames": self.frames,
            "changed": self.changed,
        }


def payload_types(sdp):
    """The first payload type of each kind, and the kind of each."""
    first, kinds, kind = {}, {}, None
    for line in sdp.splitlines():
        if line.startswith("m="):
            kind = line[2:].split(" ")[0]
            first.setdefault(kind, int(line.split(" ")[3]) if kind in CLOCK else 0)
        if line.startswith("a=rtpmap:") and "rtx/" not in line:
            kinds[int(line[9:].split(" ")[0])] = kind
    return first, kinds


class Session:
    """One connection with one peer."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.connection = RTCPeerConnection()
        self.counters = {"audio": Counter(), "video": Counter()}
        self.sent = {"audio": 0, "video": 0}
        self.echoed = self.said = 0
        self.ended = asyncio.Event()
        self.up = asyncio.Event()
        self.tasks = []
        self.connection.on("track", self.on_track)
        self.connection.on("datachannel", self.on_channel)
        self.connection.on("connectionstatechange", self.on_state)

    def add_tracks(self, kinds=("audio", "video")):
        tracks = (Silent(), Dark()) if self.arguments.numbers else (AudioStreamTrack(), Picture())
        for track in tracks:
            if track.kind in kinds:
                self.connection.addTrack(track)

    def on_state(self):
        state = self.connection.connectionState
        if state == "connected" and not self.up.is_set():
            self.up.set()
            if self.arguments.numbers:
                self.begin_numbers()
        if state in ("failed", "closed"):
            self.ended.set()

    def on_track(self, track):
        if not self.arguments.numbers:
            self.tasks.append(asyncio.ensure_future(self.count_frames(track)))

    async def count_frames(self, track):
        while True:
            try:
                frame = await track.recv()
            except Exception:  # the track has ended
                return
            self.counters[track.kind].frame(frame)

    def on_channel(self, channel):
        @channel.on("message")
        def on_message(message):
            channel.send(message)

    def open_channel(self):
        channel = self.connection.createDataChannel("echo")

        @channel.on("open")
        def on_open():
            self.tasks.append(asyncio.ensure_future(self.say(channel)))

        @channel.on("message")
        def on_message(message):
            self.echoed += message == f"message {self.echoed}"

    async def say(self, channel):
        while self.said < self.arguments.messages:
            channel.send(f"message {self.said}")
            self.said += 1
            await asyncio.sleep(0.05)

    def transport(self):
        return self.connection.getTransceivers()[0].receiver.transport

    def begin_numbers(self):
        first, _ = payload_types(self.connection.remoteDescription.sdp)
        for transceiver in self.connection.getTransceivers():
            if transceiver.kind in first:
                self.tasks.append(
                    asyncio.ensure_future(self.send_numbers(transceiver, first[transceiver.kind]))
                )

    def count_packets(self):
        """As they are decrypted, before aiortc's jitter buffer; numbers are nothing that it could decode."""
        if not self.connection.getTransceivers():
            return
        _, kinds = payload_types(self.connection.localDescription.sdp)
        transport = self.transport()
        take = type(transport)._handle_rtp_data

        async def count(data, arrival_time_ms):
            kind = kinds.get(data[1] & 0x7F)
            if kind and self.arguments.numbers:
                self.counters[kind].packet(data)
            elif kind:
                self.counters[kind].sequence(data)
            if not self.arguments.numbers:
                await take(transport, data, arrival_time_ms=arrival_time_ms)

        transport._handle_rtp_data = count

    def packet(self, kind, payload_type, ssrc, rate):
        number = self.sent[kind]
        payload = MARK + struct.pack("!Q", number)
        payload += bytes(400 - len(payload))
        marker = 0
        if kind == "video":
            payload = VP8_KEY_FRAME + payload
            marker = 0x80
        stamp = number * CLOCK[kind] // rate & 0xFFFFFFFF
        return struct.pack("!BBHII", 0x80, marker | payload_type, number & 0xFFFF, stamp, ssrc) + payload

    async def send_numbers(self, transceiver, payload_type):
        kind = transceiver.kind
        rate = self.arguments.numbers if kind == "video" else AUDIO_RATE
        most = self.arguments.seconds_of_numbers * rate
        begun = time.monotonic()
        while self.sent[kind] < most:
            due = min(most, int((time.monotonic() - begun) * rate))
            while self.sent[kind] < due:
                packet = self.packet(kind, payload_type, transceiver.sender._ssrc, rate)
                await self.transport()._send_rtp(packet)
                self.sent[kind] += 1
            await asyncio.sleep(0.002)

    async def offer(self):
        self.add_tracks()
        if self.arguments.messages:
            self.open_channel()
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def answer(self, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        if not self.connection.localDescription:
            self.add_tracks(payload_types(sdp)[0])
            if self.connection.sctp:
                self.connection.sctp.answers = True
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        self.count_packets()
        return self.connection.localDescription.sdp

    async def answered(self, sdp):
        self.count_packets()
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def report(self):
        return {
            "state": self.connection.connectionState,
            "sent": self.sent,
            "said": self.said,
            "echoed": self.echoed,
            "received": {kind: counter.report() for kind, counter in self.counters.items()},
        }

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await self.connection.close()


class Peer:
    def __init__(self, arguments, session_class=Session):
        self.arguments = arguments
        self.session_class = session_class
        self.sessions = {}
        self.sockets = 0
        self.open = False
        self.past = []  # reports of sessions that have ended

    async def replace(self, name):
        old = self.sessions.pop(name, None)
        if old:
            self.past.append(old.report())
            await old.close()
        self.sessions[name] = self.session_class(self.arguments)
        return self.sessions[name]

    async def handle(self, signaling, kind, name, sdp=None):
        session = self.sessions.get(name)
        if kind == "joined" and self.arguments.call:
            session = await self.replace(name)
            await signaling.offer(name, await session.offer())
        elif kind == "offer":
            session = session or await self.replace(name)
            await signaling.answer(name, await session.answer(sdp))
        elif kind == "answer" and session:
            await session.answered(sdp)
        elif kind == "left" and session:
            self.past.append(session.report())
            await self.sessions.pop(name).close()

    async def hear(self, signaling):
        async for event in signaling:
            await self.handle(signaling, *event)

    async def until_up(self):
        while not any(session.up.is_set() for session in self.sessions.values()):
            await asyncio.sleep(0.05)

    async def talk(self):
        """One socket, for as long as it is needed."""
        adapter = ADAPTERS[self.arguments.dialect]
        async with adapter(self.arguments.url, self.arguments.room, self.arguments.peer) as signaling:
            self.sockets += 1
            self.open = True
            breaks = signaling.socket.transport.abort
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, breaks)
            if not signaling.addressed:
                await self.handle(signaling, "joined", None)
            tasks = [asyncio.ensure_future(self.hear(signaling))]
            if self.arguments.hang_up:
                tasks.append(asyncio.ensure_future(self.until_up()))
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for task in done:
                task.result()
        self.open = False

    async def converse(self):
        while True:
            try:
                await self.talk()
            except (OSError, asyncio.TimeoutError, websockets.exceptions.WebSocketException):
                await asyncio.sleep(0.2)
            self.open = False
            if self.arguments.hang_up:
                for session in self.sessions.values():
                    await session.ended.wait()
                for name in list(self.sessions):
                    self.past.append(self.sessions[name].report())
                    await self.sessions.pop(name).close()

    async def report(self):
        while True:
            line = {
                "pid": os.getpid(),
                "sockets": self.sockets,
                "open": self.open,
                "sessions": {name or "": session.report() for name, session in self.sessions.items()},
                "past": self.past,
            }
            print(json.dumps(line), flush=True)
            await asyncio.sleep(self.arguments.every)

    async def run(self):
        tasks = [asyncio.ensure_future(self.report()), asyncio.ensure_future(self.converse())]
        await asyncio.wait(tasks, timeout=self.arguments.seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()
        for session in self.sessions.values():
            await session.close()


def read_arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--dialect", choices=sorted(ADAPTERS), required=True)
    parser.add_argument("--url", required=True, help="ws://HOST:PORT")
    parser.add_argument("--room", default="smoke")
    parser.add_argument("--peer", default="aiortc")
    parser.add_argument("--call", action="store_true")
    parser.add_argument("--hang-up", action="store_true")
    parser.add_argument("--numbers", type=int, default=0, metavar="RATE", help="video packets per second")
    parser.add_argument("--seconds-of-numbers", type=int, default=10)
    parser.add_argument("--messages", type=int, default=100, help="to be echoed; 0 = no data channel")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=0.5)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(Peer(read_arguments(__doc__)).run())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A participant over dialect 002 that counts packets one by one.

--send RATE publishes RTP whose payload carries a running number instead of a picture; --receive
subscribes to everyone and reports, from the numbers, what was lost, doubled or damaged on the way.
It stays in the call when its socket drops, as the page does: it connects again and joins again.
Negotiation, ICE and DTLS are aiortc's; the packets are ours. One JSON line a second.
"""
import argparse
import asyncio
import json
import random
import struct
import time

import aioice.ice
import aioice.stun
import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from aiortc_peer import make_token

# Check often: a relay that stops answering for --consent seconds ends the call.
CHECK_EVERY = 0.25


async def check_consent(connection):
    """In the place of aioice's, which sends no check before it has waited half a second for the last one's answer: only
    four of them fit into 3 s, and a relay that is killed and back again and again can be dead at each of the four
    moments though it answers most of the time."""
    unanswered = 0

    async def check(pair):
        nonlocal unanswered
        request = connection.build_request(pair, nominate=False)
        key = connection.remote_password.encode("utf8")
        try:
            await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=1)
            unanswered = 0
        except (aioice.stun.TransactionError, OSError):
            pass

    while unanswered < arguments.consent / CHECK_EVERY:
        await asyncio.sleep(CHECK_EVERY * random.uniform(0.8, 1.2))
        unanswered += 1
        for pair in connection._nominated.values():
            asyncio.ensure_future(check(pair))
    connection._query_consent_handle = None
    await connection.close()


aioice.ice.Connection.query_consent = check_consent

MARK = b"sluice-number"
# VP8 payload descriptor with S=1 and a payload header with P=0: to the relay every packet starts a
# key frame (RFC 7741), so a subscriber gets them from the first one on.
VP8_KEY_FRAME = bytes([0x10, 0x00])
CLOCK = {"audio": 48000, "video": 90000}


class Silent(AudioStreamTrack):
    async def recv(self):
        await asyncio.sleep(3600)


class Dark(VideoStreamTrack):
    async def recv(self):
        await asyncio.sleep(3600)


class Counter:
    """What arrived of one (publisher, kind), by the numbers in the payload."""

    def __init__(self):
        self.first = self.last = None
        self.seen = set()
        self.doubled = self.damaged = 0
        self.sequences = {}
        self.heard = time.monotonic()
        self.longest_gap_ms = 0

    def take(self, packet):
        now = time.monotonic()
        mark = packet.find(MARK)
        if mark < 0:
            self.damaged += 1
            return
        self.longest_gap_ms = max(self.longest_gap_ms, (now - self.heard) * 1000)
        self.heard = now
        number = struct.unpack_from("!Q", packet, mark + len(MARK))[0]
        self.doubled += number in self.seen
        self.seen.add(number)
        self.first = number if self.first is None else min(self.first, number)
        self.last = number if self.last is None else max(self.last, number)
        ssrc = struct.unpack_from("!I", packet, 8)[0]
        self.sequences.setdefault(ssrc, 0)
        self.sequences[ssrc] += 1

    def report(self):
        expected = 0 if self.first is None else self.last - self.first + 1
        return {
            "packets": len(self.seen),
            "lost": expected - len(self.seen),
            "doubled": self.doubled,
            "damaged": self.damaged,
            "ssrcs": len(self.sequences),
            "silent_ms": round((time.monotonic() - self.heard) * 1000),
            "longest_gap_ms": round(self.longest_gap_ms),
        }


def behind_nat(sdp, nat):
    """The description with every candidate moved to the NAT's inner address."""
    if not nat:
        return sdp
    host, port = nat.rsplit(":", 1)
    lines = []
    for line in sdp.splitlines():
        if line.startswith("a=candidate:"):
            fields = line.split(" ")
            fields[4:6] = [host, port]
            line = " ".join(fields)
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


class NumberedPeer:
    def __init__(self, arguments):
        self.arguments = arguments
        self.room = arguments.room
        self.publisher = None
        self.subscribers = {}
        self.counters = {}
        self.sent = {"audio": 0, "video": 0}
        self.reconnects = -1
        self.offers = 0
        self.errors = []

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def publish(self):
        self.publisher = RTCPeerConnection()
        for track in (Silent(), Dark()):
            self.publisher.addTrack(track)
        await self.publisher.setLocalDescription(await self.publisher.createOffer())
        await self.send(type="publish-offer", roomName=self.room, offer=self.publisher.localDescription.sdp)

    def packet(self, kind, payload_type, ssrc, number, rate):
        payload = MARK + struct.pack("!Q", number)
        payload += bytes(max(0, self.arguments.size - len(payload)))
        if kind == "video":
            payload = VP8_KEY_FRAME + payload
        timestamp = number * CLOCK[kind] // rate
        marker = 0x80 if kind == "video" else 0
        header = struct.pack("!BBHII", 0x80, marker | payload_type, number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        return header + payload

    async def send_numbers(self, sender, kind, rate):
        transport = sender.transport
        payload_type = self.payload_types[kind]
        begun = time.monotonic()
        while True:
            due = int((time.monotonic() - begun) * rate)
            while self.sent[kind] < due:
                await transport._send_rtp(
                    self.packet(kind, payload_type, sender._ssrc, self.sent[kind], rate)
                )
                self.sent[kind] += 1
            await asyncio.sleep(0.002)

    async def published(self, answer):
        self.payload_types = {}
        kind = None
        for line in answer.splitlines():
            if line.startswith("m="):
                kind = line[2:].split(" ")[0]
                self.payload_types[kind] = int(line.split(" ")[3])
        answer = behind_nat(answer, self.arguments.nat)
        await self.publisher.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        while self.publisher.connectionState != "connected":
            await asyncio.sleep(0.05)
        for transceiver in self.publisher.getTransceivers():
            kind = transceiver.kind
            rate = self.arguments.send if kind == "video" else 50
            asyncio.ensure_future(self.send_numbers(transceiver.sender, kind, rate))

    async def subscribe(self, publisher, offer):
        self.offers += 1
        connection = RTCPeerConnection()
        self.subscribers[publisher] = connection
        counters = self.counters.setdefault(publisher, {"audio": Counter(), "video": Counter()})
        payload_kinds = {}
        kind = None
        for line in offer.splitlines():
            if line.startswith("m="):
                kind = line[2:].split(" ")[0]
            if line.startswith("a=rtpmap:") and "rtx/" not in line:
                payload_kinds[int(line[9:].split(" ")[0])] = kind
        offer = behind_nat(offer, self.arguments.nat)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        transport = connection.getTransceivers()[0].receiver.transport

        async def count(data, arrival_time_ms):
            # decrypted, before aiortc's jitter buffer
            kind = payload_kinds.get(data[1] & 0x7F)
            if kind:
                counters[kind].take(data)

        transport._handle_rtp_data = count
        await self.send(
            type="subscribe-answer",
            roomName=self.room,
            publisherId=publisher,
            answer=connection.localDescription.sdp,
        )

    async def handle(self, message):
        kind = message["type"]
        if kind == "authenticated":
            self.reconnects += 1
            await self.send(type="join-room", roomName=self.room)
            if self.arguments.send and self.publisher is None:
                await self.publish()
        elif kind == "publish-answer":
            asyncio.ensure_future(self.published(message["answer"]))
        elif kind == "new-publisher" and self.arguments.receive:
            if message["publisherId"] not in self.subscribers:
                await self.send(type="subscribe-request", roomName=self.room, publisherId=message["publisherId"])
        elif kind == "subscribe-offer":
            await self.subscribe(message["publisherId"], message["offer"])
        elif kind == "publisher-left":
            self.errors.append(f"publisher {message['publisherId']} left")
        elif kind == "error":
            self.errors.append(message["message"])

    def connections(self):
        return [c for c in [self.publisher, *self.subscribers.values()] if c]

    async def report(self):
        while True:
            await asyncio.sleep(self.arguments.every)
            received = {p: {k: c.report() for k, c in kinds.items()} for p, kinds in self.counters.items()}
            line = {
                "sent": self.sent,
                "received": received,
                "reconnects": self.reconnects,
                "subscribe_offers": self.offers,
                "states": [c.connectionState for c in self.connections()],
                "errors": self.errors,
            }
            print(json.dumps(line), flush=True)

    async def converse(self):
        token = make_token(self.arguments.secret, self.arguments.user, f"numbered {self.arguments.user}")
        while True:
            try:
                async with websockets.connect(self.arguments.url, open_timeout=2) as self.socket:
                    await self.send(type="auth", token=token)
                    async for text in self.socket:
                        await self.handle(json.loads(text))
            except (OSError, asyncio.TimeoutError, websockets.exceptions.WebSocketException):
                pass
            await asyncio.sleep(0.2)

    async def run(self):
        tasks = [asyncio.ensure_future(self.report()), asyncio.ensure_future(self.converse())]
        await asyncio.sleep(self.arguments.seconds)
        for task in tasks:
            task.cancel()
        for connection in self.connections():
            await connection.close()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="ws://10.77.0.10:9000/")
parser.add_argument("--secret", required=True)
parser.add_argument("--room", default="smoke")
parser.add_argument("--user", type=int, required=True)
parser.add_argument("--seconds", type=float, default=20)
parser.add_argument("--send", type=int, default=0, metavar="RATE", help="video packets per second")
parser.add_argument("--size", type=int, default=400, help="payload bytes")
parser.add_argument("--receive", action="store_true")
parser.add_argument("--nat", metavar="HOST:PORT", help="send everything to this address instead")
parser.add_argument("--consent", type=float, default=3, metavar="SECONDS",
                    help="of unanswered checks that end the call")
parser.add_argument("--every", type=float, default=1, help="seconds between reports")
arguments = parser.parse_args()
asyncio.run(NumberedPeer(arguments).run())

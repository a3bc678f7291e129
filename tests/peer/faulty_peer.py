#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Publishers over dialect 002 that each fail at one stage of joining, for the tests of join-report and why.

faulty_peer.py --secret S FAULT=USER...: one publisher for each, all in one process. Faults: token, check,
integrity, record, fingerprint, media, key, keys (it seals with other keys than its handshake gave), and none.
Prints "ready" when all have done what they do.
"""
import argparse
import asyncio
import json
import re
import struct

import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack
from pylibsrtp import Policy, Session

from aiortc_peer import make_token


class Dark(VideoStreamTrack):
    async def recv(self):
        await asyncio.sleep(3600)


async def nothing(*_, **__):
    pass


class FaultyPeer:
    def __init__(self, arguments, fault, user):
        self.arguments = arguments
        self.fault = fault
        self.user = user
        self.done = asyncio.Event()
        self.connection = RTCPeerConnection()

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def publish(self):
        self.connection.addTrack(Dark())
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp
        if self.fault == "fingerprint":
            offer = re.sub(r"(a=fingerprint:sha-256 )..:..", r"\g<1>00:11", offer)
        await self.send(type="publish-offer", roomName=self.arguments.room, offer=offer)

    async def published(self, answer):
        transceiver = self.connection.getTransceivers()[0]
        transport = transceiver.sender.transport
        if self.fault == "check":  # nobody listens there
            answer = re.sub(r"(a=candidate:.* udp \d+ )\S+ \d+", r"\g<1>10.77.0.1 9", answer, flags=re.IGNORECASE)
        if self.fault == "integrity":
            answer = re.sub(r"a=ice-pwd:.{8}", "a=ice-pwd:mistaken", answer)
        if self.fault == "record":
            transport.start = nothing
        payload_type = int(re.search(r"m=video \d+ \S+ (\d+)", answer).group(1))
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        if self.fault in ("check", "integrity", "record", "fingerprint"):
            await asyncio.sleep(2.5)  # an attempt that is younger counts as under way
            self.done.set()
            return
        while self.connection.connectionState != "connected":
            await asyncio.sleep(0.05)
        if self.fault == "keys":
            policy = Policy(key=bytes(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
            transport._tx_srtp = Session(policy)
        if self.fault != "media":
            asyncio.ensure_future(self.stream(transport, transceiver.sender._ssrc, payload_type))
        await asyncio.sleep(2.5)
        self.done.set()

    async def stream(self, transport, ssrc, payload_type):
        first = bytes([0x10, 1 if self.fault == "key" else 0])  # RFC 7741, 4.3: bit P of the frame's header
        number = 0
        while True:
            header = struct.pack("!BBHII", 0x80, 0x80 | payload_type, number & 0xFFFF, number * 900, ssrc)
            await transport._send_rtp(header + first + bytes(200))
            number += 1
            await asyncio.sleep(0.01)

    async def messages(self):
        try:
            async for text in self.socket:
                yield text
        except websockets.exceptions.ConnectionClosed:
            pass

    async def run(self):
        secret = "not the relay's secret, but long enough" if self.fault == "token" else self.arguments.secret
        token = make_token(secret, self.user, f"faulty {self.fault}")
        async with websockets.connect(self.arguments.url, open_timeout=5) as self.socket:
            await self.send(type="auth", token=token)
            async for text in self.messages():
                message = json.loads(text)
                if message["type"] == "authenticated":
                    await self.send(type="join-room", roomName=self.arguments.room)
                    await self.publish()
                elif message["type"] == "publish-answer":
                    asyncio.ensure_future(self.published(message["answer"]))
                elif message["type"] == "error" and self.fault == "token":
                    self.done.set()
        self.done.set()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="ws://10.77.0.10:9000/")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--room", default="faults")
    parser.add_argument("peers", nargs="+", metavar="FAULT=USER")
    arguments = parser.parse_args()
    peers = [FaultyPeer(arguments, *peer.split("=")) for peer in arguments.peers]
    for peer in peers:
        peer.user = int(peer.user)
        asyncio.ensure_future(peer.run())
    for peer in peers:
        await peer.done.wait()
    print("ready", flush=True)
    await asyncio.sleep(60)


asyncio.run(main())

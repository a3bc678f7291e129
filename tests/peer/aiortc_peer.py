#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An aiortc participant over dialect 002: publishes tone and test picture, subscribes to everyone.

Prints one JSON line a second: what was sent, and per publisher what was received and decoded.
"""
import argparse
import asyncio
import base64
import fractions
import hashlib
import hmac
import json
import time

import websockets
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import VideoFrame
import numpy


def make_token(secret, user, name):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    now = int(time.time())
    claims = {"sub": user, "username": name, "iat": now, "exp": now + 3600}
    body = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


class Picture(VideoStreamTrack):
    """A moving bar, so that pixels change from frame to frame."""

    def __init__(self):
        super().__init__()
        self.count = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        pixels = numpy.zeros((240, 320, 3), numpy.uint8)
        at = self.count * 8 % 320
        pixels[:, at : at + 16] = (255, 200, 0)
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = pts, fractions.Fraction(time_base)
        self.count += 1
        return frame


class Peer:
    def __init__(self, arguments):
        self.arguments = arguments
        self.room = arguments.room
        self.publisher = None
        self.subscribers = {}
        self.received = {}
        self.errors = []

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def publish(self):
        self.publisher = RTCPeerConnection()
        self.picture = Picture()
        self.publisher.addTrack(AudioStreamTrack())
        self.publisher.addTrack(self.picture)
        await self.publisher.setLocalDescription(await self.publisher.createOffer())
        await self.send(type="publish-offer", roomName=self.room, offer=self.publisher.localDescription.sdp)

    async def count(self, publisher, track: MediaStreamTrack):
        stats = self.received.setdefault(publisher, {"audio": 0, "video": 0, "changed": 0})
        last = None
        while True:
            try:
                frame = await track.recv()
            except Exception:  # the track has ended
                return
            stats[track.kind] += 1
            if track.kind == "video":
                digest = hashlib.sha1(bytes(frame.planes[0])).digest()
                stats["changed"] += digest != last
                last = digest

    async def subscribe(self, publisher, offer):
        connection = RTCPeerConnection()
        self.subscribers[publisher] = connection

        @connection.on("track")
        def on_track(track):
            asyncio.ensure_future(self.count(publisher, track))

        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        await self.send(
            type="subscribe-answer",
            roomName=self.room,
            publisherId=publisher,
            answer=connection.localDescription.sdp,
        )

    async def handle(self, message):
        kind = message["type"]
        if kind == "authenticated":
            await self.send(type="join-room", roomName=self.room)
            if not self.arguments.receive_only:
                await self.publish()
        elif kind == "publish-answer":
            await self.publisher.setRemoteDescription(RTCSessionDescription(message["answer"], "answer"))
        elif kind == "new-publisher" and message["publisherId"] not in self.subscribers:
            await self.send(type="subscribe-request", roomName=self.room, publisherId=message["publisherId"])
        elif kind == "subscribe-offer":
            await self.subscribe(message["publisherId"], message["offer"])
        elif kind == "error":
            self.errors.append(message["message"])

    async def report(self):
        while True:
            await asyncio.sleep(1)
            sent = self.picture.count if self.publisher else 0
            print(json.dumps({"sent": sent, "received": self.received, "errors": self.errors}), flush=True)

    async def run(self):
        async with websockets.connect(self.arguments.url) as self.socket:
            token = make_token(self.arguments.secret, self.arguments.user, f"aiortc {self.arguments.user}")
            await self.send(type="auth", token=token)
            reporting = asyncio.ensure_future(self.report())
            try:
                async with asyncio.timeout(self.arguments.seconds):
                    async for text in self.socket:
                        await self.handle(json.loads(text))
            except TimeoutError:
                pass
            reporting.cancel()
            for connection in [self.publisher, *self.subscribers.values()]:
                if connection:
                    await connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="ws://10.77.0.10:9000/")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--room", default="smoke")
    parser.add_argument("--user", type=int, default=77)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--receive-only", action="store_true")
    asyncio.run(Peer(parser.parse_args()).run())


if __name__ == "__main__":
    main()

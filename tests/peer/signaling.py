# SPDX-License-Identifier: Apache-2.0
"""How a peer-to-peer client speaks to the relay, one small adapter for each dialect.

All of them: `async with Adapter(...) as signaling`, `async for event in signaling` with events
("joined", peer), ("left", peer), ("offer", peer, sdp), ("answer", peer, sdp), and offer(peer, sdp),
answer(peer, sdp). `peer` is None where a dialect has no addresses. Candidates are in the SDP.
"""
import json

import websockets


class Socket:
    url = None
    addressed = True

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, open_timeout=5, max_size=None)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def __aiter__(self):
        async for text in self.socket:
            for event in self.events(json.loads(text)):
                yield event


class Rooms(Socket):
    """Dialect 004."""

    def __init__(self, base, room, peer):
        self.url = f"{base}/webrtc/signaling/{room}/{peer}"

    def events(self, message):
        kind = message["type"]
        if kind == "existing_peers":
            for peer in message["peers"]:
                yield ("joined", peer)
        elif kind == "peer_left":
            yield ("left", message["peer_id"])
        elif kind in ("offer", "answer"):
            yield (kind, message["from_peer_id"], message[kind]["sdp"])

    async def offer(self, peer, sdp):
        await self.send(type="offer", offer={"type": "offer", "sdp": sdp}, target_peer_id=peer)

    async def answer(self, peer, sdp):
        await self.send(type="answer", answer={"type": "answer", "sdp": sdp}, target_peer_id=peer)


class Plain(Socket):
    """Dialect 000: nobody has a name, and nobody is told who comes."""

    addressed = False

    def __init__(self, base, room, _peer):
        self.url = f"{base}/{room}"

    def events(self, message):
        if message.get("type") in ("offer", "answer"):
            yield (message["type"], None, message["sdp"])

    async def offer(self, _peer, sdp):
        await self.send(type="offer", sdp=sdp)

    async def answer(self, _peer, sdp):
        await self.send(type="answer", sdp=sdp)


ADAPTERS = {"rooms": Rooms, "plain": Plain}

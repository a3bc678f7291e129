# SPDX-License-Identifier: Apache-2.0
"""How a peer-to-peer client speaks to the relay, one small adapter for each dialect.

All of them: `async with Adapter(...) as signaling`, `async for event in signaling` with events
("joined", peer), ("left", peer), ("offer", peer, sdp), ("answer", peer, sdp), and offer(peer, sdp),
answer(peer, sdp). `peer` is None where a dialect has no addresses. Candidates are in the SDP.
"""
import json
import os

import websockets

from aiortc_peer import make_token


class Socket:
    url = None

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

    def __init__(self, base, room, _peer):
        self.url = f"{base}/{room}"

    def events(self, message):
        if message.get("type") in ("offer", "answer"):
            yield (message["type"], None, message["sdp"])

    async def offer(self, _peer, sdp):
        await self.send(type="offer", sdp=sdp)

    async def answer(self, _peer, sdp):
        await self.send(type="answer", sdp=sdp)


class Chat(Socket):
    """Dialect 001, later revision: wrapped packets, signals addressed to an account, snake case."""

    query = ""
    packet = "webrtc.signal"

    def __init__(self, base, room, peer):
        token = make_token(os.environ["SLUICE_SECRET"], peer, peer)
        self.url = f"{base}/api/chat/realtime/{room}?tk={token}{self.query}"
        self.account = peer

    def events(self, packet):
        data = packet["data"]
        if packet["type"] == "webrtc":
            assert data["user_id"] == self.account, packet
            for participant in data["participants"]:
                yield ("joined", participant["account_id"])
        elif packet["type"] == self.packet:
            yield from self.signal(data["type"], data["account_id"], data["data"])

    def signal(self, kind, sender, data):
        assert sender != self.account
        if kind == "user-left":
            yield ("left", sender)
        elif kind in ("offer", "answer"):
            yield (kind, sender, data[kind]["sdp"])

    async def describe(self, kind, peer, sdp):
        data = {"type": kind, "data": {kind: {"type": kind, "sdp": sdp}}, "to": peer}
        await self.send(type=self.packet, data=data)

    async def offer(self, peer, sdp):
        await self.describe("offer", peer, sdp)

    async def answer(self, peer, sdp):
        await self.describe("answer", peer, sdp)


class ChatSeed(Chat):
    """Dialect 001 as the sample client of its guide: flat messages to everybody, SDP as text, camel case."""

    query = "&signal_type=signaling"
    packet = "signaling"

    def events(self, packet):
        data = packet["data"]
        if packet["type"] == "signaling":
            assert data["senderInfo"]["id"] == data["SenderAccountId"]
            if data["type"] in ("offer", "answer"):
                sdp = data["data"][data["type"]]  # as text once we have written it so ourselves
                yield (data["type"], data["SenderAccountId"], sdp if isinstance(sdp, str) else sdp["sdp"])
            else:
                yield from self.signal(data["type"], data["senderAccountId"], data["data"])
        else:
            assert packet["type"] == "webrtc" and data["roomId"], packet
            for participant in data["participants"]:
                yield ("joined", participant["identity"])

    async def describe(self, kind, _peer, sdp):
        await self.send(**{"type": kind, kind: sdp})


class Jsonrpc(Socket):
    """Dialect 003, bare names."""

    def __init__(self, base, room, peer):
        self.url = f"{base}/{room}"
        self.peer = peer
        self.requests = 0

    async def __aenter__(self):
        await super().__aenter__()
        await self.request("announce", peer_id=self.peer, capabilities={"audio": True, "video": True, "data": True})
        return self

    async def request(self, method, **params):
        self.requests += 1
        await self.send(jsonrpc="2.0", id=self.requests, method=method, params=params)

    def events(self, message):
        assert "error" not in message, message
        params = message.get("params", {})
        if "result" in message:
            for peer in message["result"].get("other_peers", []):
                yield ("joined", peer)
        elif message["method"] == "peer_left":
            yield ("left", params["peer_id"])
        elif message["method"] in ("offer", "answer"):
            yield (params["type"], params["from_peer_id"], params["sdp"])

    async def offer(self, peer, sdp):
        await self.request("offer", to_peer_id=peer, sdp=sdp, type="offer")

    async def answer(self, peer, sdp):
        await self.request("answer", to_peer_id=peer, sdp=sdp, type="answer")


class JsonrpcPeer(Jsonrpc):
    """Dialect 003, peer.* without jsonrpc, as its Rust client writes it. Calls the relay itself when told to."""

    server = "remotemedia-server"

    async def __aenter__(self):
        await Socket.__aenter__(self)
        await self.request("peer.announce", peer_id=self.peer, capabilities=["audio", "video"])
        return self

    async def request(self, method, **params):
        self.requests += 1
        await self.send(id=f"request-{self.requests}", method=method, params=params)

    def events(self, message):
        assert "error" not in message, message
        params = message.get("params", {})
        if message.get("result", {}).get("type") == "answer":
            yield ("answer", message["result"]["from"], message["result"]["sdp"])
        elif "result" in message:
            peers = [self.server] if os.environ.get("SLUICE_CALL_SERVER") else message["result"].get("other_peers", [])
            for peer in peers if "other_peers" in message["result"] else []:
                yield ("joined", peer)
        elif message["method"] == "peer.left":
            yield ("left", params["peer_id"])
        elif message["method"] in ("peer.offer", "peer.answer"):
            assert params["to"] == self.peer
            yield (message["method"][5:], params["from"], params["sdp"])

    async def offer(self, peer, sdp):
        await self.request("peer.offer", **{"from": self.peer, "to": peer, "sdp": sdp})

    async def answer(self, peer, sdp):
        await self.request("peer.answer", **{"from": self.peer, "to": peer, "sdp": sdp})


ADAPTERS = {
    "rooms": Rooms,
    "plain": Plain,
    "chat": Chat,
    "chat-seed": ChatSeed,
    "jsonrpc": Jsonrpc,
    "jsonrpc-peer": JsonrpcPeer,
}

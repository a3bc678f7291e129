#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A WHIP and WHEP server of aiortc, which is a full ICE agent: counts what is pushed to /whip, and to whoever asks
/whep it makes an offer of its own (406), with silence in it. One JSON line a quarter of a second.
"""
import argparse
import asyncio
import json

from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack


class Server:
    def __init__(self, arguments):
        self.arguments = arguments
        self.sessions = {}
        self.packets = {"audio": 0, "video": 0}
        self.requests = []

    def keep(self, connection):
        name = str(len(self.requests))
        self.sessions[name] = connection
        return {"Location": f"session/{name}", "ETag": f'"{name}"'}

    def reply(self, status, connection, headers):
        return web.Response(
            status=status, text=connection.localDescription.sdp, content_type="application/sdp", headers=headers
        )

    async def publish(self, request):
        connection = RTCPeerConnection()
        offer = await request.text()
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        kinds = {}
        for line in offer.splitlines():
            if line.startswith("m="):
                kind = line[2:].split(" ")[0]
            if line.startswith("a=rtpmap:") and "rtx/" not in line:
                kinds[int(line[9:].split(" ")[0])] = kind

        async def count(data, arrival_time_ms):
            if data[1] & 0x7F in kinds:
                self.packets[kinds[data[1] & 0x7F]] += 1

        connection.getTransceivers()[0].receiver.transport._handle_rtp_data = count
        self.requests.append("publish")
        return self.reply(201, connection, self.keep(connection))

    async def view(self, request):
        connection = RTCPeerConnection()
        connection.addTrack(AudioStreamTrack())
        await connection.setLocalDescription(await connection.createOffer())
        self.requests.append("view")
        return self.reply(406, connection, self.keep(connection))

    async def answer(self, request):
        connection = self.sessions[request.match_info["name"]]
        await connection.setRemoteDescription(RTCSessionDescription(await request.text(), "answer"))
        self.requests.append("answer")
        return web.Response(status=204)

    async def end(self, request):
        connection = self.sessions.pop(request.match_info["name"], None)
        self.requests.append("end")
        if not connection:
            return web.Response(status=404)
        await connection.close()
        return web.Response(status=200)

    async def run(self):
        application = web.Application()
        application.router.add_post("/whip", self.publish)
        application.router.add_post("/whep", self.view)
        application.router.add_patch("/session/{name}", self.answer)
        application.router.add_delete("/session/{name}", self.end)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, port=self.arguments.port).start()
        while True:
            states = [connection.connectionState for connection in self.sessions.values()]
            print(json.dumps({"packets": self.packets, "states": states, "requests": self.requests}), flush=True)
            await asyncio.sleep(0.25)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=8088)
asyncio.run(Server(parser.parse_args()).run())

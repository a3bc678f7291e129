#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An aiortc client of WHIP or WHEP: publishes tone and test picture, or views and counts.

Prints one JSON line a second; the last one says with which statuses the requests were answered.
"""
import argparse
import asyncio
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from aiortc_peer import Picture, make_token


class Client:
    def __init__(self, arguments):
        self.arguments = arguments
        self.statuses = []
        self.location = None
        self.counts = {"audio": 0, "video": 0, "changed": 0}
        self.picture = None

    async def ask(self, method, url, body=None, **headers):
        token = make_token(self.arguments.secret, self.arguments.user, f"aiortc {self.arguments.user}")
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(url, body and body.encode(), headers, method=method)

        def run():
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:
                    return reply.status, reply.headers, reply.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.headers, error.read().decode()

        status, answered, text = await asyncio.get_running_loop().run_in_executor(None, run)
        self.statuses.append([method, status])
        return status, answered, text

    async def count(self, track):
        last = None
        while True:
            try:
                frame = await track.recv()
            except Exception:  # the track has ended
                return
            self.counts[track.kind] += 1
            if track.kind == "video":
                digest = hashlib.sha1(bytes(frame.planes[0])).digest()
                self.counts["changed"] += digest != last
                last = digest

    def describe(self, connection):
        if self.arguments.mode == "publish":
            self.picture = Picture()
            connection.addTrack(AudioStreamTrack())
            connection.addTrack(self.picture)
        else:
            connection.addTransceiver("audio", direction="recvonly")
            connection.addTransceiver("video", direction="recvonly")
            connection.on("track", lambda track: asyncio.ensure_future(self.count(track)))

    async def begin(self, connection):
        url = self.arguments.url
        while True:
            status, headers, text = await self.ask(
                "POST", url, connection.localDescription.sdp, Content_Type="application/sdp"
            )
            if status != 409:  # no publisher yet
                break
            await asyncio.sleep(int(headers["Retry-After"]))
        if status != 201:
            raise SystemExit(f"{url}: {status}: {text}")
        self.location = urllib.parse.urljoin(url, headers["Location"])
        await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))

    async def report(self, connection):
        line = {"sent": self.picture.count if self.picture else 0, "state": connection.connectionState, **self.counts}
        line.update(packets=0, lost=0, statuses=self.statuses)
        for receiver in connection.getReceivers():
            for row in (await receiver.getStats()).values():
                if row.type == "inbound-rtp":
                    line["packets"] += row.packetsReceived
                    line["lost"] += row.packetsLost
        print(json.dumps(line), flush=True)

    async def run(self):
        connection = RTCPeerConnection()
        self.describe(connection)
        await connection.setLocalDescription(await connection.createOffer())
        await self.begin(connection)
        for _ in range(int(self.arguments.seconds)):
            await asyncio.sleep(1)
            await self.report(connection)
        if not self.arguments.vanish:
            await self.ask("DELETE", self.location)
            await self.ask("DELETE", self.location)
        await self.report(connection)
        await connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["publish", "view"])
    parser.add_argument("url")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--user", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--vanish", action="store_true", help="end without DELETE")
    asyncio.run(Client(parser.parse_args()).run())


if __name__ == "__main__":
    main()

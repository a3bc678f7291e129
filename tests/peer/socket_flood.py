#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many upgrades at a time, each to an address of its own: prints how many got which status as JSON."""
import asyncio
import collections
import json
import sys

url, together, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
host, port = url.split("/")[2].rsplit(":", 1)
path = "/" + url.split("/", 3)[3]
statuses = collections.Counter()


async def upgrade(number, gate):
    async with gate:
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                f"GET {path}{number} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            line = await asyncio.wait_for(reader.readline(), 20)
            statuses[line.split()[1].decode() if line else "none"] += 1
            writer.close()
        except (OSError, asyncio.TimeoutError) as lost:
            statuses[type(lost).__name__] += 1


async def run():
    gate = asyncio.Semaphore(together)
    await asyncio.gather(*(upgrade(number, gate) for number in range(count)))


asyncio.run(run())
print(json.dumps({"403": 0, "503": 0} | statuses))

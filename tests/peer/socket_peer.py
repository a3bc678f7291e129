#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One WebSocket: says what it is told to, and prints what came of it as one JSON object.

{"status": of the upgrade, "protocol": the subprotocol, "messages": [...], "code": of the close, "reason": ...}
"""
import argparse
import asyncio
import json
import ssl

import websockets

arguments = argparse.ArgumentParser()
arguments.add_argument("url")
arguments.add_argument("say", nargs="*")
arguments.add_argument("--header", action="append", default=[])
arguments.add_argument("--protocol", action="append")
arguments.add_argument("--seconds", type=float, default=10, help="at most")
arguments.add_argument("--until", help="ends when a message holds this text")
arguments.add_argument("--local", help="address to come from")
arguments = arguments.parse_args()
result = {"status": 101, "protocol": None, "messages": [], "code": None, "reason": None}


async def listen(socket):
    async for message in socket:
        result["messages"].append(message if isinstance(message, str) else message.hex())
        if arguments.until and arguments.until in result["messages"][-1]:
            return


async def run():
    options = {"extra_headers": [tuple(header.split(": ", 1)) for header in arguments.header]}
    if arguments.url.startswith("wss:"):
        options["ssl"] = ssl._create_unverified_context()
    if arguments.local:
        options["local_addr"] = (arguments.local, 0)
    try:
        socket = await websockets.connect(
            arguments.url, subprotocols=arguments.protocol, compression=None, ping_interval=None, **options)
    except websockets.exceptions.InvalidStatusCode as refused:
        result["status"] = refused.status_code
        return
    except (ConnectionError, websockets.exceptions.InvalidMessage, EOFError) as lost:
        result["status"] = 0
        result["reason"] = str(lost)
        return
    result["protocol"] = socket.subprotocol
    try:
        for text in arguments.say:
            await socket.send(text)
        await asyncio.wait_for(listen(socket), arguments.seconds)
    except (asyncio.TimeoutError, websockets.exceptions.ConnectionClosed):
        pass
    if socket.closed:
        result["code"], result["reason"] = socket.close_code, socket.close_reason
    else:
        await socket.close()


asyncio.run(run())
print(json.dumps(result))

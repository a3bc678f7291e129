#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the relay for its ICE servers, as a client does, and tries the first TURN server among them.

A STUN request, an allocation with the password that the relay has made, and a datagram through it to a socket of our own
and back; then an allocation with another password, which must be refused. Says in one line what came of it.
"""
import argparse
import asyncio
import json
import urllib.request

import aioice.stun
import aioice.turn

from aiortc_peer import make_token

DATAGRAM = b"around by the TURN server"


class Queue(asyncio.DatagramProtocol):
    def __init__(self):
        self.arrived = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.arrived.put_nowait((data, addr))


def ice_server(url, secret):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {make_token(secret, 9, 'turn')}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        servers = json.load(reply)["iceServers"]
    for server in servers:
        urls = server["urls"] if isinstance(server["urls"], list) else [server["urls"]]
        for name in urls:
            if name.startswith("turn:"):
                host, port = name[len("turn:"):].split("?")[0].rsplit(":", 1)
                return (host, int(port)), server["username"], server["credential"]
    raise SystemExit(f"no TURN server in {servers}")


async def stun(server):
    """Our own address, as the server sees it."""
    transport, queue = await asyncio.get_event_loop().create_datagram_endpoint(Queue, remote_addr=server)
    transport.sendto(bytes(aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)))
    data, _ = await asyncio.wait_for(queue.arrived.get(), 5)
    return aioice.stun.parse_message(data).attributes["XOR-MAPPED-ADDRESS"][0]


async def relayed(server, username, password):
    """Who a datagram through the server came from, as its receiver sees it."""
    mine = await stun(server)
    receiver, queue = await asyncio.get_event_loop().create_datagram_endpoint(Queue, local_addr=(mine, 0))
    turn, back = await aioice.turn.create_turn_endpoint(Queue, server, username, password)
    turn.sendto(DATAGRAM, (mine, receiver.get_extra_info("sockname")[1]))
    data, source = await asyncio.wait_for(queue.arrived.get(), 5)
    receiver.sendto(data, source)
    data, _ = await asyncio.wait_for(back.arrived.get(), 5)
    assert data == DATAGRAM and source == turn.get_extra_info("sockname"), (data, source)
    turn.close()
    return source


async def main(arguments):
    server, username, password = ice_server(arguments.url, arguments.secret)
    source = await relayed(server, username, password)
    try:
        await relayed(server, username, "another password")
        raise SystemExit("the server takes any password")
    except aioice.stun.TransactionFailed as refused:
        code = refused.response.attributes["ERROR-CODE"][0]
    print(f"TURN by {server[0]}:{server[1]} for {username}: relayed from {source[0]}:{source[1]}, another password: {code}")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", required=True, help="of the relay's /v1/config.json")
parser.add_argument("--secret", required=True, help="of access tokens")
asyncio.run(main(parser.parse_args()))

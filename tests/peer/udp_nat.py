#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A NAT in front of one client: what arrives at LISTEN goes to RELAY from a port of our own, and back.

SIGUSR1 makes it forget the port and take another one, as home routers do in mid-call. Prints each port.
"""
import selectors
import signal
import socket
import sys


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def outer_socket():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((listen[0], 0))
    made.setblocking(False)
    print(made.getsockname()[1], flush=True)
    return made


def rebind(*_):
    global outer
    selector.unregister(outer)
    outer.close()
    outer = outer_socket()
    selector.register(outer, selectors.EVENT_READ)


listen, relay = endpoint(sys.argv[1]), endpoint(sys.argv[2])
inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inner.bind(listen)
inner.setblocking(False)
outer = outer_socket()
selector = selectors.DefaultSelector()
selector.register(inner, selectors.EVENT_READ)
selector.register(outer, selectors.EVENT_READ)
signal.signal(signal.SIGUSR1, rebind)
client = None
while True:
    for key, _ in selector.select():
        try:
            data, source = key.fileobj.recvfrom(2048)
        except OSError:  # the socket that a rebind closed
            continue
        if key.fileobj is inner:
            client = source
            outer.sendto(data, relay)
        elif client:
            inner.sendto(data, client)

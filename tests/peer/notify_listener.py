#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a service manager is told: each line that comes to the UNIX datagram socket PATH, on standard output."""
import socket
import sys

listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind(sys.argv[1])
while True:
    for line in listening.recv(65536).decode(errors="replace").splitlines():
        print(line, flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds queue 0 of an interface by AF_XDP for some seconds, as a killed data plane does until the kernel is done with it."""

import ctypes
import mmap
import os
import socket
import struct
import sys
import time

SOL_XDP, XDP_RX_RING, XDP_UMEM_REG, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING = 283, 2, 4, 5, 6
AF_XDP, FRAMES, FRAME_BYTES = 44, 64, 2048

interface, seconds = sys.argv[1], float(sys.argv[2])
memory = mmap.mmap(-1, FRAMES * FRAME_BYTES)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
holder = socket.socket(AF_XDP, socket.SOCK_RAW)
holder.setsockopt(SOL_XDP, XDP_UMEM_REG, struct.pack("QQIII4x", address, FRAMES * FRAME_BYTES, FRAME_BYTES, 0, 0))
for ring in XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING:
    holder.setsockopt(SOL_XDP, ring, struct.pack("I", FRAMES))
where = struct.pack("HHIII", AF_XDP, 0, socket.if_nametoindex(interface), 0, 0)
libc = ctypes.CDLL(None, use_errno=True)
if libc.bind(holder.fileno(), where, len(where)) != 0:
    sys.exit(f"{interface}: queue 0 cannot be had: {os.strerror(ctypes.get_errno())}")
print("held", flush=True)
time.sleep(seconds)

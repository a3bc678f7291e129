#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a capture and looks for an (SSRC, index) that encrypted two packets: a reused keystream.

Takes what left UDP port PORT. SRTP indexes are followed over sequence wraps per destination and SSRC;
SRTCP indexes are read where AES_CM_128_HMAC_SHA1_80 puts them, before the 80-bit tag (RFC 3711, 3.4).
Prints the counts; exit status 1 when one was used twice.
"""
import struct
import sys


def packets(path):
    with open(path, "rb") as file:
        header = file.read(24)
        order = "<" if header[:4] == bytes.fromhex("d4c3b2a1") else ">"
        link = struct.unpack(order + "I", header[20:24])[0]
        if link != 1:
            raise SystemExit(f"{path}: link type {link}, Ethernet wanted")
        while len(record := file.read(16)) == 16:
            length = struct.unpack(order + "I", record[8:12])[0]
            yield file.read(length)


def udp(frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 17:
        at = 14 + (frame[14] & 15) * 4
        to = frame[30:34]
    elif kind == 0x86DD and frame[20] == 17:
        at = 54
        to = frame[38:54]
    else:
        return None
    source, target, length = struct.unpack_from("!HHH", frame, at)
    return source, (to, target), frame[at + 8 : at + length]


def main(path, port):
    highest, used = {}, {}
    rtp = rtcp = reused = identical = 0
    for frame in packets(path):
        found = udp(frame)
        if not found or found[0] != port or len(found[2]) < 24 or not 128 <= found[2][0] <= 191:
            continue
        _, to, payload = found
        if 192 <= payload[1] <= 223:
            ssrc = struct.unpack_from("!I", payload, 4)[0]
            index = struct.unpack("!I", payload[-14:-10])[0] & 0x7FFFFFFF
            key = ("rtcp", to, ssrc, index)
            rtcp += 1
        else:
            sequence, ssrc = struct.unpack_from("!H", payload, 2)[0], struct.unpack_from("!I", payload, 8)[0]
            top = highest.setdefault((to, ssrc), sequence)
            index = top + ((sequence - top + 0x8000) & 0xFFFF) - 0x8000
            highest[(to, ssrc)] = max(top, index)
            key = ("rtp", to, ssrc, index)
            rtp += 1
        if key in used:
            if used[key] == payload:
                identical += 1  # the same packet again: reveals nothing
            else:
                reused += 1
        used[key] = payload
    print(f"{rtp} RTP and {rtcp} RTCP packets, {identical} sent twice unchanged, {reused} indexes reused")
    return 1 if reused or not rtp else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

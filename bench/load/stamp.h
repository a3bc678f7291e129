// SPDX-License-Identifier: Apache-2.0
// The payload of a test packet: who sent it, its number, when; the rest is a pattern, so that the
// receiver can tell that every byte came through.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stamp_kind { STAMP_AUDIO, STAMP_VIDEO, STAMP_KINDS };

enum {
	STAMP_HEAD_BYTES = 10, // at most: what makes a VP8 packet a key frame
	STAMP_BYTES = STAMP_HEAD_BYTES + 36, // the shortest payload
	STAMP_PAYLOAD_MAX = 1400,
};

struct stamp {
	enum stamp_kind kind;
	uint32_t publisher; // user id
	uint64_t number; // of the packet in its stream, from 0
	uint64_t sent_ns; // CLOCK_MONOTONIC of the sender's machine
};

// Writes a payload of `length` bytes (STAMP_BYTES to STAMP_PAYLOAD_MAX). Video is one VP8 key frame
// (RFC 7741: S=1, PID=0, P=0), audio begins with an Opus table-of-contents byte.
void stamp_write(const struct stamp *stamp, uint8_t *payload, size_t length);

// Reads and checks a payload, to its last byte. False when anything is not as stamp_write made it.
bool stamp_read(const uint8_t *payload, size_t length, struct stamp *stamp);

// Whether a video payload begins a VP8 key frame.
bool stamp_is_key_frame(const uint8_t *payload, size_t length);

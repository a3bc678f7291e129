// SPDX-License-Identifier: Apache-2.0
// WebSocket frames (RFC 6455, 5) as a client writes and reads them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_opcode {
	FRAME_CONTINUATION = 0,
	FRAME_TEXT = 1,
	FRAME_BINARY = 2,
	FRAME_CLOSE = 8,
	FRAME_PING = 9,
	FRAME_PONG = 10,
};

enum { FRAME_HEAD_MAX = 14 };

struct frame {
	bool final;
	enum frame_opcode opcode;
	const uint8_t *payload; // into what was read
	size_t length;
};

// Reads one frame of a server, which must not be masked. Returns the bytes it takes, 0 when more are
// needed, or -EBADMSG when it is against the rules, or -EMSGSIZE when its payload exceeds `payload_max`.
long frame_read(const uint8_t *data, size_t length, size_t payload_max, struct frame *frame);

// Writes the head of a final, masked frame and masks `payload` in place. Returns the head's length.
size_t frame_write(enum frame_opcode opcode, const uint8_t mask[4], uint8_t *payload, size_t length,
	uint8_t head[FRAME_HEAD_MAX]);

// What a server must answer to this Sec-WebSocket-Key (RFC 6455, 4.2.2), terminated.
void frame_accept_key(const char *key, char accept[29]);

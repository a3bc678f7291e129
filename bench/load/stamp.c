// SPDX-License-Identifier: Apache-2.0
#include "stamp.h"

#include <string.h>

static const uint64_t magic = 0x536c756963654c64; // "SluiceLd"

// Descriptor with S=1 and PID 0; frame header of a shown key frame with one partition; start code; 640x480.
static const uint8_t video_head[STAMP_HEAD_BYTES] = {
	0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0};
static const uint8_t audio_head[STAMP_HEAD_BYTES] = {
	0xfc}; // CELT, fullband, 20 ms, stereo, 1 frame

struct body { // in the sender's byte order: both ends are one machine's or at least one kind's
	uint64_t magic;
	uint64_t number;
	uint64_t sent_ns;
	uint32_t publisher;
	uint16_t length; // of the payload
	uint16_t kind;
	uint32_t check;
} __attribute__((packed));

_Static_assert(sizeof(struct body) == STAMP_BYTES - STAMP_HEAD_BYTES);

// The same for all packets, so that checking it is one memcmp.
static uint8_t pattern[STAMP_PAYLOAD_MAX];

__attribute__((constructor)) static void pattern_make(void)
{
	uint32_t state = 1;

	for (unsigned i = 0; i < STAMP_PAYLOAD_MAX; i++) {
		state = state * 1664525 + 1013904223;
		pattern[i] = (uint8_t)(state >> 24);
	}
}

static uint32_t body_check(const struct body *body)
{
	uint64_t mix = body->magic ^ body->number * 0x9e3779b97f4a7c15 ^
		       body->sent_ns * 0xc2b2ae3d27d4eb4f ^ (uint64_t)body->publisher << 32 ^
		       (uint64_t)body->length << 16 ^ body->kind;

	mix *= 0xff51afd7ed558ccd;
	return (uint32_t)(mix >> 32 ^ mix);
}

void stamp_write(const struct stamp *stamp, uint8_t *payload, size_t length)
{
	struct body body = {
		.magic = magic,
		.number = stamp->number,
		.sent_ns = stamp->sent_ns,
		.publisher = stamp->publisher,
		.length = (uint16_t)length,
		.kind = (uint16_t)stamp->kind,
	};

	body.check = body_check(&body);
	memcpy(payload, stamp->kind == STAMP_VIDEO ? video_head : audio_head, STAMP_HEAD_BYTES);
	memcpy(payload + STAMP_HEAD_BYTES, &body, sizeof(body));
	memcpy(payload + STAMP_BYTES, pattern, length - STAMP_BYTES);
}

bool stamp_read(const uint8_t *payload, size_t length, struct stamp *stamp)
{
	struct body body;

	if (length < STAMP_BYTES || length > STAMP_PAYLOAD_MAX)
		return false;
	memcpy(&body, payload + STAMP_HEAD_BYTES, sizeof(body));
	if (body.magic != magic || body.length != length || body.kind >= STAMP_KINDS ||
		body.check != body_check(&body))
		return false;
	if (memcmp(payload, body.kind == STAMP_VIDEO ? video_head : audio_head, STAMP_HEAD_BYTES) !=
		0)
		return false;
	if (memcmp(payload + STAMP_BYTES, pattern, length - STAMP_BYTES) != 0)
		return false;
	*stamp = (struct stamp){
		.kind = (enum stamp_kind)body.kind,
		.publisher = body.publisher,
		.number = body.number,
		.sent_ns = body.sent_ns,
	};
	return true;
}

bool stamp_is_key_frame(const uint8_t *payload, size_t length)
{
	return length > 1 && payload[0] == video_head[0] && !(payload[1] & 1);
}

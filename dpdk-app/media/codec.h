// SPDX-License-Identifier: Apache-2.0
// The little a relay must know of video payloads: where a key frame starts, and VP8 picture ids.
#pragma once

#include <sluice/shm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// True when this RTP payload begins a frame a decoder can start from: VP8 (RFC 7741) key frame, VP9
// (RFC 9628) frame without inter-picture prediction on the lowest spatial layer, H.264 (RFC 6184) with
// an SPS or IDR slice (single, STAP-A, first FU-A), AV1 with a new coded video sequence. Always true
// for codecs without key frames (audio). Malformed payloads are false.
bool codec_key_frame(enum sluice_codec codec, const uint8_t *payload, size_t length);

struct vp8_descriptor { // RFC 7741, 4.2
	uint8_t length; // bytes, payload header follows
	bool start; // first packet of a partition 0
	bool key_frame; // only known with start
	uint8_t picture_bits; // 0 = no picture id, 7 or 15
	uint8_t picture_offset; // where it lies
	uint16_t picture_id;
	bool has_tl0;
	uint8_t tl0_offset;
	uint8_t tl0_picture;
	bool has_temporal;
	uint8_t temporal_id;
	bool layer_sync;
};

// Reads the descriptor; false when the payload is too short for it.
bool vp8_parse(const uint8_t *payload, size_t length, struct vp8_descriptor *descriptor);

// Adds to picture id and TL0PICIDX in `payload`, a copy of what `descriptor` was read from; each keeps
// its width. What the payload does not have is left alone.
void vp8_shift(uint8_t *payload, const struct vp8_descriptor *descriptor, uint16_t picture_offset,
	uint8_t tl0_offset);

// SPDX-License-Identifier: Apache-2.0
// RTP (RFC 3550) with header extensions (RFC 8285): check, read, and compose the header a subscriber
// gets out of the one the publisher sent.
#pragma once

#include <sluice/shm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTP_HEADER_BYTES = 12,
	RTP_OSN_BYTES = 2, // original sequence number in front of an RTX payload (RFC 4588)
	RTP_WRITE_GROWTH_MAX = 64, // bytes by which a packet for a subscriber can exceed its source
};

// A checked packet. Offsets count from the packet's first byte and lie inside it.
struct rtp_header {
	bool marker;
	uint8_t payload_type;
	uint8_t csrc_count;
	uint8_t padding; // bytes at the end, 0 = none
	uint16_t sequence;
	uint32_t timestamp;
	uint32_t ssrc;
	uint16_t extension_profile; // 0xBEDE, 0x100x, another, or 0 = no extension
	uint16_t extension_offset, extension_length; // of the elements, without profile and length
	uint16_t payload_offset, payload_length; // without padding; length 0 = probing packet
};

struct rtp_extension {
	uint8_t id;
	uint8_t length; // bytes
	const uint8_t *value; // into the packet; never NULL
};

// Checks a packet of `length` bytes and fills `header`. Returns 0, or -EBADMSG for a version other
// than 2, a CSRC list, extension or padding that does not fit, or more than 65,535 bytes.
int rtp_parse(const uint8_t *data, size_t length, struct rtp_header *header);

// Walks the extension elements: `*cursor` starts at 0. Returns false at their end, at the first
// element that does not fit, and for a profile that is neither one-byte nor two-byte.
bool rtp_extension_next(const uint8_t *data, const struct rtp_header *header, size_t *cursor,
	struct rtp_extension *extension);

// The first element with `id`; false when there is none or id is 0 (not negotiated).
bool rtp_extension_find(const uint8_t *data, const struct rtp_header *header, uint8_t id,
	struct rtp_extension *extension);

// Whether the publisher's element `id` goes on to subscribers that negotiated it: it is known, and none of those that
// we write ourselves (mid, abs-send-time, transport sequence) or keep (rid). `in_id` as in rtp_output.
bool rtp_extension_leaves(const uint8_t *in_id, uint8_t id);

// What a packet for one subscriber differs in.
struct rtp_output {
	uint32_t ssrc;
	uint32_t timestamp;
	uint16_t sequence;
	uint8_t payload_type;
	bool is_rtx; // prefix the payload with original_sequence
	uint16_t original_sequence; // as the subscriber knows it under the media SSRC
	const uint8_t *in_id; // [SLUICE_EXT_ROOM] of the publication, by enum sluice_extension
	const uint8_t *out_id; // [SLUICE_EXT_ROOM] of the subscription
	const uint8_t *mid; // [SLUICE_MID_MAX], zero padded; NULL or empty = none
	bool has_abs_send_time;
	uint32_t abs_send_time; // 24 bits, 6.18 seconds; see rtp_abs_send_time
	bool has_transport_sequence;
	uint16_t transport_sequence;
};

// Composes the header of `output` from the packet `source` (checked as `header`) into `out`: marker
// and CSRCs stay; extensions known to both sides are copied under the subscriber's ids; mid,
// abs-send-time and transport sequence are ours, rid and repaired-rid never leave; one-byte form
// when every element fits it, else two-byte. Returns the header's length, 0 when `room` is too small.
//
// For a stream whose resends go under the media SSRC leave abs-send-time and transport sequence out:
// a resend must be identical to the byte (see srtp.h).
size_t rtp_write_header(const uint8_t *source, const struct rtp_header *header,
	const struct rtp_output *output, uint8_t *out, size_t room);

// 24-bit abs-send-time of an NTP time in 32.32 fixed point.
static inline uint32_t rtp_abs_send_time(uint64_t ntp)
{
	return (uint32_t)(ntp >> 14) & 0xFFFFFF;
}

// The sequence number an RTX payload of `length` bytes repairs (RFC 4588); false when it is too short
// to hold one. The repaired payload begins RTP_OSN_BYTES later.
bool rtp_rtx_original(const uint8_t *payload, size_t length, uint16_t *sequence);

// Turns an RTX packet in place into the packet it repairs: payload type, SSRC and sequence are
// replaced, the OSN is cut out by moving the header up. Returns how many bytes the packet now begins
// later (RTP_OSN_BYTES), 0 when the payload is too short; `header` is then unchanged, else that of
// the new packet, offsets from the new beginning.
size_t rtp_unwrap_rtx(
	uint8_t *data, struct rtp_header *header, uint32_t ssrc, uint8_t payload_type);

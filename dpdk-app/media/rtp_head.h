// SPDX-License-Identifier: Apache-2.0
// The RTP header that all packets of one subscription begin with, composed once: where the publisher's header has
// nothing that is to be kept, a packet's own header is a copy with six numbers filled in.
#pragma once

#include "rtp.h"
#include "span.h"

enum {
	RTP_HEAD_MAX = 44
}; // 12, and mid, abs-send-time and transport sequence in the two-byte form

struct rtp_head { // all zero = none
	uint8_t bytes[RTP_HEAD_MAX];
	uint8_t length; // 0 = none: headers are composed one by one
	uint8_t abs_send_time, transport_sequence; // offset of the value; 0 = not sent
};

struct rtp_stamps { // what differs from packet to packet
	uint32_t timestamp;
	uint16_t sequence;
	uint8_t payload_type;
	bool marker;
	uint32_t abs_send_time; // 24 bits
	uint16_t transport_sequence;
};

// Composes the head for `output`, of which the stamps are ignored: the bytes that rtp_write_header writes for a
// publisher's packet whose header is bare.
void rtp_head_make(struct rtp_head *head, const struct rtp_output *output);

// Whether rtp_write_header would copy nothing from this header but the marker, whatever the subscriber
// negotiated: no CSRCs, no extension that leaves. `in_id`: [SLUICE_EXT_ROOM] of the publication.
bool rtp_is_bare(const uint8_t *data, const struct rtp_header *header, const uint8_t *in_id);

// Writes the header of one packet; returns its length. There is a head, and `out` has room for RTP_HEAD_MAX bytes, all
// of which may be written.
static inline size_t rtp_head_write(
	const struct rtp_head *head, const struct rtp_stamps *stamps, uint8_t *out)
{
	memcpy(out, head->bytes, RTP_HEAD_MAX);
	out[1] = (uint8_t)((stamps->marker ? 0x80 : 0) | (stamps->payload_type & 0x7F));
	span_put_u16(out + 2, stamps->sequence);
	span_put_u32(out + 4, stamps->timestamp);
	if (head->abs_send_time)
		span_put_u24(out + head->abs_send_time, stamps->abs_send_time);
	if (head->transport_sequence)
		span_put_u16(out + head->transport_sequence, stamps->transport_sequence);
	return head->length;
}

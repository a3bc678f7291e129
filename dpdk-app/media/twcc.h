// SPDX-License-Identifier: Apache-2.0
// Transport-wide congestion control feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01:
// arrival log → RTPFB 15 packets, and back.
#pragma once

#include "rtcp.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TWCC_ROOM = 2048, // sequence numbers between feedbacks; a power of two
	TWCC_PACKET_MIN = 36, // bytes that hold any one feedback
	TWCC_TICK_NS = 250000,
};

struct twcc_log { // all zero = nothing received yet
	bool started;
	uint8_t feedback_count;
	uint64_t next; // first sequence number not reported
	uint64_t highest; // received
	uint32_t
		arrivals[TWCC_ROOM]; // by sequence modulo TWCC_ROOM, 250 µs ticks; 0 = not received
};

// Notes the arrival of the packet with transport-wide number `sequence`. A late one is reported too,
// together with everything after it once more; duplicates are ignored.
void twcc_receive(struct twcc_log *log, uint16_t sequence, uint64_t now_ns);

// Writes one feedback packet on what has arrived since the last one, `sender` being our SSRC and `media`
// any SSRC of the peer. Returns its length, 0 when there is nothing (more) to report: call until 0.
// -ENOBUFS when `room` is below TWCC_PACKET_MIN.
int twcc_write(struct twcc_log *log, uint32_t sender, uint32_t media, uint8_t *out, size_t room);

struct twcc_feedback {
	uint16_t base_sequence;
	uint16_t count; // packets it speaks of
	uint8_t feedback_count;
	int32_t reference; // 64 ms, 24 bits signed
};

struct twcc_arrival {
	uint16_t sequence;
	bool received;
	int64_t ticks; // when received, 250 µs, from the sender's epoch
};

// Reads a packet of RTCP_KIND_TWCC. Fills up to `n` arrivals, in sequence order; returns how many, or
// -EBADMSG when it is malformed, -ENOBUFS when it speaks of more than `n`.
int twcc_parse(const struct rtcp_packet *packet, struct twcc_feedback *feedback,
	struct twcc_arrival *arrivals, unsigned n);

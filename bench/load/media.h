// SPDX-License-Identifier: Apache-2.0
// RTP and RTCP of one stream: packets to send, packets received, reports. Nothing here is encrypted yet
// or any more.
#pragma once

#include "description.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "numbering.h"
#include "stamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MEDIA_PACKET_MAX = STAMP_PAYLOAD_MAX + 40, // bytes before encryption
	MEDIA_KEPT = 1024, // packets that can be sent again
	MEDIA_REPORT_MAX = 256, // bytes before encryption
};

struct media_kept {
	uint64_t number, sent_ns; // sent_ns 0 = none
};

struct media_source { // what a publisher sends
	enum stamp_kind kind;
	uint32_t publisher, ssrc;
	struct description_track track;
	uint32_t payload_bytes; // RTP payload
	uint64_t interval_ns;
	uint64_t packets, bytes; // for sender reports
	struct media_kept *kept; // [MEDIA_KEPT], or NULL
};

struct media_sink { // what a subscriber receives
	enum stamp_kind kind;
	uint32_t publisher;
	struct description_track track;
	struct numbering numbering;
	uint64_t since; // numbers from here on must arrive; UINT64_MAX = not known yet
	bool key_frame_seen;
	uint32_t ssrc;
	uint64_t highest_index; // SRTP index: ROC << 16 | sequence
	uint32_t last_sr; // middle 32 bits of the last sender report's NTP time
	uint64_t last_sr_ns; // when it came
};

// Readies a source whose RTP packets have `packet_bytes` each, `bitrate` bits per second of them.
void media_source_init(struct media_source *source, const struct description_track *track,
	uint32_t packet_bytes, uint32_t bitrate);

// Writes packet `number`. Returns its length, at most MEDIA_PACKET_MAX.
size_t media_packet(
	const struct media_source *source, uint64_t number, uint64_t sent_ns, uint8_t *packet);

enum media_verdict {
	MEDIA_GOOD,
	MEDIA_MALFORMED, // no RTP, or no payload type of ours
	MEDIA_PROBE, // no payload
	MEDIA_CORRUPT, // not what this publisher sent
};

struct media_arrival {
	struct media_sink *sink;
	struct stamp stamp;
	enum numbering_result numbering;
	bool repaired; // came as RTX
	bool key_frame;
};

// Takes a decrypted packet for one of the `sinks` (by kind, unused ones have no track). `arrival` is
// filled for MEDIA_GOOD.
enum media_verdict media_take(struct media_sink sinks[STAMP_KINDS], const uint8_t *packet,
	size_t length, uint64_t index, struct media_arrival *arrival);

// Write a compound packet: sender reports of the sources that have sent, or one receiver report about the
// sinks that have received, each with SDES. `ntp` (32.32) is the same moment as `now_ns`. Return its length, 0
// when there is nothing.
size_t media_sender_report(const struct media_source sources[STAMP_KINDS], uint64_t now_ns,
	uint64_t ntp, uint8_t *packet);
size_t media_receiver_report(const struct media_sink sinks[STAMP_KINDS], uint32_t sender,
	uint64_t now_ns, uint8_t *packet);

// Takes note of a relay's sender report, for the round-trip fields of ours.
void media_take_sender(
	struct media_sink sinks[STAMP_KINDS], const struct rtcp_sender_info *info, uint64_t now_ns);

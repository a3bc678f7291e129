// SPDX-License-Identifier: Apache-2.0
// Receiver statistics of one incoming SSRC (RFC 3550, 6.4 and appendix A), and the round-trip time out
// of the reports others send us.
#pragma once

#include "rtcp.h"

#include <stdbool.h>
#include <stdint.h>

struct receiver { // all zero = nothing received yet; what each packet needs comes first
	bool started;
	bool has_transit;
	uint32_t last_timestamp;
	uint64_t first, highest; // indexes
	uint64_t received; // packets, duplicates not counted by the caller
	uint64_t bytes;
	uint32_t jitter_16; // RTP clock × 16
	uint32_t transit; // arrival - timestamp of the last packet, RTP clock
	uint64_t last_sr_ns; // when the last SR came; 0 = never
	uint64_t expected_before, received_before; // at the last report
	uint32_t last_sr; // middle 32 bits of its NTP time
	struct rtcp_sender_info sender; // the last SR
};

// A packet came: extended index, its timestamp and the codec's clock. Do not call for duplicates. A
// jump far back or ahead (over 3,000) restarts the statistics.
void receiver_packet(struct receiver *receiver, uint64_t index, uint32_t timestamp,
	uint32_t clock_rate, uint32_t bytes, uint64_t now_ns);

// A sender report of this SSRC came.
void receiver_sender_report(
	struct receiver *receiver, const struct rtcp_sender_info *info, uint64_t now_ns);

// Fills the report block on `ssrc` and starts the next interval. False when nothing has come yet.
bool receiver_report(
	struct receiver *receiver, uint32_t ssrc, uint64_t now_ns, struct rtcp_report_block *block);

// Packets expected minus received so far, never below 0.
uint64_t receiver_lost(const struct receiver *receiver);

// Interarrival jitter, RTP clock.
static inline uint32_t receiver_jitter(const struct receiver *receiver)
{
	return receiver->jitter_16 >> 4;
}

// The source's RTP timestamp at `now_ns`: that of its last SR, extrapolated by `clock_rate`. False
// without an SR.
bool receiver_timestamp_at(
	const struct receiver *receiver, uint32_t clock_rate, uint64_t now_ns, uint32_t *timestamp);

// The source's NTP clock at `now_ns`, likewise. A sender report for a subscriber carries these two (the
// timestamp through rewrite_timestamp), so that lips and voice of one publisher stay in step; the same
// clock then goes into receiver_rtt. False without an SR.
bool receiver_ntp_at(const struct receiver *receiver, uint64_t now_ns, uint64_t *ntp);

// Round-trip time out of a report block about us, received when the NTP clock of our SRs said
// `ntp`. False when // it answers no SR or is nonsense (negative, over 60 s).
bool receiver_rtt(const struct rtcp_report_block *block, uint64_t ntp, uint64_t *rtt_ns);

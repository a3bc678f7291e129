// SPDX-License-Identifier: Apache-2.0
// RTCP: walk a compound (RFC 3550) or reduced-size (RFC 5506) packet and read its parts; write ours.
#pragma once

#include "span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTCP_REPORT_BLOCKS_MAX = 31,
	RTCP_NACK_MAX = 17, // sequence numbers one PID/BLP pair can name
};

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
	RTCP_XR = 207,
};

// What one packet of a compound is, feedback formats told apart.
enum rtcp_kind {
	RTCP_KIND_OTHER, // to be ignored: APP, XR, unknown feedback
	RTCP_KIND_SR,
	RTCP_KIND_RR,
	RTCP_KIND_SDES,
	RTCP_KIND_BYE,
	RTCP_KIND_NACK, // RFC 4585
	RTCP_KIND_TWCC, // transport-wide feedback: twcc_parse
	RTCP_KIND_PLI, // RFC 4585
	RTCP_KIND_FIR, // RFC 5104
	RTCP_KIND_REMB, // draft-alvestrand-rmcat-remb
};

// One packet of a compound; `body` begins after the 4-byte common header, without padding.
struct rtcp_packet {
	enum rtcp_kind kind;
	uint8_t type; // enum rtcp_type or another number
	uint8_t count; // or feedback format
	const uint8_t *body;
	size_t length;
};

struct rtcp_sender_info {
	uint32_t ssrc;
	uint64_t ntp; // 32.32
	uint32_t timestamp;
	uint32_t packets, bytes;
};

struct rtcp_report_block {
	uint32_t ssrc; // of whom it speaks
	uint8_t fraction_lost; // of 256
	int32_t cumulative_lost; // 24 bits, signed
	uint32_t highest_sequence; // extended to 32 bits
	uint32_t jitter; // RTP clock
	uint32_t last_sr; // middle 32 bits of its NTP time; 0 = none
	uint32_t delay_since_last_sr; // 1/65,536 s
};

// True when `data` is one or more whole packets: version, lengths and padding fit. Padding may be on any
// packet and of any size: browsers pad transport-wide feedback by one to three bytes. The walk below
// needs it; a compound that fails it is malformed as a whole.
bool rtcp_check(const uint8_t *data, size_t length);

// Next packet of a checked compound; `*cursor` starts at 0. False at the end.
bool rtcp_next(const uint8_t *data, size_t length, size_t *cursor, struct rtcp_packet *packet);

// SSRC of who sent the packet: the first word of every kind but SDES and BYE. 0 when it has none.
uint32_t rtcp_sender(const struct rtcp_packet *packet);

// Second word of feedback: the media it speaks of (0 in FIR and REMB). 0 when it has none.
uint32_t rtcp_media(const struct rtcp_packet *packet);

// Sender part of an SR; false when the packet is none or too short.
bool rtcp_read_sender(const struct rtcp_packet *packet, struct rtcp_sender_info *info);

// Report block `i` of an SR or RR; false past the last one.
bool rtcp_read_report(
	const struct rtcp_packet *packet, unsigned i, struct rtcp_report_block *block);

// SSRC `i` of a BYE; false past the last one.
bool rtcp_read_bye(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc);

// Sequence numbers PID/BLP pair `i` of a NACK asks for, ascending (modulo 2^16); returns how many,
// 0 past the last pair.
unsigned rtcp_read_nack(
	const struct rtcp_packet *packet, unsigned i, uint16_t sequences[RTCP_NACK_MAX]);

// Entry `i` of an FIR: media SSRC and command number; false past the last one.
bool rtcp_read_fir(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc, uint8_t *command);

// Bit rate of a REMB, saturated at UINT64_MAX; false when it is malformed.
bool rtcp_read_remb(const struct rtcp_packet *packet, uint64_t *bitrate_bps);

// SSRC `i` a REMB speaks of; false past the last one.
bool rtcp_read_remb_ssrc(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc);

// Writers append one packet of the compound. Each returns 0, or -ENOBUFS when it does not fit or
// there are too many entries: then nothing is written and the writer has not failed.
//
// SRTCP takes its SSRC from the first packet of the compound and counts its index per SSRC. Begin
// each compound with an RR from our own RTCP SSRC and let SRs of media SSRCs follow it, so that a
// restarted data plane never reuses an (SSRC, index).
int rtcp_write_sr(struct span_writer *writer, const struct rtcp_sender_info *info,
	const struct rtcp_report_block *blocks, unsigned n);
int rtcp_write_rr(struct span_writer *writer, uint32_t sender,
	const struct rtcp_report_block *blocks, unsigned n);
// One SDES chunk with a CNAME of at most 255 bytes.
int rtcp_write_cname(struct span_writer *writer, uint32_t ssrc, const char *cname);
// At most 31 SSRCs.
int rtcp_write_bye(struct span_writer *writer, const uint32_t *ssrcs, unsigned n);
// `sequences` ascend modulo 2^16 and span less than 2^15. Returns how many of them were written (a
// prefix, as many as fit), or -ENOBUFS when not one fits.
int rtcp_write_nack(struct span_writer *writer, uint32_t sender, uint32_t media,
	const uint16_t *sequences, unsigned n);
int rtcp_write_pli(struct span_writer *writer, uint32_t sender, uint32_t media);
// `command` must differ from the last one for this source (RFC 5104, 4.3.1).
int rtcp_write_fir(struct span_writer *writer, uint32_t sender, uint32_t media, uint8_t command);
// At most 255 SSRCs. The rate is rounded down to 18 significant bits.
int rtcp_write_remb(struct span_writer *writer, uint32_t sender, uint64_t bitrate_bps,
	const uint32_t *ssrcs, unsigned n);

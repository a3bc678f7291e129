// SPDX-License-Identifier: Apache-2.0
#include "rtcp.h"

#include <errno.h>

enum {
	SENDER_INFO_BYTES = 24, // with the SSRC
	BLOCK_BYTES = 24,
	FEEDBACK_BYTES = 8, // sender and media SSRC
	FIR_BYTES = 8,
	FORMAT_NACK = 1,
	FORMAT_TWCC = 15,
	FORMAT_PLI = 1,
	FORMAT_FIR = 4,
	FORMAT_REMB = 15,
};
static const uint8_t remb_name[4] = {'R', 'E', 'M', 'B'};

// Bytes of the packet that begins at `data`, 0 when it does not fit or is not RTCP.
static size_t packet_length(const uint8_t *data, size_t left)
{
	if (left < 4 || data[0] >> 6 != 2)
		return 0;
	size_t length = 4 + 4 * (size_t)span_u16(data + 2);
	return length <= left ? length : 0;
}

bool rtcp_check(const uint8_t *data, size_t length)
{
	if (length == 0)
		return false;
	for (size_t offset = 0; offset < length;) {
		size_t bytes = packet_length(data + offset, length - offset);
		if (bytes == 0)
			return false;
		bool padded = data[offset] & 0x20;
		offset += bytes;
		uint8_t padding = data[offset - 1];
		if (padded && (padding == 0 || padding > bytes - 4))
			return false;
	}
	return true;
}

static enum rtcp_kind feedback_kind(const struct rtcp_packet *packet)
{
	if (packet->length < FEEDBACK_BYTES)
		return RTCP_KIND_OTHER;
	if (packet->type == RTCP_RTPFB)
		return packet->count == FORMAT_NACK   ? RTCP_KIND_NACK
		       : packet->count == FORMAT_TWCC ? RTCP_KIND_TWCC
						      : RTCP_KIND_OTHER;
	if (packet->count == FORMAT_PLI)
		return RTCP_KIND_PLI;
	if (packet->count == FORMAT_FIR)
		return RTCP_KIND_FIR;
	if (packet->count == FORMAT_REMB && packet->length >= FEEDBACK_BYTES + 8 &&
		memcmp(packet->body + FEEDBACK_BYTES, remb_name, sizeof(remb_name)) == 0)
		return RTCP_KIND_REMB;
	return RTCP_KIND_OTHER;
}

static enum rtcp_kind kind_of(const struct rtcp_packet *packet)
{
	switch (packet->type) {
	case RTCP_SR:
		return packet->length >= SENDER_INFO_BYTES ? RTCP_KIND_SR : RTCP_KIND_OTHER;
	case RTCP_RR:
		return packet->length >= 4 ? RTCP_KIND_RR : RTCP_KIND_OTHER;
	case RTCP_SDES:
		return RTCP_KIND_SDES;
	case RTCP_BYE:
		return RTCP_KIND_BYE;
	case RTCP_RTPFB:
	case RTCP_PSFB:
		return feedback_kind(packet);
	default:
		return RTCP_KIND_OTHER;
	}
}

bool rtcp_next(const uint8_t *data, size_t length, size_t *cursor, struct rtcp_packet *packet)
{
	if (*cursor >= length)
		return false;
	const uint8_t *at = data + *cursor;
	size_t bytes = packet_length(at, length - *cursor);
	if (bytes == 0)
		return false;
	size_t padding = at[0] & 0x20 ? at[bytes - 1] : 0;
	if (padding > bytes - 4)
		return false;
	*packet = (struct rtcp_packet){
		.type = at[1],
		.count = at[0] & 0x1F,
		.body = at + 4,
		.length = bytes - 4 - padding,
	};
	packet->kind = kind_of(packet);
	*cursor += bytes;
	return true;
}

uint32_t rtcp_sender(const struct rtcp_packet *packet)
{
	return packet->length >= 4 ? span_u32(packet->body) : 0;
}

uint32_t rtcp_media(const struct rtcp_packet *packet)
{
	bool feedback = packet->type == RTCP_RTPFB || packet->type == RTCP_PSFB;
	return feedback && packet->length >= FEEDBACK_BYTES ? span_u32(packet->body + 4) : 0;
}

bool rtcp_read_sender(const struct rtcp_packet *packet, struct rtcp_sender_info *info)
{
	if (packet->type != RTCP_SR || packet->length < SENDER_INFO_BYTES)
		return false;
	const uint8_t *body = packet->body;
	*info = (struct rtcp_sender_info){
		.ssrc = span_u32(body),
		.ntp = (uint64_t)span_u32(body + 4) << 32 | span_u32(body + 8),
		.timestamp = span_u32(body + 12),
		.packets = span_u32(body + 16),
		.bytes = span_u32(body + 20),
	};
	return true;
}

bool rtcp_read_report(const struct rtcp_packet *packet, unsigned i, struct rtcp_report_block *block)
{
	size_t offset = packet->type == RTCP_SR ? SENDER_INFO_BYTES : 4;
	if ((packet->type != RTCP_SR && packet->type != RTCP_RR) || i >= packet->count ||
		packet->length < offset + (i + 1) * (size_t)BLOCK_BYTES)
		return false;
	const uint8_t *at = packet->body + offset + i * (size_t)BLOCK_BYTES;
	uint32_t lost = span_u24(at + 5);
	*block = (struct rtcp_report_block){
		.ssrc = span_u32(at),
		.fraction_lost = at[4],
		.cumulative_lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0),
		.highest_sequence = span_u32(at + 8),
		.jitter = span_u32(at + 12),
		.last_sr = span_u32(at + 16),
		.delay_since_last_sr = span_u32(at + 20),
	};
	return true;
}

bool rtcp_read_bye(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc)
{
	if (packet->type != RTCP_BYE || i >= packet->count || packet->length < (i + 1) * (size_t)4)
		return false;
	*ssrc = span_u32(packet->body + i * (size_t)4);
	return true;
}

unsigned rtcp_read_nack(
	const struct rtcp_packet *packet, unsigned i, uint16_t sequences[RTCP_NACK_MAX])
{
	if (packet->kind != RTCP_KIND_NACK || packet->length < FEEDBACK_BYTES + (i + (size_t)1) * 4)
		return 0;
	const uint8_t *at = packet->body + FEEDBACK_BYTES + i * (size_t)4;
	uint16_t first = span_u16(at), mask = span_u16(at + 2);
	unsigned n = 0;
	sequences[n++] = first;
	for (unsigned bit = 0; bit < 16; bit++)
		if (mask & 1U << bit)
			sequences[n++] = (uint16_t)(first + bit + 1);
	return n;
}

bool rtcp_read_fir(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc, uint8_t *command)
{
	if (packet->kind != RTCP_KIND_FIR ||
		packet->length < FEEDBACK_BYTES + (i + (size_t)1) * FIR_BYTES)
		return false;
	const uint8_t *at = packet->body + FEEDBACK_BYTES + i * (size_t)FIR_BYTES;
	*ssrc = span_u32(at);
	*command = at[4];
	return true;
}

bool rtcp_read_remb(const struct rtcp_packet *packet, uint64_t *bitrate_bps)
{
	if (packet->kind != RTCP_KIND_REMB)
		return false;
	const uint8_t *at = packet->body + FEEDBACK_BYTES + 4;
	unsigned exponent = at[1] >> 2;
	uint64_t mantissa = span_u24(at + 1) & 0x3FFFF;
	if (mantissa != 0 && exponent > (unsigned)__builtin_clzll(mantissa))
		*bitrate_bps = UINT64_MAX;
	else
		*bitrate_bps = mantissa << exponent;
	return true;
}

bool rtcp_read_remb_ssrc(const struct rtcp_packet *packet, unsigned i, uint32_t *ssrc)
{
	if (packet->kind != RTCP_KIND_REMB || i >= packet->body[FEEDBACK_BYTES + 4] ||
		packet->length < FEEDBACK_BYTES + 8 + (i + (size_t)1) * 4)
		return false;
	*ssrc = span_u32(packet->body + FEEDBACK_BYTES + 8 + i * (size_t)4);
	return true;
}

// ---- writing --------------------------------------------------------------------------------------

// Room for a packet of `bytes` (a multiple of 4) with its common header written; NULL when it does
// not fit, and then the writer is as before.
static uint8_t *packet_begin(
	struct span_writer *writer, unsigned count, enum rtcp_type type, size_t bytes)
{
	if (writer->failed || span_room(writer) < bytes)
		return NULL;
	uint8_t *at = span_make(writer, bytes);
	at[0] = (uint8_t)(0x80 | count);
	at[1] = (uint8_t)type;
	span_put_u16(at + 2, (uint16_t)(bytes / 4 - 1));
	return at + 4;
}

static void blocks_write(uint8_t *at, const struct rtcp_report_block *blocks, unsigned n)
{
	for (unsigned i = 0; i < n; i++, at += BLOCK_BYTES) {
		span_put_u32(at, blocks[i].ssrc);
		at[4] = blocks[i].fraction_lost;
		span_put_u24(at + 5, (uint32_t)blocks[i].cumulative_lost);
		span_put_u32(at + 8, blocks[i].highest_sequence);
		span_put_u32(at + 12, blocks[i].jitter);
		span_put_u32(at + 16, blocks[i].last_sr);
		span_put_u32(at + 20, blocks[i].delay_since_last_sr);
	}
}

int rtcp_write_sr(struct span_writer *writer, const struct rtcp_sender_info *info,
	const struct rtcp_report_block *blocks, unsigned n)
{
	if (n > RTCP_REPORT_BLOCKS_MAX)
		return -ENOBUFS;
	uint8_t *at =
		packet_begin(writer, n, RTCP_SR, 4 + SENDER_INFO_BYTES + n * (size_t)BLOCK_BYTES);
	if (!at)
		return -ENOBUFS;
	span_put_u32(at, info->ssrc);
	span_put_u32(at + 4, (uint32_t)(info->ntp >> 32));
	span_put_u32(at + 8, (uint32_t)info->ntp);
	span_put_u32(at + 12, info->timestamp);
	span_put_u32(at + 16, info->packets);
	span_put_u32(at + 20, info->bytes);
	blocks_write(at + SENDER_INFO_BYTES, blocks, n);
	return 0;
}

int rtcp_write_rr(struct span_writer *writer, uint32_t sender,
	const struct rtcp_report_block *blocks, unsigned n)
{
	if (n > RTCP_REPORT_BLOCKS_MAX)
		return -ENOBUFS;
	uint8_t *at = packet_begin(writer, n, RTCP_RR, 8 + n * (size_t)BLOCK_BYTES);
	if (!at)
		return -ENOBUFS;
	span_put_u32(at, sender);
	blocks_write(at + 4, blocks, n);
	return 0;
}

int rtcp_write_cname(struct span_writer *writer, uint32_t ssrc, const char *cname)
{
	size_t length = strlen(cname);
	if (length > UINT8_MAX)
		return -ENOBUFS;
	size_t chunk = (4 + 2 + length + 1 + 3) / 4 * 4; // the item list ends with at least one 0
	uint8_t *at = packet_begin(writer, 1, RTCP_SDES, 4 + chunk);
	if (!at)
		return -ENOBUFS;
	memset(at, 0, chunk);
	span_put_u32(at, ssrc);
	at[4] = 1; // CNAME
	at[5] = (uint8_t)length;
	memcpy(at + 6, cname, length);
	return 0;
}

int rtcp_write_bye(struct span_writer *writer, const uint32_t *ssrcs, unsigned n)
{
	uint8_t *at = n > 31 ? NULL : packet_begin(writer, n, RTCP_BYE, 4 + n * (size_t)4);
	if (!at)
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++)
		span_put_u32(at + i * (size_t)4, ssrcs[i]);
	return 0;
}

static uint8_t *feedback_begin(struct span_writer *writer, unsigned format, enum rtcp_type type,
	const uint32_t ssrcs[2], size_t bytes)
{
	uint8_t *at = packet_begin(writer, format, type, 4 + FEEDBACK_BYTES + bytes);
	if (!at)
		return NULL;
	span_put_u32(at, ssrcs[0]);
	span_put_u32(at + 4, ssrcs[1]);
	return at + FEEDBACK_BYTES;
}

// How many of the sequences the pair that begins with the first one names.
static unsigned nack_pair(const uint16_t *sequences, unsigned n, uint16_t *mask)
{
	unsigned i = 1;
	*mask = 0;
	for (; i < n; i++) {
		uint16_t distance = (uint16_t)(sequences[i] - sequences[0]);
		if (distance == 0 || distance > 16)
			break;
		*mask |= (uint16_t)(1U << (distance - 1));
	}
	return i;
}

int rtcp_write_nack(struct span_writer *writer, uint32_t sender, uint32_t media,
	const uint16_t *sequences, unsigned n)
{
	size_t room = writer->failed ? 0 : span_room(writer);
	size_t pairs = 0;
	unsigned named = 0;
	uint16_t mask;
	for (; named < n && 4 + FEEDBACK_BYTES + (pairs + 1) * 4 <= room; pairs++)
		named += nack_pair(sequences + named, n - named, &mask);
	if (n == 0)
		return 0;
	const uint32_t ssrcs[2] = {sender, media};
	uint8_t *at = pairs == 0
			      ? NULL
			      : feedback_begin(writer, FORMAT_NACK, RTCP_RTPFB, ssrcs, 4 * pairs);
	if (!at)
		return -ENOBUFS;
	for (unsigned i = 0; i < named; at += 4) {
		span_put_u16(at, sequences[i]);
		i += nack_pair(sequences + i, named - i, &mask);
		span_put_u16(at + 2, mask);
	}
	return (int)named;
}

int rtcp_write_pli(struct span_writer *writer, uint32_t sender, uint32_t media)
{
	const uint32_t ssrcs[2] = {sender, media};
	return feedback_begin(writer, FORMAT_PLI, RTCP_PSFB, ssrcs, 0) ? 0 : -ENOBUFS;
}

int rtcp_write_fir(struct span_writer *writer, uint32_t sender, uint32_t media, uint8_t command)
{
	const uint32_t ssrcs[2] = {sender, 0};
	uint8_t *at = feedback_begin(writer, FORMAT_FIR, RTCP_PSFB, ssrcs, FIR_BYTES);
	if (!at)
		return -ENOBUFS;
	span_put_u32(at, media);
	span_put_u32(at + 4, (uint32_t)command << 24);
	return 0;
}

int rtcp_write_remb(struct span_writer *writer, uint32_t sender, uint64_t bitrate_bps,
	const uint32_t *ssrcs, unsigned n)
{
	const uint32_t pair[2] = {sender, 0};
	uint8_t *at = n > UINT8_MAX ? NULL
				    : feedback_begin(writer, FORMAT_REMB, RTCP_PSFB, pair,
					      8 + n * (size_t)4);
	if (!at)
		return -ENOBUFS;
	unsigned exponent = 0;
	while (bitrate_bps >> exponent > 0x3FFFF)
		exponent++;
	memcpy(at, remb_name, sizeof(remb_name));
	at[4] = (uint8_t)n;
	span_put_u24(at + 5, (uint32_t)(bitrate_bps >> exponent) | exponent << 18);
	for (unsigned i = 0; i < n; i++)
		span_put_u32(at + 8 + i * (size_t)4, ssrcs[i]);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "media.h"

#include "media/span.h"

#include <string.h>

static const uint64_t second_ns = 1000000000;

// ---- sending

static size_t extension_bytes(const struct description_track *track)
{
	size_t mid = strlen(track->mid);

	return track->mid_extension && mid ? 4 + (1 + mid + 3) / 4 * 4 : 0;
}

void media_source_init(struct media_source *source, const struct description_track *track,
	uint32_t packet_bytes, uint32_t bitrate)
{
	size_t head = RTP_HEADER_BYTES + extension_bytes(track);

	source->track = *track;
	source->payload_bytes = STAMP_BYTES;
	if (packet_bytes > head + STAMP_BYTES)
		source->payload_bytes = packet_bytes - (uint32_t)head;
	source->interval_ns = (uint64_t)packet_bytes * 8 * second_ns / bitrate;
}

static void extension_write(struct span_writer *writer, const struct description_track *track)
{
	size_t words = extension_bytes(track) / 4, mid = strlen(track->mid);

	if (!words)
		return;
	span_write_u16(writer, 0xBEDE);
	span_write_u16(writer, (uint16_t)(words - 1));
	span_write_u8(writer, (uint8_t)(track->mid_extension << 4 | (mid - 1)));
	span_write_bytes(writer, track->mid, mid);
	for (size_t i = 1 + mid; i % 4; i++)
		span_write_u8(writer, 0);
}

static uint32_t rtp_time(const struct media_source *source, uint64_t ns)
{
	return (uint32_t)(source->kind == STAMP_VIDEO ? ns * 9 / 100000 : ns * 6 / 125000);
}

size_t media_packet(
	const struct media_source *source, uint64_t number, uint64_t sent_ns, uint8_t *packet)
{
	struct span_writer writer = span_writer(packet, MEDIA_PACKET_MAX);
	bool video = source->kind == STAMP_VIDEO;
	struct stamp stamp = {
		.kind = source->kind,
		.publisher = source->publisher,
		.number = number,
		.sent_ns = sent_ns,
	};
	uint8_t *payload;

	span_write_u8(&writer, extension_bytes(&source->track) ? 0x90 : 0x80);
	span_write_u8(&writer, (uint8_t)(source->track.payload_type | (video ? 0x80 : 0)));
	span_write_u16(&writer, (uint16_t)number);
	span_write_u32(&writer, rtp_time(source, sent_ns));
	span_write_u32(&writer, source->ssrc);
	extension_write(&writer, &source->track);
	payload = span_make(&writer, source->payload_bytes);
	if (!payload)
		return 0;
	stamp_write(&stamp, payload, source->payload_bytes);
	return span_written(&writer);
}

// ---- receiving

static struct media_sink *sink_find(
	struct media_sink sinks[STAMP_KINDS], uint8_t payload_type, bool *repaired)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		const struct description_track *track = &sinks[kind].track;

		if (!track->used)
			continue;
		*repaired = track->rtx_payload_type && payload_type == track->rtx_payload_type;
		if (*repaired || payload_type == track->payload_type)
			return &sinks[kind];
	}
	return NULL;
}

enum media_verdict media_take(struct media_sink sinks[STAMP_KINDS], const uint8_t *packet,
	size_t length, uint64_t index, struct media_arrival *arrival)
{
	struct rtp_header header;
	const uint8_t *payload;
	size_t size;

	if (rtp_parse(packet, length, &header))
		return MEDIA_MALFORMED;
	arrival->sink = sink_find(sinks, header.payload_type, &arrival->repaired);
	if (!arrival->sink)
		return MEDIA_MALFORMED;
	payload = packet + header.payload_offset;
	size = header.payload_length;
	if (!size)
		return MEDIA_PROBE;
	if (arrival->repaired) {
		if (size < RTP_OSN_BYTES)
			return MEDIA_MALFORMED;
		payload += RTP_OSN_BYTES;
		size -= RTP_OSN_BYTES;
	}
	if (!stamp_read(payload, size, &arrival->stamp) ||
		arrival->stamp.kind != arrival->sink->kind ||
		arrival->stamp.publisher != arrival->sink->publisher)
		return MEDIA_CORRUPT;
	arrival->key_frame =
		arrival->stamp.kind == STAMP_VIDEO && stamp_is_key_frame(payload, size);
	arrival->numbering = numbering_take(&arrival->sink->numbering, arrival->stamp.number);
	if (!arrival->repaired) {
		arrival->sink->ssrc = header.ssrc;
		if (index > arrival->sink->highest_index)
			arrival->sink->highest_index = index;
	}
	return MEDIA_GOOD;
}

// ---- reports

size_t media_sender_report(const struct media_source sources[STAMP_KINDS], uint64_t now_ns,
	uint64_t ntp, uint8_t *packet)
{
	struct span_writer writer = span_writer(packet, MEDIA_REPORT_MAX);
	uint32_t first = 0;

	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		const struct media_source *source = &sources[kind];
		struct rtcp_sender_info info = {
			.ssrc = source->ssrc,
			.ntp = ntp,
			.timestamp = rtp_time(source, now_ns),
			.packets = (uint32_t)source->packets,
			.bytes = (uint32_t)source->bytes,
		};

		if (!source->packets || rtcp_write_sr(&writer, &info, NULL, 0))
			continue;
		first = first ? first : source->ssrc;
	}
	if (!first || rtcp_write_cname(&writer, first, "load"))
		return 0;
	return span_written(&writer);
}

static struct rtcp_report_block block_of(const struct media_sink *sink, uint64_t now_ns)
{
	const struct numbering *numbering = &sink->numbering;
	int64_t lost = (int64_t)(numbering->highest - numbering->first + 1 - numbering->received);
	struct rtcp_report_block block = {
		.ssrc = sink->ssrc,
		.cumulative_lost = (int32_t)(lost < 0x7fffff ? lost : 0x7fffff),
		.highest_sequence = (uint32_t)sink->highest_index,
		.last_sr = sink->last_sr,
	};

	if (sink->last_sr_ns)
		block.delay_since_last_sr =
			(uint32_t)((now_ns - sink->last_sr_ns) * 65536 / second_ns);
	return block;
}

size_t media_receiver_report(const struct media_sink sinks[STAMP_KINDS], uint32_t sender,
	uint64_t now_ns, uint8_t *packet)
{
	struct span_writer writer = span_writer(packet, MEDIA_REPORT_MAX);
	struct rtcp_report_block blocks[STAMP_KINDS];
	unsigned n = 0;

	for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
		if (sinks[kind].numbering.received)
			blocks[n++] = block_of(&sinks[kind], now_ns);
	if (rtcp_write_rr(&writer, sender, blocks, n) || rtcp_write_cname(&writer, sender, "load"))
		return 0;
	return span_written(&writer);
}

void media_take_sender(
	struct media_sink sinks[STAMP_KINDS], const struct rtcp_sender_info *info, uint64_t now_ns)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		if (!sinks[kind].numbering.received || sinks[kind].ssrc != info->ssrc)
			continue;
		sinks[kind].last_sr = (uint32_t)(info->ntp >> 16);
		sinks[kind].last_sr_ns = now_ns;
	}
}

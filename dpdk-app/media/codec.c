// SPDX-License-Identifier: Apache-2.0
#include "codec.h"

#include "span.h"

bool vp8_parse(const uint8_t *payload, size_t length, struct vp8_descriptor *descriptor)
{
	struct span_reader reader = span_reader(payload, length);
	struct vp8_descriptor parsed = {0};
	uint8_t first = span_read_u8(&reader);
	uint8_t flags = first & 0x80 ? span_read_u8(&reader) : 0;
	if (flags & 0x80) {
		parsed.picture_offset = (uint8_t)(reader.at - payload);
		uint8_t high = span_read_u8(&reader);
		parsed.picture_bits = high & 0x80 ? 15 : 7;
		parsed.picture_id = high & 0x7F;
		if (high & 0x80)
			parsed.picture_id =
				(uint16_t)(parsed.picture_id << 8 | span_read_u8(&reader));
	}
	if (flags & 0x40) {
		parsed.has_tl0 = true;
		parsed.tl0_offset = (uint8_t)(reader.at - payload);
		parsed.tl0_picture = span_read_u8(&reader);
	}
	if (flags & 0x30) {
		uint8_t layer = span_read_u8(&reader);
		parsed.has_temporal = flags & 0x20;
		parsed.temporal_id = parsed.has_temporal ? layer >> 6 : 0;
		parsed.layer_sync = layer & 0x20;
	}
	if (reader.failed)
		return false;
	parsed.length = (uint8_t)(reader.at - payload);
	parsed.start = (first & 0x10) && (first & 0x07) == 0;
	uint8_t header = span_read_u8(&reader); // RFC 7741, 4.3: bit 0 clear = key frame
	parsed.key_frame = parsed.start && !reader.failed && !(header & 1);
	*descriptor = parsed;
	return true;
}

void vp8_shift(uint8_t *payload, const struct vp8_descriptor *descriptor, uint16_t picture_offset,
	uint8_t tl0_offset)
{
	uint16_t picture_id = (uint16_t)(descriptor->picture_id + picture_offset);
	if (descriptor->picture_bits == 15)
		span_put_u16(payload + descriptor->picture_offset, picture_id | 0x8000);
	else if (descriptor->picture_bits == 7)
		payload[descriptor->picture_offset] = picture_id & 0x7F;
	if (descriptor->has_tl0)
		payload[descriptor->tl0_offset] = (uint8_t)(descriptor->tl0_picture + tl0_offset);
}

static bool vp8_key_frame(const uint8_t *payload, size_t length)
{
	struct vp8_descriptor descriptor;
	return vp8_parse(payload, length, &descriptor) && descriptor.key_frame;
}

static bool vp9_key_frame(const uint8_t *payload, size_t length)
{
	struct span_reader reader = span_reader(payload, length);
	uint8_t first = span_read_u8(&reader); // I P L F B E V Z
	if (first & 0x80 && span_read_u8(&reader) & 0x80) // 15-bit picture id
		span_read_u8(&reader);
	uint8_t spatial_id = first & 0x20 ? span_read_u8(&reader) >> 1 & 7 : 0;
	bool predicted = first & 0x40, begins = first & 0x08;
	return !reader.failed && span_left(&reader) > 0 && !predicted && begins && spatial_id == 0;
}

enum { H264_IDR = 5, H264_SPS = 7, H264_STAP_A = 24, H264_FU_A = 28 };

static bool h264_key_unit(uint8_t header)
{
	return (header & 0x1F) == H264_IDR || (header & 0x1F) == H264_SPS;
}

static bool h264_key_frame(const uint8_t *payload, size_t length)
{
	struct span_reader reader = span_reader(payload, length);
	uint8_t header = span_read_u8(&reader);
	if ((header & 0x1F) == H264_FU_A) {
		uint8_t fragment = span_read_u8(&reader);
		return fragment & 0x80 && h264_key_unit(fragment);
	}
	if ((header & 0x1F) != H264_STAP_A)
		return h264_key_unit(header);
	while (span_left(&reader) > 0) {
		const uint8_t *unit = span_take(&reader, span_read_u16(&reader));
		if (!unit || unit == reader.at)
			return false;
		if (h264_key_unit(unit[0]))
			return true;
	}
	return false;
}

static size_t leb128_read(struct span_reader *reader)
{
	size_t value = 0;
	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t byte = span_read_u8(reader);
		value |= (size_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader->failed = true; // longer than any packet
	return 0;
}

// Aggregation header Z Y W W N - - -, then OBU elements, each but perhaps the last with its length.
static bool av1_key_frame(const uint8_t *payload, size_t length)
{
	enum { OBU_SEQUENCE_HEADER = 1 };
	struct span_reader reader = span_reader(payload, length);
	uint8_t aggregation = span_read_u8(&reader);
	if (aggregation & 0x80 || span_left(&reader) == 0) // begins with the rest of an OBU
		return false;
	if (aggregation & 0x08) // first of a coded video sequence
		return true;
	unsigned count = aggregation >> 4 & 3;
	for (unsigned i = 1; span_left(&reader) > 0; i++) {
		size_t bytes = count == i ? span_left(&reader) : leb128_read(&reader);
		const uint8_t *obu = span_take(&reader, bytes);
		if (!obu)
			return false;
		if (bytes > 0 && (obu[0] >> 3 & 0x0F) == OBU_SEQUENCE_HEADER)
			return true;
	}
	return false;
}

bool codec_key_frame(enum sluice_codec codec, const uint8_t *payload, size_t length)
{
	switch (codec) {
	case SLUICE_CODEC_VP8:
		return vp8_key_frame(payload, length);
	case SLUICE_CODEC_VP9:
		return vp9_key_frame(payload, length);
	case SLUICE_CODEC_H264:
		return h264_key_frame(payload, length);
	case SLUICE_CODEC_AV1:
		return av1_key_frame(payload, length);
	default:
		return true;
	}
}

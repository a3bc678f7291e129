// SPDX-License-Identifier: Apache-2.0
#include "rtp.h"

#include "span.h"

#include <errno.h>

enum {
	PROFILE_ONE_BYTE = 0xBEDE,
	PROFILE_TWO_BYTE = 0x1000, // low 4 bits are the application's
	ONE_BYTE_ID_MAX = 14,
	ONE_BYTE_LENGTH_MAX = 16,
};

static int parse_extension(
	struct span_reader *reader, const uint8_t *data, struct rtp_header *header)
{
	header->extension_profile = span_read_u16(reader);
	size_t length = 4 * (size_t)span_read_u16(reader);
	const uint8_t *elements = span_take(reader, length);
	if (!elements)
		return -EBADMSG;
	header->extension_offset = (uint16_t)(elements - data);
	header->extension_length = (uint16_t)length;
	return 0;
}

int rtp_parse(const uint8_t *data, size_t length, struct rtp_header *header)
{
	if (length < RTP_HEADER_BYTES || length > UINT16_MAX || data[0] >> 6 != 2)
		return -EBADMSG;
	struct rtp_header parsed = {
		.marker = data[1] >> 7,
		.payload_type = data[1] & 0x7F,
		.csrc_count = data[0] & 0x0F,
		.sequence = span_u16(data + 2),
		.timestamp = span_u32(data + 4),
		.ssrc = span_u32(data + 8),
	};
	struct span_reader reader = span_reader(data, length);
	span_take(&reader, RTP_HEADER_BYTES + 4 * (size_t)parsed.csrc_count);
	if (reader.failed)
		return -EBADMSG;
	if (data[0] & 0x10 && parse_extension(&reader, data, &parsed) < 0)
		return -EBADMSG;
	size_t left = span_left(&reader);
	if (data[0] & 0x20) {
		parsed.padding = data[length - 1];
		if (parsed.padding == 0 || parsed.padding > left)
			return -EBADMSG;
	}
	parsed.payload_offset = (uint16_t)(length - left);
	parsed.payload_length = (uint16_t)(left - parsed.padding);
	*header = parsed;
	return 0;
}

// Reads the id and length of an element; false at the end.
static bool element_begin(struct span_reader *reader, bool two_byte, uint8_t *id, uint8_t *length)
{
	do {
		if (span_left(reader) == 0)
			return false;
		*id = span_read_u8(reader);
	} while (*id == 0); // padding
	if (two_byte) {
		*length = span_read_u8(reader);
		return !reader->failed;
	}
	*length = (*id & 0x0F) + 1;
	*id >>= 4;
	return *id != 15; // RFC 8285, 4.2: stop
}

bool rtp_extension_next(const uint8_t *data, const struct rtp_header *header, size_t *cursor,
	struct rtp_extension *extension)
{
	bool two_byte = (header->extension_profile & 0xFFF0) == PROFILE_TWO_BYTE;
	if ((!two_byte && header->extension_profile != PROFILE_ONE_BYTE) ||
		*cursor >= header->extension_length)
		return false;
	const uint8_t *elements = data + header->extension_offset;
	struct span_reader reader =
		span_reader(elements + *cursor, header->extension_length - *cursor);
	uint8_t id, length;
	do {
		if (!element_begin(&reader, two_byte, &id, &length))
			return false;
		extension->value = span_take(&reader, length);
		if (!extension->value)
			return false;
	} while (id == 0); // one-byte form: id 0 with a length is to be skipped
	extension->id = id;
	extension->length = length;
	*cursor = (size_t)(reader.at - elements);
	return true;
}

bool rtp_extension_find(const uint8_t *data, const struct rtp_header *header, uint8_t id,
	struct rtp_extension *extension)
{
	struct rtp_extension found;
	for (size_t cursor = 0; id != 0 && rtp_extension_next(data, header, &cursor, &found);)
		if (found.id == id) {
			*extension = found;
			return true;
		}
	return false;
}

// The extensions of a packet that is being composed.
struct elements {
	unsigned used;
	bool two_byte;
	size_t bytes; // of ids, lengths and values in the two-byte form
	struct rtp_extension list[SLUICE_EXT_COUNT];
	uint8_t own[8]; // values of our own elements
};

static void elements_add(
	struct elements *elements, uint8_t id, const uint8_t *value, uint8_t length)
{
	if (id == 0)
		return;
	elements->list[elements->used++] =
		(struct rtp_extension){.id = id, .length = length, .value = value};
	elements->bytes += 2 + (size_t)length;
	if (id > ONE_BYTE_ID_MAX || length == 0 || length > ONE_BYTE_LENGTH_MAX)
		elements->two_byte = true;
}

static bool is_ours(unsigned kind)
{
	return kind == SLUICE_EXT_MID || kind == SLUICE_EXT_RID ||
	       kind == SLUICE_EXT_REPAIRED_RID || kind == SLUICE_EXT_ABS_SEND_TIME ||
	       kind == SLUICE_EXT_TRANSPORT_CC;
}

static unsigned kind_of(const uint8_t *in_id, uint8_t id)
{
	unsigned kind = 0;
	while (kind < SLUICE_EXT_COUNT && in_id[kind] != id)
		kind++;
	return kind;
}

bool rtp_extension_leaves(const uint8_t *in_id, uint8_t id)
{
	unsigned kind = kind_of(in_id, id);
	return kind != SLUICE_EXT_COUNT && !is_ours(kind);
}

static void elements_copy(struct elements *elements, const uint8_t *source,
	const struct rtp_header *header, const struct rtp_output *output)
{
	struct rtp_extension extension;
	uint32_t copied = 0; // a source that repeats an element must not overflow the list
	for (size_t cursor = 0; rtp_extension_next(source, header, &cursor, &extension);) {
		unsigned kind = kind_of(output->in_id, extension.id);
		if (kind == SLUICE_EXT_COUNT || is_ours(kind) || copied & 1U << kind)
			continue;
		copied |= 1U << kind;
		elements_add(elements, output->out_id[kind], extension.value, extension.length);
	}
}

static void elements_add_own(struct elements *elements, const struct rtp_output *output)
{
	if (output->mid && output->mid[0])
		elements_add(elements, output->out_id[SLUICE_EXT_MID], output->mid,
			(uint8_t)strnlen((const char *)output->mid, SLUICE_MID_MAX));
	if (output->has_abs_send_time) {
		span_put_u24(elements->own, output->abs_send_time);
		elements_add(elements, output->out_id[SLUICE_EXT_ABS_SEND_TIME], elements->own, 3);
	}
	if (output->has_transport_sequence) {
		span_put_u16(elements->own + 3, output->transport_sequence);
		elements_add(
			elements, output->out_id[SLUICE_EXT_TRANSPORT_CC], elements->own + 3, 2);
	}
}

static void elements_write(struct span_writer *writer, const struct elements *elements)
{
	if (elements->used == 0)
		return;
	size_t bytes = elements->bytes - (elements->two_byte ? 0 : elements->used);
	size_t words = (bytes + 3) / 4;
	span_write_u16(writer, elements->two_byte ? PROFILE_TWO_BYTE : PROFILE_ONE_BYTE);
	span_write_u16(writer, (uint16_t)words);
	for (unsigned i = 0; i < elements->used; i++) {
		const struct rtp_extension *extension = &elements->list[i];
		if (elements->two_byte) {
			span_write_u8(writer, extension->id);
			span_write_u8(writer, extension->length);
		} else {
			span_write_u8(
				writer, (uint8_t)(extension->id << 4 | (extension->length - 1)));
		}
		span_write_bytes(writer, extension->value, extension->length);
	}
	span_write_bytes(writer, "\0\0\0", 4 * words - bytes);
}

size_t rtp_write_header(const uint8_t *source, const struct rtp_header *header,
	const struct rtp_output *output, uint8_t *out, size_t room)
{
	struct elements elements; // most of the list is never used
	elements.used = 0;
	elements.two_byte = false;
	elements.bytes = 0;
	elements_copy(&elements, source, header, output);
	elements_add_own(&elements, output);

	struct span_writer writer = span_writer(out, room);
	span_write_u8(&writer, 0x80 | (elements.used ? 0x10 : 0) | header->csrc_count);
	span_write_u8(
		&writer, (uint8_t)((header->marker ? 0x80 : 0) | (output->payload_type & 0x7F)));
	span_write_u16(&writer, output->sequence);
	span_write_u32(&writer, output->timestamp);
	span_write_u32(&writer, output->ssrc);
	span_write_bytes(&writer, source + RTP_HEADER_BYTES, 4 * (size_t)header->csrc_count);
	elements_write(&writer, &elements);
	return writer.failed ? 0 : span_written(&writer);
}

bool rtp_rtx_original(const uint8_t *payload, size_t length, uint16_t *sequence)
{
	if (length < RTP_OSN_BYTES)
		return false;
	*sequence = span_u16(payload);
	return true;
}

size_t rtp_unwrap_rtx(uint8_t *data, struct rtp_header *header, uint32_t ssrc, uint8_t payload_type)
{
	uint16_t sequence;
	if (!rtp_rtx_original(data + header->payload_offset, header->payload_length, &sequence))
		return 0;
	memmove(data + RTP_OSN_BYTES, data, header->payload_offset);
	data += RTP_OSN_BYTES;
	data[1] = (uint8_t)((header->marker ? 0x80 : 0) | (payload_type & 0x7F));
	span_put_u16(data + 2, sequence);
	span_put_u32(data + 8, ssrc);
	header->payload_type = payload_type & 0x7F;
	header->sequence = sequence;
	header->ssrc = ssrc;
	header->payload_length -= RTP_OSN_BYTES;
	return RTP_OSN_BYTES;
}

// SPDX-License-Identifier: Apache-2.0
// A whole packet for a subscriber, as pipeline/send.c puts it together out of header and payload.
#pragma once

#include "media/rtp.h"
#include "media/span.h"

// rtp_write_header, the original sequence number when is_rtx, and the payload without its padding.
// Returns the length, 0 when `room` is too small; *payload_offset is where the payload begins.
static inline size_t rtp_write(const uint8_t *source, const struct rtp_header *header,
	const struct rtp_output *output, uint8_t *out, size_t room, uint16_t *payload_offset)
{
	size_t length = rtp_write_header(source, header, output, out, room);
	if (length == 0)
		return 0;
	struct span_writer writer = span_writer(out + length, room - length);
	if (output->is_rtx)
		span_write_u16(&writer, output->original_sequence);
	size_t offset = length + span_written(&writer);
	span_write_bytes(&writer, source + header->payload_offset, header->payload_length);
	if (writer.failed)
		return 0;
	*payload_offset = (uint16_t)offset;
	return length + span_written(&writer);
}

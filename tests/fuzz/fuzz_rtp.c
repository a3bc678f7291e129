// SPDX-License-Identifier: Apache-2.0
// RTP from a publisher: parse, walk, compose for a subscriber, wrap and unwrap RTX, look into payloads.
#include "media/codec.h"
#include "media/level.h"
#include "media/rtp.h"
#include "unit/media/whole.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 4096, IDS = 2 * SLUICE_EXT_ROOM };

static void look_into(const uint8_t *packet, const struct rtp_header *header)
{
	const uint8_t *payload = packet + header->payload_offset;
	for (unsigned codec = SLUICE_CODEC_OTHER; codec <= SLUICE_CODEC_AV1; codec++)
		codec_key_frame((enum sluice_codec)codec, payload, header->payload_length);
	struct rtp_extension extension;
	struct level level = {0};
	if (rtp_extension_find(packet, header, 1, &extension) && extension.length > 0)
		level_update(&level, extension.value[0], 1);
}

static void compose(const uint8_t *ids, const uint8_t *packet, const struct rtp_header *header)
{
	static const uint8_t mid[SLUICE_MID_MAX] = "0123456789abcdef";
	static uint8_t out[ROOM];
	struct rtp_output output = {
		.ssrc = 1,
		.is_rtx = ids[0] & 1,
		.in_id = ids,
		.out_id = ids + SLUICE_EXT_ROOM,
		.mid = mid,
		.has_abs_send_time = true,
		.has_transport_sequence = true,
	};
	uint16_t payload_offset;
	size_t length = rtp_write(packet, header, &output, out, sizeof(out), &payload_offset);
	if (length == 0)
		return;
	struct rtp_header written;
	if (rtp_parse(out, length, &written) != 0)
		abort(); // what we compose is well formed
	struct vp8_descriptor vp8;
	if (vp8_parse(out + payload_offset, length - payload_offset, &vp8))
		vp8_shift(out + payload_offset, &vp8, 300, 7);
	size_t cut = output.is_rtx ? rtp_unwrap_rtx(out, &written, 2, 3) : 0;
	if (cut && rtp_parse(out + cut, length - cut, &written) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < IDS)
		return 0;
	const uint8_t *packet = data + IDS;
	struct rtp_header header;
	if (rtp_parse(packet, size - IDS, &header) != 0)
		return 0;
	look_into(packet, &header);
	compose(data, packet, &header);
	return 0;
}

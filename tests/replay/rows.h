// SPDX-License-Identifier: Apache-2.0
// Rows that scenes and crowds have in common.
#pragma once

#include <sluice/row.h>
#include <sluice/shm.h>

// One VP8 video with retransmission, which comes by the transport of that number.
static inline struct sluice_publication scene_publication(uint32_t transport)
{
	struct sluice_publication row = {
		.row.generation = 7,
		.transport = {transport, 1 + transport},
		.kind = SLUICE_VIDEO,
		.codecs_used = 1,
		.encodings_used = 1,
		.mid = "1",
		.codecs = {{.codec = SLUICE_CODEC_VP8,
			.payload_type = 96,
			.rtx_payload_type = 97,
			.clock_rate = 90000}},
		.source_epoch = 1,
	};
	row.extension_id[SLUICE_EXT_MID] = 3;
	row.extension_id[SLUICE_EXT_TRANSPORT_CC] = 5;
	return row;
}

// SPDX-License-Identifier: Apache-2.0
// Rows of a large room: one publisher, thousands of receivers that share a few keys.
#pragma once

#include "peer.h"
#include "rows.h"

enum {
	CROWD_MAX = 10000,
	CROWD_KEYS = 8,
	CROWD_PACKETS = 64, // of the stream that are told apart
	CROWD_PORT = 40000,
	CROWD_PT = 100,
	CROWD_RTX_PT = 101,
	CROWD_EXTRA_PT = 102, // of publication p, sent: this and p
	CROWD_EXTRA_IN_PT = 110, // as the publisher sends it
};

static inline uint32_t crowd_ssrc(unsigned r)
{
	return 0x80000000 + 2 * r;
}

static inline struct sluice_path crowd_path(unsigned r)
{
	struct sluice_path path = {.remote_mac = {2, 1, 0, 0, (uint8_t)(r >> 8), (uint8_t)r}};
	peer_address(&path.remote, false, (uint8_t)r, CROWD_PORT);
	path.remote.ip[13] = 1;
	path.remote.ip[14] = (uint8_t)(r >> 8);
	peer_address(&path.local, false, 254, WORLD_MEDIA_PORT);
	return path;
}

static inline enum sluice_srtp_profile crowd_profile(unsigned r)
{
	static const enum sluice_srtp_profile profiles[CROWD_KEYS] = {SLUICE_SRTP_AEAD_AES_128_GCM,
		SLUICE_SRTP_AES128_CM_SHA1_80, SLUICE_SRTP_AEAD_AES_256_GCM};
	enum sluice_srtp_profile profile = profiles[r % CROWD_KEYS];
	return profile ? profile : profiles[0]; // as browsers choose
}

static inline struct sluice_transport crowd_transport(unsigned workers, unsigned r)
{
	struct sluice_transport row = {
		.row.generation = 1,
		.worker = (uint16_t)(r % workers),
		.flags = SLUICE_TRANSPORT_HAS_KEYS,
		.key_epoch = 1,
		.srtp_profile = crowd_profile(r),
		.rtcp_ssrc_base = 0x100000 + 16 * r,
		.paths_used = 1,
		.paths = {crowd_path(r)},
	};
	peer_key(&row.receive_key, 100 + r % CROWD_KEYS, 1);
	peer_key(&row.send_key, 100 + r % CROWD_KEYS, 2);
	return row;
}

static inline struct sluice_subscription crowd_subscription(unsigned r)
{
	struct sluice_subscription row = {
		.row.generation = 1,
		.publication = {0, 7},
		.transport = {1 + r, 1},
		.ssrc = crowd_ssrc(r),
		.rtx_ssrc = crowd_ssrc(r) + 1,
		.active = 1,
		.payload_type = {CROWD_PT},
		.rtx_payload_type = {CROWD_RTX_PT},
		.nack = 1,
		.mid = "0",
	};
	row.extension_id[SLUICE_EXT_MID] = 1;
	row.extension_id[SLUICE_EXT_ABS_SEND_TIME] = 2;
	row.extension_id[SLUICE_EXT_TRANSPORT_CC] = 3;
	return row;
}

// The publisher's publication `p`, from 1 on, and who subscribes to it.
static inline struct sluice_publication crowd_more_publication(unsigned p, enum sluice_kind kind)
{
	bool video = kind == SLUICE_VIDEO;
	struct sluice_publication row = scene_publication(0);
	row.kind = (uint8_t)kind;
	row.mid[0] = (uint8_t)('1' + p);
	row.codecs[0] =
		(struct sluice_codec_in){.codec = video ? SLUICE_CODEC_VP8 : SLUICE_CODEC_OPUS,
			.payload_type = (uint8_t)(CROWD_EXTRA_IN_PT + p),
			.clock_rate = video ? 90000 : 48000};
	return row;
}

static inline struct sluice_subscription crowd_more_subscription(unsigned p, unsigned r)
{
	struct sluice_subscription row = crowd_subscription(r);
	row.publication.index = p;
	row.ssrc += p << 20;
	row.rtx_ssrc = 0;
	row.nack = 0;
	row.payload_type[0] = (uint8_t)(CROWD_EXTRA_PT + p);
	row.rtx_payload_type[0] = 0;
	return row;
}

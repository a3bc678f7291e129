// SPDX-License-Identifier: Apache-2.0
// One publisher and thousands of receivers: what each got is opened, counted and thrown away at once.
// Receivers share a few keys, so that a test opens few sessions; the data plane opens one for each.
#pragma once

#include "inbox.h"

enum {
	CROWD_MAX = 10000,
	CROWD_KEYS = 8,
	CROWD_PACKETS = 64, // of the stream that are told apart
	CROWD_PORT = 40000,
	CROWD_PT = 100,
	CROWD_RTX_PT = 101,
};

struct crowd_receiver {
	uint64_t seen; // bit i: packet i of the stream was there
	uint32_t packets, again; // again: of those that were there before
	uint32_t resent, reports;
	uint16_t first; // sequence number of the first packet
	uint8_t queues; // bit w: worker w has sent to it
};

struct crowd {
	struct world world;
	struct peer publisher;
	struct stream video;
	struct sluice_publication publication;
	unsigned receivers;
	unsigned astray; // queues by which packets of receivers miss their worker
	struct srtp_session *in[CROWD_KEYS], *out[CROWD_KEYS];
	struct crowd_receiver *got;
	uint64_t strangers, refused; // frames to nobody; frames that cannot be opened
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

static inline struct sluice_transport crowd_transport(const struct crowd *crowd, unsigned r)
{
	struct sluice_transport row = {
		.row.generation = 1,
		.worker = (uint16_t)(r % crowd->world.workers),
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

// ---- what is sent to it ---------------------------------------------------------------------------

static inline void crowd_take_rtp(
	struct crowd *crowd, struct crowd_receiver *to, const uint8_t *data, uint32_t length)
{
	struct rtp_header header;
	world_check(rtp_parse(data, length, &header) == 0, "what was sent is no RTP");
	if (header.payload_type == CROWD_RTX_PT) {
		to->resent++;
		return;
	}
	uint64_t bit = UINT64_C(1) << span_u32(data + length - 4) % CROWD_PACKETS;
	unsigned r = (unsigned)(to - crowd->got);
	world_check(header.ssrc == crowd_ssrc(r) && header.payload_type == CROWD_PT,
		"a receiver got what is another's");
	if (to->packets++ == 0)
		to->first = header.sequence;
	to->again += (to->seen & bit) != 0;
	to->seen |= bit;
}

static inline void crowd_see(void *context, unsigned queue, const uint8_t *frame, size_t length)
{
	struct crowd *crowd = context;
	uint8_t data[PEER_FRAME_MAX];
	uint16_t port;
	size_t size;
	uint64_t index;
	const uint8_t *payload = frame_read(frame, length, &port, &size);
	const uint8_t *address = frame + 14 + 16;
	unsigned r = address[2] << 8 | address[3];
	if (port == crowd->publisher.row.paths[0].remote.port) {
		peer_receive(&crowd->publisher, payload, size);
		return;
	}
	if (port != CROWD_PORT || address[1] != 1 || r >= crowd->receivers) {
		crowd->strangers++;
		return;
	}
	uint32_t bytes = (uint32_t)size;
	memcpy(data, payload, size);
	struct srtp_session *in = crowd->in[r % CROWD_KEYS];
	bool rtcp = data[1] >= 192 && data[1] <= 223;
	enum srtp_result result =
		rtcp ? srtp_open_rtcp(in, data, &bytes) : srtp_open(in, data, &bytes, &index);
	crowd->got[r].queues |= (uint8_t)(1U << queue);
	crowd->got[r].reports += rtcp;
	crowd->refused += result != SRTP_OK;
	if (result == SRTP_OK && !rtcp)
		crowd_take_rtp(crowd, &crowd->got[r], data, bytes);
}

// ---- life -----------------------------------------------------------------------------------------

static inline struct sluice_publication crowd_publication(void)
{
	struct sluice_publication row = {
		.row.generation = 7,
		.transport = {0, 1},
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

static inline void crowd_keys_open(struct crowd *crowd)
{
	for (unsigned k = 0; k < CROWD_KEYS; k++) {
		struct sluice_transport row = crowd_transport(crowd, k);
		crowd->out[k] = srtp_session_open(SRTP_OUT, row.srtp_profile, &row.receive_key);
		crowd->in[k] = srtp_session_open(SRTP_IN, row.srtp_profile, &row.send_key);
		world_check(crowd->out[k] && crowd->in[k], "no SRTP sessions");
	}
}

// The publisher belongs to worker 0; receivers are dealt out to all.
static inline void crowd_open(struct crowd *crowd, unsigned workers, unsigned receivers)
{
	*crowd = (struct crowd){.receivers = receivers};
	crowd->got = calloc(receivers, sizeof(*crowd->got));
	world_check(crowd->got, "no memory for receivers");
	world_open(&crowd->world, workers, false);
	crowd_keys_open(crowd);
	peer_open(&crowd->world, &crowd->publisher, 0, SLUICE_SRTP_AEAD_AES_128_GCM);
	crowd->publisher.row.transport_cc_extension_id = 5;
	world_set_transport(&crowd->world, 0, &crowd->publisher.row);
	crowd->publication = crowd_publication();
	world_set_publication(&crowd->world, 0, &crowd->publication);
	for (unsigned r = 0; r < receivers; r++) {
		const struct sluice_transport transport = crowd_transport(crowd, r);
		const struct sluice_subscription subscription = crowd_subscription(r);
		world_set_transport(&crowd->world, 1 + r, &transport);
		world_set_subscription(&crowd->world, r, &subscription);
		if (r % 64 == 63)
			world_settle(&crowd->world);
	}
	crowd->video = (struct stream){.ssrc = 0x1234,
		.timestamp = 5000,
		.step = 900,
		.index = 1000,
		.payload_type = 96,
		.mid_id = 3,
		.mid = '1',
		.twcc_id = 5,
		.vp8 = true,
		.picture = 100};
	world_settle(&crowd->world);
	plain_memory_see_tx(0, crowd_see, crowd);
}

static inline void crowd_close(struct crowd *crowd)
{
	for (unsigned k = 0; k < CROWD_KEYS; k++) {
		srtp_session_close(crowd->in[k]);
		srtp_session_close(crowd->out[k]);
	}
	peer_close(&crowd->publisher);
	world_close(&crowd->world);
	free(crowd->got);
}

// One packet, and 10 ms. `lost`: it never arrives.
static inline void crowd_send(struct crowd *crowd, bool key, bool lost)
{
	stream_send(&crowd->world, &crowd->publisher, &crowd->video, key, lost);
	world_pass(&crowd->world, 10);
}

// ---- what it sends --------------------------------------------------------------------------------

// RTCP of receiver `r`; the caller lets the workers run often enough that no port fills up.
static inline void crowd_feedback(struct crowd *crowd, unsigned r, const struct span_writer *writer)
{
	uint8_t data[PEER_FRAME_MAX], frame[PEER_FRAME_MAX];
	uint32_t length = (uint32_t)span_written(writer);
	memcpy(data, writer->begin, length);
	enum srtp_result result =
		srtp_seal_rtcp(crowd->out[r % CROWD_KEYS], data, &length, sizeof(data));
	world_check(result == SRTP_OK, "a receiver cannot seal RTCP");
	const struct sluice_path path = crowd_path(r);
	size_t size = peer_frame(&path, data, length, frame);
	unsigned queue = (r + crowd->astray) % crowd->world.workers;
	world_check(plain_memory_push(0, queue, frame, size) == 0, "port is full");
}

// SPDX-License-Identifier: Apache-2.0
// One publisher and thousands of receivers: what each got is opened, counted and thrown away at once.
// Receivers share a few keys, so that a test opens few sessions; the data plane opens one for each.
#pragma once

#include "crowd_rows.h"
#include "inbox.h"

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
	// Called for each packet of media that receiver `r` got of publication `p`, its `count`th.
	void (*on_packet)(struct crowd *crowd, unsigned r, unsigned p, uint32_t count);
};

// ---- what is sent to it ---------------------------------------------------------------------------

static inline void crowd_take_rtp(
	struct crowd *crowd, struct crowd_receiver *to, const uint8_t *data, uint32_t length)
{
	struct rtp_header header;
	world_check(rtp_parse(data, length, &header) == 0, "what was sent is no RTP");
	uint32_t count = span_u32(data + length - 4);
	uint64_t bit = UINT64_C(1) << count % CROWD_PACKETS;
	unsigned r = (unsigned)(to - crowd->got);
	if (header.payload_type == CROWD_RTX_PT) {
		to->resent++;
		return;
	}
	unsigned p = header.payload_type == CROWD_PT ? 0 : header.payload_type - CROWD_EXTRA_PT;
	if (crowd->on_packet)
		crowd->on_packet(crowd, r, p, count);
	if (p > 0)
		return;
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

static inline void crowd_keys_open(struct crowd *crowd)
{
	for (unsigned k = 0; k < CROWD_KEYS; k++) {
		struct sluice_transport row = crowd_transport(crowd->world.workers, k);
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
	crowd->publication = scene_publication(0);
	world_set_publication(&crowd->world, 0, &crowd->publication);
	for (unsigned r = 0; r < receivers; r++) {
		const struct sluice_transport transport = crowd_transport(crowd->world.workers, r);
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

// One more publication of the same publisher, with subscriptions of its own: `p` from 1 on. Returns the
// publisher's stream of it.
static inline struct stream crowd_add(
	struct crowd *crowd, unsigned p, enum sluice_kind kind, unsigned receivers)
{
	bool video = kind == SLUICE_VIDEO;
	const struct sluice_publication row = crowd_more_publication(p, kind);
	world_set_publication(&crowd->world, p, &row);
	for (unsigned r = 0; r < receivers; r++) {
		const struct sluice_subscription more = crowd_more_subscription(p, r);
		world_set_subscription(&crowd->world, p * CROWD_MAX + r, &more);
		if (r % 64 == 63)
			world_settle(&crowd->world);
	}
	world_settle(&crowd->world);
	return (struct stream){.ssrc = 0x2000 + p,
		.step = video ? 900 : 480,
		.index = 1000,
		.payload_type = (uint8_t)(CROWD_EXTRA_IN_PT + p),
		.mid_id = 3,
		.mid = (char)('1' + p),
		.vp8 = video};
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

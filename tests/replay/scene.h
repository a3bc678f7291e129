// SPDX-License-Identifier: Apache-2.0
// A small scene on a world: one publisher with one VP8 video, and as many viewers as are wanted, each with
// its own profile, payload type, extension ids and mid.
#pragma once

#include "inbox.h"
#include "rows.h"

enum { SCENE_VIEWERS = 100 };

struct scene {
	struct world world;
	struct peer publisher, viewers[SCENE_VIEWERS];
	unsigned viewers_used;
	struct peer *peers[1 + SCENE_VIEWERS];
	struct stream video;
	struct sluice_publication publication;
	struct sluice_subscription subscriptions[SCENE_VIEWERS];
};

static inline uint32_t scene_ssrc(unsigned viewer)
{
	return 0x80000100 + viewer;
}

static inline uint32_t scene_rtx_ssrc(unsigned viewer)
{
	return 0x80000200 + viewer;
}

static inline struct sluice_subscription scene_subscription(unsigned viewer)
{
	struct sluice_subscription row = {
		.row.generation = 20 + viewer,
		.publication = {0, 7},
		.transport = {1 + viewer, 2 + viewer},
		.ssrc = scene_ssrc(viewer),
		.rtx_ssrc = scene_rtx_ssrc(viewer),
		.active = 1,
		.payload_type = {(uint8_t)(100 + viewer % 10)},
		.rtx_payload_type = {(uint8_t)(110 + viewer % 10)},
		.nack = 1,
		.mid = {(uint8_t)('a' + viewer)},
	};
	row.extension_id[SLUICE_EXT_MID] = (uint8_t)(1 + viewer % 14);
	return row;
}

static inline enum sluice_srtp_profile scene_profile(unsigned i)
{
	static const enum sluice_srtp_profile profiles[] = {SLUICE_SRTP_AEAD_AES_128_GCM,
		SLUICE_SRTP_AES128_CM_SHA1_80, SLUICE_SRTP_AEAD_AES_256_GCM};
	return profiles[i % 3];
}

static inline void scene_open_steered(
	struct scene *scene, unsigned workers, bool wrong_steering, unsigned viewers)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world, workers, wrong_steering);
	peer_open(&scene->world, &scene->publisher, 0, scene_profile(0));
	scene->publisher.row.transport_cc_extension_id = 5;
	world_set_transport(&scene->world, 0, &scene->publisher.row);
	scene->peers[0] = &scene->publisher;
	scene->publication = scene_publication(0);
	world_set_publication(&scene->world, 0, &scene->publication);
	for (unsigned v = 0; v < viewers; v++) {
		struct peer *viewer = &scene->viewers[v];
		viewer->ipv6 = v % 2 == 1;
		peer_open(&scene->world, viewer, 1 + v, scene_profile(1 + v));
		scene->peers[1 + v] = viewer;
		scene->subscriptions[v] = scene_subscription(v);
		world_set_subscription(&scene->world, v, &scene->subscriptions[v]);
	}
	scene->viewers_used = viewers;
	scene->video = (struct stream){
		.ssrc = 0x1234,
		.timestamp = 5000,
		.step = 900, // 10 ms
		.index = 1000,
		.payload_type = 96,
		.mid_id = 3,
		.mid = '1',
		.twcc_id = 5,
		.vp8 = true,
		.picture = 100,
	};
	world_settle(&scene->world);
}

static inline void scene_open(struct scene *scene, unsigned workers, unsigned viewers)
{
	scene_open_steered(scene, workers, false, viewers);
}

static inline void scene_collect(struct scene *scene)
{
	world_check(world_collect(scene->peers, 1 + scene->viewers_used) == 0,
		"a frame goes to a stranger");
}

static inline void scene_close(struct scene *scene)
{
	scene_collect(scene);
	for (unsigned i = 0; i <= scene->viewers_used; i++)
		peer_close(scene->peers[i]);
	world_close(&scene->world);
}

// One packet, and 10 ms.
static inline void scene_send(struct scene *scene, bool key)
{
	stream_send(&scene->world, &scene->publisher, &scene->video, key, false);
	world_pass(&scene->world, 10);
	scene_collect(scene);
}

static inline void scene_send_many(struct scene *scene, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		scene_send(scene, false);
}

// RTCP of viewer `v` that was written to `writer`.
static inline void scene_feedback(struct scene *scene, unsigned v, const struct span_writer *writer)
{
	peer_send_rtcp(&scene->world, &scene->viewers[v], writer->begin, span_written(writer));
	world_settle(&scene->world);
	scene_collect(scene);
}

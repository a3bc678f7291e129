// SPDX-License-Identifier: Apache-2.0
// What drives each reason to drop a packet: on a fresh scene of two workers and one viewer, which is worker
// 1's, after a key frame and three packets.
#pragma once

#include "drives_in.h"

// ---- of a subscriber ------------------------------------------------------------------------------

static void drive_no_mapping(void)
{
	scene.subscriptions[0].payload_type[0] = 0;
	viewer_set();
	send(false);
}

static void drive_muted(void)
{
	scene.subscriptions[0].paused = 1;
	viewer_set();
	send(false);
}

static void drive_no_path(void)
{
	struct sluice_transport row = scene.viewers[0].row;
	row.paths_used = 0;
	world_set_transport(&scene.world, 1, &row);
	world_settle(&scene.world);
	send(false);
}

static void drive_want_key(void)
{
	drive_muted();
	scene.subscriptions[0].paused = 0;
	viewer_set();
	send(false);
}

// Two streams of one session under one SSRC: the second would repeat what the first used.
static void drive_seal_failed(void)
{
	scene.subscriptions[1] = scene.subscriptions[0];
	scene.subscriptions[1].row.generation++;
	world_set_subscription(&scene.world, 60, &scene.subscriptions[1]);
	world_settle(&scene.world);
	struct table *table = &viewer_worker()->table;
	table->subscriptions[60].rewrite.next = table->subscriptions[0].rewrite.next;
	send(true);
}

static void drive_index_exhausted(void)
{
	struct rewrite *rewrite = &viewer_worker()->table.subscriptions[0].rewrite;
	rewrite->next = SEQ_INDEX_MAX + 1;
	rewrite_break(rewrite);
	send(true);
}

static void drive_no_buffer(void)
{
	static struct pkt *all[PLAIN_MEMORY_PACKETS];
	unsigned w = scene.viewers[0].row.worker;
	unsigned n = pkt_get(w, all, PLAIN_MEMORY_PACKETS);
	send(false);
	world_settle(&scene.world);
	pkt_put(all, n);
}

static void drive_tx_full(void)
{
	plain_memory_set_tx_room(0, 0);
	send(false);
	world_settle(&scene.world);
	plain_memory_set_tx_room(0, UINT32_MAX);
}

static void drive_overload(void)
{
	for (unsigned w = 0; w < scene.world.workers; w++)
		scene.world.worker[w]->table.publications[0].held_ns = UINT64_MAX;
	send(false);
}

static void drive_address_conflict(void)
{
	static const uint8_t arp[] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 192, 0, 2, 5};
	struct worker *worker = scene.world.worker[0];
	struct host *host = &worker->setup.hosts[0];
	memset(host, 0, sizeof(*host));
	host->addresses_used = 1;
	memcpy(host->addresses[0], "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\0\2\5", 16);
	worker->host_states[0].defended_ns = scene.world.now_ns; // nothing is said
	memset(frame, 0xFF, 6);
	memcpy(frame + 6, arp + 8, 6);
	span_put_u16(frame + 12, 0x0806);
	memcpy(frame + 14, arp, sizeof(arp));
	push(60);
}

static inline void drive(enum sluice_drop why)
{
	switch (why) {
#define X(name, help)            \
	case SLUICE_DROP_##name: \
		drive_##name();  \
		break;
		SLUICE_DROPS(X)
#undef X
	case SLUICE_DROP_COUNT:
		break;
	}
}

// A fresh scene in which one reason is about to happen.
static inline void drives_scene(void)
{
	scene_open(&scene, 2, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 3);
}

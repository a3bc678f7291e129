// SPDX-License-Identifier: Apache-2.0
// A table of its own, without a worker around it.
#pragma once

#include "pipeline/nouns.h"
#include "pipeline/report.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// A table of worker 0 of `workers`, on shared files of its own.
static struct table table;
static struct world world;

static inline void table_open(unsigned workers)
{
	world = (struct world){.workers = workers, .now_ns = 1000 * MS};
	srtp_library_init();
	plain_memory_create(1, workers);
	world.desired = world_map(sizeof(*world.desired));
	world.observed = world_map(sizeof(*world.observed));
	atomic_store(&world.observed->head.incarnation, 5);
	table = (struct table){.workers = workers,
		.ports = 1,
		.seed = 3,
		.cache_slots = 64,
		.observed = world.observed};
	assert_int_equal(table_create(&table), 0);
	table_attach(&table, world.desired);
}

static inline void table_close(void)
{
	table_destroy(&table);
	assert_int_equal(plain_balance().got, plain_balance().put);
	plain_memory_destroy();
	srtp_library_exit();
	munmap(world.desired, sizeof(*world.desired));
	munmap(world.observed, sizeof(*world.observed));
}

static inline struct sluice_transport transport_row(uint32_t index)
{
	struct sluice_path path = {.remote_mac = {2}};
	peer_address(&path.remote, false, (uint8_t)index, 4000);
	peer_address(&path.local, false, 254, WORLD_MEDIA_PORT);
	struct sluice_transport row = {
		.row.generation = 1 + index,
		.worker = (uint16_t)(index % world.workers),
		.srtp_profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.flags = SLUICE_TRANSPORT_HAS_KEYS,
		.rtcp_ssrc_base = 100,
		.paths_used = 1,
		.paths = {path},
		.key_epoch = 1,
	};
	return row;
}

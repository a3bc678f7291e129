// SPDX-License-Identifier: Apache-2.0
// A whole data plane in memory for tests: workers on the plain back end, both shared files, a clock that
// stands until it is moved. Peers that talk to it are in peer.h.
#pragma once

#include "io/plain.h"
#include "media/srtp.h"
#include "pipeline/mesh.h"
#include "pipeline/worker.h"

#include <sluice/msg.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	WORLD_MEDIA_PORT = 7882,
	WORLD_FEED_PORT = 7900, // the first of feeds.ports
	WORLD_FEED_PORTS = 4,
	WORLD_CACHE = 256,
	WORLD_TURNS_MAX = 1000, // of the loop without the clock moving
};

#define MS UINT64_C(1000000)

struct world {
	unsigned workers;
	bool wrong_steering;
	uint32_t cache_packets; // of each publication
	struct host host; // what the port answers for
	uint64_t now_ns;
	struct sluice_desired *desired;
	struct sluice_observed *observed;
	struct mesh *mesh;
	struct worker *worker[SLUICE_WORKERS_MAX];
};

static inline void world_check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "world: %s\n", what);
	abort();
}

static inline void *world_map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	world_check(memory != MAP_FAILED, "no memory for a shared file");
	return memory;
}

// A data plane starts: with what its predecessor left in `observed`.
static inline void world_start(struct world *world)
{
	memset(world->observed->workers, 0, sizeof(world->observed->workers));
	atomic_fetch_add(&world->observed->head.incarnation, 1);
	world->mesh = mesh_create(world->workers);
	for (unsigned w = 0; w < world->workers; w++) {
		const struct worker_setup setup = {
			.number = w,
			.workers = world->workers,
			.cpu = -1,
			.media_port = WORLD_MEDIA_PORT,
			.feed_ports = {WORLD_FEED_PORT, WORLD_FEED_PORTS},
			.cache_packets = world->cache_packets,
			.wrong_steering = world->wrong_steering,
			.seed = 42,
			.hosts = {world->host},
			.mesh = world->mesh,
			.observed = world->observed,
		};
		world->worker[w] = worker_create(&setup);
		world_check(world->worker[w], "no worker");
		worker_attach(world->worker[w], world->desired);
	}
}

static inline void world_stop(struct world *world)
{
	for (unsigned w = 0; w < world->workers; w++)
		worker_destroy(world->worker[w]);
	mesh_destroy(world->mesh);
}

// `world`: what was not chosen is 0.
static inline void world_begin(struct world *world)
{
	unsigned workers = world->workers;
	world->now_ns = 1000 * MS;
	world_check(srtp_library_init() == 0, "no crypto library");
	world_check(plain_memory_create(1, workers) == 0, "no memory back end");
	plain_set_now_ns(world->now_ns);
	world->desired = world_map(sizeof(*world->desired));
	world->observed = world_map(sizeof(*world->observed));
	world_start(world);
}

// `wrong_steering`: every packet lands on another worker than its own.
static inline void world_open(struct world *world, unsigned workers, bool wrong_steering)
{
	*world = (struct world){
		.workers = workers, .wrong_steering = wrong_steering, .cache_packets = WORLD_CACHE};
	world_begin(world);
}

static inline void world_close(struct world *world)
{
	world_stop(world);
	struct plain_balance balance = plain_balance();
	world_check(balance.got == balance.put, "packets leaked");
	plain_memory_destroy();
	srtp_library_exit();
	munmap(world->desired, sizeof(*world->desired));
	munmap(world->observed, sizeof(*world->observed));
}

// Turns the loops of all workers until none finds anything; the clock stands still.
static inline void world_settle(struct world *world)
{
	unsigned handled = 1;
	for (unsigned turn = 0; handled > 0; turn++) {
		world_check(turn < WORLD_TURNS_MAX, "workers never come to rest");
		handled = 0;
		for (unsigned w = 0; w < world->workers; w++)
			handled += worker_step(world->worker[w], world->now_ns);
	}
}

// Moves the clock on, millisecond by millisecond.
static inline void world_pass(struct world *world, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		world->now_ns += MS;
		plain_set_now_ns(world->now_ns);
		world_settle(world);
	}
}

static inline uint64_t world_drops(const struct world *world, enum sluice_drop why)
{
	uint64_t drops = 0;
	for (unsigned w = 0; w < world->workers; w++)
		drops += world->observed->workers[w].drops[why];
	return drops;
}

// ---- rows, as control writes them -----------------------------------------------------------------

static inline void world_hint(struct world *world, enum sluice_table table, uint32_t index)
{
	const struct sluice_hint hint = {.table = table, .index = index};
	for (unsigned w = 0; w < world->workers; w++) {
		struct sluice_ring ring = sluice_ring_hints(world->desired, world->observed, w);
		sluice_ring_push(&ring, &hint, sizeof(hint));
	}
	_Atomic uint32_t *used = &world->desired->head.rows_used[table];
	if (atomic_load(used) <= index)
		atomic_store(used, index + 1);
}

// Everything of `row` but its head and its sequence.
static inline void world_write(struct sluice_row *to, const struct sluice_row *row, size_t size)
{
	const size_t head = sizeof(struct sluice_row);
	sluice_row_begin(to);
	to->generation = row->generation;
	memcpy((uint8_t *)to + head, (const uint8_t *)row + head, size - head);
	sluice_row_end(to);
}

static inline void world_set_transport(
	struct world *world, uint32_t index, const struct sluice_transport *row)
{
	world_write(&world->desired->transports[index].row, &row->row, sizeof(*row));
	world_hint(world, SLUICE_TABLE_TRANSPORT, index);
}

static inline void world_set_publication(
	struct world *world, uint32_t index, const struct sluice_publication *row)
{
	world_write(&world->desired->publications[index].row, &row->row, sizeof(*row));
	world_hint(world, SLUICE_TABLE_PUBLICATION, index);
}

static inline void world_set_subscription(
	struct world *world, uint32_t index, const struct sluice_subscription *row)
{
	world_write(&world->desired->subscriptions[index].row, &row->row, sizeof(*row));
	world_hint(world, SLUICE_TABLE_SUBSCRIPTION, index);
}

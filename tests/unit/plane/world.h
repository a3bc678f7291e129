// SPDX-License-Identifier: Apache-2.0
// A control and the files of a data plane in a directory of their own.
#pragma once

#include "core/core.h"
#include "plane/plane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char directory[64];
	struct plane *plane;
	struct core *core;
	struct sluice_observed *observed; // the data plane's side, played by the test
};

static char why[512];

static struct desc heard; // the last description that a dialect was told

static inline void world_event(void *, const struct core_event *event)
{
	if (event->desc)
		heard = *event->desc;
}

// Control starts: attaches and recovers. Returns the number of transports that live on.
static inline unsigned world_control(struct world *world, uint64_t now_ms)
{
	const struct core_limits limits = {.workers = 4};
	static const struct core_local local = {
		.fingerprint = {.algorithm = "sha-256", .length = 32}};
	const struct core_sink sink = {NULL, world_event};
	world->plane = plane_create(world->directory, false, why, sizeof(why));
	if (!world->plane)
		fail_msg("%s", why);
	struct core_plane callbacks = plane_callbacks(world->plane);
	world->core = core_create(&limits, &local, &callbacks, &sink);
	assert_non_null(world->core);
	return plane_recover(world->plane, world->core, now_ms);
}

// Control dies: nobody is told, the files stay.
static inline void world_control_dies(struct world *world)
{
	core_destroy(world->core);
	plane_destroy(world->plane);
	world->core = NULL;
	world->plane = NULL;
}

static inline void world_dataplane(struct world *world)
{
	world->observed = sluice_observed_create(world->directory, false, why, sizeof(why));
	if (!world->observed)
		fail_msg("%s", why);
	world->observed->head.workers_used = 2;
}

static inline void world_beat(struct world *world, uint64_t now_ms)
{
	atomic_store(&world->observed->head.ready, 1);
	atomic_store(&world->observed->head.beat_ns, now_ms * 1000000);
}

static inline int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	strcpy(world->directory, "/dev/shm/sluice-plane-XXXXXX");
	*state = world;
	return mkdtemp(world->directory) ? 0 : -1;
}

static inline int world_teardown(void **state)
{
	struct world *world = *state;
	char path[128];
	if (world->core)
		world_control_dies(world);
	sluice_observed_close(world->observed);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", world->directory,
			i ? SLUICE_OBSERVED_FILE : SLUICE_DESIRED_FILE);
		unlink(path);
	}
	int result = rmdir(world->directory);
	free(world);
	return result;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

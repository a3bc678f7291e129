// SPDX-License-Identifier: Apache-2.0
// Everything around a dialect, for tests: the real core with a plane that keeps nothing, a clock that
// stands still, tokens in plain text. Used by the talk runner, the unit tests and the fuzz target.
#pragma once

#include "host.h"

// xorshift: the same bytes in every run
static inline void world_random(void *context, void *bytes, size_t length)
{
	struct world *world = context;

	for (size_t i = 0; i < length; i++) {
		world->seed ^= world->seed << 13;
		world->seed ^= world->seed >> 7;
		world->seed ^= world->seed << 17;
		((uint8_t *)bytes)[i] = (uint8_t)(world->seed >> 24);
	}
}

static inline void world_event(void *context, const struct core_event *event)
{
	struct world *world = context;
	const struct dialect *dialect = NULL;

	while ((dialect = dialect_next(dialect)) != NULL)
		if (dialect->detached_event && dialect->detached_event(&world->host, event))
			return;
	if (event->link && world->dialect_of)
		world->dialect_of(event->link)->event(event->link, event);
	else if (event->link)
		world->dialect->event(event->link, event);
}

static inline void world_detached_tick(struct world *world)
{
	const struct dialect *dialect = NULL;

	while ((dialect = dialect_next(dialect)) != NULL)
		if (dialect->detached_tick)
			dialect->detached_tick(&world->host, world->now_ms);
}

// Returns false when memory is short.
static inline bool world_open(struct world *world, const struct dialect *dialect)
{
	const struct core_limits limits = {.rooms = 32,
		.participants = 64,
		.transports = 64,
		.publications = 64,
		.subscriptions = 256,
		.grace_ms = WORLD_GRACE_MS};
	const struct core_plane plane = {.context = world, .random = world_random};
	const struct core_sink sink = {world, world_event};
	const struct core_local local = {
		.fingerprint = {.algorithm = "sha-256", .length = 32, .value = {0x5a}},
		.candidates_used = 1,
		.candidates[0] = {.foundation = "1",
			.component = 1,
			.udp = true,
			.priority = 2130706431,
			.address = "192.0.2.1",
			.port = 3478,
			.type = "host"},
	};

	*world = (struct world){.dialect = dialect->detached_event ? dialect_find("sfu") : dialect,
		.mode = dialect->mode,
		.now_ms = 1000,
		.seed = 88172645463325252u,
		.limits = limits,
		.local = local};
	world->core = core_create(&limits, &local, &plane, &sink);
	world->host = (struct dialect_host){
		.core = world->core,
		.context = world,
		.verify = world_verify,
		.verify_for = world_verify_for,
		.auth = world_auth,
		.admit = world_admit,
		.mode = world_mode,
		.ice_servers = world_ice_servers,
		.sign = world_sign,
		.file = world_file,
		.now_ms = world_now,
		.log = world_log,
		.count = world_count,
		.fault = world_fault,
		.auth_ms = WORLD_AUTH_MS,
	};
	return world->core != NULL;
}

static inline void world_close(struct world *world)
{
	core_destroy(world->core);
}

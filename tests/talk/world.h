// SPDX-License-Identifier: Apache-2.0
// Everything around a dialect, for tests: the real core with a plane that keeps nothing, a clock that
// stands still, tokens in plain text. Used by the talk runner, the unit tests and the fuzz target.
#pragma once

#include "core/core.h"
#include "dialect/dialect.h"
#include "token.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORLD_GRACE_MS = 10000, WORLD_AUTH_MS = 10000 };

struct world {
	struct core *core;
	const struct dialect *dialect;
	// The dialect of a session where they are several; NULL = all speak `dialect`.
	const struct dialect *(*dialect_of)(const void *session);
	enum dialect_mode mode; // of every room
	struct dialect_host host;
	uint64_t now_ms;
	uint64_t seed;
	unsigned counted_in, counted_out, counted_other;
	bool verbose;
};

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

	if (event->link && world->dialect_of)
		world->dialect_of(event->link)->event(event->link, event);
	else if (event->link)
		world->dialect->event(event->link, event);
}

static inline enum dialect_mode world_mode(void *context, const struct peer_link *, const char *)
{
	return ((struct world *)context)->mode;
}

static inline unsigned world_ice_servers(
	void *, const char *identity, struct dialect_ice_server *servers, unsigned max)
{
	if (max < 2)
		return 0;
	servers[0] = (struct dialect_ice_server){.url = "stun:stun.example:3478"};
	servers[1] = (struct dialect_ice_server){.url = "turn:turn.example", .credential = "c"};
	snprintf(servers[1].username, sizeof(servers[1].username), "1:%s", identity);
	return 2;
}

// A file holds its own name.
static inline void world_file(void *, const char *path, struct http_reply *reply)
{
	reply->status = 200;
	reply->type = "text/plain";
	reply->body = strdup(path);
	reply->length = reply->body ? strlen(reply->body) : 0;
}

static inline uint64_t world_now(void *context)
{
	return ((struct world *)context)->now_ms;
}

__attribute__((format(printf, 3, 4))) static inline void world_log(
	void *context, char level, const char *format, ...)
{
	va_list arguments;

	if (!((struct world *)context)->verbose)
		return;
	fprintf(stderr, "%c ", level);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static inline void world_count(void *context, const char *, const char *direction, const char *type)
{
	struct world *world = context;

	if (!strcmp(direction, "in"))
		world->counted_in++;
	else
		world->counted_out++;
	if (!strcmp(type, "other"))
		world->counted_other++;
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
	struct core_local local = {
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

	*world = (struct world){.dialect = dialect,
		.mode = dialect->mode,
		.now_ms = 1000,
		.seed = 88172645463325252u};
	world->core = core_create(&limits, &local, &plane, &sink);
	world->host = (struct dialect_host){
		.core = world->core,
		.context = world,
		.verify = world_verify,
		.verify_for = world_verify_for,
		.mode = world_mode,
		.ice_servers = world_ice_servers,
		.file = world_file,
		.now_ms = world_now,
		.log = world_log,
		.count = world_count,
		.auth_ms = WORLD_AUTH_MS,
	};
	return world->core != NULL;
}

static inline void world_close(struct world *world)
{
	core_destroy(world->core);
}

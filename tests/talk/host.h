// SPDX-License-Identifier: Apache-2.0
// What a dialect needs of the process around it, for tests: tokens in plain text, a clock that stands still.
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
	struct core_limits limits;
	struct core_local local;
	const struct dialect *dialect;
	// The dialect of a session where they are several; NULL = all speak `dialect`.
	const struct dialect *(*dialect_of)(const void *session);
	enum dialect_mode mode; // of every room
	struct dialect_host host;
	uint64_t now_ms;
	uint64_t seed;
	unsigned counted_in, counted_out, counted_other;
	unsigned errors; // that clients were told of
	bool verbose;
	bool servers; // there are STUN and TURN servers
};

// The hook: rooms "denied…" admit nobody, "listen…" without publishing, "short…" for 5 s.
static inline enum dialect_answer world_admit(void *context,
	const struct dialect_question *question, struct dialect_grant *grant, char *why,
	size_t why_size)
{
	const char *room = question->room;

	if (!room)
		return DIALECT_ALLOWED;
	if (!strncmp(room, "denied", 6)) {
		snprintf(why, why_size, "not on the list");
		return DIALECT_DENIED;
	}
	grant->can_publish &= strncmp(room, "listen", 6) != 0;
	if (!strncmp(room, "short", 5))
		grant->until_ms = ((struct world *)context)->now_ms + 5000;
	return DIALECT_ALLOWED;
}

// No cryptography, but as long and as different.
static inline void world_sign(void *, const void *bytes, size_t length, uint8_t signature[32])
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
	for (unsigned i = 0; i < 32; i++) {
		hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
		signature[i] = (uint8_t)(hash >> 56);
	}
}

static inline unsigned world_ice_servers(
	void *context, const char *identity, struct dialect_ice_server *servers, unsigned max)
{
	if (!((struct world *)context)->servers || max < 2)
		return 0;
	servers[0] = (struct dialect_ice_server){.url = "stun:stun.example"};
	servers[1] = (struct dialect_ice_server){
		.url = "turn:turn.example?transport=udp", .credential = "hu\"sh"};
	snprintf(servers[1].username, sizeof(servers[1].username), "99:%s", identity);
	return 2;
}

static inline enum dialect_mode world_mode(void *context, const struct peer_link *, const char *)
{
	return ((struct world *)context)->mode;
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

static inline void world_fault(void *context, const char *, const char *)
{
	((struct world *)context)->errors++;
}

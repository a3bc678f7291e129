// SPDX-License-Identifier: Apache-2.0
// A socket of one client for unit tests of dialects: keeps the last thing said.
#pragma once

#include "talk/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct wire {
	struct peer_link link;
	void *session;
	unsigned texts, binaries, closes, code;
	size_t length; // of the last message
	char last[64 * 1024];
};

static inline void wire_text(void *context, const char *text, size_t length)
{
	struct wire *wire = context;

	wire->texts++;
	wire->length = length;
	snprintf(wire->last, sizeof(wire->last), "%.*s", (int)length, text);
}

static inline void wire_binary(void *context, const void *, size_t length)
{
	struct wire *wire = context;

	wire->binaries++;
	wire->length = length;
}

static inline void wire_close(void *context, unsigned code, const char *)
{
	struct wire *wire = context;

	wire->closes++;
	wire->code = code;
}

static inline void wire_open(struct world *world, struct wire *wire, const char *path)
{
	memset(wire, 0, sizeof(*wire));
	wire->link = (struct peer_link){
		.context = wire,
		.send_text = wire_text,
		.send_binary = wire_binary,
		.close = wire_close,
		.remote = "192.0.2.7",
		.path = path,
		.grant = {.can_publish = true, .can_subscribe = true},
	};
	wire->session = world->dialect->open(&world->host, &wire->link);
	assert_non_null(wire->session);
	core_dispatch(world->core);
}

static inline void wire_say(struct world *world, struct wire *wire, const char *text)
{
	world->dialect->text(wire->session, text, strlen(text));
	core_dispatch(world->core);
}

static inline void wire_end(struct world *world, struct wire *wire, bool clean)
{
	world->dialect->close(wire->session, clean);
	core_dispatch(world->core);
}

// Asks by HTTP; the caller frees reply->body.
static inline bool wire_ask(struct world *world, enum http_method method, const char *path,
	const char *origin, struct http_reply *reply)
{
	const struct http_request request = {.method = method, .path = path, .origin = origin};

	memset(reply, 0, sizeof(*reply));
	return world->dialect->request(&world->host, &request, reply);
}

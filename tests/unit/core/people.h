// SPDX-License-Identifier: Apache-2.0
// A core with everything around it in memory: rows as the plane would write them, a log of events,
// repeatable randomness.
#pragma once

#include "core/core.h"
#include "core/handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 64, EVENTS = 256, TEXT = 160 };

struct told {
	enum core_event_type type;
	void *link;
	struct core_participant_id to, who;
	struct core_transport_id transport;
	enum core_transport_state state;
	char identity[CORE_NAME_MAX], room[CORE_NAME_MAX], text[TEXT];
};

struct world {
	struct core *core;
	uint64_t seed;
	unsigned rows_told; // calls of the plane
	struct core_participant participants[ROWS];
	char rooms[ROWS][CORE_NAME_MAX];
	struct core_transport transports[ROWS];
	struct core_publication publications[ROWS];
	struct core_subscription subscriptions[ROWS];
	unsigned told_used;
	struct told told[EVENTS];
	void (*on_event)(struct world *world, const struct core_event *event);
};

#define WORLD_ROW(noun)                                                                          \
	static inline void world_##noun(void *context, const struct core_##noun *row, bool gone) \
	{                                                                                        \
		struct world *world = context;                                                   \
		assert_true(row->id.index < ROWS);                                               \
		assert_int_not_equal(row->id.generation, 0);                                     \
		world->rows_told++;                                                              \
		world->noun##s[row->id.index] = gone ? (struct core_##noun){0} : *row;           \
	}
WORLD_ROW(transport)
WORLD_ROW(publication)
WORLD_ROW(subscription)

static inline void world_participant(
	void *context, const struct core_participant *row, const char *room, bool gone)
{
	struct world *world = context;

	assert_true(row->id.index < ROWS);
	world->rows_told++;
	world->participants[row->id.index] = gone ? (struct core_participant){0} : *row;
	snprintf(world->rooms[row->id.index], CORE_NAME_MAX, "%s", gone ? "" : room);
}

static inline uint64_t world_draw(struct world *world)
{
	world->seed ^= world->seed << 13;
	world->seed ^= world->seed >> 7;
	world->seed ^= world->seed << 17;
	return world->seed;
}

static inline void world_random(void *context, void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(world_draw(context) >> 24);
}

static inline void world_event(void *context, const struct core_event *event)
{
	struct world *world = context;
	struct told *told = &world->told[world->told_used++];

	assert_true(world->told_used < EVENTS);
	*told = (struct told){event->type, event->link, event->to, event->who, event->transport,
		event->state, "", "", ""};
	snprintf(told->identity, sizeof(told->identity), "%s", event->identity);
	snprintf(told->room, sizeof(told->room), "%s", event->room);
	if (event->text)
		snprintf(told->text, TEXT, "%.*s", (int)event->text_length, event->text);
	if (world->on_event)
		world->on_event(world, event);
}

static inline struct core_limits world_limits(void)
{
	return (struct core_limits){.rooms = 16,
		.participants = ROWS,
		.participants_per_room = 32,
		.transports = ROWS,
		.publications = ROWS,
		.subscriptions = ROWS};
}

static inline void world_begin_with(struct world *world, const struct core_limits *limits)
{
	struct core_plane plane = {world, world_participant, world_transport, world_publication,
		world_subscription, world_random};
	struct core_sink sink = {world, world_event};
	struct core_local local = {.fingerprint = {"sha-256", 32, {0xaa, 0xbb}},
		.candidates_used = 1,
		.candidates = {{"1", 1, true, 2130706431, "192.0.2.1", 3478, "host"}}};

	memset(world, 0, sizeof(*world));
	world->seed = 0x9e3779b97f4a7c15;
	world->core = core_create(limits, &local, &plane, &sink);
	assert_non_null(world->core);
}

static inline void world_begin(struct world *world)
{
	struct core_limits limits = world_limits();

	world_begin_with(world, &limits);
}

static inline void world_end(struct world *world)
{
	core_destroy(world->core);
}

// ---- what was told since the last time

static inline unsigned world_told(struct world *world)
{
	world->told_used = 0;
	core_dispatch(world->core);
	return world->told_used;
}

static inline unsigned told_count(
	const struct world *world, enum core_event_type type, const void *link)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world->told_used; i++)
		count += world->told[i].type == type && (!link || world->told[i].link == link);
	return count;
}

#define WORLD_COUNT(world, table)                                        \
	({                                                               \
		unsigned count_ = 0;                                     \
		for (unsigned i_ = 0; i_ < ROWS; i_++)                   \
			count_ += (world)->table[i_].id.generation != 0; \
		count_;                                                  \
	})

// ---- people

static inline struct core_join world_join(const char *room, const char *identity, void *link)
{
	return (struct core_join){.room = room,
		.identity = identity,
		.name = identity,
		.dialect = "test",
		.link = link,
		.visible = true,
		.can_publish = true,
		.can_subscribe = true,
		.now_ms = 1000};
}

// Joins with the identity's own text as link.
static inline struct core_participant_id world_enter(
	struct world *world, const char *room, const char *identity)
{
	struct core_join join = world_join(room, identity, (void *)identity);
	struct core_participant_id id;
	bool resumed;

	assert_int_equal(core_join(world->core, &join, &id, &resumed), 0);
	return id;
}

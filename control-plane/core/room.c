// SPDX-License-Identifier: Apache-2.0
#include "room.h"

#include <stdio.h>
#include <string.h>

struct room *room_find(const struct core *core, const char *name)
{
	uint64_t value = hash_of(&core->room_names, name, strlen(name));
	uint32_t i = hash_first(&core->room_names, value);

	for (; i != SLOT_NONE; i = hash_next(&core->room_names, i)) {
		struct room *room = slots_from(&core->rooms, i);

		if (!strcmp(room->view.name, name))
			return room;
	}
	return NULL;
}

struct room *room_enter(struct core *core, const char *name, uint64_t now_ms)
{
	struct room *room = room_find(core, name);

	if (room)
		return room;
	room = slots_take(&core->rooms);
	if (!room)
		return NULL;
	TAILQ_INIT(&room->members);
	snprintf(room->view.name, sizeof(room->view.name), "%s", name);
	room->view.created_ms = now_ms;
	hash_add(&core->room_names, hash_of(&core->room_names, name, strlen(name)),
		room->view.id.index);
	return room;
}

void room_leave(struct core *core, struct room *room)
{
	const char *name = room->view.name;

	if (!TAILQ_EMPTY(&room->members))
		return;
	hash_remove(&core->room_names, hash_of(&core->room_names, name, strlen(name)),
		room->view.id.index);
	slots_give(&core->rooms, room);
}

static uint16_t worker_least(const struct core *core)
{
	uint16_t least = 0;

	for (uint16_t i = 1; i < core->limits.workers; i++)
		if (core->worker_load[i] < core->worker_load[least])
			least = i;
	return least;
}

uint16_t room_worker(struct core *core, struct room *room)
{
	if (room->view.participants > core->limits.participants_per_worker)
		return worker_least(core);
	if (!room->has_worker || room->worker >= core->limits.workers)
		room->worker = worker_least(core);
	room->has_worker = true;
	return room->worker;
}

// ---- looking

const struct core_room *core_room(const struct core *core, struct core_room_id id)
{
	return slots_get(&core->rooms, id.index, id.generation);
}

const struct core_room *core_room_by_name(const struct core *core, const char *name)
{
	struct room *room = room_find(core, name);

	return room ? &room->view : NULL;
}

const struct core_room *core_room_next(const struct core *core, const struct core_room *previous)
{
	return slots_next(&core->rooms, previous);
}

const struct core_participant *core_room_member_next(
	const struct core *core, struct core_room_id id, const struct core_participant *previous)
{
	const struct room *room = slots_get(&core->rooms, id.index, id.generation);
	const struct participant *member;

	if (!room)
		return NULL;
	member = previous ? TAILQ_NEXT((const struct participant *)previous, in_room)
			  : TAILQ_FIRST(&room->members);
	return member ? &member->view : NULL;
}

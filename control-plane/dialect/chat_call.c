// SPDX-License-Identifier: Apache-2.0
#include "chat_call.h"

#include "chat_people.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static struct chat_call calls[CHAT_CALLS_MAX];

static bool has_people(const struct core *core, const char *room)
{
	return core_room_by_name(core, room) != NULL;
}

static bool is_over(const struct core *core, const struct chat_call *call, uint64_t now_ms)
{
	return !has_people(core, call->room) && now_ms >= call->started_ms + CHAT_CALL_WAIT_MS;
}

struct chat_call *chat_call_find(const struct core *core, const char *room, uint64_t now_ms)
{
	for (unsigned i = 0; i < CHAT_CALLS_MAX; i++) {
		if (calls[i].core != core || strcmp(calls[i].room, room))
			continue;
		if (!is_over(core, &calls[i], now_ms))
			return &calls[i];
		calls[i].core = NULL;
	}
	return has_people(core, room) ? chat_call_start(core, room, "", now_ms) : NULL;
}

// A free one, else the oldest without people, else the oldest.
static struct chat_call *slot_find(const struct core *core)
{
	struct chat_call *found = NULL;
	bool found_people = true;

	for (unsigned i = 0; i < CHAT_CALLS_MAX; i++) {
		bool people = calls[i].core == core && has_people(core, calls[i].room);

		if (!calls[i].core)
			return &calls[i];
		if (found && (people > found_people ||
				     (people == found_people &&
					     calls[i].started_ms >= found->started_ms)))
			continue;
		found = &calls[i];
		found_people = people;
	}
	return found;
}

// A random GUID (RFC 9562, 5.4).
static void id_make(char *id, size_t size)
{
	uint8_t bytes[16] = {0};
	size_t used = 0;

	if (getrandom(bytes, sizeof(bytes), 0) < 0)
		snprintf((char *)bytes, sizeof(bytes), "%zx", (size_t)chat_unix_ms());
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		used += (size_t)snprintf(id + used, size - used, "%s%02x",
			i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
}

struct chat_call *chat_call_start(
	const struct core *core, const char *room, const char *starter, uint64_t now_ms)
{
	struct chat_call *call = slot_find(core);

	*call = (struct chat_call){
		.core = core, .started_ms = now_ms, .started_unix_ms = chat_unix_ms()};
	snprintf(call->room, sizeof(call->room), "%s", room);
	snprintf(call->starter, sizeof(call->starter), "%s", starter);
	id_make(call->id, sizeof(call->id));
	return call;
}

void chat_call_end(struct core *core, struct chat_call *call)
{
	const struct core_room *room = core_room_by_name(core, call->room);

	call->core = NULL;
	while (room) { // the last one takes the room along
		const struct core_participant *one = core_room_member_next(core, room->id, NULL);

		if (!one || core_kick(core, one->id, "the call has ended"))
			break;
		room = core_room_by_name(core, call->room);
	}
}

json_t *chat_call_json(const struct chat_call *call)
{
	char started[CHAT_TIME_MAX];

	chat_time(call->started_unix_ms, started);
	return json_pack("{s:s,s:n,s:o,s:s,s:s,s:s,s:s}", "id", call->id, "ended_at", "sender_id",
		*call->starter ? json_string(call->starter) : json_null(), "room_id", call->room,
		"provider_name", "Built-in WebRTC Signaling", "created_at", started, "updated_at",
		started);
}

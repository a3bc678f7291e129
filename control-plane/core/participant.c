// SPDX-License-Identifier: Apache-2.0
#include "participant.h"

#include "event.h"
#include "name.h"
#include "pair.h"
#include "publication.h"
#include "room.h"
#include "transport.h"

#include <stdio.h>
#include <string.h>

static uint64_t identity_hash(
	const struct core *core, const struct room *room, const char *identity)
{
	uint8_t key[sizeof(uint32_t) + CORE_NAME_MAX];
	size_t length = strnlen(identity, CORE_NAME_MAX);

	memcpy(key, &room->view.id.index, sizeof(uint32_t));
	memcpy(key + sizeof(uint32_t), identity, length);
	return hash_of(&core->identities, key, sizeof(uint32_t) + length);
}

static uint64_t person_hash(const struct core *core, const char *dialect, const char *identity)
{
	uint8_t key[DIALECT_NAME_MAX + CORE_NAME_MAX] = {0};
	size_t length = strnlen(identity, CORE_NAME_MAX);

	memcpy(key, dialect, strnlen(dialect, DIALECT_NAME_MAX));
	memcpy(key + DIALECT_NAME_MAX, identity, length);
	return hash_of(&core->persons, key, DIALECT_NAME_MAX + length);
}

struct participant *participant_get(const struct core *core, struct core_participant_id id)
{
	return slots_get(&core->participants, id.index, id.generation);
}

struct participant *participant_find(
	const struct core *core, const struct room *room, const char *identity)
{
	uint32_t i = hash_first(&core->identities, identity_hash(core, room, identity));

	for (; i != SLOT_NONE; i = hash_next(&core->identities, i)) {
		struct participant *participant = slots_from(&core->participants, i);

		if (participant->room == room && !strcmp(participant->view.identity, identity))
			return participant;
	}
	return NULL;
}

void participant_tell(struct core *core, const struct participant *participant, bool gone)
{
	if (core->plane.participant)
		core->plane.participant(core->plane.context, &participant->view,
			participant->room->view.name, gone);
}

bool participant_may_send(const struct core_participant *participant, enum desc_kind kind)
{
	return (participant->can_publish || kind == DESC_APPLICATION) &&
	       !(participant->withheld & 1u << kind);
}

const char *participant_dialect(struct core *core, const char *name)
{
	if (!name || strlen(name) >= DIALECT_NAME_MAX)
		return NULL;
	for (unsigned i = 0; i < DIALECTS_MAX; i++) {
		if (!core->dialects[i][0])
			snprintf(core->dialects[i], DIALECT_NAME_MAX, "%s", name);
		if (!strcmp(core->dialects[i], name))
			return core->dialects[i];
	}
	return NULL;
}

void participant_enter(struct core *core, struct participant *participant, struct room *room)
{
	TAILQ_INIT(&participant->transports);
	TAILQ_INIT(&participant->carried);
	TAILQ_INIT(&participant->faced);
	TAILQ_INIT(&participant->publications);
	participant->room = room;
	participant->view.room = room->view.id;
	participant->joined_serial = core->serial;
	TAILQ_INSERT_TAIL(&room->members, participant, in_room);
	room->view.participants++;
	hash_add(&core->identities, identity_hash(core, room, participant->view.identity),
		participant->view.id.index);
	hash_add(&core->persons,
		person_hash(core, participant->view.dialect, participant->view.identity),
		participant->view.id.index);
}

static uint32_t carried_count(const struct participant *participant)
{
	const struct transport *transport;
	uint32_t count = 0;

	TAILQ_FOREACH (transport, &participant->carried, of_publisher)
		count++;
	return count;
}

uint32_t participant_events(const struct participant *participant)
{
	const struct transport *transport;
	uint32_t count = 6; // LEFT, UNPUBLISHED, PUBLISHED, and some of its own

	count += carried_count(participant);
	TAILQ_FOREACH (transport, &participant->faced, of_publisher)
		count += 2 + carried_count(transport->owner); // whose media ends with it
	return count;
}

void participant_remove(struct core *core, struct participant *participant)
{
	struct room *room = participant->room;

	pair_leave(core, participant);
	publication_end_all(core, participant, NULL);
	while (!TAILQ_EMPTY(&participant->transports))
		transport_close(core, TAILQ_FIRST(&participant->transports));
	if (participant->view.visible)
		event_room(core, CORE_EVENT_LEFT, participant);
	if (core->cursor == participant)
		core->cursor = TAILQ_NEXT(participant, in_room);
	hash_remove(&core->identities, identity_hash(core, room, participant->view.identity),
		participant->view.id.index);
	hash_remove(&core->persons,
		person_hash(core, participant->view.dialect, participant->view.identity),
		participant->view.id.index);
	TAILQ_REMOVE(&room->members, participant, in_room);
	room->view.participants--;
	participant_tell(core, participant, true);
	slots_give(&core->participants, participant);
	room_leave(core, room);
}

// ---- joining

static int join_check(const struct core_join *join)
{
	if (!name_valid(join->room, CORE_NAME_MAX) || !name_valid(join->identity, CORE_NAME_MAX))
		return -CORE_NAME;
	if (join->name && join->name[0] && !name_valid(join->name, CORE_NAME_MAX))
		return -CORE_NAME;
	return 0;
}

static void join_apply(struct participant *participant, const struct core_join *join)
{
	struct core_participant *view = &participant->view;
	const char *name = join->name && join->name[0] ? join->name : join->identity;

	snprintf(view->name, sizeof(view->name), "%s", name);
	view->can_publish = join->can_publish;
	view->can_subscribe = join->can_subscribe;
	view->withheld = join->withheld;
	view->until_ms = join->until_ms;
	view->pairs = join->pairs;
	view->outlives = join->outlives;
	view->whole = join->whole;
	view->link = join->link;
	view->unlinked_ms = join->link ? 0 : join->now_ms;
	participant->local_port = join->local_port;
	participant->leaving = false;
}

static bool grant_covers(const struct participant *participant)
{
	const struct publication *publication;

	TAILQ_FOREACH (publication, &participant->publications, of_owner)
		if (!participant_may_send(&participant->view, publication->view.kind))
			return false;
	return participant->view.can_publish;
}

static void join_again(
	struct core *core, struct participant *participant, const struct core_join *join)
{
	bool shown = join->visible && !participant->view.visible;
	bool lost = !participant->view.link;

	if (participant->view.link != join->link)
		event_link(core, CORE_EVENT_REPLACED, participant, participant->view.link, NULL);
	join_apply(participant, join);
	participant->view.visible |= join->visible;
	participant_tell(core, participant, false);
	if (shown)
		event_room(core, CORE_EVENT_JOINED, participant);
	if (!grant_covers(participant))
		publication_end_all(core, participant, "publishing is no longer granted");
	if (lost)
		pair_resume(core, participant, join->now_ms);
}

// Is there a place for one more in the room, which may not be there yet?
static int join_room(const struct core *core, const struct room *room)
{
	if (core->draining)
		return -CORE_DRAINING;
	if (!slots_have(&core->participants, 1) || (!room && !slots_have(&core->rooms, 1)))
		return -CORE_FULL;
	if (room && room->view.participants >= core->limits.participants_per_room)
		return -CORE_FULL;
	return 0;
}

static int join_anew(struct core *core, const struct core_join *join, const char *dialect,
	struct core_participant_id *id)
{
	struct room *room = room_find(core, join->room);
	struct participant *participant;
	int error = join_room(core, room);

	if (error)
		return error;
	room = room_enter(core, join->room, join->now_ms);
	participant = slots_take(&core->participants);
	snprintf(participant->view.identity, CORE_NAME_MAX, "%s", join->identity);
	participant->view.dialect = dialect;
	participant->view.visible = join->visible;
	participant->view.joined_ms = join->now_ms;
	join_apply(participant, join);
	participant_enter(core, participant, room);
	participant_tell(core, participant, false);
	if (join->visible)
		event_room(core, CORE_EVENT_JOINED, participant);
	*id = participant->view.id;
	return 0;
}

int core_join(struct core *core, const struct core_join *join, struct core_participant_id *id,
	bool *resumed)
{
	int error = join_check(join);
	const char *dialect = participant_dialect(core, join->dialect ? join->dialect : "");
	struct participant *participant;
	struct room *room;

	if (error)
		return error;
	if (!dialect)
		return -CORE_NAME;
	if (!event_reserve(core, 2))
		return -CORE_FULL;
	room = room_find(core, join->room);
	participant = room ? participant_find(core, room, join->identity) : NULL;
	if (!participant) {
		error = join_anew(core, join, dialect, id);
		if (!error)
			*resumed = false;
		return error;
	}
	if (strcmp(participant->view.dialect, dialect))
		return -CORE_EXISTS;
	if (!event_reserve(core, 2 + participant_events(participant)))
		return -CORE_FULL;
	join_again(core, participant, join);
	*id = participant->view.id;
	*resumed = true;
	return 0;
}

int core_join_check(const struct core *core, const struct core_join *join)
{
	const struct participant *participant;
	const struct room *room;
	int error = join_check(join);

	if (error)
		return error;
	room = room_find(core, join->room);
	participant = room ? participant_find(core, room, join->identity) : NULL;
	if (!participant)
		return join_room(core, room);
	return strcmp(participant->view.dialect, join->dialect) ? -CORE_EXISTS : 0;
}

// ---- leaving

static int leave(struct core *core, struct participant *participant)
{
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	participant_remove(core, participant);
	return 0;
}

int core_leave(struct core *core, struct core_participant_id id)
{
	struct participant *participant = participant_get(core, id);

	return participant ? leave(core, participant) : -CORE_GONE;
}

int core_unlink(struct core *core, struct core_participant_id id, bool clean, uint64_t now_ms)
{
	struct participant *participant = participant_get(core, id);

	if (!participant)
		return -CORE_GONE;
	participant->view.link = NULL; // also when leaving fails: the link itself is gone
	participant->view.unlinked_ms = now_ms;
	if ((!clean || participant->view.outlives) && !TAILQ_EMPTY(&participant->transports))
		return 0;
	participant->leaving = true; // core_tick tries again should memory be short now
	return leave(core, participant);
}

int core_kick(struct core *core, struct core_participant_id id, const char *reason)
{
	struct participant *participant = participant_get(core, id);

	if (!participant)
		return -CORE_GONE;
	if (!event_reserve(core, participant_events(participant)))
		return -CORE_FULL;
	event_link(core, CORE_EVENT_KICKED, participant, participant->view.link, reason);
	participant_remove(core, participant);
	return 0;
}

// ---- talking

int core_send(struct core *core, struct core_participant_id from, struct core_participant_id to,
	const char *text, size_t length)
{
	struct participant *sender = participant_get(core, from);
	struct participant *receiver = participant_get(core, to);
	char *copy;

	if (!sender || (to.generation && !receiver))
		return -CORE_GONE;
	if (receiver &&
		(receiver->room != sender->room || receiver->view.dialect != sender->view.dialect))
		return -CORE_NOT_MEMBER;
	copy = event_reserve(core, 1) ? core_allocate(length + 1, 1) : NULL;
	if (!copy)
		return -CORE_FULL;
	if (length)
		memcpy(copy, text, length);
	event_message(core, sender, receiver, copy, length);
	return 0;
}

// ---- looking

const struct core_participant *core_participant(
	const struct core *core, struct core_participant_id id)
{
	return slots_get(&core->participants, id.index, id.generation);
}

const struct core_participant *core_participant_by_identity(
	const struct core *core, struct core_room_id id, const char *identity)
{
	struct room *room = slots_get(&core->rooms, id.index, id.generation);
	struct participant *participant = room ? participant_find(core, room, identity) : NULL;

	return participant ? &participant->view : NULL;
}

const struct core_participant *core_participant_next(
	const struct core *core, const struct core_participant *previous)
{
	return slots_next(&core->participants, previous);
}

uint32_t core_identity_rooms(const struct core *core, const char *dialect, const char *identity)
{
	uint32_t i = hash_first(&core->persons, person_hash(core, dialect, identity)), count = 0;

	for (; i != SLOT_NONE; i = hash_next(&core->persons, i)) {
		const struct participant *participant = slots_from(&core->participants, i);

		count += !strcmp(participant->view.identity, identity) &&
			 !strcmp(participant->view.dialect, dialect);
	}
	return count;
}

bool core_publishes(const struct core *core, struct core_participant_id id)
{
	const struct participant *participant = participant_get(core, id);

	return participant && !TAILQ_EMPTY(&participant->publications);
}

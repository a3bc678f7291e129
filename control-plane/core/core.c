// SPDX-License-Identifier: Apache-2.0
// The model as a whole: making it, limits, and time.
#include "event.h"
#include "leg.h"
#include "model.h"
#include "pair.h"
#include "participant.h"
#include "transport.h"

#include <assert.h>
#include <string.h>

static_assert(offsetof(struct room, view.id) == 0);
static_assert(offsetof(struct participant, view.id) == 0);
static_assert(offsetof(struct transport, view.id) == 0);
static_assert(offsetof(struct publication, view.id) == 0);
static_assert(offsetof(struct subscription, view.id) == 0);

const char *core_error_text(int error)
{
	static const char *const texts[] = {
		[CORE_OK] = "No error",
		[CORE_GONE] = "It does not exist any more",
		[CORE_NAME] = "A name is empty, too long or not valid UTF-8",
		[CORE_FULL] = "A limit of the relay is reached",
		[CORE_EXISTS] = "It exists already",
		[CORE_NOT_MEMBER] = "You are not in this room",
		[CORE_NO_PUBLISHER] = "Nobody of that name publishes in the room",
		[CORE_FORBIDDEN] = "The token does not allow it",
		[CORE_BAD_DESC] = "The description offers nothing that the relay can take",
		[CORE_DRAINING] = "The relay is shutting down and takes nobody new",
		[CORE_STATE] = "Not possible now",
	};
	unsigned number = error < 0 ? 0U - (unsigned)error : (unsigned)error;

	return number < sizeof(texts) / sizeof(texts[0]) ? texts[number] : "Unknown error";
}

// ---- limits

static uint32_t limit(uint32_t given, uint32_t otherwise, uint32_t most)
{
	uint32_t value = given ? given : otherwise;

	return value < most ? value : most;
}

static struct core_limits limits_fill(const struct core_limits *given)
{
	return (struct core_limits){
		.rooms = limit(given->rooms, 4096, 1 << 20),
		.participants = limit(given->participants, 16384, 1 << 20),
		.participants_per_room = limit(given->participants_per_room, 10000, 1 << 20),
		.transports = limit(given->transports, 16384, 1 << 20),
		.publications = limit(given->publications, 8192, 1 << 20),
		.publications_per_participant =
			limit(given->publications_per_participant, 8, DESC_SECTIONS_MAX),
		.subscriptions = limit(given->subscriptions, 65536, 1 << 22),
		.suspect_ms = limit(given->suspect_ms, 15000, UINT32_MAX),
		.drop_ms = limit(given->drop_ms, 30000, UINT32_MAX),
		.setup_ms = limit(given->setup_ms, 30000, UINT32_MAX),
		.grace_ms = limit(given->grace_ms, 30000, UINT32_MAX),
		.workers = limit(given->workers, 1, WORKERS_MAX),
		.participants_per_worker = limit(given->participants_per_worker, 200, UINT32_MAX),
	};
}

static void slots_limit(struct slots *slots, uint32_t limit)
{
	slots->limit = limit < slots->capacity ? limit : slots->capacity;
}

void core_configure(
	struct core *core, const struct core_limits *limits, const struct core_local *local)
{
	core->limits = limits_fill(limits);
	core->local = *local;
	slots_limit(&core->rooms, core->limits.rooms);
	slots_limit(&core->participants, core->limits.participants);
	slots_limit(&core->transports, core->limits.transports);
	slots_limit(&core->publications, core->limits.publications);
	slots_limit(&core->subscriptions, core->limits.subscriptions);
	transport_workers_changed(core);
}

// ---- life

static bool slots_make(struct core *core)
{
	const struct core_limits *limits = &core->limits;
	uint32_t life;

	core_random(core, &life, sizeof(life));
	return slots_init(&core->rooms, limits->rooms, sizeof(struct room), life) &&
	       slots_init(&core->participants, limits->participants, sizeof(struct participant),
		       life) &&
	       slots_init(&core->transports, limits->transports, sizeof(struct transport), life) &&
	       slots_init(&core->publications, limits->publications, sizeof(struct publication),
		       life) &&
	       slots_init(&core->subscriptions, limits->subscriptions, sizeof(struct subscription),
		       life);
}

static bool hashes_make(struct core *core)
{
	const struct core_limits *limits = &core->limits;
	uint64_t key[2];

	core_random(core, key, sizeof(key));
	return hash_init(&core->room_names, limits->rooms, key) &&
	       hash_init(&core->identities, limits->participants, key) &&
	       hash_init(&core->persons, limits->participants, key) &&
	       hash_init(&core->ufrags, limits->transports * 2, key) &&
	       hash_init(&core->addresses, limits->transports * CORE_PATHS_MAX, key) &&
	       hash_init(&core->ssrcs, limits->subscriptions * 2, key);
}

const struct core_local *core_local(const struct core *core)
{
	return &core->local;
}

struct core *core_create(const struct core_limits *limits, const struct core_local *local,
	const struct core_plane *plane, const struct core_sink *sink)
{
	struct core *core = core_allocate(1, sizeof(*core));

	if (!core)
		return NULL;
	TAILQ_INIT(&core->queue);
	TAILQ_INIT(&core->reserve);
	core->limits = limits_fill(limits);
	core->local = *local;
	core->plane = *plane;
	core->sink = *sink;
	if (!slots_make(core) || !hashes_make(core)) {
		core_destroy(core);
		return NULL;
	}
	return core;
}

void core_destroy(struct core *core)
{
	struct transport *transport;
	uint32_t index = 0;

	if (!core)
		return;
	event_clear(core);
	while ((transport = slots_from(&core->transports, index)) != NULL) {
		index = transport->view.id.index + 1;
		pending_drop(core, transport);
		slots_give(&core->transports, transport); // clears its keys
	}
	slots_free(&core->rooms);
	slots_free(&core->participants);
	slots_free(&core->transports);
	slots_free(&core->publications);
	slots_free(&core->subscriptions);
	hash_free(&core->room_names);
	hash_free(&core->identities);
	hash_free(&core->persons);
	hash_free(&core->ufrags);
	hash_free(&core->addresses);
	hash_free(&core->ssrcs);
	core_release(core);
}

void core_drain(struct core *core, bool draining)
{
	core->draining = draining;
}

// ---- time

static bool grace_over(
	const struct core *core, const struct participant *participant, uint64_t now_ms)
{
	const struct core_participant *view = &participant->view;

	if (view->outlives && !TAILQ_EMPTY(&participant->transports))
		return false;
	if (view->whole && !TAILQ_EMPTY(&participant->faced))
		return false;
	return now_ms >= view->unlinked_ms + core->limits.grace_ms;
}

static void participants_tick(struct core *core, uint64_t now_ms)
{
	struct participant *participant;
	uint32_t index = 0;

	while ((participant = slots_from(&core->participants, index)) != NULL) {
		const struct core_participant *view = &participant->view;

		index = view->id.index + 1;
		if (view->until_ms && now_ms >= view->until_ms) {
			core_kick(core, view->id, "what admitted it has run out");
			continue;
		}
		if (view->link)
			continue;
		if (!participant->leaving && !grace_over(core, participant, now_ms))
			continue;
		if (event_reserve(core, participant_events(participant)))
			participant_remove(core, participant);
	}
}

void core_tick(struct core *core, uint64_t now_ms)
{
	transport_tick(core, now_ms);
	pair_tick(core, now_ms);
	participants_tick(core, now_ms);
}

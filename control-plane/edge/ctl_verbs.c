// SPDX-License-Identifier: Apache-2.0
// The verbs of the control socket; ctl.h documents them.
#include "address.h"
#include "ctl_capture.h"
#include "ctl_feed.h"
#include "ctl_verb.h"
#include "journal_report.h"
#include "log.h"
#include "moderate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *refusal(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

static const char *text_of(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

// ---- status

#define COUNTER(noun)                                           \
	static json_int_t count_##noun(const struct core *core) \
	{                                                       \
		const struct core_##noun *one = NULL;           \
		json_int_t count = 0;                           \
		while ((one = core_##noun##_next(core, one)))   \
			count++;                                \
		return count;                                   \
	}
COUNTER(room)
COUNTER(participant)
COUNTER(transport)
COUNTER(publication)
COUNTER(subscription)
#undef COUNTER

static json_t *answer_status(const struct ctl_host *host, const json_t *, uint64_t now_ms)
{
	struct ready_report report;
	json_t *reasons = json_array();

	host->ready(host->context, &report);
	for (unsigned i = 0; i < report.used; i++)
		if (!report.checks[i].ok)
			json_array_append_new(reasons, json_sprintf("%s: %s", report.checks[i].name,
							       report.checks[i].why));
	return json_pack("{s:b, s:s, s:i, s:I, s:b, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:i}",
		"ok", 1, "version", SLUICE_VERSION, "pid", (int)getpid(), "uptimeSeconds",
		(json_int_t)((now_ms - host->started_ms) / 1000), "draining",
		host->draining(host->context), "ready", report.ready, "reasons", reasons, "rooms",
		count_room(host->core), "participants", count_participant(host->core), "transports",
		count_transport(host->core), "publications", count_publication(host->core),
		"subscriptions", count_subscription(host->core), "connections",
		(int)host->counters->connections_open, "websockets",
		(int)host->counters->websockets_open);
}

// ---- rooms and peers

static json_int_t publishers_in(const struct core *core, struct core_room_id room)
{
	const struct core_participant *participant = NULL;
	json_int_t count = 0;

	while ((participant = core_room_member_next(core, room, participant)))
		count += core_publishes(core, participant->id);
	return count;
}

static json_t *answer_rooms(const struct ctl_host *host, const json_t *, uint64_t now_ms)
{
	const struct core_room *room = NULL;
	json_t *rooms = json_array();

	while ((room = core_room_next(host->core, room)))
		json_array_append_new(
			rooms, json_pack("{s:s, s:I, s:I, s:I}", "name", room->name, "participants",
				       (json_int_t)room->participants, "publishers",
				       publishers_in(host->core, room->id), "ageSeconds",
				       (json_int_t)((now_ms - room->created_ms) / 1000)));
	return json_pack("{s:b, s:o}", "ok", 1, "rooms", rooms);
}

static const char *state_text(enum core_transport_state state)
{
	static const char *const names[] = {"new", "connecting", "connected", "suspect"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static const char *direction_text(const struct core_transport *transport)
{
	if (transport->pair)
		return "both";
	return transport->publisher.generation ? "down" : "up";
}

static json_t *transport_view(const struct core *core, const struct core_transport *transport)
{
	const struct core_participant *publisher = core_participant(core, transport->publisher);
	char address[ADDRESS_TEXT_MAX] = "";
	json_t *view;

	if (transport->path_selected < transport->paths_used)
		address_print(&transport->paths[transport->path_selected].remote, address);
	view = json_pack("{s:I, s:s, s:s, s:s, s:i, s:i}", "index", (json_int_t)transport->id.index,
		"direction", direction_text(transport), "state", state_text(transport->state),
		"address", address, "worker", transport->worker, "profile",
		transport->has_keys ? transport->keys.profile : 0);
	if (view && publisher)
		json_object_set_new(view, "publisher", json_string(publisher->identity));
	return view;
}

// What belongs to the participants, by the number of their slots: each table of the core is walked once.
struct belongings {
	uint32_t used; // slots
	struct belonging {
		json_int_t publications, subscriptions;
		json_t *transports;
	} * of;
};

static bool belongings_make(const struct core *core, struct belongings *all)
{
	const struct core_participant *participant = NULL;

	all->used = 0;
	while ((participant = core_participant_next(core, participant)))
		if (participant->id.index >= all->used)
			all->used = participant->id.index + 1;
	all->of = calloc(all->used + 1, sizeof(*all->of));
	return all->of != NULL;
}

static struct belonging *belonging_of(
	const struct core *core, struct belongings *all, struct core_participant_id id)
{
	return core_participant(core, id) && id.index < all->used ? &all->of[id.index] : NULL;
}

static void belongings_collect(const struct core *core, struct belongings *all)
{
	const struct core_transport *transport = NULL;
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	struct belonging *one;

	while ((transport = core_transport_next(core, transport))) {
		one = belonging_of(core, all, transport->participant);
		if (one && !one->transports)
			one->transports = json_array();
		if (one)
			json_array_append_new(one->transports, transport_view(core, transport));
	}
	while ((publication = core_publication_next(core, publication))) {
		one = belonging_of(core, all, publication->participant);
		if (one)
			one->publications++;
	}
	while ((subscription = core_subscription_next(core, subscription))) {
		transport = core_transport(core, subscription->transport);
		one = transport ? belonging_of(core, all, transport->participant) : NULL;
		if (one)
			one->subscriptions++;
	}
}

// Takes the list of transports out of `one`.
static json_t *peer_view(
	const struct core_participant *participant, const char *room, struct belonging *one)
{
	json_t *transports = one->transports ? one->transports : json_array();

	one->transports = NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:o}", "room", room, "identity",
		participant->identity, "name", participant->name, "dialect", participant->dialect,
		"visible", participant->visible, "linked", participant->link != NULL,
		"publications", one->publications, "subscriptions", one->subscriptions,
		"transports", transports);
}

static json_t *answer_peers(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const struct core_participant *participant = NULL;
	const char *wanted = text_of(request, "room");
	json_t *peers = json_array();
	struct belongings all;

	if (!belongings_make(host->core, &all)) {
		json_decref(peers);
		return refusal("out of memory");
	}
	belongings_collect(host->core, &all);
	while ((participant = core_participant_next(host->core, participant))) {
		const struct core_room *room = core_room(host->core, participant->room);

		if (room && (!wanted || !strcmp(wanted, room->name)))
			json_array_append_new(peers,
				peer_view(participant, room->name, &all.of[participant->id.index]));
	}
	for (uint32_t i = 0; i < all.used; i++)
		json_decref(all.of[i].transports); // of those who were not asked for
	free(all.of);
	return json_pack("{s:b, s:o}", "ok", 1, "peers", peers);
}

// ---- changes

static json_t *answer_kick(const struct ctl_host *host, const json_t *request, uint64_t)
{
	const char *name = text_of(request, "room"), *identity = text_of(request, "identity");
	char why[MODERATE_WHY_MAX];
	struct log_scope before;
	int status;

	if (!name || !identity)
		return refusal("kick needs room and identity");
	status = moderate_kick(host->core, name, identity, text_of(request, "reason"), why);
	host->settle(host->context);
	if (status)
		return refusal(why);
	before = log_enter(LOG_OF(.subsystem = "operator"));
	log_name(name, identity);
	log_info("removed by the operator");
	log_leave(before);
	return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_drain(const struct ctl_host *host, const json_t *request, uint64_t)
{
	bool draining = !strcmp(text_of(request, "verb"), "drain");

	host->drain(host->context, draining);
	return json_pack("{s:b, s:b}", "ok", 1, "draining", draining);
}

// ---- joins

static json_t *answer_join_report(
	const struct ctl_host *host, const json_t *request, uint64_t now_ms)
{
	if (!host->journal)
		return refusal("nothing is remembered of joins");
	return journal_report(host->journal, host->core, text_of(request, "peer"), now_ms);
}

// ---- load tests

static json_t *answer_synthetic(const struct ctl_host *host, const json_t *request, uint64_t now_ms)
{
	bool publishes = !strcmp(text_of(request, "verb"), "test-publish");
	json_t *reply;
	char why[SYNTHETIC_WHY_MAX] = "";

	if (!host->synthetic)
		return refusal("test sessions are off: start sluice-control with "
			       "--set test.sessions=true, on a relay that serves nobody else");
	reply = publishes ? synthetic_publish(host->synthetic, request, now_ms, why)
			  : synthetic_subscribe(host->synthetic, request, now_ms, why);
	host->settle(host->context);
	return reply ? reply : refusal(why);
}

json_t *ctl_answer(const struct ctl_host *host, const char *line, size_t length, uint64_t now_ms)
{
	static const struct {
		const char *name;
		json_t *(*answer)(const struct ctl_host *, const json_t *, uint64_t now_ms);
	} verbs[] = {
		{"status", answer_status},
		{"rooms", answer_rooms},
		{"peers", answer_peers},
		{"kick", answer_kick},
		{"mute", ctl_mute},
		{"unmute", ctl_mute},
		{"reload", ctl_reload},
		{"log", ctl_log},
		{"join-report", answer_join_report},
		{"drain", answer_drain},
		{"undrain", answer_drain},
		{"capture", ctl_capture},
		{"capture-read", ctl_capture_read},
		{"capture-end", ctl_capture_end},
		{"push", ctl_feed_answer},
		{"pull", ctl_feed_answer},
		{"feeds", ctl_feed_answer},
		{"test-publish", answer_synthetic},
		{"test-subscribe", answer_synthetic},
	};
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	const char *verb = text_of(request, "verb");
	json_t *reply = NULL;

	for (size_t i = 0; verb && i < sizeof(verbs) / sizeof(verbs[0]) && !reply; i++)
		if (!strcmp(verbs[i].name, verb))
			reply = verbs[i].answer(host, request, now_ms);
	if (!reply)
		reply = refusal(verb ? "no such verb" : "not a JSON object with a verb");
	json_decref(request);
	return reply;
}

// SPDX-License-Identifier: Apache-2.0
#include "admin_room.h"

#include "address.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = 0xffff };

struct person {
	json_t *json, *transports, *publications, *subscriptions; // the lists are parts of `json`
};

// What is being written: people by their slot, so that each table is walked once.
struct sheet {
	const struct core *core;
	const struct sluice_observed *observed;
	const struct admin_room_page *page;
	struct person people[ADMIN_ROOM_PEOPLE_MAX];
	unsigned people_used, subscriptions_used, subscriptions_more;
	uint16_t person_of[SLUICE_PARTICIPANTS_MAX];
};

static void put(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

// What peers wrote may be no UTF-8.
static void put_text(json_t *object, const char *name, const char *text)
{
	json_t *string = json_string(text);

	json_object_set_new(object, name, string ? string : json_string("?"));
}

static const char *kind_name(enum desc_kind kind)
{
	return kind == DESC_AUDIO ? "audio" : kind == DESC_VIDEO ? "video" : "application";
}

static struct person *person_at(struct sheet *sheet, struct core_participant_id id)
{
	uint16_t i = id.index < SLUICE_PARTICIPANTS_MAX ? sheet->person_of[id.index] : NOBODY;

	return i == NOBODY ? NULL : &sheet->people[i];
}

// ---- people

static void person_add(struct sheet *sheet, const struct core_participant *participant)
{
	struct person *person = &sheet->people[sheet->people_used];
	json_t *silenced = json_array();

	*person = (struct person){json_object(), json_array(), json_array(), json_array()};
	put_text(person->json, "identity", participant->identity);
	put_text(person->json, "name", participant->name);
	put_text(person->json, "dialect", participant->dialect);
	json_object_set_new(person->json, "visible", json_boolean(participant->visible));
	json_object_set_new(person->json, "linked", json_boolean(participant->link != NULL));
	put(person->json, "age_seconds", (sheet->page->now_ms - participant->joined_ms) / 1000);
	for (unsigned kind = DESC_AUDIO; kind <= DESC_VIDEO; kind++)
		if (participant->silenced & 1u << kind)
			json_array_append_new(silenced, json_string(kind_name(kind)));
	json_object_set_new(person->json, "muted_by_operator", silenced);
	json_object_set(person->json, "transports", person->transports);
	json_object_set(person->json, "publications", person->publications);
	json_object_set(person->json, "subscriptions", person->subscriptions);
	if (participant->id.index < SLUICE_PARTICIPANTS_MAX)
		sheet->person_of[participant->id.index] = (uint16_t)sheet->people_used;
	sheet->people_used++;
}

static void people_add(struct sheet *sheet, const struct core_room *room)
{
	const struct core_participant *participant = NULL;
	const struct admin_room_page *page = sheet->page;
	unsigned i = 0;

	while ((participant = core_room_member_next(sheet->core, room->id, participant)) &&
		sheet->people_used < page->most && sheet->people_used < ADMIN_ROOM_PEOPLE_MAX)
		if (i++ >= page->offset)
			person_add(sheet, participant);
}

// ---- transports

static const char *state_name(enum core_transport_state state)
{
	static const char *const names[] = {"new", "connecting", "connected", "suspect"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static const char *profile_name(const struct core_transport *transport)
{
	if (!transport->has_keys)
		return "none";
	switch (transport->keys.profile) {
	case SLUICE_SRTP_AES128_CM_SHA1_80:
		return "AES128_CM_SHA1_80";
	case SLUICE_SRTP_AEAD_AES_128_GCM:
		return "AEAD_AES_128_GCM";
	case SLUICE_SRTP_AEAD_AES_256_GCM:
		return "AEAD_AES_256_GCM";
	default:
		return "unknown";
	}
}

static void transport_flow(
	const struct sheet *sheet, json_t *json, const struct core_transport *transport)
{
	struct sluice_transport_status status;
	uint32_t i = transport->id.index;

	if (!sheet->observed || i >= SLUICE_TRANSPORTS_MAX ||
		!sluice_row_read(&sheet->observed->transports[i].row, &status, sizeof(status)) ||
		status.row.generation != transport->id.generation)
		return;
	put(json, "packets_in", status.packets_in);
	put(json, "bytes_in", status.bytes_in);
	put(json, "packets_out", status.packets_out);
	put(json, "bytes_out", status.bytes_out);
	put(json, "auth_failed", status.auth_failures);
	put(json, "replayed", status.replays);
	if (status.heard_ns && status.heard_ns <= sheet->page->now_ns)
		json_object_set_new(json, "heard_seconds_ago",
			json_real((double)(sheet->page->now_ns - status.heard_ns) / 1e9));
}

static void transport_add(struct sheet *sheet, json_t *list, const struct core_transport *transport)
{
	const struct core_participant *publisher =
		core_participant(sheet->core, transport->publisher);
	char address[ADDRESS_TEXT_MAX] = "";
	json_t *json;

	if (transport->path_selected < transport->paths_used)
		address_print(&transport->paths[transport->path_selected].remote, address);
	json = json_pack("{s:i, s:s, s:s, s:s, s:i, s:s}", "transport", (int)transport->id.index,
		"direction",
		transport->pair			  ? "both"
		: transport->publisher.generation ? "down"
						  : "up",
		"state", state_name(transport->state), "address", address, "worker",
		(int)transport->worker, "profile", profile_name(transport));
	if (publisher)
		put_text(json, "publisher", publisher->identity);
	transport_flow(sheet, json, transport);
	json_array_append_new(list, json);
}

// ---- publications

static void encoding_flow(json_t *json, const struct sluice_encoding_status *status)
{
	put(json, "ssrc", status->ssrc);
	put(json, "packets", status->packets);
	put(json, "bytes", status->bytes);
	put(json, "lost", status->lost);
	put(json, "recovered", status->recovered);
	put(json, "bitrate_bps", status->bitrate_bps);
	put(json, "key_frames", status->key_frames);
	put(json, "key_requests", status->key_requests);
	put(json, "nacks_sent", status->nacks_sent);
	put(json, "rtt_us", status->rtt_us);
}

static json_t *encodings_json(const struct sheet *sheet, const struct core_publication *publication)
{
	struct sluice_publication_status status;
	uint32_t i = publication->id.index;
	bool known =
		sheet->observed && i < SLUICE_PUBLICATIONS_MAX &&
		sluice_row_read(&sheet->observed->publications[i].row, &status, sizeof(status)) &&
		status.row.generation == publication->id.generation;
	json_t *list = json_array();

	for (unsigned e = 0; e < publication->encodings_used && e < CORE_ENCODINGS_MAX; e++) {
		json_t *json = json_object();

		put_text(json, "rid", publication->encodings[e].rid);
		if (known)
			encoding_flow(json, &status.encodings[e]);
		json_array_append_new(list, json);
	}
	return list;
}

static void publication_add(
	struct sheet *sheet, json_t *list, const struct core_publication *publication)
{
	json_t *json = json_pack("{s:s, s:i, s:b, s:b, s:o}", "kind", kind_name(publication->kind),
		"transport", (int)publication->transport.index, "paused", publication->paused,
		"muted_by_operator", publication->held, "encodings",
		encodings_json(sheet, publication));

	put_text(json, "mid", publication->mid);
	put_text(json, "codec", publication->codecs_used ? publication->codecs[0].name : "");
	json_array_append_new(list, json);
}

// ---- subscriptions

// Whether it flows, and if not the name of the drop that counts what does not (sluice/drops.h).
static const char *subscription_state(const struct core_subscription *subscription,
	const struct core_publication *publication, const struct core_transport *transport)
{
	if (!subscription->active)
		return "offered";
	if (publication && (publication->paused || publication->held))
		return "paused";
	if (subscription->paused)
		return "muted";
	if (!transport->has_keys)
		return "no_keys";
	if (!subscription->payload_type[0])
		return "no_mapping";
	return "active";
}

static void subscription_flow(
	const struct sheet *sheet, json_t *json, struct core_subscription_id id)
{
	struct sluice_subscription_status status;

	if (!sheet->observed || id.index >= SLUICE_SUBSCRIPTIONS_MAX ||
		!sluice_row_read(
			&sheet->observed->subscriptions[id.index].row, &status, sizeof(status)) ||
		status.row.generation != id.generation)
		return;
	put(json, "packets", status.packets);
	put(json, "bytes", status.bytes);
	put(json, "resent", status.resent);
	put(json, "nacks_missed", status.nacks_missed);
	put(json, "lost", status.lost);
	put(json, "key_requests", status.key_requests);
	put(json, "rtt_us", status.rtt_us);
	put(json, "bitrate_bps", status.bitrate_bps);
}

// What it did not get, by reason.
static void subscription_dropped(
	const struct sheet *sheet, json_t *json, struct core_subscription_id id)
{
	const struct sluice_subscription_drops *shared;
	struct sluice_subscription_drops drops;
	json_t *dropped;

	if (!sheet->observed || id.index >= SLUICE_SUBSCRIPTIONS_MAX)
		return;
	shared = &sheet->observed->subscription_drops[id.index];
	memcpy(&drops, (const void *)shared, sizeof(drops));
	if (drops.generation != id.generation)
		return;
	dropped = json_object();
	for (unsigned i = 0; i < SLUICE_SUBSCRIPTION_DROP_COUNT; i++)
		if (drops.counts[i])
			put(dropped, sluice_drop_info(sluice_subscription_drop(i))->name,
				drops.counts[i]);
	json_object_set_new(json, "dropped", dropped);
}

static void subscription_add(struct sheet *sheet, const struct core_subscription *subscription)
{
	const struct core_transport *transport =
		core_transport(sheet->core, subscription->transport);
	const struct core_publication *publication =
		core_publication(sheet->core, subscription->publication);
	const struct core_participant *publisher =
		publication ? core_participant(sheet->core, publication->participant) : NULL;
	struct person *person = transport ? person_at(sheet, transport->participant) : NULL;
	json_t *json;

	if (!person)
		return;
	if (sheet->subscriptions_used == ADMIN_ROOM_SUBSCRIPTIONS_MAX) {
		sheet->subscriptions_more++;
		return;
	}
	sheet->subscriptions_used++;
	json = json_pack("{s:s, s:s, s:i}", "state",
		subscription_state(subscription, publication, transport), "kind",
		publication ? kind_name(publication->kind) : "?", "transport",
		(int)transport->id.index);
	put_text(json, "mid", subscription->mid);
	if (publisher)
		put_text(json, "publisher", publisher->identity);
	subscription_flow(sheet, json, subscription->id);
	subscription_dropped(sheet, json, subscription->id);
	json_array_append_new(person->subscriptions, json);
}

// ---- the whole

static void media_add(struct sheet *sheet)
{
	const struct core_transport *transport = NULL;
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	struct person *person;

	while ((transport = core_transport_next(sheet->core, transport)))
		if ((person = person_at(sheet, transport->participant)))
			transport_add(sheet, person->transports, transport);
	while ((publication = core_publication_next(sheet->core, publication)))
		if ((person = person_at(sheet, publication->participant)))
			publication_add(sheet, person->publications, publication);
	while ((subscription = core_subscription_next(sheet->core, subscription)))
		subscription_add(sheet, subscription);
}

static json_t *people_json(struct sheet *sheet)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < sheet->people_used; i++) {
		struct person *person = &sheet->people[i];

		json_decref(person->transports);
		json_decref(person->publications);
		json_decref(person->subscriptions);
		json_array_append_new(list, person->json);
	}
	return list;
}

json_t *admin_room_json(const struct core *core, const struct sluice_observed *observed,
	const struct core_room *room, const struct admin_room_page *page)
{
	struct sheet *sheet = calloc(1, sizeof(*sheet));
	json_t *json = sheet ? json_object() : NULL;

	if (!json) {
		free(sheet);
		return NULL;
	}
	sheet->core = core;
	sheet->observed = observed;
	sheet->page = page;
	for (unsigned i = 0; i < SLUICE_PARTICIPANTS_MAX; i++)
		sheet->person_of[i] = NOBODY;
	people_add(sheet, room);
	media_add(sheet);
	put_text(json, "name", room->name);
	put(json, "age_seconds", (page->now_ms - room->created_ms) / 1000);
	put(json, "participants", room->participants);
	put(json, "offset", page->offset);
	json_object_set_new(json, "people", people_json(sheet));
	put(json, "subscriptions_left_off", sheet->subscriptions_more);
	free(sheet);
	return json;
}

// SPDX-License-Identifier: Apache-2.0
#include "sluicectl_why.h"

#include <sluice/demux.h>

#include <arpa/inet.h>
#include <stdlib.h>

// ---- rows -----------------------------------------------------------------------------------------

// A copy of a row of `observed` that speaks of this life; zero when there is none.
#define OBSERVED(view, table, index, generation_wanted, copy)                                  \
	do {                                                                                   \
		if (!(view)->observed ||                                                       \
			!sluice_row_read(                                                      \
				&(view)->observed->table[index].row, &(copy), sizeof(copy)) || \
			(copy).row.generation != (generation_wanted))                          \
			memset(&(copy), 0, sizeof(copy));                                      \
	} while (0)

bool why_session(const struct view *view, struct sluice_handle id, struct why_session *session)
{
	if (!view->desired || id.index >= SLUICE_TRANSPORTS_MAX ||
		!VIEW_ROW(view, transports, id.index, session->row) ||
		session->row.row.generation != id.generation)
		return false;
	session->view = view;
	session->index = id.index;
	// Nobody here needs keys or passwords.
	explicit_bzero(&session->row.receive_key, sizeof(session->row.receive_key));
	explicit_bzero(&session->row.send_key, sizeof(session->row.send_key));
	OBSERVED(view, transports, id.index, id.generation, session->status);
	OBSERVED(view, transport_traces, id.index, id.generation, session->trace);
	if (session->row.paths_used > SLUICE_PATHS_MAX)
		session->row.paths_used = SLUICE_PATHS_MAX;
	if (session->row.path_selected >= SLUICE_PATHS_MAX)
		session->row.path_selected = 0;
	return true;
}

bool why_publication(
	const struct view *view, struct sluice_handle id, struct why_publication *publication)
{
	if (!view->desired || id.index >= SLUICE_PUBLICATIONS_MAX ||
		!VIEW_ROW(view, publications, id.index, publication->row) ||
		publication->row.row.generation != id.generation)
		return false;
	publication->index = id.index;
	OBSERVED(view, publications, id.index, id.generation, publication->status);
	OBSERVED(view, publication_traces, id.index, id.generation, publication->trace);
	if (publication->row.encodings_used > SLUICE_ENCODINGS_MAX)
		publication->row.encodings_used = SLUICE_ENCODINGS_MAX;
	return true;
}

bool why_subscription(
	const struct view *view, struct sluice_handle id, struct why_subscription *subscription)
{
	if (!view->desired || id.index >= SLUICE_SUBSCRIPTIONS_MAX ||
		!VIEW_ROW(view, subscriptions, id.index, subscription->row) ||
		subscription->row.row.generation != id.generation)
		return false;
	subscription->index = id.index;
	OBSERVED(view, subscriptions, id.index, id.generation, subscription->status);
	OBSERVED(view, subscription_traces, id.index, id.generation, subscription->trace);
	return true;
}

const struct sluice_stranger *why_stranger(const struct view *view, unsigned *at)
{
	static struct sluice_strangers row;
	for (; view->observed && *at < (SLUICE_WORKERS_MAX + 1) * SLUICE_STRANGERS; (*at)++) {
		unsigned w = *at / SLUICE_STRANGERS, i = *at % SLUICE_STRANGERS;
		const struct sluice_strangers *from = &view->observed->strangers[w];
		if (i == 0 && !sluice_row_read(&from->row, &row, sizeof(row)))
			memset(&row, 0, sizeof(row));
		if (row.row.generation == 0) { // the whole row is empty
			*at += SLUICE_STRANGERS - i - 1;
			continue;
		}
		if (row.entries[i].address.port != 0) {
			(*at)++;
			return &row.entries[i];
		}
	}
	return NULL;
}

// ---- JSON -----------------------------------------------------------------------------------------

static json_t *seconds_or_null(const struct view *view, uint64_t then_ns)
{
	return then_ns ? json_real(view_age_s(view, then_ns)) : json_null();
}

static json_t *note_json(const struct view *view, const struct sluice_note *note)
{
	const struct sluice_drop_info *info = sluice_decision_info(note->what);
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:f, s:f, s:I, s:i, s:i}", "decision",
		info ? info->name : "?", "help", info ? info->help : "of a newer version", "drop",
		note->what < SLUICE_DECISION_FIRST, "count", (json_int_t)note->count, "run",
		(json_int_t)note->run, "run_seconds",
		view_age_s(view, note->since_ns) - view_age_s(view, note->last_ns), "seconds_ago",
		view_age_s(view, note->last_ns), "ssrc", (json_int_t)note->ssrc, "sequence",
		(int)note->sequence, "payload_type", (int)note->payload_type);
}

static int by_last(const void *a, const void *b)
{
	uint64_t left = ((const struct sluice_note *)a)->last_ns;
	uint64_t right = ((const struct sluice_note *)b)->last_ns;
	return left < right ? 1 : left > right ? -1 : 0;
}

// The last first.
static json_t *notes_json(const struct view *view, const struct sluice_trace *trace)
{
	struct sluice_note notes[SLUICE_TRACE_NOTES];
	json_t *list = json_array();
	memcpy(notes, trace->notes, sizeof(notes));
	qsort(notes, SLUICE_TRACE_NOTES, sizeof(notes[0]), by_last);
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++)
		if (notes[i].count > 0)
			json_array_append_new(list, note_json(view, &notes[i]));
	return list;
}

static json_t *stranger_json(const struct view *view, const struct sluice_stranger *stranger)
{
	static const char *const classes[SLUICE_CLASS_COUNT] = {
		"other", "STUN", "DTLS", "RTP", "RTCP"};
	const struct sluice_drop_info *info = sluice_decision_info(stranger->what);
	return json_pack("{s:o, s:s, s:s, s:s, s:I, s:f, s:f}", "address",
		view_address(&stranger->address), "decision", info ? info->name : "?", "help",
		info ? info->help : "of a newer version", "class",
		stranger->class < SLUICE_CLASS_COUNT ? classes[stranger->class] : "other", "count",
		(json_int_t)stranger->count, "since_seconds", view_age_s(view, stranger->since_ns),
		"seconds_ago", view_age_s(view, stranger->last_ns));
}

static const char *kind_text(uint8_t kind)
{
	return kind == SLUICE_VIDEO ? "video" : kind == SLUICE_AUDIO ? "audio" : "media";
}

static json_t *encoding_json(const struct view *view, const struct sluice_encoding_status *status)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ssrc",
		(json_int_t)status->ssrc, "packets", (json_int_t)status->packets, "bitrate_bps",
		(json_int_t)status->bitrate_bps, "lost", (json_int_t)status->lost, "recovered",
		(json_int_t)status->recovered, "key_frames", (json_int_t)status->key_frames,
		"key_requests", (json_int_t)status->key_requests, "nacks",
		(json_int_t)status->nacks_sent, "rtt_us", (json_int_t)status->rtt_us,
		"heard_seconds_ago", seconds_or_null(view, status->heard_ns));
}

static json_t *publication_json(
	const struct why_session *session, const struct why_publication *publication)
{
	const struct view *view = session->view;
	json_t *encodings = json_array();
	for (unsigned e = 0; e < publication->row.encodings_used; e++)
		json_array_append_new(
			encodings, encoding_json(view, &publication->status.encodings[e]));
	return json_pack("{s:i, s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "publication",
		(int)publication->index, "kind", kind_text(publication->row.kind), "mid",
		view_text((const char *)publication->row.mid, SLUICE_MID_MAX), "paused",
		publication->row.paused, "encodings", encodings, "first_packet_seconds_ago",
		seconds_or_null(view, publication->trace.first_ns), "first_key_frame_seconds_ago",
		seconds_or_null(view, publication->trace.first_key_ns), "decisions",
		notes_json(view, &publication->trace));
}

// Whose media a publication is: IDENTITY, else "publication N".
static void publisher_name(
	const struct view *view, const struct sluice_publication *row, char *name, size_t size)
{
	struct sluice_participant participant;
	snprintf(name, size, "a publisher that has left");
	if (row->participant.index < SLUICE_PARTICIPANTS_MAX &&
		VIEW_ROW(view, participants, row->participant.index, participant) &&
		participant.row.generation == row->participant.generation)
		snprintf(name, size, "%.*s", (int)sizeof(participant.identity) - 1,
			participant.identity);
}

static json_t *subscription_json(const struct why_session *session,
	const struct why_subscription *subscription, const struct why_publication *publication,
	const char *publisher)
{
	const struct view *view = session->view;
	const struct sluice_subscription_status *status = &subscription->status;
	json_t *json = json_pack(
		"{s:i, s:s, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:i, s:I}", "subscription",
		(int)subscription->index, "publisher", publisher, "kind",
		publication ? kind_text(publication->row.kind) : "media", "ssrc",
		(json_int_t)subscription->row.ssrc, "active", subscription->row.active, "paused",
		subscription->row.paused, "packets", (json_int_t)status->packets, "bitrate_bps",
		(json_int_t)status->bitrate_bps, "resent", (json_int_t)status->resent,
		"nacks_missed", (json_int_t)status->nacks_missed, "key_requests",
		(json_int_t)status->key_requests, "loss_permille",
		(int)(status->loss_fraction * 1000 / 256), "rtt_us", (json_int_t)status->rtt_us);
	json_object_set_new(json, "sent_seconds_ago", seconds_or_null(view, status->last_sent_ns));
	json_object_set_new(json, "first_packet_seconds_ago",
		seconds_or_null(view, subscription->trace.first_ns));
	json_object_set_new(json, "first_key_frame_seconds_ago",
		seconds_or_null(view, subscription->trace.first_key_ns));
	json_object_set_new(json, "decisions", notes_json(view, &subscription->trace));
	return json;
}

// ---- one peer -------------------------------------------------------------------------------------

struct wanted {
	uint32_t ssrc; // only what has to do with it; 0 = all
	json_t *conclusions;
};

static bool same_handle(struct sluice_handle a, uint32_t index, uint32_t generation)
{
	return a.index == index && a.generation == generation;
}

static bool publication_has(const struct why_publication *publication, uint32_t ssrc)
{
	for (unsigned e = 0; e < publication->row.encodings_used; e++) {
		const struct sluice_encoding *row = &publication->row.encodings[e];
		const struct sluice_encoding_status *status = &publication->status.encodings[e];
		if (ssrc == row->ssrc || ssrc == row->rtx_ssrc || ssrc == status->ssrc ||
			ssrc == status->rtx_ssrc)
			return true;
	}
	return false;
}

static bool trace_has(const struct sluice_trace *trace, uint32_t ssrc)
{
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++)
		if (trace->notes[i].count > 0 && trace->notes[i].ssrc == ssrc)
			return true;
	return false;
}

static bool subscription_has(const struct why_subscription *subscription, uint32_t ssrc)
{
	return ssrc == subscription->row.ssrc || ssrc == subscription->row.rtx_ssrc;
}

static json_t *publications_json(const struct why_session *session, const struct wanted *wanted)
{
	const struct view *view = session->view;
	json_t *list = json_array();
	struct why_publication one;
	uint32_t used = view_rows(view, SLUICE_TABLE_PUBLICATION, SLUICE_PUBLICATIONS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!VIEW_ROW(view, publications, i, one.row) ||
			!same_handle(
				one.row.transport, session->index, session->row.row.generation) ||
			!why_publication(
				view, (struct sluice_handle){i, one.row.row.generation}, &one) ||
			(wanted->ssrc && !publication_has(&one, wanted->ssrc)))
			continue;
		json_array_append_new(list, publication_json(session, &one));
		verdict_publication(wanted->conclusions, session, &one);
	}
	return list;
}

static json_t *subscriptions_json(const struct why_session *session, const struct wanted *wanted)
{
	const struct view *view = session->view;
	json_t *list = json_array();
	struct why_subscription one;
	struct why_publication from;
	char publisher[SLUICE_NAME_MAX] = "a publisher that has left";
	uint32_t used = view_rows(view, SLUICE_TABLE_SUBSCRIPTION, SLUICE_SUBSCRIPTIONS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!VIEW_ROW(view, subscriptions, i, one.row) ||
			!same_handle(
				one.row.transport, session->index, session->row.row.generation) ||
			!why_subscription(
				view, (struct sluice_handle){i, one.row.row.generation}, &one) ||
			(wanted->ssrc && !subscription_has(&one, wanted->ssrc)))
			continue;
		bool known = why_publication(view, one.row.publication, &from);
		if (known)
			publisher_name(view, &from.row, publisher, sizeof(publisher));
		json_array_append_new(
			list, subscription_json(session, &one, known ? &from : NULL, publisher));
		verdict_subscription(wanted->conclusions, session, &one, publisher);
	}
	return list;
}

// Of the hosts that the session has proved, by whatever port.
static json_t *strangers_json(const struct why_session *session)
{
	const struct sluice_stranger *stranger;
	json_t *list = json_array();
	unsigned at = 0;
	while ((stranger = why_stranger(session->view, &at)) != NULL) {
		bool same = false;
		for (unsigned i = 0; i < session->row.paths_used; i++)
			same |= memcmp(session->row.paths[i].remote.ip, stranger->address.ip,
					sizeof(stranger->address.ip)) == 0;
		if (same)
			json_array_append_new(list, stranger_json(session->view, stranger));
	}
	return list;
}

static json_t *paths_json(const struct sluice_transport *row)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < row->paths_used; i++)
		json_array_append_new(list, view_address(&row->paths[i].remote));
	return list;
}

static json_t *session_json(const struct why_session *session, const struct wanted *wanted)
{
	const struct sluice_transport *row = &session->row;
	const struct sluice_transport_status *status = &session->status;
	const struct view *view = session->view;
	bool keys = row->flags & SLUICE_TRANSPORT_HAS_KEYS;
	verdict_session(wanted->conclusions, session);
	json_t *json = json_pack("{s:i, s:s, s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:o}", "transport",
		(int)session->index, "direction", view_direction(row), "state",
		keys		      ? "connected"
		: row->paths_used > 0 ? "connecting"
				      : "new",
		"worker", (int)row->worker, "paths", paths_json(row), "packets_in",
		(json_int_t)status->packets_in, "packets_out", (json_int_t)status->packets_out,
		"auth_failures", (json_int_t)status->auth_failures, "replays",
		(json_int_t)status->replays, "remote",
		row->paths_used ? view_address(&row->paths[row->path_selected].remote)
				: json_null());
	json_object_set_new(json, "heard_seconds_ago", seconds_or_null(view, status->heard_ns));
	json_object_set_new(
		json, "keyed_seconds_ago", seconds_or_null(view, session->trace.keyed_ns));
	json_object_set_new(
		json, "arrived_seconds_ago", seconds_or_null(view, session->trace.arrived_ns));
	json_object_set_new(json, "decisions", notes_json(view, &session->trace));
	json_object_set_new(json, "strangers", strangers_json(session));
	json_object_set_new(json, "publications", publications_json(session, wanted));
	json_object_set_new(json, "subscriptions", subscriptions_json(session, wanted));
	return json;
}

static bool session_wanted(const struct why_session *session, uint32_t ssrc)
{
	const struct view *view = session->view;
	struct why_publication publication;
	struct why_subscription subscription;
	uint32_t used = view_rows(view, SLUICE_TABLE_PUBLICATION, SLUICE_PUBLICATIONS_MAX);
	if (ssrc == 0 || trace_has(&session->trace, ssrc))
		return true;
	for (uint32_t i = 0; i < used; i++)
		if (VIEW_ROW(view, publications, i, publication.row) &&
			same_handle(publication.row.transport, session->index,
				session->row.row.generation) &&
			why_publication(view,
				(struct sluice_handle){i, publication.row.row.generation},
				&publication) &&
			publication_has(&publication, ssrc))
			return true;
	used = view_rows(view, SLUICE_TABLE_SUBSCRIPTION, SLUICE_SUBSCRIPTIONS_MAX);
	for (uint32_t i = 0; i < used; i++)
		if (VIEW_ROW(view, subscriptions, i, subscription.row) &&
			same_handle(subscription.row.transport, session->index,
				session->row.row.generation) &&
			subscription_has(&subscription, ssrc))
			return true;
	return false;
}

// NULL when the participant has nothing to do with `ssrc`.
static json_t *peer_json(const struct view *view, uint32_t index, uint32_t ssrc)
{
	struct sluice_participant participant;
	struct why_session session;
	struct wanted wanted = {ssrc, json_array()};
	json_t *transports = json_array();
	uint32_t used = view_rows(view, SLUICE_TABLE_TRANSPORT, SLUICE_TRANSPORTS_MAX);
	bool there = VIEW_ROW(view, participants, index, participant);
	for (uint32_t i = 0; there && i < used; i++)
		if (VIEW_ROW(view, transports, i, session.row) &&
			same_handle(session.row.participant, index, participant.row.generation) &&
			why_session(view, (struct sluice_handle){i, session.row.row.generation},
				&session) &&
			session_wanted(&session, ssrc))
			json_array_append_new(transports, session_json(&session, &wanted));
	explicit_bzero(&session.row, sizeof(session.row));
	if (!there || (ssrc && json_array_size(transports) == 0)) {
		json_decref(transports);
		json_decref(wanted.conclusions);
		return NULL;
	}
	if (json_array_size(transports) == 0)
		json_array_append_new(wanted.conclusions,
			json_string("it has joined but neither sends nor receives: no offer was "
				    "made; `sluicectl join-report` says how far it came"));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "room",
		view_text(participant.room, sizeof(participant.room)), "identity",
		view_text(participant.identity, sizeof(participant.identity)), "dialect",
		view_text(participant.dialect, sizeof(participant.dialect)), "transports",
		transports, "conclusions", wanted.conclusions);
}

// ---- who is meant ---------------------------------------------------------------------------------

// How many participants the word names; the last of them in *index.
static unsigned peers_named(const struct view *view, const char *word, uint32_t *index)
{
	struct sluice_participant participant;
	char full[2 * SLUICE_NAME_MAX];
	unsigned n = 0;
	uint32_t used = view_rows(view, SLUICE_TABLE_PARTICIPANT, SLUICE_PARTICIPANTS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!VIEW_ROW(view, participants, i, participant))
			continue;
		participant.room[SLUICE_NAME_MAX - 1] = 0;
		participant.identity[SLUICE_NAME_MAX - 1] = 0;
		snprintf(full, sizeof(full), "%s/%s", participant.room, participant.identity);
		if (strcmp(word, participant.identity) != 0 && strcmp(word, full) != 0)
			continue;
		*index = i;
		n++;
	}
	return n;
}

static bool ssrc_read(const char *word, uint32_t *ssrc)
{
	char *end;
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	unsigned long long value = strtoull(word, &end, hex ? 16 : 10);
	if (word[0] < '0' || word[0] > '9' || *end || value == 0 || value > UINT32_MAX)
		return false;
	*ssrc = (uint32_t)value;
	return true;
}

static json_t *peers_of_ssrc(const struct view *view, uint32_t ssrc)
{
	json_t *peers = json_array(), *peer;
	uint32_t used = view_rows(view, SLUICE_TABLE_PARTICIPANT, SLUICE_PARTICIPANTS_MAX);
	for (uint32_t i = 0; i < used; i++)
		if ((peer = peer_json(view, i, ssrc)) != NULL)
			json_array_append_new(peers, peer);
	return peers;
}

bool why_address(const char *text, struct sluice_address *address)
{
	char ip[INET6_ADDRSTRLEN + 1] = "";
	const char *port = NULL, *close = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = strchr(text, ':');
	size_t length = strlen(text);
	*address = (struct sluice_address){0};
	if (close) {
		length = (size_t)(close - ++text);
		port = close[1] == ':' ? close + 2 : NULL;
		if (close[1] && !port)
			return false;
	} else if (colon && !strchr(colon + 1, ':')) {
		length = (size_t)(colon - text);
		port = colon + 1;
	}
	if (length >= sizeof(ip))
		return false;
	memcpy(ip, text, length);
	if (port) {
		char *end;
		unsigned long number = strtoul(port, &end, 10);
		if (*port < '0' || *port > '9' || *end || number == 0 || number > 65535)
			return false;
		address->port = (uint16_t)number;
	}
	if (inet_pton(AF_INET6, ip, address->ip) == 1)
		return true;
	memset(address->ip + 10, 0xFF, 2);
	return inet_pton(AF_INET, ip, address->ip + 12) == 1;
}

static bool address_meant(const struct sluice_address *wanted, const struct sluice_address *one)
{
	return memcmp(wanted->ip, one->ip, sizeof(one->ip)) == 0 &&
	       (wanted->port == 0 || wanted->port == one->port);
}

// The participants that have proved the address.
static json_t *peers_at(const struct view *view, const struct sluice_address *address)
{
	json_t *peers = json_array(), *peer;
	struct why_session session;
	uint32_t used = view_rows(view, SLUICE_TABLE_TRANSPORT, SLUICE_TRANSPORTS_MAX);
	uint32_t before = UINT32_MAX;
	for (uint32_t i = 0; i < used; i++) {
		if (!VIEW_ROW(view, transports, i, session.row))
			continue;
		uint32_t owner = session.row.participant.index;
		bool here = false;
		for (unsigned p = 0; p < session.row.paths_used && p < SLUICE_PATHS_MAX; p++)
			here |= address_meant(address, &session.row.paths[p].remote);
		explicit_bzero(&session.row, sizeof(session.row));
		if (!here || owner >= SLUICE_PARTICIPANTS_MAX || owner == before)
			continue;
		before = owner;
		if ((peer = peer_json(view, owner, 0)) != NULL)
			json_array_append_new(peers, peer);
	}
	return peers;
}

static json_t *address_json(
	const struct view *view, const char *word, const struct sluice_address *address)
{
	const struct sluice_stranger *stranger;
	json_t *strangers = json_array(), *conclusions = json_array();
	unsigned at = 0;
	while ((stranger = why_stranger(view, &at)) != NULL)
		if (address_meant(address, &stranger->address))
			json_array_append_new(strangers, stranger_json(view, stranger));
	verdict_address(conclusions, view, address);
	return json_pack("{s:s, s:o, s:o, s:o}", "address", word, "peers", peers_at(view, address),
		"strangers", strangers, "conclusions", conclusions);
}

json_t *why_look(const struct view *view, const char *peer, char *why, size_t why_size)
{
	struct sluice_address address;
	uint32_t index = 0, ssrc = 0;
	unsigned named = peers_named(view, peer, &index);
	if (named > 1) {
		snprintf(why, why_size,
			"%u participants are called %s: say ROOM/%s; `sluicectl rooms` has them",
			named, peer, peer);
		return NULL;
	}
	if (named == 1)
		return json_pack("{s:[o]}", "peers", peer_json(view, index, 0));
	if (ssrc_read(peer, &ssrc)) {
		json_t *peers = peers_of_ssrc(view, ssrc);
		if (json_array_size(peers) > 0)
			return json_pack("{s:I, s:o}", "ssrc", (json_int_t)ssrc, "peers", peers);
		json_decref(peers);
		snprintf(why, why_size, "nobody is called %s, and no session knows SSRC %u (0x%x)",
			peer, ssrc, ssrc);
		return NULL;
	}
	if (why_address(peer, &address))
		return address_json(view, peer, &address);
	snprintf(why, why_size,
		"nobody is called %s now: `sluicectl peers` lists who is here, `sluicectl "
		"join-report %s` remembers who was",
		peer, peer);
	return NULL;
}

// ---- the verb -------------------------------------------------------------------------------------

int why_run(const struct config *config, int count, char **words, bool as_json)
{
	struct view view;
	char why[CONFIG_PATH_MAX + 128];
	if (count != 2) {
		fprintf(stderr, "sluicectl: usage: sluicectl why ROOM/IDENTITY | IDENTITY | SSRC | "
				"ADDRESS[:PORT]\n");
		return 2;
	}
	view_open(&view, config->runtime_directory);
	json_t *json = NULL;
	if (view.desired)
		json = why_look(&view, words[1], why, sizeof(why));
	else
		snprintf(why, sizeof(why),
			"%s: no shared files that can be read: has Sluice run "
			"here, and are you root?",
			config->runtime_directory);
	if (!json)
		fprintf(stderr, "sluicectl: %s\n", why);
	else if (as_json)
		json_dumpf(json, stdout, JSON_INDENT(2));
	else
		text_why(json, stdout);
	if (json && as_json)
		printf("\n");
	int status = json ? 0 : 1;
	json_decref(json);
	view_close(&view);
	return status;
}

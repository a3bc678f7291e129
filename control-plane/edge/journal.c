// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include "address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

enum { JOINED_BIT = 0x40000000 };

struct journal {
	uint32_t count; // transports
	struct journal_passage **under_way; // by transport index
	struct journal_passage *ended; // newest first
	unsigned ended_used;
	uint32_t joined_last, others_last; // numbers given
	struct journal_visit joined[JOURNAL_JOINED], others[JOURNAL_OTHERS];
	struct journal_stranger strangers[JOURNAL_STRANGERS];
	struct journal_from *from; // whose doing everything is now; NULL = nobody's
	struct journal_host host;
};

// ---- life

struct journal *journal_create(const struct journal_host *host, uint32_t transports)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->host = *host;
	journal->count = transports;
	journal->under_way = calloc(transports, sizeof(struct journal_passage *));
	if (journal->under_way)
		return journal;
	free(journal);
	return NULL;
}

void journal_destroy(struct journal *journal)
{
	struct journal_passage *passage;

	if (!journal)
		return;
	for (uint32_t i = 0; i < journal->count; i++)
		free(journal->under_way[i]);
	while ((passage = journal->ended) != NULL) {
		journal->ended = passage->next;
		free(passage);
	}
	free(journal->under_way);
	free(journal);
}

// ---- visits

void journal_enter(struct journal *journal, struct journal_from *from)
{
	if (journal)
		journal->from = from;
}

void journal_leave(struct journal *journal)
{
	if (journal)
		journal->from = NULL;
}

static struct journal_visit *visit_at(struct journal *journal, uint32_t number)
{
	return number & JOINED_BIT ? &journal->joined[number % JOURNAL_JOINED]
				   : &journal->others[number % JOURNAL_OTHERS];
}

// Of the connection of now; NULL when there is none, or it was forgotten.
static struct journal_visit *visit_now(struct journal *journal)
{
	struct journal_from *from = journal ? journal->from : NULL;
	struct journal_visit *visit = from && from->visit ? visit_at(journal, from->visit) : NULL;

	return visit && visit->number == from->visit ? visit : NULL;
}

static struct journal_visit *visit_begin(struct journal *journal)
{
	struct journal_from *from = journal ? journal->from : NULL;
	struct journal_visit *visit = visit_now(journal);

	if (visit || !from || from->quiet)
		return visit;
	journal->others_last = journal->others_last % (JOINED_BIT - 1) + 1;
	from->visit = journal->others_last;
	visit = visit_at(journal, from->visit);
	*visit = (struct journal_visit){
		.number = from->visit, .websocket = from->websocket, .began_ms = from->began_ms};
	snprintf(visit->remote, sizeof(visit->remote), "%s", from->remote ? from->remote : "?");
	snprintf(visit->path, sizeof(visit->path), "%s", from->path);
	return visit;
}

// It is a participant's now: a flood of refused ones does not push it out any more.
static struct journal_visit *visit_promote(struct journal *journal, struct journal_visit *visit)
{
	struct journal_visit *kept;

	if (visit->number & JOINED_BIT)
		return visit;
	journal->joined_last = journal->joined_last % (JOINED_BIT - 1) + 1;
	journal->from->visit = journal->joined_last | JOINED_BIT;
	kept = visit_at(journal, journal->from->visit);
	*kept = *visit;
	kept->number = journal->from->visit;
	if (visit->number ==
		journal->others_last) // the next one takes this place, not an older one's
		journal->others_last--;
	visit->number = 0;
	return kept;
}

void journal_opened(struct journal *journal, uint64_t now_ms)
{
	struct journal_visit *visit = visit_begin(journal);

	if (visit && !visit->opened_ms) {
		visit->websocket = true;
		visit->opened_ms = now_ms;
	}
}

void journal_replied(struct journal *journal, int status, uint64_t now_ms)
{
	struct journal_visit *visit = visit_now(journal);

	if (!visit || visit->websocket)
		return;
	visit->status = status;
	visit->opened_ms = now_ms;
	journal->from->visit = 0; // the next request of the connection is another visit
}

void journal_refused(struct journal *journal, int status, uint64_t now_ms)
{
	struct journal_visit *visit = visit_begin(journal);

	if (!visit)
		return;
	visit->status = status;
	if (!visit->refused_ms)
		visit->refused_ms = now_ms;
}

void journal_token(struct journal *journal, const char *room, const char *identity, const char *why,
	uint64_t now_ms)
{
	struct journal_visit *visit = visit_begin(journal);

	if (!visit)
		return;
	if (why) {
		visit->refused_ms = now_ms;
		snprintf(visit->refusal, sizeof(visit->refusal), "%s", why);
		return;
	}
	visit->accepted_ms = now_ms;
	if (!visit->participant.generation) {
		snprintf(visit->room, sizeof(visit->room), "%s", room);
		snprintf(visit->identity, sizeof(visit->identity), "%s", identity);
	}
}

static void participant_gone(
	struct journal *journal, const struct core_participant *participant, uint64_t now_ms)
{
	for (unsigned i = 0; i < JOURNAL_JOINED; i++) {
		struct journal_visit *visit = &journal->joined[i];

		if (visit->number && visit->participant.index == participant->id.index &&
			visit->participant.generation == participant->id.generation &&
			!visit->left_ms)
			visit->left_ms = now_ms;
	}
}

void journal_participant(struct journal *journal, const struct core_participant *participant,
	const char *room, bool gone, uint64_t now_ms)
{
	struct journal_visit *visit;

	if (!journal)
		return;
	if (gone) {
		participant_gone(journal, participant, now_ms);
		return;
	}
	visit = visit_begin(journal);
	// What others do may change a participant, too; and one connection may be several.
	if (!visit || visit->participant.generation ||
		(visit->identity[0] && strcmp(visit->identity, participant->identity) != 0))
		return;
	visit = visit_promote(journal, visit);
	visit->participant = participant->id;
	visit->dialect = participant->dialect;
	visit->joined_ms = now_ms;
	snprintf(visit->room, sizeof(visit->room), "%s", room);
	snprintf(visit->identity, sizeof(visit->identity), "%s", participant->identity);
}

// ---- passages

static struct journal_passage *passage_of(
	const struct journal *journal, struct core_transport_id id)
{
	struct journal_passage *passage = journal && id.generation && id.index < journal->count
						  ? journal->under_way[id.index]
						  : NULL;

	return passage && passage->id.generation == id.generation ? passage : NULL;
}

static uint64_t ms_of(uint64_t ns)
{
	return ns / NS_PER_MS;
}

static void first_read(uint64_t *mark_ms, uint64_t ns)
{
	if (!*mark_ms && ns)
		*mark_ms = ms_of(ns);
}

static void stream_read(const struct journal *journal, struct journal_stream *stream)
{
	const struct sluice_observed *observed = journal->host.observed(journal->host.context);
	const struct sluice_trace *row = NULL;
	struct sluice_trace trace;

	if (observed && stream->down && stream->index < SLUICE_SUBSCRIPTIONS_MAX)
		row = &observed->subscription_traces[stream->index];
	else if (observed && !stream->down && stream->index < SLUICE_PUBLICATIONS_MAX)
		row = &observed->publication_traces[stream->index];
	if (!row || !sluice_row_read(&row->row, &trace, sizeof(trace)) ||
		trace.row.generation != stream->generation)
		return;
	first_read(&stream->first_ms, trace.first_ns);
	first_read(&stream->first_key_ms, trace.first_key_ns);
}

static void passage_read(const struct journal *journal, struct journal_passage *passage)
{
	const struct sluice_observed *observed = journal->host.observed(journal->host.context);
	uint32_t index = passage->id.index, generation = passage->id.generation;
	struct sluice_transport_status status;
	struct sluice_trace trace;

	if (!observed || index >= SLUICE_TRANSPORTS_MAX)
		return;
	if (sluice_row_read(&observed->transports[index].row, &status, sizeof(status)) &&
		status.row.generation == generation) {
		first_read(&passage->heard_ms, status.first_packet_ns);
		first_read(&passage->media_ms, status.first_media_ns);
	}
	if (sluice_row_read(&observed->transport_traces[index].row, &trace, sizeof(trace)) &&
		trace.row.generation == generation) {
		first_read(&passage->keyed_ms, trace.keyed_ns);
		first_read(&passage->arrived_ms, trace.arrived_ns);
	}
	for (unsigned i = 0; i < passage->streams_used; i++)
		stream_read(journal, &passage->streams[i]);
}

static void ended_trim(struct journal *journal, uint64_t now_ms)
{
	struct journal_passage **at = &journal->ended;
	unsigned kept = 0;

	// newest first: all behind the first that is too old, or too many, are, too
	while (*at && kept < JOURNAL_ENDED && now_ms - (*at)->ended_ms < JOURNAL_KEPT_MS) {
		at = &(*at)->next;
		kept++;
	}
	for (struct journal_passage *old = *at, *next; old; old = next) {
		next = old->next;
		free(old);
	}
	*at = NULL;
	journal->ended_used = kept;
}

static void passage_end(struct journal *journal, struct journal_passage *passage, uint64_t now_ms)
{
	passage_read(journal, passage);
	passage->ended_ms = now_ms;
	journal->under_way[passage->id.index] = NULL;
	passage->next = journal->ended;
	journal->ended = passage;
	if (++journal->ended_used > JOURNAL_ENDED)
		ended_trim(journal, now_ms);
}

static void name_copy(const struct core *core, struct core_participant_id id,
	char identity[CORE_NAME_MAX], char *room)
{
	const struct core_participant *participant = core ? core_participant(core, id) : NULL;
	const struct core_room *in = participant ? core_room(core, participant->room) : NULL;

	if (participant)
		memcpy(identity, participant->identity, CORE_NAME_MAX);
	if (in && room)
		memcpy(room, in->name, CORE_NAME_MAX);
}

static struct journal_passage *passage_begin(struct journal *journal, const struct core *core,
	const struct core_transport *transport, uint64_t now_ms)
{
	struct journal_passage *passage = journal->under_way[transport->id.index];

	if (passage) // its end was never told
		passage_end(journal, passage, now_ms);
	passage = calloc(1, sizeof(*passage));
	if (!passage)
		return NULL;
	journal->under_way[transport->id.index] = passage;
	passage->id = transport->id;
	passage->participant = transport->participant;
	passage->restored = transport->has_keys;
	passage->described_ms = transport->created_ms;
	name_copy(core, transport->participant, passage->identity, passage->room);
	name_copy(core, transport->publisher, passage->publisher, NULL);
	return passage;
}

void journal_transport(struct journal *journal, const struct core *core,
	const struct core_transport *transport, bool gone, uint64_t now_ms)
{
	struct journal_passage *passage;

	if (!journal || transport->id.index >= journal->count)
		return;
	passage = passage_of(journal, transport->id);
	if (gone) {
		if (passage)
			passage_end(journal, passage, now_ms);
		return;
	}
	if (!passage)
		passage = passage_begin(journal, core, transport, now_ms);
	if (!passage)
		return;
	passage->publishes = transport->publishes || !transport->publisher.generation;
	passage->pair = transport->pair;
	passage->dtls_client = transport->dtls_client;
	if (!passage->answered_ms && transport->fingerprint.length)
		passage->answered_ms = now_ms;
	if (!passage->check_ms && transport->checked_ms)
		passage->check_ms = transport->checked_ms;
	if (!passage->dtls_ms && transport->keyed_ms)
		passage->dtls_ms = transport->keyed_ms;
}

static struct journal_stream *stream_find(
	struct journal_passage *passage, bool down, uint32_t index, uint32_t generation)
{
	for (unsigned i = 0; i < passage->streams_used; i++) {
		struct journal_stream *stream = &passage->streams[i];

		if (stream->down == down && stream->index == index &&
			stream->generation == generation)
			return stream;
	}
	return NULL;
}

// Reads what the data plane says, now: the row may be going.
static struct journal_stream *stream_touch(
	struct journal *journal, struct journal_passage *passage, const struct journal_stream *like)
{
	struct journal_stream *stream =
		stream_find(passage, like->down, like->index, like->generation);

	if (!stream) {
		if (passage->streams_used == JOURNAL_STREAMS)
			return NULL;
		stream = &passage->streams[passage->streams_used++];
		*stream = *like;
	}
	stream_read(journal, stream);
	return stream;
}

void journal_publication(
	struct journal *journal, const struct core_publication *publication, uint64_t now_ms)
{
	struct journal_passage *passage = passage_of(journal, publication->transport);
	struct journal_stream like = {.index = publication->id.index,
		.generation = publication->id.generation,
		.kind = (uint8_t)publication->kind,
		.began_ms = now_ms};

	if (passage)
		stream_touch(journal, passage, &like);
}

void journal_subscription(struct journal *journal, const struct core *core,
	const struct core_subscription *subscription, uint64_t now_ms)
{
	struct journal_passage *passage = passage_of(journal, subscription->transport);
	const struct core_publication *publication =
		core ? core_publication(core, subscription->publication) : NULL;
	struct journal_stream like = {.index = subscription->id.index,
		.generation = subscription->id.generation,
		.down = true,
		.began_ms = now_ms};

	if (!passage)
		return;
	if (publication) {
		like.kind = (uint8_t)publication->kind;
		name_copy(core, publication->participant, like.publisher, NULL);
	}
	stream_touch(journal, passage, &like);
}

void journal_restore(struct journal *journal, const struct core *core, uint64_t now_ms)
{
	const struct core_transport *transport = NULL;
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;

	while ((transport = core_transport_next(core, transport)))
		journal_transport(journal, core, transport, false, now_ms);
	while ((publication = core_publication_next(core, publication)))
		journal_publication(journal, publication, now_ms);
	while ((subscription = core_subscription_next(core, subscription)))
		journal_subscription(journal, core, subscription, now_ms);
}

// ---- ICE and DTLS

static struct journal_stranger *stranger_of(
	struct journal *journal, const struct core_address *remote, uint64_t now_ms)
{
	struct journal_stranger *oldest = &journal->strangers[0];

	for (unsigned i = 0; i < JOURNAL_STRANGERS; i++) {
		struct journal_stranger *one = &journal->strangers[i];

		if (one->remote.port && address_same(&one->remote, remote))
			return one;
		if (one->last_ms < oldest->last_ms)
			oldest = one;
	}
	*oldest = (struct journal_stranger){.remote = *remote, .since_ms = now_ms};
	return oldest;
}

static void check_note(
	struct journal_passage *passage, const struct ice_progress *progress, uint64_t now_ms)
{
	if (progress->result == EDGE_STUN_OK) {
		if (!passage->checks++)
			passage->check_from = *progress->remote;
		return;
	}
	if (!passage->bad_ms)
		passage->bad_ms = now_ms;
	passage->bad_checks++;
	passage->bad_from = *progress->remote;
	passage->bad_result = progress->result;
}

static struct journal_passage *passage_ended(
	const struct journal *journal, struct core_transport_id id)
{
	struct journal_passage *passage = id.generation ? journal->ended : NULL;

	while (passage &&
		(passage->id.index != id.index || passage->id.generation != id.generation))
		passage = passage->next;
	return passage;
}

static void first_set(uint64_t *mark_ms, uint64_t now_ms)
{
	if (!*mark_ms)
		*mark_ms = now_ms;
}

void journal_progress(struct journal *journal, const struct ice_progress *progress, uint64_t now_ms)
{
	struct journal_passage *passage = passage_of(journal, progress->id);
	struct journal_stranger *stranger;

	if (journal && !passage && progress->step == ICE_OVER) // said after the end
		passage = passage_ended(journal, progress->id);

	if (journal && !progress->id.generation) {
		stranger = stranger_of(journal, progress->remote, now_ms);
		stranger->last_ms = now_ms;
		stranger->checks += progress->step == ICE_CHECK;
		stranger->records += progress->step == ICE_RECORD;
	}
	if (!passage)
		return;
	switch (progress->step) {
	case ICE_CHECK:
		check_note(passage, progress, now_ms);
		break;
	case ICE_NOMINATED:
		first_set(&passage->nominated_ms, now_ms);
		break;
	case ICE_RECORD:
		first_set(&passage->record_ms, now_ms);
		break;
	case ICE_SHAKEN:
		first_set(&passage->dtls_ms, now_ms);
		snprintf(passage->dtls, sizeof(passage->dtls), "%s", progress->text);
		break;
	case ICE_OVER:
		if (!passage->ended[0]) // the first to say it knows best
			snprintf(passage->ended, sizeof(passage->ended), "%s", progress->text);
		break;
	}
}

// ---- looking

void journal_refresh(struct journal *journal, uint64_t now_ms)
{
	for (uint32_t i = 0; i < journal->count; i++)
		if (journal->under_way[i])
			passage_read(journal, journal->under_way[i]);
	ended_trim(journal, now_ms);
}

const struct journal_visit *journal_visit_next(
	const struct journal *journal, const struct journal_visit *previous)
{
	const struct journal_visit *at = previous ? previous + 1 : journal->joined;

	if (!previous ||
		(previous >= journal->joined && previous < journal->joined + JOURNAL_JOINED)) {
		for (; at < journal->joined + JOURNAL_JOINED; at++)
			if (at->number)
				return at;
		at = journal->others;
	}
	for (; at < journal->others + JOURNAL_OTHERS; at++)
		if (at->number)
			return at;
	return NULL;
}

const struct journal_passage *journal_passage_next(
	const struct journal *journal, const struct journal_passage *previous)
{
	uint32_t i = 0;

	if (previous && previous->ended_ms)
		return previous->next;
	if (previous)
		i = previous->id.index + 1;
	for (; i < journal->count; i++)
		if (journal->under_way[i])
			return journal->under_way[i];
	return journal->ended;
}

const struct journal_stranger *journal_stranger_next(
	const struct journal *journal, const struct journal_stranger *previous)
{
	const struct journal_stranger *at = previous ? previous + 1 : journal->strangers;

	for (; at < journal->strangers + JOURNAL_STRANGERS; at++)
		if (at->remote.port)
			return at;
	return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "journal_report.h"

#include "address.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	PATIENCE_MS = 2000, // until what has not come counts as missing
	TEXT_MAX = 512,
};

struct teller { // one report
	const struct journal *journal;
	const struct core *core;
	uint64_t zero_ms; // its first event
	uint64_t now_ms;
};

// ---- steps

__attribute__((format(printf, 5, 6))) static void step(const struct teller *teller, json_t *steps,
	uint64_t at_ms, const char *what, const char *format, ...)
{
	char detail[TEXT_MAX] = "";
	va_list arguments;
	json_t *one;

	if (!at_ms)
		return;
	va_start(arguments, format);
	if (format)
		vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	one = json_pack(
		"{s:I, s:s}", "ms", (json_int_t)at_ms - (json_int_t)teller->zero_ms, "what", what);
	if (one && *detail) {
		json_t *text = json_string(detail);

		json_object_set_new(one, "detail", text ? text : json_string("?"));
	}
	json_array_append_new(steps, one);
}

// By time; equal ones stay in their order, which is that of the way.
static void steps_sort(json_t *steps)
{
	size_t count = json_array_size(steps);

	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0; k--) {
			json_t *before = json_array_get(steps, k - 1),
			       *one = json_array_get(steps, k);

			if (json_integer_value(json_object_get(before, "ms")) <=
				json_integer_value(json_object_get(one, "ms")))
				break;
			json_incref(before);
			json_incref(one);
			json_array_set_new(steps, k - 1, one);
			json_array_set_new(steps, k, before);
		}
}

__attribute__((format(printf, 1, 2))) static json_t *sentence(const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;
	json_t *string;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	string = json_string(text);
	return string ? string : json_string("?");
}

// ---- visits

static json_t *visit_conclusion(const struct teller *teller, const struct journal_visit *visit)
{
	if (visit->refused_ms && visit->refusal[0])
		return sentence("refused: %s%s; `sluicectl token` makes one that is good",
			visit->refusal, visit->status ? "" : " (the client was told)");
	if (visit->status >= 400)
		return sentence("refused with HTTP %d: control's log says why", visit->status);
	if (!visit->participant.generation && teller->now_ms - visit->began_ms < PATIENCE_MS)
		return sentence("has not joined a room yet");
	if (!visit->participant.generation && visit->accepted_ms)
		return sentence(
			"its token was good, but it has not joined a room: the client sent no "
			"join, or was refused (full, draining, not granted, by the hook)");
	if (!visit->participant.generation)
		return sentence("it has said nothing that makes it join: is this the path of its "
				"dialect?");
	return sentence(visit->left_ms ? "joined, and has left" : "joined");
}

static json_t *visit_json(const struct teller *teller, const struct journal_visit *visit)
{
	json_t *steps = json_array();

	step(teller, steps, visit->began_ms,
		visit->websocket ? "connection accepted" : "request came", "from %s",
		visit->remote);
	if (visit->websocket)
		step(teller, steps, visit->opened_ms, "WebSocket opened", "%s", visit->path);
	step(teller, steps, visit->accepted_ms, "token accepted", NULL);
	step(teller, steps, visit->refused_ms, "refused", "%s", visit->refusal);
	step(teller, steps, visit->joined_ms, "joined", "%s as %s", visit->room, visit->identity);
	if (!visit->websocket && visit->status)
		step(teller, steps, visit->opened_ms, "answered", "HTTP %d", visit->status);
	step(teller, steps, visit->left_ms, "left", NULL);
	steps_sort(steps);
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o}", "remote", visit->remote, "by",
		sentence("%s %s", visit->websocket ? "WebSocket" : "HTTP", visit->path), "room",
		visit->room, "identity", visit->identity, "dialect",
		visit->dialect ? visit->dialect : "", "steps", steps, "conclusion",
		visit_conclusion(teller, visit));
}

// ---- passages

// "192.0.2.1 port 7000", as clients are told.
static void ours_text(const struct teller *teller, char *text, size_t size)
{
	const struct core_local *local = teller->core ? core_local(teller->core) : NULL;
	size_t used = 0;

	snprintf(text, size, "an address that is not known (media.addresses)");
	for (unsigned i = 0; local && i < local->candidates_used && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s port %u", i ? ", " : "",
			local->candidates[i].address, local->candidates[i].port);
}

static bool same_host(const struct core_address *address, const char *remote)
{
	char text[ADDRESS_TEXT_MAX];
	size_t length;

	address_print(address, text);
	length = strlen(text) - strlen(strrchr(text, ':'));
	return strlen(remote) > length && !strncmp(text, remote, length) && remote[length] == ':';
}

// Of a session that we know, or knew: its client has not noticed yet that it ended.
static bool is_known(const struct teller *teller, const struct core_address *remote)
{
	const struct journal_passage *passage = NULL;

	while ((passage = journal_passage_next(teller->journal, passage)))
		if (passage->checks && address_same(&passage->check_from, remote))
			return true;
	return false;
}

// Checks that are nobody's from the host of one of the participant's connections, NULL = none.
static const struct journal_stranger *stray(
	const struct teller *teller, const struct journal_passage *passage)
{
	const struct journal_stranger *stranger = NULL;

	while ((stranger = journal_stranger_next(teller->journal, stranger))) {
		const struct journal_visit *visit = NULL;

		if (!stranger->checks || is_known(teller, &stranger->remote))
			continue;
		while (stranger->last_ms >= passage->described_ms &&
			(visit = journal_visit_next(teller->journal, visit)))
			if (visit->participant.index == passage->participant.index &&
				visit->participant.generation == passage->participant.generation &&
				same_host(&stranger->remote, visit->remote))
				return stranger;
	}
	return NULL;
}

static json_t *no_check(const struct teller *teller, const struct journal_passage *passage)
{
	const struct journal_stranger *stranger = stray(teller, passage);
	char ours[TEXT_MAX / 2], from[ADDRESS_TEXT_MAX];

	if (passage->bad_checks)
		return sentence(
			"%u STUN checks came from %s but none was valid (%s): the client uses "
			"another ice-pwd than ours: an old description, or one that was "
			"changed on its way",
			passage->bad_checks, address_print(&passage->bad_from, from),
			passage->bad_result == EDGE_STUN_UNAUTHORIZED ? "wrong integrity"
			: passage->bad_result == EDGE_STUN_ROLE_CONFLICT
				? "role conflict: the client says it is controlled"
				: "malformed");
	if (stranger)
		return sentence(
			"no STUN check arrived for it, but checks from %s are for a user that is "
			"none of ours: the client uses an old description, or one of another relay",
			address_print(&stranger->remote, from));
	ours_text(teller, ours, sizeof(ours));
	return sentence("no STUN check arrived: UDP is blocked on the way to %s, or the client was "
			"given the wrong address; see media.addresses",
		ours);
}

static json_t *no_dtls(const struct journal_passage *passage)
{
	char from[ADDRESS_TEXT_MAX];

	address_print(&passage->check_from, from);
	if (!passage->record_ms && passage->dtls_client)
		return sentence(
			"STUN works with %s, but it answers our DTLS ClientHello with nothing: "
			"something on the way lets only STUN pass, or the client has ended",
			from);
	if (!passage->record_ms)
		return sentence(
			"STUN works with %s, but no DTLS record has come: the client has not "
			"taken our description (a=setup, a=fingerprint), or something on the "
			"way lets only STUN pass",
			from);
	return sentence(
		"DTLS began with %s but does not finish: its larger datagrams are lost on the "
		"way (MTU), or ours are",
		from);
}

static bool carries_video(const struct journal_passage *passage, bool down, bool *keyed)
{
	bool video = false;

	*keyed = false;
	for (unsigned i = 0; i < passage->streams_used; i++) {
		const struct journal_stream *stream = &passage->streams[i];

		if (stream->down != down || stream->kind != DESC_VIDEO)
			continue;
		video = true;
		*keyed |= stream->first_key_ms != 0;
	}
	return video;
}

static bool carries(const struct journal_passage *passage, bool down, bool *flows)
{
	bool any = false;

	*flows = false;
	for (unsigned i = 0; i < passage->streams_used; i++) {
		any |= passage->streams[i].down == down;
		*flows |= passage->streams[i].down == down && passage->streams[i].first_ms;
	}
	return any;
}

// Keys are there: what of the media is missing, NULL = nothing.
static json_t *no_media(const struct journal_passage *passage)
{
	char from[ADDRESS_TEXT_MAX];
	bool flows, keyed;
	bool sends = passage->publishes || passage->pair;

	address_print(&passage->check_from, from);
	if (!passage->keyed_ms)
		return sentence("the keys are not in the data plane: is sluice-dataplane running?");
	if (sends && !passage->arrived_ms)
		return sentence(
			"all is up, but no RTP has come from %s: the client sends no media (is "
			"its track muted, is its camera in use?), or the XDP filter does not "
			"know the address: `sluicectl why %s`",
			from, from);
	if (sends && !passage->heard_ms)
		return sentence(
			"RTP comes from %s, but nothing of it is authentic: the client uses "
			"other keys than its DTLS gave us; `sluicectl why %s`",
			from, from);
	if (sends && !passage->media_ms)
		return sentence("all is up, but no media comes from %s, only RTCP: is its track "
				"muted, is its camera in use?",
			from);
	if (sends && carries(passage, false, &flows) && !flows)
		return sentence(
			"packets come from %s, but of no stream that was offered: `sluicectl "
			"why` names their SSRC and payload type",
			from);
	if (sends && carries_video(passage, false, &keyed) && !keyed)
		return sentence("video comes in, but no key frame: nobody can decode it before one "
				"comes; `sluicectl why` says how often the client was asked");
	if (carries(passage, true, &flows) && !flows)
		return sentence(
			"nothing was sent to it yet: `sluicectl why` says what it waits for");
	if (carries_video(passage, true, &keyed) && !keyed)
		return sentence(
			"it is sent media, but no key frame of video yet: its picture is black");
	return NULL;
}

static json_t *passage_conclusion(
	const struct teller *teller, const struct journal_passage *passage)
{
	uint64_t until_ms = passage->ended_ms ? passage->ended_ms : teller->now_ms;
	bool early = !passage->ended_ms && until_ms - passage->described_ms < PATIENCE_MS;
	json_t *missing = NULL;

	if (passage->restored)
		return sentence("it was up when control started: what came before is not known");
	if (!passage->answered_ms)
		missing = sentence(
			"our offer was not answered: the client has not got it, or refused "
			"it");
	else if (!passage->check_ms)
		missing = no_check(teller, passage);
	else if (!passage->dtls_ms && passage->ended[0] && passage->record_ms)
		missing = sentence("DTLS failed: %s", passage->ended);
	else if (!passage->dtls_ms)
		missing = no_dtls(passage);
	else
		missing = no_media(passage);
	if (!missing)
		return sentence("came up%s", passage->ended_ms ? ", and has ended" : "");
	if (!early)
		return missing;
	json_decref(missing);
	return sentence("under way");
}

static void stream_steps(
	const struct teller *teller, const struct journal_stream *stream, json_t *steps)
{
	const char *kind = stream->kind == DESC_VIDEO ? "video" : "audio";

	if (stream->down) {
		step(teller, steps, stream->first_ms, "first packet sent", "%s of %s", kind,
			stream->publisher);
		if (stream->kind == DESC_VIDEO)
			step(teller, steps, stream->first_key_ms, "first key frame sent", "of %s",
				stream->publisher);
		return;
	}
	step(teller, steps, stream->first_ms, "first packet decrypted", "%s", kind);
	if (stream->kind == DESC_VIDEO)
		step(teller, steps, stream->first_key_ms, "first key frame came", NULL);
}

// To whom its media went first.
static void subscriber_steps(
	const struct teller *teller, const struct journal_passage *passage, json_t *steps)
{
	const struct journal_passage *other = NULL;

	while (passage->publishes &&
		(other = journal_passage_next(teller->journal, other)) != NULL) {
		if (strcmp(other->room, passage->room) != 0)
			continue;
		for (unsigned i = 0; i < other->streams_used; i++) {
			const struct journal_stream *stream = &other->streams[i];

			if (stream->down && !strcmp(stream->publisher, passage->identity) &&
				stream->first_ms >= passage->described_ms)
				step(teller, steps, stream->first_ms,
					"first packet to a subscriber", "%s to %s",
					stream->kind == DESC_VIDEO ? "video" : "audio",
					other->identity);
		}
	}
}

static void check_steps(
	const struct teller *teller, const struct journal_passage *passage, json_t *steps)
{
	char text[ADDRESS_TEXT_MAX];

	if (passage->bad_checks)
		step(teller, steps, passage->bad_ms, "first bad STUN check",
			"from %s, integrity or form wrong, %u in all",
			address_print(&passage->bad_from, text), passage->bad_checks);
	if (passage->checks)
		step(teller, steps, passage->check_ms, "first STUN check", "from %s, integrity ok",
			address_print(&passage->check_from, text));
	step(teller, steps, passage->nominated_ms, "pair nominated", NULL);
}

static const char *direction(const struct journal_passage *passage)
{
	return passage->pair ? "both" : passage->publishes ? "up" : "down";
}

static json_t *passage_json(const struct teller *teller, const struct journal_passage *passage)
{
	json_t *steps = json_array(), *json;

	step(teller, steps, passage->restored ? 0 : passage->described_ms,
		passage->publishes ? "offer came" : "description made", NULL);
	step(teller, steps, passage->restored ? 0 : passage->answered_ms,
		passage->publishes ? "answer made" : "client's description came", NULL);
	check_steps(teller, passage, steps);
	step(teller, steps, passage->record_ms, "first DTLS record", NULL);
	step(teller, steps, passage->dtls_ms, "DTLS done", "%s", passage->dtls);
	step(teller, steps, passage->keyed_ms, "keys in the data plane", NULL);
	step(teller, steps, passage->arrived_ms, "first SRTP or SRTCP packet", NULL);
	step(teller, steps, passage->heard_ms, "first authentic packet", NULL);
	for (unsigned i = 0; i < passage->streams_used; i++)
		stream_steps(teller, &passage->streams[i], steps);
	subscriber_steps(teller, passage, steps);
	step(teller, steps, passage->ended_ms, "ended", "%s", passage->ended);
	steps_sort(steps);
	json = json_pack("{s:i, s:s, s:s, s:s, s:o, s:b, s:o}", "transport", (int)passage->id.index,
		"room", passage->room, "identity", passage->identity, "direction",
		direction(passage), "steps", steps, "ended", passage->ended_ms != 0, "conclusion",
		passage_conclusion(teller, passage));
	if (passage->publisher[0])
		json_object_set_new(json, "publisher", sentence("%s", passage->publisher));
	return json;
}

// ---- who is meant

static bool names(const char *peer, const char *room, const char *identity)
{
	char full[2 * CORE_NAME_MAX];

	snprintf(full, sizeof(full), "%s/%s", room, identity);
	return identity[0] && (!strcmp(peer, identity) || !strcmp(peer, full));
}

// "192.0.2.9" or "192.0.2.9:4000" against the latter.
static bool is_at(const char *peer, const char *remote)
{
	const char *port = strrchr(remote, ':');
	size_t length = strlen(peer);

	return !strcmp(peer, remote) ||
	       (port && length == (size_t)(port - remote) && !strncmp(peer, remote, length));
}

static bool visit_meant(const struct journal_visit *visit, const char *peer)
{
	return !peer || names(peer, visit->room, visit->identity) || is_at(peer, visit->remote);
}

// Without a name those are meant that did not come up.
static bool passage_meant(
	const struct journal *journal, const struct journal_passage *passage, const char *peer)
{
	const struct journal_visit *visit = NULL;
	char text[ADDRESS_TEXT_MAX];

	if (!peer)
		return !passage->dtls_ms && !passage->restored;
	if (names(peer, passage->room, passage->identity) ||
		(passage->checks && is_at(peer, address_print(&passage->check_from, text))) ||
		(passage->bad_checks && is_at(peer, address_print(&passage->bad_from, text))))
		return true;
	while ((visit = journal_visit_next(journal, visit)))
		if (visit_meant(visit, peer) &&
			visit->participant.generation == passage->participant.generation &&
			visit->participant.index == passage->participant.index &&
			visit->participant.generation)
			return true;
	return false;
}

// The newest, oldest of them first. Returns how many.
static unsigned visits_pick(const struct journal *journal, const char *peer,
	const struct journal_visit *picked[JOURNAL_REPORT_MAX])
{
	const struct journal_visit *visit = NULL;
	unsigned used = 0, at;

	while ((visit = journal_visit_next(journal, visit))) {
		if (!visit_meant(visit, peer))
			continue;
		for (at = used; at > 0 && picked[at - 1]->began_ms > visit->began_ms; at--)
			;
		if (used == JOURNAL_REPORT_MAX) {
			if (at == 0)
				continue;
			memmove(picked, picked + 1, --at * sizeof(picked[0]));
		} else {
			memmove(picked + at + 1, picked + at, (used++ - at) * sizeof(picked[0]));
		}
		picked[at] = visit;
	}
	return used;
}

static unsigned passages_pick(const struct journal *journal, const char *peer,
	const struct journal_passage *picked[JOURNAL_REPORT_MAX])
{
	const struct journal_passage *passage = NULL;
	unsigned used = 0;

	while (used < JOURNAL_REPORT_MAX && (passage = journal_passage_next(journal, passage)))
		if (passage_meant(journal, passage, peer))
			picked[used++] = passage;
	return used;
}

static json_t *strangers_json(const struct teller *teller, const char *peer)
{
	const struct journal_stranger *one = NULL;
	char text[ADDRESS_TEXT_MAX];
	json_t *list = json_array();

	while ((one = journal_stranger_next(teller->journal, one))) {
		address_print(&one->remote, text);
		if (!peer || is_at(peer, text))
			json_array_append_new(list,
				json_pack("{s:s, s:I, s:I, s:f, s:o}", "address", text, "checks",
					(json_int_t)one->checks, "records",
					(json_int_t)one->records, "seconds_ago",
					(double)(teller->now_ms - one->last_ms) / 1000,
					"conclusion",
					sentence(one->checks
							 ? "STUN checks for a user that is none of "
							   "ours: of a session that has ended, an "
							   "old description, or another relay"
							 : "DTLS from an address that no STUN "
							   "check has proved")));
	}
	return list;
}

static void zero_set(struct teller *teller, uint64_t at_ms)
{
	if (at_ms && (!teller->zero_ms || at_ms < teller->zero_ms))
		teller->zero_ms = at_ms;
}

json_t *journal_report(
	struct journal *journal, const struct core *core, const char *peer, uint64_t now_ms)
{
	const struct journal_visit *visits[JOURNAL_REPORT_MAX];
	const struct journal_passage *passages[JOURNAL_REPORT_MAX];
	struct teller teller = {.journal = journal, .core = core, .now_ms = now_ms};
	json_t *visit_list = json_array(), *passage_list = json_array();
	unsigned visits_used, passages_used;

	journal_refresh(journal, now_ms);
	visits_used = visits_pick(journal, peer, visits);
	passages_used = passages_pick(journal, peer, passages);
	for (unsigned i = 0; i < visits_used; i++)
		zero_set(&teller, visits[i]->began_ms);
	for (unsigned i = 0; i < passages_used; i++)
		zero_set(&teller, passages[i]->restored ? 0 : passages[i]->described_ms);
	for (unsigned i = 0; i < visits_used; i++)
		json_array_append_new(visit_list, visit_json(&teller, visits[i]));
	for (unsigned i = 0; i < passages_used; i++)
		json_array_append_new(passage_list, passage_json(&teller, passages[i]));
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "visits", visit_list, "passages",
		passage_list, "strangers", strangers_json(&teller, peer));
}

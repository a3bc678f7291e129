// SPDX-License-Identifier: Apache-2.0
// What follows from the rows, in plain sentences. The first thing that is wrong on the way of the media is what
// counts: whoever has no keys need not hear of key frames.
#include "sluicectl_why.h"

#include <stdarg.h>

#define S_NS UINT64_C(1000000000)
#define LATELY_NS (10 * S_NS) // what happened before is not what is wrong now
#define SILENT_NS (2 * S_NS)

enum { TEXT_MAX = 512, LOSS_SHOWN = 8 }; // of 256

__attribute__((format(printf, 2, 3))) static void say(json_t *out, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_t *sentence = json_string(text);
	json_array_append_new(out, sentence ? sentence : json_string("?"));
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static bool lately(const struct view *view, uint64_t then_ns, uint64_t within_ns)
{
	return then_ns != 0 && then_ns + within_ns > view->now_ns;
}

// The note when it is of the last seconds, else NULL.
static const struct sluice_note *recent(
	const struct view *view, const struct sluice_trace *trace, unsigned what)
{
	const struct sluice_note *note = sluice_trace_find(trace, what);
	return note && lately(view, note->last_ns, LATELY_NS) ? note : NULL;
}

static void address_text(const struct sluice_address *address, char *text, size_t size)
{
	json_t *string = view_address(address);
	snprintf(text, size, "%s", json_is_string(string) ? json_string_value(string) : "?");
	json_decref(string);
}

static const char *name_of(unsigned what)
{
	const struct sluice_drop_info *info = sluice_decision_info(what);
	return info ? info->name : "?";
}

static const char *help_of(unsigned what)
{
	const struct sluice_drop_info *info = sluice_decision_info(what);
	return info ? info->help : "of a newer version";
}

static const char *kind_text(uint8_t kind)
{
	return kind == SLUICE_VIDEO ? "video" : "audio";
}

// ---- the connection -------------------------------------------------------------------------------

// Why nothing can flow through the connection, NULL when that is not what is wrong.
static const char *session_fault(const struct why_session *session)
{
	if (!session->view->dataplane_alive)
		return "the data plane is not running: start sluice-dataplane";
	if (session->row.paths_used == 0)
		return "no STUN check has proved an address of the client";
	if (!(session->row.flags & SLUICE_TRANSPORT_HAS_KEYS))
		return "the DTLS handshake is not finished";
	if (session->trace.keyed_ns == 0)
		return "the data plane has not taken the keys: see its log";
	return NULL;
}

static bool is_fault_of_ice(const struct why_session *session)
{
	return session->row.paths_used == 0 || !(session->row.flags & SLUICE_TRANSPORT_HAS_KEYS);
}

static void remote_text(const struct why_session *session, char *text, size_t size)
{
	address_text(&session->row.paths[session->row.path_selected].remote, text, size);
}

static void say_fault(json_t *out, const struct why_session *session, const char *fault)
{
	const struct sluice_note *early =
		recent(session->view, &session->trace, SLUICE_DROP_no_keys);
	say(out, "transport %u is not up: %s%s", session->index, fault,
		is_fault_of_ice(session) ? "; `sluicectl join-report` says how far it came" : "");
	if (early)
		say(out,
			"transport %u: %u packet%s came before the keys (no_keys), the last %.1f s "
			"ago: the client believes that DTLS is done",
			session->index, early->count, plural(early->count),
			view_age_s(session->view, early->last_ns));
}

static void say_unauthentic(json_t *out, const struct why_session *session)
{
	const struct view *view = session->view;
	const struct sluice_note *note = recent(view, &session->trace, SLUICE_DROP_auth_failed);
	char remote[80];
	if (!note)
		return;
	remote_text(session, remote, sizeof(remote));
	if (session->status.heard_ns == 0 || session->status.heard_ns + SILENT_NS < note->last_ns)
		say(out,
			"packets come from %s but fail authentication: wrong keys or a second "
			"sender "
			"(%u in %.1f s, the last %.1f s ago, SSRC 0x%08x)",
			remote, note->run,
			view_age_s(view, note->since_ns) - view_age_s(view, note->last_ns),
			view_age_s(view, note->last_ns), note->ssrc);
	else
		say(out,
			"beside good ones %u packet%s from %s failed authentication, the last %.1f "
			"s "
			"ago: "
			"a second sender behind that address, or forged packets",
			note->run, plural(note->run), remote, view_age_s(view, note->last_ns));
}

static bool path_is(const struct why_session *session, const struct sluice_address *address)
{
	for (unsigned i = 0; i < session->row.paths_used; i++)
		if (sluice_address_equal(&session->row.paths[i].remote, address))
			return true;
	return false;
}

static bool host_is(const struct why_session *session, const struct sluice_address *address)
{
	for (unsigned i = 0; i < session->row.paths_used; i++)
		if (!memcmp(session->row.paths[i].remote.ip, address->ip, sizeof(address->ip)))
			return true;
	return false;
}

// Packets of its host that did not find the session.
static void say_strangers(json_t *out, const struct why_session *session)
{
	const struct sluice_stranger *one;
	char address[80];
	unsigned at = 0;
	while ((one = why_stranger(session->view, &at)) != NULL) {
		if (!lately(session->view, one->last_ns, LATELY_NS) ||
			!host_is(session, &one->address))
			continue;
		address_text(&one->address, address, sizeof(address));
		if (path_is(session, &one->address))
			say(out,
				"%llu packet%s from %s were dropped before the session saw them "
				"(%s): %s",
				(unsigned long long)one->count, plural(one->count), address,
				name_of(one->what), help_of(one->what));
		else
			say(out,
				"%llu packet%s came from %s, a port that no STUN check of this "
				"session "
				"has proved (%s): a NAT that changed its port, or another sender",
				(unsigned long long)one->count, plural(one->count), address,
				name_of(one->what));
	}
}

static void say_unheard(json_t *out, const struct why_session *session)
{
	const struct view *view = session->view;
	char remote[80];
	bool publishes =
		!session->row.publisher.generation || session->row.flags & SLUICE_TRANSPORT_PAIR;
	// Who only watches reports once in a while, and of nothing nothing.
	bool may_be_quiet = !publishes && (session->status.packets_out == 0 ||
						  lately(view, session->trace.keyed_ns, LATELY_NS));
	remote_text(session, remote, sizeof(remote));
	if (may_be_quiet)
		return;
	if (session->trace.arrived_ns == 0)
		say(out, "no RTP or RTCP has ever come from %s on transport %u: %s", remote,
			session->index,
			publishes
				? "the client sends none, or something on the way lets only STUN "
				  "and DTLS pass"
				: "a subscriber that gets media reports every few seconds; does it "
				  "get any?");
	else if (session->status.heard_ns == 0 &&
		 !recent(view, &session->trace, SLUICE_DROP_auth_failed))
		say(out, "of what came from %s on transport %u nothing was authentic", remote,
			session->index);
	else if (session->status.heard_ns != 0 &&
		 !lately(view, session->status.heard_ns, 10 * S_NS))
		say(out, "nothing authentic has come from %s on transport %u for %.1f s", remote,
			session->index, view_age_s(view, session->status.heard_ns));
}

// Drops of the transport itself that have not been spoken of.
static void say_rest(json_t *out, const struct why_session *session)
{
	const struct view *view = session->view;
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++) {
		const struct sluice_note *note = &session->trace.notes[i];
		if (note->count == 0 || note->what >= SLUICE_DECISION_FIRST ||
			note->what == SLUICE_DROP_auth_failed ||
			note->what == SLUICE_DROP_no_keys ||
			!lately(view, note->last_ns, LATELY_NS))
			continue;
		say(out,
			"transport %u: %u packet%s dropped as %s in %.1f s, the last %.1f s ago "
			"with "
			"SSRC 0x%08x, payload type %u: %s",
			session->index, note->run, plural(note->run), name_of(note->what),
			view_age_s(view, note->since_ns) - view_age_s(view, note->last_ns),
			view_age_s(view, note->last_ns), note->ssrc, note->payload_type,
			help_of(note->what));
	}
}

void verdict_session(json_t *out, const struct why_session *session)
{
	const char *fault = session_fault(session);
	if (fault)
		say_fault(out, session, fault);
	say_strangers(out, session);
	if (fault)
		return;
	say_unauthentic(out, session);
	say_unheard(out, session);
	say_rest(out, session);
}

// ---- what comes in --------------------------------------------------------------------------------

static uint64_t publication_heard_ns(const struct why_publication *publication)
{
	uint64_t last_ns = 0;
	for (unsigned e = 0; e < publication->row.encodings_used; e++)
		if (publication->status.encodings[e].heard_ns > last_ns)
			last_ns = publication->status.encodings[e].heard_ns;
	return last_ns;
}

// Why nothing of it can be forwarded; false when it flows.
static bool publication_stands(
	const struct view *view, const struct why_publication *publication, char *text, size_t size)
{
	const char *kind = kind_text(publication->row.kind);
	uint64_t heard_ns = publication_heard_ns(publication);
	if (publication->row.paused)
		snprintf(text, size, "the publisher has paused its %s", kind);
	else if (heard_ns == 0)
		snprintf(text, size, "nothing of the publisher's %s has ever come in", kind);
	else if (!lately(view, heard_ns, SILENT_NS))
		snprintf(text, size, "nothing of the publisher's %s has come in for %.1f s", kind,
			view_age_s(view, heard_ns));
	else
		return false;
	return true;
}

static void say_key_requests(
	json_t *out, const struct view *view, const struct why_publication *publication)
{
	const struct sluice_note *asked =
		recent(view, &publication->trace, SLUICE_DECISION_key_asked);
	const struct sluice_note *came =
		sluice_trace_find(&publication->trace, SLUICE_DECISION_key_frame);
	if (asked && (!came || came->last_ns < asked->since_ns))
		say(out,
			"publication %u: its publisher was asked for a key frame %u time%s in %.1f "
			"s "
			"and sent none",
			publication->index, asked->run, plural(asked->run),
			view_age_s(view, asked->since_ns));
}

void verdict_publication(
	json_t *out, const struct why_session *session, const struct why_publication *publication)
{
	const struct view *view = session->view;
	const struct sluice_encoding_status *first = &publication->status.encodings[0];
	char stands[TEXT_MAX / 2];
	if (session_fault(session))
		return;
	if (publication_stands(view, publication, stands, sizeof(stands)))
		say(out, "publication %u: %s", publication->index, stands);
	else
		say(out, "publication %u: %s comes in, %u kbit/s, the last packet %.1f s ago",
			publication->index, kind_text(publication->row.kind),
			first->bitrate_bps / 1000,
			view_age_s(view, publication_heard_ns(publication)));
	if (publication->row.kind == SLUICE_VIDEO)
		say_key_requests(out, view, publication);
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++) {
		const struct sluice_note *note = &publication->trace.notes[i];
		bool normal = note->what == SLUICE_DROP_layer ||
			      note->what == SLUICE_DROP_padding || note->what == SLUICE_DROP_paused;
		if (note->count == 0 || note->what >= SLUICE_DECISION_FIRST || normal ||
			!lately(view, note->last_ns, LATELY_NS))
			continue;
		say(out, "publication %u: %u packet%s dropped as %s, the last %.1f s ago: %s",
			publication->index, note->run, plural(note->run), name_of(note->what),
			view_age_s(view, note->last_ns), help_of(note->what));
	}
}

// ---- what goes out --------------------------------------------------------------------------------

// The drop that came after the last packet that was sent, NULL when there is none.
static const struct sluice_note *obstacle(
	const struct view *view, const struct why_subscription *subscription)
{
	const struct sluice_note *found = NULL;
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++) {
		const struct sluice_note *note = &subscription->trace.notes[i];
		if (note->count == 0 || note->what >= SLUICE_DECISION_FIRST ||
			!lately(view, note->last_ns, LATELY_NS) ||
			note->last_ns < subscription->status.last_sent_ns)
			continue;
		if (!found || note->last_ns > found->last_ns)
			found = note;
	}
	return found;
}

// `key` waits: how often its publisher was asked since.
static unsigned asked_since(const struct why_publication *publication, uint64_t since_ns)
{
	const struct sluice_note *asked =
		sluice_trace_find(&publication->trace, SLUICE_DECISION_key_asked);
	if (!asked || asked->last_ns + S_NS < since_ns)
		return 0;
	return asked->run;
}

static void reason(const struct view *view, const struct why_subscription *subscription,
	const struct why_publication *from, char *text, size_t size)
{
	const struct sluice_note *note = obstacle(view, subscription);
	unsigned asked = note ? asked_since(from, note->since_ns) : 0;
	if (note && note->what == SLUICE_DROP_want_key)
		snprintf(text, size,
			"publisher's video waits for a key frame since %.1f s; asked %u time%s",
			view_age_s(view, note->since_ns), asked, plural(asked));
	else if (publication_stands(view, from, text, size))
		return;
	else if (note)
		snprintf(text, size, "%s (%s, %u packet%s in %.1f s)", help_of(note->what),
			name_of(note->what), note->run, plural(note->run),
			view_age_s(view, note->since_ns));
	else
		snprintf(text, size,
			"nothing was dropped either: the data plane does not know the subscription "
			"yet");
}

static const char *blindness(
	const struct why_subscription *subscription, const struct why_publication *from)
{
	if (from->row.kind != SLUICE_VIDEO || subscription->trace.first_key_ns != 0)
		return "";
	return "; no key frame was sent yet: the picture stays black until one comes";
}

static void say_flow(json_t *out, const struct view *view,
	const struct why_subscription *subscription, const struct why_publication *from,
	const char *publisher)
{
	const struct sluice_subscription_status *status = &subscription->status;
	char loss[64] = "";
	if (status->loss_fraction >= LOSS_SHOWN)
		snprintf(loss, sizeof(loss), "; it reports %u %% of packets lost",
			status->loss_fraction * 100 / 256);
	say(out, "is sent %s of %s: %u kbit/s, the last packet %.1f s ago%s%s",
		kind_text(from->row.kind), publisher, status->bitrate_bps / 1000,
		view_age_s(view, status->last_sent_ns), loss, blindness(subscription, from));
}

// Statuses are written four times a second: what was sent half a second ago may well be what is sent.
static bool flows(const struct view *view, const struct why_subscription *subscription,
	const struct why_publication *from)
{
	const uint64_t last_ns = subscription->status.last_sent_ns;
	bool stopped = from->row.paused || obstacle(view, subscription);
	return lately(view, last_ns, stopped ? S_NS / 2 : SILENT_NS);
}

static void say_losses(
	json_t *out, const struct view *view, const struct why_subscription *subscription)
{
	const struct sluice_note *refused =
		recent(view, &subscription->trace, SLUICE_DECISION_not_resent);
	const struct sluice_note *wanted =
		recent(view, &subscription->trace, SLUICE_DECISION_key_wanted);
	if (refused)
		say(out,
			"%u packet%s that it missed could not be sent again in the last %.1f s: "
			"too "
			"old, or more than it was sent",
			refused->run, plural(refused->run), view_age_s(view, refused->since_ns));
	if (wanted && wanted->run > 2)
		say(out,
			"it asked for a key frame %u times in %.1f s: it cannot decode what it "
			"gets",
			wanted->run, view_age_s(view, wanted->since_ns));
}

void verdict_subscription(json_t *out, const struct why_session *session,
	const struct why_subscription *subscription, const char *publisher)
{
	const struct view *view = session->view;
	const struct sluice_subscription *row = &subscription->row;
	const char *fault = session_fault(session);
	struct why_publication from;
	char text[TEXT_MAX / 2], stands[TEXT_MAX / 2];
	bool known = why_publication(view, row->publication, &from);
	const char *kind = known ? kind_text(from.row.kind) : "media";
	const char *begin = "receives nothing because";
	if (fault) {
		say(out, "of %s's %s it %s: %s", publisher, kind, begin, fault);
	} else if (!known) {
		say(out, "of %s it %s: the publication has ended", publisher, begin);
	} else if (!row->active) {
		say(out,
			"of %s's %s it %s: it has not accepted it; an answer is missing, or "
			"rejects "
			"it",
			publisher, kind, begin);
	} else if (row->paused) {
		say(out, "of %s's %s it %s: it has paused it itself (muted)", publisher, kind,
			begin);
	} else if (flows(view, subscription, &from)) {
		say_flow(out, view, subscription, &from, publisher);
		say_losses(out, view, subscription);
	} else {
		reason(view, subscription, &from, text, sizeof(text));
		bool asks =
			publication_stands(view, &from, stands, sizeof(stands)) && !from.row.paused;
		say(out, "of %s's %s it %s: %s%s%s%s", publisher, kind, begin, text,
			asks ? " (`sluicectl why " : "", asks ? publisher : "", asks ? "`)" : "");
	}
}

// ---- addresses ------------------------------------------------------------------------------------

static const char *advice(unsigned what)
{
	switch (what) {
	case SLUICE_DROP_no_transport:
	case SLUICE_DECISION_filter_unknown:
		return "no session has proved this address by a STUN check: the client's checks do "
		       "not arrive, or go to another relay, or its NAT has changed its port";
	case SLUICE_DECISION_filter_deaf:
		return "its session is known, but no data plane listens there: is it running, and "
		       "does "
		       "the port use all channels of the interface?";
	case SLUICE_DROP_bad_checksum:
		return "its network card does not finish UDP checksums: on a local sender, "
		       "`ethtool -K IF tx off`";
	case SLUICE_DROP_punt_full:
		return "control does not take its datagrams: is it running?";
	case SLUICE_DROP_mesh_full:
		return "the worker that owns its session is behind";
	case SLUICE_DROP_not_media:
	case SLUICE_DECISION_filter_other:
		return "what it sends is neither STUN, DTLS, RTP nor RTCP: another protocol, or a "
		       "scan";
	default:
		return "";
	}
}

void verdict_address(json_t *out, const struct view *view, const struct sluice_address *address)
{
	const struct sluice_stranger *one;
	char text[80];
	unsigned at = 0;
	while ((one = why_stranger(view, &at)) != NULL) {
		if (memcmp(one->address.ip, address->ip, sizeof(address->ip)) != 0 ||
			(address->port != 0 && address->port != one->address.port))
			continue;
		address_text(&one->address, text, sizeof(text));
		say(out, "%llu packet%s from %s, the last %.1f s ago: %s (%s); %s",
			(unsigned long long)one->count, plural(one->count), text,
			view_age_s(view, one->last_ns), help_of(one->what), name_of(one->what),
			advice(one->what));
	}
	if (json_array_size(out) == 0)
		say(out,
			"nothing from this address was dropped before its session was known; the "
			"last %u addresses of each worker are remembered",
			SLUICE_STRANGERS);
}

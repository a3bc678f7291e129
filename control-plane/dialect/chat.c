// SPDX-License-Identifier: Apache-2.0
// Dialect 001: signals between the accounts in a chat's call, each in a packet that names its sender.
// docs/dialects.md says what every message means, whom an offer reaches when the relay stands in, and where
// this differs from the original.
#include "admission.h"
#include "chat_http.h"
#include "chat_people.h"
#include "dialect.h"
#include "passing.h"
#include "stand_in.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TARGETS_MAX = 16, // members that one offer is made to
	FINGERPRINT_MAX = 160,

	CLOSE_DROP = 0, // no close frame: the original ends so on what is no JSON
	CLOSE_NORMAL = 1000, // RFC 6455, 7.4.1
	CLOSE_LATER = 1013, // of the registry that 7.4.2 sets up: try again later
};

static const char dialect_name[] = "chat";
static const char type_standard[] = "webrtc.signal";
static const char type_seed[] = "signaling"; // what the sample client of the seed waits for

struct session {
	const struct dialect_host *host;
	struct peer_link *link;
	char room[CHAT_ROOM_MAX];
	enum dialect_mode mode;
	bool closed; // by us: nothing is said or heard any more
	const char *signal_type;
	bool bare; // writes SDP as text, not as {type, sdp}
	struct core_participant_id id;
	struct passing passing;

	// Clients of the seed name nobody: these say whom their offers and answers are for.
	struct core_participant_id asked; // whose offer it has heard last and not answered
	struct core_participant_id
		partner; // with whom its last offer or answer has led to a session
	char fingerprint[FINGERPRINT_MAX]; // that line of its description there
	unsigned offered_used; // more than one: the first to answer is meant
	struct core_participant_id offered[TARGETS_MAX];
};

static const struct core_participant_id nobody;

struct signal {
	const json_t *inner; // {type, data[, to]}
	const char *type, *to; // `to`: an account, NULL = everybody
	const char *sdp; // of offers and answers, or NULL
};

// ---- saying

// Takes `packet`.
static void session_send(struct session *session, json_t *packet, const char *counted)
{
	const struct dialect_host *host = session->host;
	char *text = packet ? json_dumps(packet, JSON_COMPACT) : NULL;

	if (!text) {
		host->log(host->context, 'e', "chat: %s: a packet could not be made",
			session->link->remote);
	} else if (!session->closed) {
		host->count(host->context, dialect_name, "out", counted);
		session->link->send_text(session->link->context, text, strlen(text));
	}
	free(text);
	json_decref(packet);
}

static void session_close(struct session *session, unsigned code, const char *reason)
{
	session->closed = true;
	session->link->close(session->link->context, code, reason);
}

// A signal in the name of `who`, who may be gone already. Takes `inner`.
static void session_signal(struct session *session, const struct core_event *event, json_t *inner)
{
	const struct core_participant *who = core_participant(session->host->core, event->who);
	const char *type = json_string_value(json_object_get(inner, "type"));
	struct chat_face face;

	if (who) {
		chat_face(session->host, who, &face);
	} else {
		chat_account(event->identity, face.account);
		face.person = (struct chat_person){face.account, event->name, chat_unix_ms()};
	}
	session_send(session, chat_signal(session->signal_type, &face.person, inner),
		chat_type_counted(type));
	json_decref(inner);
}

// To one connection, or to all others when `to` is nobody; the core carries it.
static void signal_pass(
	struct session *session, struct core_participant_id to, const struct signal *signal)
{
	char *text = json_dumps(signal->inner, JSON_COMPACT);

	if (text)
		core_send(session->host->core, session->id, to, text, strlen(text));
	free(text);
}

// ---- who is meant

static const struct core_participant *self_of(const struct session *session)
{
	return core_participant(session->host->core, session->id);
}

static bool is_ours(const struct core_participant *member)
{
	return !strcmp(member->dialect, dialect_name);
}

static bool is_account(const struct core_participant *member, const char *account)
{
	char own[CHAT_ACCOUNT_MAX];

	chat_account(member->identity, own);
	return !strcmp(own, account);
}

// What is said to this member goes to it as it is.
static bool passes(const struct session *session, const struct core_participant *member)
{
	return session->mode == DIALECT_PASS || passing_reasons(&session->passing, member->id) ||
	       (is_ours(member) && !member->pairs);
}

static const struct core_participant *member_next(
	const struct session *session, const struct core_participant *previous)
{
	const struct core *core = session->host->core;
	const struct core_participant *member = previous;

	do
		member = core_room_member_next(core, self_of(session)->room, member);
	while (member && (!member->visible || stand_in_same(member->id, session->id)));
	return member;
}

struct targets {
	unsigned used;
	struct core_participant_id list[TARGETS_MAX];
};

static void target_add(struct targets *targets, const struct core_participant *member)
{
	if (targets->used < TARGETS_MAX)
		targets->list[targets->used++] = member->id;
}

// The connections that an offer is for. Without an address all other accounts are meant: those who can
// take an offer, and when there is none, the first for whom the relay answers.
static void targets_find(const struct session *session, const char *to, struct targets *targets)
{
	const struct core_participant *member = NULL, *watcher = NULL;
	char own[CHAT_ACCOUNT_MAX];

	chat_account(self_of(session)->identity, own);
	targets->used = 0;
	while ((member = member_next(session, member)) != NULL) {
		if (!is_account(member, to ? to : own) == (to != NULL))
			continue;
		if (member->link && (member->pairs || is_ours(member)))
			target_add(targets, member);
		else if (!watcher && !is_ours(member))
			watcher = member;
	}
	if (!targets->used && watcher)
		target_add(targets, watcher);
}

// ---- offers

// The line that tells one connection of a client from another.
static void fingerprint_of(const char *sdp, char fingerprint[FINGERPRINT_MAX])
{
	const char *line = strstr(sdp, "a=fingerprint:");

	snprintf(fingerprint, FINGERPRINT_MAX, "%.*s", line ? (int)strcspn(line, "\r\n") : 0,
		line ? line : "");
}

// The same connection again is a matter between the two of it.
static bool renegotiates(const struct session *session, const struct signal *signal)
{
	char fingerprint[FINGERPRINT_MAX];

	if (signal->to || !signal->sdp || !core_participant(session->host->core, session->partner))
		return false;
	fingerprint_of(signal->sdp, fingerprint);
	return *fingerprint && !strcmp(fingerprint, session->fingerprint);
}

static void refused(const struct session *session, const char *what, int error)
{
	const struct dialect_host *host = session->host;

	host->log(host->context, 'w', "chat: %s: %s is lost: %s", session->link->remote, what,
		core_error_text(error));
}

static void offer_to(
	struct session *session, const struct core_participant *member, const struct signal *signal)
{
	struct core_participant_id to = member->id;
	bool ours = is_ours(member);
	int outcome = STAND_IN_PASS;

	if (member->pairs || !ours)
		outcome = stand_in_offer(session->host, session->id, to, signal->sdp);
	if (outcome == STAND_IN_PASS && ours) {
		passing_note(&session->passing, to, PASSING_UNUSABLE, true);
		core_pair_close(session->host->core, session->id, to); // if there was one
		signal_pass(session, to, signal);
	} else if (outcome) {
		refused(session, "an offer", outcome < 0 ? outcome : -CORE_BAD_DESC);
	} else {
		passing_forget(&session->passing, to);
		session->offered[session->offered_used++] = to;
	}
}

static void handle_offer(struct session *session, const struct signal *signal)
{
	struct targets targets;

	targets_find(session, signal->to, &targets);
	if (renegotiates(session, signal))
		targets = (struct targets){1, {session->partner}};
	session->offered_used = 0;
	if (signal->sdp)
		fingerprint_of(signal->sdp, session->fingerprint);
	for (unsigned i = 0; i < targets.used; i++) {
		const struct core_participant *member =
			core_participant(session->host->core, targets.list[i]);

		if (member)
			offer_to(session, member, signal);
	}
}

// ---- answers

// A client has one connection for an offer that it made to several: when one of them answers, the others do
// without.
static void first_counts(struct session *session, struct core_participant_id first)
{
	bool meant = false;

	session->partner = first;
	for (unsigned i = 0; i < session->offered_used; i++)
		meant |= stand_in_same(session->offered[i], first);
	if (!meant)
		return;
	for (unsigned i = 0; i < session->offered_used; i++)
		if (!stand_in_same(session->offered[i], first))
			core_pair_close(session->host->core, session->id, session->offered[i]);
	session->offered_used = 0;
}

static int answer_to(
	struct session *session, struct core_participant_id to, const struct signal *signal)
{
	int error = stand_in_answer(session->host, session->id, to, signal->sdp);

	if (error)
		return error;
	fingerprint_of(signal->sdp, session->fingerprint);
	session->partner = to;
	session->asked = nobody;
	return 0;
}

// Returns true when the answer is one to an offer of the relay's.
static bool answer_interpose(struct session *session, const struct signal *signal)
{
	const struct core_participant *asked =
		core_participant(session->host->core, session->asked);
	const struct core_participant *member = NULL;
	int error = -CORE_STATE;

	if (asked && (!signal->to || is_account(asked, signal->to)))
		error = answer_to(session, session->asked, signal);
	while (error == -CORE_STATE && signal->to &&
		(member = member_next(session, member)) != NULL)
		if (is_account(member, signal->to) && !passes(session, member))
			error = answer_to(session, member->id, signal);
	if (error && error != -CORE_STATE)
		refused(session, "an answer", error);
	return error != -CORE_STATE;
}

// ---- what goes on as it is

// To whom it is addressed, or to all others. What is about a session goes only to those whose session the
// relay has no part in.
static void hand_on(struct session *session, const struct signal *signal, bool about_session)
{
	const struct core_participant *member = NULL;

	while ((member = member_next(session, member)) != NULL) {
		if (!is_ours(member) || (signal->to && !is_account(member, signal->to)))
			continue;
		if (!about_session || passes(session, member))
			signal_pass(session, member->id, signal);
	}
}

static void handle_signal(struct session *session, const struct signal *signal)
{
	bool offer = !strcmp(signal->type, "offer"), answer = !strcmp(signal->type, "answer");
	bool candidate = !strcmp(signal->type, "ice-candidate");

	if (session->mode == DIALECT_PASS)
		hand_on(session, signal, false);
	else if (offer)
		handle_offer(session, signal);
	else if (!answer || !answer_interpose(session, signal))
		hand_on(session, signal, answer || candidate);
}

static void chat_text(void *context, const char *text, size_t length)
{
	struct session *session = context;
	const struct dialect_host *host = session->host;
	json_t *packet, *inner;
	struct signal signal;
	bool bare;

	if (session->closed || !self_of(session))
		return;
	packet = json_loadb(text, length, 0, NULL);
	if (!json_is_object(packet)) {
		json_decref(packet);
		host->count(host->context, dialect_name, "in", "other");
		session_close(session, CLOSE_DROP, "");
		return;
	}
	inner = chat_inner(packet);
	signal = (struct signal){.inner = inner,
		.type = json_string_value(json_object_get(inner, "type")),
		.to = json_string_value(json_object_get(inner, "to")),
		.sdp = chat_sdp(inner, &bare)};
	host->count(host->context, dialect_name, "in", chat_type_counted(signal.type));
	if (signal.sdp)
		session->bare = bare;
	if (inner)
		handle_signal(session, &signal);
	else
		host->log(host->context, 'd', "chat: %s: a packet without data is dropped",
			session->link->remote);
	json_decref(inner);
	json_decref(packet);
}

// ---- events

// An account comes with its first connection and leaves with its last.
static void event_presence(struct session *session, const struct core_event *event)
{
	bool came = event->type == CORE_EVENT_JOINED;
	char account[CHAT_ACCOUNT_MAX];

	chat_account(event->identity, account);
	if (!came) {
		passing_forget(&session->passing, event->who);
		if (stand_in_same(session->asked, event->who))
			session->asked = nobody;
	}
	if (!chat_account_present(session->host->core, session->room, account, event->who))
		session_signal(session, event,
			json_pack(
				"{s:s,s:{}}", "type", came ? "user-joined" : "user-left", "data"));
}

static void event_message(struct session *session, const struct core_event *event)
{
	json_t *inner = json_loadb(event->text, event->text_length, 0, NULL);
	const char *type = json_string_value(json_object_get(inner, "type"));

	if (type && !strcmp(type, "offer"))
		passing_note(&session->passing, event->who, PASSING_OFFERED, true);
	session_signal(session, event, inner);
}

static void event_description(struct session *session, const struct core_event *event)
{
	bool offer = event->type == CORE_EVENT_PAIR_OFFER;
	char *sdp = stand_in_print(event);

	passing_forget(&session->passing, event->who);
	if (offer)
		session->asked = event->who;
	else
		first_counts(session, event->who);
	if (sdp)
		session_signal(session, event,
			chat_description(offer ? "offer" : "answer", sdp, session->bare));
	free(sdp);
}

// This dialect has no words for it.
static void event_pair_gone(struct session *session, const struct core_event *event)
{
	if (stand_in_same(session->partner, event->who))
		session->partner = nobody;
	if (stand_in_same(session->asked, event->who))
		session->asked = nobody;
}

static void event_removed(struct session *session, const struct core_event *event)
{
	const struct core_participant *now = core_participant(session->host->core, event->to);

	if (!now || now->link != session)
		session_close(session, CLOSE_NORMAL,
			event->type == CORE_EVENT_KICKED ? event->text : "connected again");
}

static void chat_event(void *context, const struct core_event *event)
{
	struct session *session = context;

	switch (event->type) {
	case CORE_EVENT_JOINED:
	case CORE_EVENT_LEFT:
		event_presence(session, event);
		break;
	case CORE_EVENT_MESSAGE:
		event_message(session, event);
		break;
	case CORE_EVENT_PAIR_OFFER:
	case CORE_EVENT_PAIR_ANSWER:
		event_description(session, event);
		break;
	case CORE_EVENT_PAIR_GONE:
		event_pair_gone(session, event);
		break;
	case CORE_EVENT_KICKED:
	case CORE_EVENT_REPLACED:
		event_removed(session, event);
		break;
	case CORE_EVENT_PUBLISHED: // the core makes offers of it
	case CORE_EVENT_UNPUBLISHED:
	case CORE_EVENT_TRANSPORT:
	case CORE_EVENT_TRANSPORT_GONE:
	case CORE_EVENT_SILENCED: // 001 has no message for it
		break;
	}
}

// ---- coming and going

static int session_join(struct session *session)
{
	const struct dialect_host *host = session->host;
	const struct dialect_grant *grant = &session->link->grant;
	char identity[CORE_NAME_MAX];
	struct core_join join = {
		.room = session->room,
		.identity = identity,
		.name = grant->name,
		.dialect = dialect_name,
		.link = session,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	if (!grant->identity[0] || !chat_room(session->link->path, session->room))
		return -CORE_FORBIDDEN; // it came past chat_admit
	if (!chat_identity(host->core, session->room, grant->identity, identity))
		return -CORE_FULL;
	session->mode = host->mode(host->context, session->link, session->room);
	join.pairs = session->mode != DIALECT_PASS;
	admission_rights(grant, &join);
	return core_join(host->core, &join, &session->id, &resumed);
}

static void session_welcome(struct session *session)
{
	const char *account = session->link->grant.identity;

	session_send(session,
		chat_welcome(account, session->room, chat_unix_ms(),
			chat_participants(session->host, session->room, account)),
		"webrtc");
}

static bool wants_seed_type(const char *path)
{
	const char *query = strchr(path, '?');
	const char *wish = query ? strstr(query, "signal_type=signaling") : NULL;

	return wish && (wish[-1] == '?' || wish[-1] == '&');
}

static void *chat_open(const struct dialect_host *host, struct peer_link *link)
{
	struct session *session = calloc(1, sizeof(*session));
	int error;

	if (!session)
		return NULL;
	session->host = host;
	session->link = link;
	session->signal_type = wants_seed_type(link->path) ? type_seed : type_standard;
	error = session_join(session);
	if (!error) {
		session_welcome(session);
		return session;
	}
	host->log(
		host->context, 'w', "chat: %s: refused: %s", link->remote, core_error_text(error));
	session_close(session, CLOSE_LATER, core_error_text(error));
	return session;
}

static void chat_close(void *context, bool clean)
{
	struct session *session = context;
	const struct dialect_host *host = session->host;
	const struct core_participant *self = self_of(session);

	if (self && self->link == session)
		core_unlink(host->core, session->id, clean, host->now_ms(host->context));
	passing_clear(&session->passing);
	free(session);
}

const struct dialect dialect_chat = {
	.name = dialect_name,
	.mode = DIALECT_INTERPOSE,
	.claims = chat_claims,
	.admit = chat_admit,
	.request = chat_request,
	.open = chat_open,
	.text = chat_text,
	.event = chat_event,
	.close = chat_close,
};

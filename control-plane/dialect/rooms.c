// SPDX-License-Identifier: Apache-2.0
// Dialect 004: peers of a room who address each other by name, over JSON text messages.
// docs/dialects.md says what every message means and where this differs from the original.
#include "admission.h"
#include "dialect.h"
#include "passing.h"
#include "rooms_http.h"
#include "sdp/sdp.h"
#include "stand_in.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHY_MAX = 256,

	CLOSE_NORMAL = 1000, // RFC 6455, 7.4.1
	CLOSE_POLICY = 1008,
	CLOSE_LATER = 1013, // of the registry that 7.4.2 sets up: try again later
	CLOSE_REPLACED = 4409, // private use
};

static const char dialect_name[] = "rooms";

// What is passed from peer to peer: `type`, and the key of its payload.
enum kind { KIND_OFFER, KIND_ANSWER, KIND_CANDIDATE, KINDS };

static const struct {
	const char *type, *payload;
} kinds[KINDS] = {
	[KIND_OFFER] = {"offer", "offer"},
	[KIND_ANSWER] = {"answer", "answer"},
	[KIND_CANDIDATE] = {"ice_candidate", "candidate"},
};

struct session {
	const struct dialect_host *host;
	struct peer_link *link;
	struct core_participant_id id; // generation 0: has not joined
	bool interposes; // else all is passed on
	bool closed; // by us: nothing is said or heard any more
	struct passing passing;
};

// ---- saying

// The type of a message we have printed, for counting.
static const char *type_of(const char *text, size_t length)
{
	static const char *const types[] = {
		"offer", "answer", "ice_candidate", "peer_joined", "peer_left", "existing_peers"};
	static const char head[] = "{\"type\":\"";
	const size_t at = sizeof(head) - 1;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t size = strlen(types[i]);

		if (length > at + size && !memcmp(text + at, types[i], size) &&
			text[at + size] == '"')
			return types[i];
	}
	return "other";
}

static void session_text(struct session *session, const char *text, size_t length)
{
	const struct dialect_host *host = session->host;

	if (session->closed)
		return;
	host->count(host->context, dialect_name, "out", type_of(text, length));
	session->link->send_text(session->link->context, text, length);
}

// Takes `message`. Returns its text, which the caller frees, or NULL after a line in the log.
static char *message_print(const struct session *session, json_t *message)
{
	const struct dialect_host *host = session->host;
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!text)
		host->log(host->context, 'e', "a message could not be made: out of memory");
	json_decref(message);
	return text;
}

// Takes `message`.
static void session_send(struct session *session, json_t *message)
{
	char *text = message_print(session, message);

	if (text)
		session_text(session, text, strlen(text));
	free(text);
}

// To another peer, or to all others who speak this dialect; the core carries it. Takes `message`.
static void peer_send(struct session *session, struct core_participant_id to, json_t *message)
{
	char *text = message_print(session, message);

	if (text)
		core_send(session->host->core, session->id, to, text, strlen(text));
	free(text);
}

static json_t *message_peer(const char *type, const char *peer)
{
	return json_pack("{s:s,s:s}", "type", type, "peer_id", peer);
}

// Takes `payload`; NULL is written as null.
static json_t *message_passed(enum kind kind, json_t *payload, const char *from)
{
	return json_pack("{s:s,s:o,s:s}", "type", kinds[kind].type, kinds[kind].payload,
		payload ? payload : json_null(), "from_peer_id", from);
}

static void session_close(struct session *session, unsigned code, const char *reason)
{
	session->closed = true;
	session->link->close(session->link->context, code, reason);
}

// ---- peers of each other

static const struct core_participant *self_of(const struct session *session)
{
	return core_participant(session->host->core, session->id);
}

// The session of a member, NULL when it has none or speaks another dialect.
static struct session *session_of(const struct core_participant *member)
{
	return member->dialect && !strcmp(member->dialect, dialect_name) ? member->link : NULL;
}

// Whoever of the two the relay cannot stand in for, and mode pass, makes a pair pass.
static bool pair_passes(const struct session *session, const struct core_participant *far)
{
	const struct session *other = session_of(far);

	if (!session->interposes || passing_reasons(&session->passing, far->id))
		return true;
	return other && (!other->interposes || passing_reasons(&other->passing, session->id));
}

static void pass_on(struct session *session, enum kind kind, const struct core_participant *far,
	json_t *payload)
{
	if (session_of(far))
		peer_send(session, far->id,
			message_passed(kind, json_incref(payload), self_of(session)->identity));
}

// Reads the description in {type, sdp}.
static bool description_read(
	const struct session *session, const json_t *payload, struct desc *desc)
{
	const struct dialect_host *host = session->host;
	const json_t *sdp = json_object_get(payload, "sdp");
	char why[WHY_MAX] = "it has no text `sdp`";

	if (json_is_string(sdp) &&
		!sdp_parse(json_string_value(sdp), json_string_length(sdp), desc, why, sizeof(why)))
		return true;
	host->log(host->context, 'd', "a description is passed on as it is: %s", why);
	return false;
}

static void refused(const struct session *session, const char *what, int error)
{
	const struct dialect_host *host = session->host;

	host->log(host->context, 'w', "%s is lost: %s", what, core_error_text(error));
}

// ---- requests

// What this side's last description was, and whether its last offer went on as it was.
static int offer_note(
	struct session *session, const struct core_participant *far, bool usable, bool passed)
{
	struct session *other = session_of(far);
	bool noted = passing_note(&session->passing, far->id, PASSING_UNUSABLE, !usable) &&
		     passing_note(&session->passing, far->id, PASSING_OFFERED, passed);

	if (!passed && other)
		passing_note(&other->passing, session->id, PASSING_OFFERED, false);
	return noted ? 0 : -CORE_FULL;
}

static void handle_offer(
	struct session *session, const struct core_participant *far, json_t *payload)
{
	const struct dialect_host *host = session->host;
	const struct core_participant_id to = far->id;
	const struct session *other = session_of(far);
	struct desc desc;
	bool usable = session->interposes && description_read(session, payload, &desc);
	bool passed =
		!usable ||
		(other && (!other->interposes || (passing_reasons(&other->passing, session->id) &
							 PASSING_UNUSABLE)));
	int error = 0;

	if (!passed)
		error = core_pair_offer(
			host->core, session->id, to, &desc, host->now_ms(host->context));
	if (error == -CORE_BAD_DESC) {
		usable = false;
		error = 0;
		passed = true;
	}
	if (passed) // whatever there was between them
		core_pair_close(host->core, session->id, to);
	if (session->interposes && !error)
		error = offer_note(session, far, usable, passed);
	if (error)
		refused(session, "an offer", error);
	else if (passed)
		pass_on(session, KIND_OFFER, far, payload);
}

// True when the last offer that the other has made went on as it was.
static bool answers_passed(const struct session *session, const struct core_participant *far)
{
	const struct session *other = session_of(far);

	return !session->interposes ||
	       (other && (!other->interposes || (passing_reasons(&other->passing, session->id) &
							PASSING_OFFERED)));
}

static void handle_answer(
	struct session *session, const struct core_participant *far, json_t *payload)
{
	const struct dialect_host *host = session->host;
	const struct core_participant_id to = far->id;
	bool passed = answers_passed(session, far);
	struct desc desc;
	bool usable = session->interposes && description_read(session, payload, &desc);
	int error = 0;

	if (usable && !passed)
		error = core_pair_answer(
			host->core, session->id, to, &desc, host->now_ms(host->context));
	if (error == -CORE_BAD_DESC) {
		usable = false;
		error = 0;
	}
	if (session->interposes && !passing_note(&session->passing, to, PASSING_UNUSABLE, !usable))
		error = -CORE_FULL;
	if (!usable && !passed)
		core_pair_close(host->core, session->id, to);
	if (error)
		refused(session, "an answer", error);
	else if (!usable || passed)
		pass_on(session, KIND_ANSWER, far, payload);
}

// All our candidates are in our descriptions, and a lite agent learns the peer's from its checks: there
// is nothing to pass on between those for whom we stand in.
static void handle_candidate(
	struct session *session, const struct core_participant *far, json_t *payload)
{
	if (pair_passes(session, far))
		pass_on(session, KIND_CANDIDATE, far, payload);
}

// A text field without a zero byte, or NULL.
static const char *text_of(const json_t *message, const char *field)
{
	const json_t *value = json_object_get(message, field);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static enum kind kind_of(const json_t *message)
{
	const char *type = text_of(message, "type");
	enum kind kind = 0;

	while (kind < KINDS && (!type || strcmp(kinds[kind].type, type)))
		kind++;
	return kind;
}

// The one a message is for; the original is silent about those who are not there.
static const struct core_participant *target_of(
	const struct session *session, const json_t *message)
{
	const char *identity = text_of(message, "target_peer_id");
	const struct core_participant *far = NULL;

	if (identity)
		far = core_participant_by_identity(
			session->host->core, self_of(session)->room, identity);
	return far && far->visible ? far : NULL;
}

static void message_handle(struct session *session, json_t *message)
{
	const struct dialect_host *host = session->host;
	enum kind kind = kind_of(message);
	const struct core_participant *far;
	json_t *payload;

	host->count(host->context, dialect_name, "in", kind < KINDS ? kinds[kind].type : "other");
	if (kind == KINDS)
		return;
	far = target_of(session, message);
	payload = json_object_get(message, kinds[kind].payload);
	if (!far)
		return;
	if (kind == KIND_OFFER)
		handle_offer(session, far, payload);
	else if (kind == KIND_ANSWER)
		handle_answer(session, far, payload);
	else
		handle_candidate(session, far, payload);
}

// ---- coming and going

static void send_existing(struct session *session)
{
	const struct core *core = session->host->core;
	const struct core_participant *self = self_of(session), *member = NULL;
	json_t *peers = json_array();

	while ((member = core_room_member_next(core, self->room, member)) != NULL)
		if (member != self && member->visible)
			json_array_append_new(peers, json_string(member->identity));
	if (json_array_size(peers))
		session_send(
			session, json_pack("{s:s,s:O}", "type", "existing_peers", "peers", peers));
	json_decref(peers);
}

static void join_refused(struct session *session, int error)
{
	const struct dialect_host *host = session->host;
	bool later = error == -CORE_FULL || error == -CORE_DRAINING;

	host->log(host->context, 'w', "refused: %s", core_error_text(error));
	session_close(session, later ? CLOSE_LATER : CLOSE_POLICY, core_error_text(error));
}

// Does another socket hold the name? Who has lost its socket (the member is there without one) comes back
// unnoticed; who is replaced is somebody new to the others, as in the original.
static bool name_is_held(const struct core *core, const char *room, const char *identity)
{
	const struct core_room *there = core_room_by_name(core, room);
	const struct core_participant *member =
		there ? core_participant_by_identity(core, there->id, identity) : NULL;

	return member && member->link;
}

static int session_join(struct session *session)
{
	const struct dialect_host *host = session->host;
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX];
	struct core_join join = {
		.room = room,
		.identity = identity,
		.dialect = dialect_name,
		.link = session,
		.now_ms = host->now_ms(host->context),
	};
	struct rooms_path path;
	bool held, resumed;
	int error;

	if (!rooms_path_parse(session->link->path, &path) || path.room_length >= sizeof(room) ||
		path.peer_length >= sizeof(identity))
		return -CORE_NAME;
	snprintf(room, sizeof(room), "%.*s", (int)path.room_length, path.room);
	snprintf(identity, sizeof(identity), "%.*s", (int)path.peer_length, path.peer);
	host->about(host->context, room, identity);
	session->interposes = host->mode(host->context, session->link, room) != DIALECT_PASS;
	join.pairs = session->interposes;
	admission_rights(&session->link->grant, &join);
	held = name_is_held(host->core, room, identity);
	error = core_join(host->core, &join, &session->id, &resumed);
	if (error)
		return error;
	if (resumed && held && join.visible) // the core tells nobody
		peer_send(session, (struct core_participant_id){0},
			message_peer("peer_joined", identity));
	send_existing(session);
	return 0;
}

static void *rooms_open(const struct dialect_host *host, struct peer_link *link)
{
	struct session *session = calloc(1, sizeof(*session));
	int error;

	if (!session)
		return NULL;
	session->host = host;
	session->link = link;
	error = session_join(session);
	if (error)
		join_refused(session, error);
	return session;
}

static void session_leave(struct session *session, bool clean)
{
	const struct dialect_host *host = session->host;
	const struct core_participant *self = self_of(session);

	if (self && self->link == session)
		core_unlink(host->core, session->id, clean, host->now_ms(host->context));
	session->id = (struct core_participant_id){0};
}

// What the original cannot read ends its handler: the socket is closed as if all were well.
static void message_bad(struct session *session)
{
	const struct dialect_host *host = session->host;

	host->count(host->context, dialect_name, "in", "other");
	host->log(host->context, 'i', "closed: a message was no JSON object");
	session_leave(session, true);
	session_close(session, CLOSE_NORMAL, "");
}

static void rooms_text(void *context, const char *text, size_t length)
{
	struct session *session = context;
	json_error_t error;
	json_t *message;

	if (session->closed || !self_of(session))
		return;
	message = json_loadb(text, length, JSON_ALLOW_NUL, &error);
	if (json_is_object(message))
		message_handle(session, message);
	else
		message_bad(session);
	json_decref(message);
}

static void rooms_binary(void *context, const void *, size_t)
{
	struct session *session = context;

	if (!session->closed)
		message_bad(session);
}

// ---- events

static void event_description(
	struct session *session, const struct core_event *event, enum kind kind)
{
	char *text = stand_in_print(event);
	json_t *payload;

	if (!text) {
		refused(session, "a description", -CORE_BAD_DESC);
		return;
	}
	payload = json_pack("{s:s,s:s}", "type", kinds[kind].type, "sdp", text);
	session_send(session, message_passed(kind, payload, event->identity));
	free(text);
}

static void rooms_event(void *context, const struct core_event *event)
{
	struct session *session = context;
	const struct core_participant *now;

	if (session->closed)
		return;
	switch (event->type) {
	case CORE_EVENT_JOINED:
		session_send(session, message_peer("peer_joined", event->identity));
		break;
	case CORE_EVENT_LEFT:
		passing_forget(&session->passing, event->who);
		session_send(session, message_peer("peer_left", event->identity));
		break;
	case CORE_EVENT_MESSAGE:
		session_text(session, event->text, event->text_length);
		break;
	case CORE_EVENT_PAIR_OFFER:
		event_description(session, event, KIND_OFFER);
		break;
	case CORE_EVENT_PAIR_ANSWER:
		event_description(session, event, KIND_ANSWER);
		break;
	case CORE_EVENT_KICKED:
		session_close(session, CLOSE_POLICY, event->text);
		break;
	case CORE_EVENT_REPLACED:
		now = core_participant(session->host->core, event->to);
		if (!now || now->link != session)
			session_close(session, CLOSE_REPLACED, "replaced");
		break;
	case CORE_EVENT_PUBLISHED:
	case CORE_EVENT_UNPUBLISHED:
	case CORE_EVENT_TRANSPORT:
	case CORE_EVENT_TRANSPORT_GONE:
	case CORE_EVENT_PAIR_GONE:
	case CORE_EVENT_SILENCED:
		break; // 004 has no message for it; clients see it by ICE, or by peer_left
	}
}

static void rooms_close(void *context, bool clean)
{
	struct session *session = context;

	session_leave(session, clean);
	passing_clear(&session->passing);
	free(session);
}

const struct dialect dialect_rooms = {
	.name = dialect_name,
	.mode = DIALECT_INTERPOSE,
	.claims = rooms_claims,
	.admit = rooms_admit,
	.request = rooms_request,
	.open = rooms_open,
	.text = rooms_text,
	.binary = rooms_binary,
	.event = rooms_event,
	.close = rooms_close,
};

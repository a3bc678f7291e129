// SPDX-License-Identifier: Apache-2.0
// Dialect 002: publish and subscribe over JSON text messages, after a first message with a token.
// docs/dialects.md says what every message means and where this differs from the original.
#include "dialect.h"
#include "sdp/sdp.h"
#include "sfu_message.h"
#include "sfu_number.h"
#include "sfu_people.h"
#include "sfu_shape.h"
#include "stand_in.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROOMS_MAX = 16, // of one connection
	SDP_MAX = SFU_SDP_MAX,
	WHY_MAX = 256,

	CLOSE_POLICY = 1008, // RFC 6455, 7.4.1
	CLOSE_REPLACED = 4000, // RFC 6455, 7.4.2: private use
	CODE_REPLACED = 4000, // the `code` of error messages; null in all others
	CODE_KICKED = 4001,
};

static const char dialect_name[] = "sfu";

struct membership {
	bool used;
	bool visible; // by join-room; false = its media only
	struct core_participant_id id;
	char room[CORE_NAME_MAX];
};

struct session {
	const struct dialect_host *host;
	struct peer_link *link;
	uint64_t opened_ms;
	bool authenticated;
	bool closed; // by us: nothing is said or heard any more
	uint32_t user_id;
	char identity[SFU_NUMBER_MAX]; // user_id as the core's identity
	struct dialect_grant grant;
	struct membership rooms[ROOMS_MAX];
};

// ---- saying

static void session_text(struct session *session, const char *text, size_t length)
{
	const struct dialect_host *host = session->host;

	if (session->closed)
		return;
	host->count(host->context, dialect_name, "out", sfu_message_type(text, length));
	session->link->send_text(session->link->context, text, length);
}

// Takes `message`.
static void session_send(struct session *session, json_t *message)
{
	const struct dialect_host *host = session->host;
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		session_text(session, text, strlen(text));
	else
		host->log(host->context, 'e',
			"sfu: user %" PRIu32 ": a message could not be made: out of memory",
			session->user_id);
	free(text);
	json_decref(message);
}

static void session_error(struct session *session, const char *what, const char *why, int code)
{
	const struct dialect_host *host = session->host;

	if (host->fault)
		host->fault(host->context, dialect_name, sfu_error_code(what));
	session_send(session, sfu_error(what, why, code));
}

static void session_close(struct session *session, unsigned code, const char *reason)
{
	session->closed = true;
	session->link->close(session->link->context, code, reason);
}

// To all other members, or to the one of `target`; the core carries it.
static void member_send(struct session *session, const struct membership *from,
	struct core_participant_id target, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		core_send(session->host->core, from->id, target, text, strlen(text));
	free(text);
	json_decref(message);
}

// ---- reading fields, after sfu_shape_check

static const char *text_of(const json_t *message, const char *field)
{
	return json_string_value(json_object_get(message, field));
}

static uint32_t number_of(const json_t *message, const char *field)
{
	return (uint32_t)json_integer_value(json_object_get(message, field));
}

// ---- rooms of the connection

static struct membership *membership_find(struct session *session, const char *room)
{
	for (unsigned i = 0; i < ROOMS_MAX; i++) {
		struct membership *member = &session->rooms[i];

		if (!member->used || strcmp(member->room, room))
			continue;
		if (core_participant(session->host->core, member->id))
			return member;
		member->used = false;
	}
	return NULL;
}

static struct membership *membership_free(struct session *session)
{
	for (unsigned i = 0; i < ROOMS_MAX; i++)
		if (!session->rooms[i].used)
			return &session->rooms[i];
	return NULL;
}

static bool membership_any(const struct session *session)
{
	for (unsigned i = 0; i < ROOMS_MAX; i++)
		if (session->rooms[i].used)
			return true;
	return false;
}

struct entry {
	struct membership *member;
	bool entered; // this connection was not in the room before
	bool resumed; // the user was, by another connection
	char why[WHY_MAX]; // when it failed
};

enum { ENTER_WAITS = 1 }; // for the admission hook: the request will come once more

// Has the hook say whether the user may enter, with which rights. Returns as membership_enter.
static int entry_ask(struct session *session, const char *room, struct core_join *join, char *name,
	struct entry *entry)
{
	const struct dialect_host *host = session->host;
	const struct dialect_question question = {.dialect = dialect_name,
		.action = "join",
		.room = room,
		.identity = session->identity,
		.remote = session->link->remote,
		.path = session->link->path};
	struct dialect_grant grant = session->grant;
	enum dialect_answer answer;

	if (host->auth(host->context, session->link->auth, room) != DIALECT_HOOK)
		return 0;
	answer = host->admit(host->context, &question, &grant, entry->why, sizeof(entry->why));
	if (answer == DIALECT_WAITS) {
		session->link->waits = true;
		return ENTER_WAITS;
	}
	if (answer != DIALECT_ALLOWED)
		return -CORE_FORBIDDEN;
	snprintf(name, CORE_NAME_MAX, "%s", sfu_printable(grant.name) ? grant.name : join->name);
	join->name = name;
	join->can_publish = grant.can_publish;
	join->can_subscribe = grant.can_subscribe;
	join->until_ms = grant.until_ms;
	return 0;
}

// What was granted when the room was entered silently is granted still.
static void entry_grow(const struct session *session, const struct membership *member,
	struct core_join *join, char name[CORE_NAME_MAX])
{
	const struct core_participant *self = core_participant(session->host->core, member->id);

	join->name = strcpy(name, self->name); // what core_join reads it may not write
	join->can_publish = self->can_publish;
	join->can_subscribe = self->can_subscribe;
	join->until_ms = self->until_ms;
}

// A user may be in so many rooms by all of its connections. Taking one over is no further room.
static bool rooms_left(const struct session *session, const char *name)
{
	const struct dialect_host *host = session->host;
	const struct core_room *room = core_room_by_name(host->core, name);

	return !host->rooms_per_user ||
	       (room && core_participant_by_identity(host->core, room->id, session->identity)) ||
	       core_identity_rooms(host->core, dialect_name, session->identity) <
		       host->rooms_per_user;
}

static int entry_fail(struct entry *entry, int error)
{
	snprintf(entry->why, sizeof(entry->why), "%s", core_error_text(error));
	return error;
}

// Enters the room, or finds that we are in it; publishing and subscribing enter it silently.
// Returns 0, ENTER_WAITS, or a negative core_error with `why` in `entry`.
static int membership_enter(
	struct session *session, const char *room, bool visible, struct entry *entry)
{
	const struct dialect_host *host = session->host;
	struct membership *member = membership_find(session, room);
	struct entry made = {.member = member, .entered = !member};
	char name[CORE_NAME_MAX];
	struct core_join join = {
		.room = room,
		.identity = session->identity,
		.name = session->grant.name,
		.dialect = dialect_name,
		.link = session,
		.visible = visible && !session->grant.hidden,
		.can_publish = session->grant.can_publish,
		.can_subscribe = session->grant.can_subscribe,
		.withheld = session->grant.withheld,
		.now_ms = host->now_ms(host->context),
	};
	int error = 0;

	if (session->grant.room[0] && strcmp(session->grant.room, room))
		return entry_fail(entry, -CORE_FORBIDDEN);
	if (!member && rooms_left(session, room))
		made.member = membership_free(session);
	if (!made.member)
		return entry_fail(entry, -CORE_FULL);
	if (member)
		entry_grow(session, member, &join, name);
	else
		error = entry_ask(session, room, &join, name, entry);
	if (error)
		return error;
	if (made.entered || (visible && !member->visible)) {
		error = core_join(host->core, &join, &made.member->id, &made.resumed);
		if (error)
			return entry_fail(entry, error);
		made.member->visible = visible;
		made.member->used = true;
		snprintf(made.member->room, sizeof(made.member->room), "%s", room);
	}
	*entry = made;
	return 0;
}

// Takes back an entry that the failed request itself made.
static void entry_undo(struct session *session, const struct entry *entry)
{
	if (!entry->entered || entry->resumed)
		return;
	if (!core_leave(session->host->core, entry->member->id))
		entry->member->used = false;
}

// What is muted already of those who publish in the room.
static void announce_muted(struct session *session, const struct core_participant *self)
{
	const struct core *core = session->host->core;
	const struct core_publication *publication = NULL;
	const char *room = core_room(core, self->room)->name;

	while ((publication = core_publication_next(core, publication)) != NULL) {
		const struct core_participant *owner =
			core_participant(core, publication->participant);

		if ((publication->paused || publication->held) && owner && owner != self &&
			owner->room.index == self->room.index)
			session_send(
				session, sfu_muted(room, sfu_number_of(owner->identity, owner->id),
						 publication->kind, true));
	}
}

// Tells somebody who has just come of those who publish already. The client of the seed knows only
// new-publisher; `except`, which may be NULL, it has asked for by itself.
static void announce_publishers(
	struct session *session, const struct entry *entry, const uint32_t *except)
{
	const struct core *core = session->host->core;
	const struct core_participant *self = core_participant(core, entry->member->id);
	const char *room = entry->member->room;
	json_t *list, *item;
	size_t i;

	if (!entry->entered || !self || !self->can_subscribe)
		return;
	list = sfu_publishers_of(core, self);
	session_send(session, sfu_publishers(room, list, entry->resumed));
	json_array_foreach(list, i, item)
	{
		uint32_t number = number_of(item, "publisherId");

		if (!except || number != *except)
			session_send(session, sfu_publisher("new-publisher", room, number,
						      text_of(item, "username")));
	}
	json_decref(list);
	announce_muted(session, self);
}

// ---- requests: rooms

static void handle_join(struct session *session, const json_t *message)
{
	const char *room = text_of(message, "roomName");
	const struct membership *member = membership_find(session, room);
	const struct core *core = session->host->core;
	struct entry entry;
	int error;

	if (member && member->visible) {
		session_error(session, "Failed to join room: ", "User already in room", 0);
		return;
	}
	error = membership_enter(session, room, true, &entry);
	if (error == ENTER_WAITS)
		return;
	if (error) {
		session_error(session, "Failed to join room: ", entry.why, 0);
		return;
	}
	session_send(
		session, sfu_room_joined(room, session->user_id,
				 sfu_participants(core, core_participant(core, entry.member->id))));
	announce_publishers(session, &entry, NULL);
}

static void room_left(struct session *session, const char *room)
{
	session_send(session, sfu_left("room-left", room, session->user_id));
}

static void handle_leave(struct session *session, const json_t *message)
{
	const char *room = text_of(message, "roomName");
	struct membership *member = membership_find(session, room);
	int error;

	if (!member) {
		session_error(session, "Failed to leave room: ",
			core_room_by_name(session->host->core, room) ? "User not in room"
								     : "Room not found",
			0);
		return;
	}
	error = core_leave(session->host->core, member->id);
	if (error) { // it stays a member, whom the end of the socket takes out
		session_error(session, "Failed to leave room: ", core_error_text(error), 0);
		return;
	}
	member->used = false;
	room_left(session, room);
}

// ---- requests: from user to user

// Finds the sender's membership and the target; `broadcast` when none is named. Returns NULL after
// the error, or when the target is not there, which the original is silent about.
static const struct membership *relay_route(
	struct session *session, const json_t *message, struct core_participant_id *target)
{
	const struct core *core = session->host->core;
	const struct membership *from = membership_find(session, text_of(message, "roomName"));
	const struct core_participant *to;
	char identity[SFU_NUMBER_MAX];

	if (!from) {
		session_error(session, "You are not in this room", "", 0);
		return NULL;
	}
	*target = (struct core_participant_id){0};
	if (!json_is_integer(json_object_get(message, "targetUserId")))
		return from;
	snprintf(identity, sizeof(identity), "%" PRIu32, number_of(message, "targetUserId"));
	to = core_participant_by_identity(core, core_participant(core, from->id)->room, identity);
	if (!to)
		return NULL;
	*target = to->id;
	return from;
}

static void handle_description(struct session *session, const json_t *message)
{
	struct core_participant_id target;
	const struct membership *from = relay_route(session, message, &target);

	if (from)
		member_send(session, from, target,
			sfu_description(text_of(message, "type"), from->room, session->user_id,
				text_of(message, "sdp")));
}

static void handle_candidate(struct session *session, const json_t *message)
{
	struct core_participant_id target;
	const struct membership *from = relay_route(session, message, &target);

	if (from)
		member_send(session, from, target,
			sfu_candidate(from->room, session->user_id, message));
}

// ---- requests: media

static void handle_publish(struct session *session, const json_t *message)
{
	static const char failed[] = "SFU publish offer error: ";
	const struct dialect_host *host = session->host;
	const char *text = text_of(message, "offer");
	char answer_text[SDP_MAX], why[WHY_MAX] = "";
	struct desc offer, answer;
	struct entry entry;
	int error;

	if (sdp_parse(text, strlen(text), &offer, why, sizeof(why)) < 0) {
		session_error(session, failed, why, 0);
		return;
	}
	error = membership_enter(session, text_of(message, "roomName"), false, &entry);
	if (error == ENTER_WAITS)
		return;
	if (error) {
		session_error(session, failed, entry.why, 0);
		return;
	}
	error = core_publish(
		host->core, entry.member->id, &offer, &answer, host->now_ms(host->context));
	if (!error && sdp_print(&answer, false, answer_text, sizeof(answer_text)) < 0)
		error = -CORE_BAD_DESC;
	if (error) {
		entry_undo(session, &entry);
		session_error(session, failed, core_error_text(error), 0);
		return;
	}
	session_send(session, sfu_publish_answer(entry.member->room, answer_text));
	announce_publishers(session, &entry, NULL);
}

static void subscribe_failed(struct session *session, const json_t *message, int error)
{
	char why[CORE_NAME_MAX + 64];

	snprintf(why, sizeof(why), "Publisher %" PRIu32 " not found in room %s",
		number_of(message, "publisherId"), text_of(message, "roomName"));
	session_error(session, "SFU subscribe request error: ",
		error == -CORE_NO_PUBLISHER ? why : core_error_text(error), 0);
}

// Of the one in the room who has that number.
static void member_identity(struct session *session, const struct membership *member,
	uint32_t number, char identity[CORE_NAME_MAX])
{
	const struct core *core = session->host->core;

	sfu_number_identity(core, core_participant(core, member->id)->room, number, identity);
}

static void handle_subscribe(struct session *session, const json_t *message)
{
	const struct dialect_host *host = session->host;
	char text[SDP_MAX], publisher[CORE_NAME_MAX];
	uint32_t number = number_of(message, "publisherId");
	struct desc offer;
	struct entry entry;
	int error;

	error = membership_enter(session, text_of(message, "roomName"), false, &entry);
	if (error == ENTER_WAITS)
		return;
	if (error) {
		session_error(session, "SFU subscribe request error: ", entry.why, 0);
		return;
	}
	member_identity(session, entry.member, number, publisher);
	error = core_subscribe(
		host->core, entry.member->id, publisher, &offer, host->now_ms(host->context));
	if (!error && sdp_print(&offer, true, text, sizeof(text)) < 0)
		error = -CORE_BAD_DESC;
	if (error) {
		entry_undo(session, &entry);
		subscribe_failed(session, message, error);
		return;
	}
	session_send(session, sfu_subscribe_offer(entry.member->room, number, text));
	announce_publishers(session, &entry, &number);
}

static void handle_subscribe_answer(struct session *session, const json_t *message)
{
	static const char failed[] = "SFU subscribe answer error: ";
	const struct dialect_host *host = session->host;
	const struct membership *member = membership_find(session, text_of(message, "roomName"));
	const char *text = text_of(message, "answer");
	char publisher[CORE_NAME_MAX], why[WHY_MAX] = "";
	struct desc answer;
	int error;

	if (!member) {
		session_error(session, failed, core_error_text(-CORE_NOT_MEMBER), 0);
		return;
	}
	if (sdp_parse(text, strlen(text), &answer, why, sizeof(why)) < 0) {
		session_error(session, failed, why, 0);
		return;
	}
	member_identity(session, member, number_of(message, "publisherId"), publisher);
	error = core_subscribe_answer(
		host->core, member->id, publisher, &answer, host->now_ms(host->context));
	if (error)
		session_error(session, failed, core_error_text(error), 0);
}

// Ours, not the original's: the relay stops forwarding and the others can show it.
static void handle_mute(struct session *session, const json_t *message, bool muted)
{
	const struct membership *member = membership_find(session, text_of(message, "roomName"));
	enum desc_kind kind = strcmp(text_of(message, "kind"), "audio") ? DESC_VIDEO : DESC_AUDIO;
	int error;

	if (!member) {
		session_error(session, "You are not in this room", "", 0);
		return;
	}
	error = core_mute(
		session->host->core, member->id, (struct core_publication_id){0}, kind, muted);
	if (error)
		session_error(session, "Failed to mute: ", core_error_text(error), 0);
	else if (!muted && sfu_held(session->host->core, member->id, kind))
		session_error(session, "Muted by the operator", "", 0);
	else
		member_send(session, member, (struct core_participant_id){0},
			sfu_muted(member->room, session->user_id, kind, muted));
}

// ---- which request it is

static void request_handle(struct session *session, enum sfu_request request, const json_t *message)
{
	switch (request) {
	case SFU_AUTH:
		session_error(session, "Authentication already completed", "", 0);
		break;
	case SFU_JOIN_ROOM:
		handle_join(session, message);
		break;
	case SFU_LEAVE_ROOM:
		handle_leave(session, message);
		break;
	case SFU_OFFER:
	case SFU_ANSWER:
		handle_description(session, message);
		break;
	case SFU_ICE_CANDIDATE:
		handle_candidate(session, message);
		break;
	case SFU_PUBLISH_OFFER:
		handle_publish(session, message);
		break;
	case SFU_SUBSCRIBE_REQUEST:
		handle_subscribe(session, message);
		break;
	case SFU_SUBSCRIBE_ANSWER:
		handle_subscribe_answer(session, message);
		break;
	case SFU_MUTE:
	case SFU_UNMUTE:
		handle_mute(session, message, request == SFU_MUTE);
		break;
	case SFU_PUBLISH_ICE_CANDIDATE:
	case SFU_SUBSCRIBE_ICE_CANDIDATE:
		break; // ICE-lite learns the address from the first check
	case SFU_REQUESTS:
		break;
	}
}

// ---- authentication

static void auth_fail(struct session *session, const char *why)
{
	const struct dialect_host *host = session->host;

	host->log(host->context, 'w', "sfu: %s: authentication failed: %s", session->link->remote,
		why);
	session_error(session, "Authentication failed: ", why, 0);
	session_close(session, CLOSE_POLICY, "authentication failed");
}

// The token: of an auth message, or of any object that is none of the other requests.
static const char *auth_token(const json_t *message, const char **why)
{
	char unused[WHY_MAX];
	enum sfu_request request = sfu_shape_check(message, unused, sizeof(unused));
	const char *token = text_of(message, "token");

	if (request != SFU_REQUESTS && request != SFU_AUTH) {
		*why = "Expected Auth message, got other message type";
		return NULL;
	}
	if (!token)
		*why = "No 'token' field found in authentication message";
	else if (strlen(token) > SFU_TOKEN_MAX)
		*why = "The token is too long";
	return token && strlen(token) <= SFU_TOKEN_MAX ? token : NULL;
}

static void auth_first(struct session *session, const json_t *message)
{
	const struct dialect_host *host = session->host;
	char why[WHY_MAX] = "not valid", text[WHY_MAX + 32];
	struct dialect_grant grant = {0};
	const char *fault = NULL, *token;

	host->count(host->context, dialect_name, "in", "auth");
	if (!message) {
		auth_fail(session, "Invalid JSON format in authentication message");
		return;
	}
	token = auth_token(message, &fault);
	if (!token) {
		auth_fail(session, fault);
		return;
	}
	if (host->verify(host->context, token, strlen(token), &grant, why, sizeof(why))) {
		snprintf(text, sizeof(text), "Invalid token: %s", why);
		auth_fail(session, text);
		return;
	}
	if (!sfu_number_read(grant.identity, &session->user_id)) {
		auth_fail(
			session, "Invalid token: `sub` must be a user number from 0 to 4294967295");
		return;
	}
	if (!sfu_printable(grant.name))
		snprintf(grant.name, sizeof(grant.name), "%s", grant.identity);
	host->log(host->context, 'i', "sfu: %s: user %" PRIu32 " authenticated",
		session->link->remote, session->user_id);
	session->grant = grant;
	session->authenticated = session->link->known = true;
	snprintf(session->identity, sizeof(session->identity), "%" PRIu32, session->user_id);
	session_send(session, sfu_authenticated(session->user_id, grant.name));
}

// ---- the port

static bool sfu_claims(const char *path)
{
	return !strcmp(path, "/ws/sfu") || !strcmp(path, "/sfu");
}

// Whoever begins with a token; what else has a `jsonrpc` or a `method` is of others.
static bool sfu_recognizes(const char *text, size_t length)
{
	json_t *message = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *type = text_of(message, "type");
	bool ours = type ? !strcmp(type, "auth")
			 : json_is_string(json_object_get(message, "token")) &&
				    !json_object_get(message, "jsonrpc") &&
				    !json_object_get(message, "method");

	json_decref(message);
	return ours;
}

static void *sfu_open(const struct dialect_host *host, struct peer_link *link)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->host = host;
	session->link = link;
	session->opened_ms = host->now_ms(host->context);
	return session;
}

static void request_run(struct session *session, const json_t *message, const char *parse_fault)
{
	const struct dialect_host *host = session->host;
	enum sfu_request request = SFU_REQUESTS;
	char why[WHY_MAX], text[WHY_MAX + 32];

	if (message)
		request = sfu_shape_check(message, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%s", parse_fault);
	host->count(host->context, dialect_name, "in", sfu_request_name(request));
	if (request != SFU_REQUESTS) {
		request_handle(session, request, message);
		return;
	}
	snprintf(text, sizeof(text), "Invalid JSON: %s", why);
	session_error(session, "Message handling error: ", text, 0);
}

static void sfu_text(void *context, const char *text, size_t length)
{
	struct session *session = context;
	json_error_t error;
	json_t *message;

	if (session->closed)
		return;
	message = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (message && !json_is_object(message)) {
		json_decref(message);
		message = NULL;
		snprintf(error.text, sizeof(error.text), "an object is expected");
	}
	if (session->authenticated)
		request_run(session, message, error.text);
	else
		auth_first(session, message);
	json_decref(message);
}

static void sfu_binary(void *context, const void *, size_t)
{
	struct session *session = context;

	if (!session->authenticated && !session->closed)
		auth_fail(session, "Invalid authentication message format");
}

static struct membership *membership_of(
	struct session *session, struct core_participant_id participant)
{
	for (unsigned i = 0; i < ROOMS_MAX; i++)
		if (session->rooms[i].used && stand_in_same(session->rooms[i].id, participant))
			return &session->rooms[i];
	return NULL;
}

// Another connection of the same user goes on with this room's media.
static void event_replaced(struct session *session, const struct core_event *event)
{
	const struct core_participant *now = core_participant(session->host->core, event->to);
	struct membership *member = membership_of(session, event->to);

	if (!member || (now && now->link == session))
		return;
	member->used = false;
	if (membership_any(session)) {
		room_left(session, event->room);
		return;
	}
	session_error(session,
		"Connected from elsewhere: ", "another connection of this user has taken over",
		CODE_REPLACED);
	session_close(session, CLOSE_REPLACED, "replaced");
}

static void event_kicked(struct session *session, const struct core_event *event)
{
	struct membership *member = membership_of(session, event->to);

	if (member)
		member->used = false;
	session_error(session,
		"Removed from room: ", event->text_length ? event->text : "by the operator",
		CODE_KICKED);
	room_left(session, event->room);
}

static void event_publisher(struct session *session, const struct core_event *event, uint32_t who)
{
	const struct core_participant *self = core_participant(session->host->core, event->to);
	bool came = event->type == CORE_EVENT_PUBLISHED;

	if (self && self->can_subscribe)
		session_send(session, sfu_publisher(came ? "new-publisher" : "publisher-left",
					      event->room, who, came ? event->name : NULL));
}

static void event_user(struct session *session, const struct core_event *event, uint32_t who)
{
	if (event->type == CORE_EVENT_JOINED)
		session_send(session, sfu_user_joined(event->room, who, event->name));
	else
		session_send(session, sfu_left("user-left", event->room, who));
}

// The operator's doing, which a publisher's own mute may outlast.
static void event_silenced(struct session *session, const struct core_event *event, uint32_t who)
{
	const struct core_publication *publication = NULL;
	bool muted = event->silenced;

	while ((publication = core_publication_next(session->host->core, publication)) != NULL)
		muted |= publication->paused && publication->kind == event->kind &&
			 stand_in_same(publication->participant, event->who);
	session_send(session, sfu_muted(event->room, who, event->kind, muted));
}

static void sfu_event(void *context, const struct core_event *event)
{
	struct session *session = context;
	uint32_t who = event->identity ? sfu_number_of(event->identity, event->who) : 0;

	switch (event->type) {
	case CORE_EVENT_JOINED:
	case CORE_EVENT_LEFT:
		event_user(session, event, who);
		break;
	case CORE_EVENT_PUBLISHED:
	case CORE_EVENT_UNPUBLISHED:
		event_publisher(session, event, who);
		break;
	case CORE_EVENT_MESSAGE:
		session_text(session, event->text, event->text_length);
		break;
	case CORE_EVENT_KICKED:
		event_kicked(session, event);
		break;
	case CORE_EVENT_REPLACED:
		event_replaced(session, event);
		break;
	case CORE_EVENT_SILENCED:
		event_silenced(session, event, who);
		break;
	case CORE_EVENT_TRANSPORT:
	case CORE_EVENT_TRANSPORT_GONE:
		break; // the client sees it by ICE itself; 002 has no message for it
	case CORE_EVENT_PAIR_OFFER:
	case CORE_EVENT_PAIR_ANSWER:
	case CORE_EVENT_PAIR_GONE:
		break; // never: its members do not pair
	}
}

static void sfu_tick(void *context, uint64_t now_ms)
{
	struct session *session = context;

	if (!session->authenticated && !session->closed &&
		now_ms >= session->opened_ms + session->host->auth_ms)
		auth_fail(session, "No authentication message received in time");
}

static void sfu_close(void *context, bool clean)
{
	struct session *session = context;
	const struct dialect_host *host = session->host;
	struct core *core = host->core;

	for (unsigned i = 0; i < ROOMS_MAX; i++) {
		const struct membership *member = &session->rooms[i];
		const struct core_participant *now;

		if (!member->used)
			continue;
		now = core_participant(core, member->id);
		if (now && now->link == session)
			core_unlink(core, member->id, clean, host->now_ms(host->context));
	}
	free(session);
}

const struct dialect dialect_sfu = {
	.name = dialect_name,
	.mode = DIALECT_SFU,
	.claims = sfu_claims,
	.recognizes = sfu_recognizes,
	.open = sfu_open,
	.text = sfu_text,
	.binary = sfu_binary,
	.event = sfu_event,
	.tick = sfu_tick,
	.close = sfu_close,
};

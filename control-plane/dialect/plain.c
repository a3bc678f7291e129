// SPDX-License-Identifier: Apache-2.0
// Dialect 000: what a client of a room says is heard by all others of it. It has no names, no addresses and no
// errors, and a client may leave its socket as soon as its media flows.
// docs/dialects.md says where this differs from the original, and whom an offer reaches when the relay
// stands in.
#include "admission.h"
#include "dialect.h"
#include "plain_page.h"
#include "sdp/sdp.h"
#include "stand_in.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHY_MAX = 256,
	OFFERED_MAX = 16, // members that one offer is made to

	CLOSE_POLICY = 1008, // RFC 6455, 7.4.1
	CLOSE_LATER = 1013, // of the registry that 7.4.2 sets up: try again later
};

static const char dialect_name[] = "plain";
static const char shared_prefix[] = "ws/plain"; // on the listener that all share

// What a frame is; one byte before a frame that the core carries to other sessions.
enum kind { KIND_OFFER, KIND_ANSWER, KIND_ICE, KIND_DATA, KIND_OTHER, KIND_BINARY };

static const char *const kind_names[] = {"offer", "answer", "ice", "data", "other", "binary"};

struct session {
	const struct dialect_host *host;
	struct peer_link *link;
	struct core_participant_id id; // generation 0: has not joined
	bool interposes; // else all is handed on
	bool closed; // by us: nothing is said or heard any more

	// This dialect's clients have one connection each.
	bool unusable; // the last description was none that the relay can stand in for
	bool passed; // so the last offer went on as it was, to some at least
	bool waiting; // no answer yet to the last offer
	bool offered; // the partner took our offer, not we its
	unsigned offered_used;
	struct core_participant_id offered_to[OFFERED_MAX]; // and by no other way ended
	struct core_participant_id asked; // whose offer is not answered yet
	struct core_participant_id partner; // with whom media flows
	struct desc_fingerprint fingerprint; // of the last offer
};

struct frame {
	enum kind kind;
	const void *data;
	size_t length;
};

static const struct core_participant_id nobody;

// ---- saying

static void session_frame(struct session *session, const struct frame *frame)
{
	const struct dialect_host *host = session->host;
	struct peer_link *link = session->link;

	if (session->closed)
		return;
	host->count(host->context, dialect_name, "out", kind_names[frame->kind]);
	if (frame->kind == KIND_BINARY)
		link->send_binary(link->context, frame->data, frame->length);
	else
		link->send_text(link->context, frame->data, frame->length);
}

static void session_close(struct session *session, unsigned code, const char *reason)
{
	session->closed = true;
	session->link->close(session->link->context, code, reason);
}

// To one, or to all others who speak this dialect; the core carries it.
static void frame_send(
	struct session *session, struct core_participant_id to, const struct frame *frame)
{
	char *marked = malloc(frame->length + 1);

	if (!marked)
		return;
	marked[0] = (char)frame->kind;
	if (frame->length)
		memcpy(marked + 1, frame->data, frame->length);
	core_send(session->host->core, session->id, to, marked, frame->length + 1);
	free(marked);
}

static void frame_send_all(struct session *session, const struct frame *frame)
{
	frame_send(session, nobody, frame);
}

// ---- members

static bool is_set(struct core_participant_id id)
{
	return id.generation != 0;
}

static const struct core_participant *self_of(const struct session *session)
{
	return core_participant(session->host->core, session->id);
}

// The session of a member, NULL when it has none or speaks another dialect.
static struct session *session_of(const struct core_participant *member)
{
	return member && !strcmp(member->dialect, dialect_name) ? member->link : NULL;
}

static const struct core_participant *member_next(
	const struct session *session, const struct core_participant *previous)
{
	return core_room_member_next(session->host->core, self_of(session)->room, previous);
}

// What one of these two says goes to the other as it is.
static bool pair_passes(const struct session *session, const struct session *other)
{
	return session->unusable || session->passed || other->unusable || other->passed ||
	       !other->interposes;
}

static void refused(const struct session *session, const char *what, int error)
{
	const struct dialect_host *host = session->host;

	host->log(host->context, 'w', "plain: %s: %s is lost: %s", session->link->remote, what,
		core_error_text(error));
}

// ---- calls

static void pair_close(struct session *session, struct core_participant_id far)
{
	core_pair_close(session->host->core, session->id, far);
}

// One connection each: what else there is beside the one with `far` ends.
static void pairs_close_but(struct session *session, struct core_participant_id far)
{
	for (unsigned i = 0; i < session->offered_used; i++)
		if (!stand_in_same(session->offered_to[i], far))
			pair_close(session, session->offered_to[i]);
	session->offered_used = 0;
	if (is_set(session->asked) && !stand_in_same(session->asked, far))
		pair_close(session, session->asked);
	session->asked = nobody;
	if (is_set(session->partner) && !stand_in_same(session->partner, far))
		pair_close(session, session->partner);
	session->partner = far;
}

// True when an offer of `from` would disturb nobody: who has taken a call and stays on the line can take
// another once the caller's socket is gone.
static bool is_free(const struct session *session, struct core_participant_id from)
{
	const struct core_participant *partner;

	if (is_set(session->asked) && !stand_in_same(session->asked, from))
		return false;
	if (!is_set(session->partner) || stand_in_same(session->partner, from))
		return true;
	partner = core_participant(session->host->core, session->partner);
	return !partner || (!partner->link && !session->offered);
}

// ---- offers

static bool description_read(const struct session *session, const json_t *sdp, struct desc *desc)
{
	const struct dialect_host *host = session->host;
	char why[WHY_MAX];

	if (!sdp_parse(json_string_value(sdp), json_string_length(sdp), desc, why, sizeof(why)))
		return true;
	host->log(host->context, 'd', "plain: %s: a description is handed on as it is: %s",
		session->link->remote, why);
	return false;
}

struct offer {
	const struct desc *desc;
	const struct frame *frame;
};

// To one member. Returns false when the relay cannot stand in for this description.
static bool offer_to(
	struct session *session, struct core_participant_id to, const struct offer *offer)
{
	const struct dialect_host *host = session->host;
	const struct session *other = session_of(core_participant(host->core, to));
	int error;

	if (other && (other->unusable || !other->interposes)) {
		session->passed = true;
		frame_send(session, to, offer->frame);
		return true;
	}
	if (session->offered_used == OFFERED_MAX || (other && !is_free(other, session->id)))
		return true;
	error = core_pair_offer(
		host->core, session->id, to, offer->desc, host->now_ms(host->context));
	if (error == -CORE_BAD_DESC)
		return false;
	if (error)
		refused(session, "an offer", error);
	else
		session->offered_to[session->offered_used++] = to;
	return true;
}

// Members who take offers: all of dialects that do, as long as they have a socket. Returns how many ids are
// in `list`, which the caller frees.
static unsigned targets_find(const struct session *session, struct core_participant_id **list)
{
	const struct core_participant *member = NULL;
	const struct core_room *room = core_room(session->host->core, self_of(session)->room);
	unsigned used = 0;

	*list = calloc(room->participants, sizeof(**list));
	while (*list && (member = member_next(session, member)) != NULL)
		if (member->link && (member->pairs || session_of(member)) &&
			!stand_in_same(member->id, session->id))
			(*list)[used++] = member->id;
	return used;
}

// Somebody the relay answers for at once, since that dialect knows no offers from peers.
static struct core_participant_id watcher_find(const struct session *session)
{
	const struct core_participant *member = NULL;

	while ((member = member_next(session, member)) != NULL)
		if (member->visible && !member->pairs && !session_of(member))
			return member->id;
	return nobody;
}

static bool fingerprint_same(const struct desc_fingerprint *a, const struct desc_fingerprint *b)
{
	return a->length && a->length == b->length && !memcmp(a->value, b->value, a->length);
}

// The same connection again: a matter between the two, also when the other's socket is gone.
static bool renegotiates(const struct session *session, const struct desc *desc)
{
	return is_set(session->partner) && session->offered && !session->passed &&
	       core_participant(session->host->core, session->partner) &&
	       fingerprint_same(&session->fingerprint, &desc->fingerprint);
}

// To all who take offers; when none can take it now, to one for whom the relay answers. Returns false when
// the relay cannot stand in for this description.
static bool offer_all(struct session *session, const struct offer *offer)
{
	struct core_participant_id *list, watcher;
	unsigned used = targets_find(session, &list);
	bool can = true;

	session->passed = false;
	for (unsigned i = 0; i < used && can; i++)
		can = offer_to(session, list[i], offer);
	free(list);
	if (!can || session->offered_used || session->passed)
		return can;
	watcher = watcher_find(session);
	return !is_set(watcher) || offer_to(session, watcher, offer);
}

static bool offer_interpose(struct session *session, const struct offer *offer)
{
	bool can;

	session->offered_used = 0;
	if (renegotiates(session, offer->desc))
		can = offer_to(session, session->partner, offer);
	else
		can = offer_all(session, offer);
	session->waiting = session->offered_used > 0;
	session->fingerprint = offer->desc->fingerprint;
	return can;
}

static void handle_offer(struct session *session, const json_t *sdp, const struct frame *frame)
{
	struct desc desc;
	const struct offer offer = {&desc, frame};

	session->unusable = !description_read(session, sdp, &desc);
	if (!session->unusable)
		session->unusable = !offer_interpose(session, &offer);
	if (!session->unusable)
		return;
	pairs_close_but(session, nobody);
	session->waiting = false;
	session->passed = true;
	frame_send_all(session, frame);
}

// ---- answers and candidates

// To those who must get it as it is; `offered`: only if their own offer went on so.
static void hand_on(struct session *session, const struct frame *frame, bool offered)
{
	const struct core_participant *member = NULL;

	while ((member = member_next(session, member)) != NULL) {
		const struct session *other = session_of(member);

		if (!other || other == session)
			continue;
		if (offered ? other->passed || !other->interposes : pair_passes(session, other))
			frame_send(session, member->id, frame);
	}
}

static void answer_interpose(struct session *session, const struct desc *desc)
{
	const struct dialect_host *host = session->host;
	int error = core_pair_answer(
		host->core, session->id, session->asked, desc, host->now_ms(host->context));

	if (error == -CORE_BAD_DESC) {
		session->unusable = true;
	} else if (error) {
		session->asked = nobody;
		refused(session, "an answer", error);
	} else {
		pairs_close_but(session, session->asked);
		session->waiting = session->offered = false;
	}
}

static void handle_answer(struct session *session, const json_t *sdp, const struct frame *frame)
{
	struct core_participant_id asked = session->asked;
	struct session *other = session_of(core_participant(session->host->core, asked));
	struct desc desc;

	session->unusable = !description_read(session, sdp, &desc);
	if (!is_set(asked)) {
		hand_on(session, frame, true);
		return;
	}
	if (!session->unusable)
		answer_interpose(session, &desc);
	if (!session->unusable)
		return;
	pair_close(session, asked);
	session->asked = nobody;
	if (!other)
		return;
	other->passed = true;
	frame_send(session, asked, frame);
}

// ---- which frame it is

static const char *text_of(const json_t *message, const char *field)
{
	const char *text = json_string_value(json_object_get(message, field));

	return text ? text : "";
}

// The four that clients of this dialect have agreed upon; all else is theirs.
static enum kind kind_of(const json_t *message)
{
	const char *type = text_of(message, "type");
	bool has_sdp = json_is_string(json_object_get(message, "sdp"));

	if (!strcmp(type, "offer") && has_sdp)
		return KIND_OFFER;
	if (!strcmp(type, "answer") && has_sdp)
		return KIND_ANSWER;
	if (!strcmp(type, "ice"))
		return KIND_ICE;
	return strcmp(type, "data") ? KIND_OTHER : KIND_DATA;
}

static void frame_handle(struct session *session, const json_t *message, const struct frame *frame)
{
	const struct dialect_host *host = session->host;
	const json_t *sdp = json_object_get(message, "sdp");

	host->count(host->context, dialect_name, "in", kind_names[frame->kind]);
	if (!session->interposes)
		frame_send_all(session, frame);
	else if (frame->kind == KIND_OFFER)
		handle_offer(session, sdp, frame);
	else if (frame->kind == KIND_ANSWER)
		handle_answer(session, sdp, frame);
	else if (frame->kind ==
		 KIND_ICE) // ours are in our descriptions, theirs come by their checks
		hand_on(session, frame, false);
	else
		frame_send_all(session, frame);
}

static void plain_text(void *context, const char *text, size_t length)
{
	struct session *session = context;
	struct frame frame = {KIND_OTHER, text, length};
	json_error_t error;
	json_t *message;

	if (session->closed || !self_of(session))
		return;
	message = json_loadb(text, length, JSON_ALLOW_NUL, &error);
	frame.kind = kind_of(message);
	frame_handle(session, message, &frame);
	json_decref(message);
}

static void plain_binary(void *context, const void *data, size_t length)
{
	struct session *session = context;
	const struct frame frame = {KIND_BINARY, data, length};

	if (!session->closed && self_of(session))
		frame_handle(session, NULL, &frame);
}

// ---- coming and going

// The path without its leading slashes; the rest is the room's name as it stands, inner slashes included.
// Returns false when it is too long.
static bool room_of(const char *path, char *room, size_t size)
{
	const size_t prefix = sizeof(shared_prefix) - 1;
	size_t length;

	path += strspn(path, "/");
	if (!strncmp(path, shared_prefix, prefix) && strchr("/?", path[prefix])) {
		path += prefix;
		path += strspn(path, "/");
	}
	length = strcspn(path, "?");
	if (length >= size)
		return false;
	snprintf(room, size, "%.*s", (int)length, path);
	if (!length)
		snprintf(room, size, "default");
	return true;
}

// Nobody has a name here, but everybody is new: also after a restart of the relay nobody must be
// taken for one who is still in a call.
static void identity_make(const struct core *core, const char *room, uint64_t now_ms,
	char identity[static CORE_NAME_MAX])
{
	const struct core_room *there = core_room_by_name(core, room);

	do {
		snprintf(identity, CORE_NAME_MAX, "guest-%" PRIx64, now_ms++);
	} while (there && core_participant_by_identity(core, there->id, identity));
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
		.outlives = true,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	if (!room_of(session->link->path, room, sizeof(room)))
		return -CORE_NAME;
	if (!admission_allows(&session->link->grant, room, NULL))
		return -CORE_FORBIDDEN;
	identity_make(host->core, room, join.now_ms, identity);
	session->interposes = host->mode(host->context, session->link, room) != DIALECT_PASS;
	join.pairs = session->interposes;
	admission_rights(&session->link->grant, &join);
	return core_join(host->core, &join, &session->id, &resumed);
}

static void *plain_open(const struct dialect_host *host, struct peer_link *link)
{
	struct session *session = calloc(1, sizeof(*session));
	int error;

	if (!session)
		return NULL;
	session->host = host;
	session->link = link;
	error = session_join(session);
	if (!error)
		return session;
	host->log(
		host->context, 'w', "plain: %s: refused: %s", link->remote, core_error_text(error));
	session_close(session,
		error == -CORE_FULL || error == -CORE_DRAINING ? CLOSE_LATER : CLOSE_POLICY,
		core_error_text(error));
	return session;
}

static void plain_close(void *context, bool clean)
{
	struct session *session = context;
	const struct dialect_host *host = session->host;
	const struct core_participant *self = self_of(session);

	if (self && self->link == session)
		core_unlink(host->core, session->id, clean, host->now_ms(host->context));
	free(session);
}

// ---- events

static void description_send(
	struct session *session, const struct core_event *event, enum kind kind)
{
	char *text = stand_in_print(event), *printed = NULL;
	json_t *message = NULL;

	if (text)
		message = json_pack("{s:s,s:s}", "type", kind_names[kind], "sdp", text);
	if (message)
		printed = json_dumps(message, JSON_COMPACT);
	if (printed)
		session_frame(session, &(struct frame){kind, printed, strlen(printed)});
	else
		refused(session, "a description", -CORE_BAD_DESC);
	free(printed);
	free(text);
	json_decref(message);
}

static void event_offer(struct session *session, const struct core_event *event)
{
	if (!is_free(session, event->who)) {
		pair_close(session, event->who);
		return;
	}
	session->asked = event->who;
	description_send(session, event, KIND_OFFER);
}

// The first answer is the one; the others' calls end.
static void event_answer(struct session *session, const struct core_event *event)
{
	if (!session->waiting) {
		if (!stand_in_same(session->partner, event->who))
			pair_close(session, event->who);
		return;
	}
	pairs_close_but(session, event->who);
	session->waiting = false;
	session->offered = true;
	description_send(session, event, KIND_ANSWER);
}

static void event_gone(struct session *session, const struct core_event *event)
{
	if (stand_in_same(session->asked, event->who))
		session->asked = nobody;
	if (stand_in_same(session->partner, event->who))
		session->partner = nobody;
}

static void event_message(struct session *session, const struct core_event *event)
{
	const struct frame frame = {
		(enum kind)event->text[0], event->text + 1, event->text_length - 1};

	session_frame(session, &frame);
}

static void plain_event(void *context, const struct core_event *event)
{
	struct session *session = context;

	if (session->closed)
		return;
	switch (event->type) {
	case CORE_EVENT_MESSAGE:
		event_message(session, event);
		break;
	case CORE_EVENT_PAIR_OFFER:
		event_offer(session, event);
		break;
	case CORE_EVENT_PAIR_ANSWER:
		event_answer(session, event);
		break;
	case CORE_EVENT_PAIR_GONE:
		event_gone(session, event);
		break;
	case CORE_EVENT_KICKED:
		session_close(session, CLOSE_POLICY, event->text);
		break;
	case CORE_EVENT_JOINED:
	case CORE_EVENT_LEFT:
	case CORE_EVENT_PUBLISHED:
	case CORE_EVENT_UNPUBLISHED:
	case CORE_EVENT_TRANSPORT:
	case CORE_EVENT_TRANSPORT_GONE:
	case CORE_EVENT_SILENCED:
	case CORE_EVENT_REPLACED: // never: everybody is new
		break; // nothing of our own is said in this dialect
	}
}

// A client that only answers never speaks first, so a first message cannot tell this dialect from others:
// on the listener that all share it has a prefix.
static bool plain_claims(const char *path)
{
	const size_t prefix = sizeof(shared_prefix) - 1;

	return *path == '/' && !strncmp(path + 1, shared_prefix, prefix) &&
	       (!path[1 + prefix] || path[1 + prefix] == '/');
}

static bool plain_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply)
{
	char room[CORE_NAME_MAX];
	bool named = room_of(request->path, room, sizeof(room)); // else a close code tells it
	const struct dialect_question question = {
		.dialect = dialect_name, .action = "join", .room = named ? room : NULL};
	char why[ADMISSION_WHY_MAX];
	enum dialect_answer answer = admission_enter(host, request, &question, grant, why);

	reply->waits = answer == DIALECT_WAITS;
	reply->status = answer == DIALECT_UNKNOWN ? 401 : answer == DIALECT_DENIED ? 403 : 0;
	return answer == DIALECT_ALLOWED;
}

const struct dialect dialect_plain = {
	.name = dialect_name,
	.mode = DIALECT_INTERPOSE,
	.outlives_socket = true,
	.claims = plain_claims,
	.admit = plain_admit,
	.request = plain_request,
	.open = plain_open,
	.text = plain_text,
	.binary = plain_binary,
	.event = plain_event,
	.close = plain_close,
};

// SPDX-License-Identifier: Apache-2.0
// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03): publishing and viewing by HTTP requests alone.
// docs/dialects.md says which address does what, and which client needs what.
#include "admission.h"
#include "dialect.h"
#include "reply.h"
#include "sdp/sdp.h"
#include "whip_fragment.h"
#include "whip_reply.h"
#include "whip_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SDP_MAX = 64 * 1024, // bytes of an answer
	FRAGMENT_MAX = 8 * 1024,
	WHY_MAX = 256,
	KEY_MAX = 64, // of a stream, where a token would stand
	WAIT_S = 2, // until a viewer should ask again for a publisher
	FULL_S = 5,
};

static const char type_sdp[] = "application/sdp";
static const char type_fragment[] = "application/trickle-ice-sdpfrag";
static const char default_room[] = "default";

struct call { // one request
	const struct dialect_host *host;
	const struct http_request *request;
	struct http_reply *reply;
	struct whip_path path;
	struct dialect_grant grant;
	char room[CORE_NAME_MAX];
};

// ---- small things

static bool type_is(const struct http_request *request, const char *type)
{
	size_t length = strlen(type);
	const char *given = request->content_type;

	return given && !strncasecmp(given, type, length) &&
	       (!given[length] || strchr("; \t", given[length]));
}

static const char *argument(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++)
		if (!strncmp(request->arguments[i], name, length) &&
			request->arguments[i][length] == '=')
			return request->arguments[i] + length + 1;
	return NULL;
}

static int refuse(struct call *call, int status, const char *why)
{
	whip_reply_error(call->reply, status, why);
	return -1;
}

// What an error of the core is in HTTP. Returns -1.
static int refuse_core(struct call *call, int error)
{
	int status;

	switch (-error) {
	case CORE_NAME:
		status = 400;
		break;
	case CORE_FORBIDDEN:
		status = 403;
		break;
	case CORE_EXISTS:
	case CORE_NO_PUBLISHER:
	case CORE_STATE:
		status = 409;
		break;
	case CORE_GONE:
		status = 404;
		break;
	case CORE_FULL:
	case CORE_DRAINING:
		status = 503;
		break;
	default:
		status = 422;
		break;
	}
	whip_reply_error(call->reply, status, core_error_text(error));
	if (status == 503)
		call->reply->retry_after_s = FULL_S;
	if (error == -CORE_NO_PUBLISHER)
		call->reply->retry_after_s = WAIT_S;
	return -1;
}

// ---- who asks, for which room

// What clients send that have no token but think they need one.
static bool is_bogus(const char *token)
{
	static const char *const words[] = {"", "none", "undefined", "null", "nil"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(token, words[i]))
			return true;
	return false;
}

static int refuse_unknown(struct call *call, bool given, const char *why)
{
	reply_header(call->reply, "www-authenticate",
		given ? "Bearer realm=\"sluice\", error=\"invalid_token\""
		      : "Bearer realm=\"sluice\"");
	return refuse(call, 401, why);
}

static bool is_key(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789._-");

	return length && length < KEY_MAX && !text[length];
}

// The room of an address that names none: that of the token, or where everybody is let in the word that
// stands in a token's place.
static const char *room_of(const struct call *call, const char *token, bool known)
{
	if (*call->path.room)
		return call->path.room;
	if (*call->grant.room)
		return call->grant.room;
	if (known)
		return NULL;
	return token && !is_bogus(token) && is_key(token) ? token : default_room;
}

// Has the hook say whether it may. Returns 0, or -1 with a reply, or one that waits.
static int ask(struct call *call)
{
	const struct dialect_host *host = call->host;
	const struct dialect_question question = {
		.dialect = call->path.view ? whip_viewers : whip_publishers,
		.action = call->path.view ? "subscribe" : "publish",
		.room = call->room,
		.identity = call->grant.identity,
		.remote = call->request->remote,
		.path = call->request->path,
		.request = call->request};
	char why[WHY_MAX];
	enum dialect_answer answer =
		host->admit(host->context, &question, &call->grant, why, sizeof(why));

	call->reply->waits = answer == DIALECT_WAITS;
	if (answer == DIALECT_WAITS)
		return -1;
	if (answer == DIALECT_DENIED ||
		!(call->path.view ? call->grant.can_subscribe : call->grant.can_publish))
		return refuse(call, 403, answer == DIALECT_DENIED ? why : "not granted");
	return 0;
}

// Finds out who asks and where. Returns 0, or -1 with a reply.
static int admit(struct call *call)
{
	const struct dialect_host *host = call->host;
	char why[WHY_MAX] = "a token is needed";
	const char *token = admission_token(call->request), *room;
	enum dialect_auth auth;
	bool given = token && !is_bogus(token);
	bool known = given && !host->verify(host->context, token, strlen(token), &call->grant, why,
				      sizeof(why));

	room = room_of(call, token, known);
	if (!room)
		return refuse(call, 400, "neither the address nor the token names a room");
	auth = host->auth(host->context, call->request->auth, room);
	if (!known && auth == DIALECT_TOKEN)
		return refuse_unknown(call, given, why);
	if (!known)
		call->grant = admission_everything();
	if (*call->grant.room && strcmp(call->grant.room, room))
		return refuse(call, 403, "the token is for another room");
	if (!(call->path.view ? call->grant.can_subscribe : call->grant.can_publish))
		return refuse(call, 403,
			call->path.view ? "the token does not allow viewing"
					: "the token does not allow publishing");
	snprintf(call->room, sizeof(call->room), "%s", room);
	return auth == DIALECT_HOOK ? ask(call) : 0;
}

// ---- descriptions

// Reads the body. Returns 0, or -1 with a reply.
static int body_parse(struct call *call, struct desc *desc)
{
	const struct http_request *request = call->request;
	char why[WHY_MAX] = "there is no description";
	int error = SDP_BROKEN;

	if (!type_is(request, type_sdp)) {
		reply_header(call->reply, "accept-post", type_sdp);
		return refuse(call, 415, "the body must be application/sdp");
	}
	if (request->length)
		error = sdp_parse(request->body, request->length, desc, why, sizeof(why));
	if (!error)
		return 0;
	return refuse(call, error == SDP_NOT_OURS ? 422 : 400, why);
}

// One camera and one microphone, and none of them the wrong way round.
static int offer_check(struct call *call, const struct desc *offer)
{
	enum desc_direction wanted = call->path.view ? DESC_RECVONLY : DESC_SENDONLY;
	unsigned counts[DESC_UNKNOWN + 1] = {0};

	for (unsigned i = 0; i < offer->sections_used; i++) {
		const struct desc_section *section = &offer->sections[i];

		if (section->rejected ||
			(section->kind != DESC_AUDIO && section->kind != DESC_VIDEO))
			continue;
		if (++counts[section->kind] > 1)
			return refuse(call, 422, "more than one section of audio or of video");
		if (section->direction && !(section->direction & wanted))
			return refuse(call, 422,
				call->path.view ? "a viewer only receives"
						: "a publisher only sends");
	}
	if (!counts[DESC_AUDIO] && !counts[DESC_VIDEO])
		return refuse(call, 422, "neither audio nor video is offered");
	return 0;
}

// All or nothing: a section that is answered with a refusal would be lost without anybody noticing.
static bool answer_is_whole(const struct desc *offer, const struct desc *answer)
{
	for (unsigned i = 0; i < offer->sections_used; i++) {
		const struct desc_section *section = &offer->sections[i];

		if ((section->kind == DESC_AUDIO || section->kind == DESC_VIDEO) &&
			!section->rejected && answer->sections[i].rejected)
			return false;
	}
	return true;
}

// Fills the reply that begins a session, or changes it. Returns 0, or -1 with another reply.
static int reply_described(struct call *call, int status, struct core_transport_id transport,
	const struct desc *desc, bool offer)
{
	const struct dialect_host *host = call->host;
	const struct core_transport *row = core_transport(host->core, transport);
	char *text = malloc(SDP_MAX), id[WHIP_ID_MAX], location[WHIP_ID_MAX + 32];
	int length = text ? sdp_print(desc, offer, text, SDP_MAX) : -1;

	if (length < 0 || !row || !whip_session_id(host, transport, id)) {
		free(text);
		return refuse(call, text ? 422 : 503, "the answer cannot be written");
	}
	whip_reply_begin(call->reply, status);
	call->reply->type = type_sdp;
	call->reply->body = text;
	call->reply->length = (size_t)length;
	snprintf(location, sizeof(location), "/%s/session/%s", call->path.view ? "whep" : "whip",
		id);
	reply_header(call->reply, "location", location);
	whip_reply_etag(call->reply, row->local_ufrag);
	whip_reply_servers(call->reply, host, call->grant.identity, true);
	return 0;
}

// ---- joining

// Enters the room. An identity of the token takes the place of its session of before; nobody's is drawn.
static int join(struct call *call, struct core_participant_id *id, bool *resumed)
{
	const struct dialect_host *host = call->host;
	char identity[CORE_NAME_MAX];
	bool view = call->path.view, named = *call->grant.identity && !view;
	const char *name = *call->grant.name ? call->grant.name : argument(call->request, "name");
	struct core_join join = {.room = call->room,
		.identity = identity,
		.name = name && *name ? name
			: view	      ? "viewer"
				      : "stream",
		.dialect = view ? whip_viewers : whip_publishers,
		.link = whip_link(),
		.visible = !view,
		.can_publish = !view,
		.can_subscribe = view,
		.withheld = call->grant.withheld,
		.until_ms = call->grant.until_ms,
		.now_ms = host->now_ms(host->context)};
	int error;

	if (named)
		snprintf(identity, sizeof(identity), "%s", call->grant.identity);
	else
		whip_identity(host, call->room, view, call->request->remote, identity);
	error = core_join(host->core, &join, id, resumed);
	return error ? refuse_core(call, error) : 0;
}

static void publish(struct call *call, const struct desc *offer)
{
	const struct dialect_host *host = call->host;
	struct core_participant_id id;
	struct desc answer;
	bool resumed = false;
	int error;

	if (join(call, &id, &resumed))
		return;
	error = core_publish(host->core, id, offer, &answer, host->now_ms(host->context));
	if (!error && !answer_is_whole(offer, &answer))
		error = -CORE_BAD_DESC;
	if (error)
		refuse_core(call, error);
	else
		error = reply_described(
			call, 201, core_participant(host->core, id)->publishing, &answer, false);
	if (error && (!resumed || !core_transport_of(host->core, id)))
		core_leave(host->core, id);
	if (error)
		return;
	host->about(host->context, call->room, core_participant(host->core, id)->identity);
	host->log(host->context, 'i', "publishes");
}

// ---- viewing

// Whose media a viewer gets: the one it names, or the first who publishes. NULL = nobody.
static const char *publisher_find(const struct call *call)
{
	const struct core *core = call->host->core;
	const struct core_room *room = core_room_by_name(core, call->room);
	const struct core_participant *member = NULL;
	const char *wanted = argument(call->request, "publisher");

	while (room && (member = core_room_member_next(core, room->id, member)) != NULL)
		if (core_publishes(core, member->id) &&
			(!wanted || !strcmp(member->identity, wanted)))
			return member->identity;
	return NULL;
}

// With an offer of the viewer's, else (or when that fits nothing) with one of ours, which is said by 406.
static int view_describe(struct call *call, struct core_participant_id id, const char *publisher,
	const struct desc *offer)
{
	const struct dialect_host *host = call->host;
	uint64_t now_ms = host->now_ms(host->context);
	struct desc desc;
	bool ours = !offer;
	int error = -CORE_BAD_DESC;

	if (offer)
		error = core_subscribe_offer(host->core, id, publisher, offer, &desc, now_ms);
	if (error == -CORE_BAD_DESC) {
		error = core_subscribe(host->core, id, publisher, &desc, now_ms);
		ours = true;
	}
	if (error)
		return refuse_core(call, error);
	return reply_described(
		call, ours ? 406 : 201, core_transport_of(host->core, id)->id, &desc, ours);
}

static void view_log(const struct call *call, struct core_participant_id id, const char *publisher)
{
	const struct dialect_host *host = call->host;

	host->about(host->context, call->room, core_participant(host->core, id)->identity);
	host->log(host->context, 'i', "views identity=%s", publisher);
}

static void view(struct call *call, const struct desc *offer)
{
	const struct dialect_host *host = call->host;
	const char *found = publisher_find(call);
	char publisher[CORE_NAME_MAX];
	struct core_participant_id id;
	bool resumed;

	if (!found) {
		refuse_core(call, -CORE_NO_PUBLISHER);
		return;
	}
	snprintf(publisher, sizeof(publisher), "%s", found);
	if (join(call, &id, &resumed))
		return;
	if (view_describe(call, id, publisher, offer))
		core_leave(host->core, id);
	else
		view_log(call, id, publisher);
}

// ---- requests to endpoints

static void endpoint_post(struct call *call)
{
	struct desc offer;
	bool empty = call->path.view && !call->request->length;

	if (admit(call))
		return;
	if (empty) { // wants to be offered something
		view(call, NULL);
		return;
	}
	if (body_parse(call, &offer) || offer_check(call, &offer))
		return;
	if (call->path.view)
		view(call, &offer);
	else
		publish(call, &offer);
}

// A preflight carries no token and is never refused; what it asks for may be.
static void answer_options(struct call *call)
{
	const struct dialect_host *host = call->host;
	char why[WHY_MAX];
	const char *token = admission_token(call->request);
	bool known = host->auth(host->context, call->request->auth, NULL) == DIALECT_OPEN;

	whip_reply_begin(call->reply, 204);
	whip_reply_allow(call->reply);
	if (call->request->preflight)
		return;
	if (!known && token)
		known = !host->verify(
			host->context, token, strlen(token), &call->grant, why, sizeof(why));
	whip_reply_servers(call->reply, host, call->grant.identity, known);
}

static void answer_get(struct call *call)
{
	bool discovery = call->request->method == HTTP_HEAD && call->path.view;

	whip_reply_begin(call->reply, discovery && !call->path.session ? 200 : 204);
	if (call->reply->status == 200)
		call->reply->type = type_sdp;
}

// ---- requests to sessions

enum match { MATCH_MISSING, MATCH_ANY, MATCH_YES, MATCH_NO };

// If-Match (RFC 9110, 13.1.1): strong comparison, a list is allowed.
static enum match match_of(const char *field, const char *ufrag)
{
	char tag[CORE_UFRAG_MAX + 2];
	size_t length = (size_t)snprintf(tag, sizeof(tag), "\"%s\"", ufrag);

	if (!field)
		return MATCH_MISSING;
	if (!strcmp(field, "*"))
		return MATCH_ANY;
	while (*field) {
		size_t one = strcspn(field, ", \t");

		if (one == length && !memcmp(field, tag, length))
			return MATCH_YES;
		field += one + strspn(field + one, ", \t");
	}
	return MATCH_NO;
}

// Which of the two a section of the bundle names: the first that was described.
static struct whip_fragment_section section_of(
	const struct core *core, const struct whip_session *session)
{
	struct whip_fragment_section section = {DESC_AUDIO, "0"};
	const struct core_publication *up = NULL;
	const struct core_subscription *down = NULL;
	uint32_t index = session->transport.index;

	while (!session->view && (up = core_publication_next(core, up)) != NULL)
		if (up->transport.index == index)
			return (struct whip_fragment_section){up->kind, up->mid};
	while (session->view && (down = core_subscription_next(core, down)) != NULL)
		if (down->transport.index == index)
			return (struct whip_fragment_section){
				core_publication(core, down->publication)->kind, down->mid};
	return section;
}

static void restart(
	struct call *call, const struct whip_session *session, const struct whip_fragment *fragment)
{
	const struct dialect_host *host = call->host;
	struct whip_fragment_section section = section_of(host->core, session);
	char *text = malloc(FRAGMENT_MAX);
	struct desc desc;
	int length = -1, error = -CORE_FULL;

	if (text)
		error = core_transport_restart(host->core, session->transport, fragment->ufrag,
			fragment->password, &desc, host->now_ms(host->context));
	if (!error)
		length = whip_fragment_print(&desc, &section, text, FRAGMENT_MAX);
	if (length < 0) {
		free(text);
		refuse_core(call, error ? error : -CORE_FULL);
		return;
	}
	whip_reply_begin(call->reply, 200);
	call->reply->type = type_fragment;
	call->reply->body = text;
	call->reply->length = (size_t)length;
	whip_reply_etag(call->reply, desc.ufrag);
}

// What If-Match says against the session. Returns 0, or -1 with a reply. Where it need not be strict, a missing
// one is taken for right unless ICE is to restart, and an ETag in its place is read.
static int precondition(struct call *call, const struct core_transport *transport, bool restarts)
{
	const struct http_request *request = call->request;
	bool strict = call->host->strict_etag;
	const char *field = request->if_match || strict ? request->if_match : request->etag;
	enum match match = match_of(field, transport->local_ufrag);

	if (match == MATCH_MISSING && (strict || restarts))
		return refuse(call, 428, "If-Match is missing");
	if (match == MATCH_NO || (strict && restarts && match != MATCH_ANY))
		return refuse(call, 412, "If-Match is not of this ICE session");
	return 0;
}

static void session_fragment(struct call *call, const struct whip_session *session)
{
	const struct core_transport *transport =
		core_transport(call->host->core, session->transport);
	struct whip_fragment fragment;
	char why[WHY_MAX] = "the fragment is empty";
	bool restarts;

	if (!call->request->length || whip_fragment_parse(call->request->body,
					      call->request->length, &fragment, why, sizeof(why))) {
		refuse(call, 400, why);
		return;
	}
	if (!transport->fingerprint.length) {
		refuse(call, 409, "our offer has not been answered yet");
		return;
	}
	restarts = *fragment.ufrag && strcmp(fragment.ufrag, transport->remote_ufrag) != 0;
	if (precondition(call, transport, restarts))
		return;
	if (restarts)
		restart(call, session, &fragment);
	else // candidates are not needed: ICE-lite learns them from the first check
		whip_reply_begin(call->reply, 204);
}

// A viewer's answer to our own offer.
static void session_answer(struct call *call, const struct whip_session *session)
{
	const struct dialect_host *host = call->host;
	const struct core_participant *publisher = core_participant(
		host->core, core_transport(host->core, session->transport)->publisher);
	struct desc answer;
	int error = -CORE_GONE;

	if (body_parse(call, &answer))
		return;
	if (publisher)
		error = core_subscribe_answer(host->core, session->participant, publisher->identity,
			&answer, host->now_ms(host->context));
	if (error)
		refuse_core(call, error);
	else
		whip_reply_begin(call->reply, 204);
}

static void session_patch(struct call *call, const struct whip_session *session)
{
	if (type_is(call->request, type_fragment)) {
		session_fragment(call, session);
	} else if (session->view && type_is(call->request, type_sdp)) {
		session_answer(call, session);
	} else {
		reply_header(call->reply, "accept-patch", type_fragment);
		refuse(call, 415, "the body must be application/trickle-ice-sdpfrag");
	}
}

// A publisher describes itself anew (rheomesh's client does).
static void session_post(struct call *call, const struct whip_session *session)
{
	const struct dialect_host *host = call->host;
	struct desc offer, answer;
	int error;

	if (session->view) {
		whip_reply_allow(call->reply);
		refuse(call, 405, "a viewer's session is not described anew");
		return;
	}
	if (body_parse(call, &offer) || offer_check(call, &offer))
		return;
	error = core_publish(
		host->core, session->participant, &offer, &answer, host->now_ms(host->context));
	if (!error && !answer_is_whole(&offer, &answer))
		error = -CORE_BAD_DESC;
	if (error)
		refuse_core(call, error);
	else
		reply_described(call, 200,
			core_participant(host->core, session->participant)->publishing, &answer,
			false);
}

static void session_delete(struct call *call, const struct whip_session *session)
{
	int error = core_leave(call->host->core, session->participant);

	if (error)
		refuse_core(call, error);
	else
		whip_reply_begin(call->reply, 200);
}

// ---- the port

static void session_answer_request(struct call *call)
{
	struct whip_session session;

	if (call->request->method == HTTP_DELETE && whip_session_ended(call->path.id)) {
		whip_reply_begin(call->reply, 200);
		return;
	}
	if (!whip_session_find(call->host, call->path.id, &session) ||
		session.view != call->path.view) {
		refuse(call, 404, "there is no such session, or not any more");
		return;
	}
	switch (call->request->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		answer_get(call);
		break;
	case HTTP_POST:
		session_post(call, &session);
		break;
	case HTTP_PATCH:
		session_patch(call, &session);
		break;
	case HTTP_DELETE:
		session_delete(call, &session);
		break;
	default:
		whip_reply_allow(call->reply);
		refuse(call, 405, "method not allowed");
		break;
	}
}

static void endpoint_answer_request(struct call *call)
{
	switch (call->request->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		answer_get(call);
		break;
	case HTTP_POST:
		endpoint_post(call);
		break;
	default:
		whip_reply_allow(call->reply);
		refuse(call, 405, "method not allowed");
		break;
	}
}

static const char *method_name(enum http_method method)
{
	static const char *const names[] = {
		"get", "head", "options", "post", "put", "patch", "delete"};

	return method < HTTP_OTHER ? names[method] : "other";
}

static bool whip_claims(const char *path)
{
	struct whip_path parsed;

	return whip_path_parse(path, &parsed);
}

static bool whip_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	struct call call = {.host = host, .request = request, .reply = reply};

	if (!whip_path_parse(request->path, &call.path))
		return false;
	host->count(host->context, call.path.view ? whip_viewers : whip_publishers, "in",
		method_name(request->method));
	if (request->method == HTTP_OPTIONS)
		answer_options(&call);
	else if (call.path.session)
		session_answer_request(&call);
	else
		endpoint_answer_request(&call);
	return true;
}

const struct dialect dialect_whip = {
	.name = "whip",
	.mode = DIALECT_SFU,
	.claims = whip_claims,
	.request = whip_request,
	.detached_event = whip_event,
	.detached_tick = whip_tick,
};

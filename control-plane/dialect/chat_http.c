// SPDX-License-Identifier: Apache-2.0
#include "chat_http.h"

#include "admission.h"
#include "chat_call.h"
#include "chat_people.h"
#include "reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GUID_DIGITS = 32, WHY_MAX = 128, URL_MAX = 400 };

enum chat_place { PLACE_NONE, PLACE_SOCKET, PLACE_STATUS, PLACE_JOIN, PLACE_WEBHOOK };

// ---- paths

static const char *under(const char *path)
{
	static const char *const heads[] = {"/api/chat/realtime/", "/sphere/chat/realtime/"};

	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strncmp(path, heads[i], strlen(heads[i])))
			return path + strlen(heads[i]);
	return NULL;
}

bool chat_claims(const char *path)
{
	return under(path) != NULL;
}

// A GUID as .NET takes it: 32 digits, or with hyphens, then also in braces or parentheses. Returns its length
// in the path, 0 when it is none.
static size_t guid_parse(const char *text, char room[CHAT_ROOM_MAX])
{
	const char *at = text, *closing = *text == '{' ? "}" : *text == '(' ? ")" : "";
	unsigned digits = 0, used = 0;
	bool hyphens;

	at += *closing != 0;
	hyphens = strnlen(at, 9) == 9 && at[8] == '-';
	if (*closing && !hyphens)
		return 0;
	for (; digits < GUID_DIGITS; digits++) {
		bool border = digits == 8 || digits == 12 || digits == 16 || digits == 20;

		if (border)
			room[used++] = '-';
		if (border && hyphens && *at++ != '-')
			return 0;
		if (!isxdigit((unsigned char)*at))
			return 0;
		room[used++] = (char)tolower((unsigned char)*at++);
	}
	room[used] = 0;
	if (*closing && *at++ != *closing)
		return 0;
	return (size_t)(at - text);
}

static enum chat_place place_of(const char *path, char room[CHAT_ROOM_MAX])
{
	const char *rest = under(path);
	size_t length;

	if (!rest)
		return PLACE_NONE;
	if (!strcmp(rest, "webhook"))
		return PLACE_WEBHOOK;
	length = guid_parse(rest, room);
	rest += length;
	if (!length)
		return PLACE_NONE;
	if (!*rest || *rest == '?')
		return PLACE_SOCKET;
	if (!strcmp(rest, "/status"))
		return PLACE_STATUS;
	return strcmp(rest, "/join") ? PLACE_NONE : PLACE_JOIN;
}

bool chat_room(const char *path, char room[CHAT_ROOM_MAX])
{
	return place_of(path, room) == PLACE_SOCKET;
}

// ---- replies

static bool reply_text(struct http_reply *reply, int status, const char *text)
{
	reply->status = status;
	reply->type = "text/plain; charset=utf-8";
	reply->body = strdup(text);
	reply->length = reply->body ? strlen(text) : 0;
	return false;
}

// ---- who it is

static const char *argument_of(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++)
		if (!strncmp(request->arguments[i], name, length) &&
			request->arguments[i][length] == '=')
			return request->arguments[i] + length + 1;
	return NULL;
}

static const char *header_token(const char *header)
{
	static const char *const schemes[] = {"Bearer", "AtField", "AkField"};

	for (unsigned i = 0; header && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (!strncasecmp(header, schemes[i], length) && header[length] == ' ')
			return header + length + strspn(header + length, " ");
	}
	return NULL;
}

static const char *cookie_token(const char *cookies, char token[ADMISSION_TOKEN_MAX])
{
	static const char name[] = "AuthToken=";
	size_t length;

	while (cookies && *cookies) {
		cookies += strspn(cookies, " ;");
		length = strcspn(cookies, ";");
		if (!strncmp(cookies, name, sizeof(name) - 1)) {
			snprintf(token, ADMISSION_TOKEN_MAX, "%.*s",
				(int)(length - sizeof(name) + 1), cookies + sizeof(name) - 1);
			return token;
		}
		cookies += length;
	}
	return NULL;
}

// The first of the places where the original looks.
static const char *token_find(const struct http_request *request, char kept[ADMISSION_TOKEN_MAX])
{
	const char *token = argument_of(request, "tk");

	if (!token || !*token)
		token = header_token(request->authorization);
	if (!token || !*token)
		token = cookie_token(request->cookie, kept);
	if (!token || !*token)
		token = admission_token(request); // where those of the other dialects stand
	return token && *token ? token : NULL;
}

static bool authenticate(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant)
{
	char why[WHY_MAX] = "a token is needed", kept[ADMISSION_TOKEN_MAX],
	     account[CHAT_ACCOUNT_MAX];
	const char *token = token_find(request, kept);
	struct dialect_grant found = {0};

	if (token && !host->verify_for(host->context, room, token, &found, why, sizeof(why))) {
		chat_account(found.identity, account);
		if (!strcmp(account, found.identity)) { // else it would be a device of another
			*grant = found;
			return true;
		}
		snprintf(why, sizeof(why), "the account ends like a device's: # and digits");
	}
	if (!request->rehearsal)
		host->log(host->context, 'w', "not authenticated: %s", why);
	return false;
}

// Whether who has been authenticated is a member of the chat. The token says so: where it names no room it is for
// every one. A system that keeps memberships elsewhere is to be asked from here.
static bool is_member(const struct dialect_grant *grant, const char *room)
{
	return !grant->room[0] || !strcasecmp(grant->room, room);
}

// 401, then 403, each before anything else is looked at. Returns true when neither is due.
static bool permit(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant, struct http_reply *reply)
{
	if (!authenticate(host, request, room, grant))
		return reply_text(reply, 401, "Unauthorized");
	if (!is_member(grant, room))
		return reply_text(reply, 403, "Forbidden: Not a member of this chat room");
	return true;
}

// ---- before an upgrade

static bool has_place(const struct dialect_host *host, const struct dialect_grant *grant,
	const char *room, struct http_reply *reply)
{
	char identity[CORE_NAME_MAX];
	struct core_join join = {.room = room, .identity = identity, .dialect = "chat"};
	int error;

	if (!chat_identity(host->core, room, grant->identity, identity))
		return reply_text(reply, 429, "Too many connections of this account");
	error = core_join_check(host->core, &join);
	if (!error)
		return true;
	reply->retry_after_s = 10;
	return reply_text(reply, 503, core_error_text(error));
}

static bool hook_permits(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant, struct http_reply *reply)
{
	const struct dialect_question question = {.dialect = "chat",
		.action = "join",
		.room = room,
		.identity = grant->identity,
		.remote = request->remote,
		.path = request->path,
		.request = request};
	char why[WHY_MAX] = "";
	enum dialect_answer answer = DIALECT_ALLOWED;

	if (host->auth(host->context, request->auth, room) == DIALECT_HOOK)
		answer = host->admit(host->context, &question, grant, why, sizeof(why));
	if (answer == DIALECT_ALLOWED)
		return true;
	reply->waits = answer == DIALECT_WAITS;
	if (answer != DIALECT_DENIED)
		return false;
	if (!request->rehearsal)
		host->log(host->context, 'i', "not admitted: %s", why);
	return reply_text(reply, 403, "Forbidden: Not a member of this chat room");
}

bool chat_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply)
{
	char room[CHAT_ROOM_MAX];

	if (!chat_room(request->path, room))
		return reply_text(reply, 404, "Not Found");
	return permit(host, request, room, grant, reply) &&
	       hook_permits(host, request, room, grant, reply) &&
	       has_place(host, grant, room, reply);
}

// ---- requests

static void handle_status(
	const struct dialect_host *host, const char *room, struct http_reply *reply)
{
	const struct chat_call *call =
		chat_call_find(host->core, room, host->now_ms(host->context));

	if (call)
		reply_json(reply, 200, chat_call_json(call));
	else
		reply_text(reply, 404, "There is no ongoing call in this chat room");
}

static void handle_join(const struct dialect_host *host, const struct http_request *request,
	const char *room, const struct dialect_grant *grant, struct http_reply *reply)
{
	const struct chat_call *call =
		chat_call_find(host->core, room, host->now_ms(host->context));
	char endpoint[URL_MAX];

	if (!call) {
		reply_text(reply, 404, "There is no ongoing call in this chat room");
		return;
	}
	snprintf(endpoint, sizeof(endpoint), "%s://%.255s/api/chat/realtime/%s",
		request->secure ? "wss" : "ws", request->host ? request->host : "localhost", room);
	reply_json(reply, 200,
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o}", "provider", "Built-in WebRTC Signaling",
			"endpoint", endpoint, "token", "", "call_id", call->id, "room_name", room,
			"is_admin", (int)grant->admin, "participants",
			chat_participants(host, room, "")));
}

static void handle_start(const struct dialect_host *host, const char *room,
	const struct dialect_grant *grant, struct http_reply *reply)
{
	uint64_t now_ms = host->now_ms(host->context);

	if (chat_call_find(host->core, room, now_ms))
		reply_text(reply, 423, "There is already an ongoing call in this chat room");
	else
		reply_json(reply, 200,
			chat_call_json(chat_call_start(host->core, room, grant->identity, now_ms)));
}

static void handle_end(const struct dialect_host *host, const char *room,
	const struct dialect_grant *grant, struct http_reply *reply)
{
	struct chat_call *call = chat_call_find(host->core, room, host->now_ms(host->context));

	if (!call) {
		reply_text(reply, 400, "There is no ongoing call in this chat room");
	} else if (!grant->admin && strcmp(call->starter, grant->identity)) {
		reply_text(reply, 400, "Only who started the call or a moderator can end it");
	} else {
		chat_call_end(host->core, call);
		reply->status = 204;
	}
}

static void socket_request(const struct dialect_host *host, const struct http_request *request,
	const char *room, const struct dialect_grant *grant, struct http_reply *reply)
{
	switch (request->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		reply_text(reply, 400, "Bad Request: WebSocket connection expected");
		break;
	case HTTP_POST:
		handle_start(host, room, grant, reply);
		break;
	case HTTP_DELETE:
		handle_end(host, room, grant, reply);
		break;
	default:
		reply->allow = "GET, POST, DELETE";
		reply_text(reply, 405, "Method Not Allowed");
		break;
	}
}

bool chat_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	bool reads = request->method == HTTP_GET || request->method == HTTP_HEAD;
	struct dialect_grant grant = {0};
	char room[CHAT_ROOM_MAX];
	enum chat_place place = place_of(request->path, room);

	if (!under(request->path) || request->method == HTTP_OPTIONS)
		return false;
	if (place == PLACE_NONE || (place == PLACE_WEBHOOK && request->method != HTTP_POST)) {
		reply_text(reply, 404, "Not Found");
	} else if (place == PLACE_WEBHOOK) {
		reply_text(reply, 200,
			"OK"); // the media is here: there is no provider to hear of it from
	} else if (!permit(host, request, room, &grant, reply)) {
		return true;
	} else if (place == PLACE_SOCKET) {
		socket_request(host, request, room, &grant, reply);
	} else if (!reads) {
		reply->allow = "GET";
		reply_text(reply, 405, "Method Not Allowed");
	} else if (place == PLACE_STATUS) {
		handle_status(host, room, reply);
	} else {
		handle_join(host, request, room, &grant, reply);
	}
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "rooms_http.h"

#include "admission.h"
#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 16 };

static const char under[] = "/webrtc/";
static const char signaling[] = "/webrtc/signaling/";
static const char rooms[] = "/webrtc/rooms/";

// ---- paths

bool rooms_path_parse(const char *path, struct rooms_path *parsed)
{
	const size_t head = sizeof(signaling) - 1;
	const char *room = path + head, *peer;
	size_t room_length, peer_length;

	if (strncmp(path, signaling, head))
		return false;
	room_length = strcspn(room, "/?");
	if (!room_length || room[room_length] != '/')
		return false;
	peer = room + room_length + 1;
	peer_length = strcspn(peer, "/?");
	if (!peer_length || peer[peer_length] == '/')
		return false;
	*parsed = (struct rooms_path){room, peer, room_length, peer_length};
	return true;
}

bool rooms_claims(const char *path)
{
	return !strncmp(path, under, sizeof(under) - 1);
}

// Names that are too long are let in here, to be told so by a close code.
static bool path_allowed(const char *path, const struct dialect_grant *grant)
{
	char room[CORE_NAME_MAX], peer[CORE_NAME_MAX];
	struct rooms_path parsed;

	if (!rooms_path_parse(path, &parsed))
		return false;
	snprintf(room, sizeof(room), "%.*s", (int)parsed.room_length, parsed.room);
	snprintf(peer, sizeof(peer), "%.*s", (int)parsed.peer_length, parsed.peer);
	return admission_allows(grant, room, peer);
}

bool rooms_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply)
{
	char room[CORE_NAME_MAX] = "", peer[CORE_NAME_MAX] = "", why[ADMISSION_WHY_MAX];
	const struct dialect_question question = {
		.dialect = "rooms", .action = "join", .room = room, .identity = peer};
	enum dialect_answer answer;
	struct rooms_path parsed;

	if (!rooms_path_parse(request->path, &parsed)) {
		reply->status = 403;
		return false;
	}
	snprintf(room, sizeof(room), "%.*s", (int)parsed.room_length, parsed.room);
	snprintf(peer, sizeof(peer), "%.*s", (int)parsed.peer_length, parsed.peer);
	answer = admission_enter(host, request, &question, grant, why);
	reply->waits = answer == DIALECT_WAITS;
	if (answer == DIALECT_ALLOWED && path_allowed(request->path, grant))
		return true;
	reply->status = 403;
	return false;
}

// ---- replies

static void reply_not_found(struct http_reply *reply)
{
	reply_json(reply, 404, json_pack("{s:s}", "detail", "Not Found"));
}

// Any page that http.origins lets in may ask, with credentials, as all may in the original: no cookie means
// anything here. A wildcard is not allowed with credentials, so the origin is repeated.
static void allow_origin(const struct http_request *request, struct http_reply *reply)
{
	if (!request->origin || strlen(request->origin) >= sizeof(reply->origin))
		return;
	snprintf(reply->origin, sizeof(reply->origin), "%s", request->origin);
	reply_header(reply, "access-control-allow-credentials", "true");
}

static void answer_preflight(struct http_reply *reply)
{
	reply->status = 200;
	reply->type = "text/plain; charset=utf-8";
	reply->body = strdup("OK");
	reply->length = reply->body ? 2 : 0;
	reply->allow = "GET, HEAD, OPTIONS";
	reply_header(reply, "access-control-allow-methods",
		"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
	reply_header(reply, "access-control-allow-headers",
		"Accept, Accept-Language, Authorization, Content-Language, Content-Type, "
		"X-Requested-With");
	reply_header(reply, "access-control-max-age", "600");
}

// ---- what there is to know

static json_t *peers_of(const struct core *core, struct core_room_id room)
{
	const struct core_participant *member = NULL;
	json_t *list = json_array();

	while ((member = core_room_member_next(core, room, member)) != NULL)
		if (member->visible)
			json_array_append_new(list, json_string(member->identity));
	return list;
}

static bool room_is_seen(const struct core *core, struct core_room_id room)
{
	const struct core_participant *member = NULL;

	while ((member = core_room_member_next(core, room, member)) != NULL)
		if (member->visible)
			return true;
	return false;
}

// `only`: the room that the caller may know of; empty = all.
static void answer_rooms(const struct core *core, const char *only, struct http_reply *reply)
{
	const struct core_room *room = NULL;
	json_t *list = json_array();

	while ((room = core_room_next(core, room)) != NULL)
		if ((!*only || !strcmp(only, room->name)) && room_is_seen(core, room->id))
			json_array_append_new(list, json_string(room->name));
	reply_json(reply, 200,
		json_pack("{s:o,s:I}", "rooms", list, "total_rooms",
			(json_int_t)json_array_size(list)));
}

// `rest` is "ROOM/peers"; a room that is not there has no peers, which is no fault.
static bool answer_peers(
	const struct core *core, const char *rest, const char *only, struct http_reply *reply)
{
	char name[CORE_NAME_MAX];
	size_t length = strcspn(rest, "/");
	const struct core_room *room;
	json_t *list;

	if (!length || strcmp(rest + length, "/peers"))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : 0), rest);
	room = *name && (!*only || !strcmp(only, name)) ? core_room_by_name(core, name) : NULL;
	list = room ? peers_of(core, room->id) : json_array();
	reply_json(reply, 200,
		json_pack("{s:o,s:I}", "peers", list, "total_peers",
			(json_int_t)json_array_size(list)));
	return true;
}

// ---- routes

// The relay's own, which a listener of this dialect has too.
static bool of_the_relay(const char *path)
{
	return !strcmp(path, "/livez") || !strcmp(path, "/readyz") || !strcmp(path, "/healthz") ||
	       !strcmp(path, "/metrics") || !strncmp(path, "/v1/", 4);
}

// Files of the page: request path and file.
static const char *const files[][2] = {
	{"/webrtc/client", "/rooms.html"},
	{"/webrtc/rooms.js", "/rooms.js"},
	{"/webrtc/rooms.css", "/rooms.css"},
	{"/webrtc/style.css", "/style.css"},
};

static bool answer_file(const struct dialect_host *host, const char *path, struct http_reply *reply)
{
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(path, files[i][0]))
			continue;
		host->file(host->context, files[i][1], reply);
		return true;
	}
	return false;
}

// Who is where is for those who may come in.
static void answer_who(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	const size_t head = sizeof(rooms) - 1;
	struct dialect_grant grant = {0};

	if (!admission_grant(host, request, NULL, &grant))
		reply_json(reply, 401, json_pack("{s:s}", "detail", "Not authenticated"));
	else if (!strcmp(request->path, "/webrtc/rooms"))
		answer_rooms(host->core, grant.room, reply);
	else if (!answer_peers(host->core, request->path + head, grant.room, reply))
		reply_not_found(reply);
}

static json_t *server_json(const struct dialect_ice_server *server)
{
	if (!server->credential[0])
		return json_pack("{s:s}", "urls", server->url);
	return json_pack("{s:s,s:s,s:s}", "urls", server->url, "username", server->username,
		"credential", server->credential);
}

// Ours, for the page: STUN and TURN servers, and who the token makes its bearer.
static void answer_config(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	struct dialect_ice_server servers[SERVERS_MAX];
	struct dialect_grant grant = {0};
	json_t *list;
	unsigned used;

	if (!admission_grant(host, request, NULL, &grant)) {
		reply_json(reply, 401, json_pack("{s:s}", "detail", "Not authenticated"));
		return;
	}
	list = json_array();
	used = host->ice_servers(host->context, grant.identity, servers, SERVERS_MAX);
	for (unsigned i = 0; i < used; i++)
		json_array_append_new(list, server_json(&servers[i]));
	explicit_bzero(servers, sizeof(servers));
	reply_json(
		reply, 200, json_pack("{s:o,s:s}", "iceServers", list, "peerId", grant.identity));
}

static void answer_get(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	const char *path = request->path;

	if (!strcmp(path, "/"))
		reply_json(reply, 200, json_pack("{s:s}", "message", "WebRTC signaling"));
	else if (!strcmp(path, "/health"))
		reply_json(reply, 200, json_pack("{s:s}", "status", "healthy"));
	else if (!strcmp(path, "/webrtc/config.json"))
		answer_config(host, request, reply);
	else if (!strcmp(path, "/webrtc/rooms") || !strncmp(path, rooms, sizeof(rooms) - 1))
		answer_who(host, request, reply);
	else
		reply_not_found(reply);
}

bool rooms_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	if (of_the_relay(request->path))
		return false;
	if (request->method == HTTP_OPTIONS)
		answer_preflight(reply);
	else if (request->method != HTTP_GET && request->method != HTTP_HEAD)
		reply_json(reply, 405, json_pack("{s:s}", "detail", "Method Not Allowed"));
	else if (!answer_file(host, request->path, reply))
		answer_get(host, request, reply);
	if (reply->status == 405)
		reply->allow = "GET, HEAD, OPTIONS";
	allow_origin(request, reply);
	return true;
}

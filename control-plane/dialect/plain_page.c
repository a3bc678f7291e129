// SPDX-License-Identifier: Apache-2.0
#include "plain_page.h"

#include "admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool of_the_relay(const char *path)
{
	return !strcmp(path, "/livez") || !strcmp(path, "/readyz") || !strcmp(path, "/healthz") ||
	       !strcmp(path, "/health") || !strcmp(path, "/metrics") || !strncmp(path, "/v1/", 4);
}

static bool is_client(const struct core_participant *member)
{
	return member->link && !strcmp(member->dialect, "plain");
}

static unsigned clients_of(const struct core *core, struct core_room_id room)
{
	const struct core_participant *member = NULL;
	unsigned count = 0;

	while ((member = core_room_member_next(core, room, member)) != NULL)
		count += is_client(member);
	return count;
}

// Names come from anybody.
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else
			fputc(*text, out);
	}
}

// `only`: the room that the caller may know of; empty = all.
static void print_rooms(FILE *out, const struct core *core, const char *only)
{
	const struct core_room *room = NULL;
	unsigned rooms = 0, clients = 0;

	fputs("<h1>BASS WebRTC signaling server</h1>\n<ul>\n", out);
	while ((room = core_room_next(core, room)) != NULL) {
		unsigned here = clients_of(core, room->id);

		if (!here || (*only && strcmp(only, room->name)))
			continue;
		rooms++;
		clients += here;
		fputs("<li>", out);
		print_escaped(out, room->name);
		fprintf(out, ": %u</li>\n", here);
	}
	fprintf(out, "</ul>\n<p>Active rooms: %u</p>\n<p>Connected clients: %u</p>\n", rooms,
		clients);
	fputs("<p>Connect by WebSocket to /ROOM.</p>\n", out);
}

static void answer_page(const struct core *core, const char *only, struct http_reply *reply)
{
	FILE *out = open_memstream(&reply->body, &reply->length);

	reply->status = 500;
	if (!out)
		return;
	fputs("<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
	      "<title>Signaling server</title></head>\n<body>\n",
		out);
	print_rooms(out, core, only);
	fputs("</body>\n</html>\n", out);
	if (fclose(out)) {
		free(reply->body);
		reply->body = NULL;
		reply->length = 0;
		return;
	}
	reply->status = 200;
	reply->type = "text/html; charset=utf-8";
	reply->page = true;
}

bool plain_request(const struct dialect_host *host, const struct http_request *request,
	struct http_reply *reply)
{
	struct dialect_grant grant = {0};

	if (of_the_relay(request->path))
		return false;
	if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
		reply->status = request->method == HTTP_OPTIONS ? 204 : 405;
		reply->allow = "GET, HEAD, OPTIONS";
	} else if (admission_grant(host, request, NULL, &grant)) {
		answer_page(host->core, grant.room, reply);
	} else {
		reply->status = 401;
	}
	return true;
}

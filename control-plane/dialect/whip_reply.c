// SPDX-License-Identifier: Apache-2.0
#include "whip_reply.h"

#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 8 };

static const char methods[] = "OPTIONS, GET, HEAD, POST, PATCH, DELETE";

void whip_reply_begin(struct http_reply *reply, int status)
{
	reply->status = status;
	reply_header(reply, "access-control-expose-headers",
		"Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, "
		"Access-Control-Allow-Methods");
}

void whip_reply_error(struct http_reply *reply, int status, const char *why)
{
	whip_reply_begin(reply, status);
	free(reply->body);
	reply_json(reply, status, json_pack("{s:s, s:i}", "error", why, "status", status));
}

void whip_reply_etag(struct http_reply *reply, const char *ufrag)
{
	char tag[CORE_UFRAG_MAX + 2];

	snprintf(tag, sizeof(tag), "\"%s\"", ufrag);
	reply_header(reply, "etag", tag);
}

void whip_reply_allow(struct http_reply *reply)
{
	reply->allow = methods;
	reply_header(reply, "accept-post", "application/sdp");
	reply_header(reply, "accept-patch", "application/trickle-ice-sdpfrag");
	reply_header(reply, "access-control-allow-methods", methods);
	reply_header(reply, "access-control-allow-headers",
		"Authorization, Content-Type, If-Match, ETag");
	reply_header(reply, "access-control-max-age", "600");
}

// A quoted string of RFC 9110, 5.6.4 without what would have to be escaped.
static void quoted_copy(char *to, size_t size, const char *from)
{
	size_t used = 0;

	for (; *from && used + 1 < size; from++)
		if (*from != '"' && *from != '\\' && (unsigned char)*from >= ' ')
			to[used++] = *from;
	to[used] = 0;
}

void whip_reply_servers(
	struct http_reply *reply, const struct dialect_host *host, const char *identity, bool known)
{
	struct dialect_ice_server servers[SERVERS_MAX];
	unsigned used = host->ice_servers(host->context, identity, servers, SERVERS_MAX);
	char link[768], user[sizeof(servers->username)], password[sizeof(servers->credential)];

	for (unsigned i = 0; i < used; i++) {
		const struct dialect_ice_server *server = &servers[i];

		quoted_copy(user, sizeof(user), server->username);
		quoted_copy(password, sizeof(password), server->credential);
		if (!*server->credential)
			snprintf(link, sizeof(link), "<%.255s>; rel=\"ice-server\"", server->url);
		else
			snprintf(link, sizeof(link),
				"<%.255s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
				"credential-type=\"password\"",
				server->url, user, password);
		if (known || !*server->credential)
			reply_header(reply, "link", link);
	}
	explicit_bzero(servers, sizeof(servers));
	explicit_bzero(link, sizeof(link));
	explicit_bzero(password, sizeof(password));
}

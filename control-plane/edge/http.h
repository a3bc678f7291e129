// SPDX-License-Identifier: Apache-2.0
// What plain HTTP requests get: the page, health, metrics, tokens for development. No socket: one request
// in, one reply out. WebSocket upgrades are server.c's, requests of dialects their own.
#pragma once

#include "dialect/dialect.h"
#include "ready.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_FILE_BYTES_MAX = 8 << 20,
	HTTP_ICE_SERVERS_MAX = 32,
	HTTP_METRICS_BYTES = 512 * 1024, // first try
};

struct http_host {
	void *context;
	const char *web_directory;
	const char *origins; // space separated; empty = all
	const char *socket_path; // of the page's WebSocket
	bool development_tokens;
	void (*ready)(void *context, struct ready_report *report);
	// As snprintf; `open`: in OpenMetrics' form.
	size_t (*metrics)(void *context, char *text, size_t size, bool open);
	// The STUN and TURN servers for whoever asks; as many as fit `max`.
	unsigned (*ice_servers)(void *context, const struct http_request *request,
		struct dialect_ice_server *servers, unsigned max);
	int (*token)(void *context, uint32_t user, const char *name, const char *room, char *token,
		size_t size);
};

// Answers a request for one of our own paths, or only for health and metrics. Returns false, with `reply`
// empty, when the path is none of them.
bool http_route(const struct http_host *host, const struct http_request *request, bool health_only,
	struct http_reply *reply);

// Answers with a file of the web directory, "/" with its index.html. Always fills `reply`.
void http_file(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply);

// A body of JSON. Takes `json`; NULL, as when memory is short, makes it a 500 without a body.
void http_json(struct http_reply *reply, int status, json_t *json);

// Fills `reply` with a status and {"error": error}.
void http_error(struct http_reply *reply, int status, const char *error);

// Lets pages of allowed origins read the reply: Access-Control-Allow-Origin.
void http_share(const char *origins, const struct http_request *request, struct http_reply *reply);

// True when a page at `origin` may speak to us: no list, no Origin header, or one of the list.
bool http_origin_allowed(const char *origins, const char *origin);

// True for paths of a file below the web directory: segments of letters, digits, '.', '_' and '-', none of
// which begins with a dot.
bool http_path_safe(const char *path);

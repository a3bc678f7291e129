// SPDX-License-Identifier: Apache-2.0
// What plain HTTP requests get: the page, health, metrics, tokens for development. No socket: one request
// in, one reply out. WebSocket upgrades are server.c's.
#pragma once

#include "dialect/request.h"
#include "ready.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_FILE_BYTES_MAX = 8 << 20,
	HTTP_METRICS_BYTES = 512 * 1024, // first try
};

struct http_host {
	void *context;
	const char *web_directory;
	const char *origins; // space separated; empty = all
	const char *socket_path; // of the page's WebSocket
	bool development_tokens;
	void (*ready)(void *context, struct ready_report *report);
	size_t (*metrics)(void *context, char *text, size_t size); // as snprintf
	int (*token)(void *context, uint32_t user, const char *name, const char *room, char *token,
		size_t size);
};

// Answers a request. Always fills `reply`.
void http_answer(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply);

// True when a page at `origin` may speak to us: no list, no Origin header, or one of the list.
bool http_origin_allowed(const char *origins, const char *origin);

// True for paths of a file below the web directory: segments of letters, digits, '.', '_' and '-', none of
// which begins with a dot.
bool http_path_safe(const char *path);

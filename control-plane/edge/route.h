// SPDX-License-Identifier: Apache-2.0
// Who answers a request: the relay's own pages, a dialect, or the files of the page. No socket: one request
// in, one reply out.
#pragma once

#include "admin.h"
#include "counters.h"
#include "dialect/dialect.h"
#include "http.h"

#include <stdbool.h>
#include <stddef.h>

struct route_host {
	const struct http_host *http;
	struct admin *admin; // NULL = there is none
	const struct dialect_host *dialect_host;
	const struct dialect *(*next)(const struct dialect *previous); // dialect_next
	// Call after every dialect's function: core_dispatch and what else is put off.
	void (*settle)(void *context);
	void *context; // of settle
	struct edge_counters *counters;
};

// Answers a plain request. `own`: the dialect that the listener is for, NULL on the one that all share.
// Always fills `reply`; a page of a forbidden origin gets nothing out of a dialect.
void route_request(const struct route_host *host, const struct dialect *own,
	const struct http_request *request, struct http_reply *reply);

// A request to become a WebSocket. True: go on, with `*dialect` (NULL: its first message will tell) and what
// its `admit` granted. False: refused with `reply`.
bool route_upgrade(const struct route_host *host, const struct dialect *own,
	const struct http_request *request, const struct dialect **dialect,
	struct dialect_grant *grant, struct http_reply *reply);

// SPDX-License-Identifier: Apache-2.0
// The admin API and page: /admin and /v1/{status,workers,ports,drops,rooms}, JSON, for bearers of the operator's
// token or of an access token that grants roomAdmin or roomList. No socket: one request in, one reply out.
// docs/operations.md has the whole. Off while neither admin.token_file nor admin.grants is set.
#pragma once

#include "auth.h"
#include "counters.h"
#include "dialect/request.h"
#include "http.h"
#include "ready.h"

#include <sluice/config.h>
#include <sluice/msg.h>

enum {
	ADMIN_FAILURES_MAX = 10, // wrong tokens of one address in ADMIN_WINDOW_MS
	ADMIN_WINDOW_MS = 10000,
	ADMIN_REQUESTS_MAX = 50, // of one address in a second
};

struct admin_host {
	void *context;
	const struct config *config; // in force; token and grants may change
	struct core *core;
	// The shared files; NULL = not there.
	const struct sluice_desired *(*desired)(void *context);
	const struct sluice_observed *(*observed)(void *context);
	const struct http_host *http; // whose files have the page
	const struct edge_counters *counters;
	uint64_t started_ms;
	// What an access token grants; 0, or -1 with `why`.
	int (*powers)(void *context, const char *token, struct auth_powers *powers, char *why,
		size_t why_size);
	bool (*forwarding)(void *context); // the data plane is there and beats
	void (*ready)(void *context, struct ready_report *report);
	bool (*draining)(void *context);
	uint64_t (*now_ms)(void *context); // monotonic
};

struct admin;

// Copies `host`. Returns NULL when memory is short.
struct admin *admin_create(const struct admin_host *host);
void admin_destroy(struct admin *admin);

// How a request may use the API that came by a listener of its `own`, or by the one that all `shared`, from
// that address. NULL for `admin`: not at all.
enum admin_access admin_access(
	const struct admin *admin, bool own, bool shared, const struct core_address *from);

// Answers a request for one of its paths. Returns false, with `reply` as it was, when the path is none of
// them. The core's events are the caller's to settle.
bool admin_route(struct admin *admin, const struct http_request *request, struct http_reply *reply);

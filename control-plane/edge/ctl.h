// SPDX-License-Identifier: Apache-2.0
// RUNTIME_DIRECTORY/control.sock, mode 0660: one JSON object a line in, one a line out, for sluicectl.
//
//   {"verb":"status"}    → {"ok":true,"version","pid","uptimeSeconds","draining","ready","reasons":[],
//                           "rooms","participants","transports","publications","subscriptions",
//                           "connections","websockets"}
//   {"verb":"rooms"}     → {"ok":true,"rooms":[{"name","participants","publishers","ageSeconds"}]}
//   {"verb":"peers","room":NAME?}
//                        → {"ok":true,"peers":[{"room","identity","name","dialect","visible","linked",
//                           "publications","subscriptions",
//                           "transports":[{"index","direction":"up"|"down","publisher"?,"state",
//                                          "address","worker","profile"}]}]}
//   {"verb":"kick","room":NAME,"identity":NAME,"reason":TEXT?} → {"ok":true}
//   {"verb":"push",…}, {"verb":"pull",…} and {"verb":"feeds"}  see ctl_feed.h
//   {"verb":"mute"|"unmute","room":NAME,"identity":NAME,"what":"audio"|"video"|KIND/MID?} → {"ok":true}
//   {"verb":"reload"}    → {"ok":BOOL,"reloaded":[KEY],"read":[KEY],"restart":[KEY],"errors":[TEXT]}
//   {"verb":"log","level":"error"|"warn"|"info"|"debug"}       → {"ok":true,"level"}
//   {"verb":"test-publish",…} and {"verb":"test-subscribe",…}  see synthetic.h
//   {"verb":"drain"} and {"verb":"undrain"}                    → {"ok":true,"draining":BOOL}
//
// Errors: {"ok":false,"error":TEXT}. A line of more than CTL_LINE_MAX bytes ends the connection.
#pragma once

#include "core/core.h"
#include "counters.h"
#include "loop.h"
#include "ready.h"
#include "synthetic.h"

#include <jansson.h>

enum { CTL_LINE_MAX = 4096, CTL_CLIENTS_MAX = 16 };

struct feeds;

struct ctl_host {
	void *context;
	struct core *core;
	const struct edge_counters *counters;
	uint64_t started_ms;
	void (*ready)(void *context, struct ready_report *report);
	void (*drain)(void *context, bool draining);
	bool (*draining)(void *context);
	// Call after every verb.
	void (*settle)(void *context);
	// Does what SIGHUP does; the reply of the verb, the caller's.
	json_t *(*reload)(void *context);
	struct synthetic *synthetic; // NULL: the verbs of load tests are refused
	struct feeds *feeds; // NULL: so are those of pushes and pulls
};

struct ctl;

// Listens in `directory`. Returns NULL with `why`.
struct ctl *ctl_create(struct loop *loop, const char *directory, const struct ctl_host *host,
	char *why, size_t why_size);
void ctl_destroy(struct ctl *ctl);

// Answers one request line. Returns the reply, the caller's; NULL when memory is short.
json_t *ctl_answer(const struct ctl_host *host, const char *line, size_t length, uint64_t now_ms);

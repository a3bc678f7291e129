// SPDX-License-Identifier: Apache-2.0
// The admission hook: questions by HTTP to a server of the operator's, who may come in. Nothing waits here: who
// asks is told to ask again when the answer has come, and finds it then.
#pragma once

#include "client.h"
#include "core/core.h"
#include "counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct hook;
struct hook_question;

enum {
	HOOK_FLYING_MAX = 64, // questions that are being asked
	HOOK_WAITING_MAX = 1024, // and that wait for it
	HOOK_ANSWERS_MAX = 4096, // that are kept
	HOOK_REPLY_BYTES_MAX = 16 * 1024,
	HOOK_REASON_MAX = 100, // fits a WebSocket's close frame
	HOOK_FRESH_MS =
		2000, // how long an answer without `lifetime` holds for whoever asks the same
	HOOK_LIFETIME_MAX_S = 366 * 86400,
};

struct hook_options {
	const char *url; // http or https
	const char *secret; // signs the body; empty = unsigned
	uint64_t timeout_ms; // from asking to the answer
	bool open; // without an answer everybody is let in, else nobody
};

struct hook_verdict {
	bool allowed;
	bool failed; // this is no answer, but what counts without one
	bool no_publish, no_subscribe;
	char identity[CORE_NAME_MAX], name[CORE_NAME_MAX]; // empty = as asked
	char reason[HOOK_REASON_MAX]; // empty = none given
	uint64_t until_ms; // monotonic; 0 = for ever
};

struct hook_waiter { // zeroed = does not wait
	LIST_ENTRY(hook_waiter) of_question;
	bool waits;
	void (*answered)(void *context);
	void *context;
};

// Asks by `client`, which must outlive it. The options' texts are copied. Returns NULL when memory is short.
struct hook *hook_create(
	struct client *client, const struct hook_options *options, struct edge_counters *counters);

// Nobody may wait any more. NULL is fine.
void hook_destroy(struct hook *hook);

// Asks a question, the text of a JSON object, to which `time` is added on the way. True: `verdict` is the
// answer. False: it is on its way, and hook_wait may follow.
bool hook_ask(
	struct hook *hook, const char *question, struct hook_verdict *verdict, uint64_t now_ms);

// Calls `answered` once when the question that was asked last has its answer.
void hook_wait(struct hook *hook, struct hook_waiter *waiter);

// It waits no more.
void hook_forget(struct hook_waiter *waiter);

// Time-outs. Call about every 50 ms.
void hook_tick(struct hook *hook, uint64_t now_ms);

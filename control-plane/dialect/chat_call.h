// SPDX-License-Identifier: Apache-2.0
// Calls of dialect 001 as its REST requests know them: a call is there while its room has people in it, and
// for some minutes after it was started and nobody has come yet. The list is of this process: after a
// restart a call that goes on has another id.
#pragma once

#include "core/core.h"

#include <jansson.h>

enum {
	CHAT_CALLS_MAX = 1024, // the oldest without people gives way
	CHAT_CALL_WAIT_MS = 10 * 60 * 1000, // for the first to come
};

struct chat_call {
	const struct core *core; // NULL = free
	char room[CORE_NAME_MAX], id[CORE_NAME_MAX];
	char starter[CORE_NAME_MAX]; // account; empty = nobody: people just came
	uint64_t started_ms, started_unix_ms;
};

// The call of a room, made when people are there without one; NULL when there is none. Valid until the
// next call of these functions.
struct chat_call *chat_call_find(const struct core *core, const char *room, uint64_t now_ms);

struct chat_call *chat_call_start(
	const struct core *core, const char *room, const char *starter, uint64_t now_ms);

// Ends it: everybody in the room is removed.
void chat_call_end(struct core *core, struct chat_call *call);

json_t *chat_call_json(const struct chat_call *call);

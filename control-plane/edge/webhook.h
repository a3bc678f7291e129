// SPDX-License-Identifier: Apache-2.0
// Posts announcements to the configured receivers: signed, in order for each room, tried again for a while, and
// dropped when too many wait. Nothing here ever waits: a slow receiver costs memory, up to a bound.
#pragma once

#include "announce.h"
#include "client.h"
#include "counters.h"
#include "loop.h"

enum {
	WEBHOOK_QUEUE_MAX = 1000, // events that wait for one receiver; more are dropped
	WEBHOOK_IN_FLIGHT_MAX = 10, // rooms that one receiver is told of at a time
	WEBHOOK_ATTEMPT_MS = 10000, // for an answer
	WEBHOOK_AGE_MS = 120000, // older events are given up
	WEBHOOK_BACKOFF_MS = 500, // doubled after each failure,
	WEBHOOK_BACKOFF_MAX_MS = 30000, // up to this
	WEBHOOK_LAST_CHANCE_MS = 2000, // at the end of control
};

struct webhooks;

// `config` must outlive it. Returns NULL when memory or descriptors are short.
struct webhooks *webhooks_create(const struct config *config, struct client *client,
	struct loop *loop, struct edge_counters *counters);
void webhooks_destroy(struct webhooks *webhooks);

// Queues an event for every receiver that wants it. `context` is the struct webhooks: announce_create's.
void webhooks_tell(void *context, const struct announcement *announcement);

// The end is near: what waits for another try is tried at once, and nothing is tried again after that.
void webhooks_hurry(struct webhooks *webhooks);

// True while something waits or is under way.
bool webhooks_busy(const struct webhooks *webhooks);

// SPDX-License-Identifier: Apache-2.0
// The controlling ICE agent (RFC 8445) of sessions that we begin ourselves: towards others who only answer, as
// we do otherwise. Pairs each candidate of the far side with our sockets, checks, nominates the first pair that
// is valid, and asks from then on for consent (RFC 7675).
#pragma once

#include "core/core.h"
#include "udp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AGENT_PAIRS_MAX = 32 };

// What it needs of the process around it; `valid` and `lost` may call back.
struct agent_host {
	void *context;
	// Sends a datagram: udp_send.
	int (*send)(
		void *context, const struct core_path *path, const uint8_t *data, size_t length);
	// Paths from a port of ours (0 = that of all) by which that address may be reached: udp_paths.
	unsigned (*paths)(void *context, const struct core_address *remote, uint16_t local_port,
		struct core_path *paths, unsigned max);
	// A check over the path was answered: it may be sent to. False: it cannot be used, for another session has
	// the address at that port of ours; other pairs are tried.
	bool (*valid)(void *context, struct core_transport_id id, const struct core_path *path);
	// The far side does not want us any more, or is gone.
	void (*lost)(void *context, struct core_transport_id id, const char *why);
};

struct agents;

// `core` must outlive it. Returns NULL when memory is short.
struct agents *agents_create(const struct agent_host *host, struct core *core);
void agents_destroy(struct agents *agents); // NULL is fine

// Begins to check for a transport that has been described, from the next tick on. A transport that has a path
// already (of a control before us) goes on with that. `silence_ms`: consent runs out after so long without a
// reply [30000]. Candidates that are not UDP, of another component or of no numeric address are left out.
// Returns how many pairs there are, or -1 when memory is short.
int agents_begin(struct agents *agents, struct core_transport_id id,
	const struct desc_candidate *candidates, unsigned count, uint32_t silence_ms);

// True when we control that transport.
bool agents_control(const struct agents *agents, struct core_transport_id id);

// A check of the far side's came by this path and was right: it is checked in turn (RFC 8445, 7.3.1.4).
void agents_checked(
	struct agents *agents, struct core_transport_id id, const struct core_path *path);

// True when there is one: agents_tick has something to do. NULL is fine, also below: there are none.
bool agents_any(const struct agents *agents);

// Takes a STUN response. Returns false when it is to none of our checks.
bool agents_reply(struct agents *agents, const struct udp_datagram *datagram, uint64_t now_ms);

// Sends what is due, forgets transports that are gone. Call about every 50 ms.
void agents_tick(struct agents *agents, uint64_t now_ms);

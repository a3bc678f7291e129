// SPDX-License-Identifier: Apache-2.0
// How long each stage of joining takes, from what the core and the data plane say of a transport.
#pragma once

#include "core/core.h"
#include "counters.h"

#include <sluice/msg.h>

struct join;

// Returns NULL when memory is short.
struct join *join_create(struct edge_counters *counters, uint32_t transports);
void join_destroy(struct join *join);

// A transport changed or is gone. `joined_ms` is its participant's, 0 when unknown. Each stage counts
// once in a transport's life; transports restored after a restart of ours count nothing.
void join_changed(
	struct join *join, const struct core_transport *transport, uint64_t joined_ms, bool gone);

// Looks at the data plane's rows of transports that have keys but had no packet yet.
void join_poll(struct join *join, const struct sluice_observed *observed);

// SPDX-License-Identifier: Apache-2.0
// Coming back after a crash (plane → core): rows become slots again under the same handles. Participants
// first, then transports, publications, subscriptions, then core_restore_done, which drops what hangs in the air
// (telling the plane) and starts every grace time. `link` fields are ignored. A transport without keys is
// dropped then: its handshake died with the old process (RFC 6347 state is lost). A row that is refused with
// an error is the caller's to clear.
#pragma once

#include "core.h"

int core_restore_participant(
	struct core *core, const struct core_participant *participant, const char *room);
int core_restore_transport(struct core *core, const struct core_transport *transport);
int core_restore_publication(struct core *core, const struct core_publication *publication);
int core_restore_subscription(struct core *core, const struct core_subscription *subscription);
void core_restore_done(struct core *core, uint64_t now_ms);

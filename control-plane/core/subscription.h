// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Puts a row with its view set into lists and the index of SSRCs.
void subscription_enter(struct core *core, struct subscription *subscription,
	struct publication *publication, struct transport *transport);

// True when a stream of ours has that SSRC.
bool subscription_ssrc_used(const struct core *core, uint32_t ssrc);

void subscription_remove(struct core *core, struct subscription *subscription);

void subscription_tell(struct core *core, const struct subscription *subscription, bool gone);

// SPDX-License-Identifier: Apache-2.0
// The STUN and TURN servers of the configuration as clients are told of them, with passwords that expire where
// a secret is shared with the server (coturn's use-auth-secret, draft-uberti-behave-turn-rest).
#pragma once

#include "dialect/dialect.h"

#include <sluice/config.h>

#include <stdint.h>

// Fills at most `max` servers, one for each URL, for the client `identity` (empty = nobody in particular) at
// `now_s` seconds since 1970. Returns how many.
unsigned turn_servers(const struct config *config, const char *identity, int64_t now_s,
	struct dialect_ice_server *servers, unsigned max);

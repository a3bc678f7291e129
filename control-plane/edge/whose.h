// SPDX-License-Identifier: Apache-2.0
// Whose STUN or DTLS datagram is this? For captures: the answer is never trusted for anything else. Also what
// a peer sends before one of its checks was right is found, by the ufrag that it names.
#pragma once

#include "core/core.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHOSE_RECENT = 16 };

struct whose { // begins as zero
	struct {
		struct core_address remote;
		uint16_t port; // ours
		struct core_transport_id id;
	} recent[WHOSE_RECENT]; // addresses that named a ufrag, validated or not
	unsigned next;
};

// The transport of a datagram from path->remote, or to it when `out`; NULL when nobody's is known.
const struct core_transport *whose_find(struct whose *whose, const struct core *core,
	const struct core_path *path, bool out, const uint8_t *data, size_t length);

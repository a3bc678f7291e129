// SPDX-License-Identifier: Apache-2.0
// The answering half of ICE-lite: one STUN datagram in, at most one out. No socket, clock or state: the
// caller says whose password goes with a ufrag and what to do with a valid check. RFC 8489, RFC 8445.
#pragma once

#include "core/core.h"
#include "counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STUN_REPLY_MAX = 576, // room every answer fits in
	STUN_UFRAG_MAX = 256,
};

// Copies the password that goes with our ufrag (the part of USERNAME before ':') and returns its
// length, or 0 for none such.
struct stun_users {
	void *context;
	size_t (*password)(
		void *context, const char *ufrag, size_t length, char password[CORE_PASSWORD_MAX]);
	// True when we are the controlling agent of the session with that ufrag; NULL = never.
	bool (*controls)(void *context, const char *ufrag, size_t length);
};

struct stun_answer {
	enum edge_stun_result result;
	bool nominated; // USE-CANDIDATE; only with EDGE_STUN_OK
	size_t ufrag_length; // of our ufrag in `ufrag`; only with EDGE_STUN_OK
	char ufrag[STUN_UFRAG_MAX];
	size_t reply_length; // bytes to send back; 0 = nothing
};

// Judges one datagram from `remote` and writes the reply, if any, of at most STUN_REPLY_MAX bytes.
// Always fills `answer`. Requests need USERNAME, MESSAGE-INTEGRITY and FINGERPRINT; PRIORITY and
// ICE-CONTROLLING may be missing, as from FFmpeg. An agent of the role that is ours gets 487 and must give way.
void stun_answer(const struct stun_users *users, const uint8_t *data, size_t length,
	const struct core_address *remote, uint8_t reply[STUN_REPLY_MAX],
	struct stun_answer *answer);

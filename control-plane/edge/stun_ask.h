// SPDX-License-Identifier: Apache-2.0
// The asking half of ICE: writes connectivity and consent checks, reads what comes back. No socket, clock or
// state; RFC 8489, RFC 8445 (7), RFC 7675. We are always the controlling agent, with the highest tie-breaker:
// a peer that believes to be that, too, gives way.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STUN_CHECK_MAX = 700, // two ufrags of 256 bytes each fit
	STUN_ID_BYTES = 12, // of a transaction
};

enum stun_reply {
	STUN_REPLY_OTHER, // none to this check, or nobody proved that it is: as if nothing had come
	STUN_REPLY_VALID, // signed with the peer's password
	STUN_REPLY_UNKNOWN, // 401: there is no such session there, or not any more; not signed
	STUN_REPLY_ERROR, // another error
};

struct stun_check {
	const char *local_ufrag, *remote_ufrag, *remote_password;
	bool nominates; // USE-CANDIDATE
	uint8_t id[STUN_ID_BYTES]; // unpredictable; the same when it is sent again
};

// Writes a check. Returns its length, 0 when it does not fit.
size_t stun_check_write(const struct stun_check *check, uint8_t bytes[STUN_CHECK_MAX]);

// True for a success or error response; `id` is then that of its check.
bool stun_reply_id(const uint8_t *data, size_t length, uint8_t id[STUN_ID_BYTES]);

// Judges a response to `check`.
enum stun_reply stun_reply_judge(
	const struct stun_check *check, const uint8_t *data, size_t length);

// SPDX-License-Identifier: Apache-2.0
// Makes access tokens as auth.h verifies them: JSON Web Tokens (RFC 7519) in LiveKit's shape, signed with
// HS256. For sluicectl too: nothing of the running control.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_claims {
	const char *key; // `iss`; NULL = none
	const char *identity; // `sub`
	const char *name; // for people; NULL = the identity
	const char *room; // NULL = any
	bool no_publish, no_subscribe, hidden;
	bool admin, list; // for the admin API: roomAdmin (in `room`), roomList
	int64_t now_s, ttl_s; // Unix seconds
};

// Writes the token, terminated. Returns 0, or -1 when it does not fit, the texts are not UTF-8 or memory is
// short.
int token_make(const char *secret, const struct token_claims *claims, char *token, size_t size);

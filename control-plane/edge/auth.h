// SPDX-License-Identifier: Apache-2.0
// Access tokens: JSON Web Tokens (RFC 7519) signed with HS256 and nothing else.
#pragma once

#include "dialect/dialect.h"

#include <stddef.h>
#include <stdint.h>

enum {
	AUTH_TOKEN_MAX = 8192, // bytes of a token
	AUTH_LEEWAY_S = 60,
	AUTH_DEVELOPMENT_S = 24 * 3600,
};

// Verifies `token` at `now_s` (Unix seconds): signature, `exp` (required), `nbf`, both with a minute of
// leeway. The identity is `sub` (a number or a string), else `jti`; the name `username`, else `name`,
// else the identity. A `video` claim in LiveKit's shape limits room and rights. Returns 0 and fills
// `grant`, or -1 with a few words in `why` that never repeat the token; `grant` is untouched then.
int auth_verify(const char *secret, const char *token, size_t length, int64_t now_s,
	struct dialect_grant *grant, char *why, size_t why_size);

// Makes a token for development: {sub, username, iat, exp} valid for a day. `room` may be NULL or
// empty for any. Returns 0, or -1 when it does not fit or memory is short.
int auth_make(const char *secret, uint32_t user, const char *username, const char *room,
	int64_t now_s, char *token, size_t size);

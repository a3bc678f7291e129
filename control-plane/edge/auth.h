// SPDX-License-Identifier: Apache-2.0
// Access tokens: JSON Web Tokens (RFC 7519) signed with HS256 by our secret or with RS256 by one of the
// configured public keys, and session tokens of two parts. The key decides the algorithm, never the token
// (RFC 8725, 3.1): the secret checks HS256 only, a public key RS256 only.
#pragma once

#include "auth_key.h"
#include "dialect/dialect.h"

#include <sluice/config.h>

#include <stddef.h>
#include <stdint.h>

enum {
	AUTH_TOKEN_MAX = 8192, // bytes of a token
	AUTH_LEEWAY_S = 60, // of HS256; the clocks of RS256 issuers must be right
	AUTH_DEVELOPMENT_S = 24 * 3600,
};

struct auth {
	const char
		*secret; // of tokens whose `iss` is none of the API keys; empty = they are refused
	const struct config_api_key *api_keys; // each with the secret of its tokens
	uint32_t api_keys_used;
	const struct auth_keys *keys; // NULL = RS256 is refused
	const char *issuer; // that RS256 tokens must name; empty = any
	bool session_tokens; // accept them; they never expire
};

struct auth_request {
	const char *token;
	size_t length;
	const char *room; // that is asked for, for tokens that list several; empty = not known
	int64_t now_s; // Unix seconds
};

// Verifies a token: signature, `exp` (required) and `nbf`. The identity is `sub` (a number or a string), of
// HS256 tokens else `jti`; the name `username`, else `name`, else the identity. A `video` claim in
// LiveKit's shape (roomJoin, room, canPublish, canPublishSources, canPublishData, canSubscribe, hidden, roomAdmin)
// limits room and rights; else `room` (a string) or `chats` (a list of them) limit the
// room: a list that has `request->room` grants that one, any other list of several grants no room, or
// is refused when no room is asked for. A session token is base64url of a session's 16 bytes, a dot, and
// base64url of their signature: the identity is the session's GUID. Returns 0 and fills `grant`, or -1 with
// a few words in `why` that never repeat the token; `grant` is untouched then.
int auth_verify(const struct auth *auth, const struct auth_request *request,
	struct dialect_grant *grant, char *why, size_t why_size);

struct auth_powers { // what a token lets its bearer do from outside of rooms
	bool list; // roomList: see which rooms there are, and the relay's figures
	bool admin; // roomAdmin: see, mute and remove people in `room`, or in all when it is empty
	char room[CORE_NAME_MAX];
};

// Verifies a token as auth_verify does, for those powers alone: it need not grant roomJoin nor name anybody.
// Returns 0, or -1 with `why` when it is no good or grants neither.
int auth_verify_powers(const struct auth *auth, const struct auth_request *request,
	struct auth_powers *powers, char *why, size_t why_size);

// Makes a token for development: {sub, username, iat, exp} valid for a day. `room` may be NULL or
// empty for any. Returns 0, or -1 when it does not fit or memory is short.
int auth_make(const char *secret, uint32_t user, const char *username, const char *room,
	int64_t now_s, char *token, size_t size);

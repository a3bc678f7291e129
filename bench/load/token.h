// SPDX-License-Identifier: Apache-2.0
// Tokens with which clients authenticate (RFC 7519).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_MAX = 4096 };

// Makes a token of dialect 002 (claims sub, username, iat, exp) signed with HS256, valid for a day from
// `now_s`. Returns its length, or -1 when it does not fit.
int token_sign(const char *secret, uint32_t user, int64_t now_s, char *token, size_t size);

// Runs `command USER ROOM` in a shell and takes the first line it prints. The room reaches the command as
// an argument, never as shell text. Returns the length, or -1 with `why`.
int token_fetch(const char *command, uint32_t user, const char *room, char token[TOKEN_MAX],
	char *why, size_t why_size);

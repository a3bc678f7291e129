// SPDX-License-Identifier: Apache-2.0
// What a webhook's request says, in LiveKit's form, and its signature.
#pragma once

#include "announce.h"

enum {
	WEBHOOK_TOKEN_MAX = 512,
	WEBHOOK_TOKEN_S = 300, // how long a signature is good
};

// Spells an event as a JSON object; `dropped` counts the events that were dropped before it. The text is the
// caller's to free. Returns NULL when memory is short.
char *webhook_body(const struct announcement *announcement, uint32_t dropped);

// Makes the token that proves a body of `length` bytes: a JSON Web Token signed with HS256, whose claim sha256
// is the body's digest in base64. Returns 0, or -1 when memory is short.
int webhook_sign(const char *key, const char *secret, const char *body, size_t length,
	int64_t now_s, char token[WEBHOOK_TOKEN_MAX]);

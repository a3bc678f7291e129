// SPDX-License-Identifier: Apache-2.0
// Who may come in where a dialect has no token of its own: whoever brings one of the relay's, and everybody
// where the configuration says so.
#pragma once

#include "dialect.h"

enum { ADMISSION_TOKEN_MAX = 8192 + 1, ADMISSION_WHY_MAX = 128 };

// The token of a request, or NULL: in Authorization: Bearer, else in the query's `access_token`, `token` or
// `jwt`. (Sec-WebSocket-Protocol is no place: libwebsockets 4.1 takes 127 bytes there, less than a token has.)
const char *admission_token(const struct http_request *request);

// What everybody has where no token is needed.
struct dialect_grant admission_everything(void);

// Has the host judge the token; without one everybody is let in where `room` is open, or the listener when
// `room` is NULL, and where the hook is to be asked about that room later. Returns true with `grant` filled.
bool admission_grant(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant);

// The same for somebody who wants to come in: where the room is admitted to by the hook, that is asked, too.
// `identity` is the one asked for, NULL = the token's. Returns with `grant` filled when it is DIALECT_ALLOWED, else
// with a few words in `why`.
enum dialect_answer admission_enter(const struct dialect_host *host,
	const struct http_request *request, const struct dialect_question *question,
	struct dialect_grant *grant, char why[ADMISSION_WHY_MAX]);

// True when the grant is for this room, and for this identity where it names one. `identity` may be NULL.
bool admission_allows(const struct dialect_grant *grant, const char *room, const char *identity);

// Gives a join the rights of a grant: to be seen, to publish, to subscribe, what is withheld, and until when.
void admission_rights(const struct dialect_grant *grant, struct core_join *join);

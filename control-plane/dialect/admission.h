// SPDX-License-Identifier: Apache-2.0
// Who may come in where a dialect has no token of its own: whoever brings one of the relay's, and everybody
// where the configuration says so.
#pragma once

#include "dialect.h"

// Looks for a token in Authorization: Bearer, else in the query's `token` or `access_token`, and has the host
// judge it; no token is judged too. Returns true with `grant` filled.
bool admission_grant(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant);

// True when the grant is for this room, and for this identity where it names one. `identity` may be NULL.
bool admission_allows(const struct dialect_grant *grant, const char *room, const char *identity);

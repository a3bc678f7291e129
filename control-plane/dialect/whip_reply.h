// SPDX-License-Identifier: Apache-2.0
// Replies of WHIP and WHEP, with the header fields that browsers and other clients look for.
#pragma once

#include "dialect.h"

// Empties a reply but for its header fields, and lets pages read them.
void whip_reply_begin(struct http_reply *reply, int status);

// {"error": why} with a status.
void whip_reply_error(struct http_reply *reply, int status, const char *why);

// The entity-tag of an ICE session (RFC 9725, 4.3.1).
void whip_reply_etag(struct http_reply *reply, const char *ufrag);

// What may be asked: methods, types of bodies, header fields of requests.
void whip_reply_allow(struct http_reply *reply);

// One Link for each STUN and TURN server (RFC 9725, 4.6); without `known` only those that need no password.
void whip_reply_servers(struct http_reply *reply, const struct dialect_host *host,
	const char *identity, bool known);

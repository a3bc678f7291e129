// SPDX-License-Identifier: Apache-2.0
// `sluicectl why`: what the data plane decided about a peer's media, and what follows from it. why.c finds
// the peer and lays the rows out as JSON, why_verdict.c draws the conclusions, why_text.c prints.
#pragma once

#include "sluicectl.h"

struct why_session { // a transport
	const struct view *view;
	uint32_t index;
	struct sluice_transport row;
	struct sluice_transport_status status; // zero when the data plane says nothing of it
	struct sluice_trace trace;
};

struct why_publication {
	uint32_t index;
	struct sluice_publication row;
	struct sluice_publication_status status;
	struct sluice_trace trace;
};

struct why_subscription {
	uint32_t index;
	struct sluice_subscription row;
	struct sluice_subscription_status status;
	struct sluice_trace trace;
};

// Copies of the rows of a noun of one life. Return false when it is not there (any more).
bool why_session(const struct view *view, struct sluice_handle id, struct why_session *session);
bool why_publication(
	const struct view *view, struct sluice_handle id, struct why_publication *publication);
bool why_subscription(
	const struct view *view, struct sluice_handle id, struct why_subscription *subscription);

// Walks what is remembered of addresses; `*at` begins as 0. Returns NULL at the end. The entry is a copy,
// valid until the next call.
const struct sluice_stranger *why_stranger(const struct view *view, unsigned *at);

// Appends sentences to an array: about the connection itself (nothing when it is up and heard), about what a
// publisher sends, about what a subscriber gets. `publisher` names the publisher of a subscription.
void verdict_session(json_t *out, const struct why_session *session);
void verdict_publication(
	json_t *out, const struct why_session *session, const struct why_publication *publication);
void verdict_subscription(json_t *out, const struct why_session *session,
	const struct why_subscription *subscription, const char *publisher);
void verdict_address(json_t *out, const struct view *view, const struct sluice_address *address);

// Reads "IP", "IP:PORT" or "[IPv6]:PORT"; port 0 = any. False when it is none.
bool why_address(const char *text, struct sluice_address *address);

// All about `peer`: ROOM/IDENTITY, IDENTITY when only one room has it, an SSRC in decimal or 0x hex, or an
// address. NULL with `why` when there is nobody of that name.
json_t *why_look(const struct view *view, const char *peer, char *why, size_t why_size);
void text_why(const json_t *json, FILE *out);

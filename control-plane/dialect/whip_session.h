// SPDX-License-Identifier: Apache-2.0
// The sessions of WHIP and WHEP. There is no table of them: a session is a transport of the core whose owner
// came by WHIP or WHEP, its address is that handle with a signature, its entity-tag our ICE user. All of that is
// in the shared rows, so the addresses that clients hold are good for a control that was restarted.
#pragma once

#include "dialect.h"
#include "whip_path.h"

#include <stdbool.h>
#include <stdint.h>

extern const char whip_publishers[], whip_viewers[]; // the dialects of participants

struct whip_session {
	bool view;
	struct core_transport_id transport;
	struct core_participant_id participant;
};

// What participants have as their link: they have no socket.
void *whip_link(void);

// Writes the part of a session's address that nobody guesses. Returns false when it is gone.
bool whip_session_id(
	const struct dialect_host *host, struct core_transport_id transport, char id[WHIP_ID_MAX]);

// Finds the session of that address. Returns false when there is none, or its signature is wrong.
bool whip_session_find(
	const struct dialect_host *host, const char *id, struct whip_session *session);

// True, once, for a session that its client has ended by closing DTLS.
bool whip_session_ended(const char *id);

// An identity that nobody in the room has: a number for publishers, whom 002 shows, "whep-…" for viewers.
// `seed` is anything that differs from request to request.
void whip_identity(const struct dialect_host *host, const char *room, bool view, const char *seed,
	char identity[CORE_NAME_MAX]);

// An event for a link of ours; false = it is another's.
bool whip_event(const struct dialect_host *host, const struct core_event *event);

// Takes over the participants that a control before us left, lets go of those that lost their transport.
void whip_tick(const struct dialect_host *host, uint64_t now_ms);

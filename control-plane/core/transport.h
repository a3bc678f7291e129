// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

struct transport *transport_get(const struct core *core, struct core_transport_id id);

// Makes one with our ICE credentials and a worker; the caller has checked that a slot is free.
// `publisher` NULL = it carries the owner's media up; `pair` makes it a leg that faces `publisher`. The
// plane is told by transport_tell.
struct transport *transport_open(struct core *core, struct participant *owner,
	struct participant *publisher, bool pair, uint64_t now_ms);

// Puts a row with its view set into lists and indexes (transport_open and restoring).
void transport_enter(struct core *core, struct transport *transport, struct participant *owner,
	struct participant *publisher);

// Ends its subscriptions, tells the plane and frees it. Its publications have ended or moved on.
void transport_close(struct core *core, struct transport *transport);

// Ends it against its owner's will, with all that hangs on it: the owner hears TRANSPORT_GONE.
// Returns false when memory for that is short; nothing has changed then.
bool transport_end(struct core *core, struct transport *transport, const char *why);

// Our DTLS role against the peer's a=setup, unless it is settled (RFC 8842, 5): passive when we may.
void transport_role(struct transport *transport, enum desc_setup peer);

// Takes ICE credentials and fingerprint of the peer.
void transport_describe(struct transport *transport, const struct desc *remote);

// True when the peer is the one that this transport has a DTLS association with.
bool transport_same_peer(const struct transport *transport, const struct desc *remote);

// New credentials of ours; the previous ones stay valid for a while (RFC 8445, 9).
void transport_restart(struct core *core, struct transport *transport, uint64_t now_ms);

// `new` takes over credentials and certificate that the peer knows of `old`, which is about to be closed.
void transport_succeed(struct core *core, struct transport *old, struct transport *new);

// Fills all of a description but its sections.
void transport_print(struct core *core, struct transport *transport, bool offer, struct desc *desc);

void transport_tell(struct core *core, const struct transport *transport, bool gone);

// Moves transports off workers that are no more.
void transport_workers_changed(struct core *core);

// Runs the time-outs of all transports.
void transport_tick(struct core *core, uint64_t now_ms);

// SPDX-License-Identifier: Apache-2.0
// ICE-lite (RFC 8445, 2.5) and DTLS, tied to the core: a datagram in, checks and handshakes become
// transport verbs; a transport changed or gone, the filter's set of addresses follows.
#pragma once

#include "core/core.h"
#include "counters.h"
#include "udp.h"

struct ice;

enum ice_step {
	ICE_CHECK, // a STUN request in the name of a transport, valid or not
	ICE_NOMINATED, // a valid check that nominates its path
	ICE_RECORD, // a DTLS record of the peer
	ICE_SHAKEN, // the handshake is done; `text` is its version, our role and the SRTP profile
	ICE_OVER, // DTLS has ended, or failed, as `text` says
};

struct ice_progress {
	struct core_transport_id id; // generation 0: of no transport that we know
	enum ice_step step;
	enum edge_stun_result result; // of ICE_CHECK
	const struct core_address *remote; // of ICE_CHECK, ICE_NOMINATED and ICE_RECORD
	const char *text;
};

// What it needs of the process around it.
struct ice_host {
	void *context;
	// Sends a datagram: udp_send.
	int (*send)(
		void *context, const struct core_path *path, const uint8_t *data, size_t length);
	// Next hop of path->remote from path->local. Returns 0 with `mac` (zero: none is needed), -EAGAIN
	// to be asked again in 50 ms, or another -errno: unreachable, or the path needs none.
	int (*neighbour)(void *context, const struct core_path *path, uint8_t mac[6]);
	// Lets the media of path->remote to our port path->local.port pass the filter, or no longer.
	int (*allow)(void *context, const struct core_path *path);
	int (*deny)(void *context, const struct core_path *path);
	// How far a transport has come; NULL = nobody wants to know.
	void (*progress)(void *context, const struct ice_progress *progress);
	// Paths from a port of ours (0 = that of all) by which an address may be reached: udp_paths. NULL: no session
	// can be begun (ice_control).
	unsigned (*paths)(void *context, const struct core_address *remote, uint16_t local_port,
		struct core_path *paths, unsigned max);
	struct edge_counters *counters;
};

// Makes the glue and, within, DTLS with the certificate file `pem` for at most `transports`. Returns NULL with
// `why`. ice_attach must follow before anything else is called.
struct ice *ice_create(const struct ice_host *host, const char *pem, uint32_t transports, char *why,
	size_t why_size);
void ice_attach(struct ice *ice, struct core *core);
void ice_destroy(struct ice *ice);

// Fingerprints of our certificates, for core_create.
void ice_fingerprints(const struct ice *ice, struct core_local *local);

// Makes us the controlling agent of a transport that has been described (agent.h): the far side waits for our
// checks. Silence of `silence_ms` ends it. Returns as agents_begin.
int ice_control(struct ice *ice, struct core_transport_id id,
	const struct desc_candidate *candidates, unsigned count, uint32_t silence_ms);

// Takes a STUN or DTLS datagram. Follow with ice_settle and core_dispatch.
void ice_datagram(struct ice *ice, const struct udp_datagram *datagram, uint64_t now_ms);

// The core says that a transport changed or is gone (core_plane.transport). Calls no verb.
void ice_changed(struct ice *ice, const struct core_transport *transport, bool gone);

// Does what ice_changed put off because it needs verbs: starts handshakes as client, takes addresses
// out of the filter. Call after every batch of verbs, before core_dispatch.
void ice_settle(struct ice *ice, uint64_t now_ms);

// Gives a transport a path that no check has proved: for sessions of a load test, which have no ICE
// (synthetic.h). Asks for the next hop unless path->remote_mac is set. Returns as core_transport_path.
int ice_assume(struct ice *ice, struct core_transport_id id, const struct core_path *path,
	uint64_t now_ms);

// Retransmissions, next hops that were not known. Call about every 50 ms while ice_busy.
void ice_tick(struct ice *ice, uint64_t now_ms);
bool ice_busy(const struct ice *ice);

// All validated paths, for a filter that starts empty. Returns how many; `*paths` is allocated, the caller
// frees it. Returns -ENOMEM when memory is short.
int ice_validated(const struct ice *ice, struct core_path **paths);

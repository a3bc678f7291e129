// SPDX-License-Identifier: Apache-2.0
// The file of test sessions, JSON: what `sluicectl test-session` gives the relay, `sluice-pktgen streams`
// encrypts with and `sluice-pktgen receive` decrypts with. It holds keys, so it is 0600 or refused.
#pragma once

#include "endpoint.h"

#include <sluice/row.h>

enum {
	SESSION_PEERS_MAX = 4096,
	SESSION_STREAMS_MAX = 2,
	SESSION_NAME_MAX = 64,
};

struct session_stream {
	bool video;
	uint8_t payload_type;
	uint32_t ssrc;
};

struct session_peer {
	char identity[SESSION_NAME_MAX];
	struct endpoint address;
	struct sluice_srtp_key key; // the peer encrypts with it
	struct sluice_srtp_key relay_key; // the relay encrypts with it
	uint32_t publisher; // of a subscriber: whose media it gets
	uint32_t streams_used; // of a publisher
	struct session_stream streams[SESSION_STREAMS_MAX];
};

struct session {
	char room[SESSION_NAME_MAX];
	struct endpoint relay; // with the MAC that publishers' frames carry
	enum sluice_srtp_profile profile;
	uint32_t publishers_used, subscribers_used;
	struct session_peer *publishers, *subscribers;
};

struct session_plan {
	const char *room;
	struct endpoint relay;
	struct endpoint_range publishers,
		subscribers; // addresses are used in turn, then further ports
	enum sluice_srtp_profile profile;
	uint32_t publishers_count, subscribers_count; // subscribers of each publisher
	bool no_audio;
	bool mac; // the subscribers' frames go to subscribers.first.mac instead of who answers ARP
};

enum sluice_srtp_profile session_profile(const char *name); // gcm128, gcm256, cm; else NONE

// Draws random keys and makes a session by plan. Returns 0, or -1 with `why`. Free it in either case.
int session_make(
	struct session *session, const struct session_plan *plan, char *why, size_t why_size);

// Writes the file, mode 0600. Returns 0, or -1 with `why`.
int session_write(
	const struct session *session, const char *path, bool mac, char *why, size_t why_size);

// Reads it. Returns 0, or -1 with `why`, which never quotes a key. Free it in either case.
int session_read(struct session *session, const char *path, char *why, size_t why_size);

// Clears the keys and frees the lists.
void session_free(struct session *session);

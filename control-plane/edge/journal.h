// SPDX-License-Identifier: Apache-2.0
// What arrived when while peers joined, or tried to: for `sluicectl join-report`. A visit is one WebSocket or
// HTTP request with what came of it; a passage is one transport on its way from description to media. Both are
// kept for a while after their end. Times are monotonic milliseconds, 0 = not yet. Nothing here
// decides anything, and no token, key or password is kept.
#pragma once

#include "core/core.h"
#include "ice.h"

#include <sluice/msg.h>

enum {
	JOURNAL_JOINED = 4096, // visits of participants that are remembered
	JOURNAL_OTHERS = 512, // visits of others: refused, or not yet joined
	JOURNAL_ENDED = 2048, // passages that have ended
	JOURNAL_KEPT_MS = 15 * 60 * 1000, // for so long
	JOURNAL_STREAMS = 16, // of one passage
	JOURNAL_STRANGERS = 64, // checks and records that were nobody's, by source
	JOURNAL_TEXT = 112,
};

struct journal_visit {
	uint32_t number; // 0 = free
	bool websocket;
	char remote[64], path[64]; // path without its query
	char room[CORE_NAME_MAX],
		identity[CORE_NAME_MAX]; // of the participant, else as its token says
	const char *dialect; // static; NULL = not known
	struct core_participant_id participant; // generation 0 = it never joined
	uint64_t began_ms; // connection accepted
	uint64_t opened_ms; // upgraded; of a request: answered
	uint64_t accepted_ms, refused_ms; // its token
	uint64_t joined_ms, left_ms;
	int status; // of the HTTP reply, 0 = none
	char refusal[JOURNAL_TEXT]; // why its token was refused
};

struct journal_stream { // a publication or subscription of a passage
	uint32_t index, generation;
	bool down;
	uint8_t kind; // enum desc_kind
	char publisher[CORE_NAME_MAX]; // of a subscription
	uint64_t began_ms; // when it came to be
	uint64_t first_ms, first_key_ms; // packet and key frame, in or out
};

struct journal_passage {
	struct journal_passage *next; // of those that have ended, newest first
	struct core_transport_id id;
	struct core_participant_id participant;
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX], publisher[CORE_NAME_MAX];
	bool publishes, pair, dtls_client;
	bool restored; // from before a restart of control: earlier steps are not known
	uint64_t described_ms, answered_ms; // our side made; the peer's side known
	uint64_t check_ms; // first valid check
	uint64_t bad_ms; // first check in its name that was not valid
	uint32_t checks, bad_checks;
	struct core_address check_from, bad_from;
	enum edge_stun_result bad_result; // of the last
	uint64_t nominated_ms;
	uint64_t record_ms, dtls_ms; // first record of the peer, handshake done
	char dtls[JOURNAL_TEXT]; // version, role, profile
	uint64_t keyed_ms, arrived_ms, heard_ms, media_ms; // as the data plane says
	uint64_t ended_ms;
	char ended[JOURNAL_TEXT]; // why, if it is known
	unsigned streams_used;
	struct journal_stream streams[JOURNAL_STREAMS];
};

struct journal_stranger {
	struct core_address remote; // port 0 = free
	uint64_t since_ms, last_ms;
	uint32_t checks, records; // STUN without a session, DTLS without a valid check
};

struct journal_from { // a connection, for as long as it lives; the caller's
	const char *remote;
	bool websocket, quiet; // quiet: nothing it asks is worth a visit
	uint64_t began_ms;
	char path[64];
	uint32_t visit; // number, 0 = none yet
};

struct journal;

struct journal_host {
	void *context;
	// Where first times of the data plane are read; NULL while it was never there.
	const struct sluice_observed *(*observed)(void *context);
};

// Room for so many transports. Returns NULL when memory is short. journal_destroy takes NULL, too.
struct journal *journal_create(const struct journal_host *host, uint32_t transports);
void journal_destroy(struct journal *journal);

// All that happens until journal_leave is this connection's doing. The journal may be NULL in all calls from
// here on but the last three.
void journal_enter(struct journal *journal, struct journal_from *from);
void journal_leave(struct journal *journal);

// The connection of now was upgraded; its reply has that status; its upgrade was refused; a token of its was accepted (`grant` names
// room and identity, which may be empty) or refused for `why`.
void journal_opened(struct journal *journal, uint64_t now_ms);
void journal_replied(struct journal *journal, int status, uint64_t now_ms);
void journal_refused(struct journal *journal, int status, uint64_t now_ms);
void journal_token(struct journal *journal, const char *room, const char *identity, const char *why,
	uint64_t now_ms);

// Rows of the core, before the plane is told that they are gone.
void journal_participant(struct journal *journal, const struct core_participant *participant,
	const char *room, bool gone, uint64_t now_ms);
void journal_transport(struct journal *journal, const struct core *core,
	const struct core_transport *transport, bool gone, uint64_t now_ms);
void journal_publication(
	struct journal *journal, const struct core_publication *publication, uint64_t now_ms);
void journal_subscription(struct journal *journal, const struct core *core,
	const struct core_subscription *subscription, uint64_t now_ms);

// Takes over what a control before us left in the core.
void journal_restore(struct journal *journal, const struct core *core, uint64_t now_ms);

// What ICE and DTLS say.
void journal_progress(
	struct journal *journal, const struct ice_progress *progress, uint64_t now_ms);

// Reads the data plane's times of all passages that are under way, and forgets what is too old.
void journal_refresh(struct journal *journal, uint64_t now_ms);

// Walk what is kept: visits in no order, passages first those under way, strangers. NULL begins and ends.
const struct journal_visit *journal_visit_next(
	const struct journal *journal, const struct journal_visit *previous);
const struct journal_passage *journal_passage_next(
	const struct journal *journal, const struct journal_passage *previous);
const struct journal_stranger *journal_stranger_next(
	const struct journal *journal, const struct journal_stranger *previous);

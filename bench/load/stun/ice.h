// SPDX-License-Identifier: Apache-2.0
// The full, controlling ICE agent (RFC 8445) of a connection with one host candidate towards an
// ICE-lite peer: checks that nominate (USE-CANDIDATE) until one is answered, then consent checks
// (RFC 7675). It carries nothing itself: the owner sends what ice_check writes and gives it what comes.
#pragma once

#include <stun/stunagent.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ICE_UFRAG_BYTES = 8,
	ICE_PASSWORD_BYTES = 24,
	ICE_CHECK_MAX = 512, // bytes of a check
	ICE_CONSENT_S = 15, // without an answer until the connection counts as lost
};

enum ice_state { ICE_IDLE, ICE_CHECKING, ICE_CONNECTED, ICE_LOST };

struct ice {
	enum ice_state state;
	char ufrag[ICE_UFRAG_BYTES + 1], password[ICE_PASSWORD_BYTES + 1]; // ours
	char username[2 * 256 + 2], remote_password[256 + 1]; // of our checks
	uint64_t tie_breaker;
	uint64_t heard_ns; // last answer
	uint32_t checks, answers;
	uint32_t open; // transactions the agent remembers
	StunAgent agent;
};

// Readies an agent with credentials and tie-breaker from OpenSSL's random numbers.
void ice_init(struct ice *ice);

// Takes the peer's credentials, both terminated; checks may begin.
void ice_start(struct ice *ice, const char *ufrag, const char *password);

// Writes the next check and sets `*next_ns` to when the one after it is due; becomes ICE_LOST when nobody
// has answered for ICE_CONSENT_S. Returns its length, 0 when libnice refuses.
size_t ice_check(struct ice *ice, uint64_t now_ns, uint8_t check[ICE_CHECK_MAX], uint64_t *next_ns);

// Takes a STUN message. Returns 0 when it answers one of our checks with success (the state is
// ICE_CONNECTED then), -EPROTO when it refuses it, -EBADMSG for anything else.
int ice_input(struct ice *ice, uint64_t now_ns, const uint8_t *data, size_t length);

// Writes the answer to a check that came from `peer`, when it is one for us. Returns its length, 0 for
// anything else.
size_t ice_reply(const struct ice *ice, const struct sockaddr_storage *peer, const uint8_t *data,
	size_t length, uint8_t reply[ICE_CHECK_MAX]);

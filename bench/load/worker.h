// SPDX-License-Identifier: Apache-2.0
// What one thread owns, and what all of them share.
#pragma once

#include "dtls.h"
#include "histogram.h"
#include "loop.h"
#include "options.h"
#include "socket/udp.h"
#include "socket/websocket.h"
#include "stamp.h"
#include "tally.h"

#include <pthread.h>
#include <stdatomic.h>

enum phase {
	PHASE_PUBLISH, // publishers join and begin to send
	PHASE_SUBSCRIBE, // subscribers join
	PHASE_PAUSE, // nothing is sent: what is under way arrives (only with --loads)
	PHASE_STEADY, // all are there: latency and relay's cost are measured
	PHASE_DRAIN, // nothing is sent any more
	PHASE_LEAVE, // everybody says goodbye
	PHASE_END,
};

enum stage { // of joining; each is a histogram
	STAGE_CONNECT, // TCP and WebSocket
	STAGE_AUTHENTICATE,
	STAGE_SIGNAL, // request → description
	STAGE_ICE, // first check → first answer
	STAGE_DTLS, // ClientHello → keys
	STAGE_JOIN, // all of it, of all the client's connections
	STAGE_FIRST_PACKET, // subscribe-request → first packet decrypted
	STAGE_FIRST_KEY_FRAME, // subscribe-request → first key frame
	STAGES,
};

struct board { // of one publisher: what subscribers compare with
	_Atomic uint64_t sent[STAMP_KINDS]; // packets; the next number
	uint32_t receivers; // connections that receive it, once all have joined
};

enum { FAILURE_TEXTS = 5, FAILURE_TEXT_MAX = 192 };

struct worker {
	struct loop loop;
	struct shared *shared;
	struct tally tally;
	struct histogram latency[OPTIONS_LOADS_MAX]; // one way, by step; in the pause after it too
	struct histogram lag[OPTIONS_LOADS_MAX]; // how late packets are sent, by step
	struct histogram stages[STAGES];
	struct udp_batch batch;
	_Atomic uint64_t first_start_ns, last_join_ns; // 0 = none yet
	_Atomic unsigned failures_used;
	char failures[FAILURE_TEXTS][FAILURE_TEXT_MAX]; // why the first clients failed
	struct client *clients; // its own, publishers first
	uint32_t clients_used, clients_begun;
	struct timer timer; // looks after the phase
	enum phase phase; // the one it has acted upon
	_Atomic unsigned phases; // how many it has acted upon
	bool stepped; // the first step has begun
	unsigned step; // the last that began
	uint64_t counted_ns; // when it last asked the kernel
	pthread_t thread;
	bool running;
};

struct shared {
	const struct options *options;
	const struct signaling *signaling;
	struct websocket_target target;
	struct dtls_context dtls;
	struct board *boards; // by publisher
	_Atomic uint64_t interval_ns; // between video packets; 0 = as the options say
	_Atomic unsigned step; // written before the phase
	_Atomic enum phase phase;
	_Atomic unsigned phases; // how many have begun, written after the phase
	_Atomic uint64_t phase_begun_ns; // written before the phase
};

// The phase now.
static inline enum phase shared_phase(const struct shared *shared)
{
	return atomic_load_explicit(&shared->phase, memory_order_acquire);
}

// SPDX-License-Identifier: Apache-2.0
// The gate: libwebsockets cannot put the answer to an upgrade off, so the head of a connection's first request
// is looked at, and the admission hook asked, before it gets the socket. What it reads of the request then counts;
// here only the hook's answer is fetched ahead.
#pragma once

#include "head.h"
#include "hook.h"
#include "loop.h"
#include "poller.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum { GATE_HEAD_S = 10 }; // for the head to come

struct gate_guest { // zeroed but for the first three = not at the gate
	struct poller_entry entry; // its fd is the caller's; the rest is ours
	void *context; // of gate's functions
	uint64_t since_ms;
	struct gate *gate;
	struct hook_waiter waiter;
	TAILQ_ENTRY(gate_guest) at_gate;
};

struct gate {
	struct poller *poller;
	// A whole head that wants to become a WebSocket: true when `waiter` waits for the hook now.
	bool (*asks)(void *context, struct http_request *request, struct hook_waiter *waiter);
	void (*passes)(void *context); // has left the gate: go on with the socket
	void (*fails)(void *context); // has hung up, is too slow, or memory is short
	TAILQ_HEAD(, gate_guest) guests; // oldest first
};

// The functions are set by the caller. Returns false when descriptors or memory are short.
bool gate_open(struct gate *gate, struct loop *loop);

// All guests have left.
void gate_close(struct gate *gate);

// One of `passes` and `fails` follows, maybe at once.
void gate_enter(struct gate *gate, struct gate_guest *guest);

// Takes it from the gate, if it is there, without calling anything.
void gate_leave(struct gate_guest *guest);

// Lets those go who are too slow. Call about four times a second.
void gate_tick(struct gate *gate, uint64_t now_ms);

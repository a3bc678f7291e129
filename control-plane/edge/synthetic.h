// SPDX-License-Identifier: Apache-2.0
// Sessions of load tests: participants whose SRTP keys and addresses are given, so that a packet
// generator that knows neither ICE nor DTLS can send and receive real media. The core sees the
// ordinary verbs. Only there with test.sessions; the requests come over sluicectl's socket:
//
//   {"verb":"test-publish","room":NAME,"identity":NAME,"address":"IP:PORT","relay":"IP:PORT",
//    "mac":"02:…"?,"port":INDEX?,"profile":"gcm128"|"gcm256"|"cm","key":HEX,"relayKey":HEX,
//    "seconds":N,"streams":[{"kind":"audio"|"video","codec":NAME,"ssrc":N,"payloadType":N}]}
//     → {"ok":true,"transport":INDEX,"generation":N,"ufrag":TEXT}
//   {"verb":"test-subscribe", the same without "streams", "publisher":IDENTITY}
//     → the same
//
// `address` is the peer's and no other session's, `relay` ours as the peer sees it. `key` encrypts what
// the peer sends, `relayKey` what we send to it: master key and salt in one. Without `mac` the kernel is
// asked for the next hop. The same identity again gets a new transport: replay windows start anew.
#pragma once

#include "ice.h"

#include <jansson.h>

enum {
	SYNTHETIC_MAX = 16384, // participant slots: core_limits.participants
	SYNTHETIC_WHY_MAX = 160,
	SYNTHETIC_SECONDS_MAX = 86400,
};

struct synthetic;

// Nothing is there yet. `core` and `ice` must outlive it. Returns NULL when memory is short.
struct synthetic *synthetic_create(struct core *core, struct ice *ice);
// Forgets them; they end as silent transports do. NULL is fine.
void synthetic_destroy(struct synthetic *synthetic);

// Do the two requests. Return the reply, the caller's; or NULL with `why`, which never quotes a key,
// and nothing of this request left behind. Settle and dispatch afterwards.
json_t *synthetic_publish(struct synthetic *synthetic, const json_t *request, uint64_t now_ms,
	char why[SYNTHETIC_WHY_MAX]);
json_t *synthetic_subscribe(struct synthetic *synthetic, const json_t *request, uint64_t now_ms,
	char why[SYNTHETIC_WHY_MAX]);

// Keeps participants, silent or not, until their seconds are over; then they leave. Call it
// before core_tick, as often. NULL is fine.
void synthetic_tick(struct synthetic *synthetic, uint64_t now_ms);

// SPDX-License-Identifier: Apache-2.0
// Everything edge/ counts, for /metrics. Written by the one thread of control, read by the same.
#pragma once

#include <sluice/demux.h>

#include <stdint.h>

// Results of STUN datagrams: number, label, help. Append only.
#define EDGE_STUN_RESULTS(X)                                                                       \
	X(OK, "ok", "valid check, answered")                                                       \
	X(INDICATION, "indication", "keepalive, not answered")                                     \
	X(BAD_REQUEST, "bad_request", "answered 400")                                              \
	X(UNAUTHORIZED, "unauthorized", "unknown user or wrong integrity: 401, to a few a second") \
	X(UNKNOWN_ATTRIBUTE, "unknown_attribute", "answered 420")                                  \
	X(ROLE_CONFLICT, "role_conflict", "answered 487")                                          \
	X(RESPONSE, "response", "an answer to something we never asked: ignored")                  \
	X(MALFORMED, "malformed", "not STUN after all: ignored")

enum edge_stun_result {
#define X(name, label, help) EDGE_STUN_##name,
	EDGE_STUN_RESULTS(X)
#undef X
		EDGE_STUN_COUNT,
};

// Results of DTLS: number, label, help. Append only.
#define EDGE_DTLS_RESULTS(X)                                                             \
	X(CONNECTED, "connected", "handshake done, certificate matched")                 \
	X(FAILED, "failed", "handshake failed")                                          \
	X(TIMEOUT, "timeout", "handshake got no answer")                                 \
	X(FINGERPRINT, "fingerprint", "certificate is not the one of the description")   \
	X(NO_PROFILE, "no_profile", "no SRTP profile in common")                         \
	X(CLOSED, "closed", "ended by the peer's close_notify")                          \
	X(RESTARTED, "restarted", "connected anew while the keys of before were in use") \
	X(UNKNOWN, "unknown", "datagram from an address that no check has proved")

enum edge_dtls_result {
#define X(name, label, help) EDGE_DTLS_##name,
	EDGE_DTLS_RESULTS(X)
#undef X
		EDGE_DTLS_COUNT,
};

// What became of data channels' datagrams, from one leg of a pair to the other: number, label, help.
// Append only.
#define EDGE_DATA_RESULTS(X)                                                   \
	X(CARRIED, "carried", "handed to the other leg")                       \
	X(NO_PARTNER, "no_partner", "no other leg, or it is not up: dropped")  \
	X(TOO_FAST, "too_fast", "over the rate of one leg or of all: dropped") \
	X(TOO_BIG, "too_big", "larger than a datagram may be: dropped")

enum edge_data_result {
#define X(name, label, help) EDGE_DATA_##name,
	EDGE_DATA_RESULTS(X)
#undef X
		EDGE_DATA_COUNT,
};

// Stages of joining, each measured from the end of the one before it. Append only.
#define EDGE_JOIN_STAGES(X)                                                          \
	X(WS, "ws", "connection accepted until upgraded")                            \
	X(OFFER, "offer", "joined until the transport was described")                \
	X(ICE, "ice", "described until the first valid check")                       \
	X(DTLS, "dtls", "first valid check until keys")                              \
	X(FIRST_PACKET, "first_packet", "keys until the first SRTP or SRTCP packet") \
	X(FIRST_FRAME, "first_frame", "keys until the first media packet")

enum edge_join_stage {
#define X(name, label, help) EDGE_JOIN_##name,
	EDGE_JOIN_STAGES(X)
#undef X
		EDGE_JOIN_COUNT,
};

// What came of questions to the admission hook. Append only.
#define EDGE_HOOK_RESULTS(X)                                              \
	X(ALLOWED, "allowed", "let in")                                   \
	X(DENIED, "denied", "not let in")                                 \
	X(CACHED, "cached", "by an answer of before")                     \
	X(TIMEOUT, "timeout", "not answered in time")                     \
	X(FAULT, "fault", "not reached, or no answer that could be read") \
	X(OVERFLOW, "overflow", "not asked: too many wait already")

enum edge_hook_result {
#define X(name, label, help) EDGE_HOOK_##name,
	EDGE_HOOK_RESULTS(X)
#undef X
		EDGE_HOOK_COUNT,
};

// Why a WebSocket was closed by us. Append only.
#define EDGE_WS_CLOSES(X)                                        \
	X(TOO_BIG, "too_big", "message over the limit, 1009")    \
	X(TOO_FAST, "too_fast", "too many messages, 1008")       \
	X(SLOW, "slow", "did not read what we sent")             \
	X(DIALECT, "dialect", "by its dialect")                  \
	X(ADMISSION, "admission", "not admitted, 4401 and 4403") \
	X(FLOOD, "flood", "what it said filled the queues of the others, 1013")

enum edge_ws_close {
#define X(name, label, help) EDGE_WS_CLOSE_##name,
	EDGE_WS_CLOSES(X)
#undef X
		EDGE_WS_CLOSE_COUNT,
};

// What became of events for webhooks: number, label, help. Append only.
#define EDGE_WEBHOOK_RESULTS(X)                                                 \
	X(DELIVERED, "delivered", "taken by the receiver")                      \
	X(RETRIED, "retried", "not taken, to be tried again")                   \
	X(GAVE_UP, "gave_up", "not taken in time, or control has ended")        \
	X(REFUSED, "refused", "answered with a status that no other try mends") \
	X(DROPPED, "dropped", "too many were waiting")

enum edge_webhook_result {
#define X(name, label, help) EDGE_WEBHOOK_##name,
	EDGE_WEBHOOK_RESULTS(X)
#undef X
		EDGE_WEBHOOK_COUNT,
};

// What a push or pull is about. Append only.
enum edge_feed_kind { EDGE_FEED_PUSH, EDGE_FEED_PULL, EDGE_FEED_KINDS };

#define EDGE_FEED_STATES(X)                                                     \
	X(WAITING, "waiting", "the participant is not there, or sends nothing") \
	X(OFFERING, "offering", "the endpoint has been asked")                  \
	X(CONNECTING, "connecting", "answered; ICE and DTLS are under way")     \
	X(CONNECTED, "connected", "media may flow")                             \
	X(FAILED, "failed", "will be tried again")

enum edge_feed_state {
#define X(name, label, help) EDGE_FEED_##name,
	EDGE_FEED_STATES(X)
#undef X
		EDGE_FEED_STATE_COUNT,
};

enum {
	EDGE_BUCKETS = 12,
	EDGE_MESSAGES_MAX = 384, // distinct (dialect, direction, type)
};

// Upper bounds of the histogram's buckets, milliseconds; what is above all of them counts only in `count`.
static const uint32_t edge_bucket_ms[EDGE_BUCKETS] = {
	5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000};

struct edge_histogram {
	uint64_t buckets[EDGE_BUCKETS]; // not cumulative
	uint64_t count;
	uint64_t sum_ms;
};

struct edge_message {
	const char *dialect; // static; NULL ends the list
	const char *direction; // "in", "out", or "error": `type` is its code
	char type[40];
	uint64_t count;
};

struct edge_counters {
	// TCP
	uint64_t connections_accepted, connections_refused_limit, connections_refused_address;
	uint64_t accept_errors;
	uint32_t connections_open, websockets_open; // gauges
	uint64_t websockets_opened, websockets_refused_origin;
	uint64_t ws_closed[EDGE_WS_CLOSE_COUNT];
	uint64_t http_responses[6]; // by status / 100
	uint64_t tokens_accepted, tokens_refused;
	uint64_t hook[EDGE_HOOK_COUNT];
	uint32_t hook_flying, hook_waiting; // gauges: questions asked, and waiting for it
	struct edge_message messages[EDGE_MESSAGES_MAX];
	// UDP
	uint64_t udp_in[SLUICE_CLASS_COUNT], punt_in[SLUICE_CLASS_COUNT]; // datagrams
	uint64_t udp_out, punt_out, udp_send_errors, punt_send_errors, udp_truncated;
	uint64_t udp_unexpected; // neither STUN nor DTLS on control's socket: it has seen RTP
	uint64_t stun[EDGE_STUN_COUNT];
	uint64_t dtls[EDGE_DTLS_COUNT];
	uint32_t dtls_handshakes; // gauge: under way
	uint64_t data[EDGE_DATA_COUNT], data_bytes; // datagrams; bytes of those carried
	uint64_t webhooks[EDGE_WEBHOOK_COUNT];
	uint32_t webhooks_waiting; // gauge
	struct edge_histogram join[EDGE_JOIN_COUNT];
	uint32_t feeds[EDGE_FEED_KINDS][EDGE_FEED_STATE_COUNT]; // gauges of pushes and pulls
	uint32_t feed_ports, feed_ports_used; // gauges, too
	uint64_t feed_failures[EDGE_FEED_KINDS];
};

// Adds one observation of `ms` milliseconds.
static inline void edge_observe(struct edge_histogram *histogram, uint64_t ms)
{
	unsigned i = 0;
	histogram->count++;
	histogram->sum_ms += ms;
	while (i < EDGE_BUCKETS && ms > edge_bucket_ms[i])
		i++;
	if (i < EDGE_BUCKETS)
		histogram->buckets[i]++;
}

// SPDX-License-Identifier: Apache-2.0
// What one thread counts. It alone writes; others may read at any time.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

// name, what it means
#define TALLY_LIST(X)                                                                     \
	X(clients_started, "clients that have begun to join")                             \
	X(publishers_joined, "publishers whose connection is up")                         \
	X(subscribers_joined, "subscribers all of whose connections are up")              \
	X(clients_failed, "clients that did not join")                                    \
	X(connections_lost, "connections that ended after they were up")                  \
	X(consents_lost, "connections whose checks nobody answered for 15 s")             \
	X(sockets_lost, "signaling connections that ended after the join")                \
	X(sent_packets, "RTP packets that publishers sent")                               \
	X(sent_bytes, "bytes of them as UDP payload")                                     \
	X(send_dropped, "RTP packets that the tester's own kernel did not take")          \
	X(received_packets, "RTP packets that were decrypted and checked")                \
	X(received_bytes, "bytes of them as UDP payload")                                 \
	X(counted_packets, "RTP packets that were counted in the kernel only")            \
	X(decrypt_failed, "SRTP packets that failed authentication")                      \
	X(replayed, "SRTP packets refused as replayed: the same index twice")             \
	X(malformed, "packets that are no RTP, or of no payload type that was agreed on") \
	X(corrupt, "packets decrypted whose payload is not what was sent")                \
	X(duplicates, "packets whose number had come already")                            \
	X(reordered, "packets that came after a later one")                               \
	X(repaired, "packets that came as a retransmission (RTX)")                        \
	X(probes, "packets without payload")                                              \
	X(early, "packets that came before our keys were there")                          \
	X(rtcp_failed, "RTCP packets that could not be read")                             \
	X(key_requests, "PLI and FIR that publishers got")                                \
	X(nacks, "packet numbers that publishers were asked for by NACK")                 \
	X(resent, "packets that publishers sent again")                                   \
	X(socket_overflows, "packets lost in the tester's sockets: no room, or a wrong checksum")

struct tally {
#define X(name, text) _Atomic uint64_t name;
	TALLY_LIST(X)
#undef X
};

static inline void tally_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline uint64_t tally_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

// Adds all counters of a thread to a private sum.
static inline void tally_sum(struct tally *sum, const struct tally *tally)
{
#define X(name, text) tally_add(&sum->name, tally_get(&tally->name));
	TALLY_LIST(X)
#undef X
}

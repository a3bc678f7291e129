// SPDX-License-Identifier: Apache-2.0
// Between srtp.c and what it has sealing and opening done by. srtp.c checks packets, keeps indexes and
// streams, and so decides alike whatever the back end; a back end only has to know keys. For internal
// use of srtp*.c.
#pragma once

#include "srtp.h"
#include "srtp_memory.h"
#include "srtp_streams.h"

#include <stdbool.h>
#include <stdint.h>

enum { SRTCP_HEADER_BYTES = 8, SRTCP_INDEX_BYTES = 4 };
#define SRTCP_ENCRYPTED (UINT32_C(1) << 31) // the E bit, in front of the index

struct srtp_session {
	_Alignas(64) const struct srtp_backend *backend;
	void *keys; // the back end's own
	uint8_t direction; // enum srtp_direction
	uint8_t profile; // enum sluice_srtp_profile
	uint32_t tag_bytes; // RTCP adds the index
	struct srtp_streams streams;
	void *rtcp_keys; // the back end's own
};
// Packets in order, under the first SSRC, need one cache line.
static_assert(offsetof(struct srtp_session, streams.first) + sizeof(struct srtp_stream) == 64);

// Where a session and its keys of RTP lie.
static inline enum srtp_memory_lane srtp_lane(enum srtp_direction direction)
{
	return direction == SRTP_OUT ? SRTP_MEMORY_SENDING : SRTP_MEMORY_RECEIVING;
}

static inline void srtp_ask(const struct srtp_meanwhile *meanwhile)
{
	if (meanwhile)
		meanwhile->ask(meanwhile->context);
}

// An incoming packet whose header fits and whose index is neither too old nor seen.
struct srtp_opening {
	struct srtp_session *session;
	struct srtp_stream *stream; // NULL: nothing of this SSRC was authenticated yet
	uint8_t *data;
	uint32_t length; // in: with the tag, out: without
	uint32_t header_bytes;
	uint32_t ssrc;
	uint64_t index;
};

// A job whose header and room were checked and whose index is claimed.
struct srtp_sealing {
	struct srtp_seal_job *job;
	struct srtp_stream *stream;
	const uint8_t *payload; // job->data + header_bytes when in place
	uint32_t header_bytes;
	uint32_t payload_bytes;
};

// A compound to be sealed or opened in place: lengths were checked, the index is claimed or new.
struct srtcp_packet {
	struct srtp_session *session;
	uint8_t *data;
	uint32_t length; // in and out
	uint32_t ssrc;
	uint32_t word; // index and E bit
};

struct srtp_backend {
	// Looks whether this CPU will do and makes ready. 0 or -errno.
	int (*start)(void);
	void (*stop)(void);
	const char *(*name)(void);
	// Makes the session's keys, rtcp_keys; false when memory is short, and nothing is left behind.
	bool (*keys_open)(struct srtp_session *session, const struct sluice_srtp_key *key);
	void (*keys_close)(struct srtp_session *session);
	// Asks for the memory of the keys of RTP. NULL: nothing to ask for.
	void (*keys_prefetch)(const struct srtp_session *session);
	// Where a back end keeps streams of its own: adds one for `stream`, or takes it away. Else NULL.
	enum srtp_result (*stream_add)(struct srtp_session *session, struct srtp_stream *stream);
	void (*stream_remove)(struct srtp_session *session, uint32_t ssrc);
	// Authenticates and decrypts in place.
	enum srtp_result (*open)(struct srtp_opening *opening);
	// Sets result and, when it is SRTP_OK, length of each job. `meanwhile` may be NULL.
	void (*seal)(
		struct srtp_sealing *sealings, unsigned n, const struct srtp_meanwhile *meanwhile);
	enum srtp_result (*open_rtcp)(struct srtcp_packet *packet);
	enum srtp_result (*seal_rtcp)(struct srtcp_packet *packet);
};

extern const struct srtp_backend srtp_libsrtp;
extern const struct srtp_backend srtp_ipsec_mb; // where SLUICE_IPSEC_MB is defined
extern const struct srtp_backend
	srtp_ipsec_mb_alone; // the same without gcm.c, once that is started

// SPDX-License-Identifier: Apache-2.0
// Between srtp.c and what it has sealing and opening done by. srtp.c checks packets, keeps indexes and
// streams, and so decides alike whatever the back end; a back end only has to know keys. For internal
// use of srtp*.c.
//
// RTP goes through either back end; SRTCP always through libsrtp, of which each session has one.
#pragma once

#include "srtp.h"
#include "srtp_streams.h"

#include <stdbool.h>
#include <stdint.h>

struct libsrtp;

struct srtp_session {
	enum srtp_direction direction;
	enum sluice_srtp_profile profile;
	uint32_t tag_bytes; // of RTP; RTCP adds the index
	const struct srtp_backend *backend; // of RTP
	void *keys; // the back end's own
	struct libsrtp *library;
	struct srtp_streams streams;
};

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

struct srtp_backend {
	bool library_streams; // libsrtp needs to know the streams of RTP as well
	// Looks whether this CPU will do and makes ready. 0 or -errno.
	int (*start)(void);
	void (*stop)(void);
	const char *(*name)(void);
	// Expands what RTP needs of the key; NULL when memory is short. The pair is NULL when there is
	// nothing to keep.
	void *(*keys_open)(enum sluice_srtp_profile profile, const struct sluice_srtp_key *key);
	void (*keys_close)(void *keys);
	// Authenticates and decrypts in place.
	enum srtp_result (*open)(struct srtp_opening *opening);
	// Sets result and, when it is SRTP_OK, length of each job.
	void (*seal)(struct srtp_sealing *sealings, unsigned n);
};

extern const struct srtp_backend srtp_libsrtp;
extern const struct srtp_backend srtp_ipsec_mb; // where SLUICE_IPSEC_MB is defined

// ---- libsrtp, which each session has ---------------------------------------------------------------

// NULL for a profile that is not supported or when memory is short.
struct libsrtp *libsrtp_open(enum srtp_direction direction, enum sluice_srtp_profile profile,
	const struct sluice_srtp_key *key);
// Frees it and clears its key. NULL is ignored.
void libsrtp_close(struct libsrtp *library);
// Gives libsrtp a stream of its own for `stream`: its ROC can only be set on one that exists.
enum srtp_result libsrtp_stream_add(struct libsrtp *library, struct srtp_stream *stream);
// Takes it away again; SSRCs libsrtp does not know are ignored.
void libsrtp_stream_remove(struct libsrtp *library, uint32_t ssrc);
// SRTCP in place; lengths were checked, the index is counted here.
enum srtp_result libsrtp_open_rtcp(struct libsrtp *library, uint8_t *data, uint32_t *length);
enum srtp_result libsrtp_seal_rtcp(struct libsrtp *library, uint8_t *data, uint32_t *length);

// SPDX-License-Identifier: Apache-2.0
// The back end over libsrtp2. What it does not do itself is done here: exact 48-bit indexes (its own
// guess is overruled for every packet by the ROC we know), no index twice, resends only of the same
// bytes, no more SSRCs than a bound.
#include "srtp.h"

#include "seq.h"
#include "span.h"

#include <errno.h>
#include <limits.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

static_assert((int)SRTP_WINDOW == (int)SEQ_WINDOW_BITS);

enum { RTP_BYTES_MIN = 12, RTCP_BYTES_MIN = 8 };

struct stream {
	uint32_t ssrc;
	bool in_library; // libsrtp has a stream of its own for it
	bool started; // an RTP index is known: highest
	bool has_floor; // in: indexes up to floor are refused
	uint64_t highest;
	uint64_t floor;
	uint64_t first; // out: indexes below are refused
	struct seq_window *used; // out
	uint64_t *digests; // out, may_repeat: of the packet by index modulo SRTP_WINDOW
};

struct srtp_session {
	srtp_t library;
	srtp_policy_t policy;
	enum srtp_direction direction;
	uint8_t key[SLUICE_SRTP_KEY_MAX + SLUICE_SRTP_SALT_MAX];
	uint32_t tag_bytes; // of RTP; RTCP adds the index
	struct stream **streams; // ascending by SSRC
	uint32_t streams_used, streams_room;
};

// ---- library --------------------------------------------------------------------------------------

int srtp_library_init(void)
{
	return srtp_init() == srtp_err_status_ok ? 0 : -EIO;
}

void srtp_library_exit(void)
{
	srtp_shutdown();
}

const char *srtp_backend(void)
{
	return "libsrtp2";
}

static enum srtp_result result_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return SRTP_OK;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail: // how a GCM tag that does not match is told
		return SRTP_AUTH_FAILED;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SRTP_REPLAYED;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return SRTP_MALFORMED;
	case srtp_err_status_alloc_fail:
		return SRTP_NO_ROOM;
	case srtp_err_status_key_expired:
		return SRTP_EXHAUSTED;
	default:
		return SRTP_FAILED;
	}
}

static enum srtp_result seal_result_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SRTP_INDEX_USED;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail:
		return SRTP_FAILED;
	default:
		return result_of(status);
	}
}

// ---- streams --------------------------------------------------------------------------------------

// Position of `ssrc`, or where it belongs.
static uint32_t stream_position(const struct srtp_session *session, uint32_t ssrc)
{
	uint32_t low = 0, high = session->streams_used;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (session->streams[middle]->ssrc < ssrc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct stream *stream_find(const struct srtp_session *session, uint32_t ssrc)
{
	uint32_t i = stream_position(session, ssrc);
	return i < session->streams_used && session->streams[i]->ssrc == ssrc ? session->streams[i]
									      : NULL;
}

static void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	free(stream->used);
	free(stream->digests);
	free(stream);
}

static bool streams_grow(struct srtp_session *session)
{
	if (session->streams_used < session->streams_room)
		return true;
	uint32_t room = session->streams_room ? 2 * session->streams_room : 8;
	struct stream **streams = reallocarray(session->streams, room, sizeof(*streams));
	if (!streams)
		return false;
	session->streams = streams;
	session->streams_room = room;
	return true;
}

// A new row for `ssrc`, which has none; NULL when the bound is reached or memory is short.
static struct stream *stream_add(struct srtp_session *session, uint32_t ssrc)
{
	if (session->streams_used >= SRTP_STREAMS_MAX || !streams_grow(session))
		return NULL;
	struct stream *stream = calloc(1, sizeof(*stream));
	if (stream && session->direction == SRTP_OUT)
		stream->used = calloc(1, sizeof(*stream->used));
	if (!stream || (session->direction == SRTP_OUT && !stream->used)) {
		stream_free(stream);
		return NULL;
	}
	stream->ssrc = ssrc;
	uint32_t i = stream_position(session, ssrc);
	memmove(session->streams + i + 1, session->streams + i,
		(session->streams_used - i) * sizeof(*session->streams));
	session->streams[i] = stream;
	session->streams_used++;
	return stream;
}

// Gives libsrtp a stream of its own for `stream`: its ROC can only be set on one that exists.
static enum srtp_result stream_add_to_library(struct srtp_session *session, struct stream *stream)
{
	if (stream->in_library)
		return SRTP_OK;
	srtp_policy_t policy = session->policy;
	policy.ssrc.type = ssrc_specific;
	policy.ssrc.value = stream->ssrc;
	srtp_err_status_t status = srtp_add_stream(session->library, &policy);
	if (status == srtp_err_status_ok)
		stream->in_library = true;
	return result_of(status);
}

void srtp_stream_forget(struct srtp_session *session, uint32_t ssrc)
{
	uint32_t i = stream_position(session, ssrc);
	if (i >= session->streams_used || session->streams[i]->ssrc != ssrc)
		return;
	if (session->streams[i]->in_library)
		srtp_remove_stream(session->library, __builtin_bswap32(ssrc)); // wants wire order
	stream_free(session->streams[i]);
	session->streams_used--;
	memmove(session->streams + i, session->streams + i + 1,
		(session->streams_used - i) * sizeof(*session->streams));
}

bool srtp_stream_highest(const struct srtp_session *session, uint32_t ssrc, uint64_t *index)
{
	const struct stream *stream = stream_find(session, ssrc);
	if (!stream || !stream->started)
		return false;
	*index = stream->highest;
	return true;
}

// ---- session --------------------------------------------------------------------------------------

static bool policy_set(struct srtp_session *session, enum sluice_srtp_profile profile,
	const struct sluice_srtp_key *key)
{
	srtp_profile_t number = (srtp_profile_t)profile; // both are those of RFC 5764
	if (profile != SLUICE_SRTP_AES128_CM_SHA1_80 && profile != SLUICE_SRTP_AEAD_AES_128_GCM &&
		profile != SLUICE_SRTP_AEAD_AES_256_GCM)
		return false;
	srtp_policy_t *policy = &session->policy;
	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, number) ||
		srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, number))
		return false;
	unsigned key_bytes = srtp_profile_get_master_key_length(number);
	unsigned salt_bytes = srtp_profile_get_master_salt_length(number);
	memcpy(session->key, key->key, key_bytes);
	memcpy(session->key + key_bytes, key->salt, salt_bytes);
	session->tag_bytes = (uint32_t)policy->rtp.auth_tag_len;
	policy->key = session->key;
	policy->window_size = SRTP_WINDOW;
	policy->allow_repeat_tx = 1; // seal_one decides, and is stricter
	policy->ssrc.type = session->direction == SRTP_IN ? ssrc_any_inbound : ssrc_any_outbound;
	return true;
}

struct srtp_session *srtp_session_open(enum srtp_direction direction,
	enum sluice_srtp_profile profile, const struct sluice_srtp_key *key)
{
	struct srtp_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->direction = direction;
	if (!policy_set(session, profile, key) ||
		srtp_create(&session->library, &session->policy) != srtp_err_status_ok) {
		session->library = NULL;
		srtp_session_close(session);
		return NULL;
	}
	return session;
}

void srtp_session_close(struct srtp_session *session)
{
	if (!session)
		return;
	for (uint32_t i = 0; i < session->streams_used; i++)
		stream_free(session->streams[i]);
	free(session->streams);
	if (session->library)
		srtp_dealloc(session->library);
	explicit_bzero(session, sizeof(*session));
	free(session);
}

// ---- in -------------------------------------------------------------------------------------------

enum srtp_result srtp_stream_expect(struct srtp_session *session, uint32_t ssrc, uint64_t highest)
{
	struct stream *stream = stream_find(session, ssrc);
	bool is_new = !stream;
	if (is_new)
		stream = stream_add(session, ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	enum srtp_result result = stream_add_to_library(session, stream);
	if (result != SRTP_OK) {
		if (is_new)
			srtp_stream_forget(session, ssrc);
		return result;
	}
	if (!stream->has_floor || highest > stream->floor)
		stream->floor = highest;
	if (!stream->started || highest > stream->highest)
		stream->highest = highest;
	stream->has_floor = stream->started = true;
	return SRTP_OK;
}

// After libsrtp authenticated a packet of an SSRC without a row, it holds a stream for it.
static struct stream *stream_learn(struct srtp_session *session, uint32_t ssrc)
{
	struct stream *stream = stream_add(session, ssrc);
	if (stream)
		stream->in_library = true;
	else
		srtp_remove_stream(session->library, __builtin_bswap32(ssrc));
	return stream;
}

enum srtp_result srtp_open(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint64_t *index)
{
	if (*length < RTP_BYTES_MIN + session->tag_bytes || *length > UINT16_MAX ||
		data[0] >> 6 != 2)
		return SRTP_MALFORMED;
	uint16_t sequence = span_u16(data + 2);
	uint32_t ssrc = span_u32(data + 8);
	struct stream *stream = stream_find(session, ssrc);
	if (!stream && session->streams_used >= SRTP_STREAMS_MAX)
		return SRTP_NO_ROOM;
	uint64_t estimate =
		stream && stream->started ? seq_extend(stream->highest, sequence) : sequence;
	if (estimate > SEQ_INDEX_MAX)
		return SRTP_EXHAUSTED;
	if (stream && stream->has_floor && estimate <= stream->floor)
		return SRTP_REPLAYED;
	if (stream && stream->in_library)
		srtp_set_stream_roc(session->library, ssrc, (uint32_t)(estimate >> 16));
	int bytes = (int)*length;
	srtp_err_status_t status = srtp_unprotect(session->library, data, &bytes);
	if (status != srtp_err_status_ok)
		return result_of(status);
	if (!stream && !(stream = stream_learn(session, ssrc)))
		return SRTP_NO_ROOM;
	if (!stream->started || estimate > stream->highest)
		stream->highest = estimate;
	stream->started = true;
	*length = (uint32_t)bytes;
	*index = estimate;
	return SRTP_OK;
}

enum srtp_result srtp_open_rtcp(struct srtp_session *session, uint8_t *data, uint32_t *length)
{
	if (*length < RTCP_BYTES_MIN + 4 + session->tag_bytes || *length > UINT16_MAX ||
		data[0] >> 6 != 2)
		return SRTP_MALFORMED;
	uint32_t ssrc = span_u32(data + 4);
	bool known = stream_find(session, ssrc) != NULL;
	if (!known && session->streams_used >= SRTP_STREAMS_MAX)
		return SRTP_NO_ROOM;
	int bytes = (int)*length;
	srtp_err_status_t status = srtp_unprotect_rtcp(session->library, data, &bytes);
	if (status != srtp_err_status_ok)
		return result_of(status);
	if (!known && !stream_learn(session, ssrc))
		return SRTP_NO_ROOM;
	*length = (uint32_t)bytes;
	return SRTP_OK;
}

// ---- out ------------------------------------------------------------------------------------------

enum srtp_result srtp_stream_start(
	struct srtp_session *session, uint32_t ssrc, uint64_t first, bool may_repeat)
{
	struct stream *stream = stream_find(session, ssrc);
	bool is_new = !stream;
	if (stream && stream->started)
		return SRTP_INDEX_USED;
	uint64_t *digests = may_repeat ? calloc(SRTP_WINDOW, sizeof(*digests)) : NULL;
	if (is_new)
		stream = stream_add(session, ssrc);
	if (!stream || (may_repeat && !digests)) {
		free(digests);
		if (is_new)
			srtp_stream_forget(session, ssrc);
		return SRTP_NO_ROOM;
	}
	enum srtp_result result = stream_add_to_library(session, stream);
	if (result != SRTP_OK) {
		free(digests);
		if (is_new)
			srtp_stream_forget(session, ssrc);
		return result;
	}
	free(stream->digests);
	stream->digests = digests;
	stream->first = first;
	return SRTP_OK;
}

// Tells two packets of one index apart. It guards against our own mistakes, not against an enemy: who
// could choose a second plaintext for a used index would have to be this process.
static uint64_t digest(const uint8_t *data, uint32_t length)
{
	uint64_t hash = length * UINT64_C(0x9E3779B97F4A7C15);
	while (length > 0) {
		uint64_t word = 0;
		uint32_t bytes = length < sizeof(word) ? length : sizeof(word);
		memcpy(&word, data, bytes);
		hash = (hash ^ word) * UINT64_C(0xD6E8FEB86659FD93);
		hash ^= hash >> 32;
		data += bytes;
		length -= bytes;
	}
	return hash;
}

// Whether this job may use its index; notes that it does, before the key is used.
static bool index_claim(struct stream *stream, const struct srtp_seal_job *job)
{
	if (job->index < stream->first)
		return false;
	uint64_t print = stream->digests ? digest(job->data, job->length) : 0;
	switch (seq_window_check(stream->used, job->index)) {
	case SEQ_NEW:
		break;
	case SEQ_SEEN:
		return job->repeat && stream->digests &&
		       stream->digests[job->index % SRTP_WINDOW] == print;
	default:
		return false;
	}
	seq_window_add(stream->used, job->index);
	if (stream->digests)
		stream->digests[job->index % SRTP_WINDOW] = print;
	stream->highest = stream->used->highest;
	stream->started = true;
	return true;
}

// The row of an outgoing SSRC. One that libsrtp cannot make by itself, for its ROC is not 0, is made
// here.
static enum srtp_result stream_get(
	struct srtp_session *session, uint32_t ssrc, uint64_t index, struct stream **found)
{
	struct stream *stream = stream_find(session, ssrc);
	if (!stream)
		stream = stream_add(session, ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	*found = stream;
	return index >> 16 != 0 ? stream_add_to_library(session, stream) : SRTP_OK;
}

static enum srtp_result seal_one(struct srtp_seal_job *job)
{
	struct srtp_session *session = job->session;
	if (job->length < RTP_BYTES_MIN || job->length > UINT16_MAX || job->data[0] >> 6 != 2 ||
		span_u16(job->data + 2) != (uint16_t)job->index)
		return SRTP_MALFORMED;
	if (job->room < job->length || job->room - job->length < session->tag_bytes)
		return SRTP_TOO_LONG;
	if (job->index > SEQ_INDEX_MAX)
		return SRTP_EXHAUSTED;
	uint32_t ssrc = span_u32(job->data + 8);
	struct stream *stream;
	enum srtp_result result = stream_get(session, ssrc, job->index, &stream);
	if (result != SRTP_OK)
		return result;
	if (!index_claim(stream, job))
		return SRTP_INDEX_USED;
	// A stream libsrtp is about to make begins in ROC 0, which stream_get made sure is right.
	if (stream->in_library &&
		srtp_set_stream_roc(session->library, ssrc, (uint32_t)(job->index >> 16)))
		return SRTP_FAILED;
	int bytes = (int)job->length;
	srtp_err_status_t status = srtp_protect(session->library, job->data, &bytes);
	stream->in_library |= status != srtp_err_status_alloc_fail;
	if (status != srtp_err_status_ok)
		return seal_result_of(status);
	job->length = (uint32_t)bytes;
	return SRTP_OK;
}

unsigned srtp_seal(struct srtp_seal_job *jobs, unsigned n)
{
	unsigned sealed = 0;
	for (unsigned i = 0; i < n; i++) {
		jobs[i].result = seal_one(&jobs[i]);
		sealed += jobs[i].result == SRTP_OK;
	}
	return sealed;
}

enum srtp_result srtp_seal_rtcp(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint32_t room)
{
	if (*length < RTCP_BYTES_MIN || *length > UINT16_MAX || data[0] >> 6 != 2)
		return SRTP_MALFORMED;
	if (room < *length || room - *length < session->tag_bytes + 4)
		return SRTP_TOO_LONG;
	uint32_t ssrc = span_u32(data + 4);
	struct stream *stream = stream_find(session, ssrc);
	if (!stream)
		stream = stream_add(session, ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	int bytes = (int)*length;
	srtp_err_status_t status = srtp_protect_rtcp(session->library, data, &bytes);
	if (status != srtp_err_status_ok)
		return seal_result_of(status);
	stream->in_library = true;
	*length = (uint32_t)bytes;
	return SRTP_OK;
}

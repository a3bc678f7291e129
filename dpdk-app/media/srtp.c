// SPDX-License-Identifier: Apache-2.0
// Everything but the crypto: which back end, sessions, exact 48-bit indexes, no index twice, resends
// only of the same bytes, no more SSRCs than a bound. Both back ends see only what passed here.
#include "srtp.h"

#include "prefetch.h"
#include "seq.h"
#include "span.h"
#include "srtp_backend.h"
#include "srtp_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)SRTP_WINDOW == (int)SEQ_WINDOW_BITS);
static_assert(sizeof(struct srtp_session) <= SRTP_MEMORY_MAX);

enum { RTP_BYTES_MIN = 12, CHUNK = 64, SESSIONS_AHEAD = 6 };

// ---- back end -------------------------------------------------------------------------------------

static const struct srtp_backend *chosen = &srtp_libsrtp;
static bool fast_started; // ipsec-mb will do
static const char *plain_name;

#ifdef SLUICE_IPSEC_MB
static const struct srtp_backend *const fast = &srtp_ipsec_mb;
static const struct srtp_backend *const fast_alone = &srtp_ipsec_mb_alone;
static const char *const without_fast = "libsrtp2 (CPU lacks AVX2 or AES)";
#else
static const struct srtp_backend *const fast = NULL;
static const struct srtp_backend *const fast_alone = NULL;
static const char *const without_fast = "libsrtp2 (no ipsec-mb built in)";
#endif

int srtp_library_init(void)
{
	int result = srtp_libsrtp.start();
	if (result < 0)
		return result;
	fast_started = fast && fast->start() == 0;
	plain_name = fast_started ? srtp_libsrtp.name() : without_fast;
	chosen = fast_started ? fast : &srtp_libsrtp;
	return 0;
}

void srtp_library_exit(void)
{
	if (fast_started)
		fast->stop();
	fast_started = false;
	chosen = &srtp_libsrtp;
	srtp_libsrtp.stop();
	srtp_memory_release();
}

int srtp_backend_choose(enum srtp_choice choice)
{
	bool wants_fast = choice == SRTP_CHOICE_IPSEC_MB || choice == SRTP_CHOICE_IPSEC_MB_GCM;
	if (wants_fast && !fast_started)
		return -ENOTSUP;
	chosen = choice != SRTP_CHOICE_LIBSRTP && fast_started ? fast : &srtp_libsrtp;
	if (choice == SRTP_CHOICE_IPSEC_MB_GCM)
		chosen = fast_alone;
	return 0;
}

const char *srtp_backend(void)
{
	if (chosen != &srtp_libsrtp)
		return chosen->name();
	return plain_name ? plain_name : srtp_libsrtp.name();
}

// ---- session --------------------------------------------------------------------------------------

struct srtp_session *srtp_session_open(enum srtp_direction direction,
	enum sluice_srtp_profile profile, const struct sluice_srtp_key *key)
{
	if (profile != SLUICE_SRTP_AES128_CM_SHA1_80 && profile != SLUICE_SRTP_AEAD_AES_128_GCM &&
		profile != SLUICE_SRTP_AEAD_AES_256_GCM)
		return NULL;
	enum srtp_memory_lane lane = srtp_lane(direction);
	struct srtp_session *session = srtp_memory_get(lane, sizeof(*session));
	if (!session)
		return NULL;
	*session = (struct srtp_session){.direction = direction,
		.profile = profile,
		.tag_bytes = profile == SLUICE_SRTP_AES128_CM_SHA1_80 ? 10 : 16,
		.backend = chosen};
	if (srtp_streams_open(&session->streams) && chosen->keys_open(session, key))
		return session;
	srtp_streams_close(&session->streams);
	srtp_memory_put(lane, session, sizeof(*session));
	return NULL;
}

void srtp_session_close(struct srtp_session *session)
{
	if (!session)
		return;
	srtp_streams_close(&session->streams);
	session->backend->keys_close(session);
	srtp_memory_put(srtp_lane(session->direction), session, sizeof(*session));
}

// ---- streams --------------------------------------------------------------------------------------

// Whether an index is known: authenticated, sealed or expected.
static inline bool stream_started(const struct srtp_stream *stream)
{
	return stream->has_floor || seq_window_started(&stream->window);
}

static inline uint64_t stream_highest(const struct srtp_stream *stream)
{
	bool expected = stream->has_floor && stream->floor > stream->window.highest;
	return expected ? stream->floor : stream->window.highest;
}

void srtp_stream_forget(struct srtp_session *session, uint32_t ssrc)
{
	const struct srtp_stream *stream = srtp_streams_find(&session->streams, ssrc);
	if (stream && stream->in_library)
		session->backend->stream_remove(session, ssrc);
	srtp_streams_remove(&session->streams, ssrc);
}

bool srtp_stream_highest(const struct srtp_session *session, uint32_t ssrc, uint64_t *index)
{
	const struct srtp_stream *stream = srtp_streams_find(&session->streams, ssrc);
	if (!stream || !stream_started(stream))
		return false;
	*index = stream_highest(stream);
	return true;
}

// The row of `ssrc`, made when there is none, known to the back end when it wants that.
static enum srtp_result stream_make(
	struct srtp_session *session, uint32_t ssrc, struct srtp_stream **made)
{
	struct srtp_stream *stream = srtp_streams_find(&session->streams, ssrc);
	bool is_new = !stream;
	if (is_new)
		stream = srtp_streams_add(&session->streams, ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	enum srtp_result result = SRTP_OK;
	if (session->backend->stream_add)
		result = session->backend->stream_add(session, stream);
	if (result != SRTP_OK && is_new)
		srtp_streams_remove(&session->streams, ssrc);
	*made = stream;
	return result;
}

// After a packet of an SSRC without a row was authenticated: a back end with streams now has one for it.
static struct srtp_stream *stream_learn(struct srtp_session *session, uint32_t ssrc)
{
	struct srtp_stream *stream = srtp_streams_add(&session->streams, ssrc);
	if (stream)
		stream->in_library = session->backend->stream_remove != NULL;
	else if (session->backend->stream_remove)
		session->backend->stream_remove(session, ssrc);
	return stream;
}

// ---- in -------------------------------------------------------------------------------------------

enum srtp_result srtp_stream_expect(struct srtp_session *session, uint32_t ssrc, uint64_t highest)
{
	struct srtp_stream *stream;
	enum srtp_result result = stream_make(session, ssrc, &stream);
	if (result != SRTP_OK)
		return result;
	if (!stream->has_floor || highest > stream->floor)
		stream->floor = highest;
	stream->has_floor = true;
	return SRTP_OK;
}

// Bytes of the RTP header with its CSRCs and extension: what stays in the clear. 0 when they do not
// fit in `length`.
static inline uint32_t rtp_header_bytes(const uint8_t *data, uint32_t length)
{
	if (length < RTP_BYTES_MIN || data[0] >> 6 != 2)
		return 0;
	uint32_t bytes = RTP_BYTES_MIN + 4 * (data[0] & 0x0FU);
	if (data[0] & 0x10) {
		if (length < bytes + 4)
			return 0;
		bytes += 4 + 4 * (uint32_t)span_u16(data + bytes + 2);
	}
	return bytes <= length ? bytes : 0;
}

// Which index the packet has, and that it may have it.
static enum srtp_result index_find(const struct srtp_session *session, struct srtp_opening *opening)
{
	const struct srtp_stream *stream = opening->stream;
	uint16_t sequence = span_u16(opening->data + 2);
	if (!stream && srtp_streams_full(&session->streams))
		return SRTP_NO_ROOM;
	opening->index = stream && stream_started(stream)
				 ? seq_extend(stream_highest(stream), sequence)
				 : sequence;
	if (opening->index > SEQ_INDEX_MAX)
		return SRTP_EXHAUSTED;
	if (!stream)
		return SRTP_OK;
	if (stream->has_floor && opening->index <= stream->floor)
		return SRTP_REPLAYED;
	return seq_window_check(&stream->window, stream->rest->words, opening->index) == SEQ_NEW
		       ? SRTP_OK
		       : SRTP_REPLAYED;
}

enum srtp_result srtp_open(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint64_t *index)
{
	if (*length < RTP_BYTES_MIN + session->tag_bytes || *length > UINT16_MAX)
		return SRTP_MALFORMED;
	struct srtp_opening opening = {.session = session,
		.data = data,
		.length = *length,
		.header_bytes = rtp_header_bytes(data, *length - session->tag_bytes)};
	if (opening.header_bytes == 0)
		return SRTP_MALFORMED;
	opening.ssrc = span_u32(data + 8);
	opening.stream = srtp_streams_find(&session->streams, opening.ssrc);
	enum srtp_result result = index_find(session, &opening);
	if (result == SRTP_OK)
		result = session->backend->open(&opening);
	if (result != SRTP_OK)
		return result;
	struct srtp_stream *stream = opening.stream;
	if (!stream)
		stream = stream_learn(session, opening.ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	seq_window_add(&stream->window, stream->rest->words, opening.index);
	*length = opening.length;
	*index = opening.index;
	return SRTP_OK;
}

// RFC 3711, 3.4: index and E bit lie before the tag; RFC 7714, 9: behind it.
static uint32_t rtcp_word(const struct srtp_session *session, const uint8_t *data, uint32_t length)
{
	bool before = session->profile == SLUICE_SRTP_AES128_CM_SHA1_80;
	return span_u32(data + length - SRTCP_INDEX_BYTES - (before ? session->tag_bytes : 0));
}

enum srtp_result srtp_open_rtcp(struct srtp_session *session, uint8_t *data, uint32_t *length)
{
	if (*length < SRTCP_HEADER_BYTES + SRTCP_INDEX_BYTES + session->tag_bytes ||
		*length > UINT16_MAX || data[0] >> 6 != 2)
		return SRTP_MALFORMED;
	struct srtcp_packet packet = {.session = session,
		.data = data,
		.length = *length,
		.ssrc = span_u32(data + 4),
		.word = rtcp_word(session, data, *length)};
	uint32_t index = packet.word & SRTCP_INDEX_MAX;
	// Encryption was negotiated. Only AEAD lets a sender leave it out (RFC 7714, 9.3).
	if (!(packet.word & SRTCP_ENCRYPTED) && session->profile == SLUICE_SRTP_AES128_CM_SHA1_80)
		return SRTP_MALFORMED;
	struct srtp_stream *stream = srtp_streams_find(&session->streams, packet.ssrc);
	if (!stream && srtp_streams_full(&session->streams))
		return SRTP_NO_ROOM;
	if (stream && !srtcp_window_is_new(&stream->rest->rtcp_window, index))
		return SRTP_REPLAYED;
	enum srtp_result result = session->backend->open_rtcp(&packet);
	if (result != SRTP_OK)
		return result;
	if (!stream && !(stream = stream_learn(session, packet.ssrc)))
		return SRTP_NO_ROOM;
	srtcp_window_add(&stream->rest->rtcp_window, index);
	stream->in_library |= session->backend->stream_remove != NULL;
	*length = packet.length;
	return SRTP_OK;
}

// ---- out ------------------------------------------------------------------------------------------

enum srtp_result srtp_stream_start(
	struct srtp_session *session, uint32_t ssrc, uint64_t first, bool may_repeat)
{
	struct srtp_stream *stream = srtp_streams_find(&session->streams, ssrc);
	if (stream && stream_started(stream))
		return SRTP_INDEX_USED;
	uint64_t *digests = may_repeat ? calloc(SRTP_WINDOW, sizeof(*digests)) : NULL;
	if (may_repeat && !digests)
		return SRTP_NO_ROOM;
	enum srtp_result result = stream_make(session, ssrc, &stream);
	if (result != SRTP_OK) {
		free(digests);
		return result;
	}
	free(stream->rest->digests);
	stream->rest->digests = digests;
	stream->has_digests = may_repeat;
	stream->first = first;
	return SRTP_OK;
}

static uint64_t mix(uint64_t hash, const uint8_t *word)
{
	uint64_t value;
	memcpy(&value, word, sizeof(value));
	hash = (hash ^ value) * UINT64_C(0xD6E8FEB86659FD93);
	return hash ^ hash >> 32;
}

// Tells two packets of one index apart. It guards against our own mistakes, not against an enemy: who
// could choose a second plaintext for a used index would have to be this process. Four chains side by
// side, for each waits for its multiplications.
static uint64_t digest(uint64_t seed, const uint8_t *data, uint32_t length)
{
	uint64_t chains[4] = {seed ^ length * UINT64_C(0x9E3779B97F4A7C15), 1, 2, 3};
	uint8_t rest[32] = {0};
	for (; length >= sizeof(rest); data += sizeof(rest), length -= sizeof(rest))
		for (unsigned i = 0; i < 4; i++)
			chains[i] = mix(chains[i], data + 8 * i);
	memcpy(rest, data, length);
	for (unsigned i = 0; i < 4; i++)
		chains[i] = mix(chains[i], rest + 8 * i);
	for (unsigned i = 1; i < 4; i++)
		chains[0] = mix(chains[0], (const uint8_t *)&chains[i]);
	return chains[0];
}

// Whether this job may use its index; notes that it does, before the key is used.
static bool index_claim(struct srtp_stream *stream, const struct srtp_sealing *sealing)
{
	const struct srtp_seal_job *job = sealing->job;
	uint64_t index = job->index, print = 0;
	if (index < stream->first)
		return false;
	enum seq_seen seen = seq_window_check(&stream->window, stream->rest->words, index);
	if (seen == SEQ_OLD || (seen == SEQ_SEEN && (!job->repeat || !stream->has_digests)))
		return false;
	if (stream->has_digests) {
		print = digest(0, job->data, sealing->header_bytes);
		print = digest(print, sealing->payload, sealing->payload_bytes);
	}
	if (seen == SEQ_SEEN)
		return stream->rest->digests[index % SRTP_WINDOW] == print;
	seq_window_add(&stream->window, stream->rest->words, index);
	if (stream->has_digests)
		stream->rest->digests[index % SRTP_WINDOW] = print;
	return true;
}

// Where header and payload are, and that all fits.
static enum srtp_result job_check(struct srtp_seal_job *job, struct srtp_sealing *sealing)
{
	uint32_t added = job->payload ? job->payload_length : 0;
	if (job->length > UINT16_MAX || added > UINT16_MAX - job->length)
		return SRTP_MALFORMED;
	uint32_t header_bytes = rtp_header_bytes(job->data, job->length);
	if (header_bytes == 0 || span_u16(job->data + 2) != (uint16_t)job->index)
		return SRTP_MALFORMED;
	if (job->room < job->length + added ||
		job->room - job->length - added < job->session->tag_bytes)
		return SRTP_TOO_LONG;
	if (job->index > SEQ_INDEX_MAX)
		return SRTP_EXHAUSTED;
	*sealing = (struct srtp_sealing){.job = job,
		.payload = job->data + header_bytes,
		.header_bytes = header_bytes,
		.payload_bytes = job->length + added - header_bytes};
	if (!job->payload)
		return SRTP_OK;
	if (job->length == header_bytes)
		sealing->payload = job->payload;
	else
		memcpy(job->data + job->length, job->payload, added);
	return SRTP_OK;
}

// `before`: the stream of the job before, which often is this one's too; NULL = none.
static enum srtp_result job_claim(
	struct srtp_seal_job *job, struct srtp_sealing *sealing, struct srtp_stream *before)
{
	enum srtp_result result = job_check(job, sealing);
	if (result != SRTP_OK)
		return result;
	struct srtp_streams *streams = &job->session->streams;
	uint32_t ssrc = span_u32(job->data + 8);
	sealing->stream =
		before && before->ssrc == ssrc ? before : srtp_streams_find(streams, ssrc);
	if (!sealing->stream)
		sealing->stream = srtp_streams_add(streams, ssrc);
	if (!sealing->stream)
		return SRTP_NO_ROOM;
	return index_claim(sealing->stream, sealing) ? SRTP_OK : SRTP_INDEX_USED;
}

// Hands claimed jobs to their back ends, as long a run of one as there is.
static void seal_claimed(
	struct srtp_sealing *sealings, unsigned n, const struct srtp_meanwhile *meanwhile)
{
	unsigned begin = 0;
	for (unsigned i = 1; i <= n; i++) {
		const struct srtp_backend *backend = sealings[begin].job->session->backend;
		if (i < n && sealings[i].job->session->backend == backend)
			continue;
		backend->seal(sealings + begin, i - begin, meanwhile);
		begin = i;
	}
}

void srtp_session_prefetch(const struct srtp_session *session)
{
	if (session)
		prefetch_lines(session, PREFETCH_LINE);
	__asm__ volatile(""); // see prefetch.h
}

void srtp_keys_prefetch(const struct srtp_session *session)
{
	if (session && session->backend->keys_prefetch)
		session->backend->keys_prefetch(session);
}

static unsigned seal_chunk(
	struct srtp_seal_job *jobs, unsigned n, const struct srtp_meanwhile *meanwhile)
{
	struct srtp_sealing sealings[CHUNK];
	unsigned claimed = 0, sealed = 0;
	struct srtp_session *session = NULL;
	struct srtp_stream *stream = NULL;
	for (unsigned i = 0; i < n; i++) {
		struct srtp_sealing *sealing = &sealings[claimed];
		if (i + SESSIONS_AHEAD < n &&
			jobs[i + SESSIONS_AHEAD].session != jobs[i + SESSIONS_AHEAD - 1].session)
			srtp_session_prefetch(jobs[i + SESSIONS_AHEAD].session);
		sealing->stream = NULL;
		jobs[i].summed = 0;
		jobs[i].result =
			job_claim(&jobs[i], sealing, jobs[i].session == session ? stream : NULL);
		session = jobs[i].session;
		stream = sealing->stream;
		claimed += jobs[i].result == SRTP_OK;
	}
	seal_claimed(sealings, claimed, meanwhile);
	for (unsigned i = 0; i < n; i++)
		sealed += jobs[i].result == SRTP_OK;
	return sealed;
}

unsigned srtp_seal_meanwhile(
	struct srtp_seal_job *jobs, unsigned n, const struct srtp_meanwhile *meanwhile)
{
	unsigned sealed = 0;
	for (unsigned i = 0; i < n; i += CHUNK)
		sealed += seal_chunk(jobs + i, n - i < CHUNK ? n - i : CHUNK, meanwhile);
	return sealed;
}

unsigned srtp_seal(struct srtp_seal_job *jobs, unsigned n)
{
	return srtp_seal_meanwhile(jobs, n, NULL);
}

enum srtp_result srtp_seal_rtcp(
	struct srtp_session *session, uint8_t *data, uint32_t *length, uint32_t room)
{
	if (*length < SRTCP_HEADER_BYTES || *length > UINT16_MAX || data[0] >> 6 != 2)
		return SRTP_MALFORMED;
	if (room < *length || room - *length < session->tag_bytes + SRTCP_INDEX_BYTES)
		return SRTP_TOO_LONG;
	struct srtcp_packet packet = {
		.session = session, .data = data, .length = *length, .ssrc = span_u32(data + 4)};
	struct srtp_stream *stream = srtp_streams_find(&session->streams, packet.ssrc);
	if (!stream)
		stream = srtp_streams_add(&session->streams, packet.ssrc);
	if (!stream)
		return SRTP_NO_ROOM;
	if (stream->rest->rtcp_index == SRTCP_INDEX_MAX)
		return SRTP_EXHAUSTED;
	packet.word = SRTCP_ENCRYPTED | ++stream->rest->rtcp_index; // used up, whatever happens now
	enum srtp_result result = session->backend->seal_rtcp(&packet);
	stream->in_library |= session->backend->stream_remove && result != SRTP_NO_ROOM;
	if (result == SRTP_OK)
		*length = packet.length;
	return result;
}

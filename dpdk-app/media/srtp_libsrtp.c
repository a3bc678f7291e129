// SPDX-License-Identifier: Apache-2.0
// The back end over libsrtp2: works on any CPU. Its own guess of the index is overruled for every
// packet by the ROC srtp.c knows.
#include "srtp_backend.h"

#include <errno.h>
#include <limits.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

struct libsrtp {
	srtp_t library;
	srtp_policy_t policy;
	uint8_t key[SLUICE_SRTP_KEY_MAX + SLUICE_SRTP_SALT_MAX];
};

static int start(void)
{
	return srtp_init() == srtp_err_status_ok ? 0 : -EIO;
}

static void stop(void)
{
	srtp_shutdown();
}

static const char *name(void)
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

// ---- session --------------------------------------------------------------------------------------

static bool policy_set(struct libsrtp *library, enum srtp_direction direction,
	enum sluice_srtp_profile profile, const struct sluice_srtp_key *key)
{
	srtp_profile_t number = (srtp_profile_t)profile; // both are those of RFC 5764
	srtp_policy_t *policy = &library->policy;
	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, number) ||
		srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, number))
		return false;
	unsigned key_bytes = srtp_profile_get_master_key_length(number);
	unsigned salt_bytes = srtp_profile_get_master_salt_length(number);
	memcpy(library->key, key->key, key_bytes);
	memcpy(library->key + key_bytes, key->salt, salt_bytes);
	policy->key = library->key;
	policy->window_size = SRTP_WINDOW;
	policy->allow_repeat_tx = 1; // srtp.c decides, and is stricter
	policy->ssrc.type = direction == SRTP_IN ? ssrc_any_inbound : ssrc_any_outbound;
	return true;
}

static void keys_close(struct srtp_session *session)
{
	struct libsrtp *library = session->keys;
	if (library->library)
		srtp_dealloc(library->library);
	explicit_bzero(library, sizeof(*library));
	free(library);
	session->keys = NULL;
}

static bool keys_open(struct srtp_session *session, const struct sluice_srtp_key *key)
{
	struct libsrtp *library = calloc(1, sizeof(*library));
	session->keys = library;
	if (!library)
		return false;
	if (policy_set(library, session->direction, session->profile, key) &&
		srtp_create(&library->library, &library->policy) == srtp_err_status_ok)
		return true;
	library->library = NULL;
	keys_close(session);
	return false;
}

static srtp_t library_of(const struct srtp_session *session)
{
	return ((const struct libsrtp *)session->keys)->library;
}

// The ROC can only be set on a stream that exists.
static enum srtp_result stream_add(struct srtp_session *session, struct srtp_stream *stream)
{
	if (stream->in_library)
		return SRTP_OK;
	srtp_policy_t policy = ((const struct libsrtp *)session->keys)->policy;
	policy.ssrc.type = ssrc_specific;
	policy.ssrc.value = stream->ssrc;
	srtp_err_status_t status = srtp_add_stream(library_of(session), &policy);
	if (status == srtp_err_status_ok)
		stream->in_library = true;
	return result_of(status);
}

static void stream_remove(struct srtp_session *session, uint32_t ssrc)
{
	srtp_remove_stream(library_of(session), __builtin_bswap32(ssrc)); // wants wire order
}

// ---- RTP ------------------------------------------------------------------------------------------

static enum srtp_result rtp_open(struct srtp_opening *opening)
{
	srtp_t library = library_of(opening->session);
	if (opening->stream && opening->stream->in_library)
		srtp_set_stream_roc(library, opening->ssrc, (uint32_t)(opening->index >> 16));
	int bytes = (int)opening->length;
	srtp_err_status_t status = srtp_unprotect(library, opening->data, &bytes);
	if (status != srtp_err_status_ok)
		return result_of(status);
	opening->length = (uint32_t)bytes;
	return SRTP_OK;
}

static enum srtp_result rtp_seal(const struct srtp_sealing *sealing)
{
	struct srtp_seal_job *job = sealing->job;
	srtp_t library = library_of(job->session);
	struct srtp_stream *stream = sealing->stream;
	uint32_t roc = (uint32_t)(job->index >> 16);
	// A stream libsrtp makes by itself begins in ROC 0.
	enum srtp_result result = roc != 0 ? stream_add(job->session, stream) : SRTP_OK;
	if (result != SRTP_OK)
		return result;
	if (stream->in_library && srtp_set_stream_roc(library, stream->ssrc, roc))
		return SRTP_FAILED;
	if (sealing->payload != job->data + sealing->header_bytes)
		memcpy(job->data + sealing->header_bytes, sealing->payload, sealing->payload_bytes);
	int bytes = (int)(sealing->header_bytes + sealing->payload_bytes);
	srtp_err_status_t status = srtp_protect(library, job->data, &bytes);
	stream->in_library |= status != srtp_err_status_alloc_fail;
	if (status != srtp_err_status_ok)
		return seal_result_of(status);
	job->length = (uint32_t)bytes;
	return SRTP_OK;
}

static void rtp_seal_all(
	struct srtp_sealing *sealings, unsigned n, const struct srtp_meanwhile *meanwhile)
{
	for (unsigned i = 0; i < n; i++) {
		srtp_ask(meanwhile);
		sealings[i].job->result = rtp_seal(&sealings[i]);
	}
}

// ---- RTCP -----------------------------------------------------------------------------------------

static enum srtp_result open_rtcp(struct srtcp_packet *packet)
{
	int bytes = (int)packet->length;
	srtp_err_status_t status =
		srtp_unprotect_rtcp(library_of(packet->session), packet->data, &bytes);
	if (status == srtp_err_status_ok)
		packet->length = (uint32_t)bytes;
	return result_of(status);
}

// The library counts indexes itself, from 1 as srtp.c does.
static enum srtp_result seal_rtcp(struct srtcp_packet *packet)
{
	int bytes = (int)packet->length;
	srtp_err_status_t status =
		srtp_protect_rtcp(library_of(packet->session), packet->data, &bytes);
	if (status == srtp_err_status_ok)
		packet->length = (uint32_t)bytes;
	return seal_result_of(status);
}

const struct srtp_backend srtp_libsrtp = {
	.start = start,
	.stop = stop,
	.name = name,
	.keys_open = keys_open,
	.keys_close = keys_close,
	.stream_add = stream_add,
	.stream_remove = stream_remove,
	.open = rtp_open,
	.seal = rtp_seal_all,
	.open_rtcp = open_rtcp,
	.seal_rtcp = seal_rtcp,
};

// SPDX-License-Identifier: Apache-2.0
// The two back ends side by side: the same bytes sealed, the same packets taken and refused. All of it twice: with
// our own GCM, where this CPU can run it, and with the library's.
#include "media/srtp_backend.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PROFILES = 3,
	BACKENDS = 2,
	STREAMS = 3,
	HEADER_MAX = 12 + 60 + 4 + 64,
	PAYLOAD_MAX = 1450,
	ROOM = HEADER_MAX + PAYLOAD_MAX + SRTP_GROWTH_MAX,
	HISTORY = 32,
	JOBS_MAX = 40,
};

static const enum sluice_srtp_profile profiles[PROFILES] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};
static enum srtp_choice backends[BACKENDS] = {SRTP_CHOICE_LIBSRTP, SRTP_CHOICE_IPSEC_MB};

struct packet {
	uint8_t data[ROOM];
	uint32_t length, header_bytes;
};

static struct sluice_srtp_key random_key(uint64_t *seed)
{
	struct sluice_srtp_key key = {0};
	random_bytes(seed, key.key, sizeof(key.key));
	random_bytes(seed, key.salt, sizeof(key.salt));
	return key;
}

static void sessions_open(struct srtp_session *sessions[BACKENDS], enum srtp_direction direction,
	enum sluice_srtp_profile profile, const struct sluice_srtp_key *key)
{
	for (unsigned b = 0; b < BACKENDS; b++) {
		assert_int_equal(srtp_backend_choose(backends[b]), 0);
		sessions[b] = srtp_session_open(direction, profile, key);
		assert_non_null(sessions[b]);
	}
}

static void sessions_close(struct srtp_session *sessions[BACKENDS])
{
	for (unsigned b = 0; b < BACKENDS; b++)
		srtp_session_close(sessions[b]);
}

// Any CSRCs, any extension, any payload down to none.
static void packet_random(uint64_t *seed, uint32_t ssrc, uint64_t index, struct packet *packet)
{
	uint32_t csrcs = random_below(seed, 3) ? 0 : random_below(seed, 16);
	uint32_t extended = random_below(seed, 2), words = random_below(seed, 17);
	uint32_t payload = random_below(seed, 8) ? random_below(seed, PAYLOAD_MAX + 1)
						 : random_below(seed, 40);
	random_bytes(seed, packet->data, sizeof(packet->data));
	uint32_t bytes = 12 + 4 * csrcs;
	packet->data[0] = (uint8_t)(0x80 | extended << 4 | csrcs);
	packet->data[2] = (uint8_t)(index >> 8);
	packet->data[3] = (uint8_t)index;
	for (unsigned i = 0; i < 4; i++)
		packet->data[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	if (extended) {
		packet->data[bytes + 2] = 0;
		packet->data[bytes + 3] = (uint8_t)words;
		bytes += 4 + 4 * words;
	}
	packet->header_bytes = bytes;
	packet->length = bytes + payload;
}

// In place, from elsewhere, or with the payload's beginning behind the header.
static struct srtp_seal_job job_make(uint64_t *seed, struct srtp_session *session,
	const struct packet *plain, struct packet *sealed, uint64_t index)
{
	uint32_t behind = plain->length - plain->header_bytes;
	uint32_t kept = random_below(seed, 2) ? 0 : random_below(seed, behind + 1);
	struct srtp_seal_job job = {.session = session,
		.data = sealed->data,
		.length = plain->length,
		.room = ROOM,
		.index = index};
	memset(sealed->data, 0xEE, ROOM);
	if (random_below(seed, 3) > 0) {
		job.length = plain->header_bytes + kept;
		job.payload = plain->data + job.length;
		job.payload_length = plain->length - job.length;
	}
	memcpy(sealed->data, plain->data, job.length);
	return job;
}

static uint64_t index_next(uint64_t *seed, uint64_t highest)
{
	switch (random_below(seed, 12)) {
	case 0:
		return highest + 1 + random_below(seed, 32000);
	case 1: // late, or too late, or used
		return highest - random_below(seed, 1200) % (highest + 1);
	case 2:
		return highest;
	case 3: // close to where the sequence wraps
		return (highest | 0xFFFF) - highest < 30000 ? highest | 0xFFFF : highest + 1;
	default:
		return highest + 1;
	}
}

// ---- sealing --------------------------------------------------------------------------------------

struct burst {
	struct packet plain[JOBS_MAX], sealed[BACKENDS][JOBS_MAX];
	struct srtp_seal_job jobs[BACKENDS][JOBS_MAX];
	unsigned n;
};

// A sum that was made on the way is that of the packet's end.
static void check_sum(const struct srtp_seal_job *job)
{
	uint64_t sum = 0;
	assert_true(job->summed <= job->length);
	for (uint32_t i = 0; i < job->summed; i++)
		sum += (uint64_t)job->data[job->length - job->summed + i] << (i % 2 ? 8 : 0);
	if (job->summed > 0)
		assert_int_equal(job->sum % 65535, sum % 65535);
}

static void burst_seal_and_compare(struct burst *burst)
{
	unsigned sealed = srtp_seal(burst->jobs[0], burst->n);
	assert_int_equal(srtp_seal(burst->jobs[1], burst->n), sealed);
	for (unsigned i = 0; i < burst->n; i++) {
		const struct srtp_seal_job *a = &burst->jobs[0][i], *b = &burst->jobs[1][i];
		assert_int_equal(a->result, b->result);
		if (a->result != SRTP_OK)
			continue;
		assert_int_equal(a->length, b->length);
		assert_memory_equal(a->data, b->data, a->length);
		check_sum(b);
		assert_memory_equal(a->data, burst->plain[i].data, burst->plain[i].header_bytes);
		for (uint32_t at = b->length; at < ROOM; at++) // nothing behind the tag
			assert_true(b->data[at] == 0xEE);
	}
}

static void seals_the_same_bytes(void **)
{
	static struct burst burst;
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 77 + profile;
		for (unsigned round = 0; round < 60; round++) {
			struct srtp_session *out[BACKENDS];
			struct sluice_srtp_key key = random_key(&seed);
			uint64_t highest[STREAMS] = {0};
			sessions_open(out, SRTP_OUT, profiles[profile], &key);
			for (unsigned b = 0; b < BACKENDS; b++) {
				uint64_t first = round % 2 ? (uint64_t)round << 33 | 65500 : 0;
				highest[0] = first;
				srtp_stream_start(out[b], 1000, first, round % 3 == 0);
			}
			for (unsigned i = 0; i < 3; i++) {
				burst.n = 1 + random_below(&seed, JOBS_MAX);
				for (unsigned j = 0; j < burst.n; j++) {
					uint32_t s = random_below(&seed, STREAMS);
					uint64_t index = index_next(&seed, highest[s]);
					packet_random(&seed, 1000 + s, index, &burst.plain[j]);
					for (unsigned b = 0; b < BACKENDS; b++)
						burst.jobs[b][j] =
							job_make(&seed, out[b], &burst.plain[j],
								&burst.sealed[b][j], index);
					if (index > highest[s])
						highest[s] = index;
				}
				burst_seal_and_compare(&burst);
			}
			sessions_close(out);
		}
	}
}

// One burst with sessions of all profiles and both back ends in any order.
static void seals_mixed_bursts(void **)
{
	static struct burst burst;
	struct srtp_session *out[PROFILES][BACKENDS];
	uint64_t seed = 5;
	struct sluice_srtp_key key = random_key(&seed);
	for (unsigned profile = 0; profile < PROFILES; profile++)
		sessions_open(out[profile], SRTP_OUT, profiles[profile], &key);
	for (unsigned round = 0; round < 200; round++) {
		burst.n = JOBS_MAX;
		for (unsigned j = 0; j < burst.n; j++) {
			uint32_t profile = random_below(&seed, PROFILES);
			uint32_t swap = random_below(&seed, 2);
			uint64_t index = round * JOBS_MAX + j;
			packet_random(&seed, 7, index, &burst.plain[j]);
			for (unsigned b = 0; b < BACKENDS; b++)
				burst.jobs[b][j] = job_make(&seed, out[profile][b ^ swap],
					&burst.plain[j], &burst.sealed[b][j], index);
		}
		burst_seal_and_compare(&burst);
		assert_int_equal(burst.jobs[0][0].result, SRTP_OK);
	}
	for (unsigned profile = 0; profile < PROFILES; profile++)
		sessions_close(out[profile]);
}

// A resend from one buffer of what was sealed out of another counts as the same packet.
static void a_resend_from_elsewhere_is_the_same(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out[BACKENDS];
		uint64_t seed = 6;
		struct sluice_srtp_key key = random_key(&seed);
		struct packet plain, first, again;
		sessions_open(out, SRTP_OUT, profiles[profile], &key);
		for (unsigned b = 0; b < BACKENDS; b++) {
			assert_int_equal(srtp_stream_start(out[b], 9, 70000, true), SRTP_OK);
			packet_random(&seed, 9, 70001, &plain);
			struct srtp_seal_job job = job_make(&seed, out[b], &plain, &first, 70001);
			assert_int_equal(srtp_seal(&job, 1), 1);
			for (unsigned i = 0; i < 10; i++) {
				struct srtp_seal_job resend =
					job_make(&seed, out[b], &plain, &again, 70001);
				resend.repeat = true;
				assert_int_equal(srtp_seal(&resend, 1), 1);
				assert_int_equal(resend.length, job.length);
				assert_memory_equal(again.data, first.data, job.length);
			}
			plain.data[plain.length - 1] ^= 0x80;
			struct srtp_seal_job other = job_make(&seed, out[b], &plain, &again, 70001);
			other.repeat = true;
			srtp_seal(&other, 1);
			assert_int_equal(other.result, SRTP_INDEX_USED);
		}
		sessions_close(out);
	}
}

static void checks_a_separate_payload(void **)
{
	struct srtp_session *out[BACKENDS];
	uint64_t seed = 3;
	struct sluice_srtp_key key = random_key(&seed);
	uint8_t data[64] = {0x80, 96, 0, 1}, payload[65536] = {0};
	sessions_open(out, SRTP_OUT, SLUICE_SRTP_AEAD_AES_128_GCM, &key);
	for (unsigned b = 0; b < BACKENDS; b++) {
		struct srtp_seal_job job = {.session = out[b],
			.data = data,
			.length = 12,
			.room = 64,
			.payload = payload,
			.payload_length = 64 - 12 - 15,
			.index = 1};
		struct srtp_seal_job cut = job, huge = job;
		srtp_seal(&job, 1);
		assert_int_equal(job.result, SRTP_TOO_LONG);
		cut.length = 11; // the header must be in data
		srtp_seal(&cut, 1);
		assert_int_equal(cut.result, SRTP_MALFORMED);
		huge.payload_length = UINT32_MAX;
		srtp_seal(&huge, 1);
		assert_int_equal(huge.result, SRTP_MALFORMED);
		job.payload_length--;
		assert_int_equal(srtp_seal(&job, 1), 1);
		assert_int_equal(job.length, 64);
	}
	sessions_close(out);
}

// ---- opening --------------------------------------------------------------------------------------

static enum srtp_result open_both(struct srtp_session *in[BACKENDS], const struct packet *packet)
{
	enum srtp_result results[BACKENDS];
	struct packet copies[BACKENDS];
	uint64_t indexes[BACKENDS] = {1, 1};
	for (unsigned b = 0; b < BACKENDS; b++) {
		copies[b] = *packet;
		uint8_t *exact = exact_copy(packet->data, packet->length);
		results[b] = srtp_open(in[b], exact, &copies[b].length, &indexes[b]);
		memcpy(copies[b].data, exact, packet->length);
		free(exact);
	}
	assert_int_equal(results[0], results[1]);
	assert_int_equal(copies[0].length, copies[1].length);
	assert_true(indexes[0] == indexes[1]);
	if (results[0] == SRTP_OK)
		assert_memory_equal(copies[0].data, copies[1].data, copies[0].length);
	return results[0];
}

static void damage(uint64_t *seed, struct packet *packet)
{
	switch (random_below(seed, 4)) {
	case 0: // any length, down to nothing
		packet->length = random_below(seed, packet->length);
		break;
	case 1:
		packet->data[random_below(seed, 12)] ^= (uint8_t)(1 << random_below(seed, 8));
		break;
	case 2: // the tag
		packet->data[packet->length - 1 - random_below(seed, 10)] ^= 0x10;
		break;
	default:
		packet->data[random_below(seed, packet->length)] ^=
			(uint8_t)(1 << random_below(seed, 8));
	}
}

static void takes_and_refuses_the_same(void **)
{
	static struct packet history[HISTORY];
	unsigned counts[SRTP_FAILED + 1] = {0};
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 1234 + profile;
		for (unsigned round = 0; round < 20; round++) {
			struct srtp_session *out[BACKENDS], *in[BACKENDS];
			struct sluice_srtp_key key = random_key(&seed);
			uint64_t highest[STREAMS] = {0};
			sessions_open(out, SRTP_OUT, profiles[profile], &key);
			sessions_open(in, SRTP_IN, profiles[profile], &key);
			if (round % 2) { // after a restart, deep into the ROCs
				highest[0] = (uint64_t)round << 32 | 0xFFF0;
				for (unsigned b = 0; b < BACKENDS; b++)
					srtp_stream_expect(in[b], 1000, highest[0]);
			}
			for (unsigned i = 0; i < 150; i++) {
				uint32_t s = random_below(&seed, STREAMS);
				uint64_t index = index_next(&seed, highest[s]);
				struct packet plain, *sealed = &history[i % HISTORY];
				packet_random(&seed, 1000 + s, index, &plain);
				struct srtp_seal_job job =
					job_make(&seed, out[i % BACKENDS], &plain, sealed, index);
				if (srtp_seal(&job, 1) == 1) {
					sealed->length = job.length;
					if (index > highest[s])
						highest[s] = index;
				} else { // not sealed: noise
					sealed->length = plain.length;
				}
				struct packet forged = *sealed;
				damage(&seed, &forged);
				counts[open_both(in, &forged)]++;
				if (random_below(&seed, 10) > 0)
					counts[open_both(in, sealed)]++;
				if (i >= HISTORY)
					counts[open_both(
						in, &history[random_below(&seed, HISTORY)])]++;
			}
			sessions_close(out);
			sessions_close(in);
		}
	}
	// each of these happened often, or the test would show nothing
	assert_true(counts[SRTP_OK] > 1000);
	assert_true(counts[SRTP_AUTH_FAILED] > 1000);
	assert_true(counts[SRTP_REPLAYED] > 1000);
	assert_true(counts[SRTP_MALFORMED] > 100);
	assert_int_equal(counts[SRTP_FAILED], 0);
}

static void a_wrong_roc_is_refused_by_both(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out[BACKENDS], *in[BACKENDS];
		uint64_t seed = 44;
		struct sluice_srtp_key key = random_key(&seed);
		struct packet plain, sealed;
		const uint64_t index = UINT64_C(3) << 16 | 500;
		sessions_open(out, SRTP_OUT, profiles[profile], &key);
		sessions_open(in, SRTP_IN, profiles[profile], &key);
		packet_random(&seed, 8, index, &plain);
		struct srtp_seal_job job = job_make(&seed, out[1], &plain, &sealed, index);
		assert_int_equal(srtp_seal(&job, 1), 1);
		sealed.length = job.length;
		assert_int_equal(open_both(in, &sealed), SRTP_AUTH_FAILED); // ROC 0
		for (unsigned b = 0; b < BACKENDS; b++)
			assert_int_equal(srtp_stream_expect(in[b], 8, index - 0x10000), SRTP_OK);
		assert_int_equal(open_both(in, &sealed), SRTP_REPLAYED); // ROC 2: the floor's index
		for (unsigned b = 0; b < BACKENDS; b++)
			assert_int_equal(srtp_stream_expect(in[b], 8, index - 1), SRTP_OK);
		assert_int_equal(open_both(in, &sealed), SRTP_OK);
		sessions_close(out);
		sessions_close(in);
	}
}

// ---- RTCP -----------------------------------------------------------------------------------------

enum { COMPOUND_MAX = 1400, COMPOUND_ROOM = COMPOUND_MAX + SRTCP_GROWTH_MAX };

struct compound {
	uint8_t data[COMPOUND_ROOM];
	uint32_t length;
};

// A receiver or sender report of `ssrc`, then whatever: only the first header stays in the clear.
static void compound_random(uint64_t *seed, uint32_t ssrc, struct compound *compound)
{
	random_bytes(seed, compound->data, sizeof(compound->data));
	compound->data[0] = 0x80;
	compound->data[1] = (uint8_t)(200 + random_below(seed, 2));
	for (unsigned i = 0; i < 4; i++)
		compound->data[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	compound->length = 8 + random_below(seed, COMPOUND_MAX - 7);
	if (random_below(seed, 8) == 0)
		compound->length = 8;
}

static void rtcp_seals_the_same_bytes(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 500 + profile;
		for (unsigned round = 0; round < 40; round++) {
			struct srtp_session *out[BACKENDS];
			struct sluice_srtp_key key = random_key(&seed);
			sessions_open(out, SRTP_OUT, profiles[profile], &key);
			for (unsigned i = 0; i < 40; i++) {
				struct compound plain, sealed[BACKENDS];
				compound_random(&seed, random_below(&seed, STREAMS), &plain);
				for (unsigned b = 0; b < BACKENDS; b++) {
					sealed[b] = plain;
					assert_int_equal(srtp_seal_rtcp(out[b], sealed[b].data,
								 &sealed[b].length, COMPOUND_ROOM),
						SRTP_OK);
				}
				assert_int_equal(sealed[0].length, sealed[1].length);
				assert_memory_equal(sealed[0].data, sealed[1].data, COMPOUND_ROOM);
			}
			sessions_close(out);
		}
	}
}

static enum srtp_result open_rtcp_both(
	struct srtp_session *in[BACKENDS], const struct compound *compound)
{
	enum srtp_result results[BACKENDS];
	uint8_t *copies[BACKENDS];
	uint32_t lengths[BACKENDS];
	for (unsigned b = 0; b < BACKENDS; b++) {
		lengths[b] = compound->length;
		copies[b] = exact_copy(compound->data, compound->length);
		results[b] = srtp_open_rtcp(in[b], copies[b], &lengths[b]);
	}
	assert_int_equal(results[0], results[1]);
	assert_int_equal(lengths[0], lengths[1]);
	if (results[0] == SRTP_OK)
		assert_memory_equal(copies[0], copies[1], lengths[0]);
	for (unsigned b = 0; b < BACKENDS; b++)
		free(copies[b]);
	return results[0];
}

static void compound_damage(uint64_t *seed, struct compound *compound)
{
	uint32_t at = random_below(seed, compound->length);
	switch (random_below(seed, 5)) {
	case 0: // any length, down to nothing
		compound->length = at;
		return;
	case 1:
		at = random_below(seed, 8);
		break;
	case 2: // tag, index and E bit
		at = compound->length - 1 - random_below(seed, 20) % compound->length;
		break;
	case 3: // the E bit alone, wherever the profile has it
		compound->data[compound->length - 4] ^= 0x80;
		if (compound->length >= 14)
			compound->data[compound->length - 14] ^= 0x80;
		return;
	}
	compound->data[at] ^= (uint8_t)(1 << random_below(seed, 8));
}

static void rtcp_takes_and_refuses_the_same(void **)
{
	static struct compound history[HISTORY * 5];
	unsigned counts[SRTP_FAILED + 1] = {0};
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 4321 + profile;
		for (unsigned round = 0; round < 10; round++) {
			struct srtp_session *out[BACKENDS], *in[BACKENDS];
			struct sluice_srtp_key key = random_key(&seed);
			sessions_open(out, SRTP_OUT, profiles[profile], &key);
			sessions_open(in, SRTP_IN, profiles[profile], &key);
			for (unsigned i = 0; i < HISTORY * 5; i++) {
				struct compound *sealed = &history[i], forged;
				compound_random(&seed, random_below(&seed, 2), sealed);
				assert_int_equal(srtp_seal_rtcp(out[i % 2], sealed->data,
							 &sealed->length, COMPOUND_ROOM),
					SRTP_OK);
				forged = *sealed;
				compound_damage(&seed, &forged);
				counts[open_rtcp_both(in, &forged)]++;
				if (random_below(&seed, 4)) // some are lost or late
					counts[open_rtcp_both(in, sealed)]++;
				counts[open_rtcp_both(in, &history[random_below(&seed, i + 1)])]++;
			}
			sessions_close(out);
			sessions_close(in);
		}
	}
	assert_true(counts[SRTP_OK] > 1000);
	assert_true(counts[SRTP_AUTH_FAILED] > 1000);
	assert_true(counts[SRTP_REPLAYED] > 1000);
	assert_true(counts[SRTP_MALFORMED] > 100);
	assert_int_equal(counts[SRTP_FAILED], 0);
}

// RFC 7714, 9.3: what a sender without encryption sends, made by the reference. AES-CM refuses it.
static void rtcp_without_encryption(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 90;
		struct sluice_srtp_key key = random_key(&seed);
		uint8_t bytes[sizeof(key.key) + sizeof(key.salt)];
		srtp_profile_t number = (srtp_profile_t)profiles[profile];
		unsigned key_bytes = srtp_profile_get_master_key_length(number);
		memcpy(bytes, key.key, key_bytes);
		memcpy(bytes + key_bytes, key.salt, srtp_profile_get_master_salt_length(number));
		srtp_policy_t policy = {.key = bytes, .ssrc.type = ssrc_any_outbound};
		srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, number);
		srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, number);
		policy.rtcp.sec_serv = sec_serv_auth;
		srtp_t library;
		struct srtp_session *in[BACKENDS];
		assert_int_equal(srtp_create(&library, &policy), srtp_err_status_ok);
		sessions_open(in, SRTP_IN, profiles[profile], &key);
		for (unsigned i = 0; i < 50; i++) {
			struct compound plain, sealed;
			compound_random(&seed, 5, &plain);
			sealed = plain;
			int length = (int)plain.length;
			assert_int_equal(srtp_protect_rtcp(library, sealed.data, &length),
				srtp_err_status_ok);
			assert_memory_equal(sealed.data, plain.data, plain.length);
			sealed.length = (uint32_t)length;
			struct compound forged = sealed;
			forged.data[8 + random_below(&seed, forged.length - 12)] ^= 1;
			assert_int_equal(open_rtcp_both(in, &forged),
				profile == 0 ? SRTP_MALFORMED : SRTP_AUTH_FAILED);
			assert_int_equal(open_rtcp_both(in, &sealed),
				profile == 0 ? SRTP_MALFORMED : SRTP_OK);
			if (profile > 0)
				assert_int_equal(open_rtcp_both(in, &sealed), SRTP_REPLAYED);
		}
		sessions_close(in);
		srtp_dealloc(library);
	}
}

// The index steps by one under each SSRC, whatever lies between, up to the last; each opens.
static void rtcp_indexes_step_to_the_last(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		uint64_t seed = 12;
		struct sluice_srtp_key key = random_key(&seed);
		struct srtp_session *out[BACKENDS], *in[BACKENDS];
		sessions_open(out, SRTP_OUT, profiles[profile], &key);
		sessions_open(in, SRTP_IN, profiles[profile], &key);
		for (uint32_t i = 1; i < 40; i++) {
			struct compound compound;
			uint32_t index = i < 20 ? i : SRTCP_INDEX_MAX - 39 + i;
			if (i == 20)
				srtp_streams_find(&out[1]->streams, 6)->rest->rtcp_index =
					index - 1;
			compound_random(&seed, 6, &compound);
			assert_int_equal(srtp_seal_rtcp(out[1], compound.data, &compound.length,
						 COMPOUND_ROOM),
				SRTP_OK);
			const uint8_t *at =
				compound.data + compound.length - (profile == 0 ? 14 : 4);
			uint32_t word = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
					(uint32_t)at[2] << 8 | at[3];
			assert_int_equal(word, SRTCP_ENCRYPTED | index);
			assert_int_equal(open_rtcp_both(in, &compound), SRTP_OK);
		}
		sessions_close(out);
		sessions_close(in);
	}
}

// Sessions of this back end hold none of the other's.
static void rtcp_needs_no_other_library(void **)
{
	struct srtp_session *out[BACKENDS];
	uint64_t seed = 13;
	struct sluice_srtp_key key = random_key(&seed);
	struct compound compound;
	sessions_open(out, SRTP_OUT, SLUICE_SRTP_AEAD_AES_128_GCM, &key);
	for (unsigned b = 0; b < BACKENDS; b++) {
		compound_random(&seed, 6, &compound);
		srtp_seal_rtcp(out[b], compound.data, &compound.length, COMPOUND_ROOM);
		assert_int_equal(srtp_streams_find(&out[b]->streams, 6)->in_library, b == 0);
	}
	sessions_close(out);
}

// ---- memory and threads ---------------------------------------------------------------------------

struct guarded {
	uint8_t *map, *begin, *end; // no page before begin, none from end on
};

static struct guarded guarded_make(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_READ | PROT_WRITE), 0);
	return (struct guarded){.map = map, .begin = map + page, .end = map + 2 * page};
}

static void guarded_free(struct guarded *guarded)
{
	munmap(guarded->map, 3 * (size_t)sysconf(_SC_PAGESIZE));
}

// The library is not instrumented: pages that cannot be touched stand for the sanitizer.
static void touches_nothing_outside(void **)
{
	struct guarded packets = guarded_make(), payloads = guarded_make();
	uint64_t seed = 2;
	struct sluice_srtp_key key = random_key(&seed);
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out[BACKENDS], *in[BACKENDS];
		uint32_t tag = profile == 0 ? 10 : 16;
		sessions_open(out, SRTP_OUT, profiles[profile], &key);
		sessions_open(in, SRTP_IN, profiles[profile], &key);
		for (uint32_t n = 0; n <= 2 * PAYLOAD_MAX; n++) {
			bool at_end = n % 2;
			uint32_t bytes = n / 2, length = 12 + bytes + tag;
			uint8_t *data = at_end ? packets.end - length : packets.begin;
			uint8_t *payload = at_end ? payloads.end - bytes : payloads.begin;
			const uint8_t header[12] = {0x80, 96, (uint8_t)(n >> 8), (uint8_t)n};
			uint64_t index;
			random_bytes(&seed, payload, bytes);
			memcpy(data, header, 12);
			struct srtp_seal_job job = {.session = out[1],
				.data = data,
				.length = 12,
				.room = length,
				.payload = payload,
				.payload_length = bytes,
				.index = n};
			assert_int_equal(srtp_seal(&job, 1), 1);
			assert_int_equal(srtp_open(in[1], data, &job.length, &index), SRTP_OK);
			assert_int_equal(job.length, 12 + bytes);
			assert_memory_equal(data + 12, payload, bytes);
		}
		sessions_close(out);
		sessions_close(in);
	}
	guarded_free(&packets);
	guarded_free(&payloads);
}

static void rtcp_touches_nothing_outside(void **)
{
	struct guarded compounds = guarded_make();
	uint64_t seed = 2;
	struct sluice_srtp_key key = random_key(&seed);
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out[BACKENDS], *in[BACKENDS];
		uint32_t added = 4 + (profile == 0 ? 10 : 16);
		sessions_open(out, SRTP_OUT, profiles[profile], &key);
		sessions_open(in, SRTP_IN, profiles[profile], &key);
		for (uint32_t n = 0; n < 2 * 300; n++) {
			uint32_t plain = 8 + n / 2, length = plain;
			uint8_t *data = n % 2 ? compounds.end - plain - added : compounds.begin;
			struct compound compound;
			compound_random(&seed, 4, &compound);
			memcpy(data, compound.data, plain);
			assert_int_equal(
				srtp_seal_rtcp(out[1], data, &length, plain + added), SRTP_OK);
			assert_int_equal(length, plain + added);
			assert_int_equal(srtp_open_rtcp(in[1], data, &length), SRTP_OK);
			assert_int_equal(length, plain);
			assert_memory_equal(data, compound.data, plain);
		}
		sessions_close(out);
		sessions_close(in);
	}
	guarded_free(&compounds);
}

static void *seal_in_a_thread(void *argument)
{
	struct burst *burst = argument;
	return (void *)(uintptr_t)srtp_seal(burst->jobs[1], burst->n);
}

// A session opened by one thread serves another that never opened one.
static void another_thread_may_go_on(void **)
{
	static struct burst burst;
	struct srtp_session *out[PROFILES][BACKENDS];
	uint64_t seed = 9;
	struct sluice_srtp_key key = random_key(&seed);
	for (unsigned profile = 0; profile < PROFILES; profile++)
		sessions_open(out[profile], SRTP_OUT, profiles[profile], &key);
	burst.n = JOBS_MAX;
	for (unsigned j = 0; j < burst.n; j++) {
		packet_random(&seed, 7, j, &burst.plain[j]);
		for (unsigned b = 0; b < BACKENDS; b++)
			burst.jobs[b][j] = job_make(&seed, out[j % PROFILES][b], &burst.plain[j],
				&burst.sealed[b][j], j);
	}
	pthread_t thread;
	void *sealed;
	assert_int_equal(pthread_create(&thread, NULL, seal_in_a_thread, &burst), 0);
	assert_int_equal(pthread_join(thread, &sealed), 0);
	assert_int_equal((uintptr_t)sealed, JOBS_MAX);
	assert_int_equal(srtp_seal(burst.jobs[0], burst.n), JOBS_MAX);
	for (unsigned j = 0; j < burst.n; j++)
		assert_memory_equal(
			burst.jobs[0][j].data, burst.jobs[1][j].data, burst.jobs[0][j].length);
	for (unsigned profile = 0; profile < PROFILES; profile++)
		sessions_close(out[profile]);
}

struct relay {
	pthread_barrier_t barrier;
	unsigned sealed;
};

static void seal_one_packet(struct relay *relay)
{
	uint64_t seed = 4;
	struct sluice_srtp_key key = random_key(&seed);
	struct packet plain, sealed;
	struct srtp_session *out = srtp_session_open(SRTP_OUT, SLUICE_SRTP_AES128_CM_SHA1_80, &key);
	packet_random(&seed, 7, 1, &plain);
	struct srtp_seal_job job = job_make(&seed, out, &plain, &sealed, 1);
	relay->sealed += srtp_seal(&job, 1);
	srtp_session_close(out);
}

static void *seal_in_two_lives(void *argument)
{
	struct relay *relay = argument;
	seal_one_packet(relay);
	pthread_barrier_wait(&relay->barrier);
	pthread_barrier_wait(&relay->barrier); // the library ends and starts in between
	seal_one_packet(relay);
	return NULL;
}

// What a thread made in an earlier life of the library was freed with it.
static void a_thread_outlives_the_library(void **)
{
	struct relay relay = {0};
	pthread_t thread;
	assert_int_equal(pthread_barrier_init(&relay.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, seal_in_two_lives, &relay), 0);
	pthread_barrier_wait(&relay.barrier);
	srtp_library_exit();
	assert_int_equal(srtp_library_init(), 0);
	pthread_barrier_wait(&relay.barrier);
	pthread_join(thread, NULL);
	assert_int_equal(relay.sealed, 2);
	pthread_barrier_destroy(&relay.barrier);
}

static void starts_again_after_an_end(void **)
{
	srtp_library_exit();
	assert_int_equal(srtp_backend_choose(SRTP_CHOICE_IPSEC_MB), -ENOTSUP);
	assert_int_equal(srtp_library_init(), 0);
	assert_non_null(strstr(srtp_backend(), "ipsec-mb"));
	assert_int_equal(srtp_backend_choose(SRTP_CHOICE_LIBSRTP), 0);
	assert_non_null(strstr(srtp_backend(), "libsrtp2"));
	assert_int_equal(srtp_backend_choose(SRTP_CHOICE_BEST), 0);
	assert_non_null(strstr(srtp_backend(), "ipsec-mb"));
}

static int library_up(void **)
{
	return srtp_library_init();
}

static int library_down(void **)
{
	srtp_library_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_the_same_bytes),
		cmocka_unit_test(seals_mixed_bursts),
		cmocka_unit_test(a_resend_from_elsewhere_is_the_same),
		cmocka_unit_test(checks_a_separate_payload),
		cmocka_unit_test(takes_and_refuses_the_same),
		cmocka_unit_test(a_wrong_roc_is_refused_by_both),
		cmocka_unit_test(rtcp_seals_the_same_bytes),
		cmocka_unit_test(rtcp_takes_and_refuses_the_same),
		cmocka_unit_test(rtcp_without_encryption),
		cmocka_unit_test(rtcp_indexes_step_to_the_last),
		cmocka_unit_test(rtcp_needs_no_other_library),
		cmocka_unit_test(touches_nothing_outside),
		cmocka_unit_test(rtcp_touches_nothing_outside),
		cmocka_unit_test(starts_again_after_an_end),
		cmocka_unit_test(another_thread_may_go_on),
		cmocka_unit_test(a_thread_outlives_the_library),
	};
	srtp_library_init();
	bool here = srtp_backend_choose(SRTP_CHOICE_IPSEC_MB) == 0;
	srtp_library_exit();
	if (!here) {
		printf("this CPU cannot run intel-ipsec-mb at speed\n");
		return 77;
	}
	int failed = cmocka_run_group_tests_name("own GCM", tests, library_up, library_down);
	backends[1] = SRTP_CHOICE_IPSEC_MB_GCM;
	return failed +
	       cmocka_run_group_tests_name("the library's GCM", tests, library_up, library_down);
}

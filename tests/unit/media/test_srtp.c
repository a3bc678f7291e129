// SPDX-License-Identifier: Apache-2.0
#include "media/srtp_backend.h"
#include "support.h"
#include "vectors/srtp.h"

static const enum sluice_srtp_profile profiles[] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};
enum { PROFILES = sizeof(profiles) / sizeof(profiles[0]), PACKET = 60, ROOM = 128 };
static const uint32_t SSRC = 0xCAFEBABE;

static struct sluice_srtp_key key_for_tests(void)
{
	struct sluice_srtp_key key;
	for (unsigned i = 0; i < sizeof(key.key); i++)
		key.key[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 0; i < sizeof(key.salt); i++)
		key.salt[i] = (uint8_t)(i * 5 + 3);
	return key;
}

static struct srtp_session *open_session(enum srtp_direction direction, unsigned profile)
{
	struct sluice_srtp_key key = key_for_tests();
	struct srtp_session *session = srtp_session_open(direction, profiles[profile], &key);
	assert_non_null(session);
	return session;
}

static void packet_make(uint8_t *data, uint32_t ssrc, uint64_t index)
{
	memset(data, 0, PACKET);
	data[0] = 0x80;
	data[1] = 96;
	data[2] = (uint8_t)(index >> 8);
	data[3] = (uint8_t)index;
	for (unsigned i = 0; i < 4; i++)
		data[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	for (unsigned i = 12; i < PACKET; i++)
		data[i] = (uint8_t)(i + index);
}

struct sealed {
	uint8_t data[ROOM];
	uint32_t length;
};

static enum srtp_result seal(struct srtp_session *session, uint32_t ssrc, uint64_t index,
	bool repeat, struct sealed *sealed)
{
	packet_make(sealed->data, ssrc, index);
	struct srtp_seal_job job = {.session = session,
		.data = sealed->data,
		.length = PACKET,
		.room = ROOM,
		.index = index,
		.repeat = repeat};
	unsigned sealed_jobs = srtp_seal(&job, 1);
	assert_int_equal(sealed_jobs, job.result == SRTP_OK);
	sealed->length = job.length;
	return job.result;
}

// Opens a copy; the packet can be opened again.
static enum srtp_result open_copy(
	struct srtp_session *session, const struct sealed *sealed, uint64_t *index)
{
	struct sealed copy = *sealed;
	enum srtp_result result = srtp_open(session, copy.data, &copy.length, index);
	if (result != SRTP_OK) {
		assert_int_equal(copy.length, sealed->length);
		return result;
	}
	uint8_t plain[PACKET];
	packet_make(plain, SSRC, *index);
	memcpy(plain + 8, copy.data + 8, 4);
	assert_int_equal(copy.length, PACKET);
	assert_memory_equal(copy.data, plain, PACKET);
	return result;
}

static struct sluice_srtp_key vector_key(const struct srtp_vector *vector)
{
	struct sluice_srtp_key key = {0};
	hex_read(vector->key, key.key);
	hex_read(vector->salt, key.salt);
	return key;
}

static void vector_rtp(const struct srtp_vector *vector)
{
	uint8_t plain[ROOM], sealed[ROOM], work[ROOM];
	uint32_t plain_length = (uint32_t)hex_read(vector->plain, plain);
	uint32_t sealed_length = (uint32_t)hex_read(vector->sealed, sealed);
	struct sluice_srtp_key key = vector_key(vector);
	struct srtp_session *out = srtp_session_open(SRTP_OUT, vector->profile, &key);
	struct srtp_session *in = srtp_session_open(SRTP_IN, vector->profile, &key);
	memcpy(work, plain, plain_length);
	struct srtp_seal_job job = {.session = out,
		.data = work,
		.length = plain_length,
		.room = ROOM,
		.index = vector->index};
	assert_int_equal(srtp_seal(&job, 1), 1);
	assert_int_equal(job.length, sealed_length);
	assert_memory_equal(work, sealed, sealed_length);

	uint32_t ssrc = SSRC;
	if (vector->index >> 16)
		assert_int_equal(srtp_stream_expect(in, ssrc, vector->index - 1), SRTP_OK);
	uint64_t index;
	assert_int_equal(srtp_open(in, sealed, &sealed_length, &index), SRTP_OK);
	assert_true(index == vector->index);
	assert_int_equal(sealed_length, plain_length);
	assert_memory_equal(sealed, plain, plain_length);
	srtp_session_close(in);
	srtp_session_close(out);
}

// The library counts SRTCP indexes itself, from 1: the vector is its first packet.
static void vector_rtcp(const struct srtp_vector *vector)
{
	uint8_t plain[ROOM], sealed[ROOM], work[ROOM];
	uint32_t length = (uint32_t)hex_read(vector->plain, plain), plain_length = length;
	uint32_t sealed_length = (uint32_t)hex_read(vector->sealed, sealed);
	struct sluice_srtp_key key = vector_key(vector);
	struct srtp_session *out = srtp_session_open(SRTP_OUT, vector->profile, &key);
	struct srtp_session *in = srtp_session_open(SRTP_IN, vector->profile, &key);
	memcpy(work, plain, length);
	assert_int_equal(srtp_seal_rtcp(out, work, &length, ROOM), SRTP_OK);
	assert_int_equal(length, sealed_length);
	assert_memory_equal(work, sealed, sealed_length);
	assert_int_equal(srtp_open_rtcp(in, work, &length), SRTP_OK);
	assert_int_equal(length, plain_length);
	assert_memory_equal(work, plain, plain_length);
	assert_int_equal(srtp_open_rtcp(in, sealed, &sealed_length), SRTP_REPLAYED);
	srtp_session_close(in);
	srtp_session_close(out);
}

static void agrees_with_the_vectors(void **)
{
	for (size_t i = 0; i < sizeof(srtp_vectors) / sizeof(srtp_vectors[0]); i++) {
		if (srtp_vectors[i].rtcp)
			vector_rtcp(&srtp_vectors[i]);
		else
			vector_rtp(&srtp_vectors[i]);
	}
}

static void refuses_other_profiles(void **)
{
	struct sluice_srtp_key key = key_for_tests();
	assert_null(srtp_session_open(SRTP_IN, SLUICE_SRTP_NONE, &key));
	assert_null(srtp_session_open(SRTP_IN, (enum sluice_srtp_profile)2, &key));
	srtp_session_close(NULL);
}

static void forged_replayed_and_malformed(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		struct sealed packet, forged;
		uint64_t index;
		assert_int_equal(seal(out, SSRC, 7, false, &packet), SRTP_OK);
		for (uint32_t i = 12; i < packet.length; i += 5) {
			forged = packet;
			forged.data[i] ^= 1;
			assert_int_equal(open_copy(in, &forged, &index), SRTP_AUTH_FAILED);
		}
		assert_false(srtp_stream_highest(in, SSRC, &index));
		for (uint32_t length = 0; length < packet.length; length++) {
			struct sealed cut = packet;
			cut.length = length;
			assert_int_not_equal(open_copy(in, &cut, &index), SRTP_OK);
		}
		assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
		assert_int_equal(index, 7);
		assert_int_equal(open_copy(in, &packet, &index), SRTP_REPLAYED);
		forged = packet;
		forged.data[0] = 0x40;
		assert_int_equal(open_copy(in, &forged, &index), SRTP_MALFORMED);
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

static void any_alignment_will_do(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++)
		for (unsigned shift = 0; shift < 8; shift++) {
			struct srtp_session *out = open_session(SRTP_OUT, profile);
			struct srtp_session *in = open_session(SRTP_IN, profile);
			_Alignas(16) uint8_t buffer[ROOM + 8];
			uint8_t plain[PACKET];
			packet_make(plain, SSRC, 9);
			packet_make(buffer + shift, SSRC, 9);
			struct srtp_seal_job job = {.session = out,
				.data = buffer + shift,
				.length = PACKET,
				.room = ROOM,
				.index = 9};
			uint64_t index;
			assert_int_equal(srtp_seal(&job, 1), 1);
			assert_int_equal(srtp_open(in, job.data, &job.length, &index), SRTP_OK);
			assert_memory_equal(job.data, plain, PACKET);
			srtp_session_close(in);
			srtp_session_close(out);
		}
}

static void seal_checks_its_jobs(void **)
{
	struct srtp_session *out = open_session(SRTP_OUT, 1);
	uint8_t data[2][ROOM];
	packet_make(data[0], SSRC, 5);
	packet_make(data[1], SSRC, 6);
	struct srtp_seal_job jobs[] = {
		{.session = out,
			.data = data[0],
			.length = PACKET,
			.room = PACKET + 15,
			.index = 5},
		{.session = out,
			.data = data[1],
			.length = PACKET,
			.room = PACKET + 16,
			.index = 6},
		{.session = out, .data = data[0], .length = PACKET, .room = ROOM, .index = 6},
		{.session = out, .data = data[0], .length = 11, .room = ROOM, .index = 5},
		{.session = out,
			.data = data[0],
			.length = PACKET,
			.room = ROOM,
			.index = (UINT64_C(1) << 48) + 5},
	};
	assert_int_equal(srtp_seal(jobs, 5), 1);
	assert_int_equal(jobs[0].result, SRTP_TOO_LONG);
	assert_int_equal(jobs[1].result, SRTP_OK);
	assert_int_equal(jobs[1].length, PACKET + 16);
	assert_int_equal(jobs[2].result, SRTP_MALFORMED); // sequence is not the index's
	assert_int_equal(jobs[3].result, SRTP_MALFORMED);
	assert_int_equal(jobs[4].result, SRTP_EXHAUSTED);
	srtp_session_close(out);
}

static void note_call(void *calls)
{
	++*(unsigned *)calls;
}

static void the_caller_has_its_turn_with_each_packet(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		uint8_t data[3][ROOM];
		struct srtp_seal_job jobs[3];
		unsigned calls = 0;
		const struct srtp_meanwhile meanwhile = {.ask = note_call, .context = &calls};
		for (uint16_t i = 0; i < 3; i++) {
			packet_make(data[i], SSRC, i);
			jobs[i] = (struct srtp_seal_job){.session = out,
				.data = data[i],
				.length = PACKET,
				.room = ROOM,
				.index = i};
		}
		jobs[1].room = PACKET; // refused: never sealed
		assert_int_equal(srtp_seal_meanwhile(jobs, 3, &meanwhile), 2);
		assert_int_equal(calls, 2);
		srtp_session_close(out);
	}
}

static void an_index_is_used_once(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct sealed packet;
		assert_int_equal(seal(out, SSRC, 2000, false, &packet), SRTP_OK);
		assert_int_equal(seal(out, SSRC, 2000, false, &packet), SRTP_INDEX_USED);
		assert_int_equal(seal(out, SSRC, 2000, true, &packet), SRTP_INDEX_USED);
		assert_int_equal(seal(out, SSRC, 1998, false, &packet), SRTP_OK); // late
		assert_int_equal(seal(out, SSRC, 1998, false, &packet), SRTP_INDEX_USED);
		assert_int_equal(seal(out, SSRC, 976, false, &packet), SRTP_INDEX_USED); // too old
		assert_int_equal(seal(out, SSRC + 1, 2000, false, &packet), SRTP_OK);
		srtp_session_close(out);
	}
}

static void start_bars_everything_below(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		const uint64_t first = 0x2FFFE;
		struct sealed packet;
		uint64_t index;
		assert_int_equal(srtp_stream_start(out, SSRC, first, false), SRTP_OK);
		assert_int_equal(seal(out, SSRC, first - 1, false, &packet), SRTP_INDEX_USED);
		assert_int_equal(srtp_stream_expect(in, SSRC, first - 1), SRTP_OK);
		for (uint64_t i = first; i < first + 5; i++) { // over a rollover
			assert_int_equal(seal(out, SSRC, i, false, &packet), SRTP_OK);
			assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
			assert_true(index == i);
		}
		assert_int_equal(seal(out, SSRC, first - 1, false, &packet), SRTP_INDEX_USED);
		assert_int_equal(srtp_stream_start(out, SSRC, first, false), SRTP_INDEX_USED);
		assert_true(srtp_stream_highest(out, SSRC, &index));
		assert_true(index == first + 4);
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

static void a_resend_must_be_the_same_packet(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct sealed first, again;
		assert_int_equal(srtp_stream_start(out, SSRC, 100, true), SRTP_OK);
		assert_int_equal(seal(out, SSRC, 100, false, &first), SRTP_OK);
		for (uint64_t i = 101; i < 140; i++)
			assert_int_equal(seal(out, SSRC, i, false, &again), SRTP_OK);
		assert_int_equal(seal(out, SSRC, 100, true, &again), SRTP_OK);
		assert_int_equal(again.length, first.length);
		assert_memory_equal(again.data, first.data, first.length);
		assert_int_equal(seal(out, SSRC, 100, false, &again), SRTP_INDEX_USED);

		packet_make(again.data, SSRC, 100);
		again.data[PACKET - 1] ^= 1; // one bit of the payload
		struct srtp_seal_job job = {.session = out,
			.data = again.data,
			.length = PACKET,
			.room = ROOM,
			.index = 100,
			.repeat = true};
		assert_int_equal(srtp_seal(&job, 1), 0);
		assert_int_equal(job.result, SRTP_INDEX_USED);
		srtp_session_close(out);
	}
}

// A data plane that died between two packets: the receiver's ROC goes on, old packets stay refused.
static void replay_does_not_work_across_a_restart(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		struct sealed packets[40];
		uint64_t index, highest;
		const uint64_t first = 65520;
		for (unsigned i = 0; i < 40; i++)
			assert_int_equal(seal(out, SSRC, first + i, false, &packets[i]), SRTP_OK);
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(open_copy(in, &packets[i], &index), SRTP_OK);
		assert_true(srtp_stream_highest(in, SSRC, &highest));
		srtp_session_close(in);

		in = open_session(SRTP_IN, profile);
		assert_int_equal(srtp_stream_expect(in, SSRC, highest), SRTP_OK);
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(open_copy(in, &packets[i], &index), SRTP_REPLAYED);
		for (unsigned i = 21; i < 40; i++) {
			assert_int_equal(open_copy(in, &packets[i], &index), SRTP_OK);
			assert_true(index == first + i);
		}
		assert_int_equal(open_copy(in, &packets[20], &index), SRTP_OK); // late, but new
		assert_int_equal(open_copy(in, &packets[20], &index), SRTP_REPLAYED);
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

static void streams_are_bounded_and_can_be_forgotten(void **)
{
	struct srtp_session *out = open_session(SRTP_OUT, 1);
	struct srtp_session *in = open_session(SRTP_IN, 1);
	struct sealed packet;
	uint64_t index;
	for (uint32_t i = 0; i < SRTP_STREAMS_MAX; i++) {
		assert_int_equal(seal(out, i * 7919, 3, false, &packet), SRTP_OK);
		assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
	}
	assert_int_equal(seal(out, 5, 3, false, &packet), SRTP_NO_ROOM);
	srtp_stream_forget(out, 0);
	srtp_stream_forget(out, 123); // unknown
	assert_int_equal(seal(out, 5, 3, false, &packet), SRTP_OK);
	assert_int_equal(open_copy(in, &packet, &index), SRTP_NO_ROOM);
	srtp_stream_forget(in, 7919);
	assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
	assert_false(srtp_stream_highest(in, 7919, &index));
	srtp_session_close(in);
	srtp_session_close(out);
}

static void forgetting_frees_the_library_stream_too(void **)
{
	struct srtp_session *out = open_session(SRTP_OUT, 0);
	struct srtp_session *in = open_session(SRTP_IN, 0);
	struct sealed packet;
	uint64_t index;
	assert_int_equal(seal(out, SSRC, 50000, false, &packet), SRTP_OK);
	assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
	srtp_stream_forget(in, SSRC);
	assert_int_equal(open_copy(in, &packet, &index), SRTP_OK); // its replay window is gone
	srtp_stream_forget(out, SSRC);
	assert_int_equal(srtp_stream_start(out, SSRC, 0x90000, false), SRTP_OK);
	assert_int_equal(seal(out, SSRC, 0x90000, false, &packet), SRTP_OK);
	srtp_session_close(in);
	srtp_session_close(out);
}

static void rtcp_and_rtp_of_one_ssrc(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		uint8_t rtcp[ROOM] = {0x80, 201, 0, 1, 0xCA, 0xFE, 0xBA, 0xBE};
		uint32_t length = 8;
		struct sealed packet;
		uint64_t index;
		assert_int_equal(srtp_seal_rtcp(out, rtcp, &length, 8), SRTP_TOO_LONG);
		assert_int_equal(srtp_seal_rtcp(out, rtcp, &length, ROOM), SRTP_OK);
		assert_true(length <= 8 + SRTCP_GROWTH_MAX);
		assert_int_equal(srtp_stream_start(out, SSRC, 0x50000, true), SRTP_OK);
		assert_int_equal(seal(out, SSRC, 0x50000, false, &packet), SRTP_OK);
		uint8_t forged[ROOM];
		uint32_t forged_length = length;
		memcpy(forged, rtcp, length);
		forged[length - 1] ^= 1;
		assert_int_not_equal(srtp_open_rtcp(in, forged, &forged_length), SRTP_OK);
		assert_int_equal(srtp_open_rtcp(in, rtcp, &length), SRTP_OK);
		assert_int_equal(length, 8);
		assert_int_equal(srtp_stream_expect(in, SSRC, 0x4FFFF), SRTP_OK);
		assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
		assert_true(index == 0x50000);
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

// As sealed under the only index that is left; then nothing more, and nothing begins anew.
static void rtcp_indexes_end_at_31_bits(void **)
{
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		uint8_t first[ROOM] = {0x80, 201, 0, 1, 0xCA, 0xFE, 0xBA, 0xBE}, next[ROOM];
		uint32_t length = 8, again = 8;
		memcpy(next, first, ROOM);
		assert_int_equal(srtp_seal_rtcp(out, first, &length, ROOM), SRTP_OK);
		srtp_streams_find(&out->streams, SSRC)->rest->rtcp_index = SRTCP_INDEX_MAX - 1;
		assert_int_equal(srtp_seal_rtcp(out, next, &again, ROOM), SRTP_OK);
		for (unsigned i = 0; i < 3; i++) {
			again = 8;
			assert_int_equal(srtp_seal_rtcp(out, next, &again, ROOM), SRTP_EXHAUSTED);
			assert_int_equal(again, 8);
		}
		srtp_session_close(out);
	}
}

static void rtcp_replay_window(void **)
{
	enum { COMPOUNDS = 200 };
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		static uint8_t sealed[COMPOUNDS][ROOM];
		uint32_t length = 0;
		for (unsigned i = 0; i < COMPOUNDS; i++) {
			memcpy(sealed[i], (uint8_t[]){0x80, 201, 0, 1, 0xCA, 0xFE, 0xBA, 0xBE}, 8);
			length = 8;
			assert_int_equal(srtp_seal_rtcp(out, sealed[i], &length, ROOM), SRTP_OK);
		}
		const struct {
			unsigned packet;
			enum srtp_result result;
		} steps[] = {{0, SRTP_OK}, {0, SRTP_REPLAYED}, {10, SRTP_OK}, {9, SRTP_OK},
			{10, SRTP_REPLAYED}, {150, SRTP_OK}, {23, SRTP_OK}, {22, SRTP_REPLAYED},
			{9, SRTP_REPLAYED}, {199, SRTP_OK}, {151, SRTP_OK}, {23, SRTP_REPLAYED}};
		for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			uint8_t copy[ROOM];
			uint32_t bytes = length;
			memcpy(copy, sealed[steps[i].packet], ROOM);
			assert_int_equal(srtp_open_rtcp(in, copy, &bytes), steps[i].result);
		}
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

// Gaps, reordering, rollovers and long jumps: whatever is sealed opens under the same index, and no
// index is sealed twice.
static void random_indexes(void **)
{
	uint64_t seed = 8;
	for (unsigned profile = 0; profile < PROFILES; profile++) {
		struct srtp_session *out = open_session(SRTP_OUT, profile);
		struct srtp_session *in = open_session(SRTP_IN, profile);
		uint64_t highest = random_below(&seed, 32768), index;
		struct sealed packet;
		assert_int_equal(seal(out, SSRC, highest, false, &packet), SRTP_OK);
		assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
		for (unsigned i = 0; i < 3000; i++) {
			uint64_t next = highest + 1;
			switch (random_below(&seed, 8)) {
			case 0:
				next += random_below(&seed, 32767);
				break;
			case 1:
				next -= random_below(&seed, 1000) % next;
				break;
			}
			enum srtp_result result = seal(out, SSRC, next, false, &packet);
			if (next > highest)
				assert_int_equal(result, SRTP_OK);
			if (result == SRTP_OK) {
				assert_int_equal(open_copy(in, &packet, &index), SRTP_OK);
				assert_true(index == next);
			}
			assert_int_equal(seal(out, SSRC, next, false, &packet), SRTP_INDEX_USED);
			if (next > highest)
				highest = next;
		}
		assert_true(highest > 1 << 20);
		srtp_session_close(in);
		srtp_session_close(out);
	}
}

static enum srtp_choice backend;

static int library_up(void **)
{
	int result = srtp_library_init();
	return result < 0 ? result : srtp_backend_choose(backend);
}

static int library_down(void **)
{
	srtp_library_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_vectors),
		cmocka_unit_test(refuses_other_profiles),
		cmocka_unit_test(forged_replayed_and_malformed),
		cmocka_unit_test(any_alignment_will_do),
		cmocka_unit_test(seal_checks_its_jobs),
		cmocka_unit_test(the_caller_has_its_turn_with_each_packet),
		cmocka_unit_test(an_index_is_used_once),
		cmocka_unit_test(start_bars_everything_below),
		cmocka_unit_test(a_resend_must_be_the_same_packet),
		cmocka_unit_test(replay_does_not_work_across_a_restart),
		cmocka_unit_test(streams_are_bounded_and_can_be_forgotten),
		cmocka_unit_test(forgetting_frees_the_library_stream_too),
		cmocka_unit_test(rtcp_and_rtp_of_one_ssrc),
		cmocka_unit_test(rtcp_indexes_end_at_31_bits),
		cmocka_unit_test(rtcp_replay_window),
		cmocka_unit_test(random_indexes),
	};
	srtp_library_init();
	bool both = srtp_backend_choose(SRTP_CHOICE_IPSEC_MB) == 0;
	srtp_library_exit();
	backend = SRTP_CHOICE_LIBSRTP;
	int failed = cmocka_run_group_tests_name("libsrtp2", tests, library_up, library_down);
	backend = SRTP_CHOICE_IPSEC_MB;
	if (both)
		failed += cmocka_run_group_tests_name("ipsec-mb", tests, library_up, library_down);
	return failed;
}

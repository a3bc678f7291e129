// SPDX-License-Identifier: Apache-2.0
#include "media/srtp_backend.h"
#include "support.h"

static const enum sluice_srtp_profile profiles[] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};
static const struct sluice_srtp_key key = {.key = "test key", .salt = "test salt"};

static struct srtp_session session_open(
	enum srtp_direction direction, enum sluice_srtp_profile profile)
{
	struct srtp_session session = {.direction = direction, .profile = profile};
	assert_true(srtp_libsrtp.keys_open(&session, &key));
	assert_non_null(session.keys);
	return session;
}

static void refuses_other_profiles(void **)
{
	struct srtp_session session = {.direction = SRTP_IN, .profile = SLUICE_SRTP_NONE};
	assert_false(srtp_libsrtp.keys_open(&session, &key));
	assert_null(session.keys);
}

static void rtcp_there_and_back(void **)
{
	for (unsigned profile = 0; profile < 3; profile++) {
		struct srtp_session out = session_open(SRTP_OUT, profiles[profile]);
		struct srtp_session in = session_open(SRTP_IN, profiles[profile]);
		const uint8_t plain[16] = {0x80, 201, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8};
		uint8_t data[16 + SRTCP_GROWTH_MAX], copy[sizeof(data)];
		memcpy(data, plain, sizeof(plain));
		struct srtcp_packet packet = {
			.session = &out, .data = data, .length = sizeof(plain)};
		assert_int_equal(srtp_libsrtp.seal_rtcp(&packet), SRTP_OK);
		assert_int_equal(packet.length, 16 + 4 + (profile == 0 ? 10 : 16));
		memcpy(copy, data, packet.length);
		struct srtcp_packet again = {.session = &in, .data = copy, .length = packet.length};
		packet.session = &in;
		assert_int_equal(srtp_libsrtp.open_rtcp(&packet), SRTP_OK);
		assert_int_equal(packet.length, sizeof(plain));
		assert_memory_equal(data, plain, sizeof(plain));
		assert_int_equal(srtp_libsrtp.open_rtcp(&again), SRTP_REPLAYED);
		srtp_libsrtp.keys_close(&in);
		srtp_libsrtp.keys_close(&out);
	}
}

static void a_stream_is_added_once_and_can_be_removed(void **)
{
	struct srtp_session out = session_open(SRTP_OUT, profiles[1]);
	struct srtp_stream stream = {.ssrc = 0x01020304};
	assert_int_equal(srtp_libsrtp.stream_add(&out, &stream), SRTP_OK);
	assert_true(stream.in_library);
	assert_int_equal(srtp_libsrtp.stream_add(&out, &stream), SRTP_OK);
	srtp_libsrtp.stream_remove(&out, stream.ssrc);
	srtp_libsrtp.stream_remove(&out, stream.ssrc); // unknown now
	stream.in_library = false;
	assert_int_equal(srtp_libsrtp.stream_add(&out, &stream), SRTP_OK);
	srtp_libsrtp.keys_close(&out);
}

// The back end by itself: a payload from elsewhere is copied behind the header, any ROC is reached.
static void seals_and_opens_as_a_back_end(void **)
{
	for (unsigned profile = 0; profile < 3; profile++) {
		struct srtp_session out = session_open(SRTP_OUT, profiles[profile]);
		struct srtp_session in = session_open(SRTP_IN, profiles[profile]);
		struct srtp_stream sent = {.ssrc = 7}, received = {.ssrc = 7};
		const uint64_t index = UINT64_C(5) << 16 | 2;
		uint8_t data[64] = {0x80, 96, 0, 2, [11] = 7};
		const uint8_t payload[20] = "payload from afar";
		struct srtp_seal_job job = {.session = &out, .data = data, .index = index};
		struct srtp_sealing sealing = {.job = &job,
			.stream = &sent,
			.payload = payload,
			.header_bytes = 12,
			.payload_bytes = sizeof(payload)};
		srtp_libsrtp.seal(&sealing, 1, NULL);
		assert_int_equal(job.result, SRTP_OK);
		assert_int_equal(job.length, 32 + (profile == 0 ? 10 : 16));
		assert_memory_not_equal(data + 12, payload, sizeof(payload));
		assert_int_equal(srtp_libsrtp.stream_add(&in, &received), SRTP_OK);
		struct srtp_opening opening = {.session = &in,
			.stream = &received,
			.data = data,
			.length = job.length,
			.header_bytes = 12,
			.ssrc = 7,
			.index = index};
		assert_int_equal(srtp_libsrtp.open(&opening), SRTP_OK);
		assert_int_equal(opening.length, 32);
		assert_memory_equal(data + 12, payload, sizeof(payload));
		srtp_libsrtp.keys_close(&in);
		srtp_libsrtp.keys_close(&out);
	}
}

static int library_up(void **)
{
	return srtp_libsrtp.start();
}

static int library_down(void **)
{
	srtp_libsrtp.stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_profiles),
		cmocka_unit_test(rtcp_there_and_back),
		cmocka_unit_test(a_stream_is_added_once_and_can_be_removed),
		cmocka_unit_test(seals_and_opens_as_a_back_end),
	};
	return cmocka_run_group_tests(tests, library_up, library_down);
}

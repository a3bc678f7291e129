// SPDX-License-Identifier: Apache-2.0
#include "media/srtp_backend.h"
#include "support.h"

static const enum sluice_srtp_profile profiles[] = {
	SLUICE_SRTP_AES128_CM_SHA1_80,
	SLUICE_SRTP_AEAD_AES_128_GCM,
	SLUICE_SRTP_AEAD_AES_256_GCM,
};
static const struct sluice_srtp_key key = {.key = "test key", .salt = "test salt"};

static void refuses_other_profiles(void **)
{
	assert_null(libsrtp_open(SRTP_IN, SLUICE_SRTP_NONE, &key));
	libsrtp_close(NULL);
}

static void rtcp_there_and_back(void **)
{
	for (unsigned profile = 0; profile < 3; profile++) {
		struct libsrtp *out = libsrtp_open(SRTP_OUT, profiles[profile], &key);
		struct libsrtp *in = libsrtp_open(SRTP_IN, profiles[profile], &key);
		const uint8_t plain[16] = {0x80, 201, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8};
		uint8_t data[16 + SRTCP_GROWTH_MAX], copy[sizeof(data)];
		uint32_t length = sizeof(plain), again;
		memcpy(data, plain, sizeof(plain));
		assert_int_equal(libsrtp_seal_rtcp(out, data, &length), SRTP_OK);
		assert_int_equal(length, 16 + 4 + (profile == 0 ? 10 : 16));
		memcpy(copy, data, length);
		again = length;
		assert_int_equal(libsrtp_open_rtcp(in, data, &length), SRTP_OK);
		assert_int_equal(length, sizeof(plain));
		assert_memory_equal(data, plain, sizeof(plain));
		assert_int_equal(libsrtp_open_rtcp(in, copy, &again), SRTP_REPLAYED);
		libsrtp_close(in);
		libsrtp_close(out);
	}
}

static void a_stream_is_added_once_and_can_be_removed(void **)
{
	struct libsrtp *out = libsrtp_open(SRTP_OUT, profiles[1], &key);
	struct srtp_stream stream = {.ssrc = 0x01020304};
	assert_int_equal(libsrtp_stream_add(out, &stream), SRTP_OK);
	assert_true(stream.in_library);
	assert_int_equal(libsrtp_stream_add(out, &stream), SRTP_OK);
	libsrtp_stream_remove(out, stream.ssrc);
	libsrtp_stream_remove(out, stream.ssrc); // unknown now
	stream.in_library = false;
	assert_int_equal(libsrtp_stream_add(out, &stream), SRTP_OK);
	libsrtp_close(out);
}

// The back end by itself: a payload from elsewhere is copied behind the header, any ROC is reached.
static void seals_and_opens_as_a_back_end(void **)
{
	for (unsigned profile = 0; profile < 3; profile++) {
		struct srtp_session out = {
			.library = libsrtp_open(SRTP_OUT, profiles[profile], &key)};
		struct srtp_session in = {
			.library = libsrtp_open(SRTP_IN, profiles[profile], &key)};
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
		srtp_libsrtp.seal(&sealing, 1);
		assert_int_equal(job.result, SRTP_OK);
		assert_int_equal(job.length, 32 + (profile == 0 ? 10 : 16));
		assert_memory_not_equal(data + 12, payload, sizeof(payload));
		assert_int_equal(libsrtp_stream_add(in.library, &received), SRTP_OK);
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
		libsrtp_close(in.library);
		libsrtp_close(out.library);
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

// SPDX-License-Identifier: Apache-2.0
#include "stamp.h"
#include "support.h"

#include <string.h>

static const struct stamp example = {
	.kind = STAMP_VIDEO, .publisher = 4000000000, .number = 1234567890123, .sent_ns = 42};

static void what_is_written_is_read(void **)
{
	static const size_t lengths[] = {STAMP_BYTES, STAMP_BYTES + 1, 1100, STAMP_PAYLOAD_MAX};
	uint8_t payload[STAMP_PAYLOAD_MAX];
	struct stamp stamp;

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		stamp_write(&example, payload, lengths[i]);
		assert_true(stamp_read(payload, lengths[i], &stamp));
		assert_int_equal(stamp.kind, STAMP_VIDEO);
		assert_int_equal(stamp.publisher, 4000000000);
		assert_int_equal(stamp.number, 1234567890123);
		assert_int_equal(stamp.sent_ns, 42);
	}
}

static void any_changed_bit_shows(void **)
{
	uint8_t payload[200];
	struct stamp stamp;

	stamp_write(&example, payload, sizeof(payload));
	for (unsigned bit = 0; bit < sizeof(payload) * 8; bit++) {
		payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(stamp_read(payload, sizeof(payload), &stamp));
		payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(stamp_read(payload, sizeof(payload), &stamp));
}

static void cut_payloads_show(void **)
{
	uint8_t payload[200];
	struct stamp stamp;

	stamp_write(&example, payload, sizeof(payload));
	for (size_t length = 0; length < sizeof(payload); length++)
		assert_false(stamp_read(payload, length, &stamp));
}

static void video_is_a_key_frame(void **)
{
	uint8_t payload[100], inter[2] = {0x10, 0x01};

	stamp_write(&example, payload, sizeof(payload));
	assert_true(stamp_is_key_frame(payload, sizeof(payload)));
	assert_false(stamp_is_key_frame(inter, sizeof(inter)));
	assert_false(stamp_is_key_frame(payload, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(any_changed_bit_shows),
		cmocka_unit_test(cut_payloads_show),
		cmocka_unit_test(video_is_a_key_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

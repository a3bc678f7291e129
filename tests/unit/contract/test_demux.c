// SPDX-License-Identifier: Apache-2.0
#include <sluice/demux.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH_MAX = 64 };

struct test_case {
	uint8_t prefix[SLUICE_PREFIX_BYTES]; // what follows is zeros
	uint32_t length;
	enum sluice_class class;
};

static const struct test_case cases[] = {
	// STUN: header, cookie, length aligned and inside
	{{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, 20, SLUICE_CLASS_STUN},
	{{0x01, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, 20, SLUICE_CLASS_STUN},
	{{0x03, 0xff, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, 20, SLUICE_CLASS_STUN},
	{{0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42}, 28, SLUICE_CLASS_STUN},
	{{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, 19, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42}, 27, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x01, 0x21, 0x12, 0xa4, 0x42}, 60, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x02, 0x21, 0x12, 0xa4, 0x42}, 60, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42}, 60, SLUICE_CLASS_OTHER},
	{{0x04, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42}, 20, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x00, 0x20, 0x12, 0xa4, 0x42}, 20, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x43}, 20, SLUICE_CLASS_OTHER},
	{{0x00, 0x01, 0x00, 0x00, 0x42, 0xa4, 0x12, 0x21}, 20, SLUICE_CLASS_OTHER},
	// DTLS: any record
	{{0x14}, 13, SLUICE_CLASS_DTLS},
	{{0x16, 0xfe, 0xfd}, 13, SLUICE_CLASS_DTLS},
	{{0x17, 0xfe, 0xfd}, 60, SLUICE_CLASS_DTLS},
	{{0x3f}, 13, SLUICE_CLASS_DTLS},
	{{0x16, 0xfe, 0xfd}, 12, SLUICE_CLASS_OTHER},
	{{0x13}, 60, SLUICE_CLASS_OTHER},
	{{0x40}, 60, SLUICE_CLASS_OTHER},
	// RTP and RTCP
	{{0x80, 0x00}, 12, SLUICE_CLASS_RTP},
	{{0xbf, 0xff}, 12, SLUICE_CLASS_RTP},
	{{0x80, 0xbf}, 12, SLUICE_CLASS_RTP},
	{{0x80, 0xe0}, 12, SLUICE_CLASS_RTP},
	{{0x80, 0x60}, 11, SLUICE_CLASS_OTHER},
	{{0x80, 0xc0}, 8, SLUICE_CLASS_RTCP},
	{{0x81, 0xc8}, 60, SLUICE_CLASS_RTCP},
	{{0xbf, 0xdf}, 8, SLUICE_CLASS_RTCP},
	{{0x80, 0xc8}, 7, SLUICE_CLASS_OTHER},
	{{0x7f, 0xc8}, 60, SLUICE_CLASS_OTHER},
	{{0xc0, 0xc8}, 60, SLUICE_CLASS_OTHER},
	{{0xff, 0xff}, 60, SLUICE_CLASS_OTHER},
};

// An allocation of just the payload, so that a sanitizer sees a read behind it.
static enum sluice_class classify_exactly(const uint8_t *payload, uint32_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	assert_non_null(copy);
	memcpy(copy, payload, length);
	enum sluice_class class = sluice_classify(copy, length);
	free(copy);
	return class;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t payload[LENGTH_MAX] = {0};
		memcpy(payload, cases[i].prefix, SLUICE_PREFIX_BYTES);
		if (classify_exactly(payload, cases[i].length) != cases[i].class)
			fail_msg("case %zu: expected %d", i, cases[i].class);
	}
}

static void test_too_short(void **state)
{
	(void)state;
	uint8_t payload[SLUICE_PREFIX_BYTES] = {0};
	for (int first = 0; first < 256; first++) {
		payload[0] = first;
		payload[1] = 200;
		for (uint32_t length = 0; length < SLUICE_PREFIX_BYTES; length++)
			assert_int_equal(classify_exactly(payload, length), SLUICE_CLASS_OTHER);
	}
}

// Each first byte belongs to one protocol only (RFC 7983, section 7).
static void test_first_byte(void **state)
{
	(void)state;
	uint8_t payload[LENGTH_MAX] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	for (int first = 0; first < 256; first++) {
		enum sluice_class expected = SLUICE_CLASS_OTHER;
		if (first <= 3)
			expected = SLUICE_CLASS_STUN;
		else if (first >= 20 && first <= 63)
			expected = SLUICE_CLASS_DTLS;
		else if (first >= 128 && first <= 191)
			expected = SLUICE_CLASS_RTP;
		payload[0] = first;
		assert_int_equal(classify_exactly(payload, LENGTH_MAX), expected);
	}
}

static void test_prefix_is_enough(void **state)
{
	(void)state;
	unsigned seed = 3;
	for (int i = 0; i < 20000; i++) {
		uint8_t payload[LENGTH_MAX];
		for (size_t j = 0; j < sizeof(payload); j++)
			payload[j] = rand_r(&seed) >> 8;
		if (i & 1)
			memcpy(payload, "\0\1\0\4\x21\x12\xa4\x42", 8);
		uint32_t length = 8 + rand_r(&seed) % (LENGTH_MAX - 7);
		enum sluice_class whole = classify_exactly(payload, length);
		uint8_t prefix[SLUICE_PREFIX_BYTES];
		memcpy(prefix, payload, sizeof(prefix));
		assert_int_equal(sluice_classify_prefix(prefix, length), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_prefix_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The sum of any bytes at any place, whatever instructions add it: as RFC 1071 counts it, byte by byte.
#include "pipeline/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LONGEST = 2048 };

static uint16_t checksum_slow(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

// In the order of the network.
static uint16_t checksum_fast(const uint8_t *bytes, size_t length, uint64_t sum)
{
	uint16_t folded = checksum_fold(checksum_add(sum, bytes, length));
	const uint8_t *out = (const uint8_t *)&folded;
	return (uint16_t)(out[0] << 8 | out[1]);
}

static void test_every_length_and_alignment(void **)
{
	uint8_t bytes[LONGEST];
	uint32_t random = 1;
	for (unsigned i = 0; i < LONGEST; i++)
		bytes[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
	for (unsigned begin = 0; begin < 9; begin++)
		for (unsigned length = 0; length < LONGEST - begin; length++)
			assert_int_equal(checksum_fast(bytes + begin, length, 0),
				checksum_slow(bytes + begin, length, 0));
}

static void test_carries_are_not_lost(void **)
{
	uint8_t bytes[LONGEST];
	memset(bytes, 0xFF, sizeof(bytes));
	for (unsigned length = 0; length < LONGEST; length++)
		assert_int_equal(checksum_fast(bytes, length, 0), checksum_slow(bytes, length, 0));
}

static void test_goes_on_from_a_sum(void **)
{
	uint8_t bytes[300];
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(200 + i);
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 2) {
		uint64_t sum = checksum_add(0, bytes, cut);
		assert_int_equal(checksum_fast(bytes + cut, sizeof(bytes) - cut, sum),
			checksum_slow(bytes, sizeof(bytes), 0));
	}
}

static void test_pseudo_header(void **)
{
	static const uint8_t same[] = {0, 17, 0x12, 0x34};
	assert_int_equal(checksum_fold(checksum_add_pseudo(0, 17, 0x1234)),
		checksum_fold(checksum_add(0, same, sizeof(same))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length_and_alignment),
		cmocka_unit_test(test_carries_are_not_lost),
		cmocka_unit_test(test_goes_on_from_a_sum),
		cmocka_unit_test(test_pseudo_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

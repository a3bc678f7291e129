// SPDX-License-Identifier: Apache-2.0
#include "plane/capture_frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROOM = 256 };

static const struct capture_ends ipv4 = {
	.from = {.ip = {[10] = 255, 255, 192, 0, 2, 1}, .port = 7000},
	.to = {.ip = {[10] = 255, 255, 198, 51, 100, 9}, .port = 40000},
	.from_mac = {2, 0, 0, 0, 0, 1},
	.to_mac = {2, 0, 0, 0, 0, 9},
};
static const struct capture_ends ipv6 = {
	.from = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 7000},
	.to = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 9}, .port = 40000},
};

static uint64_t add(uint64_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += (uint64_t)data[i] << (i % 2 ? 0 : 8);
	return sum;
}

// A sum over all that a checksum covers, itself included, is all ones (RFC 1071).
static bool is_right(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum == 0xFFFF;
}

static void check_udp(const uint8_t *udp, const uint8_t *addresses, size_t addresses_length,
	const uint8_t *payload, size_t length)
{
	const uint8_t ports[] = {7000 >> 8, 7000 & 255, 40000 >> 8, 40000 & 255};
	size_t udp_length = 8 + length;
	assert_memory_equal(udp, ports, 4);
	assert_int_equal(udp[4] << 8 | udp[5], udp_length);
	assert_true(
		is_right(add(add(17 + udp_length, addresses, addresses_length), udp, 8 + length)));
	assert_memory_equal(udp + 8, payload, length);
}

static void headers_of_ipv4(void **)
{
	uint8_t frame[ROOM], payload[5] = {1, 2, 3, 4, 5};
	uint32_t whole;
	for (size_t length = 0; length <= sizeof(payload); length++) {
		size_t kept = capture_frame(frame, ROOM, &ipv4, payload, length, &whole);
		assert_int_equal(kept, 14 + 20 + 8 + length);
		assert_int_equal(whole, kept);
		assert_memory_equal(frame, ipv4.to_mac, 6);
		assert_memory_equal(frame + 6, ipv4.from_mac, 6);
		assert_int_equal(frame[12] << 8 | frame[13], 0x0800);
		assert_int_equal(frame[16] << 8 | frame[17], 28 + length);
		assert_true(is_right(add(0, frame + 14, 20)));
		assert_memory_equal(frame + 14 + 12, ipv4.from.ip + 12, 4);
		assert_memory_equal(frame + 14 + 16, ipv4.to.ip + 12, 4);
		check_udp(frame + 34, frame + 26, 8, payload, length);
	}
}

static void headers_of_ipv6(void **)
{
	uint8_t frame[ROOM], payload[4] = {9, 8, 7, 6};
	uint32_t whole;
	size_t kept = capture_frame(frame, ROOM, &ipv6, payload, sizeof(payload), &whole);
	assert_int_equal(kept, 14 + 40 + 8 + 4);
	assert_int_equal(frame[12] << 8 | frame[13], 0x86DD);
	assert_int_equal(frame[18] << 8 | frame[19], 12);
	check_udp(frame + 54, frame + 22, 32, payload, sizeof(payload));
}

static void what_does_not_fit_is_cut(void **)
{
	uint8_t frame[ROOM], payload[300];
	uint32_t whole;
	memset(payload, 7, sizeof(payload));
	assert_int_equal(capture_frame(frame, 100, &ipv4, payload, sizeof(payload), &whole), 100);
	assert_int_equal(whole, 42 + 300);
	// The checksum is that of the whole.
	assert_true(is_right(
		add(add(add(17 + 308, frame + 26, 8), frame + 34, 8), payload, sizeof(payload))));
	assert_int_equal(capture_frame(frame, 41, &ipv4, payload, sizeof(payload), &whole), 0);
}

// A sum of zero is sent as all ones: zero says that there is none (RFC 768).
static void a_checksum_is_never_zero(void **)
{
	uint8_t frame[ROOM], payload[2];
	uint32_t whole;
	for (unsigned i = 0; i < 65536; i++) {
		payload[0] = (uint8_t)(i >> 8);
		payload[1] = (uint8_t)i;
		capture_frame(frame, ROOM, &ipv4, payload, 2, &whole);
		assert_true(frame[40] || frame[41]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_of_ipv4),
		cmocka_unit_test(headers_of_ipv6),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(a_checksum_is_never_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

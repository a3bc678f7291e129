// SPDX-License-Identifier: Apache-2.0
// Byte by byte, as the draft's figures have it; on a machine of little endian.
#include "edge/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint8_t block[4096];

#define IS(length, ...)                                               \
	do {                                                          \
		static const uint8_t wanted_[] = {__VA_ARGS__};       \
		assert_int_equal(length, sizeof(wanted_));            \
		assert_memory_equal(block, wanted_, sizeof(wanted_)); \
	} while (0)

static void section(void **)
{
	size_t length = pcapng_section(block, sizeof(block), "sluicectl", "a/b");
	IS(length, 0x0A, 0x0D, 0x0D, 0x0A, 56, 0, 0, 0, // type, length
		0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, // magic, version 1.0
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, // section length
		4, 0, 9, 0, 's', 'l', 'u', 'i', 'c', 'e', 'c', 't', 'l', 0, 0, 0, // shb_userappl
		1, 0, 3, 0, 'a', '/', 'b', 0, // opt_comment
		0, 0, 0, 0, 56, 0, 0, 0); // opt_endofopt, length
	length = pcapng_section(block, sizeof(block), NULL, NULL);
	assert_int_equal(length, 32);
}

static void interface(void **)
{
	size_t length = pcapng_interface(block, sizeof(block), "eth0", "p");
	IS(length, 1, 0, 0, 0, 48, 0, 0, 0, // type, length
		1, 0, 0, 0, 0, 0, 0, 0, // Ethernet, no snap length
		2, 0, 4, 0, 'e', 't', 'h', '0', // if_name
		3, 0, 1, 0, 'p', 0, 0, 0, // if_description
		9, 0, 1, 0, 9, 0, 0, 0, // if_tsresol
		0, 0, 0, 0, 48, 0, 0, 0);
}

static void packet(void **)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5};
	struct pcapng_packet one = {
		.interface = 1,
		.unix_ns = 0x1122334455667788,
		.data = data,
		.kept = 5,
		.length = 1500,
		.direction = PCAPNG_OUT,
	};
	size_t length = pcapng_packet(block, sizeof(block), &one);
	IS(length, 6, 0, 0, 0, 52, 0, 0, 0, // type, length
		1, 0, 0, 0, // interface
		0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55, // time, high half first
		5, 0, 0, 0, 0xDC, 5, 0, 0, // captured, original
		1, 2, 3, 4, 5, 0, 0, 0, // data, padded
		2, 0, 4, 0, 2, 0, 0, 0, // epb_flags: outbound
		0, 0, 0, 0, 52, 0, 0, 0);
	one.direction = PCAPNG_IN;
	one.kept = one.length = 4;
	one.lost = 3;
	one.comment = "x";
	length = pcapng_packet(block, sizeof(block), &one);
	IS(length, 6, 0, 0, 0, 68, 0, 0, 0, 1, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66,
		0x55, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, // needs no padding
		2, 0, 4, 0, 1, 0, 0, 0, // epb_flags: inbound
		4, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, // epb_dropcount
		1, 0, 1, 0, 'x', 0, 0, 0, // opt_comment
		0, 0, 0, 0, 68, 0, 0, 0);
}

static void statistics(void **)
{
	const struct pcapng_statistics one = {.interface = 2,
		.begun_ns = 0x100000002,
		.ended_ns = 0x300000004,
		.captured = 5,
		.lost = 6};
	size_t length = pcapng_statistics(block, sizeof(block), &one);
	IS(length, 5, 0, 0, 0, 76, 0, 0, 0, // type, length
		2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, // interface, time
		2, 0, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, // isb_starttime
		3, 0, 8, 0, 3, 0, 0, 0, 4, 0, 0, 0, // isb_endtime
		4, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0, // isb_ifrecv
		5, 0, 8, 0, 6, 0, 0, 0, 0, 0, 0, 0, // isb_ifdrop
		0, 0, 0, 0, 76, 0, 0, 0);
}

// Whatever the room, a block is whole or not there, and nothing is written behind the room.
static void blocks_that_do_not_fit(void **)
{
	uint8_t data[64] = {0};
	const struct pcapng_packet one = {.data = data,
		.kept = 64,
		.length = 64,
		.direction = PCAPNG_IN,
		.comment = "dropped"};
	size_t whole = pcapng_packet(block, sizeof(block), &one);
	assert_true(whole > 64);
	for (size_t room = 0; room <= whole; room++) {
		memset(block, 0xEE, sizeof(block));
		assert_int_equal(pcapng_packet(block, room, &one), room < whole ? 0 : whole);
		for (size_t i = room; i < whole + 8; i++)
			assert_int_equal(block[i], 0xEE);
		memset(block, 0xEE, sizeof(block));
		if (room < 32) {
			assert_int_equal(pcapng_section(block, room, NULL, NULL), 0);
			assert_int_equal(block[room], 0xEE);
		}
	}
}

static void long_texts_are_cut(void **)
{
	char text[3000];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	size_t length = pcapng_interface(block, sizeof(block), text, NULL);
	assert_int_equal(length, 16 + 4 + 1024 + 8 + 4 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section),
		cmocka_unit_test(interface),
		cmocka_unit_test(packet),
		cmocka_unit_test(statistics),
		cmocka_unit_test(blocks_that_do_not_fit),
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

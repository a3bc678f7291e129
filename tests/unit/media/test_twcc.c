// SPDX-License-Identifier: Apache-2.0
#include "media/twcc.h"
#include "support.h"

#include <errno.h>

#define TICK ((uint64_t)TWCC_TICK_NS)

static int parse(const uint8_t *data, size_t length, struct twcc_feedback *feedback,
	struct twcc_arrival *arrivals, unsigned n)
{
	struct rtcp_packet packet;
	size_t cursor = 0;
	assert_true(rtcp_check(data, length));
	assert_true(rtcp_next(data, length, &cursor, &packet));
	return twcc_parse(&packet, feedback, arrivals, n);
}

static void writes_the_draft_to_the_byte(void **)
{
	struct twcc_log log = {0};
	uint8_t out[128], wanted[128];
	// 0x10 at reference 5 + 1 tick, 0x11 two ticks later, 0x12 lost, 0x13 300 ticks later
	const uint64_t base = 5 * 256 * TICK;
	twcc_receive(&log, 0x10, base + TICK);
	twcc_receive(&log, 0x11, base + 3 * TICK);
	twcc_receive(&log, 0x13, base + 303 * TICK);
	int length = twcc_write(&log, 0xA1A2A3A4, 0xB1B2B3B4, out, sizeof(out));
	// two-bit vector 1 1 0 2 0 0 0, deltas 01 02 012c, two bytes of padding
	size_t n = hex_read(
		"afcd0006 a1a2a3a4 b1b2b3b4 0010 0004 000005 00 d480 01 02 012c 0002", wanted);
	assert_int_equal(length, n);
	assert_memory_equal(out, wanted, n);
	assert_int_equal(twcc_write(&log, 1, 2, out, sizeof(out)), 0);
}

static void runs_and_one_bit_vectors(void **)
{
	struct twcc_log log = {0};
	uint8_t out[1200];
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[600];
	for (unsigned i = 0; i < 100; i++) // a run
		twcc_receive(&log, (uint16_t)(65500 + i), (1000 + i) * TICK);
	int length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(out[20] << 8 | out[21], 0x2000 | 100); // one chunk over the wrap
	assert_int_equal(length, 20 + 2 + 100 + 2);
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 600), 100);
	assert_int_equal(feedback.base_sequence, 65500);
	for (unsigned i = 0; i < 14; i += 2) // every other one
		twcc_receive(&log, (uint16_t)(64 + i), (1100 + i) * TICK);
	length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(out[20] << 8 | out[21], 0x8000 | 0x2AAA);
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 600), 13);
	assert_int_equal(feedback.feedback_count, 1);
	twcc_receive(&log, 500, 2000 * TICK); // 423 lost first
	length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 600), 424);
	assert_int_equal(out[20] << 8 | out[21], 423);
	assert_int_equal(feedback.base_sequence, 77);
	assert_false(arrivals[0].received);
	assert_true(arrivals[423].received);
	assert_int_equal(arrivals[423].ticks, 2000);
}

static void negative_deltas_are_large(void **)
{
	struct twcc_log log = {0};
	uint8_t out[64];
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[4];
	twcc_receive(&log, 2, 1000 * TICK);
	twcc_receive(&log, 3, 990 * TICK); // a later number that arrived earlier
	twcc_receive(&log, 3, 1500 * TICK); // duplicate: the first arrival counts
	int length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 4), 2);
	assert_int_equal(arrivals[0].ticks, 1000);
	assert_int_equal(arrivals[1].ticks, 990);
}

static void a_late_one_is_reported_too(void **)
{
	struct twcc_log log = {0};
	uint8_t out[64];
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[8];
	twcc_receive(&log, 10, 100 * TICK);
	twcc_receive(&log, 13, 103 * TICK);
	int length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 8), 4);
	twcc_receive(&log, 12, 105 * TICK);
	length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 8), 2);
	assert_int_equal(feedback.base_sequence, 12);
	assert_true(arrivals[0].received && arrivals[0].ticks == 105);
	assert_true(arrivals[1].received && arrivals[1].ticks == 103);
}

static void long_pauses_start_a_new_packet(void **)
{
	struct twcc_log log = {0};
	uint8_t out[64];
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[8];
	twcc_receive(&log, 1, 100 * TICK);
	twcc_receive(&log, 2, (100 + 32768) * TICK); // does not fit 16 bits
	int length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 8), 1);
	length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, 8), 1);
	assert_int_equal(feedback.base_sequence, 2);
	assert_int_equal(arrivals[0].ticks, 100 + 32768);
	assert_int_equal(twcc_write(&log, 1, 2, out, sizeof(out)), 0);
}

static void little_room_makes_many_packets(void **)
{
	struct twcc_log log = {0};
	uint8_t out[TWCC_PACKET_MIN];
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[TWCC_ROOM];
	assert_int_equal(twcc_write(&log, 1, 2, out, TWCC_PACKET_MIN - 1), -ENOBUFS);
	unsigned reported = 0;
	twcc_receive(&log, 0, TICK);
	for (unsigned i = 1500; i < 2000; i += 3)
		twcc_receive(&log, (uint16_t)i, i * 300 * TICK);
	for (int length; (length = twcc_write(&log, 1, 2, out, sizeof(out))) > 0;) {
		int n = parse(out, (size_t)length, &feedback, arrivals, TWCC_ROOM);
		assert_true(n > 0);
		assert_int_equal(feedback.base_sequence, reported);
		assert_true(arrivals[n - 1].received);
		reported += (unsigned)n;
	}
	assert_int_equal(reported, 1999);
}

static void the_log_is_bounded(void **)
{
	struct twcc_log log = {0};
	uint8_t out[1200];
	struct twcc_feedback feedback;
	static struct twcc_arrival arrivals[TWCC_ROOM];
	twcc_receive(&log, 1, TICK);
	twcc_receive(&log, 5000, 2 * TICK); // far ahead: what was before is forgotten
	int length = twcc_write(&log, 1, 2, out, sizeof(out));
	assert_int_equal(parse(out, (size_t)length, &feedback, arrivals, TWCC_ROOM), TWCC_ROOM);
	assert_true(arrivals[TWCC_ROOM - 1].received);
	twcc_receive(&log, 5000 - TWCC_ROOM, 3 * TICK); // below the log
	assert_int_equal(twcc_write(&log, 1, 2, out, sizeof(out)), 0);
}

static void malformed_feedback_is_refused(void **)
{
	static const char *const bad[] = {
		"8fcd0003 00000001 00000002 00000001", // no reference
		"8fcd0004 00000001 00000002 00000001 00000000", // no chunk
		"8fcd0005 00000001 00000002 00000001 00000000 20010000 ", // fine, see below
		"8fcd0005 00000001 00000002 00000008 00000000 20080000", // deltas cut
		"8fcd0005 00000001 00000002 00000001 00000000 60010000", // reserved symbol
		"8fcd0005 00000001 00000002 00000001 00000000 00000000", // empty runs
	};
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[8];
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t data[64];
		size_t length = hex_read(bad[i], data);
		uint8_t *copy = exact_copy(data, length);
		int result = parse(copy, length, &feedback, arrivals, 8);
		assert_int_equal(result, i == 2 ? 1 : -EBADMSG);
		free(copy);
	}
	uint8_t data[64];
	size_t length = hex_read("8fcd0005 00000001 00000002 00000009 00000000 20090000", data);
	assert_int_equal(parse(data, length, &feedback, arrivals, 8), -ENOBUFS);
}

enum { COUNT = 3000 };
struct truth {
	int64_t ticks; // 0 = never sent
	bool reported;
};

static void check_packet(
	const uint8_t *out, int length, struct truth *truth, uint64_t base, uint8_t feedback_count)
{
	static struct twcc_arrival arrivals[TWCC_ROOM];
	struct twcc_feedback feedback;
	uint8_t *copy = exact_copy(out, (size_t)length);
	int n = parse(copy, (size_t)length, &feedback, arrivals, TWCC_ROOM);
	free(copy);
	assert_true(n > 0);
	assert_int_equal(feedback.feedback_count, feedback_count);
	for (int i = 0; i < n; i++) {
		uint16_t k = (uint16_t)(arrivals[i].sequence - (uint16_t)base);
		assert_true(k < COUNT);
		if (!arrivals[i].received)
			continue;
		assert_int_equal(arrivals[i].ticks, truth[k].ticks);
		truth[k].reported = true;
	}
}

// Random loss, reordering, pauses and room: what is decoded is exactly what was received, and in the
// end everything received was reported.
static void random_arrivals_round_trip(void **)
{
	uint64_t seed = 13;
	for (unsigned round = 0; round < 60; round++) {
		static struct truth truth[COUNT];
		memset(truth, 0, sizeof(truth));
		struct twcc_log log = {0};
		uint64_t base = random_next(&seed), ticks = 1 + random_below(&seed, 1 << 30);
		uint8_t out[1500], feedback_count = 0;
		unsigned spread = 1 + random_below(&seed, 400), loss = random_below(&seed, 8);
		for (unsigned i = 0; i < COUNT; i++) {
			ticks += random_below(&seed, spread);
			if (random_below(&seed, 500) == 0)
				ticks += random_below(&seed, 60000);
			unsigned k = i - random_below(&seed, 8) % (i + 1);
			if (random_below(&seed, 10) >= loss && truth[k].ticks == 0) {
				truth[k].ticks = (int64_t)ticks;
				twcc_receive(&log, (uint16_t)(base + k),
					ticks * TICK + random_below(&seed, TWCC_TICK_NS));
			}
			if (random_below(&seed, 200) != 0 && i != COUNT - 1)
				continue;
			size_t room = TWCC_PACKET_MIN + random_below(&seed, 1400);
			for (int n; (n = twcc_write(&log, 1, 2, out, room)) != 0;) {
				assert_true(n > 0 && (size_t)n <= room);
				check_packet(out, n, truth, base, feedback_count++);
			}
		}
		for (unsigned i = 0; i < COUNT; i++)
			assert_true(truth[i].reported == (truth[i].ticks != 0));
	}
}

static void random_bytes_do_no_harm(void **)
{
	uint64_t seed = 14;
	static struct twcc_arrival arrivals[64];
	unsigned good = 0;
	for (unsigned round = 0; round < 100000; round++) {
		uint8_t data[64];
		size_t length = 20 + 4 * (size_t)random_below(&seed, 8);
		random_bytes(&seed, data, length);
		memcpy(data, "\x8f\xcd\0", 3);
		data[3] = (uint8_t)(length / 4 - 1);
		data[14] = 0;
		data[15] &= 31;
		uint8_t *copy = exact_copy(data, length);
		struct twcc_feedback feedback;
		good += parse(copy, length, &feedback, arrivals, 64) >= 0;
		free(copy);
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_draft_to_the_byte),
		cmocka_unit_test(runs_and_one_bit_vectors),
		cmocka_unit_test(negative_deltas_are_large),
		cmocka_unit_test(a_late_one_is_reported_too),
		cmocka_unit_test(long_pauses_start_a_new_packet),
		cmocka_unit_test(little_room_makes_many_packets),
		cmocka_unit_test(the_log_is_bounded),
		cmocka_unit_test(malformed_feedback_is_refused),
		cmocka_unit_test(random_arrivals_round_trip),
		cmocka_unit_test(random_bytes_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "media/receiver.h"
#include "support.h"

enum { CLOCK = 48000, FRAME = 960 };

// Packet `index` of a stream that sends every 20 ms, arriving `late_ns` after it should.
static void packet(struct receiver *receiver, uint64_t index, uint64_t late_ns)
{
	receiver_packet(receiver, index, (uint32_t)index * FRAME, CLOCK, 100,
		SECOND + index * 20 * MILLISECOND + late_ns);
}

static void nothing_to_report_at_first(void **)
{
	struct receiver receiver = {0};
	struct rtcp_report_block block;
	uint32_t timestamp;
	uint64_t ntp;
	assert_false(receiver_report(&receiver, 1, SECOND, &block));
	assert_int_equal(receiver_lost(&receiver), 0);
	assert_false(receiver_timestamp_at(&receiver, CLOCK, SECOND, &timestamp));
	assert_false(receiver_ntp_at(&receiver, SECOND, &ntp));
}

static void counts_loss_per_interval(void **)
{
	struct receiver receiver = {0};
	struct rtcp_report_block block;
	for (uint64_t i = 65530; i < 65540; i++)
		packet(&receiver, i, 0);
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	assert_int_equal(block.ssrc, 7);
	assert_int_equal(block.fraction_lost, 0);
	assert_int_equal(block.cumulative_lost, 0);
	assert_int_equal(block.highest_sequence, 65539);
	assert_int_equal(block.jitter, 0);
	assert_int_equal(block.last_sr, 0);
	for (uint64_t i = 65540; i < 65560; i += 2) // every other one
		packet(&receiver, i, 0);
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	assert_int_equal(block.cumulative_lost, 9);
	assert_int_equal(block.fraction_lost, 9 * 256 / 19);
	assert_int_equal(receiver_lost(&receiver), 9);
	for (uint64_t i = 65541; i < 65560; i += 2) // resends: negative loss in this interval
		packet(&receiver, i, 0);
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	assert_int_equal(block.fraction_lost, 0);
	assert_int_equal(block.cumulative_lost, 0);
	assert_int_equal(receiver.bytes, 3000);
}

static void everything_lost_is_255(void **)
{
	struct receiver receiver = {0};
	struct rtcp_report_block block;
	packet(&receiver, 1, 0);
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	packet(&receiver, 2900, 0);
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	assert_int_equal(block.fraction_lost, 255);
	packet(&receiver, 9000, 0); // a jump: counts anew
	assert_true(receiver_report(&receiver, 7, SECOND, &block));
	assert_int_equal(block.cumulative_lost, 0);
}

static void jitter_converges(void **)
{
	struct receiver receiver = {0};
	for (uint64_t i = 1; i < 500; i++)
		packet(&receiver, i, i % 2 ? 0 : 5 * MILLISECOND);
	assert_in_range(receiver_jitter(&receiver), 235, 241); // 5 ms are 240 ticks
	uint32_t before = receiver_jitter(&receiver);
	for (unsigned i = 0; i < 20; i++) // one frame in many packets
		receiver_packet(&receiver, 500 + i, 499 * FRAME, CLOCK, 100,
			SECOND + 499 * 20 * MILLISECOND + i * MILLISECOND);
	assert_int_equal(receiver_jitter(&receiver), before);
}

static void sender_reports_give_times(void **)
{
	struct receiver receiver = {0};
	struct rtcp_report_block block;
	struct rtcp_sender_info info = {
		.ssrc = 7, .ntp = 0x1122334455667788, .timestamp = UINT32_MAX - 100};
	packet(&receiver, 1, 0);
	receiver_sender_report(&receiver, &info, 10 * SECOND);
	assert_true(receiver_report(&receiver, 7, 10 * SECOND + 1500 * MILLISECOND, &block));
	assert_int_equal(block.last_sr, 0x33445566);
	assert_int_equal(block.delay_since_last_sr, 0x18000);
	uint32_t timestamp;
	uint64_t ntp;
	assert_true(receiver_timestamp_at(&receiver, CLOCK, 12 * SECOND, &timestamp));
	assert_int_equal(timestamp, 2 * CLOCK - 101);
	assert_true(receiver_ntp_at(&receiver, 12 * SECOND, &ntp));
	assert_true(ntp == info.ntp + (UINT64_C(2) << 32));
}

static void round_trip_time(void **)
{
	uint64_t rtt, ntp = 0x1122334455667788;
	struct rtcp_report_block block = {.last_sr = (uint32_t)((ntp >> 16) - 0x10000 - 0x8000),
		.delay_since_last_sr = 0x10000};
	assert_true(receiver_rtt(&block, ntp, &rtt));
	assert_true(rtt == 500 * MILLISECOND);
	block.delay_since_last_sr = 0x20000; // longer than since we sent it
	assert_false(receiver_rtt(&block, ntp, &rtt));
	block.last_sr = 0;
	assert_false(receiver_rtt(&block, ntp, &rtt));
}

// Over random loss and reordering the counts agree with what was really lost.
static void random_loss(void **)
{
	uint64_t seed = 12;
	for (unsigned round = 0; round < 50; round++) {
		struct receiver receiver = {0};
		uint64_t index = random_below(&seed, 100000) + 10, lost = 0, run = 0;
		packet(&receiver, index++, 0);
		for (unsigned i = 0; i < 1000; i++, index++) {
			if (random_below(&seed, 5) == 0) {
				run++; // counts once a later one has come
				continue;
			}
			lost += run;
			run = 0;
			if (i % 3 == 0) { // swapped with its successor
				packet(&receiver, index + 1, 0);
				packet(&receiver, index, 0);
				index++;
			} else {
				packet(&receiver, index, random_below(&seed, 1000000));
			}
			assert_true(receiver_lost(&receiver) == lost);
		}
		struct rtcp_report_block block;
		assert_true(receiver_report(&receiver, 1, 99 * SECOND, &block));
		assert_int_equal(block.cumulative_lost, lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_report_at_first),
		cmocka_unit_test(counts_loss_per_interval),
		cmocka_unit_test(everything_lost_is_255),
		cmocka_unit_test(jitter_converges),
		cmocka_unit_test(sender_reports_give_times),
		cmocka_unit_test(round_trip_time),
		cmocka_unit_test(random_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

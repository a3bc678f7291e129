// SPDX-License-Identifier: Apache-2.0
#include "media/rewrite.h"
#include "support.h"

enum { A = 1, B = 2, CLOCK = 90000 };

static struct rewrite_packet packet_of(uint64_t source, uint64_t index, uint32_t timestamp)
{
	return (struct rewrite_packet){
		.source = source, .index = index, .timestamp = timestamp, .clock_rate = CLOCK};
}

// Gives a packet and returns its output index; fails the test on any other result than OK.
static uint64_t given(struct rewrite *rewrite, uint64_t source, uint64_t index)
{
	struct rewrite_packet packet = packet_of(source, index, (uint32_t)index * 3000);
	struct rewrite_output output;
	assert_int_equal(rewrite_apply(rewrite, &packet, index, &output), REWRITE_OK);
	return output.index;
}

static enum rewrite_result result_of(struct rewrite *rewrite, uint64_t source, uint64_t index)
{
	struct rewrite_packet packet = packet_of(source, index, (uint32_t)index * 3000);
	struct rewrite_output output;
	return rewrite_apply(rewrite, &packet, index, &output);
}

static void dropped(struct rewrite *rewrite, uint64_t source, uint64_t index)
{
	struct rewrite_packet packet = packet_of(source, index, (uint32_t)index * 3000);
	rewrite_drop(rewrite, &packet);
}

static void a_run_keeps_gaps_and_order(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 1000);
	assert_int_equal(given(&rewrite, A, 500), 1000);
	assert_int_equal(given(&rewrite, A, 501), 1001);
	assert_int_equal(given(&rewrite, A, 505), 1005);
	assert_int_equal(given(&rewrite, A, 503), 1003);
	assert_int_equal(result_of(&rewrite, A, 499), REWRITE_LATE);
}

static void a_switch_goes_on_with_the_next_index(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	struct rewrite_output output;
	rewrite_init(&rewrite, older, 10);
	struct rewrite_packet a = packet_of(A, 7000, 100000);
	assert_int_equal(rewrite_apply(&rewrite, &a, SECOND, &output), REWRITE_OK);
	assert_true(output.switched);
	assert_int_equal(output.timestamp, 100000);
	struct rewrite_packet b = packet_of(B, 3, 5);
	assert_int_equal(
		rewrite_apply(&rewrite, &b, SECOND + 500 * MILLISECOND, &output), REWRITE_OK);
	assert_true(output.switched);
	assert_int_equal(output.index, 11);
	assert_int_equal(output.timestamp, 145000); // half a second of 90 kHz later
	b = packet_of(B, 4, 3005);
	assert_int_equal(rewrite_apply(&rewrite, &b, 2 * SECOND, &output), REWRITE_OK);
	assert_false(output.switched);
	assert_int_equal(output.timestamp, 148000);
	uint32_t ours;
	assert_true(rewrite_timestamp(&rewrite, B, 6005, &ours));
	assert_int_equal(ours, 151000);
	assert_false(rewrite_timestamp(&rewrite, A, 6005, &ours));
	assert_int_equal(result_of(&rewrite, A, 6999), REWRITE_LATE);
	assert_int_equal(result_of(&rewrite, B, 2), REWRITE_LATE);
}

static void timestamps_advance_even_without_time(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	struct rewrite_output output;
	rewrite_init(&rewrite, older, 10);
	struct rewrite_packet a = packet_of(A, 1, UINT32_MAX);
	struct rewrite_packet b = packet_of(B, 1, 77);
	assert_int_equal(rewrite_apply(&rewrite, &a, 5, &output), REWRITE_OK);
	assert_int_equal(rewrite_apply(&rewrite, &b, 4, &output), REWRITE_OK);
	assert_int_equal(output.timestamp, 0);
}

static void a_break_starts_a_new_run_of_the_same_source(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 10);
	assert_int_equal(given(&rewrite, A, 100), 10);
	assert_int_equal(given(&rewrite, A, 102), 12);
	rewrite_break(&rewrite);
	assert_int_equal(result_of(&rewrite, A, 101), REWRITE_LATE);
	assert_int_equal(given(&rewrite, A, 900), 13);
	assert_int_equal(result_of(&rewrite, A, 101), REWRITE_LATE);
	assert_int_equal(result_of(&rewrite, A, 899), REWRITE_LATE);
	assert_int_equal(given(&rewrite, A, 901), 14);
}

static void a_jump_is_a_new_run(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 10);
	assert_int_equal(given(&rewrite, A, 100), 10);
	assert_int_equal(given(&rewrite, A, 100 + REWRITE_JUMP_MAX), 10 + REWRITE_JUMP_MAX);
	assert_int_equal(given(&rewrite, A, 101 + 2 * REWRITE_JUMP_MAX), 11 + REWRITE_JUMP_MAX);
}

static void dropping_closes_the_gap(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	struct rewrite_origin origin;
	rewrite_init(&rewrite, older, 10);
	assert_int_equal(given(&rewrite, A, 100), 10);
	dropped(&rewrite, A, 101);
	dropped(&rewrite, A, 102);
	assert_int_equal(given(&rewrite, A, 103), 11);
	dropped(&rewrite, A, 105); // 104 is missing and comes late
	assert_int_equal(given(&rewrite, A, 106), 13);
	assert_int_equal(given(&rewrite, A, 104), 12);
	dropped(&rewrite, A, 104); // too late for that
	assert_int_equal(given(&rewrite, A, 107), 14);
	assert_int_equal(result_of(&rewrite, A, 105), REWRITE_LATE);
	assert_int_equal(result_of(&rewrite, A, 101), REWRITE_LATE);
	static const uint64_t sources[] = {100, 103, 104, 106, 107};
	for (uint16_t i = 0; i < 5; i++) {
		assert_true(rewrite_origin(&rewrite, 10 + i, &origin));
		assert_int_equal(origin.index, sources[i]);
		assert_int_equal(origin.output_index, 10 + i);
	}
	assert_false(rewrite_origin(&rewrite, 15, &origin));
	assert_false(rewrite_origin(&rewrite, 9, &origin));
}

static void resume_goes_on_above_the_reservation(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	struct rewrite_output output;
	rewrite_resume(&rewrite, older, 0x1FFFF, 1000, 4 * SECOND);
	struct rewrite_packet a = packet_of(A, 100, 50);
	assert_int_equal(rewrite_apply(&rewrite, &a, 6 * SECOND, &output), REWRITE_OK);
	assert_int_equal(output.index, 0x1FFFF);
	assert_int_equal(output.timestamp, 1000 + 2 * CLOCK);
	assert_int_equal(given(&rewrite, A, 101), 0x20000);
	rewrite_resume(&rewrite, older, 500, 1000, 0); // had never sent
	assert_int_equal(rewrite_apply(&rewrite, &a, 6 * SECOND, &output), REWRITE_OK);
	assert_int_equal(output.timestamp, 50);
}

static void the_last_index_is_the_end(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_resume(&rewrite, older, SEQ_INDEX_MAX, 0, 0);
	assert_true(given(&rewrite, A, 100) == SEQ_INDEX_MAX);
	assert_int_equal(result_of(&rewrite, A, 101), REWRITE_EXHAUSTED);
	assert_int_equal(result_of(&rewrite, B, 101), REWRITE_EXHAUSTED);
}

static struct rewrite_output picture(
	struct rewrite *rewrite, uint64_t source, uint64_t index, uint16_t id, uint8_t tl0)
{
	struct rewrite_packet packet = packet_of(source, index, 0);
	struct rewrite_output output;
	packet.has_picture = true;
	packet.picture_id = id;
	packet.tl0_picture = tl0;
	assert_int_equal(rewrite_apply(rewrite, &packet, index, &output), REWRITE_OK);
	return output;
}

static void picture_ids_go_on_over_a_switch(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 10);
	struct rewrite_output output = picture(&rewrite, A, 1, 0x7FFF, 255);
	assert_int_equal(output.picture_offset, 0);
	output = picture(&rewrite, A, 2, 0, 0);
	output = picture(&rewrite, B, 1, 900, 50);
	assert_int_equal((900 + output.picture_offset) & 0x7FFF, 1);
	assert_int_equal((uint8_t)(50 + output.tl0_offset), 1);
	output = picture(&rewrite, B, 2, 901, 51);
	assert_int_equal((901 + output.picture_offset) & 0x7FFF, 2);
	uint32_t kept = rewrite_picture(&rewrite, 0);
	rewrite_resume(&rewrite, older, 100, 0, 1);
	assert_int_equal(rewrite_picture(&rewrite, 0), 0);
	assert_int_equal(rewrite_picture(&rewrite, 64), 0);
	rewrite_resume_picture(&rewrite, kept);
	output = picture(&rewrite, B, 3, 902, 51);
	assert_int_equal((902 + output.picture_offset) & 0x7FFF, 3);
	assert_int_equal((uint8_t)(51 + output.tl0_offset), 3);
}

static void half_of_all_pictures_are_newer(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 10);
	picture(&rewrite, A, 1, 0, 0);
	uint32_t first = rewrite_picture(&rewrite, 0);
	picture(&rewrite, A, 2, 0x4000, 1); // as far back as ahead
	assert_int_equal(rewrite_picture(&rewrite, 0), first);
	picture(&rewrite, A, 3, 0x3FFF, 1);
	assert_int_equal(rewrite_picture(&rewrite, 0) & 0x7FFF, 0x3FFF);
	assert_true(rewrite_picture_beyond(&rewrite, first));
}

static void pictures_are_reserved_ahead(void **)
{
	struct rewrite rewrite;
	struct rewrite_segment older[REWRITE_SEGMENTS];
	rewrite_init(&rewrite, older, 10);
	assert_false(rewrite_picture_beyond(&rewrite, 0)); // no picture was sent
	picture(&rewrite, A, 1, 0x7FFE, 254);
	assert_true(rewrite_picture_beyond(&rewrite, 0));
	assert_false(rewrite_picture_beyond(&rewrite, rewrite_picture(&rewrite, 0)));
	uint32_t reserved = rewrite_picture(&rewrite, 3); // beyond the wrap
	for (uint16_t i = 2; i <= 4; i++) {
		picture(&rewrite, A, i, (0x7FFD + i) & 0x7FFF, (uint8_t)(253 + i));
		assert_false(rewrite_picture_beyond(&rewrite, reserved));
	}
	picture(&rewrite, A, 5, 2, 2);
	assert_true(rewrite_picture_beyond(&rewrite, reserved));
	rewrite_resume(&rewrite, older, 100, 0, 1);
	rewrite_resume_picture(&rewrite, reserved);
	struct rewrite_output output = picture(&rewrite, B, 1, 900, 50);
	assert_int_equal((900 + output.picture_offset) & 0x7FFF, 2);
	assert_int_equal((uint8_t)(50 + output.tl0_offset), 2);
}

enum { SENT = 4096 };
struct sent {
	uint64_t source, index;
	uint32_t timestamp_offset;
};

static bool was_given(const struct sent *sent, const bool *used, uint64_t source, uint64_t index)
{
	for (unsigned slot = 0; slot < SENT; slot++)
		if (used[slot] && sent[slot].source == source && sent[slot].index == index)
			return true;
	return false;
}

// Random sources, loss, reordering, drops, breaks and restarts: an output index is given
// once, a new run is above all before it, timestamps of new runs go up, and each can be mapped back.
static void random_switching(void **)
{
	uint64_t seed = 5;
	for (unsigned round = 0; round < 40; round++) {
		static struct sent sent[SENT];
		static bool used[SENT];
		memset(used, 0, sizeof(used));
		struct rewrite rewrite;
		struct rewrite_segment older[REWRITE_SEGMENTS];
		const uint64_t base = 60000;
		uint64_t source = 1, index = 5000, highest = base - 1, now = SECOND;
		uint32_t newest_timestamp = 0;
		rewrite_init(&rewrite, older, base);
		for (unsigned i = 0; i < 1000; i++) {
			now += random_below(&seed, 20000000);
			switch (random_below(&seed, 40)) {
			case 0:
				source++;
				index = random_below(&seed, 30000);
				break;
			case 1:
				rewrite_break(&rewrite);
				index += random_below(&seed, 5000);
				break;
			case 2:
				rewrite_resume(&rewrite, older,
					highest + 1 + random_below(&seed, 2), newest_timestamp,
					now);
				source++;
				break;
			}
			index += random_below(&seed, 10) == 0 ? 3 : 1;
			uint64_t here = index;
			if (random_below(&seed, 5) == 0)
				here -= random_below(&seed, 20) % here;
			struct rewrite_packet packet =
				packet_of(source, here, (uint32_t)here * 3000);
			if (random_below(&seed, 10) == 0) {
				rewrite_drop(&rewrite, &packet);
				continue;
			}
			struct rewrite_output output;
			if (was_given(sent, used, source, here))
				continue;
			if (rewrite_apply(&rewrite, &packet, now, &output) != REWRITE_OK)
				continue;
			uint64_t slot = output.index - base;
			assert_true(slot < SENT);
			assert_false(used[slot]);
			used[slot] = true;
			if (output.switched && highest >= base) {
				assert_true(output.index > highest);
				assert_true(
					seq_timestamp_newer(output.timestamp, newest_timestamp));
			}
			sent[slot] =
				(struct sent){source, here, output.timestamp - packet.timestamp};
			if (output.index > highest)
				highest = output.index;
			if (output.switched ||
				seq_timestamp_newer(output.timestamp, newest_timestamp))
				newest_timestamp = output.timestamp;
			struct rewrite_origin origin;
			assert_true(rewrite_origin(&rewrite, (uint16_t)output.index, &origin));
			assert_true(origin.source == source && origin.index == here);
			uint64_t back = slot - random_below(&seed, 200) % (slot + 1);
			if (rewrite_origin(&rewrite, (uint16_t)(base + back), &origin) &&
				used[back]) {
				assert_true(origin.source == sent[back].source);
				assert_true(origin.index == sent[back].index);
				assert_int_equal(
					origin.timestamp_offset, sent[back].timestamp_offset);
			}
		}
		assert_true(highest > base + 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_keeps_gaps_and_order),
		cmocka_unit_test(a_switch_goes_on_with_the_next_index),
		cmocka_unit_test(timestamps_advance_even_without_time),
		cmocka_unit_test(a_break_starts_a_new_run_of_the_same_source),
		cmocka_unit_test(a_jump_is_a_new_run),
		cmocka_unit_test(dropping_closes_the_gap),
		cmocka_unit_test(resume_goes_on_above_the_reservation),
		cmocka_unit_test(the_last_index_is_the_end),
		cmocka_unit_test(picture_ids_go_on_over_a_switch),
		cmocka_unit_test(half_of_all_pictures_are_newer),
		cmocka_unit_test(pictures_are_reserved_ahead),
		cmocka_unit_test(random_switching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

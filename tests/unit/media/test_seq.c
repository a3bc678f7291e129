// SPDX-License-Identifier: Apache-2.0
#include "media/seq.h"
#include "support.h"

enum { STEPS = 20000, INDEXES = 1 << 20 };

// What the window stands for: everything that was added, however long ago.
static uint8_t added[INDEXES];

static enum seq_seen naive(uint64_t highest, bool started, uint64_t index)
{
	if (!started || index > highest)
		return SEQ_NEW;
	if (highest - index >= SEQ_WINDOW_BITS)
		return SEQ_OLD;
	return added[index] ? SEQ_SEEN : SEQ_NEW;
}

// Mostly the next one, now and then a late one, a gap, one below the window or beyond it.
static uint64_t next_index(uint64_t *seed, uint64_t highest)
{
	static const uint64_t jumps[] = {1, 2, 63, 64, 65, 960, 1023, 1024, 1025, 1087, 1088, 3000};
	uint64_t kind = random_below(seed, 10), back = random_below(seed, 1200);
	if (kind < 6)
		return highest + 1;
	if (kind < 9)
		return back > highest ? 0 : highest - back;
	return highest + jumps[random_below(seed, sizeof(jumps) / sizeof(jumps[0]))];
}

static void a_window_knows_what_it_saw(void **)
{
	for (uint64_t seed = 1; seed < 40;) {
		uint64_t state = seed++, highest = random_below(&state, 200);
		struct seq_window window = {0};
		uint64_t words[SEQ_WINDOW_WORDS] = {0};
		bool started = false;
		memset(added, 0, sizeof(added));
		for (unsigned step = 0; step < STEPS; step++) {
			uint64_t index = next_index(&state, highest);
			if (index >= INDEXES)
				break;
			assert_int_equal(seq_window_check(&window, words, index),
				naive(highest, started, index));
			seq_window_add(&window, words, index);
			if (!started || index > highest)
				highest = index;
			added[index] = 1;
			started = true;
			assert_int_equal(window.highest, highest);
			uint64_t asked = next_index(&state, highest);
			if (asked < INDEXES)
				assert_int_equal(seq_window_check(&window, words, asked),
					naive(highest, started, asked));
		}
	}
}

static void indexes_come_out_of_sequence_numbers(void **)
{
	assert_int_equal(seq_extend(0x1FFFE, 0x0001), 0x20001);
	assert_int_equal(seq_extend(0x20001, 0xFFFE), 0x1FFFE);
	assert_int_equal(seq_extend(1, 0xFFFE), 0xFFFE); // never below 0
	assert_true(seq_newer(0, 0xFFFF));
	assert_false(seq_newer(0xFFFF, 0));
	assert_false(seq_newer(7, 7));
	assert_true(seq_timestamp_newer(3, 0xFFFFFFF0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_knows_what_it_saw),
		cmocka_unit_test(indexes_come_out_of_sequence_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "media/srtp.h"
#include "media/srtp_streams.h"
#include "support.h"

static void finds_what_was_added(void **)
{
	struct srtp_streams streams = {0};
	assert_true(srtp_streams_open(&streams));
	assert_null(srtp_streams_find(&streams, 0));
	struct srtp_stream *zero = srtp_streams_add(&streams, 0);
	assert_non_null(zero);
	assert_ptr_equal(srtp_streams_find(&streams, 0), zero);
	assert_null(srtp_streams_find(&streams, 1));
	assert_false(seq_window_started(&zero->window) || zero->in_library || zero->has_floor);
	srtp_streams_remove(&streams, 1);
	srtp_streams_remove(&streams, 0);
	assert_null(srtp_streams_find(&streams, 0));
	srtp_streams_close(&streams);
	srtp_streams_close(&streams); // all zero again
}

static void is_bounded_and_rows_stay_where_they_are(void **)
{
	static struct srtp_stream *rows[SRTP_STREAMS_MAX];
	struct srtp_streams streams = {0};
	assert_true(srtp_streams_open(&streams));
	for (uint32_t i = 0; i < SRTP_STREAMS_MAX; i++) {
		assert_false(srtp_streams_full(&streams));
		rows[i] = srtp_streams_add(&streams, i << 20 | i);
		assert_non_null(rows[i]);
	}
	assert_null(srtp_streams_add(&streams, 0xFFFFFFFF));
	assert_true(srtp_streams_full(&streams));
	for (uint32_t i = 0; i < SRTP_STREAMS_MAX; i++)
		assert_ptr_equal(srtp_streams_find(&streams, i << 20 | i), rows[i]);
	srtp_streams_remove(&streams, 0);
	assert_non_null(srtp_streams_add(&streams, 0xFFFFFFFF));
	srtp_streams_close(&streams);
}

// Against a plain array: in every order of adding and removing no row is lost or found twice.
static void random_adding_and_removing(void **)
{
	enum { SSRCS = 64 };
	for (uint64_t seed = 1; seed <= 50; seed++) {
		uint64_t random = seed;
		struct srtp_stream *rows[SSRCS] = {0};
		struct srtp_streams streams = {0};
		assert_true(srtp_streams_open(&streams));
		for (unsigned step = 0; step < 1000; step++) {
			uint32_t i = random_below(&random, SSRCS);
			uint32_t ssrc = i * 0x01000193;
			if (rows[i]) {
				srtp_streams_remove(&streams, ssrc);
				rows[i] = NULL;
			} else {
				rows[i] = srtp_streams_add(&streams, ssrc);
				assert_non_null(rows[i]);
				assert_int_equal(rows[i]->ssrc, ssrc);
			}
			for (uint32_t j = 0; j < SSRCS; j++)
				assert_ptr_equal(
					srtp_streams_find(&streams, j * 0x01000193), rows[j]);
		}
		srtp_streams_close(&streams);
	}
}

// Against a list of what was added.
static void the_rtcp_window_knows_the_last_128(void **)
{
	enum { STEPS = 3000 };
	static uint32_t added[STEPS];
	struct srtcp_window window = {0};
	uint64_t seed = 3;
	uint32_t highest = 0, used = 0;
	assert_true(srtcp_window_is_new(&window, 0));
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t reach = random_below(&seed, 50) ? 140 : 1000;
		uint32_t index = highest + random_below(&seed, 20);
		if (random_below(&seed, 2))
			index = highest > reach ? highest - random_below(&seed, reach) : 0;
		bool is_new = used == 0 || index > highest || highest - index < SRTCP_WINDOW;
		for (unsigned i = 0; i < used; i++)
			is_new &= added[i] != index;
		assert_int_equal(srtcp_window_is_new(&window, index), is_new);
		if (!is_new)
			continue;
		srtcp_window_add(&window, index);
		added[used++] = index;
		if (index > highest)
			highest = index;
	}
	srtcp_window_add(&window, SRTCP_INDEX_MAX); // a leap forgets all before
	assert_false(srtcp_window_is_new(&window, SRTCP_INDEX_MAX));
	assert_true(srtcp_window_is_new(&window, SRTCP_INDEX_MAX - SRTCP_WINDOW + 1));
	assert_false(srtcp_window_is_new(&window, SRTCP_INDEX_MAX - SRTCP_WINDOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added),
		cmocka_unit_test(is_bounded_and_rows_stay_where_they_are),
		cmocka_unit_test(random_adding_and_removing),
		cmocka_unit_test(the_rtcp_window_knows_the_last_128),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

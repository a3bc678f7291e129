// SPDX-License-Identifier: Apache-2.0
#include "plane/capture.h"
#include "unit/plane/world.h"

static const struct core_participant_id peer = {4, 2};

static struct sluice_capture_wish wish_of(const struct world *world)
{
	struct sluice_capture_wish wish;
	assert_true(sluice_row_read(
		&plane_desired(world->plane)->head.capture.row, &wish, sizeof(wish)));
	return wish;
}

static const struct sluice_capture_reader *reader_of(const struct world *world)
{
	return &plane_desired(world->plane)->head.capture_reader;
}

static void a_wish_is_a_row(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	assert_int_equal(wish_of(world).row.generation, 0);
	uint32_t name = capture_begin(world->plane, peer, true, 30, 5000);
	assert_int_equal(name, 1);
	struct sluice_capture_wish wish = wish_of(world);
	assert_int_equal(wish.row.generation, 1);
	assert_int_equal(wish.participant.index, 4);
	assert_int_equal(wish.participant.generation, 2);
	assert_int_equal(wish.flags, SLUICE_CAPTURE_DECRYPTED);
	assert_int_equal(wish.until_ns, UINT64_C(35000) * 1000000);
	assert_int_equal(atomic_load(&reader_of(world)->beat_ns), UINT64_C(5000) * 1000000);
	assert_int_equal(capture_participant(world->plane, name).index, 4);
	assert_int_equal(capture_participant(world->plane, name + 1).generation, 0);
	// One at a time; and no longer than the longest.
	assert_int_equal(capture_begin(world->plane, peer, false, 30, 5000), 0);
	capture_end(world->plane, name + 1);
	assert_int_equal(wish_of(world).row.generation, 1);
	capture_end(world->plane, name);
	assert_int_equal(wish_of(world).row.generation, 0);
	assert_int_equal(capture_begin(world->plane, peer, false, 100000, 0), 2);
	wish = wish_of(world);
	assert_int_equal(wish.flags, 0);
	assert_int_equal(wish.until_ns, SLUICE_CAPTURE_SECONDS_MAX * UINT64_C(1000000000));
}

static void the_reader_is_followed(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	uint32_t name = capture_begin(world->plane, peer, false, 30, 0);
	const uint32_t tails[SLUICE_WORKERS_MAX + 1] = {7, 9};
	assert_true(capture_read(world->plane, name, tails, 2, 1000));
	assert_int_equal(atomic_load(&reader_of(world)->tails[1]), 9);
	assert_int_equal(atomic_load(&reader_of(world)->beat_ns), UINT64_C(1000) * 1000000);
	assert_true(capture_read(world->plane, name, tails, SLUICE_WORKERS_MAX + 1, 1000));
	assert_false(capture_read(world->plane, name + 1, tails, 2, 1000));
	assert_false(capture_read(world->plane, 0, tails, 2, 1000));
	// The next one begins at the beginning.
	capture_end(world->plane, name);
	assert_false(capture_read(world->plane, name, tails, 2, 1000));
	capture_begin(world->plane, peer, false, 30, 2000);
	assert_int_equal(atomic_load(&reader_of(world)->tails[1]), 0);
}

static void a_peer_that_comes_back_is_followed(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	uint32_t name = capture_begin(world->plane, peer, true, 30, 0);
	capture_follow(world->plane, name + 1, (struct core_participant_id){5, 1});
	assert_int_equal(wish_of(world).participant.index, 4);
	capture_follow(world->plane, name, (struct core_participant_id){5, 1});
	struct sluice_capture_wish wish = wish_of(world);
	assert_int_equal(wish.row.generation, name);
	assert_int_equal(wish.participant.index, 5);
	assert_int_equal(wish.flags, SLUICE_CAPTURE_DECRYPTED);
	assert_int_equal(wish.until_ns, UINT64_C(30000) * 1000000);
}

static void a_reader_that_is_silent_ends_it(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	uint32_t name = capture_begin(world->plane, peer, false, 30, 0);
	plane_poll(world->plane, world->core, SLUICE_CAPTURE_SILENCE_MS);
	assert_int_equal(wish_of(world).row.generation, name);
	plane_poll(world->plane, world->core, SLUICE_CAPTURE_SILENCE_MS + 1);
	assert_int_equal(wish_of(world).row.generation, 0);
}

static void its_time_ends_it(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	uint32_t name = capture_begin(world->plane, peer, false, 1, 0);
	const uint64_t end_ms =
		1000 + SLUICE_CAPTURE_SILENCE_MS; // the reader's own end comes before
	assert_true(capture_read(world->plane, name, NULL, 0, end_ms - 1));
	plane_poll(world->plane, world->core, end_ms - 1);
	assert_int_equal(wish_of(world).row.generation, name);
	plane_poll(world->plane, world->core, end_ms);
	assert_int_equal(wish_of(world).row.generation, 0);
}

static void it_ends_with_control(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	uint32_t name = capture_begin(world->plane, peer, false, 30, 0);
	world_control_dies(world);
	world_control(world, 100);
	assert_int_equal(wish_of(world).row.generation, 0);
	// Names are not used again: the data plane knows the last one.
	assert_int_equal(capture_begin(world->plane, peer, false, 30, 200), name + 1);
}

static void a_torn_wish_is_mended(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	capture_begin(world->plane, peer, false, 30, 0);
	// It died in the middle of writing.
	struct sluice_row *row =
		(struct sluice_row *)&plane_desired(world->plane)->head.capture.row;
	sluice_row_begin(row);
	world_control_dies(world);
	world_control(world, 100);
	assert_int_equal(wish_of(world).row.generation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_wish_is_a_row),
		WORLD_TEST(the_reader_is_followed),
		WORLD_TEST(a_peer_that_comes_back_is_followed),
		WORLD_TEST(a_reader_that_is_silent_ends_it),
		WORLD_TEST(its_time_ends_it),
		WORLD_TEST(it_ends_with_control),
		WORLD_TEST(a_torn_wish_is_mended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

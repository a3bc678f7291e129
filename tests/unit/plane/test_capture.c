// SPDX-License-Identifier: Apache-2.0
#include "plane/capture.h"
#include "unit/plane/world.h"

#include <errno.h>
#include <sys/stat.h>

static const struct core_participant_id peer = {4, 2}, other = {5, 1};

static int64_t begin_for(
	struct world *world, struct core_participant_id whom, uint32_t seconds, uint64_t now_ms)
{
	const struct capture_request request = {whom, "demo/1", true, seconds};
	return capture_begin(world->plane, &request, now_ms);
}

static int64_t begin(struct world *world, uint64_t now_ms)
{
	return begin_for(world, peer, 30, now_ms);
}

static struct sluice_capture_wish wish_at(const struct world *world, unsigned place)
{
	struct sluice_capture_wish wish;
	assert_true(sluice_row_read(
		&plane_desired(world->plane)->head.captures[place].row, &wish, sizeof(wish)));
	return wish;
}

static const struct sluice_capture_reader *reader_of(const struct world *world)
{
	return &plane_desired(world->plane)->head.capture_readers[1];
}

// Our ring of capture `number`.
static const struct sluice_capture *ring_of(const struct world *world, uint32_t number)
{
	return sluice_capture_open(world->directory, SLUICE_CAPTURE_CONTROL, number);
}

static void a_wish_is_a_row(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
	assert_false(capture_any(world->plane));
	assert_int_equal(begin(world, 5000), 1);
	assert_true(capture_any(world->plane));
	struct sluice_capture_wish wish = wish_at(world, 1);
	assert_int_equal(wish.row.generation, 1);
	assert_int_equal(wish.participant.index, 4);
	assert_int_equal(wish.participant.generation, 2);
	assert_int_equal(wish.flags, SLUICE_CAPTURE_DECRYPTED);
	assert_int_equal(wish.until_ns, UINT64_C(35000) * 1000000);
	assert_string_equal(wish.peer, "demo/1");
	assert_int_equal(atomic_load(&reader_of(world)->beat_ns), UINT64_C(5000) * 1000000);
	assert_int_equal(capture_participant(world->plane, 1).index, 4);
	assert_int_equal(capture_participant(world->plane, 2).generation, 0);
	capture_end(world->plane, 2);
	capture_end(world->plane, 9); // of the same place
	assert_int_equal(wish_at(world, 1).row.generation, 1);
	capture_end(world->plane, 1);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
	assert_false(capture_any(world->plane));
	// No longer than the longest.
	assert_int_equal(begin_for(world, peer, 100000, 0), 2);
	wish = wish_at(world, 2);
	assert_int_equal(wish.until_ns, SLUICE_CAPTURE_SECONDS_MAX * UINT64_C(1000000000));
}

static void several_at_a_time(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	for (uint32_t i = 0; i < SLUICE_CAPTURES_MAX; i++)
		assert_int_equal(
			begin_for(world, (struct core_participant_id){i, 1}, 30, 0), i + 1);
	assert_int_equal(begin(world, 0), -EAGAIN);
	assert_int_equal(begin_for(world, (struct core_participant_id){3, 1}, 30, 0), -EBUSY);
	// The place that is free again: its numbers are 3, 11, 19, …
	capture_end(world->plane, 3);
	assert_int_equal(begin(world, 0), 11);
	assert_int_equal(capture_participant(world->plane, 4).index, 3);
	// Nobody is captured twice, nor by following.
	capture_follow(world->plane, 4, peer);
	assert_int_equal(capture_participant(world->plane, 4).index, 3);
}

static void without_room_there_is_none(void **state)
{
	struct world *world = *state;
	char path[128];
	world_control(world, 0);
	snprintf(path, sizeof(path), "%s/capture-1.control", world->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(begin(world, 0), -EEXIST);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
	assert_false(capture_any(world->plane));
}

static void the_reader_is_followed(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	assert_int_equal(begin(world, 0), 1);
	const uint32_t tails[SLUICE_WORKERS_MAX + 1] = {7, 9};
	assert_true(capture_read(world->plane, 1, tails, 2, 0, 1000));
	assert_int_equal(atomic_load(&reader_of(world)->tails[1]), 9);
	assert_int_equal(atomic_load(&reader_of(world)->beat_ns), UINT64_C(1000) * 1000000);
	assert_true(capture_read(world->plane, 1, tails, SLUICE_WORKERS_MAX + 1, 0, 1000));
	assert_false(capture_read(world->plane, 2, tails, 2, 0, 1000));
	assert_false(capture_read(world->plane, 9, tails, 2, 0, 1000));
	assert_false(capture_read(world->plane, 0, tails, 2, 0, 1000));
	// The next one of the place begins at the beginning.
	capture_end(world->plane, 1);
	assert_false(capture_read(world->plane, 1, tails, 2, 0, 1000));
	for (uint32_t number = 2; number <= 9; number++) {
		assert_int_equal(begin(world, 2000), number);
		capture_end(world->plane, number);
	}
	assert_int_equal(atomic_load(&reader_of(world)->tails[1]), 0);
}

static void a_peer_that_comes_back_is_followed(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	begin(world, 0);
	capture_follow(world->plane, 2, other);
	assert_int_equal(wish_at(world, 1).participant.index, 4);
	capture_follow(world->plane, 1, other);
	struct sluice_capture_wish wish = wish_at(world, 1);
	assert_int_equal(wish.row.generation, 1);
	assert_int_equal(wish.participant.index, 5);
	assert_int_equal(wish.flags, SLUICE_CAPTURE_DECRYPTED);
	assert_int_equal(wish.until_ns, UINT64_C(30000) * 1000000);
	assert_string_equal(wish.peer, "demo/1");
}

static void a_reader_that_is_silent_ends_it(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	begin(world, 0);
	begin_for(world, other, 30, 1000);
	plane_poll(world->plane, world->core, SLUICE_CAPTURE_SILENCE_MS);
	assert_int_equal(wish_at(world, 1).row.generation, 1);
	plane_poll(world->plane, world->core, SLUICE_CAPTURE_SILENCE_MS + 1);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
	assert_int_equal(wish_at(world, 2).row.generation, 2); // it has a reader of its own
}

static void its_time_ends_it(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	begin_for(world, peer, 1, 0);
	const uint64_t end_ms =
		1000 + SLUICE_CAPTURE_SILENCE_MS; // the reader's own end comes before
	assert_true(capture_read(world->plane, 1, NULL, 0, 0, end_ms - 1));
	plane_poll(world->plane, world->core, end_ms - 1);
	assert_int_equal(wish_at(world, 1).row.generation, 1);
	plane_poll(world->plane, world->core, end_ms);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
}

static void it_ends_with_control(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	begin(world, 0);
	world_control_dies(world);
	assert_null(ring_of(world, 1));
	world_control(world, 100);
	assert_int_equal(wish_at(world, 1).row.generation, 0);
	// Numbers are not used again: the data plane knows the last one.
	assert_int_equal(begin(world, 200), 2);
}

static void a_torn_wish_is_mended(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	// It died in the middle of writing, and left a ring behind.
	struct sluice_row *row =
		(struct sluice_row *)&plane_desired(world->plane)->head.captures[3].row;
	sluice_row_begin(row);
	world_control_dies(world);
	sluice_capture_close(sluice_capture_create(world->directory, SLUICE_CAPTURE_CONTROL, 6, 1));
	world_control(world, 100);
	assert_int_equal(wish_at(world, 3).row.generation, 0);
	assert_null(ring_of(world, 6));
}

// ---- datagrams

static const uint8_t stun[] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};

static bool put(struct world *world, struct core_participant_id whom, uint64_t time_ns)
{
	uint64_t before, after, lost;
	const struct core_path path = {
		.remote = {.ip = {[10] = 255, 255, 10, 0, 0, 7}, .port = 4000},
		.local = {.ip = {[10] = 255, 255, 10, 0, 0, 1}, .port = 7000},
		.remote_mac = {2, 2, 2, 2, 2, 2}};
	capture_figures(world->plane, &before, &lost);
	capture_put(world->plane, &(struct capture_datagram){.participant = whom,
					  .direction = SLUICE_CAPTURE_OUT,
					  .path = &path,
					  .data = stun,
					  .length = sizeof(stun),
					  .time_ns = time_ns,
					  .drop = SLUICE_DROP_tx_full});
	capture_figures(world->plane, &after, &lost);
	return after != before;
}

static void datagrams_go_to_their_capture(void **state)
{
	struct world *world = *state;
	world_control(world, 0);
	assert_false(put(world, peer, 1));
	begin(world, 0);
	begin_for(world, other, 30, 0);
	const struct sluice_capture *ring = ring_of(world, 1), *others = ring_of(world, 2);
	assert_non_null(ring);
	assert_true(put(world, peer, 42));
	assert_true(put(world, other, 43));
	assert_false(put(world, (struct core_participant_id){4, 3}, 44)); // somebody else by now
	const struct sluice_captured *slot = sluice_capture_peek(ring, 0, 0);
	assert_non_null(slot);
	assert_null(sluice_capture_peek(ring, 0, 1));
	assert_int_equal(slot->time_ns, 42);
	assert_int_equal(slot->direction, SLUICE_CAPTURE_OUT);
	assert_int_equal(slot->drop, SLUICE_DROP_tx_full + 1);
	assert_int_equal(slot->flags, 0);
	assert_int_equal(slot->kept, 14 + 20 + 8 + sizeof(stun));
	assert_int_equal(slot->length, slot->kept);
	assert_memory_equal(slot->data, "\2\2\2\2\2\2", 6); // to the peer
	assert_memory_equal(slot->data + 14 + 12, "\12\0\0\1\12\0\0\7", 8);
	assert_memory_equal(slot->data + slot->kept - sizeof(stun), stun, sizeof(stun));
	assert_int_equal(sluice_capture_peek(others, 0, 0)->time_ns, 43);
	sluice_capture_close(ring);
	sluice_capture_close(others);
}

static void a_full_ring_loses_and_says_so(void **state)
{
	struct world *world = *state;
	uint64_t packets, lost;
	world_control(world, 0);
	begin(world, 0);
	const struct sluice_capture *ring = ring_of(world, 1);
	for (unsigned i = 0; i < SLUICE_CAPTURE_SLOTS; i++)
		assert_true(put(world, peer, i));
	assert_false(put(world, peer, 0));
	assert_false(put(world, peer, 0));
	capture_figures(world->plane, &packets, &lost);
	assert_int_equal(packets, SLUICE_CAPTURE_SLOTS);
	assert_int_equal(lost, 2);
	assert_true(capture_read(world->plane, 1, NULL, 0, 1, 10));
	assert_true(put(world, peer, 99));
	assert_int_equal(sluice_capture_peek(ring, 0, SLUICE_CAPTURE_SLOTS)->lost, 2);
	// An index that makes no sense is a full ring.
	assert_true(capture_read(world->plane, 1, NULL, 0, 1 << 30, 10));
	assert_false(put(world, peer, 99));
	sluice_capture_close(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_wish_is_a_row),
		WORLD_TEST(several_at_a_time),
		WORLD_TEST(without_room_there_is_none),
		WORLD_TEST(the_reader_is_followed),
		WORLD_TEST(a_peer_that_comes_back_is_followed),
		WORLD_TEST(a_reader_that_is_silent_ends_it),
		WORLD_TEST(its_time_ends_it),
		WORLD_TEST(it_ends_with_control),
		WORLD_TEST(a_torn_wish_is_mended),
		WORLD_TEST(datagrams_go_to_their_capture),
		WORLD_TEST(a_full_ring_loses_and_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The main thread's part: which wish begins a capture, and everything that ends one.
#include "replay/scene.h"
#include "taps.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum config_log_level log_level = CONFIG_LOG_ERROR;

static struct world world;
static struct taps taps;
static char directory[64], path[96];

static int setup(void **)
{
	strcpy(directory, "/dev/shm/sluice-main-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/capture-1.dataplane", directory);
	world_open(&world, 2, false);
	taps_open(&taps, directory, world.observed, world.worker, 2);
	return 0;
}

static int teardown(void **)
{
	world_close(&world);
	taps_close(&taps);
	return rmdir(directory);
}

// In place 1; numbers of that place are 1, 9, 17, …
static void wish(uint32_t number, uint32_t participant, uint64_t until_ns)
{
	struct sluice_desired_head *head = &world.desired->head;
	unsigned place = number ? sluice_capture_place(number) : 1;
	const struct sluice_capture_wish row = {.row.generation = number,
		.participant = {participant, 1},
		.until_ns = until_ns,
		.flags = SLUICE_CAPTURE_DECRYPTED,
		.peer = "demo/7"};
	world_write(&head->captures[place].row, &row.row, sizeof(row));
	atomic_store(&head->capture_readers[place].beat_ns, world.now_ns);
}

static void poll_main(void)
{
	taps_poll(&taps, world.desired, world.now_ns);
}

// The main thread looks, the workers follow, it looks again.
static void settle(void)
{
	poll_main();
	world_settle(&world);
	poll_main();
}

static uint32_t running(void)
{
	return atomic_load(&world.observed->head.capture.places[1].running);
}

static bool there(void)
{
	return access(path, F_OK) == 0;
}

static void begun(void)
{
	wish(1, 7, world.now_ns + 10 * NS_PER_S);
	settle();
	assert_int_equal(running(), 1);
	assert_true(there());
	const struct tap_order *order = worker_captured(world.worker[1]);
	assert_non_null(order);
	assert_int_equal(order->items[1].participant.index, 7);
	assert_true(order->items[1].decrypted);
}

static void ended(void)
{
	settle();
	assert_int_equal(running(), 0);
	assert_false(there());
	assert_null(worker_captured(world.worker[0]));
	assert_null(worker_captured(world.worker[1]));
	// The wish may still be there: it does not begin again.
	settle();
	assert_int_equal(running(), 0);
}

static void by_control(void **)
{
	begun();
	wish(0, 0, 0);
	ended();
	wish(9, 7, world.now_ns + NS_PER_S);
	settle();
	assert_int_equal(running(), 9);
	// Another wish in its place ends it as well, and then begins.
	wish(17, 7, world.now_ns + NS_PER_S);
	settle();
	settle();
	assert_int_equal(running(), 17);
	wish(0, 0, 0);
	ended();
}

static void by_time(void **)
{
	begun();
	// The reader's own end comes before.
	world.now_ns += 10 * NS_PER_S + SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS - 1;
	atomic_store(&world.desired->head.capture_readers[1].beat_ns, world.now_ns);
	settle();
	assert_int_equal(running(), 1);
	world.now_ns++;
	ended();
}

// Whatever control wishes.
static void by_the_longest_time(void **)
{
	wish(1, 7, UINT64_MAX);
	settle();
	world.now_ns += SLUICE_CAPTURE_SECONDS_MAX * NS_PER_S;
	world.now_ns += SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS;
	atomic_store(&world.desired->head.capture_readers[1].beat_ns, world.now_ns);
	ended();
}

static void by_silence(void **)
{
	begun();
	world.now_ns += SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS;
	settle();
	assert_int_equal(running(), 1);
	world.now_ns++;
	ended();
}

static void by_silence_in_the_middle_of_a_wish(void **)
{
	begun();
	sluice_row_begin(&world.desired->head.captures[1].row); // control died here
	settle();
	assert_int_equal(running(), 1);
	world.now_ns += SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS + 1;
	ended();
}

static void by_another_control(void **)
{
	begun();
	taps_poll(&taps, NULL, world.now_ns);
	world_settle(&world);
	taps_poll(&taps, NULL, world.now_ns);
	assert_int_equal(running(), 0);
	assert_false(there());
}

// A worker may still write to the file: it stays mapped until it has let go.
static void a_worker_that_hangs_holds_it(void **)
{
	begun();
	wish(0, 0, 0);
	poll_main();
	assert_false(there());
	worker_step(world.worker[0], world.now_ns);
	poll_main();
	assert_int_equal(running(), 1);
	assert_non_null(taps.places[1].file);
	worker_step(world.worker[1], world.now_ns);
	poll_main();
	assert_int_equal(running(), 0);
	assert_null(taps.places[1].file);
}

static void wishes_that_are_too_old(void **)
{
	wish(1, 7, world.now_ns); // its time is over
	settle();
	assert_int_equal(running(), 0);
	wish(9, 7, world.now_ns + 10 * NS_PER_S);
	world.now_ns += SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS + 1; // nobody reads
	settle();
	assert_int_equal(running(), 0);
	assert_false(there());
}

static void a_peer_that_comes_back(void **)
{
	begun();
	wish(1, 9, world.now_ns + 10 * NS_PER_S);
	settle();
	assert_int_equal(running(), 1);
	const struct tap_order *order = worker_captured(world.worker[1]);
	assert_int_equal(order->items[1].participant.index, 9);
	assert_ptr_equal(order->items[1].file, taps.places[1].file);
	// Not all workers have this one yet: theirs is not written over.
	wish(1, 10, world.now_ns + 10 * NS_PER_S);
	poll_main();
	worker_step(world.worker[0], world.now_ns);
	wish(1, 11, world.now_ns + 10 * NS_PER_S);
	poll_main();
	assert_int_equal(worker_captured(world.worker[0])->items[1].participant.index, 10);
	assert_int_equal(worker_captured(world.worker[1])->items[1].participant.index, 9);
	settle();
	world_settle(&world);
	assert_int_equal(worker_captured(world.worker[0])->items[1].participant.index, 11);
	assert_int_equal(worker_captured(world.worker[1])->items[1].participant.index, 11);
	wish(0, 0, 0);
	ended();
}

static void a_file_that_cannot_be_made(void **)
{
	struct sluice_capture_state *state = &world.observed->head.capture;
	taps.directory = "/nowhere/at/all";
	wish(9, 7, world.now_ns + NS_PER_S);
	settle();
	assert_int_equal(running(), 0);
	assert_int_equal(atomic_load(&state->places[1].refused), 9);
	assert_int_equal(atomic_load(&state->places[1].error), ENOENT);
	taps.directory = directory;
	wish(17, 7, world.now_ns + NS_PER_S);
	settle();
	assert_int_equal(running(), 17);
	wish(0, 0, 0);
	ended();
}

static void packets_are_counted_over_all(void **)
{
	struct sluice_capture_state *state = &world.observed->head.capture;
	begun();
	atomic_store(&taps.places[1].file->lanes[0].packets, 4);
	atomic_store(&taps.places[1].file->lanes[1].packets, 3);
	atomic_store(&taps.places[1].file->lanes[1].lost, 2);
	wish(0, 0, 0);
	ended();
	assert_int_equal(atomic_load(&state->packets), 7);
	assert_int_equal(atomic_load(&state->lost), 2);
	wish(9, 7, world.now_ns + NS_PER_S);
	settle();
	atomic_store(&taps.places[1].file->lanes[0].packets, 5);
	poll_main();
	assert_int_equal(atomic_load(&state->packets), 12);
	wish(0, 0, 0);
	ended();
}

static void the_end_of_the_data_plane(void **)
{
	begun();
	taps_close(&taps); // the workers have gone before
	assert_false(there());
	assert_int_equal(running(), 0);
	// What one that was killed has left is removed at the start.
	sluice_capture_close(sluice_capture_create(directory, SLUICE_CAPTURE_DATAPLANE, 9, 1));
	assert_true(there());
	taps_open(&taps, directory, world.observed, world.worker, 2);
	assert_false(there());
}

static void several_at_a_time(void **)
{
	const struct sluice_capture_state *state = &world.observed->head.capture;
	char other[96];
	snprintf(other, sizeof(other), "%s/capture-2.dataplane", directory);
	begun();
	wish(2, 8, world.now_ns + 20 * NS_PER_S);
	settle();
	assert_int_equal(running(), 1);
	assert_int_equal(atomic_load(&state->places[2].running), 2);
	assert_int_equal(access(other, F_OK), 0);
	const struct tap_order *order = worker_captured(world.worker[0]);
	assert_int_equal(order->items[1].participant.index, 7);
	assert_int_equal(order->items[2].participant.index, 8);
	// Its own reader alone keeps one going.
	world.now_ns += SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS + 1;
	atomic_store(&world.desired->head.capture_readers[2].beat_ns, world.now_ns);
	settle();
	assert_int_equal(running(), 0);
	assert_int_equal(atomic_load(&state->places[2].running), 2);
	assert_null(worker_captured(world.worker[1])->items[1].file);
	assert_non_null(worker_captured(world.worker[1])->items[2].file);
	taps_poll(&taps, NULL, world.now_ns);
	world_settle(&world);
	taps_poll(&taps, NULL, world.now_ns);
	assert_int_equal(atomic_load(&state->places[2].running), 0);
	assert_null(worker_captured(world.worker[0]));
	assert_int_equal(access(other, F_OK), -1);
}

static void a_number_of_another_place(void **)
{
	const struct sluice_capture_wish row = {
		.row.generation = 3, .participant = {7, 1}, .until_ns = world.now_ns + NS_PER_S};
	world_write(&world.desired->head.captures[1].row, &row.row, sizeof(row));
	atomic_store(&world.desired->head.capture_readers[1].beat_ns, world.now_ns);
	settle();
	assert_int_equal(running(), 0);
	assert_null(worker_captured(world.worker[0]));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(by_control),
		TEST(several_at_a_time),
		TEST(a_number_of_another_place),
		TEST(by_time),
		TEST(by_the_longest_time),
		TEST(by_silence),
		TEST(by_silence_in_the_middle_of_a_wish),
		TEST(by_another_control),
		TEST(a_worker_that_hangs_holds_it),
		TEST(wishes_that_are_too_old),
		TEST(a_peer_that_comes_back),
		TEST(a_file_that_cannot_be_made),
		TEST(packets_are_counted_over_all),
		TEST(the_end_of_the_data_plane),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <sluice/capture.h>
#include <sluice/shm.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96];

enum { A = 1, B = 9, C = 17 }; // captures of the same place

static struct sluice_capture *create(uint32_t number, uint32_t workers)
{
	return sluice_capture_create(directory, SLUICE_CAPTURE_DATAPLANE, number, workers);
}

static const struct sluice_capture *open_it(uint32_t number)
{
	return sluice_capture_open(directory, SLUICE_CAPTURE_DATAPLANE, number);
}

static void unlink_it(void)
{
	sluice_capture_unlink(directory, SLUICE_CAPTURE_DATAPLANE, 1);
}

static int setup(void **)
{
	strcpy(directory, "/dev/shm/sluice-capture-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/capture-%u.dataplane", directory, 1);
	return 0;
}

static int teardown(void **)
{
	unlink_it();
	return rmdir(directory);
}

static void put(struct sluice_capture *capture, uint32_t w, uint32_t index, uint64_t time_ns)
{
	sluice_capture_slot(capture, w, index)->time_ns = time_ns;
}

static void show(struct sluice_capture *capture, uint32_t w, uint32_t head)
{
	atomic_store(&capture->lanes[w].head.value, head);
}

static void what_is_written_is_read(void **)
{
	struct sluice_capture *capture = create(A, 2);
	assert_non_null(capture);
	const struct sluice_capture *reader = open_it(A);
	assert_non_null(reader);
	assert_int_equal(reader->workers, 2);
	assert_null(sluice_capture_peek(reader, 0, 0));
	put(capture, 1, 0, 5);
	assert_null(sluice_capture_peek(reader, 1, 0)); // not shown yet: it may be half written
	show(capture, 1, 1);
	assert_int_equal(sluice_capture_peek(reader, 1, 0)->time_ns, 5);
	assert_null(sluice_capture_peek(reader, 1, 1));
	assert_null(sluice_capture_peek(reader, 0, 0));
	sluice_capture_close(capture);
	sluice_capture_close(reader);
}

static void only_its_user_may_read_it(void **)
{
	struct stat status;
	umask(0);
	struct sluice_capture *capture = create(A, 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, capture->size);
	// All of it is there: writing to it later cannot fail.
	assert_true((uint64_t)status.st_blocks * 512 >= capture->size);
	sluice_capture_close(capture);
}

static void without_its_name_it_goes_on_for_those_who_have_it(void **)
{
	struct sluice_capture *capture = create(A, 1);
	const struct sluice_capture *reader = open_it(A);
	unlink_it();
	assert_int_equal(access(path, F_OK), -1);
	put(capture, 0, 0, 9);
	show(capture, 0, 1);
	assert_int_equal(sluice_capture_peek(reader, 0, 0)->time_ns, 9);
	sluice_capture_close(capture);
	sluice_capture_close(reader);
	assert_null(open_it(A));
	assert_int_equal(errno, ENOENT);
}

static void a_new_one_takes_the_place_of_the_old(void **)
{
	struct sluice_capture *before = create(A, 1);
	struct sluice_capture *after = create(B, 1);
	assert_null(open_it(A));
	assert_int_equal(errno, EINVAL);
	const struct sluice_capture *reader = open_it(B);
	assert_non_null(reader);
	show(before, 0, 1);
	assert_null(sluice_capture_peek(reader, 0, 0));
	sluice_capture_close(before);
	sluice_capture_close(after);
	sluice_capture_close(reader);
}

static void what_is_no_capture_is_refused(void **)
{
	struct sluice_capture *capture = create(A, 1);
	capture->workers = SLUICE_WORKERS_MAX + 1;
	assert_null(open_it(A));
	capture->workers = 2; // more than the file has
	assert_null(open_it(A));
	capture->workers = 1;
	capture->magic = 0; // still being made
	assert_null(open_it(A));
	assert_int_equal(errno, EINVAL);
	sluice_capture_close(capture);
	assert_int_equal(truncate(path, 10), 0);
	assert_null(open_it(A));
	unlink_it();
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(create(C, 1));
	assert_null(open_it(C));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_null(open_it(C));
	assert_null(sluice_capture_create("/nowhere/at/all", SLUICE_CAPTURE_DATAPLANE, C, 1));
}

static void the_ring_goes_round(void **)
{
	struct sluice_capture *capture = create(A, 1);
	uint32_t first = UINT32_MAX - SLUICE_CAPTURE_SLOTS / 2; // and over the end of the numbers
	uint32_t tail = first;
	show(capture, 0, first);
	for (uint32_t i = 0; i < 3 * SLUICE_CAPTURE_SLOTS; i++) {
		uint32_t next = first + i;
		assert_true(sluice_capture_has_room(next, tail));
		put(capture, 0, next, i);
		show(capture, 0, next + 1);
		assert_int_equal(sluice_capture_peek(capture, 0, tail)->time_ns, i);
		tail++;
	}
	sluice_capture_close(capture);
}

static void a_full_ring_has_no_room(void **)
{
	struct sluice_capture *capture = create(A, 1);
	show(capture, 0, SLUICE_CAPTURE_SLOTS);
	assert_false(sluice_capture_has_room(SLUICE_CAPTURE_SLOTS, 0));
	assert_true(sluice_capture_has_room(SLUICE_CAPTURE_SLOTS, 1));
	assert_non_null(sluice_capture_peek(capture, 0, 0));
	sluice_capture_close(capture);
}

static void indexes_that_make_no_sense_do_no_harm(void **)
{
	struct sluice_capture *capture = create(A, 1);
	show(capture, 0, SLUICE_CAPTURE_SLOTS + 1); // more than a ring ahead
	assert_null(sluice_capture_peek(capture, 0, 0));
	show(capture, 0, 0); // behind
	assert_null(sluice_capture_peek(capture, 0, 5));
	assert_false(sluice_capture_has_room(0, 5)); // the reader ahead of the producer
	sluice_capture_close(capture);
}

// Writers and places do not meet; a start removes what one writer has left, and nothing of the other's.
static void several_at_a_time(void **)
{
	struct sluice_capture *files[SLUICE_CAPTURES_MAX], *own;
	for (uint32_t n = 0; n < SLUICE_CAPTURES_MAX; n++) {
		files[n] = create(40 + n, 1);
		put(files[n], 0, 0, n);
		show(files[n], 0, 1);
	}
	own = sluice_capture_create(directory, SLUICE_CAPTURE_CONTROL, 41, 1);
	assert_non_null(own);
	for (uint32_t n = 0; n < SLUICE_CAPTURES_MAX; n++) {
		const struct sluice_capture *reader = open_it(40 + n);
		assert_int_equal(sluice_capture_peek(reader, 0, 0)->time_ns, n);
		sluice_capture_close(reader);
		sluice_capture_close(files[n]);
	}
	sluice_capture_unlink_all(directory, SLUICE_CAPTURE_DATAPLANE);
	for (uint32_t n = 0; n < SLUICE_CAPTURES_MAX; n++)
		assert_null(open_it(40 + n));
	const struct sluice_capture *reader =
		sluice_capture_open(directory, SLUICE_CAPTURE_CONTROL, 41);
	assert_non_null(reader);
	sluice_capture_close(reader);
	sluice_capture_close(own);
	sluice_capture_unlink_all(directory, SLUICE_CAPTURE_CONTROL);
}

static void the_heads_are_aligned(void **)
{
	assert_int_equal(offsetof(struct sluice_desired_head, captures) % 8, 0);
	assert_int_equal(offsetof(struct sluice_desired_head, capture_readers) % 8, 0);
	assert_int_equal(offsetof(struct sluice_observed_head, capture) % 8, 0);
	assert_int_equal(sizeof(struct sluice_capture_wish), 288);
	assert_int_equal(sizeof(struct sluice_capture_reader), 72);
	assert_int_equal(sizeof(struct sluice_capture_state), 112);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(only_its_user_may_read_it),
		TEST(without_its_name_it_goes_on_for_those_who_have_it),
		TEST(a_new_one_takes_the_place_of_the_old),
		TEST(what_is_no_capture_is_refused),
		TEST(the_ring_goes_round),
		TEST(a_full_ring_has_no_room),
		TEST(indexes_that_make_no_sense_do_no_harm),
		TEST(several_at_a_time),
		TEST(the_heads_are_aligned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <sluice/attach.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 64 }; // that the toy writers use

static char directory[64], path[192], why[512];

static int make_directory(void **)
{
	snprintf(directory, sizeof(directory), "/dev/shm/sluice-attach-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, i ? "observed" : "desired");
		unlink(path);
	}
	return rmdir(directory);
}

static const char *file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void overwrite(const char *name, off_t offset, const void *bytes, size_t size)
{
	int fd = open(file(name), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, offset), size);
	close(fd);
}

// A writer in a process of its own; what it writes it says through the pipe.
static pid_t start_writer(void (*run)(int pipe), int *pipe_end)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		run(ends[1]);
		_exit(3);
	}
	close(ends[1]);
	*pipe_end = ends[0];
	return pid;
}

static void kill_writer(pid_t pid)
{
	int status;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

// ---- one writer

static void test_makes_directory_and_file(void **)
{
	char deeper[96];
	struct stat status;
	snprintf(deeper, sizeof(deeper), "%s/run", directory);
	struct sluice_desired *desired = sluice_desired_create(deeper, false, why, sizeof(why));
	assert_non_null(desired);
	assert_int_equal(stat(deeper, &status), 0);
	assert_int_equal(status.st_mode & 0027, 0);
	assert_int_equal(status.st_mode & 0700, 0700);
	snprintf(path, sizeof(path), "%s/desired", deeper);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, sizeof(*desired));
	assert_int_equal(desired->head.layout.magic, SLUICE_MAGIC);
	assert_int_equal(desired->head.layout.row_sizes[0], sizeof(struct sluice_transport));
	assert_int_equal(desired->head.layout.row_counts[2], SLUICE_SUBSCRIPTIONS_MAX);
	assert_int_equal(desired->head.pid, getpid());
	sluice_desired_close(desired);
	unlink(path);
	rmdir(deeper);
}

static void test_keeps_contents_and_raises_incarnation(void **)
{
	struct sluice_desired *desired = sluice_desired_create(directory, false, why, sizeof(why));
	assert_non_null(desired);
	uint32_t first = desired->head.incarnation;
	sluice_row_begin(&desired->transports[5].row);
	desired->transports[5].row.generation = 7;
	desired->transports[5].rtcp_ssrc_base = 1234;
	sluice_row_end(&desired->transports[5].row);
	sluice_desired_close(desired);

	desired = sluice_desired_create(directory, true, why, sizeof(why));
	assert_non_null(desired);
	assert_int_equal(desired->head.incarnation, first + 1);
	assert_int_equal(desired->transports[5].row.generation, 7);
	assert_int_equal(desired->transports[5].rtcp_ssrc_base, 1234);
	sluice_desired_close(desired);
}

static void test_second_writer_is_refused(void **)
{
	struct sluice_observed *first = sluice_observed_create(directory, false, why, sizeof(why));
	assert_non_null(first);
	assert_true(sluice_observed_alive(directory));
	assert_null(sluice_observed_create(directory, true, why, sizeof(why)));
	assert_non_null(strstr(why, "another sluice-dataplane is running"));
	assert_int_equal(first->head.incarnation, 1);
	sluice_observed_close(first);
	assert_false(sluice_observed_alive(directory));
}

static void hold_observed(int pipe_end)
{
	char text[256];
	if (!sluice_observed_create(directory, false, text, sizeof(text)))
		_exit(1);
	if (write(pipe_end, "", 1) != 1)
		_exit(2);
	for (;;)
		pause();
}

static void test_lock_is_free_at_once_after_a_kill(void **)
{
	int pipe_end;
	char byte;
	for (unsigned i = 0; i < 5; i++) {
		pid_t pid = start_writer(hold_observed, &pipe_end);
		assert_int_equal(read(pipe_end, &byte, 1), 1);
		close(pipe_end);
		assert_true(sluice_observed_alive(directory));
		assert_null(sluice_observed_create(directory, false, why, sizeof(why)));
		kill_writer(pid);
		assert_false(sluice_observed_alive(directory));
	}
	struct sluice_observed *observed =
		sluice_observed_create(directory, false, why, sizeof(why));
	assert_non_null(observed);
	assert_int_equal(observed->head.incarnation, 6);
	sluice_observed_close(observed);
}

static void test_unwritable_places(void **)
{
	assert_null(sluice_desired_create("/proc/nowhere/deep", false, why, sizeof(why)));
	assert_non_null(strstr(why, "/proc/nowhere/deep: cannot be created"));
	overwrite("plain", 0, "x", 1);
	char below[192];
	snprintf(below, sizeof(below), "%s", path);
	assert_null(sluice_desired_create(below, false, why, sizeof(why)));
	assert_non_null(strstr(why, "Not a directory"));
	unlink(below);
	char *endless = calloc(1, 8192);
	memset(endless, 'a', 8191);
	assert_null(sluice_desired_create(endless, false, why, sizeof(why)));
	assert_non_null(strstr(why, "too long"));
	free(endless);
}

// ---- layouts

static void test_other_layout_is_refused_with_both_values(void **)
{
	uint32_t abi = SLUICE_ABI + 40, size = 8;
	sluice_desired_close(sluice_desired_create(directory, false, why, sizeof(why)));

	overwrite("desired", offsetof(struct sluice_layout, row_sizes[1]), &size, sizeof(size));
	assert_null(sluice_desired_create(directory, false, why, sizeof(why)));
	snprintf(path, sizeof(path), "of 8 bytes there, %d of %zu here", SLUICE_PUBLICATIONS_MAX,
		sizeof(struct sluice_publication));
	assert_non_null(strstr(why, "publications has"));
	assert_non_null(strstr(why, path));
	assert_null(sluice_desired_open(directory, why, sizeof(why)));
	assert_non_null(strstr(why, path));

	overwrite("desired", offsetof(struct sluice_layout, abi), &abi, sizeof(abi));
	assert_null(sluice_desired_open(directory, why, sizeof(why)));
	snprintf(path, sizeof(path), "has ABI %u, this program has ABI %d", abi, SLUICE_ABI);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "--discard-state"));

	struct sluice_desired *desired = sluice_desired_create(directory, true, why, sizeof(why));
	assert_non_null(desired);
	assert_int_equal(desired->head.layout.abi, SLUICE_ABI);
	assert_int_equal(desired->head.incarnation, 1);
	sluice_desired_close(desired);
}

static void test_foreign_and_cut_files_are_refused(void **)
{
	overwrite("observed", 0,
		"this is somebody's text, longer than a layout, to be kept as it is.."
		"......................................................",
		120);
	assert_null(sluice_observed_create(directory, false, why, sizeof(why)));
	assert_non_null(strstr(why, "no file of ours"));
	assert_null(sluice_observed_open(directory, why, sizeof(why)));
	struct sluice_observed *observed =
		sluice_observed_create(directory, true, why, sizeof(why));
	assert_non_null(observed);
	sluice_observed_close(observed);

	assert_int_equal(truncate(file("observed"), 4096), 0);
	assert_null(sluice_observed_open(directory, why, sizeof(why)));
	assert_non_null(strstr(why, "is 4096 bytes long, not "));
	assert_null(sluice_observed_create(directory, false, why, sizeof(why)));
	assert_int_equal(truncate(path, 3), 0);
	assert_null(sluice_observed_create(directory, false, why, sizeof(why)));
	assert_non_null(strstr(why, "is 3 bytes long"));
}

static void test_reader_waits_for_a_file_in_the_making(void **)
{
	assert_null(sluice_desired_open(directory, why, sizeof(why)));
	assert_non_null(strstr(why, "No such file"));
	overwrite("desired", 0, "", 0);
	assert_null(sluice_desired_open(directory, why, sizeof(why)));
	assert_non_null(strstr(why, "is being made"));
	assert_int_equal(truncate(file("desired"), sizeof(struct sluice_desired)), 0);
	assert_null(sluice_desired_open(directory, why, sizeof(why)));
	assert_non_null(strstr(why, "is being made"));
	// its maker died there: the next writer finishes it
	struct sluice_desired *desired = sluice_desired_create(directory, false, why, sizeof(why));
	assert_non_null(desired);
	const struct sluice_desired *reader = sluice_desired_open(directory, why, sizeof(why));
	assert_non_null(reader);
	assert_int_equal(reader->head.incarnation, 1);
	sluice_desired_close(reader);
	sluice_desired_close(desired);
}

static void test_replaced_file_is_noticed(void **)
{
	struct sluice_desired *old = sluice_desired_create(directory, false, why, sizeof(why));
	const struct sluice_desired *reader = sluice_desired_open(directory, why, sizeof(why));
	assert_non_null(old);
	assert_non_null(reader);
	assert_false(sluice_desired_replaced(reader, directory));
	unlink(file("desired"));
	assert_true(sluice_desired_replaced(reader, directory));
	struct sluice_desired *new = sluice_desired_create(directory, false, why, sizeof(why));
	assert_non_null(new);
	assert_true(sluice_desired_replaced(reader, directory));
	assert_true(sluice_desired_replaced(old, directory));
	assert_false(sluice_desired_replaced(new, directory));
	sluice_desired_close(reader);
	sluice_desired_close(old);
	sluice_desired_close(new);
	sluice_desired_close(NULL);
}

static void test_reader_cannot_write(void **)
{
	sluice_desired_close(sluice_desired_create(directory, false, why, sizeof(why)));
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		struct sluice_desired *reader =
			(void *)sluice_desired_open(directory, why, sizeof(why));
		if (!reader)
			_exit(1);
		*(volatile uint32_t *)&reader->head.pid = 1;
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

// ---- torn rows

static void test_torn_desired_rows_are_cleared_with_their_keys(void **)
{
	struct sluice_desired *desired = sluice_desired_create(directory, false, why, sizeof(why));
	struct sluice_transport *torn = &desired->transports[3], *whole = &desired->transports[4];
	assert_non_null(desired);
	sluice_row_begin(&torn->row);
	torn->row.generation = 9;
	memset(&torn->send_key, 0xaa, sizeof(torn->send_key));
	memset(torn->local_password, 'p', 8);
	sluice_row_begin(&whole->row);
	whole->row.generation = 9;
	memset(&whole->send_key, 0xbb, sizeof(whole->send_key));
	sluice_row_end(&whole->row);
	sluice_row_begin(&desired->subscriptions[SLUICE_SUBSCRIPTIONS_MAX - 1].row);
	desired->subscriptions[SLUICE_SUBSCRIPTIONS_MAX - 1].ssrc = 5;
	uint32_t odd = torn->row.sequence;
	sluice_desired_close(desired);

	desired = sluice_desired_create(directory, false, why, sizeof(why));
	assert_non_null(desired);
	static const struct sluice_transport empty;
	torn = &desired->transports[3];
	assert_int_equal(torn->row.sequence, odd + 1);
	assert_memory_equal(&torn->row.generation, &empty.row.generation,
		sizeof(empty) - offsetof(struct sluice_row, generation));
	assert_int_equal(desired->transports[4].row.generation, 9);
	assert_int_equal(desired->transports[4].send_key.key[0], 0xbb);
	assert_int_equal(desired->subscriptions[SLUICE_SUBSCRIPTIONS_MAX - 1].ssrc, 0);
	assert_int_equal(desired->subscriptions[SLUICE_SUBSCRIPTIONS_MAX - 1].row.sequence & 1, 0);
	sluice_desired_close(desired);
}

static void test_torn_observed_rows_keep_their_indexes(void **)
{
	struct sluice_observed *observed =
		sluice_observed_create(directory, false, why, sizeof(why));
	assert_non_null(observed);
	sluice_row_begin(&observed->subscriptions[1].row);
	observed->subscriptions[1].row.generation = 4;
	observed->subscriptions[1].media_index_reserved = 1ull << 17;
	sluice_row_begin(&observed->transports[1].row);
	observed->transports[1].row.generation = 4;
	observed->head.ready = 1;
	observed->workers[0].media_in = 12;
	sluice_observed_close(observed);

	observed = sluice_observed_create(directory, false, why, sizeof(why));
	assert_non_null(observed);
	assert_int_equal(observed->subscriptions[1].row.sequence, 2);
	assert_int_equal(observed->subscriptions[1].row.generation, 4);
	assert_int_equal(observed->subscriptions[1].media_index_reserved, 1ull << 17);
	assert_int_equal(observed->transports[1].row.sequence, 2);
	assert_int_equal(observed->transports[1].row.generation, 0);
	assert_int_equal(observed->head.ready, 0);
	assert_int_equal(observed->workers[0].media_in, 0);
	sluice_observed_close(observed);
}

// ---- two toy programs that only attach, write and die

// Fills a row so that any mixture of two writings shows: every word is the generation.
static void write_row(struct sluice_transport *row, uint32_t generation)
{
	sluice_row_begin(&row->row);
	row->row.generation = generation;
	for (unsigned i = 0; i < SLUICE_SRTP_KEY_MAX; i++)
		row->send_key.key[i] = (uint8_t)generation;
	row->rtcp_ssrc_base = generation;
	row->key_epoch = generation;
	sluice_row_end(&row->row);
}

static bool row_is_whole(const struct sluice_transport *row)
{
	for (unsigned i = 0; i < SLUICE_SRTP_KEY_MAX; i++)
		if (row->send_key.key[i] != (uint8_t)row->row.generation)
			return false;
	return row->rtcp_ssrc_base == row->row.generation && row->key_epoch == row->row.generation;
}

static void scribble_desired(int pipe_end)
{
	char text[256];
	struct sluice_desired *desired =
		sluice_desired_create(directory, false, text, sizeof(text));
	if (!desired || write(pipe_end, "", 1) != 1)
		_exit(1);
	for (uint32_t n = 1;; n++)
		write_row(&desired->transports[n % ROWS], n);
}

static void check_whole_file(uint32_t incarnation)
{
	struct sluice_transport copy;
	struct sluice_desired *desired = sluice_desired_create(directory, false, why, sizeof(why));
	assert_non_null(desired);
	assert_int_equal(desired->head.incarnation, incarnation);
	for (unsigned i = 0; i < ROWS; i++) {
		assert_true(sluice_row_read(&desired->transports[i].row, &copy, sizeof(copy)));
		assert_true(row_is_whole(&copy));
	}
	sluice_desired_close(desired);
}

static void test_writer_killed_at_random(void **)
{
	enum { KILLS = 40 };
	unsigned seed = 20;
	for (unsigned i = 0; i < KILLS; i++) {
		int pipe_end;
		char byte;
		pid_t pid = start_writer(scribble_desired, &pipe_end);
		assert_int_equal(read(pipe_end, &byte, 1), 1);
		close(pipe_end);
		const struct sluice_desired *reader =
			sluice_desired_open(directory, why, sizeof(why));
		assert_non_null(reader);
		struct sluice_transport copy;
		for (int reads = rand_r(&seed) % 3000; reads >= 0; reads--)
			if (sluice_row_read(
				    &reader->transports[reads % ROWS].row, &copy, sizeof(copy)))
				assert_true(row_is_whole(&copy));
		kill_writer(pid);
		sluice_desired_close(reader);
		check_whole_file(2 * i + 2);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		CASE(test_makes_directory_and_file),
		CASE(test_keeps_contents_and_raises_incarnation),
		CASE(test_second_writer_is_refused),
		CASE(test_lock_is_free_at_once_after_a_kill),
		CASE(test_unwritable_places),
		CASE(test_other_layout_is_refused_with_both_values),
		CASE(test_foreign_and_cut_files_are_refused),
		CASE(test_reader_waits_for_a_file_in_the_making),
		CASE(test_replaced_file_is_noticed),
		CASE(test_reader_cannot_write),
		CASE(test_torn_desired_rows_are_cleared_with_their_keys),
		CASE(test_torn_observed_rows_keep_their_indexes),
		CASE(test_writer_killed_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

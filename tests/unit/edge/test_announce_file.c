// SPDX-License-Identifier: Apache-2.0
#include "edge/announce_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96], why[256];

static int setup(void **)
{
	strcpy(directory, "/tmp/sluice-announced-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/announced", directory);
	return 0;
}

static int teardown(void **)
{
	unlink(path);
	return rmdir(directory);
}

static struct announced *open_it(void)
{
	struct announced *announced = announced_open(directory, why, sizeof(why));

	if (!announced)
		fail_msg("%s", why);
	return announced;
}

static void test_it_lasts(void **)
{
	struct announced *announced = open_it();
	struct stat status;

	announced_use(&announced->participants_used, 5);
	announced->participants[5].generation = 7;
	strcpy(announced->participants[5].room, "demo");
	announced_close(announced);
	announced = open_it();
	assert_int_equal(announced->participants_used, 6);
	assert_int_equal(announced->participants[5].generation, 7);
	assert_string_equal(announced->participants[5].room, "demo");
	announced_close(announced);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_another_layout_is_replaced(void **)
{
	struct announced *announced = open_it();

	announced->tracks_used = 3;
	announced->magic[12] = '0';
	announced_close(announced);
	announced = open_it();
	assert_int_equal(announced->tracks_used, 0);
	announced_close(announced);
	assert_int_equal(truncate(path, 100), 0);
	announced = open_it();
	assert_int_equal(announced->tracks_used, 0);
	announced_close(announced);
}

static void test_nonsense_stays_in_bounds(void **)
{
	struct announced *announced = open_it();

	announced->participants_used = announced->tracks_used = UINT32_MAX;
	memset(announced->participants, 'x', sizeof(announced->participants));
	memset(announced->tracks, 'x', sizeof(announced->tracks));
	announced_close(announced);
	announced = open_it();
	assert_int_equal(announced->participants_used, SLUICE_PARTICIPANTS_MAX);
	assert_int_equal(announced->tracks_used, SLUICE_PUBLICATIONS_MAX);
	assert_int_equal(strlen(announced->participants[SLUICE_PARTICIPANTS_MAX - 1].name),
		CORE_NAME_MAX - 1);
	assert_int_equal(strlen(announced->tracks[0].sid), ANNOUNCE_SID_MAX - 1);
	announced_close(announced);
}

static void test_what_cannot_be_kept_is_said(void **)
{
	assert_null(announced_open("/nowhere", why, sizeof(why)));
	assert_string_equal(why,
		"/nowhere/announced: cannot be kept: No such file or directory: make "
		"the directory writable");
	assert_int_equal(symlink("/tmp", path), 0); // somebody else's
	assert_null(announced_open(directory, why, sizeof(why)));
}

static void test_memory_alone(void **)
{
	struct announced *announced = announced_open(NULL, why, sizeof(why));

	assert_non_null(announced);
	assert_int_equal(announced->participants_used, 0);
	announced_close(announced);
	announced_close(NULL);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_lasts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_layout_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_stays_in_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_kept_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

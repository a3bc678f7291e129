// SPDX-License-Identifier: Apache-2.0
#include "edge/unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char why[256];

static void made_anew_with_its_mode(void **)
{
	char directory[] = "/tmp/test_unix.XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;

	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/x.sock", directory);
	int dead = unix_listen(directory, "x.sock", 0600, why, sizeof(why));

	close(dead); // leaves its file
	int fd = unix_listen(directory, "x.sock", 0660, why, sizeof(why));

	assert_true(fd >= 0);
	assert_int_equal(stat(address.sun_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	assert_int_equal(unix_accept(fd), -1);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	int served = unix_accept(fd);

	assert_true(served >= 0);
	close(served);
	close(client);
	close(fd);
	unlink(address.sun_path);
	rmdir(directory);
}

static void faults_are_named(void **)
{
	char directory[200];

	assert_int_equal(unix_listen("/nonexistent", "x.sock", 0600, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "/nonexistent/x.sock"));
	memset(directory, 'a', sizeof(directory));
	directory[sizeof(directory) - 1] = 0;
	assert_int_equal(unix_listen(directory, "x.sock", 0600, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "too long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_anew_with_its_mode),
		cmocka_unit_test(faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

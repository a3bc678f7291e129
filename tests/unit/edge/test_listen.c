// SPDX-License-Identifier: Apache-2.0
#include "edge/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct listen_inherited nothing;
static char why[256];

static uint16_t port_of(int fd)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);

	getsockname(fd, (struct sockaddr *)&storage, &length);
	return ntohs(((struct sockaddr_in *)&storage)->sin_port);
}

static void taken_port_names_its_holder(void **)
{
	struct listen_want want = {"http", "127.0.0.1", 0, false};
	int first[2], second[2];
	char expected[64];

	assert_int_equal(listen_open(&nothing, &want, first, why, sizeof(why)), 1);
	want.port = port_of(first[0]);
	assert_int_equal(listen_open(&nothing, &want, second, why, sizeof(why)), -EADDRINUSE);
	snprintf(expected, sizeof(expected),
		"in use by pid %d (test_listen): stop it or set "
		"http.port",
		getpid());
	assert_non_null(strstr(why, expected));
	close(first[0]);
	assert_int_equal(listen_open(&nothing, &want, second, why, sizeof(why)), 1);
	assert_int_equal(fcntl(second[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(second[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(second[0]);
}

static void all_addresses(void **)
{
	struct listen_want want = {"http", "", 0, false};
	int fds[2], count = listen_open(&nothing, &want, fds, why, sizeof(why));

	assert_true(count == 1 || count == 2);
	while (count--)
		close(fds[count]);
}

static void bad_hosts(void **)
{
	struct listen_want want = {"dialects[1]", "localhost", 0, true};
	int fds[2];

	assert_int_equal(listen_open(&nothing, &want, fds, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "dialects[1].listen: localhost is not"));
	want.host = "192.0.2.1"; // documentation: nobody's
	assert_int_equal(listen_open(&nothing, &want, fds, why, sizeof(why)), -EADDRNOTAVAIL);
	assert_non_null(strstr(why, "192.0.2.1"));
}

// As systemd does it: descriptors from 3 on, and the environment.
static void inherited_sockets_are_taken(void **)
{
	struct listen_want want = {"http", "127.0.0.1", 0, false};
	struct listen_inherited inherited;
	int ours[2], taken[2], kept = dup(3);
	char pid[16];

	assert_int_equal(listen_open(&nothing, &want, ours, why, sizeof(why)), 1);
	want.port = port_of(ours[0]);
	assert_int_equal(dup2(ours[0], 3), 3);
	if (ours[0] != 3)
		close(ours[0]);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	listen_inherit(&inherited);
	assert_int_equal(inherited.used, 0); // meant for another process
	assert_null(getenv("LISTEN_FDS"));
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	listen_inherit(&inherited);
	assert_int_equal(inherited.used, 1);
	assert_int_equal(inherited.sockets[0].port, want.port);
	assert_int_equal(listen_open(&inherited, &want, taken, why, sizeof(why)), 1);
	assert_int_equal(taken[0], 3);
	listen_inherit_end(&inherited); // leaves it open
	assert_int_equal(port_of(3), want.port);
	if (kept >= 0) {
		dup2(kept, 3);
		close(kept);
	} else {
		close(3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_port_names_its_holder),
		cmocka_unit_test(all_addresses),
		cmocka_unit_test(bad_hosts),
		cmocka_unit_test(inherited_sockets_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "edge/owner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int socket_with_port(int family, int type, uint16_t *port)
{
	struct sockaddr_storage storage = {.ss_family = (sa_family_t)family};
	socklen_t length = sizeof(storage);
	int fd = socket(family, type, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&storage,
				 family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6)),
		0);
	getsockname(fd, (struct sockaddr *)&storage, &length);
	*port = ntohs(((struct sockaddr_in *)&storage)->sin_port); // at the same place in both
	return fd;
}

static void we_are_named(void **)
{
	static const int families[] = {AF_INET, AF_INET6};
	char text[80], expected[40];
	uint16_t port;

	snprintf(expected, sizeof(expected), "pid %d (test_owner)", getpid());
	for (unsigned i = 0; i < 2; i++) {
		int fd = socket_with_port(families[i], SOCK_DGRAM, &port);

		owner_describe(false, port, text, sizeof(text));
		assert_string_equal(text, expected);
		close(fd);
		fd = socket_with_port(families[i], SOCK_STREAM, &port);
		listen(fd, 1);
		owner_describe(true, port, text, sizeof(text));
		assert_string_equal(text, expected);
		close(fd);
	}
}

static void nobody_is_another_process(void **)
{
	char text[80];
	uint16_t port;
	int fd = socket_with_port(AF_INET, SOCK_STREAM, &port); // does not listen

	owner_describe(true, port, text, sizeof(text));
	assert_string_equal(text, "another process");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_are_named),
		cmocka_unit_test(nobody_is_another_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <sluice/notify.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void manager_hears(bool abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64], heard[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(name, sizeof(name), "%stest_notify.%d", abstract ? "@" : "/tmp/", getpid());
	strcpy(address.sun_path, name);
	if (abstract)
		address.sun_path[0] = 0;
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1");
	assert_int_equal(recv(fd, heard, sizeof(heard), 0), 7);
	assert_string_equal(heard, "READY=1");
	close(fd);
	unlink(name);
}

static void both_kinds_of_sockets(void **)
{
	manager_hears(false);
	manager_hears(true);
}

static void nobody_listens(void **)
{
	char longest[300];

	notify_send("READY=1"); // the socket of before is gone
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	setenv("NOTIFY_SOCKET", longest, 1);
	notify_send("READY=1");
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_of_sockets),
		cmocka_unit_test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

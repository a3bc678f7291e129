// SPDX-License-Identifier: Apache-2.0
#include "edge/doorbell.h"

#include <sluice/doorbell.h>
#include <sluice/shm.h>

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

static struct loop *loop;
static unsigned rings;
static char directory[] = "/tmp/test_doorbell.XXXXXX", why[256];

static int http_nothing(struct lws *, enum lws_callback_reasons, void *, void *, size_t)
{
	return 0;
}

static void rung(void *)
{
	rings++;
	loop_stop(loop);
}

static void time_is_up(void *)
{
	loop_stop(loop);
}

static int data_plane_connects(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/doorbell.sock", directory);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

// Takes the hello and the one descriptor with it.
static int bell_take(int fd, struct sluice_doorbell_hello *hello)
{
	struct iovec vector = {hello, sizeof(*hello)};
	uint8_t control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int bell;

	assert_int_equal(recvmsg(fd, &message, MSG_DONTWAIT), sizeof(*hello));
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	assert_non_null(header);
	assert_int_equal(header->cmsg_type, SCM_RIGHTS);
	assert_int_equal(header->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&bell, CMSG_DATA(header), sizeof(bell));
	return bell;
}

static void data_planes_come_and_go(void **)
{
	struct loop_options options = {.http = http_nothing};
	struct sluice_doorbell_hello hello;
	uint64_t one = 1;

	loop = loop_create(&options, why, sizeof(why));
	struct loop_timer *timer = loop_timer_create(loop, time_is_up, NULL);
	struct doorbell *doorbell = doorbell_create(loop, directory, rung, NULL, why, sizeof(why));

	if (!doorbell)
		fail_msg("%s", why);
	for (unsigned i = 1; i <= 10; i++) { // more than it remembers at a time
		int fd = data_plane_connects();

		loop_timer_set(timer, 10, 0);
		loop_run(loop);
		int bell = bell_take(fd, &hello);

		assert_true(hello.magic == SLUICE_DOORBELL_MAGIC);
		assert_int_equal(hello.abi, SLUICE_ABI);
		assert_int_equal(hello.pid, getpid());
		assert_int_equal(send(fd, "ignored", 7, 0), 7);
		assert_int_equal(write(bell, &one, sizeof(one)), sizeof(one));
		loop_run(loop);
		assert_int_equal(rings, i);
		close(bell);
		if (i % 2) // half of them stay connected
			close(fd);
	}
	doorbell_destroy(doorbell);
	loop_timer_destroy(timer);
	loop_destroy(loop);
}

static void no_directory(void **)
{
	struct loop_options options = {.http = http_nothing};

	loop = loop_create(&options, why, sizeof(why));
	assert_null(doorbell_create(loop, "/nonexistent", rung, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent"));
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_planes_come_and_go),
		cmocka_unit_test(no_directory),
	};

	if (!mkdtemp(directory))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char path[64];

	snprintf(path, sizeof(path), "%s/doorbell.sock", directory);
	unlink(path);
	rmdir(directory);
	return failed;
}

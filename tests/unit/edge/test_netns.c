// SPDX-License-Identifier: Apache-2.0
#include "edge/netns.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static ino_t namespace_now(void)
{
	struct stat status = {0};

	stat("/proc/thread-self/ns/net", &status);
	return status.st_ino;
}

static void no_name_means_stay(void **)
{
	ino_t before = namespace_now();
	int home = 5;

	assert_int_equal(netns_enter("", &home), 0);
	assert_int_equal(home, -1);
	netns_leave(home);
	assert_int_equal(netns_enter(NULL, &home), 0);
	netns_leave(home);
	assert_int_equal(namespace_now(), before);
}

static void missing_and_bad_names(void **)
{
	int home;

	assert_int_equal(netns_enter("sluice-no-such-namespace", &home), -ENOENT);
	assert_int_equal(home, -1);
	assert_int_equal(netns_enter("../../proc/1/ns/net", &home), -EINVAL);
}

static void there_and_back(void **)
{
	static const char name[] = "sluice-test-netns";
	ino_t before = namespace_now();
	int home;

	if (geteuid() || system("ip netns add sluice-test-netns 2>/dev/null"))
		skip();
	int error = netns_enter(name, &home);
	ino_t there = namespace_now();

	netns_leave(home);
	if (system("ip netns delete sluice-test-netns"))
		fail();
	assert_int_equal(error, 0);
	assert_int_not_equal(there, before);
	assert_int_equal(namespace_now(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_name_means_stay),
		cmocka_unit_test(missing_and_bad_names),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

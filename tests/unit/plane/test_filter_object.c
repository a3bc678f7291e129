// SPDX-License-Identifier: Apache-2.0
#include "plane/filter_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[256], why[512];

static void refused(const char *because)
{
	why[0] = 0;
	assert_int_equal(filter_object_check(path, why, sizeof(why)), -1);
	if (!strstr(why, because) || !strstr(why, path))
		fail_msg("not '%s' but: %s", because, why);
}

static void what_is_no_object(void **)
{
	snprintf(path, sizeof(path), "/nowhere/at/all.o");
	refused("no such file");
	snprintf(path, sizeof(path), "/proc/self/exe");
	refused("no BPF object");
	snprintf(path, sizeof(path), "/dev/null");
	refused("no BPF object");
	snprintf(path, sizeof(path), "/tmp");
	refused("no BPF object");
}

// Cut anywhere it is refused, or what is left is whole.
static void what_is_cut(void **)
{
	static uint8_t data[1 << 20];
	const char *build = getenv("BUILD");
	snprintf(path, sizeof(path), "%s/steer.bpf.o", build ? build : "build");
	FILE *file = fopen(path, "r");
	if (!file)
		skip(); // `make ebpf` makes it
	size_t length = fread(data, 1, sizeof(data), file);
	fclose(file);
	if (filter_object_check(path, why, sizeof(why)))
		fail_msg("%s", why);
	strcpy(path, "/dev/shm/sluice-object-XXXXXX");
	int fd = mkstemp(path);
	for (size_t cut = 0; cut < length; cut += 97) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, data, cut, 0), cut);
		filter_object_check(path, why, sizeof(why));
	}
	assert_int_equal(ftruncate(fd, 64), 0); // the head of an ELF file alone
	refused("no BPF object");
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_object),
		cmocka_unit_test(what_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

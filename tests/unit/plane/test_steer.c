// SPDX-License-Identifier: Apache-2.0
// On real maps, in a bpffs of a mount namespace of its own; without root only what needs no map.
#include "plane/steer.h"

#include <sluice/xdp.h>

#include <bpf/bpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/sluice-test-XXXXXX";
static char map_path[128];
static bool mounted;

enum { MEDIA_PORT = 7000, FEED_PORT = 7001 };

static struct sluice_path path_make(uint8_t last, uint16_t port)
{
	return (struct sluice_path){
		.remote = {.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, last}, .port = port},
		.local.port = MEDIA_PORT};
}

static int map_make(uint32_t entries, uint32_t key_size)
{
	int map =
		bpf_map_create(BPF_MAP_TYPE_HASH, SLUICE_XDP_MAP_PEERS, key_size, 8, entries, NULL);
	assert_true(map >= 0);
	unlink(map_path);
	assert_int_equal(bpf_obj_pin(map, map_path), 0);
	return map;
}

static bool map_has(int map, const struct sluice_path *path)
{
	struct sluice_xdp_peer key = {.port_be = htons(path->remote.port)};
	uint64_t value;
	memcpy(key.ip, path->remote.ip, sizeof(key.ip));
	if (path->local.port != MEDIA_PORT)
		key.local_be = htons(path->local.port);
	return bpf_map_lookup_elem(map, &key, &value) == 0;
}

static unsigned map_count(int map)
{
	struct sluice_xdp_peer key;
	unsigned count = 0;
	for (int error = bpf_map_get_next_key(map, NULL, &key); !error;
		error = bpf_map_get_next_key(map, &key, &key))
		count++;
	return count;
}

static struct steer *steer_on(int *map, uint32_t entries)
{
	if (!mounted)
		skip();
	*map = map_make(entries, sizeof(struct sluice_xdp_peer));
	struct steer *steer = steer_create(directory, MEDIA_PORT);
	assert_non_null(steer);
	assert_true(steer_poll(steer));
	assert_int_equal(steer_status(steer), 0);
	return steer;
}

static void test_no_filter(void **state)
{
	(void)state;
	struct sluice_path a = path_make(1, 4000);
	struct steer *steer = steer_create("/nonexistent", MEDIA_PORT);
	assert_non_null(steer);
	assert_false(steer_poll(steer));
	assert_true(steer_status(steer) < 0);
	assert_int_equal(steer_allow(steer, &a), 0);
	assert_int_equal(steer_deny(steer, &a), 0);
	assert_int_equal(steer_resync(steer, &a, 1), 0);
	a.local.port = 0;
	assert_int_equal(steer_allow(steer, &a), -EINVAL);
	a.local.port = FEED_PORT;
	a.remote.port = 0;
	assert_int_equal(steer_allow(steer, &a), -EINVAL);
	steer_destroy(steer);
	steer_destroy(NULL);
}

static void test_path_too_long(void **state)
{
	(void)state;
	char path[600];
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_null(steer_create(path, MEDIA_PORT));
}

static void test_allow_deny(void **state)
{
	(void)state;
	int map;
	struct steer *steer = steer_on(&map, 16);
	struct sluice_path a = path_make(1, 4000), b = path_make(1, 4001);
	assert_int_equal(steer_allow(steer, &a), 0);
	assert_int_equal(steer_allow(steer, &a), 0);
	assert_true(map_has(map, &a));
	assert_false(map_has(map, &b));
	assert_int_equal(steer_deny(steer, &b), 0);
	assert_int_equal(steer_allow(steer, &b), 0);
	assert_int_equal(steer_deny(steer, &a), 0);
	assert_false(map_has(map, &a));
	assert_true(map_has(map, &b));
	steer_destroy(steer);
	assert_true(map_has(map, &b));
	close(map);
}

// One address at the media port and at two others of ours: three that come and go by themselves.
static void test_ports_of_ours(void **state)
{
	(void)state;
	int map;
	struct steer *steer = steer_on(&map, 16);
	struct sluice_path paths[3] = {path_make(1, 4000), path_make(1, 4000), path_make(1, 4000)};
	paths[1].local.port = FEED_PORT;
	paths[2].local.port = FEED_PORT + 1;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(steer_allow(steer, &paths[i]), 0);
	assert_int_equal(map_count(map), 3);
	assert_int_equal(steer_deny(steer, &paths[1]), 0);
	assert_true(map_has(map, &paths[0]));
	assert_false(map_has(map, &paths[1]));
	assert_true(map_has(map, &paths[2]));
	assert_int_equal(steer_resync(steer, paths + 1, 2), 0);
	assert_false(map_has(map, &paths[0]));
	assert_true(map_has(map, &paths[1]));
	assert_int_equal(map_count(map), 2);
	steer_destroy(steer);
	close(map);
}

// The key is what the filter looks up: all bytes of it.
static void test_key_bytes(void **state)
{
	(void)state;
	static const uint8_t wanted[20] = {
		[10] = 0xff, [11] = 0xff, 192, 0, 2, 1, 0x0f, 0xa1, 0, 0};
	int map;
	struct steer *steer = steer_on(&map, 16);
	struct sluice_path a = path_make(1, 4001);
	a.remote.reserved = a.local.reserved = 0x5555;
	uint8_t key[20];
	assert_int_equal(steer_allow(steer, &a), 0);
	assert_int_equal(bpf_map_get_next_key(map, NULL, key), 0);
	assert_memory_equal(key, wanted, sizeof(key));
	steer_destroy(steer);
	close(map);
}

static void test_full(void **state)
{
	(void)state;
	int map;
	struct steer *steer = steer_on(&map, 2);
	struct sluice_path a[3] = {path_make(1, 1), path_make(2, 1), path_make(3, 1)};
	assert_int_equal(steer_allow(steer, &a[0]), 0);
	assert_int_equal(steer_allow(steer, &a[1]), 0);
	assert_int_equal(steer_allow(steer, &a[2]), -E2BIG);
	assert_int_equal(steer_resync(steer, a, 3), -E2BIG);
	assert_true(steer_poll(steer));
	assert_int_equal(steer_resync(steer, a, 2), 0);
	assert_false(steer_poll(steer));
	steer_destroy(steer);
	close(map);
}

// A control that comes back leaves in the map just what it knows, over and over.
static void test_resync(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	static struct sluice_path paths[COUNT];
	int map;
	struct steer *steer = steer_on(&map, 2 * COUNT);
	for (int i = 0; i < COUNT; i++)
		paths[i] = path_make(i & 255, 1000 + i);
	assert_int_equal(steer_resync(steer, paths, COUNT), 0);
	assert_false(steer_poll(steer));
	assert_int_equal(map_count(map), COUNT);
	steer_destroy(steer);

	steer = steer_create(directory, MEDIA_PORT);
	assert_non_null(steer);
	assert_true(steer_poll(steer));
	assert_true(steer_poll(steer));
	assert_int_equal(steer_resync(steer, paths + COUNT / 2, COUNT / 2), 0);
	assert_false(steer_poll(steer));
	assert_int_equal(map_count(map), COUNT / 2);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(map_has(map, &paths[i]), i >= COUNT / 2);

	struct sluice_path late = path_make(9, 9);
	assert_int_equal(steer_allow(steer, &late), 0);
	paths[1].remote.port = 0; // no address: left out
	assert_int_equal(steer_resync(steer, paths, 3), 0);
	assert_int_equal(map_count(map), 2);
	assert_true(map_has(map, &paths[0]));
	assert_true(map_has(map, &paths[2]));
	assert_int_equal(steer_resync(steer, NULL, 0), 0);
	assert_int_equal(map_count(map), 0);
	steer_destroy(steer);
	close(map);
}

// The data plane comes late, is replaced, goes, and something else lies in its place.
static void test_map_replaced(void **state)
{
	(void)state;
	int first, second;
	struct steer *steer = steer_on(&first, 16);
	struct sluice_path a = path_make(1, 4000);
	assert_int_equal(steer_resync(steer, &a, 1), 0);
	assert_false(steer_poll(steer));

	second = map_make(16, sizeof(struct sluice_xdp_peer));
	assert_true(steer_poll(steer));
	assert_int_equal(map_count(second), 0);
	assert_int_equal(steer_resync(steer, &a, 1), 0);
	assert_false(steer_poll(steer));
	assert_true(map_has(second, &a));
	close(second);

	assert_int_equal(unlink(map_path), 0);
	assert_false(steer_poll(steer));
	assert_int_equal(steer_status(steer), -ENOENT);
	assert_int_equal(steer_deny(steer, &a), 0);
	assert_true(map_has(first, &a));
	close(first);

	close(map_make(16, 8));
	assert_false(steer_poll(steer));
	assert_int_equal(steer_status(steer), -EINVAL);

	close(map_make(16, sizeof(struct sluice_xdp_peer)));
	assert_true(steer_poll(steer));
	assert_int_equal(steer_status(steer), 0);
	steer_destroy(steer);
}

// One control for each directory; whoever is refused hears who has it.
static void test_claim(void **state)
{
	char why[512] = "", pid[32];
	(void)state;
	struct steer *first = steer_create(directory, MEDIA_PORT),
		     *second = steer_create(directory, MEDIA_PORT);
	struct steer *nowhere = steer_create("/nowhere/at/all", MEDIA_PORT),
		     *file = steer_create("/proc/self/exe", MEDIA_PORT);
	assert_int_equal(steer_claim(first, why, sizeof(why)), 0);
	assert_int_equal(steer_claim(second, why, sizeof(why)), -EBUSY);
	snprintf(pid, sizeof(pid), "another control, pid %d:", (int)getpid());
	if (!strstr(why, pid) || !strstr(why, directory))
		fail_msg("%s", why);
	steer_destroy(first);
	assert_int_equal(steer_claim(second, why, sizeof(why)), 0);
	assert_int_equal(steer_claim(nowhere, why, sizeof(why)), 0);
	assert_int_equal(steer_claim(file, why, sizeof(why)), -ENOTDIR);
	assert_non_null(strstr(why, "/proc/self/exe"));
	steer_destroy(second);
	steer_destroy(nowhere);
	steer_destroy(file);
}

static int bpffs_mount(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(map_path, sizeof(map_path), "%s/%s", directory, SLUICE_XDP_MAP_PEERS);
	mounted = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		  mount("bpf", directory, "bpf", 0, NULL) == 0;
	return 0;
}

static int bpffs_unmount(void **state)
{
	(void)state;
	if (mounted)
		umount(directory);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_filter),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_allow_deny),
		cmocka_unit_test(test_ports_of_ours),
		cmocka_unit_test(test_key_bytes),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_resync),
		cmocka_unit_test(test_map_replaced),
		cmocka_unit_test(test_claim),
	};
	return cmocka_run_group_tests(tests, bpffs_mount, bpffs_unmount);
}

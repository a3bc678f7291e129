// SPDX-License-Identifier: Apache-2.0
// Against the kernel: two network namespaces of our own, joined by a veth pair; both vanish with the
// test. Skipped without root.
//
//   here: slunb0 10.9.0.1 fd09::1  ──  slunb1 10.9.0.2 fd09::2: there, also the default gateway
#include "plane/neighbour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t mac_there[6] = {2, 0, 0, 0, 0, 0x0b};
static const uint8_t mac_here[6] = {2, 0, 0, 0, 0, 0x0a};
static pid_t there; // a process that only holds the other namespace
static struct neighbour *neighbour;

static struct sluice_address address_make(const char *text)
{
	struct sluice_address address = {.ip = {[10] = 0xff, [11] = 0xff}, .port = 5000};
	if (inet_pton(AF_INET, text, address.ip + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, address.ip), 1);
	return address;
}

static int find(const char *remote, const char *local, int *ifindex, uint8_t mac[6])
{
	struct sluice_address from, to = address_make(remote);
	if (local)
		from = address_make(local);
	return neighbour_find(neighbour, &to, local ? &from : NULL, ifindex, mac);
}

// Repeats until the kernel has heard from the neighbour.
static int find_soon(const char *remote, const char *local, int *ifindex, uint8_t mac[6])
{
	int found = -EAGAIN;
	for (int attempts = 0; attempts < 200 && found == -EAGAIN; attempts++) {
		found = find(remote, local, ifindex, mac);
		if (found == -EAGAIN)
			usleep(20000);
	}
	return found;
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void forget_all(void)
{
	run("ip neigh flush dev slunb0 && ip -6 neigh flush dev slunb0");
}

static void need_root(void)
{
	if (!neighbour)
		skip();
}

// First the kernel does not know, and is made to ask; then it does.
static void expect_resolved(const char *remote, const char *local)
{
	int ifindex = -7;
	uint8_t mac[6] = {9, 9, 9, 9, 9, 9};
	forget_all();
	assert_int_equal(find(remote, local, &ifindex, mac), -EAGAIN);
	assert_int_equal(ifindex, -7);
	assert_int_equal(mac[0], 9);
	assert_int_equal(find_soon(remote, local, &ifindex, mac), NEIGHBOUR_FOUND);
	assert_int_equal(ifindex, if_nametoindex("slunb0"));
	assert_memory_equal(mac, mac_there, 6);
}

static void test_on_link(void **state)
{
	(void)state;
	need_root();
	expect_resolved("10.9.0.2", NULL);
	expect_resolved("10.9.0.2", "10.9.0.1");
	expect_resolved("fd09::2", NULL);
	expect_resolved("fd09::2", "fd09::1");
}

static void test_gateway(void **state)
{
	(void)state;
	need_root();
	expect_resolved("198.51.100.7", "10.9.0.1");
	expect_resolved("198.51.100.7", "0.0.0.0");
	expect_resolved("2001:db8::7", "fd09::1");
	expect_resolved("2001:db8::7", "::");
	expect_resolved("203.0.113.5", NULL); // by an IPv6 gateway
}

static void test_source(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"10.9.0.2", "10.9.0.1"},
		{"198.51.100.7", "10.9.0.1"}, {"fd09::2", "fd09::1"}, {"127.0.0.1", "127.0.0.1"}};
	struct sluice_address from = {.port = 5}, want, to;
	need_root();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		to = address_make(pairs[i][0]);
		want = address_make(pairs[i][1]);
		assert_int_equal(neighbour_source(neighbour, &to, &from), 0);
		assert_memory_equal(from.ip, want.ip, 16);
		assert_int_equal(from.port, 5);
	}
	to = address_make("192.0.2.1");
	assert_true(neighbour_source(neighbour, &to, &from) < 0);
	assert_memory_equal(from.ip, want.ip, 16);
}

// Without CAP_NET_ADMIN a datagram makes the kernel ask.
static void test_unprivileged(void **state)
{
	(void)state;
	static const char *remotes[] = {"198.51.100.7", "2001:db8::7", "10.9.0.2"};
	need_root();
	for (size_t i = 0; i < sizeof(remotes) / sizeof(remotes[0]); i++) {
		int ifindex;
		uint8_t mac[6] = {0};
		forget_all();
		assert_int_equal(seteuid(65534), 0);
		int found = find_soon(remotes[i], NULL, &ifindex, mac);
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(found, NEIGHBOUR_FOUND);
		assert_memory_equal(mac, mac_there, 6);
	}
}

static void test_loopback(void **state)
{
	(void)state;
	static const char *remotes[] = {"127.0.0.1", "127.8.8.8", "::1", "10.9.0.1", "fd09::1"};
	need_root();
	for (size_t i = 0; i < sizeof(remotes) / sizeof(remotes[0]); i++) {
		int ifindex = -7;
		uint8_t mac[6] = {9, 9, 9, 9, 9, 9};
		assert_int_equal(find(remotes[i], NULL, &ifindex, mac), NEIGHBOUR_LOOPBACK);
		assert_int_equal(ifindex, if_nametoindex("lo"));
		assert_memory_equal(mac, ((uint8_t[6]){0}), 6);
	}
}

static void test_no_route(void **state)
{
	(void)state;
	need_root();
	int ifindex = -7;
	uint8_t mac[6] = {9, 9, 9, 9, 9, 9};
	assert_int_equal(find("192.0.2.1", NULL, &ifindex, mac), -EHOSTUNREACH);
	assert_true(find("2001:db8:1::1", NULL, &ifindex, mac) < 0);
	// not an address of ours to send from
	int found = find("10.9.0.2", "10.77.0.1", &ifindex, mac);
	assert_true(found < 0 && found != -EAGAIN);
	assert_int_equal(ifindex, -7);
	assert_int_equal(mac[5], 9);
	// a failed request does not disturb the next
	assert_int_equal(find_soon("10.9.0.2", NULL, &ifindex, mac), NEIGHBOUR_FOUND);
}

static void test_nobody_there(void **state)
{
	(void)state;
	need_root();
	int ifindex = -7;
	uint8_t mac[6] = {9, 9, 9, 9, 9, 9};
	run("sysctl -qw net.ipv4.neigh.slunb0.retrans_time_ms=10 "
	    "net.ipv4.neigh.slunb0.mcast_solicit=1");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(find("10.9.0.99", NULL, &ifindex, mac), -EAGAIN);
		usleep(10000);
	}
	assert_int_equal(ifindex, -7);
}

static void test_permanent(void **state)
{
	(void)state;
	need_root();
	int ifindex;
	uint8_t mac[6];
	run("ip neigh replace 10.9.0.50 lladdr 02:00:00:00:00:50 dev slunb0 nud permanent");
	assert_int_equal(find("10.9.0.50", NULL, &ifindex, mac), NEIGHBOUR_FOUND);
	assert_memory_equal(mac, ((uint8_t[6]){2, 0, 0, 0, 0, 0x50}), 6);
}

// Nobody but us uses the entry, so nobody else makes the kernel check it.
static void test_stale_is_checked(void **state)
{
	(void)state;
	need_root();
	int ifindex;
	uint8_t mac[6] = {0};
	run("sysctl -qw net.ipv4.neigh.slunb0.delay_first_probe_time=0 "
	    "net.ipv4.neigh.slunb0.ucast_solicit=0");
	run("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:99 dev slunb0 nud stale");
	assert_int_equal(find("10.9.0.2", NULL, &ifindex, mac), NEIGHBOUR_FOUND);
	assert_int_equal(mac[5], 0x99);
	for (int attempts = 0; attempts < 200 && mac[5] == 0x99; attempts++) {
		usleep(20000);
		find("10.9.0.2", NULL, &ifindex, mac);
	}
	assert_memory_equal(mac, mac_there, 6);
}

static void test_no_mac_addresses(void **state)
{
	(void)state;
	need_root();
	if (system("ip tuntap add slunb2 mode tun 2>/dev/null") != 0)
		skip();
	int ifindex;
	uint8_t mac[6];
	run("ip link set slunb2 up && ip addr add 10.8.0.1/24 dev slunb2");
	assert_int_equal(find_soon("10.8.0.2", NULL, &ifindex, mac), -EOPNOTSUPP);
	run("ip link del slunb2");
}

static void test_other_namespace(void **state)
{
	(void)state;
	need_root();
	char path[64], before[64] = "", after[64] = "";
	int ifindex, found = -EAGAIN;
	uint8_t mac[6];
	struct sluice_address remote = address_make("10.9.0.1");
	assert_true(readlink("/proc/thread-self/ns/net", before, sizeof(before) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", there);
	struct neighbour *other = neighbour_open(path);
	assert_non_null(other);
	assert_true(readlink("/proc/thread-self/ns/net", after, sizeof(after) - 1) > 0);
	assert_string_equal(before, after);
	for (int attempts = 0; attempts < 200 && found == -EAGAIN; attempts++) {
		found = neighbour_find(other, &remote, NULL, &ifindex, mac);
		if (found == -EAGAIN)
			usleep(20000);
	}
	assert_int_equal(found, NEIGHBOUR_FOUND);
	assert_memory_equal(mac, mac_here, 6);
	neighbour_close(other);
}

static void test_no_namespace(void **state)
{
	(void)state;
	errno = 0;
	assert_null(neighbour_open("slunb-that-is-not-there"));
	assert_int_equal(errno, ENOENT);
	neighbour_close(NULL);
}

static int process_start(void)
{
	int ready[2];
	char byte;
	if (pipe(ready) != 0)
		return -1;
	there = fork();
	if (there == 0) {
		if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	int got = there > 0 ? read(ready[0], &byte, 1) : 0;
	close(ready[0]);
	return got == 1 ? 0 : -1;
}

static int namespaces_make(void **state)
{
	(void)state;
	char command[2048];
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		return 0; // the tests skip
	if (process_start() != 0)
		return -1;
	snprintf(command, sizeof(command),
		"set -e; ip link set lo up; "
		"ip link add slunb0 address 02:00:00:00:00:0a type veth peer name slunb1; "
		"ip link set slunb1 address 02:00:00:00:00:0b netns %d; "
		"ip addr add 10.9.0.1/24 dev slunb0; ip addr add fd09::1/64 dev slunb0 nodad; "
		"ip link set slunb0 up; "
		"n='nsenter --net=/proc/%d/ns/net'; $n ip addr add 10.9.0.2/24 dev slunb1; "
		"$n ip addr add fd09::2/64 dev slunb1 nodad; $n ip link set slunb1 up; "
		"ip route add default via 10.9.0.2; ip route add default via fd09::2; "
		"ip route add 203.0.113.0/24 via inet6 fd09::2 dev slunb0; "
		"ip route add unreachable 192.0.2.0/24; "
		"ip route add unreachable 2001:db8:1::/48",
		there, there);
	if (system(command) != 0)
		return -1;
	neighbour = neighbour_open(NULL);
	return neighbour ? 0 : -1;
}

static int namespaces_drop(void **state)
{
	(void)state;
	neighbour_close(neighbour);
	if (there > 0) {
		kill(there, SIGKILL);
		waitpid(there, NULL, 0);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_link),
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_no_route),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_permanent),
		cmocka_unit_test(test_stale_is_checked),
		cmocka_unit_test(test_no_mac_addresses),
		cmocka_unit_test(test_other_namespace),
		cmocka_unit_test(test_no_namespace),
	};
	return cmocka_run_group_tests(tests, namespaces_make, namespaces_drop);
}

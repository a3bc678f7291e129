// SPDX-License-Identifier: Apache-2.0
#include "edge/address.h"
#include "edge/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
static const uint8_t dtls[13] = {22, 254, 253};
static const uint8_t rtp[12] = {0x80, 96};

static struct config config;
static struct edge_counters counters;
static struct udp_datagram seen;
static uint8_t seen_data[UDP_DATAGRAM_MAX];
static unsigned seen_count;
static struct sluice_datagram punted, replied;
static unsigned punts, replies;
static bool reply_room;
static char why[256];

static void datagram(void *, const struct udp_datagram *one)
{
	seen = *one;
	memcpy(seen_data, one->data, one->length);
	seen_count++;
}

static bool punt(void *, struct sluice_datagram *one)
{
	*one = punted;
	return punts && punts--;
}

static bool reply(void *, const struct sluice_datagram *one)
{
	replied = *one;
	replies += reply_room;
	return reply_room;
}

static const struct udp_host host = {
	.datagram = datagram, .punt = punt, .reply = reply, .counters = &counters};

static int fresh(void **)
{
	memset(&config, 0, sizeof(config));
	memset(&counters, 0, sizeof(counters));
	seen_count = punts = replies = 0;
	config.ports_used = 1;
	strcpy(config.ports[0].interface, "lo");
	return 0;
}

// A port that is free for both families, as far as one can know.
static uint16_t free_port(void)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	getsockname(fd, (struct sockaddr *)&any, &length);
	close(fd);
	return ntohs(any.sin6_port);
}

static struct udp *udp_new(void)
{
	config.media.port = free_port();
	struct udp *udp = udp_create(&config, &host, why, sizeof(why));

	if (!udp)
		fail_msg("%s", why);
	return udp;
}

static int peer_open(const char *local, const char *remote, struct core_address *ours)
{
	struct core_address address = {0};
	struct sockaddr_storage storage;
	socklen_t length;

	address_parse(local, &address);
	length = address_to(&address, &storage);
	int fd = socket(storage.ss_family, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&storage, length), 0);
	length = sizeof(storage);
	getsockname(fd, (struct sockaddr *)&storage, &length);
	address_from((struct sockaddr *)&storage, ours);
	address_parse(remote, &address);
	address.port = config.media.port;
	length = address_to(&address, &storage);
	assert_int_equal(connect(fd, (struct sockaddr *)&storage, length), 0);
	return fd;
}

static void read_all(struct udp *udp)
{
	struct pollfd polled[UDP_SOCKETS_MAX];

	for (unsigned i = 0; i < udp_sockets(udp); i++)
		polled[i] = (struct pollfd){.fd = udp_socket(udp, i), .events = POLLIN};
	poll(polled, udp_sockets(udp), 1000);
	for (unsigned i = 0; i < udp_sockets(udp); i++)
		udp_readable(udp, i);
}

static void round_trip(const char *local, const char *remote)
{
	struct udp *udp = udp_new();
	struct core_address peer_address, expected = {.port = config.media.port};
	int peer = peer_open(local, remote, &peer_address);
	uint8_t answer[64];

	assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
	read_all(udp);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen.class, SLUICE_CLASS_STUN);
	assert_true(address_same(&seen.path.remote, &peer_address));
	address_parse(remote, &expected);
	assert_true(address_same(&seen.path.local, &expected));
	assert_int_equal(seen.path.port, 0);
	assert_int_equal(seen.length, sizeof(stun));
	assert_memory_equal(seen_data, stun, sizeof(stun));
	// the answer comes from the address that was asked, else a connected peer does not hear it
	assert_int_equal(udp_send(udp, &seen.path, dtls, sizeof(dtls)), 0);
	assert_int_equal(recv(peer, answer, sizeof(answer), 0), sizeof(dtls));
	assert_memory_equal(answer, dtls, sizeof(dtls));
	assert_int_equal(counters.udp_out, 1);
	close(peer);
	udp_destroy(udp);
}

static void both_families(void **)
{
	round_trip("127.0.0.1", "127.0.0.2");
	seen_count = 0;
	counters.udp_out = 0;
	round_trip("::1", "::1");
}

static void paths_to_somebody(void **)
{
	struct core_address v4 = {.port = 9}, v6 = {.port = 9};
	struct core_path paths[4];
	struct udp *udp = udp_new();

	address_parse("192.0.2.9", &v4);
	address_parse("2001:db8::9", &v6);
	assert_int_equal(udp_paths(udp, &v4, 0, paths, 4), 1);
	assert_true(address_same(&paths[0].remote, &v4));
	assert_true(address_is_any(&paths[0].local) && address_is_ipv4(&paths[0].local));
	assert_int_equal(udp_paths(udp, &v6, 0, paths, 4), 1);
	assert_false(address_is_ipv4(&paths[0].local));
	assert_int_equal(paths[0].local.port, config.media.port);
	assert_int_equal(udp_paths(udp, &v4, 0, paths, 0), 0);
	assert_int_equal(udp_paths(udp, &v4, 1, paths, 4), 0); // a port that is not open
	udp_destroy(udp);
}

static void one_address(void **)
{
	config.media.addresses_used = 1;
	strcpy(config.media.addresses[0].address, "127.0.0.3");
	round_trip("127.0.0.1", "127.0.0.3");
}

static void media_is_counted_and_dropped(void **)
{
	struct udp *udp = udp_new();
	struct core_address ours;
	int peer = peer_open("127.0.0.1", "127.0.0.1", &ours);
	uint8_t large[UDP_DATAGRAM_MAX + 1] = {20};

	assert_int_equal(send(peer, rtp, sizeof(rtp), 0), sizeof(rtp));
	assert_int_equal(send(peer, "x", 1, 0), 1);
	assert_int_equal(send(peer, "", 0, 0), 0);
	assert_int_equal(send(peer, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(send(peer, dtls, sizeof(dtls), 0), sizeof(dtls));
	for (unsigned i = 0; i < 5; i++)
		read_all(udp);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen.class, SLUICE_CLASS_DTLS);
	assert_int_equal(counters.udp_in[SLUICE_CLASS_RTP], 1);
	assert_int_equal(counters.udp_in[SLUICE_CLASS_OTHER], 2);
	assert_int_equal(counters.udp_unexpected, 3);
	assert_int_equal(counters.udp_truncated, 1);
	close(peer);
	udp_destroy(udp);
}

static void taken_port_names_its_holder(void **)
{
	struct udp *udp = udp_new();
	char expected[64];

	assert_null(udp_create(&config, &host, why, sizeof(why)));
	snprintf(expected, sizeof(expected), "in use by pid %d (test_udp)", getpid());
	assert_non_null(strstr(why, expected));
	assert_non_null(strstr(why, "media.port"));
	udp_destroy(udp);
	udp = udp_create(&config, &host, why, sizeof(why)); // free again at once
	assert_non_null(udp);
	udp_destroy(udp);
}

static void faults_are_named(void **)
{
	config.media.port = 9;
	config.media.addresses_used = 1;
	strcpy(config.media.addresses[0].address, "192.0.2.1");
	assert_null(udp_create(&config, &host, why, sizeof(why)));
	assert_non_null(strstr(why, "192.0.2.1"));
	config.media.addresses_used = 0;
	strcpy(config.ports[0].netns, "sluice-no-such-namespace");
	assert_null(udp_create(&config, &host, why, sizeof(why)));
	assert_non_null(strstr(why, "sluice-no-such-namespace"));
}

static void punted_port_is_deaf(void **)
{
	strcpy(config.ports[0].driver, "packet");
	struct udp *udp = udp_new();
	struct core_address ours;
	int peer = peer_open("127.0.0.1", "127.0.0.1", &ours);
	uint8_t answer[8];

	assert_true(udp_is_punted(udp, 0));
	assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
	// the port is open: no ICMP error comes back to a connected socket
	assert_int_equal(recv(peer, answer, sizeof(answer), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	udp_readable(udp, 0);
	assert_int_equal(seen_count, 0);
	close(peer);
	udp_destroy(udp);
}

static void punted_datagrams(void **)
{
	strcpy(config.ports[0].driver, "packet");
	struct udp *udp = udp_new();
	struct core_path path;

	memset(&punted, 0, sizeof(punted));
	memcpy(punted.data, stun, sizeof(stun));
	punted.length = sizeof(stun);
	punted.path.remote.port = 5;
	punted.path.local.port = config.media.port;
	memcpy(punted.path.remote_mac, "\2abcde", 6);
	punts = 3;
	udp_punted(udp);
	assert_int_equal(seen_count, 3);
	assert_int_equal(counters.punt_in[SLUICE_CLASS_STUN], 3);
	assert_int_equal(seen.path.remote.port, 5);
	assert_memory_equal(seen.path.remote_mac, "\2abcde", 6);
	path = seen.path;
	reply_room = true;
	assert_int_equal(udp_send(udp, &path, dtls, sizeof(dtls)), 0);
	assert_int_equal(replied.length, sizeof(dtls));
	assert_memory_equal(replied.path.remote_mac, "\2abcde", 6);
	assert_int_equal(replied.path.remote.port, 5);
	assert_int_equal(replied.path.local.port, config.media.port);
	reply_room = false;
	assert_int_equal(udp_send(udp, &path, dtls, sizeof(dtls)), -EAGAIN);
	assert_int_equal(counters.punt_out, 1);
	assert_int_equal(counters.punt_send_errors, 1);
	path.port = 1;
	assert_int_equal(udp_send(udp, &path, dtls, sizeof(dtls)), -EINVAL);
	udp_destroy(udp);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void times_of_arrival_while_they_are_wanted(void **)
{
	struct core_address ours;
	struct udp *udp = udp_new();
	int peer = peer_open("127.0.0.1", "127.0.0.1", &ours);

	for (int on = 0; on < 4; on++) {
		uint64_t before_ns = clock_ns();

		udp_stamp(udp, on % 2);
		assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
		read_all(udp);
		assert_int_equal(seen_count, on + 1);
		if (on % 2) // two clocks are compared: they may be read up to that apart
			assert_in_range(seen.arrived_ns, before_ns - 1000000, clock_ns() + 1000000);
		else
			assert_int_equal(seen.arrived_ns, 0);
	}
	close(peer);
	udp_destroy(udp);
}

static void times_of_punted_ones(void **)
{
	strcpy(config.ports[0].driver, "packet");
	struct udp *udp = udp_new();

	memset(&punted, 0, sizeof(punted));
	memcpy(punted.data, stun, sizeof(stun));
	punted.length = sizeof(stun);
	punted.path.local.port = config.media.port;
	punts = 1;
	udp_punted(udp);
	assert_int_equal(seen.arrived_ns, 0);
	udp_stamp(udp, true);
	uint64_t now_ns = clock_ns();

	punted.arrived_us = (uint32_t)((now_ns - 3000000) / 1000);
	punts = 1;
	udp_punted(udp);
	assert_in_range(seen.arrived_ns, now_ns - 3001000, now_ns + 1000000000);
	// A stamp that makes no sense is now.
	now_ns = clock_ns();
	punted.arrived_us = (uint32_t)(now_ns / 1000) - 20000000;
	punts = 1;
	udp_punted(udp);
	assert_true(seen.arrived_ns >= now_ns);
	udp_destroy(udp);
}

static void the_shared_ring_is_not_believed(void **)
{
	strcpy(config.ports[0].driver, "packet");
	struct udp *udp = udp_new();

	memset(&punted, 0, sizeof(punted));
	memcpy(punted.data, stun, sizeof(stun));
	punted.length = sizeof(punted.data) + 1;
	punts = 1;
	udp_punted(udp);
	punted.length = sizeof(stun);
	punted.path.port = 200;
	punts = 1;
	udp_punted(udp);
	punted.path.port = 0; // and to no port of ours
	punted.path.local.port = (uint16_t)(config.media.port + 1);
	punts = 1;
	udp_punted(udp);
	assert_int_equal(seen_count, 0);
	udp_destroy(udp);
}

// ---- ports of feeds

// A range of `count` ports that are free; the first is returned.
static uint16_t feeds_at(unsigned count)
{
	uint16_t first = free_port();

	if (first > 65000 - count)
		first -= 2000;
	snprintf(config.feeds.ports, sizeof(config.feeds.ports), "%u-%u", first, first + count - 1);
	return first;
}

static int peer_of(const char *remote, uint16_t port, struct core_address *ours)
{
	uint16_t media = config.media.port;
	int fd;

	config.media.port = port;
	fd = peer_open("127.0.0.1", remote, ours);
	config.media.port = media;
	return fd;
}

static void a_port_of_feeds(void **)
{
	uint16_t first = feeds_at(3);
	struct udp *udp = udp_new();
	struct core_address peer_address;
	struct core_path paths[4];
	uint8_t answer[64];
	int peer;

	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), 0);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), -EINVAL); // once
	assert_int_equal(udp_port_open(udp, (uint16_t)(first + 3), why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "feeds.ports"));
	peer = peer_of("127.0.0.1", first, &peer_address);
	// media that no filter has taken does not even reach us; a check does
	assert_int_equal(send(peer, rtp, sizeof(rtp), 0), sizeof(rtp));
	assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
	read_all(udp);
	assert_int_equal(seen_count, 1);
	assert_int_equal(counters.udp_in[SLUICE_CLASS_RTP], 0);
	assert_int_equal(counters.udp_unexpected, 0);
	assert_int_equal(seen.path.local.port, first);
	assert_true(address_same(&seen.path.remote, &peer_address));
	// the answer comes from that port: the peer is connected to it
	assert_int_equal(udp_send(udp, &seen.path, dtls, sizeof(dtls)), 0);
	assert_int_equal(recv(peer, answer, sizeof(answer), 0), sizeof(dtls));
	assert_int_equal(udp_paths(udp, &peer_address, first, paths, 4), 1);
	assert_int_equal(paths[0].local.port, first);
	udp_port_close(udp, first);
	udp_port_close(udp, first);
	udp_port_close(udp, 1);
	assert_int_equal(udp_send(udp, &seen.path, dtls, sizeof(dtls)), -EADDRNOTAVAIL);
	assert_int_equal(udp_paths(udp, &peer_address, first, paths, 4), 0);
	// closed at once: it may be opened again, and others hear that nobody is there
	assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
	assert_int_equal(recv(peer, answer, sizeof(answer), 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), 0);
	close(peer);
	udp_destroy(udp); // with an open one
}

static struct udp *closing;

static void datagram_closes(void *context, const struct udp_datagram *one)
{
	datagram(context, one);
	udp_port_close(closing, one->path.local.port);
}

static void a_port_may_close_while_it_is_read(void **)
{
	struct udp_host closes = host;
	struct core_address ours;
	uint16_t first = feeds_at(1);
	int peer;

	closes.datagram = datagram_closes;
	config.media.port = free_port();
	closing = udp_create(&config, &closes, why, sizeof(why));
	assert_non_null(closing);
	assert_int_equal(udp_port_open(closing, first, why, sizeof(why)), 0);
	peer = peer_of("127.0.0.1", first, &ours);
	for (unsigned i = 0; i < 40; i++) // more than a burst
		assert_int_equal(send(peer, stun, sizeof(stun), 0), sizeof(stun));
	read_all(closing);
	assert_in_range(seen_count, 1, 32);
	close(peer);
	udp_destroy(closing);
}

static void a_port_that_another_program_has(void **)
{
	uint16_t first = feeds_at(2);
	struct udp *udp = udp_new();
	struct sockaddr_in6 taken = {.sin6_family = AF_INET6, .sin6_port = htons(first)};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&taken, sizeof(taken)), 0);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), -EADDRINUSE);
	close(fd);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), 0); // nothing is left over
	udp_destroy(udp);
}

static void a_punted_port_of_feeds(void **)
{
	uint16_t first = feeds_at(1);
	struct udp *udp;

	strcpy(config.ports[0].driver, "packet");
	udp = udp_new();
	memset(&punted, 0, sizeof(punted));
	memcpy(punted.data, stun, sizeof(stun));
	punted.length = sizeof(stun);
	punted.path.remote.port = 5;
	punted.path.local.port = first;
	punts = 1;
	udp_punted(udp); // not in use
	assert_int_equal(seen_count, 0);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), 0);
	punts = 1;
	udp_punted(udp);
	assert_int_equal(seen_count, 1);
	reply_room = true;
	assert_int_equal(udp_send(udp, &seen.path, dtls, sizeof(dtls)), 0);
	assert_int_equal(replied.path.local.port, first);
	udp_destroy(udp);
}

static void paths_from_a_port_that_is_its_own_host(void **)
{
	struct core_address v4 = {.port = 9}, v6 = {.port = 9};
	struct core_path paths[4];
	uint16_t first = feeds_at(1);
	struct udp *udp;

	strcpy(config.ports[0].driver, "net_ring");
	strcpy(config.ports[0].device, "net_ring0");
	strcpy(config.ports[0].address, "192.0.2.5/24 2001:db8::5/64");
	config.ports[0].interface[0] = 0;
	udp = udp_new();
	address_parse("192.0.2.9", &v4);
	address_parse("2001:db8::9", &v6);
	v4.port = v6.port = 9;
	assert_int_equal(udp_paths(udp, &v4, 0, paths, 4), 1);
	assert_int_equal(paths[0].local.ip[15], 5);
	assert_int_equal(paths[0].local.port, config.media.port);
	assert_int_equal(udp_paths(udp, &v6, first, paths, 4), 0);
	assert_int_equal(udp_port_open(udp, first, why, sizeof(why)), 0);
	assert_int_equal(udp_paths(udp, &v6, first, paths, 4), 1);
	assert_int_equal(paths[0].local.port, first);
	assert_int_equal(paths[0].remote.port, 9);
	udp_destroy(udp);
}

static void ranges_that_are_none(void **)
{
	strcpy(config.feeds.ports, "x");
	config.media.port = free_port();
	assert_null(udp_create(&config, &host, why, sizeof(why)));
	assert_non_null(strstr(why, "feeds.ports"));
	strcpy(config.feeds.ports, "1-65535");
	assert_null(udp_create(&config, &host, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_families, fresh),
		cmocka_unit_test_setup(paths_to_somebody, fresh),
		cmocka_unit_test_setup(one_address, fresh),
		cmocka_unit_test_setup(media_is_counted_and_dropped, fresh),
		cmocka_unit_test_setup(taken_port_names_its_holder, fresh),
		cmocka_unit_test_setup(faults_are_named, fresh),
		cmocka_unit_test_setup(punted_port_is_deaf, fresh),
		cmocka_unit_test_setup(punted_datagrams, fresh),
		cmocka_unit_test_setup(times_of_arrival_while_they_are_wanted, fresh),
		cmocka_unit_test_setup(times_of_punted_ones, fresh),
		cmocka_unit_test_setup(the_shared_ring_is_not_believed, fresh),
		cmocka_unit_test_setup(a_port_of_feeds, fresh),
		cmocka_unit_test_setup(a_port_may_close_while_it_is_read, fresh),
		cmocka_unit_test_setup(a_port_that_another_program_has, fresh),
		cmocka_unit_test_setup(a_punted_port_of_feeds, fresh),
		cmocka_unit_test_setup(paths_from_a_port_that_is_its_own_host, fresh),
		cmocka_unit_test_setup(ranges_that_are_none, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

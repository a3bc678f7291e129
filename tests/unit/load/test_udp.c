// SPDX-License-Identifier: Apache-2.0
#include "socket/udp.h"
#include "support.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int peer_open(struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	socklen_t length = sizeof(*v4);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(address, 0, sizeof(*address));
	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)v4, length), 0);
	getsockname(fd, (struct sockaddr *)v4, &length);
	return fd;
}

static void batches_there_and_back(void **)
{
	struct udp_batch *batch = calloc(1, sizeof(*batch));
	struct sockaddr_storage address, from;
	struct timespec now;
	struct udp_datagram datagram;
	uint32_t lengths[UDP_BATCH];
	int peer = peer_open(&address), fd = udp_open(&address, NULL);
	socklen_t from_length = sizeof(from);
	char data[64];

	assert_true(fd >= 0);
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		lengths[i] = i + 1;
		memset(batch->data[i], (int)i, lengths[i]);
	}
	assert_int_equal(udp_send(fd, batch, lengths, UDP_BATCH), UDP_BATCH);
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		assert_int_equal(recvfrom(peer, data, sizeof(data), 0, (struct sockaddr *)&from,
					 &from_length),
			i + 1);
		assert_int_equal(data[i], i);
		sendto(peer, data, i + 1, 0, (struct sockaddr *)&from, from_length);
	}
	assert_int_equal(udp_receive(fd, batch), UDP_BATCH);
	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		udp_datagram(batch, i, &datagram);
		assert_int_equal(datagram.length, i + 1);
		assert_int_equal(datagram.data[i], i);
		assert_int_equal(datagram.overflowed, 0);
		assert_true(datagram.arrived_ns / 1000000000 + 5 > (uint64_t)now.tv_sec);
	}
	assert_int_equal(udp_receive(fd, batch), 0);
	close(fd);
	close(peer);
	free(batch);
}

static void a_full_buffer_is_told(void **)
{
	struct udp_batch *batch = calloc(1, sizeof(*batch));
	struct sockaddr_storage address;
	struct udp_datagram datagram;
	struct sockaddr_in self;
	socklen_t length = sizeof(self);
	int peer = peer_open(&address), fd = udp_open(&address, NULL), bytes = 4096;
	uint32_t overflowed = 0;
	char data[1000] = {0};
	unsigned n, taken = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	getsockname(fd, (struct sockaddr *)&self, &length);
	for (unsigned i = 0; i < 100; i++)
		sendto(peer, data, sizeof(data), 0, (struct sockaddr *)&self, length);
	while ((n = udp_receive(fd, batch)) > 0)
		taken += n;
	sendto(peer, data, sizeof(data), 0, (struct sockaddr *)&self, length);
	assert_int_equal(udp_receive(fd, batch), 1);
	udp_datagram(batch, 0, &datagram);
	overflowed = datagram.overflowed;
	assert_true(overflowed > 0);
	assert_int_equal(overflowed + taken, 100);
	close(fd);
	close(peer);
	free(batch);
}

static void nobody_at_the_other_end(void **)
{
	struct udp_batch *batch = calloc(1, sizeof(*batch));
	struct sockaddr_storage address;
	uint32_t lengths[2] = {10, 10};
	int peer = peer_open(&address), fd = udp_open(&address, NULL);

	close(peer);
	for (unsigned i = 0; i < 5; i++) // ICMP's refusals in between lose nothing
		assert_int_equal(udp_send(fd, batch, lengths, 2), 2);
	close(fd);
	free(batch);
}

static void ignored_rtp_is_counted(void **)
{
	// first and second byte, and whether it must still come: STUN, DTLS, RTP, RTCP, TURN channels
	static const struct {
		uint8_t first, second;
		bool comes;
	} kinds[] = {{0, 1, true}, {22, 254, true}, {128, 96, false}, {144, 224, false},
		{191, 111, false}, {128, 191, false}, {128, 192, true}, {129, 200, true},
		{128, 223, true}, {64, 0, true}, {192, 96, true}};
	struct udp_batch *batch = calloc(1, sizeof(*batch));
	struct sockaddr_storage address;
	struct sockaddr_in self;
	socklen_t length = sizeof(self);
	int peer = peer_open(&address), fd = udp_open(&address, NULL);
	unsigned come = 0, ignored = 0;
	uint8_t data[100] = {0};

	getsockname(fd, (struct sockaddr *)&self, &length);
	assert_int_equal(udp_dropped(fd), 0);
	assert_int_equal(udp_ignore_rtp(fd), 0);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		data[0] = kinds[i].first;
		data[1] = kinds[i].second;
		sendto(peer, data, sizeof(data), 0, (struct sockaddr *)&self, length);
		come += kinds[i].comes;
		ignored += !kinds[i].comes;
	}
	assert_int_equal(udp_receive(fd, batch), come);
	assert_int_equal(udp_dropped(fd), ignored);
	assert_int_equal(udp_ignore_rtp(-1), -EBADF);
	close(fd);
	close(peer);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_there_and_back),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(ignored_rtp_is_counted),
		cmocka_unit_test(nobody_at_the_other_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

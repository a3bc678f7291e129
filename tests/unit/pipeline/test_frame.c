// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stage.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pkt *payload(size_t length)
{
	struct pkt *pkt;
	assert_int_equal(pkt_get(0, &pkt, 1), 1);
	for (size_t i = 0; i < length; i++)
		pkt->data[i] = (uint8_t)(i * 7);
	pkt->length = (uint32_t)length;
	return pkt;
}

static void frames_are_whole(void **)
{
	const uint8_t mac[6] = {9, 8, 7, 6, 5, 4};
	uint16_t port;
	size_t got;
	plain_memory_create(1, 1);
	for (size_t length = 0; length < 1400; length += 13)
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			struct sluice_path path = {0};
			peer_address(&path.remote, ipv6, 3, 5555);
			peer_address(&path.local, ipv6, 254, WORLD_MEDIA_PORT);
			struct pkt *pkt = payload(length);
			assert_true(frame_write(pkt, &path, mac));
			assert_int_equal(pkt->length, length + 14 + (ipv6 ? 40 : 20) + 8);
			const uint8_t *data = frame_read(pkt->data, pkt->length, &port, &got);
			assert_int_equal(got, length);
			assert_int_equal(port, 5555);
			for (size_t i = 0; i < length; i++)
				assert_int_equal(data[i], (uint8_t)(i * 7));
			assert_memory_equal(pkt->data, mac, 6);
			assert_memory_equal(pkt->data + 6, io_mac(0), 6);
			const uint8_t *ip = pkt->data + 14;
			assert_int_equal(ip[ipv6 ? 7 : 8], 64);
			if (!ipv6)
				assert_int_equal(span_u32(ip + 4), 0x4000); // id 0, DF
			pkt_put(&pkt, 1);
		}
	plain_memory_destroy();
}

// What sealing has summed up goes into the checksum as if it had been read here.
static void a_sum_that_is_known_counts(void **)
{
	const uint8_t mac[6] = {9, 8, 7, 6, 5, 4};
	plain_memory_create(1, 1);
	for (uint32_t length = 12; length < 1400; length += 11)
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			struct sluice_path path = {0};
			struct frame frame;
			uint16_t port;
			size_t got;
			peer_address(&path.remote, ipv6, 3, 5555);
			peer_address(&path.local, ipv6, 254, WORLD_MEDIA_PORT);
			struct pkt *pkt = payload(length);
			struct frame_sum known = {.bytes = length - 12};
			for (uint32_t i = 12; i < length; i++)
				known.sum += (uint64_t)pkt->data[i] << (i % 2 ? 8 : 0);
			frame_make(&frame, &path, mac);
			assert_true(frame_put(pkt, &frame, &known));
			assert_non_null(
				frame_read(pkt->data, pkt->length, &port, &got)); // verifies
			assert_int_equal(got, length);
			pkt_put(&pkt, 1);
		}
	plain_memory_destroy();
}

static void a_udp_checksum_of_zero_is_not_sent(void **)
{
	const uint8_t mac[6] = {1};
	struct sluice_path path = {0};
	peer_address(&path.remote, false, 3, 5555);
	peer_address(&path.local, false, 254, WORLD_MEDIA_PORT);
	plain_memory_create(1, 1);
	struct pkt *pkt = payload(2);
	memset(pkt->data, 0, 2);
	assert_true(frame_write(pkt, &path, mac));
	uint16_t checksum = span_u16(pkt->data + 40);
	pkt_put(&pkt, 1);
	// With the checksum itself as payload the sum becomes zero.
	pkt = payload(2);
	span_put_u16(pkt->data, checksum);
	assert_true(frame_write(pkt, &path, mac));
	assert_int_equal(span_u16(pkt->data + 40), 0xFFFF);
	pkt_put(&pkt, 1);
	plain_memory_destroy();
}

static void without_headroom_nothing_is_written(void **)
{
	const uint8_t mac[6] = {1};
	struct sluice_path path = {0};
	plain_memory_create(1, 1);
	struct pkt *pkt = payload(10);
	pkt->headroom = 61;
	assert_false(frame_write(pkt, &path, mac));
	assert_int_equal(pkt->length, 10);
	pkt_put(&pkt, 1);
	plain_memory_destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_whole),
		cmocka_unit_test(a_sum_that_is_known_counts),
		cmocka_unit_test(a_udp_checksum_of_zero_is_not_sent),
		cmocka_unit_test(without_headroom_nothing_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

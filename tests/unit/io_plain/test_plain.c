// SPDX-License-Identifier: Apache-2.0
// The in-memory ports: what unit tests and replay trust must itself be right.
#include "io/plain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 2, PORTS = 2 };

static int world_create(void **)
{
	return plain_memory_create(PORTS, WORKERS);
}

static int world_destroy(void **)
{
	plain_memory_destroy();
	return 0;
}

static void assert_balanced(void)
{
	struct plain_balance balance = plain_balance();
	assert_int_equal(balance.got, balance.put);
}

static void frame_arrives_as_pushed(void **)
{
	uint8_t frame[1500];
	struct pkt *pkts[4];
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	plain_set_now_ns(123456789);
	assert_int_equal(plain_memory_push(1, 1, frame, sizeof(frame)), 0);
	assert_int_equal(io_rx(1, 0, pkts, 4), 0);
	assert_int_equal(io_rx(0, 1, pkts, 4), 0);
	assert_int_equal(io_rx(1, 1, pkts, 4), 1);
	assert_int_equal(pkts[0]->length, sizeof(frame));
	assert_memory_equal(pkts[0]->data, frame, sizeof(frame));
	assert_int_equal(pkts[0]->headroom, PKT_HEADROOM);
	assert_int_equal(pkts[0]->room, PKT_ROOM);
	assert_int_equal(pkts[0]->port, 1);
	assert_int_equal(pkts[0]->queue, 1);
	assert_int_equal(pkts[0]->holds, 1);
	assert_int_equal(pkts[0]->flags, 0);
	assert_int_equal(pkts[0]->arrived_ns, 123456789);
	assert_int_equal(io_rx(1, 1, pkts + 1, 3), 0);
	pkt_put(pkts, 1);
	assert_balanced();
}

static void frames_keep_their_order(void **)
{
	struct pkt *pkts[8];
	for (uint8_t i = 0; i < 10; i++)
		assert_int_equal(plain_memory_push(0, 0, &i, 1), 0);
	for (uint8_t i = 0; i < 10;) {
		unsigned got = io_rx(0, 0, pkts, i == 0 ? 8 : 1);
		assert_int_equal(got, i == 0 ? 8 : 1);
		for (unsigned k = 0; k < got; k++)
			assert_int_equal(pkts[k]->data[0], i++);
		pkt_put(pkts, got);
	}
	assert_balanced();
}

static void push_refuses_what_does_not_fit(void **)
{
	static uint8_t frame[PKT_ROOM + 1];
	assert_int_equal(plain_memory_push(0, 0, frame, PKT_ROOM + 1), -EINVAL);
	assert_int_equal(plain_memory_push(0, 0, frame, PKT_ROOM), 0);
	assert_int_equal(plain_memory_push(PORTS, 0, frame, 1), -EINVAL);
	assert_int_equal(plain_memory_push(0, WORKERS, frame, 1), -EINVAL);
	for (unsigned i = 1; i < PLAIN_MEMORY_FRAMES; i++)
		assert_int_equal(plain_memory_push(0, 0, frame, 1), 0);
	assert_int_equal(plain_memory_push(0, 0, frame, 1), -ENOBUFS);
}

static void sent_frames_come_out_once(void **)
{
	uint8_t out[64];
	struct pkt *pkts[2];
	assert_int_equal(pkt_get(0, pkts, 2), 2);
	for (unsigned i = 0; i < 2; i++) {
		pkts[i]->data -= 4; // a header in front
		pkts[i]->length = 5;
		memcpy(pkts[i]->data, i ? "early" : "later", 5);
	}
	assert_int_equal(plain_memory_pop_tx(0, out, sizeof(out)), 0);
	assert_int_equal(plain_memory_peek_tx_queue(0), -ENOENT);
	assert_int_equal(io_tx(0, 1, pkts, 2), 2);
	assert_int_equal(plain_memory_peek_tx_queue(0), 1);
	assert_int_equal(plain_memory_pop_tx(1, out, sizeof(out)), 0);
	assert_int_equal(plain_memory_pop_tx(0, out, 4), -EMSGSIZE);
	assert_int_equal(plain_memory_pop_tx(0, out, sizeof(out)), 5);
	assert_memory_equal(out, "later", 5);
	assert_int_equal(plain_memory_pop_tx(0, out, sizeof(out)), 5);
	assert_memory_equal(out, "early", 5);
	assert_int_equal(plain_memory_pop_tx(0, out, sizeof(out)), 0);
	assert_balanced();
}

static void full_port_leaves_the_rest_with_the_caller(void **)
{
	struct pkt *pkts[3];
	uint8_t out[8];
	assert_int_equal(pkt_get(0, pkts, 3), 3);
	for (unsigned i = 0; i < 3; i++)
		pkts[i]->length = 1;
	plain_memory_set_tx_room(0, 2);
	assert_int_equal(io_tx(0, 0, pkts, 3), 2);
	assert_int_equal(io_tx(0, 0, pkts + 2, 1), 0);
	struct plain_balance balance = plain_balance();
	assert_int_equal(balance.got - balance.put, 1);
	plain_memory_set_tx_room(0, UINT32_MAX);
	assert_int_equal(io_tx(0, 0, pkts + 2, 1), 1);
	assert_balanced();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(plain_memory_pop_tx(0, out, sizeof(out)), 1);
}

static void last_holder_frees(void **)
{
	struct pkt *pkt;
	uint64_t free, size;
	assert_int_equal(pkt_get(1, &pkt, 1), 1);
	pkt_hold(pkt, 2);
	pkt_put(&pkt, 1);
	pkt_put(&pkt, 1);
	pkt_count(1, &free, &size);
	assert_int_equal(size, PLAIN_MEMORY_PACKETS);
	assert_int_equal(free, PLAIN_MEMORY_PACKETS - 1);
	pkt_put(&pkt, 1);
	pkt_count(1, &free, &size);
	assert_int_equal(free, PLAIN_MEMORY_PACKETS);
	assert_balanced();
}

static void pool_runs_dry_and_recovers(void **)
{
	static struct pkt *pkts[PLAIN_MEMORY_PACKETS + 1];
	struct pkt *other;
	uint8_t frame = 1;
	assert_int_equal(pkt_get(0, pkts, PLAIN_MEMORY_PACKETS + 1), PLAIN_MEMORY_PACKETS);
	assert_int_equal(pkt_get(0, &other, 1), 0);
	assert_int_equal(plain_memory_push(0, 0, &frame, 1), -ENOBUFS);
	assert_int_equal(pkt_get(1, &other, 1), 1); // another worker's pool is untouched
	pkt_put(&other, 1);
	pkt_put(pkts, PLAIN_MEMORY_PACKETS);
	assert_int_equal(plain_memory_push(0, 0, &frame, 1), 0);
	assert_int_equal(io_rx(0, 0, &other, 1), 1);
	pkt_put(&other, 1);
	assert_balanced();
}

static void fresh_packet_forgets_its_past(void **)
{
	struct pkt *pkts[PLAIN_MEMORY_PACKETS];
	unsigned n = pkt_get(0, pkts, PLAIN_MEMORY_PACKETS);
	for (unsigned i = 0; i < n; i++) {
		pkts[i]->length = 9;
		pkts[i]->class = 3;
		pkts[i]->data += 50;
		pkts[i]->capture = 1;
	}
	pkt_put(pkts, n);
	assert_int_equal(pkt_get(0, pkts, 1), 1);
	assert_int_equal(pkts[0]->length, 0);
	assert_int_equal(pkts[0]->class, 0);
	assert_int_equal(pkts[0]->capture, 0);
	assert_int_equal(pkts[0]->headroom, PKT_HEADROOM);
	memset(pkts[0]->data - pkts[0]->headroom, 1, PKT_HEADROOM + PKT_ROOM);
	pkt_put(pkts, 1);
}

static void clock_is_virtual(void **)
{
	assert_int_equal(io_now_ns(), 1000000000);
	io_sleep(20000);
	assert_int_equal(io_now_ns(), 1000020000);
	plain_set_now_ns(5000000000);
	assert_int_equal(io_now_ns(), 5000000000);
	// 1970-01-01 is 2208988800 s after 1900-01-01 (RFC 5905, figure 4)
	assert_int_equal(io_ntp(0), 2208988800ULL << 32);
	assert_int_equal(io_ntp(1500000000), 2208988801ULL << 32 | 0x80000000);
}

static void queues_are_shared_out(void **)
{
	uint16_t queues[4];
	assert_int_equal(io_ports(), PORTS);
	for (unsigned w = 0; w < WORKERS; w++) {
		assert_int_equal(io_queues(0, w, queues, 4), 1);
		assert_int_equal(queues[0], w);
	}
	assert_int_equal(io_queues(0, WORKERS, queues, 4), 0);
	assert_memory_not_equal(io_mac(0), io_mac(1), 6);
}

static void doorbell_is_counted(void **)
{
	assert_int_equal(plain_doorbell_rings(), 0);
	io_doorbell();
	io_doorbell();
	assert_int_equal(plain_doorbell_rings(), 2);
}

static void too_large_a_world_is_refused(void **)
{
	assert_int_equal(plain_memory_create(SLUICE_PORTS_MAX + 1, 1), -EINVAL);
	assert_int_equal(plain_memory_create(1, SLUICE_WORKERS_MAX + 1), -EINVAL);
	assert_int_equal(io_ports(), PORTS); // the old one still stands
}

static void new_world_begins_empty(void **)
{
	uint8_t frame = 1;
	struct pkt *pkt;
	assert_int_equal(plain_memory_push(0, 0, &frame, 1), 0);
	io_doorbell();
	assert_int_equal(pkt_get(0, &pkt, 1), 1); // never put back: still freed with its pool
	assert_int_equal(plain_memory_create(1, 1), 0);
	assert_int_equal(io_rx(0, 0, &pkt, 1), 0);
	assert_int_equal(plain_doorbell_rings(), 0);
	assert_int_equal(plain_balance().got, 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_create, world_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(frame_arrives_as_pushed),
		IN_WORLD(frames_keep_their_order),
		IN_WORLD(push_refuses_what_does_not_fit),
		IN_WORLD(sent_frames_come_out_once),
		IN_WORLD(full_port_leaves_the_rest_with_the_caller),
		IN_WORLD(last_holder_frees),
		IN_WORLD(pool_runs_dry_and_recovers),
		IN_WORLD(fresh_packet_forgets_its_past),
		IN_WORLD(clock_is_virtual),
		IN_WORLD(queues_are_shared_out),
		IN_WORLD(doorbell_is_counted),
		IN_WORLD(too_large_a_world_is_refused),
		IN_WORLD(new_world_begins_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void what_the_port_refuses_is_counted_and_freed(void **)
{
	scene_open(&scene, 1, 100);
	scene_send(&scene, true);
	plain_memory_set_tx_room(0, 30);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_tx_full), 70);
	plain_memory_set_tx_room(0, UINT32_MAX);
	scene_collect(&scene);
	unsigned got = 0;
	for (unsigned v = 0; v < 100; v++)
		got += peer_rtp_count(&scene.viewers[v], scene_ssrc(v)) == 2;
	assert_int_equal(got, 30);
	scene_send(&scene, false);
	for (unsigned v = 0; v < 100; v++)
		assert_true(peer_rtp_count(&scene.viewers[v], scene_ssrc(v)) >= 2);
	scene_close(&scene);
}

// RTCP is small and late once: the port is tried again with every turn, but not for ever.
static void urgent_frames_are_tried_again(void **)
{
	uint8_t data[64];
	struct span_writer writer = span_writer(data, sizeof(data));
	for (unsigned ms = 20; ms <= 100; ms += 80) {
		scene_open(&scene, 1, 1);
		scene_send(&scene, true);
		world_pass(&scene.world, 1100);
		unsigned before = peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI);
		plain_memory_set_tx_room(0, 0);
		rtcp_write_rr(&writer, 1, NULL, 0);
		rtcp_write_pli(&writer, 1, scene_ssrc(0));
		scene_feedback(&scene, 0, &writer);
		world_pass(&scene.world, ms);
		uint64_t dropped = world_drops(&scene.world, SLUICE_DROP_tx_full);
		plain_memory_set_tx_room(0, UINT32_MAX);
		world_pass(&scene.world, 1);
		scene_collect(&scene);
		unsigned came = peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI) - before;
		assert_int_equal(came, ms < 50 ? 1 : 0);
		assert_int_equal(dropped > 0, ms >= 50);
		scene_close(&scene);
		writer = span_writer(data, sizeof(data));
	}
}

static void each_worker_sends_through_its_queue(void **)
{
	uint8_t frame[PEER_FRAME_MAX];
	scene_open(&scene, 3, 2);
	scene_collect(&scene);
	stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
	world_settle(&scene.world);
	unsigned queues = 0;
	for (int queue; (queue = plain_memory_peek_tx_queue(0)) >= 0;) {
		queues |= 1U << queue;
		plain_memory_pop_tx(0, frame, sizeof(frame));
	}
	assert_int_equal(queues, 6); // the viewers are worker 1's and 2's
	scene_close(&scene);
}

// The scene has sent its 100 copies of a packet, of which the 64th was measured.
static void one_packet_in_64_is_measured(void **)
{
	scene_open(&scene, 1, 100);
	const struct sluice_residence *residence = &scene.world.observed->workers[0].residence;
	scene_send(&scene, true);
	assert_int_equal(sluice_residence_count(residence), 1);
	scene_send(&scene, false);
	assert_int_equal(sluice_residence_count(residence), 3); // the 128th, the 192nd
	assert_int_equal(residence->buckets[0], 3); // the clock stood still
	plain_memory_set_tx_room(0, 30);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
	world_settle(&scene.world);
	assert_int_equal(sluice_residence_count(residence), 3); // the 256th was not sent
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_port_refuses_is_counted_and_freed),
		cmocka_unit_test(urgent_frames_are_tried_again),
		cmocka_unit_test(each_worker_sends_through_its_queue),
		cmocka_unit_test(one_packet_in_64_is_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

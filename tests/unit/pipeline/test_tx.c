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
		cmocka_unit_test(each_worker_sends_through_its_queue),
		cmocka_unit_test(one_packet_in_64_is_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

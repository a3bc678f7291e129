// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static unsigned events(enum sluice_event_type type, struct sluice_event *last)
{
	struct sluice_event event;
	unsigned n = 0;
	struct sluice_ring ring = sluice_ring_events(scene.world.desired, scene.world.observed, 0);
	while (sluice_ring_pop(&ring, &event))
		if (event.type == type) {
			n++;
			*last = event;
		}
	return n;
}

static void the_first_packet_is_heard(void **)
{
	struct sluice_event event;
	scene_open(&scene, 1, 1);
	assert_int_equal(events(SLUICE_EVENT_HEARD, &event), 0);
	scene_send(&scene, true);
	scene_send(&scene, true);
	assert_int_equal(events(SLUICE_EVENT_HEARD, &event), 1);
	assert_int_equal(event.index, 0);
	assert_int_equal(event.generation, 1);
	const struct sluice_transport_status *status = &scene.world.observed->transports[0];
	assert_int_equal(status->row.generation, 1);
	assert_int_equal(status->first_media_ns, 1001 * MS);
	assert_memory_equal(status->heard_mac, scene.publisher.row.paths[0].remote_mac, 6);
	scene_close(&scene);
}

static void replays_are_counted(void **)
{
	uint8_t data[PEER_FRAME_MAX];
	scene_open(&scene, 1, 1);
	size_t length = stream_write(&scene.video, true, data, 1000);
	struct srtp_seal_job job = {.session = scene.publisher.out,
		.data = data,
		.length = (uint32_t)length,
		.room = sizeof(data),
		.index = 1000};
	srtp_seal(&job, 1);
	for (unsigned i = 0; i < 3; i++)
		peer_push(&scene.world, &scene.publisher, data, job.length);
	data[job.length - 1]++;
	data[3]++;
	peer_push(&scene.world, &scene.publisher, data, job.length);
	world_pass(&scene.world, 300);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_replayed), 2);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_auth_failed), 1);
	assert_int_equal(scene.world.observed->transports[0].replays, 2);
	assert_int_equal(scene.world.observed->transports[0].auth_failures, 1);
	assert_int_equal(scene.world.observed->transports[0].packets_in, 1);
	scene_close(&scene);
}

static void without_keys_nothing_is_opened(void **)
{
	scene_open(&scene, 1, 1);
	scene.publisher.row.row.generation++;
	scene.publisher.row.flags = 0;
	world_set_transport(&scene.world, 0, &scene.publisher.row);
	world_settle(&scene.world);
	scene_send(&scene, true);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_keys), 1);
	scene_close(&scene);
}

static void the_last_next_hop_wins(void **)
{
	uint8_t frame[PEER_FRAME_MAX], buffer[64];
	scene_open(&scene, 1, 1);
	scene.viewers[0].row.paths[0].remote_mac[3] = 0x77; // not what control knows
	struct span_writer writer = span_writer(buffer, sizeof(buffer));
	rtcp_write_rr(&writer, 1, NULL, 0);
	scene_feedback(&scene, 0, &writer);
	stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
	world_settle(&scene.world);
	bool seen = false;
	while (plain_memory_pop_tx(0, frame, sizeof(frame)) > 0)
		seen |= memcmp(frame, scene.viewers[0].row.paths[0].remote_mac, 6) == 0;
	assert_true(seen);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_packet_is_heard),
		cmocka_unit_test(replays_are_counted),
		cmocka_unit_test(without_keys_nothing_is_opened),
		cmocka_unit_test(the_last_next_hop_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void the_owner_gets_what_lands_elsewhere(void **)
{
	uint8_t data[PEER_FRAME_MAX], frame[PEER_FRAME_MAX];
	scene_open(&scene, 3, 1);
	size_t length = stream_write(&scene.video, true, data, 1000);
	struct srtp_seal_job job = {.session = scene.publisher.out,
		.data = data,
		.length = (uint32_t)length,
		.room = sizeof(data),
		.index = 1000};
	assert_int_equal(srtp_seal(&job, 1), 1);
	length = peer_frame(&scene.publisher.row.paths[0], data, job.length, frame);
	assert_int_equal(plain_memory_push(0, 2, frame, length), 0); // worker 0 owns it
	world_settle(&scene.world);
	scene_collect(&scene);
	assert_int_equal(scene.world.observed->workers[2].handed_over, 1);
	assert_int_equal(scene.world.observed->workers[0].media_in, 1);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 1);
	scene_close(&scene);
}

static void a_full_mesh_is_counted(void **)
{
	uint8_t packet[40] = {0x80, 96};
	scene_open(&scene, 2, 1);
	scene.world.workers = 1; // worker 1 hangs; its transport's packets arrive at worker 0
	for (unsigned i = 0; i < MESH_SLOTS + 50; i++) {
		peer_push(&scene.world, &scene.viewers[0], packet, sizeof(packet));
		worker_step(scene.world.worker[0], scene.world.now_ns);
	}
	scene.world.workers = 2;
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_mesh_full), 50);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_auth_failed), MESH_SLOTS);
	scene_close(&scene);
}

static void key_requests_cross_the_mesh(void **)
{
	scene_open(&scene, 2, 1); // the viewer is worker 1's
	scene_send(&scene, false);
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_gets_what_lands_elsewhere),
		cmocka_unit_test(a_full_mesh_is_counted),
		cmocka_unit_test(key_requests_cross_the_mesh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

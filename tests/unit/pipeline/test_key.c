// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static unsigned plis(void)
{
	scene_collect(&scene);
	return peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI);
}

static void asked_again_until_it_comes(void **)
{
	scene_open(&scene, 1, 1);
	scene_send_many(&scene, 350); // nobody gives one
	assert_in_range(plis(), 3, 4);
	scene_send(&scene, true);
	unsigned asked = plis();
	scene_send_many(&scene, 300);
	assert_int_equal(plis(), asked);
	assert_int_equal(scene.world.observed->publications[0].encodings[0].key_frames, 1);
	assert_int_equal(scene.world.observed->publications[0].encodings[0].key_requests, asked);
	scene_close(&scene);
}

static void a_source_without_key_frames_is_left_in_peace(void **)
{
	scene_open(&scene, 1, 1);
	for (unsigned i = 0; i < 1500; i++) {
		scene_send(&scene, false);
		scene.viewers[0].inbox_used = 0;
	}
	// Two seconds of holding back, ten tries after the last wish.
	assert_in_range(plis(), 9, 13);
	scene_close(&scene);
}

static void a_silent_or_paused_source_is_not_asked(void **)
{
	scene_open(&scene, 1, 1);
	world_pass(&scene.world, 3000);
	assert_int_equal(plis(), 0); // nobody knows its SSRC
	scene_send(&scene, false);
	world_pass(&scene.world, 5000);
	assert_in_range(plis(), 1, 3);
	unsigned asked = plis();
	scene.publication.paused = 1;
	world_set_publication(&scene.world, 0, &scene.publication);
	scene_send_many(&scene, 200);
	assert_int_equal(plis(), asked);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_again_until_it_comes),
		cmocka_unit_test(a_source_without_key_frames_is_left_in_peace),
		cmocka_unit_test(a_silent_or_paused_source_is_not_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

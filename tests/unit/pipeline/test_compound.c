// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void compounds_begin_with_our_own_report(void **)
{
	scene_open(&scene, 1, 1);
	world_stop(&scene.world);
	world_start(&scene.world); // second life: incarnation 2
	scene_send(&scene, false);
	assert_true(scene.publisher.inbox_used >= 1);
	for (unsigned i = 0; i < scene.publisher.inbox_used; i++) {
		const struct received *got = &scene.publisher.inbox[i];
		size_t cursor = 0;
		struct rtcp_packet packet;
		assert_true(rtcp_next(got->data, got->length, &cursor, &packet));
		assert_int_equal(packet.kind, RTCP_KIND_RR);
		assert_int_equal(rtcp_sender(&packet), 0x1000 + 2);
		assert_true(rtcp_next(got->data, got->length, &cursor, &packet));
		assert_int_equal(packet.kind, RTCP_KIND_SDES);
	}
	assert_int_equal(scene.publisher.refused, 0);
	assert_true(scene.world.observed->workers[0].rtcp_out >= 1);
	scene_close(&scene);
}

static void nothing_is_sent_to_whom_we_cannot_reach(void **)
{
	scene_open(&scene, 1, 1);
	scene.publisher.row.paths_used = 0;
	scene.publisher.row.path_selected = 0;
	world_set_transport(&scene.world, 0, &scene.publisher.row);
	scene_send(&scene, false);
	world_pass(&scene.world, 2000);
	scene_collect(&scene);
	assert_int_equal(scene.publisher.inbox_used, 0);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_transport), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compounds_begin_with_our_own_report),
		cmocka_unit_test(nothing_is_sent_to_whom_we_cannot_reach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

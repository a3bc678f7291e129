// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void levels_are_reported(void **)
{
	scene_open(&scene, 1, 1);
	scene.publication.kind = SLUICE_AUDIO;
	scene.publication.codecs[0].codec = SLUICE_CODEC_OPUS;
	scene.publication.extension_id[SLUICE_EXT_AUDIO_LEVEL] = 9;
	world_set_publication(&scene.world, 0, &scene.publication);
	scene.video.level_id = 9;
	scene.video.level = 0x80 | 20;
	scene.video.vp8 = false;
	assert_int_equal(scene.world.observed->publications[0].audio_level, 127);
	scene_send_many(&scene, 40);
	assert_in_range(scene.world.observed->publications[0].audio_level, 18, 40);
	// Audio needs no key frame.
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 40);
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), 0);
	scene_close(&scene);
}

static void what_is_paused_is_dropped(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene.publication.paused = 1;
	world_set_publication(&scene.world, 0, &scene.publication);
	scene_send(&scene, true);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_paused), 1);
	scene.publication.paused = 0;
	world_set_publication(&scene.world, 0, &scene.publication);
	scene_send(&scene, true);
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 2);
	assert_int_equal(peer_rtp(viewer, scene_ssrc(0), 1)->index,
		peer_rtp(viewer, scene_ssrc(0), 0)->index + 1);
	scene_close(&scene);
}

static void malformed_rtp_is_counted(void **)
{
	scene_open(&scene, 1, 1);
	uint8_t data[20] = {0xB0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE, 0, 0};
	data[19] = 99; // padding longer than the packet
	peer_send_rtp(&scene.world, &scene.publisher, data, sizeof(data), 1);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_bad_rtp), 1);
	scene_close(&scene);
}

static void events_tell_of_source_and_key_frame(void **)
{
	struct sluice_event event;
	unsigned sources = 0, key_frames = 0;
	scene_open(&scene, 1, 1);
	scene_send(&scene, false);
	scene_send(&scene, true);
	scene_send(&scene, true);
	struct sluice_ring ring = sluice_ring_events(scene.world.desired, scene.world.observed, 0);
	while (sluice_ring_pop(&ring, &event)) {
		sources += event.type == SLUICE_EVENT_SOURCE && event.generation == 7;
		key_frames += event.type == SLUICE_EVENT_KEY_FRAME && event.index == 0;
	}
	assert_int_equal(sources, 1);
	assert_int_equal(key_frames, 1);
	scene_close(&scene);
}

static void rtx_before_media_is_nobodys(void **)
{
	uint8_t data[PEER_FRAME_MAX];
	scene_open(&scene, 1, 1);
	struct stream rtx = scene.video;
	rtx.payload_type = 97;
	rtx.ssrc = 0x4321;
	size_t length = stream_write(&rtx, true, data, 5);
	peer_send_rtp(&scene.world, &scene.publisher, data, length, 5);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 1);
	// A resend of what is here already is not sent on.
	scene_send(&scene, true);
	span_put_u16(data + 24, 1000); // behind the header
	data[3]++;
	peer_send_rtp(&scene.world, &scene.publisher, data, length, 6);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_replayed), 1);
	scene_collect(&scene);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_are_reported),
		cmocka_unit_test(what_is_paused_is_dropped),
		cmocka_unit_test(malformed_rtp_is_counted),
		cmocka_unit_test(events_tell_of_source_and_key_frame),
		cmocka_unit_test(rtx_before_media_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static uint32_t learned(unsigned publication, unsigned encoding)
{
	return scene.world.observed->publications[publication].encodings[encoding].ssrc;
}

static void ssrcs_are_learned_by_mid(void **)
{
	scene_open(&scene, 1, 1);
	struct sluice_publication other = scene.publication;
	other.row.generation = 8;
	other.mid[0] = '2';
	world_set_publication(&scene.world, 1, &other); // the same payload types
	scene_send(&scene, true);
	struct stream second = scene.video;
	second.ssrc = 0xABCD;
	second.mid = '2';
	stream_send(&scene.world, &scene.publisher, &second, true, false);
	world_settle(&scene.world);
	assert_int_equal(learned(0, 0), 0x1234);
	assert_int_equal(learned(1, 0), 0xABCD);
	// From then on the mid may stay away.
	scene.video.mid_id = 0;
	scene_send(&scene, false);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 2);
	// Without it an unknown SSRC is nobody's: two have the payload type.
	second.mid_id = 0;
	second.ssrc = 0xEEEE;
	stream_send(&scene.world, &scene.publisher, &second, true, false);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 1);
	scene_close(&scene);
}

static void signalled_ssrcs_count_without_mid(void **)
{
	scene_open(&scene, 1, 1);
	struct sluice_publication other = scene.publication;
	other.row.generation = 8;
	other.mid[0] = '2';
	other.encodings[0].ssrc = 0xABCD;
	world_set_publication(&scene.world, 1, &other);
	scene.video.mid_id = 0;
	scene.video.ssrc = 0xABCD;
	scene_send(&scene, true);
	assert_int_equal(learned(0, 0), 0);
	assert_int_equal(learned(1, 0), 0xABCD);
	scene_close(&scene);
}

static void a_unique_payload_type_is_enough(void **)
{
	scene_open(&scene, 1, 1);
	scene.video.mid_id = 0;
	scene_send(&scene, true);
	assert_int_equal(learned(0, 0), 0x1234);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 1);
	scene_close(&scene);
}

static void layers_are_told_apart_by_rid(void **)
{
	uint8_t data[64] = {0x90, 96, 0, 1};
	scene_open(&scene, 1, 1);
	scene.publication.encodings_used = 2;
	scene.publication.encodings[0].rid[0] = 'h';
	scene.publication.encodings[1].rid[0] = 'q';
	scene.publication.extension_id[SLUICE_EXT_RID] = 4;
	world_set_publication(&scene.world, 0, &scene.publication);
	world_settle(&scene.world);
	const uint8_t elements[] = {0xBE, 0xDE, 0, 1, 0x30, '1', 0x40, 'q'};
	memcpy(data + 12, elements, sizeof(elements));
	span_put_u32(data + 8, 0x5151);
	peer_send_rtp(&scene.world, &scene.publisher, data, sizeof(data), 1);
	data[12 + 7] = 'h';
	span_put_u32(data + 8, 0x5252);
	peer_send_rtp(&scene.world, &scene.publisher, data, sizeof(data), 1);
	data[12 + 7] = 'x';
	span_put_u32(data + 8, 0x5353);
	peer_send_rtp(&scene.world, &scene.publisher, data, sizeof(data), 1);
	world_settle(&scene.world);
	assert_int_equal(learned(0, 0), 0x5252);
	assert_int_equal(learned(0, 1), 0x5151);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 1);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_layer), 1);
	scene_close(&scene);
}

static void an_ssrc_taken_for_resends_becomes_media(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct stream other = scene.video;
	other.ssrc = 0x6666;
	other.payload_type = 97; // RTX
	stream_send(&scene.world, &scene.publisher, &other, false, false);
	world_pass(&scene.world, 3000);
	assert_int_equal(scene.world.observed->publications[0].encodings[0].rtx_ssrc, 0x6666);
	other.payload_type = 96;
	stream_send(&scene.world, &scene.publisher, &other, true, false);
	stream_send(&scene.world, &scene.publisher, &other, false, false);
	world_settle(&scene.world);
	scene_collect(&scene);
	assert_int_equal(learned(0, 0), 0x6666);
	assert_int_equal(
		peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 4); // a resend among them
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 0);
	scene_close(&scene);
}

static void stragglers_of_the_ssrc_before_do_not_flap(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct stream old = scene.video;
	scene.video.ssrc = 0x8888;
	scene_send(&scene, true);
	stream_send(&scene.world, &scene.publisher, &old, false, false);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_late), 1);
	assert_int_equal(learned(0, 0), 0x8888);
	// Later it may come back.
	world_pass(&scene.world, 2100);
	stream_send(&scene.world, &scene.publisher, &old, true, false);
	world_settle(&scene.world);
	assert_int_equal(learned(0, 0), 0x1234);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssrcs_are_learned_by_mid),
		cmocka_unit_test(signalled_ssrcs_count_without_mid),
		cmocka_unit_test(a_unique_payload_type_is_enough),
		cmocka_unit_test(layers_are_told_apart_by_rid),
		cmocka_unit_test(an_ssrc_taken_for_resends_becomes_media),
		cmocka_unit_test(stragglers_of_the_ssrc_before_do_not_flap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

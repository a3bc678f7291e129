// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static struct span_writer begin(uint8_t *buffer, size_t size)
{
	struct span_writer writer = span_writer(buffer, size);
	rtcp_write_rr(&writer, 1, NULL, 0);
	return writer;
}

static void nack(unsigned viewer, const uint16_t *sequences, unsigned n)
{
	uint8_t buffer[512];
	struct span_writer writer = begin(buffer, sizeof(buffer));
	assert_int_equal(rtcp_write_nack(&writer, 1, scene_ssrc(viewer), sequences, n), (int)n);
	scene_feedback(&scene, viewer, &writer);
}

static void pli(unsigned viewer)
{
	uint8_t buffer[64];
	struct span_writer writer = begin(buffer, sizeof(buffer));
	rtcp_write_pli(&writer, 1, scene_ssrc(viewer));
	scene_feedback(&scene, viewer, &writer);
}

static void nack_is_answered_by_rtx(void **)
{
	scene_open(&scene, 1, 2);
	scene_send(&scene, true);
	scene_send_many(&scene, 9);
	const struct peer *viewer = &scene.viewers[1];
	const struct received *third = peer_rtp(viewer, scene_ssrc(1), 3);
	const struct received *fifth = peer_rtp(viewer, scene_ssrc(1), 5);
	const uint16_t wanted[] = {third->header.sequence, fifth->header.sequence};
	nack(1, wanted, 2);
	assert_int_equal(peer_rtp_count(viewer, scene_rtx_ssrc(1)), 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct received *original = i ? fifth : third;
		const struct received *got = peer_rtp(viewer, scene_rtx_ssrc(1), i);
		const uint8_t *payload = got->data + got->header.payload_offset;
		assert_int_equal(got->header.payload_type, 111);
		assert_int_equal(got->header.timestamp, original->header.timestamp);
		assert_int_equal(span_u16(payload), wanted[i]);
		assert_int_equal(got->header.payload_length, original->header.payload_length + 2);
		assert_memory_equal(payload + 2, original->data + original->header.payload_offset,
			original->header.payload_length);
	}
	assert_int_equal(peer_rtp(viewer, scene_rtx_ssrc(1), 1)->index,
		peer_rtp(viewer, scene_rtx_ssrc(1), 0)->index + 1);
	// The same again within a round trip costs nothing; what never was is missed.
	nack(1, wanted, 2);
	assert_int_equal(peer_rtp_count(viewer, scene_rtx_ssrc(1)), 2);
	const uint16_t never = (uint16_t)(third->header.sequence + 5000);
	nack(1, &never, 1);
	world_pass(&scene.world, 300);
	assert_int_equal(scene.world.observed->subscriptions[1].resent, 2);
	assert_int_equal(scene.world.observed->subscriptions[1].nacks_missed, 1);
	assert_int_equal(viewer->refused, 0);
	scene_close(&scene);
}

static void rtx_goes_on_across_a_crash(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	const struct peer *viewer = &scene.viewers[0];
	uint16_t wanted = peer_rtp(viewer, scene_ssrc(0), 0)->header.sequence;
	nack(0, &wanted, 1);
	world_stop(&scene.world);
	world_start(&scene.world);
	scene_send(&scene, true);
	wanted = peer_rtp(viewer, scene_ssrc(0), 1)->header.sequence;
	nack(0, &wanted, 1);
	assert_int_equal(peer_rtp_count(viewer, scene_rtx_ssrc(0)), 2);
	assert_true(peer_rtp(viewer, scene_rtx_ssrc(0), 1)->index >
		    peer_rtp(viewer, scene_rtx_ssrc(0), 0)->index);
	assert_int_equal(viewer->refused, 0);
	scene_close(&scene);
}

// The next frame with RTP in it; other frames are thrown away.
static int pop_media(uint8_t *frame, uint16_t *sequence)
{
	uint16_t port;
	size_t length;
	int size;
	while ((size = plain_memory_pop_tx(0, frame, PEER_FRAME_MAX)) > 0) {
		const uint8_t *packet = frame_read(frame, (size_t)size, &port, &length);
		*sequence = span_u16(packet + 2);
		if (packet[1] < 192 || packet[1] > 223)
			break;
	}
	return size;
}

static void without_rtx_the_same_packet_is_sent_again(void **)
{
	uint8_t frame[2][PEER_FRAME_MAX];
	int length[2];
	uint16_t sequence;
	scene_open(&scene, 1, 1);
	world_settle(&scene.world);
	scene.subscriptions[0].row.generation = 99;
	scene.subscriptions[0].ssrc = 0x80001111;
	scene.subscriptions[0].rtx_ssrc = 0;
	scene.subscriptions[0].extension_id[SLUICE_EXT_ABS_SEND_TIME] = 6;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	world_settle(&scene.world);
	scene_collect(&scene);
	stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
	world_settle(&scene.world);
	length[0] = pop_media(frame[0], &sequence);
	assert_true(length[0] > 0);
	world_pass(&scene.world, 30);
	uint8_t buffer[64];
	struct span_writer writer = begin(buffer, sizeof(buffer));
	rtcp_write_nack(&writer, 1, 0x80001111, &sequence, 1);
	peer_send_rtcp(&scene.world, &scene.viewers[0], buffer, span_written(&writer));
	world_settle(&scene.world);
	length[1] = pop_media(frame[1], &sequence);
	assert_int_equal(length[1], length[0]);
	assert_memory_equal(frame[1], frame[0], (size_t)length[0]);
	scene_close(&scene);
}

static void a_hundred_plis_a_second_become_one(void **)
{
	scene_open(&scene, 4, 100);
	scene_send(&scene, true);
	world_pass(&scene.world, 2000);
	scene_send(&scene, true);
	unsigned before = peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI);
	for (unsigned round = 0; round < 5; round++) { // half a second each
		for (unsigned v = 0; v < 100; v++)
			pli(v);
		if (round == 0) // the first one at once
			assert_int_equal(
				peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), before + 1);
		for (unsigned i = 0; i < 50; i++)
			scene_send(&scene, false);
	}
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), before + 3);
	struct rtcp_packet packet;
	assert_true(peer_rtcp(&scene.publisher, RTCP_KIND_PLI, before, &packet));
	assert_int_equal(rtcp_media(&packet), scene.video.ssrc);
	assert_int_equal(rtcp_sender(&packet), 0x1000 + 1);
	// Once the key frame has come, nobody asks any more.
	scene_send(&scene, true);
	scene_send_many(&scene, 150);
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), before + 3);
	scene_close(&scene);
}

static void fir_asks_too(void **)
{
	uint8_t buffer[64];
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	world_pass(&scene.world, 1000);
	scene_send(&scene, true);
	unsigned before = peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI);
	struct span_writer writer = begin(buffer, sizeof(buffer));
	rtcp_write_fir(&writer, 1, scene_ssrc(0), 1);
	scene_feedback(&scene, 0, &writer);
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), before + 1);
	scene_close(&scene);
}

static void receiver_reports_become_status(void **)
{
	uint8_t buffer[128];
	const struct rtcp_report_block block = {
		.ssrc = scene_ssrc(0), .fraction_lost = 12, .cumulative_lost = 34, .jitter = 56};
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct span_writer writer = span_writer(buffer, sizeof(buffer));
	rtcp_write_rr(&writer, 1, &block, 1);
	scene_feedback(&scene, 0, &writer);
	world_pass(&scene.world, 300);
	const struct sluice_subscription_status *status = &scene.world.observed->subscriptions[0];
	assert_int_equal(status->loss_fraction, 12);
	assert_int_equal(status->lost, 34);
	assert_int_equal(status->jitter, 56);
	assert_int_equal(status->rtt_us, 0);
	scene_close(&scene);
}

static void after_bye_another_ssrc_is_learned(void **)
{
	uint8_t buffer[64];
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct span_writer writer = begin(buffer, sizeof(buffer));
	rtcp_write_bye(&writer, &scene.video.ssrc, 1);
	peer_send_rtcp(&scene.world, &scene.publisher, buffer, span_written(&writer));
	world_settle(&scene.world);
	scene.video.ssrc = 0x7777;
	scene_send(&scene, true);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 2);
	assert_int_equal(scene.world.observed->publications[0].encodings[0].ssrc, 0x7777);
	scene_close(&scene);
}

static void malformed_compounds_are_counted(void **)
{
	scene_open(&scene, 1, 1);
	uint8_t wrong[] = {0x81, 201, 0, 9, 0, 0, 0, 1};
	peer_send_rtcp(&scene.world, &scene.viewers[0], wrong, sizeof(wrong));
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_bad_rtcp), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nack_is_answered_by_rtx),
		cmocka_unit_test(rtx_goes_on_across_a_crash),
		cmocka_unit_test(without_rtx_the_same_packet_is_sent_again),
		cmocka_unit_test(a_hundred_plis_a_second_become_one),
		cmocka_unit_test(fir_asks_too),
		cmocka_unit_test(receiver_reports_become_status),
		cmocka_unit_test(after_bye_another_ssrc_is_learned),
		cmocka_unit_test(malformed_compounds_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

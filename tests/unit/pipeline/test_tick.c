// SPDX-License-Identifier: Apache-2.0
#include "media/twcc.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void sender_report(uint64_t ntp, uint32_t timestamp)
{
	uint8_t buffer[128];
	const struct rtcp_sender_info info = {
		.ssrc = scene.video.ssrc, .ntp = ntp, .timestamp = timestamp};
	struct span_writer writer = span_writer(buffer, sizeof(buffer));
	rtcp_write_sr(&writer, &info, NULL, 0);
	peer_send_rtcp(&scene.world, &scene.publisher, buffer, span_written(&writer));
	world_settle(&scene.world);
}

static void sender_reports_are_translated(void **)
{
	const uint64_t ntp = UINT64_C(0x1234567890000000);
	scene_open(&scene, 2, 2);
	scene_send(&scene, true);
	world_pass(&scene.world, 500);
	// Nothing is known of the publisher's clock: nothing is told.
	assert_int_equal(peer_rtcp_count(&scene.viewers[0], RTCP_KIND_SR), 0);
	uint64_t told_ns = scene.world.now_ns;
	sender_report(ntp, 123456);
	// Mute moves our timestamps away from the publisher's.
	for (unsigned i = 0; i < 120; i++)
		scene_send(&scene, i == 0);
	for (unsigned v = 0; v < 2; v++) {
		struct rtcp_packet packet;
		struct rtcp_sender_info info;
		const struct peer *viewer = &scene.viewers[v];
		unsigned n = peer_rtcp_count(viewer, RTCP_KIND_SR);
		assert_in_range(n, 1, 2);
		assert_true(peer_rtcp(viewer, RTCP_KIND_SR, 0, &packet));
		assert_true(rtcp_read_sender(&packet, &info));
		assert_int_equal(info.ssrc, scene_ssrc(v));
		// Both clocks went on by the same time.
		uint64_t elapsed_ms = ((info.ntp - ntp) * 1000 + (UINT64_C(1) << 31)) >> 32;
		assert_in_range(elapsed_ms, 1, (scene.world.now_ns - told_ns) / MS);
		assert_int_equal(info.timestamp, 123456 + elapsed_ms * 90);
		assert_true(info.packets > 1);
		// The compound begins with a report under our own SSRC.
		for (unsigned i = 0; i < viewer->inbox_used; i++)
			if (viewer->inbox[i].rtcp)
				assert_int_equal(
					span_u32(viewer->inbox[i].data + 4), 0x1000 * (v + 2) + 1);
	}
	scene_close(&scene);
}

static void translation_follows_a_break(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	// Media and reports of a publisher whose timestamps jump: a new run on our side.
	scene.video.ssrc = 0x4444;
	scene.video.timestamp = 0x80000000;
	world_pass(&scene.world, 90);
	scene_send(&scene, true);
	const struct received *last = peer_rtp(&scene.viewers[0], scene_ssrc(0), 1);
	sender_report(UINT64_C(5) << 32, 0x80000000);
	world_pass(&scene.world, 300);
	scene_collect(&scene);
	struct rtcp_packet packet;
	struct rtcp_sender_info info;
	assert_true(peer_rtcp(&scene.viewers[0], RTCP_KIND_SR, 0, &packet));
	assert_true(rtcp_read_sender(&packet, &info));
	uint64_t elapsed_ms = ((info.ntp - (UINT64_C(5) << 32)) * 1000 + (UINT64_C(1) << 31)) >> 32;
	assert_int_equal(info.timestamp, last->header.timestamp + elapsed_ms * 90);
	scene_close(&scene);
}

static void round_trip_is_measured(void **)
{
	uint8_t buffer[128];
	struct rtcp_packet packet;
	struct rtcp_sender_info info;
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	sender_report(UINT64_C(77) << 32, 1);
	while (!peer_rtcp(&scene.viewers[0], RTCP_KIND_SR, 0, &packet))
		scene_send(&scene, false);
	assert_true(rtcp_read_sender(&packet, &info));
	world_pass(&scene.world, 70); // 50 ms at the peer, 20 ms on the way; 10 ms have passed
	const struct rtcp_report_block block = {.ssrc = scene_ssrc(0),
		.last_sr = (uint32_t)(info.ntp >> 16),
		.delay_since_last_sr = 65536 * 50 / 1000};
	struct span_writer writer = span_writer(buffer, sizeof(buffer));
	rtcp_write_rr(&writer, 1, &block, 1);
	scene_feedback(&scene, 0, &writer);
	world_pass(&scene.world, 260);
	assert_in_range(scene.world.observed->subscriptions[0].rtt_us, 20000, 31000);
	scene_close(&scene);
}

static void arrivals_are_fed_back(void **)
{
	struct rtcp_packet packet;
	struct twcc_feedback feedback;
	struct twcc_arrival arrivals[64];
	scene_open(&scene, 1, 1);
	for (unsigned i = 0; i < 30; i++)
		scene_send(&scene, i == 0);
	unsigned reports = peer_rtcp_count(&scene.publisher, RTCP_KIND_TWCC);
	assert_in_range(reports, 2, 4);
	unsigned next = 0;
	for (unsigned i = 0; i < reports; i++) {
		assert_true(peer_rtcp(&scene.publisher, RTCP_KIND_TWCC, i, &packet));
		int n = twcc_parse(&packet, &feedback, arrivals, 64);
		assert_true(n > 0);
		for (int k = 0; k < n; k++) {
			assert_true(arrivals[k].received);
			assert_int_equal(arrivals[k].sequence, next++);
		}
	}
	assert_true(next >= 20);
	// Who did not negotiate it gets none.
	assert_int_equal(peer_rtcp_count(&scene.viewers[0], RTCP_KIND_TWCC), 0);
	scene_close(&scene);
}

static void losses_are_asked_for(void **)
{
	uint8_t data[PEER_FRAME_MAX], rtx[PEER_FRAME_MAX];
	struct rtcp_packet packet;
	uint16_t sequences[RTCP_NACK_MAX];
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct stream lost = scene.video;
	size_t length = stream_write(&lost, false, data, (uint16_t)lost.index);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, true);
	scene_send_many(&scene, 4);
	assert_true(peer_rtcp(&scene.publisher, RTCP_KIND_NACK, 0, &packet));
	assert_int_equal(rtcp_media(&packet), scene.video.ssrc);
	assert_int_equal(rtcp_read_nack(&packet, 0, sequences), 1);
	assert_int_equal(sequences[0], 1001);
	// The publisher sends it again as RTX: it goes to the subscriber in its old place.
	struct rtp_header header;
	assert_int_equal(rtp_parse(data, length, &header), 0);
	memcpy(rtx, data, header.payload_offset);
	rtx[1] = 97;
	span_put_u16(rtx + 2, 500);
	span_put_u32(rtx + 8, 0x5678);
	span_put_u16(rtx + header.payload_offset, 1001);
	memcpy(rtx + header.payload_offset + 2, data + header.payload_offset,
		header.payload_length);
	peer_send_rtp(&scene.world, &scene.publisher, rtx, length + 2, 500);
	world_pass(&scene.world, 300);
	scene_collect(&scene);
	const struct peer *viewer = &scene.viewers[0];
	const struct received *first = peer_rtp(viewer, scene_ssrc(0), 0);
	const struct received *repaired = peer_rtp(viewer, scene_ssrc(0), 5);
	assert_int_equal(repaired->index, first->index + 1);
	assert_int_equal(received_count(repaired), 1);
	assert_int_equal(repaired->header.payload_type, 100);
	const struct sluice_encoding_status *status =
		&scene.world.observed->publications[0].encodings[0];
	assert_int_equal(status->recovered, 1);
	assert_int_equal(status->rtx_ssrc, 0x5678);
	assert_true(status->nacks_sent >= 1);
	scene_close(&scene);
}

static void receiver_reports_go_upstream(void **)
{
	struct rtcp_packet packet;
	struct rtcp_report_block block;
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	sender_report(UINT64_C(0x1122334455667788), 1);
	scene_send_many(&scene, 230);
	bool seen = false;
	unsigned n = 0;
	for (unsigned i = 0; peer_rtcp(&scene.publisher, RTCP_KIND_RR, i, &packet); i++)
		if (rtcp_read_report(&packet, 0, &block)) {
			n++;
			assert_int_equal(block.ssrc, scene.video.ssrc);
			assert_int_equal(block.cumulative_lost, 0);
			seen |= block.last_sr == 0x33445566 && block.delay_since_last_sr > 0;
		}
	assert_true(seen);
	assert_in_range(n, 2, 3);
	scene_close(&scene);
}

static void statuses_tell_rates(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 300);
	const struct sluice_observed *observed = scene.world.observed;
	// 14 bytes of payload every 10 ms
	assert_in_range(observed->publications[0].encodings[0].bitrate_bps, 10000, 12000);
	assert_in_range(observed->subscriptions[0].bitrate_bps, 10000, 12000);
	assert_int_equal(observed->publications[0].encodings[0].key_frames, 1);
	assert_true(observed->publications[0].encodings[0].packets > 270);
	assert_int_equal(observed->workers[0].pool_size, PLAIN_MEMORY_PACKETS);
	assert_true(observed->transports[0].packets_in > 270);
	assert_true(observed->transports[1].packets_out > 270);
	assert_int_equal(observed->workers[0].beat_ns / 5000000, scene.world.now_ns / 5000000);
	scene_close(&scene);
}

static void old_packets_leave_the_cache(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 20);
	uint64_t balance = plain_balance().got - plain_balance().put;
	assert_int_equal(balance, 21);
	world_pass(&scene.world, 1500);
	assert_int_equal(plain_balance().got - plain_balance().put, 0);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_reports_are_translated),
		cmocka_unit_test(translation_follows_a_break),
		cmocka_unit_test(round_trip_is_measured),
		cmocka_unit_test(arrivals_are_fed_back),
		cmocka_unit_test(losses_are_asked_for),
		cmocka_unit_test(receiver_reports_go_upstream),
		cmocka_unit_test(statuses_tell_rates),
		cmocka_unit_test(old_packets_leave_the_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

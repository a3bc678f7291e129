// SPDX-License-Identifier: Apache-2.0
#include "media.h"
#include "support.h"

#include <string.h>

static const struct description_track video = {
	.used = true, .payload_type = 96, .rtx_payload_type = 97, .mid_extension = 3, .mid = "0"};

static struct media_source source_make(void)
{
	struct media_source source = {.kind = STAMP_VIDEO, .publisher = 7, .ssrc = 0x11223344};

	media_source_init(&source, &video, 1200, 960000);
	return source;
}

static void sinks_make(struct media_sink sinks[STAMP_KINDS])
{
	memset(sinks, 0, STAMP_KINDS * sizeof(*sinks));
	sinks[STAMP_VIDEO] =
		(struct media_sink){.kind = STAMP_VIDEO, .publisher = 7, .track = video};
}

static void a_packet_is_as_long_and_frequent_as_asked_for(void **)
{
	struct media_source source = source_make();
	uint8_t packet[MEDIA_PACKET_MAX];
	struct rtp_header header;
	struct rtp_extension extension;

	assert_int_equal(source.interval_ns, 10000000); // 100 packets of 9600 bits
	assert_int_equal(media_packet(&source, 65536 + 5, 2000000000, packet), 1200);
	assert_int_equal(rtp_parse(packet, 1200, &header), 0);
	assert_int_equal(header.sequence, 5);
	assert_int_equal(header.ssrc, 0x11223344);
	assert_int_equal(header.payload_type, 96);
	assert_int_equal(header.timestamp, 180000); // when it was sent, at 90 kHz
	assert_true(header.marker);
	assert_true(rtp_extension_find(packet, &header, 3, &extension));
	assert_int_equal(extension.length, 1);
	assert_int_equal(extension.value[0], '0');
}

static void without_mid_there_is_no_extension(void **)
{
	struct media_source source = {.kind = STAMP_AUDIO};
	const struct description_track audio = {.used = true, .payload_type = 111, .mid = "1"};
	uint8_t packet[MEDIA_PACKET_MAX];

	media_source_init(&source, &audio, 160, 64000);
	assert_int_equal(source.interval_ns, 20000000);
	assert_int_equal(media_packet(&source, 1, 1, packet), 160);
	assert_int_equal(packet[0], 0x80);
	assert_int_equal(packet[1], 111);
}

static void what_is_sent_is_taken(void **)
{
	struct media_source source = source_make();
	struct media_sink sinks[STAMP_KINDS];
	struct media_arrival arrival;
	uint8_t packet[MEDIA_PACKET_MAX];
	size_t length = media_packet(&source, 12, 34, packet);

	sinks_make(sinks);
	assert_int_equal(media_take(sinks, packet, length, 12, &arrival), MEDIA_GOOD);
	assert_ptr_equal(arrival.sink, &sinks[STAMP_VIDEO]);
	assert_int_equal(arrival.stamp.number, 12);
	assert_int_equal(arrival.stamp.sent_ns, 34);
	assert_true(arrival.key_frame);
	assert_false(arrival.repaired);
	assert_int_equal(sinks[STAMP_VIDEO].ssrc, 0x11223344);
	assert_int_equal(media_take(sinks, packet, length, 13, &arrival), MEDIA_GOOD);
	assert_int_equal(arrival.numbering, NUMBERING_DUPLICATE);
}

static void a_retransmission_is_known_by_its_payload_type(void **)
{
	struct media_source source = source_make();
	struct media_sink sinks[STAMP_KINDS];
	struct media_arrival arrival;
	uint8_t packet[MEDIA_PACKET_MAX + RTP_OSN_BYTES];
	size_t length = media_packet(&source, 12, 34, packet);
	size_t head = length - source.payload_bytes;

	sinks_make(sinks);
	memmove(packet + head + RTP_OSN_BYTES, packet + head, source.payload_bytes);
	packet[1] = 0x80 | 97;
	assert_int_equal(
		media_take(sinks, packet, length + RTP_OSN_BYTES, 900, &arrival), MEDIA_GOOD);
	assert_true(arrival.repaired);
	assert_int_equal(arrival.stamp.number, 12);
	assert_int_equal(sinks[STAMP_VIDEO].highest_index, 0); // of another stream
}

static void others_are_told_apart(void **)
{
	struct media_source source = source_make();
	struct media_sink sinks[STAMP_KINDS];
	struct media_arrival arrival;
	uint8_t packet[MEDIA_PACKET_MAX];
	size_t length = media_packet(&source, 1, 1, packet);

	sinks_make(sinks);
	assert_int_equal(media_take(sinks, packet, 11, 1, &arrival), MEDIA_MALFORMED);
	assert_int_equal(
		media_take(sinks, packet, length - source.payload_bytes, 1, &arrival), MEDIA_PROBE);
	sinks[STAMP_VIDEO].publisher = 8; // somebody else's media
	assert_int_equal(media_take(sinks, packet, length, 1, &arrival), MEDIA_CORRUPT);
	sinks[STAMP_VIDEO].publisher = 7;
	packet[600] ^= 1;
	assert_int_equal(media_take(sinks, packet, length, 1, &arrival), MEDIA_CORRUPT);
	packet[1] = 100;
	assert_int_equal(media_take(sinks, packet, length, 1, &arrival), MEDIA_MALFORMED);
	assert_int_equal(sinks[STAMP_VIDEO].numbering.received, 0);
}

static void a_receiver_report_tells_what_is_missing(void **)
{
	struct media_source source = source_make();
	struct media_sink sinks[STAMP_KINDS];
	struct media_arrival arrival;
	struct rtcp_sender_info info = {.ssrc = source.ssrc, .ntp = 0x1111222233334444};
	struct rtcp_report_block block;
	struct rtcp_packet part;
	uint8_t packet[MEDIA_PACKET_MAX];
	size_t cursor = 0, length;

	sinks_make(sinks);
	for (unsigned i = 10; i < 20; i++)
		if (i != 15)
			media_take(sinks, packet, media_packet(&source, i, 1, packet), 70000 + i,
				&arrival);
	media_take_sender(sinks, &info, 1000000000);
	length = media_receiver_report(sinks, 5, 1500000000, packet);
	assert_true(rtcp_check(packet, length));
	assert_true(rtcp_next(packet, length, &cursor, &part));
	assert_int_equal(part.kind, RTCP_KIND_RR);
	assert_true(rtcp_read_report(&part, 0, &block));
	assert_int_equal(block.ssrc, source.ssrc);
	assert_int_equal(block.cumulative_lost, 1);
	assert_int_equal(block.highest_sequence, 70019);
	assert_int_equal(block.last_sr, 0x22223333);
	assert_int_equal(block.delay_since_last_sr, 32768);
	assert_false(rtcp_read_report(&part, 1, &block));
}

static void a_sender_reports_when_it_has_sent(void **)
{
	struct media_source sources[STAMP_KINDS] = {[STAMP_VIDEO] = source_make()};
	struct rtcp_sender_info info;
	struct rtcp_packet part;
	uint8_t packet[MEDIA_REPORT_MAX];
	size_t cursor = 0, length;

	assert_int_equal(media_sender_report(sources, 1, 1, packet), 0);
	sources[STAMP_VIDEO].packets = 3;
	sources[STAMP_VIDEO].bytes = 300;
	length = media_sender_report(sources, 1000000000, 77, packet);
	assert_true(rtcp_check(packet, length));
	assert_true(rtcp_next(packet, length, &cursor, &part));
	assert_true(rtcp_read_sender(&part, &info));
	assert_int_equal(info.packets, 3);
	assert_int_equal(info.bytes, 300);
	assert_int_equal(info.ntp, 77);
	assert_int_equal(info.timestamp, 90000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_as_long_and_frequent_as_asked_for),
		cmocka_unit_test(without_mid_there_is_no_extension),
		cmocka_unit_test(what_is_sent_is_taken),
		cmocka_unit_test(a_retransmission_is_known_by_its_payload_type),
		cmocka_unit_test(others_are_told_apart),
		cmocka_unit_test(a_receiver_report_tells_what_is_missing),
		cmocka_unit_test(a_sender_reports_when_it_has_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// What publishers send opens with their keys, packet by packet; and what a relay would send of it is
// counted by the receiver, whose zero means something.
#include "frame.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "receive.h"
#include "stamp.h"
#include "stream.h"
#include "unit/pktgen/support.h"

static struct capture_frame frame;
static struct session session;
static struct stream_plan plan;

static int begin(void **state)
{
	struct session_plan made = support_plan();

	plan = (struct stream_plan){.first = 0, .packets = 200, .rate = 100, .size = 300};
	return support_begin(state) || srtp_library_init() ||
	       session_make(&session, &made, support_why, sizeof(support_why));
}

static int end(void **state)
{
	session_free(&session);
	srtp_library_exit();
	return support_end(state);
}

static const char *streams(const char *name)
{
	const char *path = support_path(name);
	struct capture capture;

	assert_int_equal(capture_create(&capture, path, support_why, 512), 0);
	if (stream_write(&session, &plan, &capture, support_why, sizeof(support_why)))
		fail_msg("%s", support_why);
	assert_int_equal(capture_close(&capture, support_why, 512), 0);
	return path;
}

static void numbers(void **)
{
	struct stream_plan odd = {.first = 7, .packets = 10, .rate = 30};

	assert_int_equal(stream_packets(&plan, true), 200);
	assert_int_equal(stream_packets(&plan, false), 100);
	assert_int_equal(stream_packets(&odd, true), 10);
	// what goes on where a capture ended leaves no audio packet out and has none twice
	for (uint64_t first = 0, audio = 0; first < 300; first += 10) {
		odd = (struct stream_plan){.first = first, .packets = 10, .rate = 30};
		audio += stream_packets(&odd, false);
		odd = (struct stream_plan){.first = 0, .packets = first + 10, .rate = 30};
		assert_int_equal(audio, stream_packets(&odd, false));
	}
}

// Opens every frame with the publisher's key; returns how many opened.
static unsigned opened(const char *path, uint64_t *highest)
{
	struct srtp_session *srtp[2];
	struct capture capture;
	struct endpoint from, to;
	unsigned good = 0;
	uint64_t before = 0;

	for (unsigned p = 0; p < 2; p++)
		srtp[p] = srtp_session_open(SRTP_IN, session.profile, &session.publishers[p].key);
	assert_int_equal(capture_open(&capture, path, support_why, 512), 0);
	while (capture_next(&capture, &frame, support_why, 512) == 1) {
		size_t got;
		const uint8_t *payload = frame_read(frame.data, frame.length, &from, &to, &got);
		uint32_t length = (uint32_t)got;
		struct rtp_header header;
		struct stamp stamp;
		uint64_t index;

		assert_true(frame.time_ns >= before);
		before = frame.time_ns;
		assert_int_equal(to.port, 7000);
		if (srtp_open(srtp[from.port - 40000], frame.data + (payload - frame.data), &length,
			    &index) != SRTP_OK)
			continue;
		good++;
		*highest = index > *highest ? index : *highest;
		assert_int_equal(rtp_parse(payload, length, &header), 0);
		assert_true(
			stamp_read(payload + header.payload_offset, header.payload_length, &stamp));
		assert_int_equal(stamp.number, index);
		assert_int_equal(stamp.publisher, from.port - 40000);
	}
	fclose(capture.file);
	for (unsigned p = 0; p < 2; p++)
		srtp_session_close(srtp[p]);
	return good;
}

static void opens(void **)
{
	uint64_t highest = 0;

	assert_int_equal(opened(streams("a.pcap"), &highest), 2 * (200 + 100));
	assert_int_equal(highest, 199);
	plan.forge = true;
	assert_int_equal(opened(streams("b.pcap"), &highest), 0);
	plan.forge = false;
	plan.first = 65500; // the ROC is counted
	assert_int_equal(opened(streams("c.pcap"), &highest), 2 * (200 + 100));
	assert_int_equal(highest, 65699);
	plan.first = 0;
}

static void ssrc_twice(void **)
{
	struct capture capture;
	uint32_t ssrc = session.publishers[0].streams[1].ssrc;

	session.publishers[0].streams[1].ssrc = session.publishers[0].streams[0].ssrc;
	assert_int_equal(capture_create(&capture, support_path("d.pcap"), support_why, 512), 0);
	assert_int_equal(stream_write(&session, &plan, &capture, support_why, 512), -1);
	fclose(capture.file);
	session.publishers[0].streams[1].ssrc = ssrc;
}

// ---- a relay that forwards what it should, or not quite

struct faults {
	unsigned lose, spoil; // number of a packet of the first subscriber; 0 = none
};

static void forward(const char *path, const struct faults *faults)
{
	struct capture capture;
	uint8_t packet[FRAME_PAYLOAD_MAX], bytes[FRAME_MAX];

	assert_int_equal(capture_create(&capture, path, support_why, 512), 0);
	for (uint32_t s = 0; s < session.subscribers_used; s++) {
		const struct session_peer *peer = &session.subscribers[s];
		struct srtp_session *srtp =
			srtp_session_open(SRTP_OUT, session.profile, &peer->relay_key);

		for (uint64_t n = 0; n < 300; n++) {
			bool video = n < 200;
			struct stamp stamp = {.kind = video ? STAMP_VIDEO : STAMP_AUDIO,
				.publisher = peer->publisher,
				.number = video ? n : n - 200};
			struct srtp_seal_job job = {.session = srtp,
				.data = packet,
				.length = 12 + 100,
				.room = sizeof(packet),
				.index = 1000 + stamp.number};
			size_t length;

			memcpy(packet, (uint8_t[12]){0x80, video ? 96 : 111}, 12);
			packet[2] = (uint8_t)(job.index >> 8);
			packet[3] = (uint8_t)job.index;
			packet[11] = video ? 1 : 2;
			stamp_write(&stamp, packet + 12, 100);
			if (!s && n == faults->spoil && n)
				packet[60] ^= 1; // before it is sealed: only the checker can tell
			assert_int_equal(srtp_seal(&job, 1), 1);
			length = frame_write(
				bytes, &session.relay, &peer->address, packet, job.length);
			if (s || n != faults->lose || !n)
				capture_write(&capture, n, bytes, length);
		}
		srtp_session_close(srtp);
	}
	assert_int_equal(capture_close(&capture, support_why, 512), 0);
}

static int received(const struct faults *faults, char *text, size_t size)
{
	struct receive_plan wanted = {.packets = 200, .audio_packets = 100};
	FILE *out = fmemopen(text, size, "w");
	int result;

	wanted.capture = support_path("forwarded.pcap");
	forward(wanted.capture, faults);
	result = receive_run(&session, &wanted, out, support_why, sizeof(support_why));
	fclose(out);
	return result;
}

static void all_counted(void **)
{
	char text[512] = "";

	assert_int_equal(received(&(struct faults){0}, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"expected\": 1800, \"received\": 1800, \"streams\": 12"));
	assert_int_equal(received(&(struct faults){.lose = 7}, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "\"received\": 1799"));
	assert_non_null(strstr(text, "\"gaps\": 1"));
	assert_int_equal(received(&(struct faults){.spoil = 7}, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "\"corrupt\": 1"));
}

static void other_keys(void **)
{
	struct receive_plan wanted = {.packets = 200, .audio_packets = 100};
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	wanted.capture = support_path("forwarded.pcap");
	forward(wanted.capture, &(struct faults){0});
	session.subscribers[0].relay_key.key[0] ^= 1;
	assert_int_equal(receive_run(&session, &wanted, out, support_why, 512), 1);
	session.subscribers[0].relay_key.key[0] ^= 1;
	fclose(out);
	assert_non_null(strstr(text, "\"undecrypted\": 300"));
}

static void foreign_addresses(void **)
{
	struct receive_plan wanted = {.packets = 1, .seconds = 1};
	struct endpoint address = session.subscribers[0].address;

	session.subscribers[0].address = support_endpoint("192.0.2.1:41000", 1);
	assert_int_equal(receive_run(&session, &wanted, stdout, support_why, 512), -1);
	assert_non_null(strstr(support_why, "192.0.2.1:41000"));
	session.subscribers[0].address = address;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(opens),
		cmocka_unit_test(ssrc_twice),
		cmocka_unit_test(all_counted),
		cmocka_unit_test(other_keys),
		cmocka_unit_test(foreign_addresses),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

// SPDX-License-Identifier: Apache-2.0
// Every frame of a class is what the class says, by the relay's own classifier.
#include "junk.h"
#include "media/span.h"
#include "unit/pktgen/support.h"

#include <sluice/demux.h>

enum { FRAMES = 2000 };

static struct junk junk_of(enum junk_class class)
{
	struct junk junk = {.class = class,
		.relay = support_endpoint("192.0.2.1:7000", 1),
		.sources = {.port_low = 1024, .port_high = 65535},
		.size_low = 28,
		.size_high = 1000,
		.ufrag = "live",
		.random = 42};

	assert_true(endpoint_read_network("198.18.0.0/24", &junk.sources));
	return junk;
}

static void classified_as(enum junk_class class, enum sluice_class wanted)
{
	struct junk junk = junk_of(class), again = junk;
	uint8_t frame[FRAME_MAX], same[FRAME_MAX];
	struct endpoint from, to;

	for (unsigned i = 0; i < FRAMES; i++) {
		size_t length = junk_frame(&junk, frame), got = 0;
		const uint8_t *payload = frame_read(frame, length, &from, &to, &got);

		assert_non_null(payload);
		assert_int_equal(sluice_classify(payload, (uint32_t)got), wanted);
		assert_int_equal(to.port, 7000);
		assert_int_equal(from.ip[12], 198);
		assert_int_equal(junk_frame(&again, same), length); // repeatable
		assert_memory_equal(frame, same, length);
	}
}

static void classes(void **)
{
	classified_as(JUNK_random, SLUICE_CLASS_OTHER);
	classified_as(JUNK_stun, SLUICE_CLASS_STUN);
	classified_as(JUNK_integrity, SLUICE_CLASS_STUN);
	classified_as(JUNK_clienthello, SLUICE_CLASS_DTLS);
	classified_as(JUNK_rtp, SLUICE_CLASS_RTP);
	classified_as(JUNK_rtcp, SLUICE_CLASS_RTCP);
}

static void names_the_session(void **)
{
	struct junk junk = junk_of(JUNK_integrity);
	struct endpoint from, to;
	uint8_t frame[FRAME_MAX];
	size_t length = junk_frame(&junk, frame), got = 0;
	const uint8_t *payload = frame_read(frame, length, &from, &to, &got);

	assert_memory_equal(payload + 20 + 4, "live:", 5); // the first attribute
	assert_int_equal(span_u16(payload + 2) + 20, got);
	junk.class = JUNK_stun;
	length = junk_frame(&junk, frame);
	payload = frame_read(frame, length, &from, &to, &got);
	assert_memory_equal(payload + 20 + 4, "none", 4);
}

static void hello_is_whole(void **)
{
	struct junk junk = junk_of(JUNK_clienthello);
	struct endpoint from, to;
	uint8_t frame[FRAME_MAX];
	size_t length = junk_frame(&junk, frame), got = 0;
	const uint8_t *payload = frame_read(frame, length, &from, &to, &got);
	const uint8_t *extensions = payload + 13 + 12 + 2 + 32 + 2 + 6 + 2;

	assert_int_equal(span_u16(payload + 11) + 13, got); // record
	assert_int_equal(span_u24(payload + 14) + 13 + 12, got); // handshake
	assert_int_equal(span_u24(payload + 22), span_u24(payload + 14)); // one fragment
	assert_int_equal(extensions + 2 + span_u16(extensions) - payload, got);
	for (const uint8_t *at = extensions + 2; at != payload + got;) {
		at += 4 + span_u16(at + 2);
		assert_true(at <= payload + got);
	}
}

static void not_whole(void **)
{
	struct junk pieces = junk_of(JUNK_fragments), malformed = junk_of(JUNK_malformed);
	struct endpoint from, to;
	uint8_t frame[FRAME_MAX];
	size_t got;

	for (unsigned i = 0; i < FRAMES; i++) {
		size_t length = junk_frame(&pieces, frame);

		assert_int_equal(span_u16(frame + 14 + 6), 0x2000);
		assert_int_equal((length - 34) % 8, 0);
		assert_true(length >= 34 + 8);
		length = junk_frame(&malformed, frame);
		assert_null(frame_read(frame, length, &from, &to, &got));
		assert_true(span_u16(frame + 34 + 4) > length - 34);
	}
}

static void has_names(void **)
{
	for (unsigned i = 0; i < JUNK_COUNT; i++)
		assert_non_null(junk_info(i)->counted);
	assert_null(junk_info(JUNK_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(names_the_session),
		cmocka_unit_test(hello_is_whole),
		cmocka_unit_test(not_whole),
		cmocka_unit_test(has_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

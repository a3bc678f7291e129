// SPDX-License-Identifier: Apache-2.0
#include "core/core.h"
#include "vectors.h"

static struct desc desc, again;
static char text[VECTOR_MAX * 2], why[128];

static void print_and_parse(bool offer)
{
	int length = sdp_print(&desc, offer, text, sizeof(text));

	assert_int_equal(length, (int)strlen(text));
	if (sdp_parse(text, (size_t)length, &again, why, sizeof(why)))
		fail_msg("%s in\n%s", why, text);
}

// Parsing what was printed gives the same again, to the last byte.
static void test_round_trip(void **)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		vector_parse(vectors[i], &desc);
		for (unsigned j = 0; j < desc.sections_used; j++)
			if (desc.sections[j].encodings[0].rid[0])
				memset(desc.sections[j].cname, 0, DESC_ID_MAX); // comes with SSRCs
		print_message("%s\n", vectors[i]);
		print_and_parse(true);
		assert_memory_equal(&desc, &again, sizeof(desc));
	}
}

static void test_every_shorter_buffer(void **)
{
	int length;

	vector_parse("aiortc-av", &desc);
	length = sdp_print(&desc, true, text, sizeof(text));
	for (int size = 0; size <= length; size++)
		assert_int_equal(sdp_print(&desc, true, text, (size_t)size), -1);
	assert_int_equal(sdp_print(&desc, true, text, (size_t)length + 1), length);
}

static void describe(void)
{
	memset(&desc, 0, sizeof(desc));
	desc.session_id = 4;
	desc.session_version = 5;
	strcpy(desc.ufrag, "ours");
	strcpy(desc.password, "0123456789012345678901");
	desc.ice_lite = desc.end_of_candidates = desc.extmap_allow_mixed = true;
	desc.setup = DESC_PASSIVE;
	desc.fingerprint = (struct desc_fingerprint){"sha-256", 32, {0xab, 0xcd}};
	desc.candidates_used = 1;
	desc.candidates[0] =
		(struct desc_candidate){"1", 1, true, 2130706431, "192.0.2.1", 3478, "host"};
	desc.sections_used = 3;
	desc.sections[0] = (struct desc_section){
		.kind = DESC_AUDIO, .mid = "a", .rejected = true, .in_bundle = true};
	desc.sections[1] = (struct desc_section){.kind = DESC_VIDEO,
		.mid = "v",
		.direction = DESC_SENDONLY,
		.in_bundle = true,
		.rtcp_mux = true,
		.codecs_used = 1,
		.codecs = {{96, 97, 0, 90000, DESC_FB_NACK | DESC_FB_PLI, "VP8", ""}},
		.extensions_used = 1,
		.extensions = {{1, DESC_EXT_MID, DESC_SENDONLY}},
		.encodings_used = 1,
		.encodings = {{"", 3000000000, 3000000001, false}},
		.cname = "cn",
		.stream = "st",
		.track = "tr"};
	desc.sections[2] = (struct desc_section){
		.kind = DESC_APPLICATION, .mid = "d", .in_bundle = true, .rejected = true};
}

static void test_text(void **)
{
	static const char expected[] =
		"v=0\r\no=- 4 5 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v\r\n"
		"a=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\na=ice-lite\r\n"
		"m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 192.0.2.1\r\na=mid:a\r\na=inactive\r\n"
		"m=video 3478 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.1\r\na=mid:v\r\n"
		"a=sendonly\r\na=ice-ufrag:ours\r\na=ice-pwd:0123456789012345678901\r\n"
		"a=fingerprint:sha-256 AB:CD:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
		"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\na=setup:passive\r\n"
		"a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=msid:st tr\r\n"
		"a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"
		"a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
		"a=ssrc-group:FID 3000000000 3000000001\r\na=ssrc:3000000000 cname:cn\r\n"
		"a=ssrc:3000000000 msid:st tr\r\na=ssrc:3000000001 cname:cn\r\n"
		"a=ssrc:3000000001 msid:st tr\r\n"
		"a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host\r\na=end-of-candidates\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"
		"a=mid:d\r\na=inactive\r\n";

	describe();
	assert_true(sdp_print(&desc, false, text, sizeof(text)) > 0);
	assert_string_equal(text, expected);
}

static void test_connection_line(void **)
{
	describe();
	strcpy(desc.candidates[0].address, "2001:db8::1");
	print_and_parse(false);
	assert_non_null(strstr(text, "c=IN IP6 2001:db8::1\r\n"));
	strcpy(desc.candidates[0].address, "3d2a.local");
	print_and_parse(false);
	assert_non_null(strstr(text, "c=IN IP4 0.0.0.0\r\n"));
	desc.candidates_used = 0;
	print_and_parse(false);
	assert_non_null(strstr(text, "m=video 9 "));
}

static void test_bundle_only_is_for_offers(void **)
{
	describe();
	desc.sections[1].bundle_only = true;
	print_and_parse(true);
	assert_non_null(strstr(text, "m=video 0 "));
	assert_false(again.sections[1].rejected);
	print_and_parse(false);
	assert_non_null(strstr(text, "m=video 3478 "));
	assert_null(strstr(text, "a=bundle-only"));
}

// ---- the whole way: the client's text, the core, our text

static void draw(void *context, void *bytes, size_t length)
{
	uint64_t *state = context;

	for (size_t i = 0; i < length; i++) {
		*state = *state * 6364136223846793005 + 1442695040888963407;
		((uint8_t *)bytes)[i] = (uint8_t)(*state >> 56);
	}
}

static void check_answer(const char *name)
{
	for (unsigned i = 0; i < desc.sections_used; i++) {
		const struct desc_section *offered = &desc.sections[i];
		const struct desc_section *answered = &again.sections[i];

		assert_string_equal(offered->mid, answered->mid);
		assert_int_equal(answered->rejected, offered->kind == DESC_APPLICATION);
		if (answered->rejected)
			continue;
		print_message("%s %s: %s %u\n", name, answered->mid, answered->codecs[0].name,
			answered->codecs[0].payload_type);
		assert_int_equal(answered->codecs_used, 1);
		assert_int_equal(answered->direction,
			offered->direction & DESC_SENDONLY ? DESC_RECVONLY : DESC_INACTIVE);
		assert_int_equal(answered->codecs[0].payload_type, offered->codecs[0].payload_type);
		assert_int_equal(id_of(answered, DESC_EXT_MID), id_of(offered, DESC_EXT_MID));
		assert_int_equal(id_of(answered, DESC_EXT_RID), 0);
		assert_int_equal(id_of(answered, DESC_EXT_TRANSPORT_CC),
			id_of(offered, DESC_EXT_TRANSPORT_CC));
		assert_true(answered->in_bundle);
	}
}

static void publish_vector(struct core *core, const char *name)
{
	static struct desc answer, offer;
	struct core_join join = {.room = name,
		.identity = "p",
		.dialect = "test",
		.visible = true,
		.can_publish = true,
		.can_subscribe = true};
	struct core_participant_id id;
	bool resumed;
	int error;

	vector_parse(name, &desc);
	assert_int_equal(core_join(core, &join, &id, &resumed), 0);
	error = core_publish(core, id, &desc, &answer, 0);
	if (strstr(name, "recvonly")) {
		assert_int_equal(error, -CORE_BAD_DESC); // it sends nothing
		return;
	}
	assert_int_equal(error, 0);
	assert_true(sdp_print(&answer, false, text, sizeof(text)) > 0);
	assert_int_equal(sdp_parse(text, strlen(text), &again, why, sizeof(why)), 0);
	assert_int_equal(again.sections_used, desc.sections_used);
	check_answer(name);
	assert_int_equal(core_subscribe(core, id, "p", &offer, 0), 0);
	assert_true(sdp_print(&offer, true, text, VECTOR_MAX) > 0);
	assert_int_equal(sdp_parse(text, strlen(text), &again, why, sizeof(why)), 0);
	for (unsigned i = 0; i < offer.sections_used; i++)
		assert_memory_equal(
			&offer.sections[i], &again.sections[i], sizeof(offer.sections[i]));
}

static void test_answers_to_every_vector(void **)
{
	uint64_t seed = 1;
	struct core_plane plane = {.context = &seed, .random = draw};
	struct core_limits limits = {.rooms = 64,
		.participants = 64,
		.transports = 64,
		.publications = 64,
		.subscriptions = 128};
	struct core_sink sink = {0};
	static struct core_local local = {.fingerprint = {"sha-256", 32, {1}},
		.candidates_used = 1,
		.candidates = {{"1", 1, true, 1, "192.0.2.1", 3478, "host"}}};
	struct core *core = core_create(&limits, &local, &plane, &sink);

	assert_non_null(core);
	for (unsigned i = 0; i < VECTORS; i++)
		publish_vector(core, vectors[i]);
	core_destroy(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_shorter_buffer),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_connection_line),
		cmocka_unit_test(test_bundle_only_is_for_offers),
		cmocka_unit_test(test_answers_to_every_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "core/match.h"
#include "world.h"

static struct desc_codec h264(const char *fmtp)
{
	struct desc_codec codec = world_codec("H264", 102);

	snprintf(codec.fmtp, sizeof(codec.fmtp), "%s", fmtp);
	return codec;
}

static bool h264_same(const char *left, const char *right)
{
	struct desc_codec a = h264(left), b = h264(right);

	return match_same(&a, &b);
}

static void test_parameters(void **)
{
	const char *fmtp = "a=1; Profile-Level-Id=42e01f;flag;b=";
	char value[8];

	assert_true(match_parameter(fmtp, "profile-level-id", value, sizeof(value)));
	assert_string_equal(value, "42e01f");
	assert_true(match_parameter(fmtp, "b", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(match_parameter(fmtp, "flag", value, sizeof(value)));
	assert_false(match_parameter(fmtp, "profile", value, sizeof(value)));
	assert_false(match_parameter(fmtp, "profile-level-id", value, 6));
	assert_false(match_parameter("", "a", value, sizeof(value)));
}

static void test_same_h264(void **)
{
	assert_true(h264_same("profile-level-id=42e01f;packetization-mode=1",
		"packetization-mode=1;profile-level-id=42c034"));
	assert_true(h264_same("profile-level-id=42e01f", "profile-level-id=4d801f"));
	assert_false(h264_same("profile-level-id=42e01f", "profile-level-id=42001f"));
	assert_false(h264_same("profile-level-id=42e01f", "profile-level-id=64001f"));
	assert_false(h264_same("packetization-mode=1", ""));
	assert_true(h264_same("packetization-mode=0", "profile-level-id=420010"));
}

static void test_same_others(void **)
{
	struct desc_codec a = world_codec("VP9", 98), b = world_codec("vp9", 100);

	assert_true(match_same(&a, &b));
	strcpy(a.fmtp, "profile-id=0");
	assert_true(match_same(&a, &b));
	strcpy(b.fmtp, "profile-id=2");
	assert_false(match_same(&a, &b));
	a = world_codec("opus", 111);
	b = world_codec("opus", 96);
	assert_true(match_same(&a, &b));
	b.channels = 1;
	assert_false(match_same(&a, &b));
	b = world_codec("opus", 96);
	b.clock_rate = 16000;
	assert_false(match_same(&a, &b));
}

static void test_choose(void **)
{
	struct desc_section section = {.kind = DESC_VIDEO, .codecs_used = 3};
	struct desc_codec prefer = world_codec("AV1", 45);

	section.codecs[0] = world_codec("H261", 31);
	section.codecs[1] = world_codec("VP8", 96);
	section.codecs[2] = world_codec("AV1", 46);
	assert_int_equal(match_choose(&section, NULL), 1);
	assert_int_equal(match_choose(&section, &prefer), 2);
	prefer = world_codec("H264", 102);
	assert_int_equal(match_choose(&section, &prefer), 1);
	section.codecs_used = 1;
	assert_int_equal(match_choose(&section, NULL), -1);
	section.codecs[0] = world_codec("opus", 111); // in the wrong kind of section
	assert_int_equal(match_choose(&section, NULL), -1);
}

static void test_usable(void **)
{
	static struct desc desc;
	struct desc_section *sections = desc.sections;

	memset(&desc, 0, sizeof(desc));
	desc.sections_used = 4;
	for (unsigned i = 0; i < 4; i++)
		sections[i] = (struct desc_section){.kind = (enum desc_kind)(DESC_AUDIO + i),
			.in_bundle = true,
			.rtcp_mux = i < 2};
	assert_true(match_usable(&desc, &sections[0]));
	assert_true(match_usable(&desc, &sections[1]));
	assert_true(match_usable(&desc, &sections[2])); // data has no RTCP
	assert_false(match_usable(&desc, &sections[3]));
	sections[1].rtcp_mux = false;
	assert_false(match_usable(&desc, &sections[1]));
	sections[0].in_bundle = false; // the only transport is its own
	assert_true(match_usable(&desc, &sections[0]));
	assert_false(match_usable(&desc, &sections[2]));
	sections[0].rejected = true;
	assert_false(match_usable(&desc, &sections[0]));
	assert_true(match_usable(&desc, &sections[2]));
	assert_true(match_mids_unique(&desc)); // none is no name
	strcpy(sections[1].mid, "a");
	strcpy(sections[3].mid, "a");
	assert_false(match_mids_unique(&desc));
}

static void test_known(void **)
{
	struct desc_codec opus = {.name = "OPUS"}, other = {.name = "speex"};

	assert_true(match_known(DESC_AUDIO, &opus));
	assert_false(match_known(DESC_VIDEO, &opus));
	assert_false(match_known(DESC_AUDIO, &other));
	assert_true(match_extension(DESC_EXT_DEPENDENCY_DESCRIPTOR, NULL));
	assert_false(match_extension(DESC_EXT_DEPENDENCY_DESCRIPTOR, &opus));
	assert_false(match_extension(DESC_EXT_RID, NULL));
	assert_false(match_extension(DESC_EXT_UNKNOWN, NULL));
}

static void test_publish(void **)
{
	struct desc_codec codec = world_codec("VP8", 96);

	strcpy(codec.fmtp, "max-fs=12288;max-fr=60");
	assert_string_equal(match_publish(&codec, true).fmtp, "");
	assert_int_equal(match_publish(&codec, true).feedback,
		DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR | DESC_FB_TRANSPORT_CC);
	assert_int_equal(
		match_publish(&codec, false).feedback, DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR);
	codec = h264("packetization-mode=1;sprop-parameter-sets=Z0,aM;profile-level-id=42c015");
	assert_string_equal(
		match_publish(&codec, true).fmtp, "packetization-mode=1;profile-level-id=42c015");
}

static void test_extensions(void **)
{
	struct desc_section section = {.kind = DESC_VIDEO, .extensions_used = 5};
	struct desc_codec vp8 = world_codec("VP8", 96), av1 = world_codec("AV1", 45);
	uint8_t id[DESC_EXT_COUNT];

	section.extensions[0] = (struct desc_extension){4, DESC_EXT_MID, DESC_SENDRECV};
	section.extensions[1] = (struct desc_extension){10, DESC_EXT_RID, DESC_SENDONLY};
	section.extensions[2] =
		(struct desc_extension){12, DESC_EXT_DEPENDENCY_DESCRIPTOR, DESC_SENDONLY};
	section.extensions[3] = (struct desc_extension){6, DESC_EXT_PLAYOUT_DELAY, DESC_RECVONLY};
	section.extensions[4] = (struct desc_extension){7, DESC_EXT_UNKNOWN, DESC_SENDRECV};
	match_extensions(&section, &vp8, id);
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++)
		assert_int_equal(id[kind], kind == DESC_EXT_MID ? 4 : 0);
	match_extensions(&section, &av1, id);
	assert_int_equal(id[DESC_EXT_DEPENDENCY_DESCRIPTOR], 12);
	assert_int_equal(match_mirror(DESC_SENDONLY), DESC_RECVONLY);
	assert_int_equal(match_mirror(DESC_SENDRECV), DESC_SENDRECV);
	assert_int_equal(match_mirror(DESC_INACTIVE), DESC_INACTIVE);
}

static void test_down_ids_are_unique(void **)
{
	bool seen[256] = {false};

	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		uint8_t id = match_extension_down(kind);

		assert_true(id <= 14);
		assert_false(id && seen[id]);
		seen[id] = true;
	}
	assert_int_equal(match_extension_down(DESC_EXT_TRANSPORT_CC), 0);
	assert_int_equal(match_extension_down(DESC_EXT_UNKNOWN), 0);
}

static void test_payloads_usual(void **)
{
	struct match_payloads payloads = {0};
	struct desc_codec opus = world_codec("opus", 5), vp8 = world_codec("VP8", 5);
	struct desc_codec again = world_codec("VP8", 99), pcmu = world_codec("PCMU", 0);

	match_payload(&payloads, DESC_AUDIO, &opus);
	match_payload(&payloads, DESC_VIDEO, &vp8);
	match_payload(&payloads, DESC_VIDEO, &again);
	match_payload(&payloads, DESC_AUDIO, &pcmu);
	assert_int_equal(opus.payload_type, 111);
	assert_int_equal(opus.rtx_payload_type, 0);
	assert_int_equal(vp8.payload_type, 96);
	assert_int_equal(vp8.rtx_payload_type, 97);
	assert_int_equal(again.payload_type, 96);
	assert_int_not_equal(pcmu.payload_type, 0); // rows keep 0 for "none"
}

// As many different configurations as an offer has sections: no number twice, none forbidden.
static void test_payloads_never_collide(void **)
{
	struct match_payloads payloads = {0};
	bool seen[256] = {false};

	for (unsigned i = 0; i < DESC_SECTIONS_MAX; i++) {
		struct desc_codec codec = h264("");

		snprintf(codec.fmtp, sizeof(codec.fmtp), "profile-level-id=%02x001f", i + 1);
		match_payload(&payloads, DESC_VIDEO, &codec);
		assert_false(seen[codec.payload_type] || seen[codec.rtx_payload_type]);
		seen[codec.payload_type] = seen[codec.rtx_payload_type] = true;
		assert_true(codec.rtx_payload_type < 128 && codec.payload_type >= 35);
		assert_false(codec.payload_type >= 63 && codec.payload_type < 96);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_same_h264),
		cmocka_unit_test(test_same_others),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_down_ids_are_unique),
		cmocka_unit_test(test_payloads_usual),
		cmocka_unit_test(test_payloads_never_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

static struct desc desc;
static char why[128];

#define HEAD "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define PRINT "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
#define VP8 "a=rtpmap:96 VP8/90000\r\n"

static int parse(const char *text)
{
	memset(&desc, 0, sizeof(desc));
	strcpy(why, "");
	return sdp_parse(text, strlen(text), &desc, why, sizeof(why));
}

// ---- what every offer of a real client gives: checked against the text by eye

static const struct expected {
	const char *name, *ufrag;
	uint8_t sections, candidates;
	struct {
		enum desc_kind kind;
		const char *mid;
		enum desc_direction direction;
		uint8_t codecs;
		const char *first; // codec
		uint8_t payload_type, rtx_payload_type, mid_id, encodings;
		uint32_t ssrc, rtx_ssrc;
	} media[2];
} expectations[] = {
	{"aiortc-av", "tXye", 2, 3,
		{{DESC_AUDIO, "0", DESC_SENDRECV, 3, "opus", 96, 0, 1, 1, 3813605396, 0},
			{DESC_VIDEO, "1", DESC_SENDRECV, 3, "VP8", 97, 98, 1, 1, 800288637,
				2131077699}}},
	{"chromium156-av-datachannel", "X7xG", 3, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 7, "opus", 111, 0, 4, 1, 1313423203, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 10, "VP8", 96, 97, 4, 1, 3946471193,
				2443708882}}},
	{"chromium156-simulcast-av1", "anZ8", 2, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 7, "opus", 111, 0, 4, 1, 793639759, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 1, "AV1", 45, 46, 4, 3, 0, 0}}},
	{"chromium156-simulcast-h264", "/otE", 2, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 7, "opus", 111, 0, 4, 1, 1000949159, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 6, "H264", 102, 103, 4, 3, 0, 0}}},
	{"chromium156-svc-vp9-l3t3key", "WDr4", 2, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 7, "opus", 111, 0, 4, 1, 150299269, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 2, "VP9", 98, 99, 4, 1, 2053354304,
				2289166150}}},
	{"firefox-esr153-av-datachannel", "ff943c93", 3, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 5, "opus", 109, 0, 3, 1, 536836435, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 3, "VP8", 120, 124, 3, 1, 415757822,
				3747109223}}},
	{"firefox-esr153-recvonly", "09516213", 2, 0,
		{{DESC_AUDIO, "0", DESC_RECVONLY, 5, "opus", 109, 0, 3, 1, 504542274, 0},
			{DESC_VIDEO, "1", DESC_RECVONLY, 3, "VP8", 120, 124, 3, 1, 457196061, 0}}},
	{"firefox-esr153-simulcast-vp8", "ebd57620", 2, 0,
		{{DESC_AUDIO, "0", DESC_SENDONLY, 5, "opus", 109, 0, 3, 1, 659591280, 0},
			{DESC_VIDEO, "1", DESC_SENDONLY, 3, "VP8", 120, 124, 3, 3, 0, 0}}},
	{"gst-webrtcbin-H264", "/IFFHRoSuGAZKtUalNgQKiXwS4+ZZqOD", 2, 0,
		{{DESC_VIDEO, "video0", DESC_SENDRECV, 1, "H264", 96, 0, 0, 1, 2062399387, 0},
			{DESC_AUDIO, "audio1", DESC_SENDRECV, 1, "OPUS", 97, 0, 0, 1, 3863616290,
				0}}},
	{"node-datachannel-video", "QD3q", 1, 3,
		{{DESC_VIDEO, "video", DESC_SENDRECV, 1, "VP8", 96, 0, 0, 1, 4242, 0}}},
	{"roamhq-wrtc-av", "ipai", 2, 0,
		{{DESC_VIDEO, "0", DESC_SENDRECV, 4, "VP8", 96, 97, 9, 1, 553878679, 4119369023},
			{DESC_AUDIO, "1", DESC_SENDRECV, 14, "opus", 111, 0, 9, 1, 1383393116, 0}}},
	{"werift-video", "b8d0", 1, 3,
		{{DESC_VIDEO, "0", DESC_SENDRECV, 1, "VP8", 97, 0, 0, 1, 3095370995, 0}}},
};

static void check_section(const struct expected *expected, unsigned i)
{
	const struct desc_section *section = &desc.sections[i];

	assert_int_equal(section->kind, expected->media[i].kind);
	assert_string_equal(section->mid, expected->media[i].mid);
	assert_int_equal(section->direction, expected->media[i].direction);
	assert_true(section->in_bundle);
	assert_true(section->rtcp_mux);
	assert_false(section->rejected);
	assert_int_equal(section->codecs_used, expected->media[i].codecs);
	assert_string_equal(section->codecs[0].name, expected->media[i].first);
	assert_int_equal(section->codecs[0].payload_type, expected->media[i].payload_type);
	assert_int_equal(section->codecs[0].rtx_payload_type, expected->media[i].rtx_payload_type);
	assert_int_equal(id_of(section, DESC_EXT_MID), expected->media[i].mid_id);
	assert_int_equal(section->encodings_used, expected->media[i].encodings);
	assert_int_equal(section->encodings[0].ssrc, expected->media[i].ssrc);
	assert_int_equal(section->encodings[0].rtx_ssrc, expected->media[i].rtx_ssrc);
}

static void test_expectations(void **)
{
	for (unsigned i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expected *expected = &expectations[i];

		print_message("%s\n", expected->name);
		vector_parse(expected->name, &desc);
		assert_string_equal(desc.ufrag, expected->ufrag);
		assert_int_equal(desc.sections_used, expected->sections);
		assert_int_equal(desc.candidates_used, expected->candidates);
		for (unsigned j = 0; j < 2 && expected->media[j].kind; j++)
			check_section(expected, j);
	}
}

static void test_every_vector(void **)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		vector_parse(vectors[i], &desc);
		assert_true(desc.sections_used > 0);
		assert_int_equal(desc.setup, DESC_ACTPASS);
		assert_string_equal(desc.fingerprint.algorithm, "sha-256");
		assert_int_equal(desc.fingerprint.length, 32);
		assert_true(strlen(desc.password) >= 22);
		for (unsigned j = 0; j < desc.sections_used; j++) {
			assert_false(desc.sections[j].rejected);
			assert_true(desc.sections[j].in_bundle);
			assert_true(desc.sections[j].kind == DESC_APPLICATION ||
				    desc.sections[j].codecs_used);
		}
	}
}

static void test_chromium(void **)
{
	const struct desc_section *audio = &desc.sections[0], *video = &desc.sections[1];

	vector_parse("chromium156-av-datachannel", &desc);
	assert_int_equal(desc.session_id, 8786385096329514262);
	assert_int_equal(desc.session_version, 2);
	assert_true(desc.ice_trickle && desc.extmap_allow_mixed && !desc.ice_lite);
	assert_int_equal(desc.fingerprint.value[0], 0x2d);
	assert_int_equal(desc.fingerprint.value[31], 0x06);
	assert_string_equal(audio->codecs[0].fmtp, "minptime=10;useinbandfec=1");
	assert_int_equal(audio->codecs[0].channels, 2);
	assert_int_equal(audio->codecs[0].clock_rate, 48000);
	assert_int_equal(audio->codecs[0].feedback, DESC_FB_TRANSPORT_CC);
	assert_string_equal(codec_of(audio, 0)->name, "PCMU");
	assert_string_equal(codec_of(video, 108)->fmtp,
		"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
	assert_int_equal(codec_of(video, 108)->rtx_payload_type, 109);
	assert_int_equal(video->codecs[0].feedback, 31);
	assert_int_equal(id_of(video, DESC_EXT_TRANSPORT_CC), 3);
	assert_int_equal(id_of(video, DESC_EXT_REPAIRED_RID), 11);
	assert_string_equal(video->stream, "4d4f6b66-6a8a-45ab-83e6-71e041e01bcf");
	assert_string_equal(video->track, "9b9f9d96-61bd-4855-b80a-ae63d3a53a4f");
	assert_string_equal(video->cname, "dIzPrBz8MXBkjUo6");
	assert_int_equal(desc.sections[2].kind, DESC_APPLICATION);
	assert_int_equal(desc.sections[2].sctp_port, 5000);
	assert_int_equal(desc.sections[2].max_message_size, 262144);
}

static void test_firefox(void **)
{
	const struct desc_section *video = &desc.sections[1];

	vector_parse("firefox-esr153-simulcast-vp8", &desc);
	assert_true(video->bundle_only);
	assert_int_equal(video->extensions[video->extensions_used - 1].kind, DESC_EXT_REPAIRED_RID);
	assert_int_equal(video->extensions[video->extensions_used - 1].direction, DESC_SENDONLY);
	assert_int_equal(id_of(video, DESC_EXT_PLAYOUT_DELAY), 6);
	assert_string_equal(video->encodings[0].rid, "q");
	assert_string_equal(video->encodings[2].rid, "f");
	assert_false(video->simulcast_receive);
	assert_string_equal(video->codecs[0].fmtp, "max-fs=12288;max-fr=60"); // stood before rtpmap
	vector_parse("firefox-esr153-av-datachannel", &desc);
	assert_int_equal(desc.sections[2].max_message_size, 1073741823);
	assert_false(desc.sections[2].rejected);
}

static void test_others(void **)
{
	vector_parse("gst-webrtcbin-H264", &desc);
	assert_string_equal(desc.sections[0].codecs[0].fmtp,
		"packetization-mode=1;profile-level-id=42c015;level-asymmetry-allowed=1");
	assert_string_equal(desc.sections[0].stream, "user1852347211@host-315ee8af");
	assert_string_equal(desc.sections[0].track, "webrtctransceiver0");
	assert_true(desc.sections[1].bundle_only);
	vector_parse("aiortc-av", &desc);
	assert_true(desc.end_of_candidates);
	assert_string_equal(desc.candidates[2].address, "fd77::2");
	assert_int_equal(desc.candidates[2].port, 34039);
	vector_parse("chromium156-recvonly-gathered", &desc);
	assert_int_equal(desc.candidates_used, 4);
	assert_false(desc.candidates[2].udp);
	assert_int_equal(desc.sections[1].direction, DESC_RECVONLY);
	vector_parse("roamhq-wrtc-av", &desc);
	assert_string_equal(desc.sections[0].stream, "-");
}

// ---- grammar

static void test_lines_in_lf_and_junk_behind(void **)
{
	assert_int_equal(parse("v=0\ns=-\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n"
			       "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n" PRINT
			       "\n\x01 garbage \xff"),
		0);
	assert_int_equal(desc.sections_used, 1);
	assert_string_equal(desc.sections[0].codecs[0].name, "PCMU");
	assert_int_equal(desc.sections[0].codecs[0].clock_rate, 8000);
}

static void test_not_ours_and_broken(void **)
{
	assert_int_equal(parse(""), SDP_BROKEN);
	assert_int_equal(parse("mock-sdp"), SDP_BROKEN);
	assert_string_equal(why, "SDP: it does not begin with v=0");
	assert_int_equal(parse("v=0\r\nnonsense\r\n"), SDP_BROKEN);
	assert_int_equal(parse(HEAD), SDP_NOT_OURS);
	assert_int_equal(parse(HEAD VIDEO VP8), SDP_NOT_OURS);
	assert_int_equal(parse(HEAD VIDEO VP8 ICE), SDP_NOT_OURS);
	assert_int_equal(parse(HEAD VIDEO VP8 PRINT), SDP_NOT_OURS);
	assert_int_equal(parse(HEAD ICE PRINT "m=video\r\n"), SDP_BROKEN);
	assert_int_equal(parse(HEAD ICE PRINT VIDEO "a=mid:12345678901234567\r\n"), SDP_BROKEN);
	assert_int_equal(parse(HEAD PRINT "a=ice-ufrag:abc\r\na=ice-pwd:x\r\n" VIDEO), SDP_BROKEN);
	assert_int_equal(desc.sections_used, 0); // untouched
	assert_int_equal(parse(HEAD ICE PRINT VIDEO VP8), 0);
}

static void test_inheritance(void **)
{
	assert_int_equal(
		parse(HEAD ICE PRINT "a=setup:passive\r\na=recvonly\r\na=ice-lite\r\n"
				     "a=extmap:5 urn:3gpp:video-orientation\r\n" VIDEO VP8
				     "a=extmap:6/inactive urn:ietf:params:rtp-hdrext:toffset"
				     "\r\n" VIDEO VP8 "a=sendonly\r\n"),
		0);
	assert_string_equal(desc.ufrag, "abcd");
	assert_true(desc.ice_lite);
	assert_int_equal(desc.setup, DESC_PASSIVE);
	assert_int_equal(desc.sections[0].direction, DESC_RECVONLY);
	assert_int_equal(desc.sections[1].direction, DESC_SENDONLY);
	assert_int_equal(desc.sections[0].extensions_used, 2);
	assert_int_equal(desc.sections[0].extensions[1].direction, DESC_INACTIVE);
	assert_int_equal(desc.sections[1].extensions_used, 1);
	assert_int_equal(id_of(&desc.sections[1], DESC_EXT_VIDEO_ORIENTATION), 5);
	assert_false(desc.sections[0].in_bundle);
}

static void test_an_extension_number_has_one_meaning(void **)
{
	static const char part[] =
		VIDEO VP8 "a=mid:0\r\na=extmap:5 urn:3gpp:video-orientation\r\na=extmap:6 "
			  "urn:unknown\r\n" VIDEO VP8
			  "a=mid:1\r\na=extmap:5 urn:ietf:params:rtp-hdrext:toffset\r\n"
			  "a=extmap:6 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
	char text[4096];

	snprintf(text, sizeof(text), "%s%s", HEAD ICE PRINT "a=group:BUNDLE 0 1\r\n", part);
	assert_int_equal(parse(text), 0);
	assert_int_equal(id_of(&desc.sections[0], DESC_EXT_VIDEO_ORIENTATION), 5);
	assert_int_equal(desc.sections[1].extensions_used, 1);
	assert_int_equal(id_of(&desc.sections[1], DESC_EXT_MID), 6);
	snprintf(text, sizeof(text), "%s%s", HEAD ICE PRINT, part); // not bundled
	assert_int_equal(parse(text), 0);
	assert_int_equal(desc.sections[1].extensions_used, 2);
}

static void test_strongest_fingerprint(void **)
{
	assert_int_equal(parse(HEAD ICE PRINT "a=fingerprint:SHA-256 "
					      "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
					      "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
					      "a=fingerprint:md5 00:01\r\n" VIDEO VP8),
		0);
	assert_string_equal(desc.fingerprint.algorithm, "sha-256");
	assert_int_equal(desc.fingerprint.value[31], 0x1f);
	assert_int_equal(parse(HEAD ICE PRINT "a=fingerprint:sha-256 00:01:02\r\n" VIDEO VP8), 0);
	assert_string_equal(desc.fingerprint.algorithm, "sha-1");
	assert_int_equal(desc.fingerprint.value[10], 0x0a);
}

static void test_rejected_sections(void **)
{
	assert_int_equal(
		parse(HEAD ICE PRINT "a=group:BUNDLE a b\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"
				     "a=mid:a\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:b\r\n"
				     "a=bundle-only\r\n" VP8 "m=audio 9 RTP/AVP 0\r\n"
				     "m=text 9 UDP/TLS/RTP/SAVPF 100\r\n"),
		0);
	assert_true(desc.sections[0].rejected);
	assert_false(desc.sections[1].rejected);
	assert_true(desc.sections[2].rejected);
	assert_int_equal(desc.sections[3].kind, DESC_UNKNOWN);
}

static void test_feedback_for_all(void **)
{
	assert_int_equal(parse(HEAD ICE PRINT VIDEO VP8 "a=rtcp-fb:* nack\r\na=rtcp-fb:96 ccm fir"
							"\r\na=rtcp-fb:* ccm tmmbr\r\n"),
		0);
	assert_int_equal(desc.sections[0].codecs[0].feedback, DESC_FB_NACK | DESC_FB_FIR);
}

static void test_attributes_are_ascii(void **)
{
	assert_int_equal(parse(HEAD ICE PRINT VIDEO VP8 "a=msid:\xff track\r\na=mid:\xc3\xa9\r\n"
							"a=fmtp:96 x=\x80\r\na=rtcp-mux\r\n"),
		0);
	assert_string_equal(desc.sections[0].stream, "");
	assert_string_equal(desc.sections[0].mid, "");
	assert_string_equal(desc.sections[0].codecs[0].fmtp, "");
	assert_true(desc.sections[0].rtcp_mux);
}

static void test_simulcast(void **)
{
	assert_int_equal(parse(HEAD ICE PRINT VIDEO VP8
				 "a=rid:hi recv pt=96\r\na=rid:h recv\r\na=rid:x send\r\n"
				 "a=simulcast:recv hi;~h\r\n"),
		0);
	assert_true(desc.sections[0].simulcast_receive);
	assert_int_equal(desc.sections[0].encodings_used, 2);
	assert_false(desc.sections[0].encodings[0].paused);
	assert_true(desc.sections[0].encodings[1].paused);
	assert_int_equal(parse(HEAD ICE PRINT VIDEO VP8
				 "a=ssrc-group:FID 1 11\r\na=ssrc-group:FID 2 12\r\n"
				 "a=ssrc-group:SIM 2 1\r\na=ssrc:1 cname:c\r\na=ssrc:11 cname:c\r\n"
				 "a=ssrc:2 cname:c\r\na=ssrc:12 cname:c\r\n"),
		0);
	assert_int_equal(desc.sections[0].encodings_used, 2);
	assert_int_equal(desc.sections[0].encodings[0].ssrc, 2);
	assert_int_equal(desc.sections[0].encodings[0].rtx_ssrc, 12);
	assert_int_equal(desc.sections[0].encodings[1].rtx_ssrc, 11);
}

static void test_limits(void **)
{
	static char text[1 << 16];
	size_t used = (size_t)sprintf(text, "%s%s%sm=video 9 UDP/TLS/RTP/SAVPF", HEAD, ICE, PRINT);

	for (unsigned i = 0; i < 300; i++)
		used += (size_t)sprintf(text + used, " %u", i);
	used += (size_t)sprintf(text + used, "\r\n");
	for (unsigned i = 0; i < 300; i++)
		used += (size_t)sprintf(text + used,
			"a=rtpmap:%u c%u/90000\r\na=ssrc:%u cname:x\r\na=rid:%u send\r\n"
			"a=ssrc-group:FID %u %u\r\na=candidate:1 1 udp 1 10.0.0.1 %u typ host\r\n",
			i, i, i + 1, i, i + 1, i + 1000, i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(desc.sections[0].codecs_used, DESC_CODECS_MAX);
	assert_int_equal(desc.sections[0].encodings_used, DESC_ENCODINGS_MAX);
	assert_int_equal(desc.candidates_used, DESC_CANDIDATES_MAX);
	used = (size_t)sprintf(text, "%s%s%s", HEAD, ICE, PRINT);
	for (unsigned i = 0; i <= DESC_SECTIONS_MAX; i++)
		used += (size_t)sprintf(text + used, VIDEO);
	assert_int_equal(parse(text), SDP_BROKEN);
}

// Any prefix of a real offer, and any with one byte changed, is read or refused, never more.
static void test_damaged(void **)
{
	char text[VECTOR_MAX];
	size_t length = vector_read("firefox-esr153-simulcast-vp8", text);
	unsigned good = 0;

	for (size_t i = 0; i < length; i++)
		good += !sdp_parse(text, i, &desc, why, sizeof(why));
	assert_true(good > 100 && good < length);
	for (size_t i = 0; i < length; i += 3) {
		char kept = text[i];

		text[i] = (char)(kept ^ (1 << i % 8));
		sdp_parse(text, length, &desc, why, sizeof(why));
		text[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_every_vector),
		cmocka_unit_test(test_chromium),
		cmocka_unit_test(test_firefox),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_lines_in_lf_and_junk_behind),
		cmocka_unit_test(test_not_ours_and_broken),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_an_extension_number_has_one_meaning),
		cmocka_unit_test(test_strongest_fingerprint),
		cmocka_unit_test(test_rejected_sections),
		cmocka_unit_test(test_feedback_for_all),
		cmocka_unit_test(test_attributes_are_ascii),
		cmocka_unit_test(test_simulcast),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "description.h"
#include "sdp/sdp.h"
#include "support.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct ice ice;
static const struct desc_fingerprint fingerprint = {
	.algorithm = "sha-256", .length = 32, .value = {1}};
static const struct description_self self = {&ice, &fingerprint, DESC_ACTPASS};

#define RELAY_HEAD                                                                                 \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE 0 1\r\n"  \
	"a=ice-ufrag:relayufrag\r\na=ice-pwd:relaypasswordrelaypassword\r\n"                       \
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:" \
	"66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
#define RELAY_CANDIDATES                                            \
	"a=candidate:1 1 udp 2130706431 10.0.0.9 7000 typ host\r\n" \
	"a=candidate:2 1 udp 2130706175 fd00::9 7001 typ host\r\n"
#define RELAY_MEDIA                                                                              \
	"m=audio 7000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 10.0.0.9\r\na=mid:0\r\na=sendonly\r\n"   \
	"a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"                                            \
	"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" RELAY_CANDIDATES                    \
	"m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 10.0.0.9\r\na=mid:1\r\na=sendonly\r\n" \
	"a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\n"  \
	"a=fmtp:97 apt=96\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"

static struct desc *parse(const char *text)
{
	struct desc *desc = calloc(1, sizeof(*desc));
	char why[128];

	if (sdp_parse(text, strlen(text), desc, why, sizeof(why)))
		fail_msg("%s", why);
	return desc;
}

static void an_offer_that_a_relay_can_read(void **)
{
	const uint32_t ssrcs[STAMP_KINDS] = {[STAMP_AUDIO] = 5, [STAMP_VIDEO] = 6};
	char text[DESCRIPTION_MAX];
	struct desc *desc;

	assert_true(description_offer(&self, ssrcs, text, sizeof(text)) > 0);
	desc = parse(text);
	assert_int_equal(desc->sections_used, 2);
	assert_int_equal(desc->setup, DESC_ACTPASS);
	assert_string_equal(desc->ufrag, ice.ufrag);
	assert_int_equal(desc->sections[0].kind, DESC_AUDIO);
	assert_int_equal(desc->sections[1].kind, DESC_VIDEO);
	assert_int_equal(desc->sections[1].direction, DESC_SENDONLY);
	assert_int_equal(desc->sections[1].encodings[0].ssrc, 6);
	assert_string_equal(desc->sections[1].codecs[0].name, "VP8");
	assert_true(desc->sections[1].codecs[0].feedback & DESC_FB_NACK);
	free(desc);
}

static void video_alone(void **)
{
	const uint32_t ssrcs[STAMP_KINDS] = {[STAMP_VIDEO] = 6};
	char text[DESCRIPTION_MAX];
	struct desc *desc;

	description_offer(&self, ssrcs, text, sizeof(text));
	desc = parse(text);
	assert_int_equal(desc->sections_used, 1);
	assert_int_equal(desc->sections[0].kind, DESC_VIDEO);
	free(desc);
	// of an agent that insists on being the DTLS client
	description_offer(&(struct description_self){&ice, &fingerprint, DESC_ACTIVE}, ssrcs, text,
		sizeof(text));
	desc = parse(text);
	assert_int_equal(desc->setup, DESC_ACTIVE);
	free(desc);
	assert_int_equal(description_offer(&self, ssrcs, text, 100), -1);
}

static int take(const char *text, sa_family_t family, char *answer, struct description_peer *peer)
{
	char why[128];
	struct description_reading reading = {text, strlen(text), family, &self, answer};

	return description_read(&reading, peer, why, sizeof(why));
}

static void what_the_relay_says(void **)
{
	struct description_peer peer;

	assert_int_equal(
		take(RELAY_HEAD "a=setup:passive\r\n" RELAY_MEDIA, AF_UNSPEC, NULL, &peer), 0);
	assert_string_equal(peer.ufrag, "relayufrag");
	assert_string_equal(peer.password, "relaypasswordrelaypassword");
	assert_int_equal(peer.fingerprint.value[1], 0x11);
	assert_int_equal(peer.address.ss_family, AF_INET);
	assert_int_equal(ntohs(((struct sockaddr_in *)&peer.address)->sin_port), 7000);
	assert_int_equal(peer.tracks[STAMP_VIDEO].payload_type, 96);
	assert_int_equal(peer.tracks[STAMP_VIDEO].rtx_payload_type, 97);
	assert_int_equal(peer.tracks[STAMP_AUDIO].payload_type, 111);
	assert_int_equal(peer.tracks[STAMP_AUDIO].mid_extension, 1);
	assert_string_equal(peer.tracks[STAMP_VIDEO].mid, "1");
}

static void the_family_of_our_address_is_preferred(void **)
{
	struct description_peer peer;

	assert_int_equal(
		take(RELAY_HEAD "a=setup:passive\r\n" RELAY_MEDIA, AF_INET6, NULL, &peer), 0);
	assert_int_equal(peer.address.ss_family, AF_INET6);
	assert_int_equal(ntohs(((struct sockaddr_in6 *)&peer.address)->sin6_port), 7001);
}

static void an_answer_receives_everything_and_is_active(void **)
{
	static char answer[DESCRIPTION_MAX];
	struct description_peer peer;
	struct desc *desc;

	assert_int_equal(
		take(RELAY_HEAD "a=setup:actpass\r\n" RELAY_MEDIA, AF_UNSPEC, answer, &peer), 0);
	desc = parse(answer);
	assert_int_equal(desc->setup, DESC_ACTIVE);
	assert_false(desc->ice_lite);
	assert_string_equal(desc->ufrag, ice.ufrag);
	assert_int_equal(desc->fingerprint.value[0], 1);
	assert_int_equal(desc->candidates_used, 0);
	assert_int_equal(desc->sections_used, 2);
	assert_int_equal(desc->sections[0].direction, DESC_RECVONLY);
	assert_int_equal(desc->sections[1].codecs[0].rtx_payload_type, 97);
	free(desc);
}

static void refused(void **)
{
	struct description_peer peer;

	assert_int_equal(take("hello", AF_UNSPEC, NULL, &peer), -1);
	// both sides would wait for a ClientHello, or both send one
	assert_int_equal(
		take(RELAY_HEAD "a=setup:active\r\n" RELAY_MEDIA, AF_UNSPEC, NULL, &peer), -1);
	assert_int_equal(take(RELAY_HEAD "a=setup:passive\r\nm=audio 7000 UDP/TLS/RTP/SAVPF 111\r\n"
					 "a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n",
				 AF_UNSPEC, NULL, &peer),
		-1); // no candidate
	assert_int_equal(take("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
			      "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
			      "a=fingerprint:sha-256 00:11\r\na=setup:passive\r\n" RELAY_MEDIA,
				 AF_UNSPEC, NULL, &peer),
		-1); // no ICE-lite agent
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_that_a_relay_can_read),
		cmocka_unit_test(video_alone),
		cmocka_unit_test(what_the_relay_says),
		cmocka_unit_test(the_family_of_our_address_is_preferred),
		cmocka_unit_test(an_answer_receives_everything_and_is_active),
		cmocka_unit_test(refused),
	};

	ice_init(&ice);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

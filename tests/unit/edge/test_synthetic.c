// SPDX-License-Identifier: Apache-2.0
// Sessions with given keys, through the real core and the real ICE; sockets, filter and kernel are
// arrays.
#include "edge/ctl.h"
#include "edge/synthetic.h"
#include "unit/core/world.h"

#include <unistd.h>

static struct world world;
static struct core *core;
static struct ice *ice;
static struct synthetic *synthetic;
static struct edge_counters counters;
static unsigned allowed, denied, hops;
static char pem[64], why[256];

static int host_send(void *, const struct core_path *, const uint8_t *, size_t)
{
	return 0;
}

static int host_neighbour(void *, const struct core_path *, uint8_t mac[6])
{
	hops++;
	memcpy(mac, "\2hop-1", 6);
	return 0;
}

static int host_allow(void *, const struct core_path *)
{
	allowed++;
	return 0;
}

static int host_deny(void *, const struct core_path *)
{
	denied++;
	return 0;
}

static void plane_participant(void *, const struct core_participant *, const char *, bool)
{
}

static void plane_transport(void *, const struct core_transport *transport, bool gone)
{
	ice_changed(ice, transport, gone);
}

static void plane_publication(void *, const struct core_publication *, bool)
{
}

static void plane_subscription(void *, const struct core_subscription *, bool)
{
}

static void plane_random(void *, void *bytes, size_t length)
{
	world_random(&world, bytes, length);
}

static void sink_event(void *, const struct core_event *)
{
}

static void settle(void *)
{
	ice_settle(ice, 1000);
	core_dispatch(core);
}

static int fresh(void **)
{
	struct ice_host host = {.send = host_send,
		.neighbour = host_neighbour,
		.allow = host_allow,
		.deny = host_deny,
		.counters = &counters};
	struct core_plane plane = {NULL, plane_participant, plane_transport, plane_publication,
		plane_subscription, plane_random};
	struct core_sink sink = {NULL, sink_event};
	struct core_limits limits = world_limits();
	struct core_local local = {.candidates_used = 1,
		.candidates = {{"1", 1, true, 2130706431, "192.0.2.1", 3478, "host"}}};

	world.seed = 0x9e3779b97f4a7c15;
	allowed = denied = hops = 0;
	ice = ice_create(&host, pem, ROWS, why, sizeof(why));
	assert_non_null(ice);
	ice_fingerprints(ice, &local);
	core = core_create(&limits, &local, &plane, &sink);
	ice_attach(ice, core);
	synthetic = synthetic_create(core, ice);
	assert_non_null(synthetic);
	return 0;
}

static int done(void **)
{
	synthetic_destroy(synthetic);
	core_destroy(core);
	ice_destroy(ice);
	return 0;
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b"
#define RELAY_KEY "F00102030405060708090a0b0c0d0e0f101112131415161718191a1b"
#define PUBLISH                                                                                    \
	"{\"verb\":\"test-publish\",\"room\":\"load\",\"identity\":\"p\",\"address\":"             \
	"\"10.0.0.1:4000\",\"relay\":\"192.0.2.1:7000\",\"profile\":\"gcm128\",\"key\":\"" KEY     \
	"\",\"relayKey\":\"" RELAY_KEY "\",\"seconds\":60,\"streams\":[{\"kind\":\"video\","       \
	"\"codec\":\"VP8\",\"ssrc\":7,\"payloadType\":96},{\"kind\":\"audio\",\"codec\":\"opus\"," \
	"\"ssrc\":8,\"payloadType\":111}]}"
#define SUBSCRIBE                                                                                \
	"{\"verb\":\"test-subscribe\",\"room\":\"load\",\"identity\":\"s\",\"publisher\":\"p\"," \
	"\"address\":\"[2001:db8::2]:4001\",\"relay\":\"[2001:db8::1]:7000\","                   \
	"\"mac\":\"02:aa:Bb:00:00:01\",\"profile\":\"gcm128\",\"key\":\"" KEY                    \
	"\",\"relayKey\":\"" RELAY_KEY "\",\"seconds\":60}"

static json_t *ask(const char *line, struct synthetic *with)
{
	struct ctl_host host = {
		.core = core, .counters = &counters, .settle = settle, .synthetic = with};
	json_t *reply = ctl_answer(&host, line, strlen(line), 1000);

	assert_non_null(reply);
	return reply;
}

static const struct core_transport *asked(const char *line)
{
	json_t *reply = ask(line, synthetic);
	struct core_transport_id id = {
		(uint32_t)json_integer_value(json_object_get(reply, "transport")),
		(uint32_t)json_integer_value(json_object_get(reply, "generation"))};
	const struct core_transport *transport = core_transport(core, id);

	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("%s", json_string_value(json_object_get(reply, "error")));
	assert_non_null(transport);
	assert_string_equal(
		json_string_value(json_object_get(reply, "ufrag")), transport->local_ufrag);
	json_decref(reply);
	return transport;
}

static void refused(const char *line, const char *with)
{
	json_t *reply = ask(line, synthetic);
	const char *error = json_string_value(json_object_get(reply, "error"));

	assert_true(json_is_false(json_object_get(reply, "ok")));
	if (!strstr(error, with))
		fail_msg("%s: not about %s", error, with);
	assert_null(strstr(error, "000102")); // no key in it
	json_decref(reply);
}

static void publishes_and_subscribes(void **)
{
	const struct core_transport *up = asked(PUBLISH), *down = asked(SUBSCRIBE);
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	unsigned count = 0;

	assert_int_equal(up->state, CORE_TRANSPORT_CONNECTED);
	assert_int_equal(up->keys.profile, 7);
	assert_int_equal(up->keys.receive_key[1], 1);
	assert_int_equal(up->keys.send_key[0], 0xf0);
	assert_int_equal(up->keys.receive_salt[0], 0x10);
	assert_false(up->dtls_client);
	assert_int_equal(up->paths[0].remote.port, 4000);
	assert_memory_equal(up->paths[0].remote_mac, "\2hop-1", 6); // the kernel's
	assert_int_equal(hops, 1);
	assert_memory_equal(down->paths[0].remote_mac, "\2\xaa\xbb\0\0\1", 6); // given
	assert_int_equal(down->paths[0].local.ip[0], 0x20);
	assert_int_equal(allowed, 2);
	while ((publication = core_publication_next(core, publication)))
		count += publication->encodings[0].ssrc;
	assert_int_equal(count, 7 + 8);
	count = 0;
	while ((subscription = core_subscription_next(core, subscription))) {
		assert_true(subscription->active);
		assert_false(subscription->nack);
		count++;
	}
	assert_int_equal(count, 2);
}

// The same identity again: another transport, so that replay windows begin anew.
static void comes_again(void **)
{
	struct core_transport_id first = asked(PUBLISH)->id, second = asked(PUBLISH)->id;
	const struct core_transport *transport = NULL;
	unsigned count = 0;

	assert_true(first.index != second.index || first.generation != second.generation);
	while ((transport = core_transport_next(core, transport)))
		count++;
	assert_int_equal(count, 1);
	assert_int_equal(denied, 0);
}

// Silent, without a socket, and yet there until the time is over; then nothing is left.
static void lives_for_its_seconds(void **)
{
	const struct core_transport *up = asked(PUBLISH);

	asked(SUBSCRIBE);
	for (uint64_t now_ms = 1000; now_ms < 60000; now_ms += 250) {
		synthetic_tick(synthetic, now_ms);
		core_tick(core, now_ms);
		assert_int_equal(up->state, CORE_TRANSPORT_CONNECTED);
	}
	assert_non_null(core_room_by_name(core, "load"));
	synthetic_tick(synthetic, 61000);
	settle(NULL);
	assert_null(core_transport_next(core, NULL));
	assert_null(core_room_next(core, NULL));
	assert_int_equal(denied, 2);
	synthetic_tick(synthetic, 61250);
}

// One that an operator removed does not come back.
static void kicked_stays_away(void **)
{
	asked(PUBLISH);
	json_decref(ask("{\"verb\":\"kick\",\"room\":\"load\",\"identity\":\"p\"}", synthetic));
	synthetic_tick(synthetic, 2000);
	assert_null(core_participant_next(core, NULL));
}

// `line` with one member replaced by the JSON in `value`, or taken out when that is NULL.
static char *changed(const char *line, const char *name, const char *value)
{
	json_t *json = json_loads(line, 0, NULL);
	char *text;

	assert_non_null(json);
	json_object_del(json, name);
	if (value)
		json_object_set_new(json, name, json_loads(value, JSON_DECODE_ANY, NULL));
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void bad_requests(void **)
{
	static const struct {
		const char *name, *value, *about;
	} bad[] = {
		{"room", NULL, "room"},
		{"identity", "7", "identity"},
		{"address", "\"10.0.0.1\"", "address"},
		{"address", "\"10.0.0.1:0\"", "address"},
		{"address", "\"10.0.0.1:65536\"", "address"},
		{"address", "\"10.0.0.1:4x\"", "address"},
		{"address", "\"localhost:4000\"", "address"},
		{"relay", NULL, "relay"},
		{"mac", "\"02:00:00:00:00\"", "mac"},
		{"mac", "\"02:00:00:00:00:0g\"", "mac"},
		{"mac", "\"02-00-00-00-00-01\"", "mac"},
		{"port", "8", "port"},
		{"port", "-1", "port"},
		{"seconds", NULL, "seconds"},
		{"seconds", "0", "seconds"},
		{"seconds", "86401", "seconds"},
		{"profile", "\"aes\"", "profile"},
		{"profile", "\"gcm256\"", "44 bytes"},
		{"key", NULL, "28 bytes"},
		{"key", "\"0001\"", "28 bytes"},
		{"relayKey", "\"xx0102030405060708090a0b0c0d0e0f101112131415161718191a1b\"", "hex"},
		{"streams", NULL, "streams"},
		{"streams", "[]", "streams"},
		{"streams", "[7]", "kind"},
		{"streams", "[{\"kind\":\"video\"}]", "codec"},
		{"streams", "[{\"kind\":\"video\",\"codec\":\"VP8\",\"ssrc\":0}]", "ssrc"},
		{"streams", "[{\"kind\":\"audio\",\"codec\":\"opus\",\"ssrc\":1}]", "payloadType"},
		{"streams",
			"[{\"kind\":\"audio\",\"codec\":\"speex\",\"ssrc\":1,\"payloadType\":1}]",
			"nothing that the relay can take"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *line = changed(PUBLISH, bad[i].name, bad[i].value);

		refused(line, bad[i].about);
		free(line);
		assert_null(core_participant_next(core, NULL)); // nothing is left behind
	}
}

static void bad_pairs(void **)
{
	char *taken = changed(SUBSCRIBE, "address", "\"10.0.0.1:4000\"");
	char *nobody = changed(SUBSCRIBE, "publisher", NULL);

	refused(SUBSCRIBE, "publishes");
	assert_null(core_participant_next(core, NULL));
	refused(nobody, "publisher");
	asked(PUBLISH);
	refused(taken, "another session");
	assert_null(core_subscription_next(core, NULL));
	free(taken);
	free(nobody);
}

static void off_without_its_key(void **)
{
	json_t *reply = ask(PUBLISH, NULL);

	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_non_null(
		strstr(json_string_value(json_object_get(reply, "error")), "test.sessions=true"));
	assert_null(core_participant_next(core, NULL));
	json_decref(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(publishes_and_subscribes, fresh, done),
		cmocka_unit_test_setup_teardown(comes_again, fresh, done),
		cmocka_unit_test_setup_teardown(lives_for_its_seconds, fresh, done),
		cmocka_unit_test_setup_teardown(kicked_stays_away, fresh, done),
		cmocka_unit_test_setup_teardown(bad_requests, fresh, done),
		cmocka_unit_test_setup_teardown(bad_pairs, fresh, done),
		cmocka_unit_test_setup_teardown(off_without_its_key, fresh, done),
	};
	int failed;

	snprintf(pem, sizeof(pem), "/tmp/test_synthetic.%d.pem", getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(pem);
	return failed;
}

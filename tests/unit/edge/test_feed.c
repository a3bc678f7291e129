// SPDX-License-Identifier: Apache-2.0
// One push or pull of the real core against an endpoint on loopback that answers as the test says.
#include "edge/feed.h"
#include "sdp/sdp.h"
#include "unit/core/world.h"
#include "web.h"

#include <errno.h>

static struct world world;
static struct web web;
static struct loop *loop;
static struct loop_timer *timer;
static struct client *client;
static struct feed *feed;
static struct config config;
static uint64_t now_ms, failures[EDGE_FEED_KINDS];
static struct core_participant_id person;
static char token_path[] = "/tmp/test_feed.XXXXXX";

// ---- the endpoint

enum { BODY_MAX = 16384 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char head[512], body[BODY_MAX]; // what it says to POST
static char asked[8][WEB_REQUEST_MAX]; // what it was asked
static unsigned asked_used;

static void endpoint(int fd, const char *request)
{
	char *text = malloc(BODY_MAX + 1024);

	pthread_mutex_lock(&lock);
	snprintf(asked[asked_used++ % 8], WEB_REQUEST_MAX, "%s", request);
	if (!strncmp(request, "POST ", 5))
		sprintf(text, "HTTP/1.1 %sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
	else
		sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	pthread_mutex_unlock(&lock);
	web_say(fd, text);
	free(text);
}

static void endpoint_says(const char *status_and_headers, const char *text)
{
	pthread_mutex_lock(&lock);
	snprintf(head, sizeof(head), "%s\r\n", status_and_headers);
	snprintf(body, sizeof(body), "%s", text);
	pthread_mutex_unlock(&lock);
}

static unsigned asked_count(const char *method)
{
	unsigned count = 0;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < asked_used && i < 8; i++)
		count += !strncmp(asked[i], method, strlen(method));
	pthread_mutex_unlock(&lock);
	return count;
}

// ---- around the feed

static unsigned controls;
static struct core_transport_id controlled;
static unsigned controlled_candidates;

static int control(
	void *, struct core_transport_id id, const struct desc_candidate *, unsigned count)
{
	controls++;
	controlled = id;
	controlled_candidates = count;
	return (int)count;
}

static void heard(struct world *, const struct core_event *event)
{
	if (feed && event->link == feed)
		feed_event(feed, event);
}

static void settle(void *)
{
	world_told(&world);
	loop_stop(loop);
}

static uint64_t now(void *)
{
	return now_ms;
}

// ---- ports of ours: opened and closed, by number

static unsigned open_ports;
static uint16_t opened;
static bool ports_fail;

static int port_open(void *, uint16_t port, char *why, size_t size)
{
	snprintf(why, size, "no descriptors");
	if (ports_fail)
		return -EMFILE;
	opened = port;
	open_ports++;
	return 0;
}

static void port_close(void *, uint16_t)
{
	open_ports--;
}

static struct feed_host host = {.control = control, .settle = settle, .now_ms = now};

static void time_is_up(void *)
{
	loop_stop(loop);
}

static enum edge_feed_state state(void)
{
	return feed_view(feed).state;
}

static void tick(uint64_t later_ms)
{
	now_ms += later_ms;
	feed_tick(feed, now_ms);
	world_told(&world);
}

// Ticks, and waits for the reply to what was sent by it.
static void tick_and_wait(void)
{
	tick(250);
	assert_int_equal(state(), EDGE_FEED_OFFERING);
	loop_timer_set(timer, 5000, 0);
	loop_run(loop);
}

// What nobody waits for for an answer: it is on its way.
static void wait_asked(const char *method)
{
	for (unsigned i = 0; i < 100 && !asked_count(method); i++) {
		loop_timer_set(timer, 50, 0);
		loop_run(loop);
	}
}

static void begin(enum edge_feed_kind kind, const char *token_file)
{
	struct feed_settings settings = {.kind = kind, .room = "r", .identity = "person"};

	snprintf(settings.url, sizeof(settings.url), "http://127.0.0.1:%u/endpoint/x", web.port);
	snprintf(settings.token_file, sizeof(settings.token_file), "%s", token_file);
	feed = feed_create(&host, &settings);
	assert_non_null(feed);
}

static int fresh(void **)
{
	struct loop_options options = {.http = lws_callback_http_dummy};
	char why[128];

	world_begin(&world);
	world.on_event = heard;
	feed = NULL;
	now_ms = 1000;
	controls = 0;
	asked_used = 0;
	memset(failures, 0, sizeof(failures));
	loop = loop_create(&options, why, sizeof(why));
	timer = loop_timer_create(loop, time_is_up, NULL);
	client = client_create(loop);
	host.core = world.core;
	host.client = client;
	host.failures = failures;
	ports_fail = false;
	open_ports = 0;
	memset(&config, 0, sizeof(config));
	config.media.port = 7000;
	strcpy(config.feeds.ports, "7101-7104");
	host.ports =
		feed_ports_create(&(struct feed_ports_host){NULL, port_open, port_close}, &config);
	return 0;
}

static int done(void **)
{
	if (feed)
		feed_destroy(feed);
	assert_int_equal(open_ports, 0);
	feed_ports_destroy(host.ports);
	client_destroy(client);
	loop_timer_destroy(timer);
	loop_destroy(loop);
	world_end(&world);
	return 0;
}

// ---- what endpoints say

static const char created[] =
	"201 Created\r\nContent-Type: application/sdp\r\nLocation: /session/7";

// The answer to what was asked last, as a relay of ICE-lite makes it.
static void endpoint_answers(enum desc_direction direction)
{
	static struct desc answer;
	char text[BODY_MAX];

	world_desc(&answer, 7);
	answer.setup = DESC_PASSIVE;
	answer.ice_lite = true;
	answer.candidates_used = 1;
	answer.candidates[0] =
		(struct desc_candidate){"1", 1, true, 2130706431, "192.0.2.9", 7000, "host"};
	for (unsigned i = 0; i < 2; i++) {
		struct desc_section *section = &answer.sections[i];

		section->kind = i ? DESC_VIDEO : DESC_AUDIO;
		snprintf(section->mid, sizeof(section->mid), "%u", i);
		section->direction = direction;
		section->in_bundle = section->rtcp_mux = true;
		section->codecs_used = 1;
		section->codecs[0] = world_codec(i ? "VP8" : "opus", i ? 96 : 111);
	}
	answer.sections_used = 2;
	assert_true(sdp_print(&answer, false, text, sizeof(text)) > 0);
	endpoint_says(created, text);
}

static void person_publishes(void)
{
	person = world_enter(&world, "r", "person");
	world_publish(&world, person, 1);
}

static void media_connects(void)
{
	world_connect(&world, now_ms);
	tick(250);
	assert_int_equal(state(), EDGE_FEED_CONNECTED);
}

static void push_connected(void)
{
	person_publishes();
	world_connect(&world, now_ms);
	endpoint_answers(DESC_RECVONLY);
	begin(EDGE_FEED_PUSH, "");
	tick_and_wait();
	assert_int_equal(state(), EDGE_FEED_CONNECTING);
	media_connects();
}

// ---- pushing

static void it_waits_for_the_participant(void **)
{
	endpoint_answers(DESC_RECVONLY);
	begin(EDGE_FEED_PUSH, "");
	for (unsigned i = 0; i < 20; i++)
		tick(250);
	assert_int_equal(state(), EDGE_FEED_WAITING);
	assert_null(core_room_by_name(world.core, "r")); // nobody is there for its sake
	person = world_enter(&world, "r", "person");
	tick(250);
	assert_int_equal(state(), EDGE_FEED_WAITING); // there, but silent
	world_publish(&world, person, 1);
	tick_and_wait();
	assert_int_equal(state(), EDGE_FEED_CONNECTING);
	assert_int_equal(asked_count("POST"), 1);
}

static void what_is_offered(void **)
{
	struct desc offer;
	char why[128], *sdp;

	push_connected();
	assert_int_equal(controls, 1);
	assert_int_equal(controlled_candidates, 1);
	assert_non_null(strstr(asked[0], "POST /endpoint/x HTTP/1.1\r\n"));
	assert_non_null(strstr(asked[0], "Content-Type: application/sdp\r\n"));
	assert_null(strstr(asked[0], "Authorization"));
	sdp = strstr(asked[0], "\r\n\r\n") + 4;
	assert_int_equal(sdp_parse(sdp, strlen(sdp), &offer, why, sizeof(why)), 0);
	assert_false(offer.ice_lite);
	assert_int_equal(offer.setup, DESC_ACTPASS);
	assert_true(offer.candidates_used > 0);
	for (unsigned i = 0; i < offer.candidates_used; i++)
		assert_int_equal(offer.candidates[i].port, 7101);
	assert_int_equal(feed_view(feed).local_port, 7101);
	assert_int_equal(core_transport(world.core, controlled)->local_port, 7101);
	assert_int_equal(offer.sections_used, 2);
	assert_int_equal(offer.sections[0].direction, DESC_SENDONLY);
	assert_true(core_transport(world.core, controlled)->dtls_client); // they are passive
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 2);
	for (unsigned i = 0; i < ROWS; i++)
		if (world.subscriptions[i].id.generation)
			assert_true(world.subscriptions[i].active);
}

static void more_cameras_are_not_offered(void **)
{
	static struct desc offer, answer;
	char why[128], *sdp;

	person = world_enter(&world, "r", "person");
	world_offer(&offer, 1);
	world_video(&offer, "VP8");
	assert_int_equal(core_publish(world.core, person, &offer, &answer, 1000), 0);
	endpoint_answers(DESC_RECVONLY);
	begin(EDGE_FEED_PUSH, "");
	tick_and_wait();
	sdp = strstr(asked[0], "\r\n\r\n") + 4;
	assert_int_equal(sdp_parse(sdp, strlen(sdp), &offer, why, sizeof(why)), 0);
	assert_int_equal(offer.sections_used, 2);
	media_connects();
	tick(5000); // what was left out is no reason to begin anew
	assert_int_equal(state(), EDGE_FEED_CONNECTED);
}

static void the_token_goes_along(void **)
{
	FILE *file = fopen(token_path, "w");

	fputs("abc.def\n", file);
	fclose(file);
	person_publishes();
	endpoint_answers(DESC_RECVONLY);
	begin(EDGE_FEED_PUSH, token_path);
	tick_and_wait();
	assert_non_null(strstr(asked[0], "\r\nAuthorization: Bearer abc.def\r\n"));
}

static void tokens_that_cannot_be_used(void **)
{
	static const char *const texts[] = {"", "a\nb\n", "a b", "a\r\nX: y"};

	person_publishes();
	for (unsigned i = 0; i < 4; i++) {
		FILE *file = fopen(token_path, "w");

		fputs(texts[i], file);
		fclose(file);
		begin(EDGE_FEED_PUSH, token_path);
		tick(250);
		assert_int_equal(state(), EDGE_FEED_FAILED);
		assert_non_null(strstr(feed_view(feed).error, "one line with the token"));
		feed_destroy(feed);
	}
	begin(EDGE_FEED_PUSH, "/no/such/file");
	tick(250);
	assert_non_null(strstr(feed_view(feed).error, "/no/such/file: No such file"));
	assert_int_equal(asked_count("POST"), 0);
}

static void the_participant_leaves_and_comes_back(void **)
{
	push_connected();
	core_leave(world.core, person);
	tick(250);
	assert_int_equal(state(), EDGE_FEED_WAITING);
	assert_int_equal(WORLD_COUNT(&world, participants), 0);
	assert_string_equal(feed_view(feed).error, "");
	person_publishes();
	tick_and_wait();
	media_connects();
	assert_int_equal(asked_count("POST"), 2);
	wait_asked("DELETE /session/7"); // of the first
	assert_int_equal(asked_count("DELETE /session/7"), 1);
	assert_int_equal(failures[EDGE_FEED_PUSH], 0);
	assert_int_equal(feed_view(feed).local_port, 7102); // the far side remembers 7101
	assert_int_equal(open_ports, 1);
}

static void another_codec_is_another_session(void **)
{
	static struct desc offer, answer;

	push_connected();
	world_desc(&offer, 1);
	world_audio(&offer);
	world_video(&offer, "H264");
	offer.sections[1].codecs_used = 1;
	assert_int_equal(core_publish(world.core, person, &offer, &answer, now_ms), 0);
	tick(250);
	assert_int_equal(state(), EDGE_FEED_CONNECTED); // it may change further
	tick(600);
	assert_int_equal(state(), EDGE_FEED_WAITING);
	tick_and_wait();
	assert_int_equal(state(), EDGE_FEED_CONNECTING); // for sound: this endpoint knows VP8 only
}

static void stopping_tells_the_far_side(void **)
{
	push_connected();
	feed_destroy(feed);
	feed = NULL;
	assert_int_equal(WORLD_COUNT(&world, participants), 1);
	wait_asked("DELETE /session/7");
	assert_int_equal(asked_count("DELETE /session/7"), 1);
}

// ---- failures

static void refusals_are_told(void **)
{
	static const struct {
		const char *head, *body, *error;
	} refusals[] = {
		{"401 Unauthorized", "", "the far side says 401: a token is needed (token_file)"},
		{"403 Forbidden", "", "the far side says 403: the token does not allow it"},
		{"404 Not Found", "x", "the far side says 404: there is no such endpoint"},
		{"422 No", "two cameras\r\nmore", "the far side says 422: two cameras"},
		{"500 Oops", "", "the far side says 500"},
		{"201 Created", "nonsense", "the far side's description: "},
		{"201 Created", "", "the far side's description: "},
		{"406 Not Acceptable", "v=0", "the far side says 406: v=0"},
	};

	person_publishes();
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		endpoint_says(refusals[i].head, refusals[i].body);
		begin(EDGE_FEED_PUSH, "");
		tick_and_wait();
		assert_int_equal(state(), EDGE_FEED_FAILED);
		if (strncmp(feed_view(feed).error, refusals[i].error, strlen(refusals[i].error)))
			fail_msg("%s", feed_view(feed).error);
		feed_destroy(feed);
		feed = NULL;
		assert_int_equal(WORLD_COUNT(&world, participants), 1);
	}
	assert_int_equal(failures[EDGE_FEED_PUSH], 8);
}

static void tries_become_rarer(void **)
{
	uint64_t waits[12];

	person_publishes();
	endpoint_says("500 Oops", "");
	begin(EDGE_FEED_PUSH, "");
	for (unsigned i = 0; i < 12; i++) {
		tick_and_wait();
		assert_int_equal(state(), EDGE_FEED_FAILED);
		waits[i] = feed_view(feed).next_ms - now_ms;
		tick(waits[i] - 250); // not yet
		assert_int_equal(state(), EDGE_FEED_FAILED);
	}
	assert_in_range(waits[0], 500, 1000);
	assert_in_range(waits[3], 4000, 8000);
	assert_in_range(waits[11], 30000, 60000);
	assert_int_equal(feed_view(feed).failures, 12);
}

static void the_endpoint_may_ask_for_time(void **)
{
	person_publishes();
	endpoint_says("503 Busy\r\nRetry-After: 120", "");
	begin(EDGE_FEED_PUSH, "");
	tick_and_wait();
	assert_int_equal(feed_view(feed).next_ms, now_ms + 120000);
}

static void a_session_that_ends_is_made_again(void **)
{
	push_connected();
	tick(20000); // long enough to count as a success
	core_transport_close(world.core, controlled, "the far side is gone");
	world_told(&world);
	tick(250);
	assert_int_equal(state(), EDGE_FEED_FAILED);
	assert_string_equal(feed_view(feed).error, "the far side is gone");
	assert_int_equal(feed_view(feed).failures, 1);
	tick(750);
	tick_and_wait();
	media_connects();
	assert_string_equal(feed_view(feed).error, "");
}

static void without_a_port(void **)
{
	char why[FEED_ERROR_MAX];

	person_publishes();
	begin(EDGE_FEED_PUSH, "");
	ports_fail = true;
	tick(250);
	assert_int_equal(state(), EDGE_FEED_FAILED);
	assert_string_equal(feed_view(feed).error, "no descriptors");
	ports_fail = false;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(feed_ports_take(host.ports, now_ms, why, sizeof(why)), 7101 + i);
	tick(1000);
	assert_int_equal(state(), EDGE_FEED_FAILED);
	assert_string_equal(feed_view(feed).error,
		"all 4 local ports of feeds.ports (7101-7104) are in use: widen it");
	assert_int_equal(asked_count("POST"), 0);
	assert_int_equal(WORLD_COUNT(&world, participants), 1);
	for (unsigned i = 0; i < 4; i++)
		feed_ports_give(host.ports, (uint16_t)(7101 + i), now_ms);
	endpoint_answers(DESC_RECVONLY);
	tick(2000);
	loop_timer_set(timer, 5000, 0);
	loop_run(loop);
	assert_int_equal(state(), EDGE_FEED_CONNECTING);
}

// ---- pulling

static void pull_begin(void)
{
	begin(EDGE_FEED_PULL, "");
	tick_and_wait();
}

static void what_comes_is_published(void **)
{
	struct core_participant_id viewer = world_enter(&world, "r", "viewer");
	const struct core_participant *self;

	endpoint_answers(DESC_SENDONLY);
	pull_begin();
	assert_int_equal(state(), EDGE_FEED_CONNECTING);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	self = core_participant(world.core, core_transport(world.core, controlled)->participant);
	assert_string_equal(self->identity, "person");
	assert_string_equal(self->dialect, "pull");
	assert_false(self->visible);
	media_connects();
	assert_true(core_participant(world.core, self->id)->visible);
	world_subscribe(&world, viewer, "person", 9);
}

static void a_pulled_identity_may_be_taken(void **)
{
	person_publishes();
	endpoint_answers(DESC_SENDONLY);
	begin(EDGE_FEED_PULL, "");
	tick(250);
	assert_int_equal(state(), EDGE_FEED_FAILED);
	assert_int_equal(asked_count("POST"), 0);
	assert_non_null(core_participant(world.core, person));
}

static void counter_offers_are_answered(void **)
{
	static struct desc theirs, ours;
	char text[BODY_MAX], why[128], *sdp;

	world_offer(&theirs, 9);
	theirs.candidates_used = 1;
	theirs.candidates[0] =
		(struct desc_candidate){"1", 1, true, 2130706431, "192.0.2.9", 7000, "host"};
	assert_true(sdp_print(&theirs, true, text, sizeof(text)) > 0);
	endpoint_says("406 Not Acceptable\r\nContent-Type: application/sdp\r\nLocation: /session/8",
		text);
	pull_begin();
	assert_int_equal(state(), EDGE_FEED_OFFERING); // the PATCH is under way
	loop_timer_set(timer, 5000, 0);
	loop_run(loop);
	assert_int_equal(state(), EDGE_FEED_CONNECTING);
	assert_int_equal(asked_count("PATCH /session/8"), 1);
	sdp = strstr(asked[1], "\r\n\r\n") + 4;
	assert_int_equal(sdp_parse(sdp, strlen(sdp), &ours, why, sizeof(why)), 0);
	assert_false(ours.ice_lite);
	assert_int_equal(ours.sections_used, 2);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	assert_int_equal(controlled_candidates, 1);
	media_connects();
}

static void counter_offers_that_lead_nowhere(void **)
{
	endpoint_says("406 Not Acceptable\r\nLocation: /session/8", "nonsense");
	pull_begin();
	assert_int_equal(state(), EDGE_FEED_FAILED);
	assert_int_equal(WORLD_COUNT(&world, participants), 0);
}

// ---- a control before us

// The port that the session sent from; others than ours are of an older version, or of another feeds.ports.
static void restart(uint16_t port, enum edge_feed_state expected)
{
	static struct world later;
	struct core_path path;

	push_connected();
	path = core_transport(world.core, controlled)->paths[0];
	path.local.port = port;
	assert_int_equal(core_transport_path(world.core, controlled, &path, true, now_ms), 0);
	feed_abandon(feed);
	feed = NULL;
	feed_ports_destroy(host.ports); // with the process
	open_ports = 0;
	host.ports =
		feed_ports_create(&(struct feed_ports_host){NULL, port_open, port_close}, &config);
	world_restore(&later, &world);
	host.core = later.core;
	begin(EDGE_FEED_PUSH, "");
	now_ms = 100250;
	feed_tick(feed, now_ms);
	assert_int_equal(state(), expected);
	if (expected == EDGE_FEED_CONNECTED) {
		assert_int_equal(controls, 2);
		assert_int_equal(controlled_candidates, 0);
		assert_int_equal(asked_count("POST"), 1); // none since
		assert_int_equal(feed_view(feed).local_port, port);
		core_tick(later.core, now_ms + 29000);
		assert_non_null(core_transport(later.core, controlled));
	}
	feed_destroy(feed);
	feed = NULL;
	world_end(&later);
}

static void a_restart_goes_on_with_the_session(void **)
{
	restart(7103, EDGE_FEED_CONNECTED);
	assert_int_equal(opened, 7103);
}

static void a_session_by_the_media_port_goes_on(void **)
{
	restart(7000, EDGE_FEED_CONNECTED);
	assert_int_equal(opened, 7101); // by the first control
}

static void a_session_by_a_port_of_nobody_is_made_anew(void **)
{
	restart(9000, EDGE_FEED_OFFERING);
	assert_int_equal(opened, 7101);
}

static int all_begin(void **)
{
	close(mkstemp(token_path));
	web_begin(&web, endpoint);
	return 0;
}

static int all_end(void **)
{
	web_end(&web);
	unlink(token_path);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(it_waits_for_the_participant),
		CASE(what_is_offered),
		CASE(more_cameras_are_not_offered),
		CASE(the_token_goes_along),
		CASE(tokens_that_cannot_be_used),
		CASE(the_participant_leaves_and_comes_back),
		CASE(another_codec_is_another_session),
		CASE(stopping_tells_the_far_side),
		CASE(refusals_are_told),
		CASE(tries_become_rarer),
		CASE(the_endpoint_may_ask_for_time),
		CASE(a_session_that_ends_is_made_again),
		CASE(without_a_port),
		CASE(what_comes_is_published),
		CASE(a_pulled_identity_may_be_taken),
		CASE(counter_offers_are_answered),
		CASE(counter_offers_that_lead_nowhere),
		CASE(a_restart_goes_on_with_the_session),
		CASE(a_session_by_the_media_port_goes_on),
		CASE(a_session_by_a_port_of_nobody_is_made_anew),
	};

	return cmocka_run_group_tests(tests, all_begin, all_end);
}

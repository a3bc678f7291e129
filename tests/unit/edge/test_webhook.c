// SPDX-License-Identifier: Apache-2.0
// Over loopback against a server that does what the path says.
#include "edge/webhook.h"
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HEARD_MAX = 64 };

static struct web web;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char heard[HEARD_MAX][64]; // "path event room"
static unsigned heard_used;
static atomic_uint failures_left, hanging, hanging_most;
static atomic_bool let_go;

static void word_copy(const char *request, const char *name, char *word, size_t size)
{
	const char *at = strstr(request, name);

	snprintf(word, size, "%.*s", at ? (int)strcspn(at + strlen(name), "\" ") : 0,
		at ? at + strlen(name) : "");
}

static void keep(const char *request)
{
	char path[16], event[32], room[16];

	word_copy(request, "POST ", path, sizeof(path));
	word_copy(request, "\"event\":\"", event, sizeof(event));
	word_copy(request, "\"name\":\"", room, sizeof(room));
	pthread_mutex_lock(&mutex);
	if (heard_used < HEARD_MAX)
		snprintf(heard[heard_used++], sizeof(heard[0]), "%s %s %s", path, event, room);
	pthread_mutex_unlock(&mutex);
}

static void hang(void)
{
	unsigned now = ++hanging;

	if (now > hanging_most)
		hanging_most = now;
	while (!let_go)
		usleep(1000);
	hanging--;
}

static void answer(int fd, const char *request)
{
	bool fails = strstr(request, "POST /fails") && failures_left;

	keep(request);
	if (strstr(request, "POST /hangs"))
		hang();
	if (fails)
		failures_left--;
	if (fails)
		web_say(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
	else if (strstr(request, "POST /refuses"))
		web_say(fd, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	else
		web_say(fd, "HTTP/1.1 204 Thanks\r\n\r\n");
}

// ---- the sender

static struct config *config;
static struct loop *loop;
static struct client *client;
static struct edge_counters counters;
static struct webhooks *webhooks;
static struct loop_timer *checker;
static bool (*is_done)(void);

static int setup(void **)
{
	heard_used = 0;
	failures_left = 0;
	hanging_most = 0;
	let_go = false;
	memset(&counters, 0, sizeof(counters));
	config = calloc(1, sizeof(*config));
	strcpy(config->auth.keys[0].key, "APIshop");
	strcpy(config->auth.keys[0].secret, "secret");
	config->auth.keys_used = 1;
	return 0;
}

static void receiver(const char *path)
{
	struct config_webhook *one = &config->webhooks[config->webhooks_used++];

	snprintf(one->url, sizeof(one->url), "http://127.0.0.1:%u%s", web.port, path);
	strcpy(one->key, "APIshop");
}

static void check(void *)
{
	if (is_done())
		loop_stop(loop);
}

static void begin(void)
{
	char why[256];

	loop = loop_create(
		&(struct loop_options){.http = lws_callback_http_dummy}, why, sizeof(why));
	assert_non_null(loop);
	client = client_create(loop);
	webhooks = webhooks_create(config, client, loop, &counters);
	assert_non_null(webhooks);
	checker = loop_timer_create(loop, check, NULL);
	loop_timer_set(checker, 5, 5);
}

static void run_until(bool (*done)(void))
{
	is_done = done;
	loop_run(loop);
}

static int teardown(void **)
{
	let_go = true;
	webhooks_destroy(webhooks);
	client_destroy(client);
	loop_timer_destroy(checker);
	loop_destroy(loop);
	free(config);
	return 0;
}

static void tell(enum config_webhook_event event, const char *room)
{
	const struct announcement about = {.event = event,
		.id = "EV_1",
		.room = room,
		.room_sid = "RM_1",
		.identity = event == CONFIG_PARTICIPANT_JOINED ? "7" : NULL,
		.name = "N",
		.sid = "PA_1",
		.dialect = "sfu"};

	webhooks_tell(webhooks, &about);
}

static bool all_is_told(void)
{
	return !webhooks_busy(webhooks);
}

static unsigned heard_count(const char *line)
{
	unsigned count = 0;

	for (unsigned i = 0; i < heard_used; i++)
		count += !strcmp(heard[i], line);
	return count;
}

// ---- tests

static void test_in_order(void **)
{
	receiver("/takes");
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	tell(CONFIG_PARTICIPANT_JOINED, "a");
	tell(CONFIG_ROOM_FINISHED, "a");
	assert_int_equal(counters.webhooks_waiting, 3);
	run_until(all_is_told);
	assert_int_equal(heard_used, 3);
	assert_string_equal(heard[0], "/takes room_started a");
	assert_string_equal(heard[1], "/takes participant_joined a");
	assert_string_equal(heard[2], "/takes room_finished a");
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_DELIVERED], 3);
	assert_int_equal(counters.webhooks_waiting, 0);
}

static void test_failures_are_tried_again_in_order(void **)
{
	receiver("/fails");
	failures_left = 2;
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	tell(CONFIG_ROOM_FINISHED, "a");
	run_until(all_is_told);
	assert_int_equal(heard_used, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(heard[i], "/fails room_started a");
	assert_string_equal(heard[3], "/fails room_finished a");
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_RETRIED], 2);
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_DELIVERED], 2);
}

static void test_a_refusal_is_final(void **)
{
	receiver("/refuses");
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	run_until(all_is_told);
	assert_int_equal(heard_used, 1);
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_REFUSED], 1);
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_RETRIED], 0);
}

static void test_each_receiver_gets_what_it_wants(void **)
{
	receiver("/all");
	receiver("/some");
	config->webhooks[1].events_used = 1;
	config->webhooks[1].events[0] = CONFIG_ROOM_FINISHED;
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	tell(CONFIG_ROOM_FINISHED, "a");
	run_until(all_is_told);
	assert_int_equal(heard_used, 3);
	assert_int_equal(heard_count("/some room_finished a"), 1);
	assert_int_equal(heard_count("/all room_finished a"), 1);
}

static bool all_places_are_taken(void)
{
	return hanging == WEBHOOK_IN_FLIGHT_MAX;
}

static void test_many_rooms_are_told_of_at_a_time(void **)
{
	char room[16];

	receiver("/hangs");
	begin();
	for (unsigned i = 0; i < 3 * WEBHOOK_IN_FLIGHT_MAX; i++) {
		snprintf(room, sizeof(room), "r%u", i % (2 * WEBHOOK_IN_FLIGHT_MAX));
		tell(CONFIG_ROOM_STARTED, room);
	}
	run_until(all_places_are_taken);
	assert_int_equal(heard_used, WEBHOOK_IN_FLIGHT_MAX); // each of another room
	for (unsigned i = 0; i < heard_used; i++)
		assert_int_equal(heard_count(heard[i]), 1);
	let_go = true;
	run_until(all_is_told);
	assert_int_equal(hanging_most, WEBHOOK_IN_FLIGHT_MAX);
	assert_int_equal(heard_used, 3 * WEBHOOK_IN_FLIGHT_MAX);
}

static bool one_hangs(void)
{
	return hanging > 0;
}

static void test_too_many_are_dropped(void **)
{
	receiver("/hangs");
	begin();
	for (unsigned i = 0; i < WEBHOOK_QUEUE_MAX + 50; i++)
		tell(CONFIG_PARTICIPANT_JOINED, "a");
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_DROPPED], 50);
	assert_int_equal(counters.webhooks_waiting, WEBHOOK_QUEUE_MAX);
	run_until(one_hangs);
	webhooks_destroy(webhooks); // with one under way
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_GAVE_UP], WEBHOOK_QUEUE_MAX);
	assert_int_equal(counters.webhooks_waiting, 0);
	webhooks = NULL;
}

static bool both_have_failed(void)
{
	return counters.webhooks[EDGE_WEBHOOK_RETRIED] == 2;
}

// What waits for its next try gets it at the end, and no other.
static void test_the_last_chance(void **)
{
	receiver("/fails");
	receiver("/takes");
	snprintf(config->webhooks[1].url, sizeof(config->webhooks[1].url), "http://127.0.0.1:1/");
	failures_left = 1;
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	tell(CONFIG_ROOM_FINISHED, "a");
	run_until(both_have_failed);
	webhooks_hurry(webhooks);
	run_until(all_is_told);
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_DELIVERED], 2);
	assert_int_equal(counters.webhooks[EDGE_WEBHOOK_GAVE_UP], 2);
	assert_int_equal(heard_count("/fails room_finished a"), 1);
}

static void test_nobody_is_told_of_nothing(void **)
{
	begin();
	tell(CONFIG_ROOM_STARTED, "a");
	assert_false(webhooks_busy(webhooks));
	webhooks_hurry(webhooks);
}

static int serve_begin(void **)
{
	web_begin(&web, answer);
	return 0;
}

static int serve_end(void **)
{
	web_end(&web);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_failures_are_tried_again_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_refusal_is_final, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_each_receiver_gets_what_it_wants, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_many_rooms_are_told_of_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_last_chance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_is_told_of_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, serve_begin, serve_end);
}

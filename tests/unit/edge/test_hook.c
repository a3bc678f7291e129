// SPDX-License-Identifier: Apache-2.0
// The real client over loopback, and a server in the same loop that answers as it is told.
#include "edge/hook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUESTS_MAX = 2048, ASKED_MAX = 4096 };

static struct edge_counters counters;
static struct loop *loop;
static struct loop_timer *timer;
static struct client *client;
static struct hook *hook;
static int listening;
static struct loop_watch *listening_watch;
static struct guest {
	int fd;
	struct loop_watch *watch;
	size_t length; // of what it has asked
} guests[GUESTS_MAX];
static unsigned guests_used, answered;
static const char *answer; // NULL = silence
static bool slams; // the server hangs up at once
static char asked[ASKED_MAX], why[256];

// ---- the server

static void guest_end(struct guest *guest)
{
	shutdown(guest->fd, SHUT_RDWR);
	loop_unwatch(guest->watch);
	close(guest->fd);
	guest->fd = -1;
}

// Head and body may come one after the other.
static bool asked_is_whole(void)
{
	const char *length = strstr(asked, "\r\nContent-Length: "),
		   *body = strstr(asked, "\r\n\r\n");

	return length && body && strlen(body + 4) >= strtoul(length + 18, NULL, 10);
}

static void guest_ready(void *context, enum loop_ready ready)
{
	struct guest *guest = context;
	ssize_t got;

	if (guest->fd < 0)
		return;
	got = recv(guest->fd, asked + guest->length, ASKED_MAX - 1 - guest->length, MSG_DONTWAIT);
	if (got > 0) {
		guest->length += (size_t)got;
		asked[guest->length] = 0;
		if (!answer || !asked_is_whole())
			return;
		assert_int_equal(
			send(guest->fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
	}
	if (got >= 0 || ready == LOOP_ENDED)
		guest_end(guest);
}

static void listening_ready(void *, enum loop_ready)
{
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	struct guest *guest;

	if (fd < 0)
		return;
	if (slams) {
		close(fd);
		return;
	}
	assert_true(guests_used < GUESTS_MAX);
	guest = &guests[guests_used++];
	*guest = (struct guest){.fd = fd};
	guest->watch = loop_watch(loop, fd, guest_ready, guest);
}

static void time_is_up(void *)
{
	loop_stop(loop);
}

static void run(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 10) {
		loop_timer_set(timer, 10, 0);
		loop_run(loop);
		hook_tick(hook, loop_now_ms());
	}
}

static void hook_open(const char *secret, uint64_t timeout_ms, bool open)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	char url[64];
	struct hook_options options = {
		.url = url, .secret = secret, .timeout_ms = timeout_ms, .open = open};

	getsockname(listening, (struct sockaddr *)&address, &length);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/who?x=1", ntohs(address.sin_port));
	hook = hook_create(client, &options, &counters);
	assert_non_null(hook);
}

static int fresh(void **)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct loop_options options = {.http = lws_callback_http_dummy};

	memset(&counters, 0, sizeof(counters));
	guests_used = answered = 0;
	answer = NULL;
	slams = false;
	hook = NULL;
	loop = loop_create(&options, why, sizeof(why));
	timer = loop_timer_create(loop, time_is_up, NULL);
	client = client_create(loop);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, GUESTS_MAX), 0);
	listening_watch = loop_watch(loop, listening, listening_ready, NULL);
	return 0;
}

static int done(void **)
{
	hook_destroy(hook);
	client_destroy(client);
	for (unsigned i = 0; i < guests_used; i++)
		if (guests[i].fd >= 0)
			guest_end(&guests[i]);
	loop_unwatch(listening_watch);
	close(listening);
	loop_timer_destroy(timer);
	loop_destroy(loop);
	return 0;
}

// ---- who asks

static void hear(void *)
{
	answered++;
}

static bool ask(const char *question, struct hook_verdict *verdict)
{
	return hook_ask(hook, question, verdict, loop_now_ms());
}

// Asks, waits for the answer and asks again.
static struct hook_verdict outcome(const char *question)
{
	struct hook_waiter waiter = {.answered = hear};
	struct hook_verdict verdict = {0};
	unsigned before = answered;

	if (ask(question, &verdict))
		return verdict;
	hook_wait(hook, &waiter);
	assert_true(waiter.waits);
	for (unsigned i = 0; i < 100 && answered == before; i++)
		run(10);
	assert_int_equal(answered, before + 1);
	assert_false(waiter.waits);
	assert_true(ask(question, &verdict));
	return verdict;
}

#define REPLY(body) "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" body

static void it_is_asked_and_answers(void **)
{
	struct hook_verdict verdict;

	hook_open("", 500, false);
	answer = REPLY("{\"allowed\":true,\"name\":\"Anna\"}");
	verdict = outcome("{\"room\":\"r\"}");
	assert_true(verdict.allowed && !verdict.failed);
	assert_string_equal(verdict.name, "Anna");
	assert_non_null(strstr(asked, "POST /who?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(asked, "\r\n\r\n{\"room\":\"r\",\"time\":"));
	assert_null(strstr(asked, "X-Sluice-Signature"));
	answer = REPLY("{\"allowed\":false,\"reason\":\"no\"}");
	verdict = outcome("{\"room\":\"s\"}");
	assert_false(verdict.allowed || verdict.failed);
	assert_string_equal(verdict.reason, "no");
	assert_int_equal(counters.hook[EDGE_HOOK_ALLOWED], 1);
	assert_int_equal(counters.hook[EDGE_HOOK_DENIED], 1);
}

static void the_same_question_is_asked_once(void **)
{
	struct hook_waiter waiters[3] = {
		{.answered = hear}, {.answered = hear}, {.answered = hear}};
	struct hook_verdict verdict;

	hook_open("secret", 500, false);
	answer = REPLY("{\"allowed\":true,\"lifetime\":60}");
	for (unsigned i = 0; i < 3; i++) {
		assert_false(ask("{\"room\":\"r\"}", &verdict));
		hook_wait(hook, &waiters[i]);
	}
	hook_forget(&waiters[1]); // has gone
	run(100);
	assert_int_equal(answered, 2);
	assert_int_equal(guests_used, 1);
	assert_non_null(strstr(asked, "X-Sluice-Signature: "));
	assert_true(ask("{\"room\":\"r\"}", &verdict));
	assert_true(ask("{\"room\":\"r\"}", &verdict));
	assert_true(verdict.until_ms > loop_now_ms() + 50000);
	assert_int_equal(counters.hook[EDGE_HOOK_CACHED], 1); // the first was its own answer
	assert_false(hook_ask(hook, "{\"room\":\"r\"}", &verdict, verdict.until_ms + 1));
}

static void an_answer_without_lifetime_is_soon_forgotten(void **)
{
	struct hook_verdict verdict;

	hook_open("", 500, false);
	answer = REPLY("{\"allowed\":true}");
	outcome("{}");
	assert_true(hook_ask(hook, "{}", &verdict, loop_now_ms() + HOOK_FRESH_MS / 2));
	assert_false(hook_ask(hook, "{}", &verdict, loop_now_ms() + HOOK_FRESH_MS + 1));
}

static void nonsense_counts_as_no_answer(void **)
{
	static const char *const nonsense[] = {"", "what?",
		"HTTP/1.0 500 Oh\r\n\r\n{\"allowed\":true}",
		"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n", REPLY(""), REPLY("[]"),
		REPLY("{\"allowed\":1}"), REPLY("{\"allowed\":true"),
		"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{\"allowed\":true}"};
	char question[32];

	hook_open("", 500, false);
	for (unsigned i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct hook_verdict verdict;

		answer = nonsense[i];
		snprintf(question, sizeof(question), "{\"n\":%u}", i);
		verdict = outcome(question);
		assert_true(verdict.failed && !verdict.allowed);
		assert_int_equal(counters.hook[EDGE_HOOK_FAULT], i + 1);
	}
	char *huge = malloc(HOOK_REPLY_BYTES_MAX + 100);

	memset(huge, ' ', HOOK_REPLY_BYTES_MAX + 99);
	memcpy(huge, REPLY(""), sizeof(REPLY("")) - 1);
	huge[HOOK_REPLY_BYTES_MAX + 99] = 0;
	answer = huge;
	assert_true(outcome("{\"huge\":1}").failed);
	slams = true;
	assert_true(outcome("{\"slams\":1}").failed);
	free(huge);
}

static void silence_ends_in_time(void **)
{
	struct hook_verdict verdict;

	hook_open("", 100, true);
	verdict = outcome("{}");
	assert_true(verdict.failed && verdict.allowed); // fail: open
	assert_int_equal(counters.hook[EDGE_HOOK_TIMEOUT], 1);
}

static void a_dead_server_is_no_server(void **)
{
	struct hook_verdict verdict;

	hook_open("", 500, false);
	shutdown(listening, SHUT_RDWR);
	loop_unwatch(listening_watch);
	listening_watch = NULL;
	close(listening);
	verdict = outcome("{}");
	assert_true(verdict.failed && !verdict.allowed);
	assert_int_equal(counters.hook[EDGE_HOOK_FAULT], 1);
	listening = socket(AF_INET, SOCK_STREAM, 0);
}

static void many_are_bounded(void **)
{
	static struct hook_waiter waiters[HOOK_WAITING_MAX + HOOK_FLYING_MAX + 10];
	struct hook_verdict verdict;
	unsigned waiting = 0, n = HOOK_WAITING_MAX + HOOK_FLYING_MAX + 10;
	char question[32];

	memset(waiters, 0, sizeof(waiters));
	hook_open("", 200, false);
	for (unsigned i = 0; i < n; i++) {
		snprintf(question, sizeof(question), "{\"n\":%u}", i);
		waiters[i].answered = hear;
		if (ask(question, &verdict)) {
			assert_true(verdict.failed && !verdict.allowed);
			continue;
		}
		waiting++;
		hook_wait(hook, &waiters[i]);
		assert_true(counters.hook_flying <= HOOK_FLYING_MAX);
		assert_true(counters.hook_waiting <= HOOK_WAITING_MAX);
	}
	assert_int_equal(waiting, HOOK_WAITING_MAX + HOOK_FLYING_MAX);
	assert_int_equal(counters.hook[EDGE_HOOK_OVERFLOW], n - waiting);
	for (unsigned i = 0; i < 200 && answered < waiting; i++)
		run(10);
	assert_int_equal(answered, waiting);
	assert_int_equal(counters.hook[EDGE_HOOK_TIMEOUT], waiting);
	answer = REPLY("{\"allowed\":true}");
	assert_true(outcome("{}").allowed); // it goes on
}

static struct hook_waiter again;
static struct hook_verdict again_verdict;

static void ask_another(void *)
{
	again.answered = hear;
	if (!ask("{\"second\":1}", &again_verdict))
		hook_wait(hook, &again);
}

static void who_is_answered_may_ask_again(void **)
{
	struct hook_waiter waiter = {.answered = ask_another};
	struct hook_verdict verdict;

	hook_open("", 500, false);
	answer = REPLY("{\"allowed\":true}");
	assert_false(ask("{\"first\":1}", &verdict));
	hook_wait(hook, &waiter);
	for (unsigned i = 0; i < 100 && !answered; i++)
		run(10);
	assert_int_equal(answered, 1);
	assert_true(ask("{\"second\":1}", &verdict) && verdict.allowed);
}

static void a_bad_address_is_no_server(void **)
{
	const struct hook_options options = {.url = "ftp://x/", .secret = "", .timeout_ms = 500};

	hook_destroy(NULL);
	hook = hook_create(client, &options, &counters);
	assert_true(outcome("{}").failed);
	assert_int_equal(counters.hook[EDGE_HOOK_FAULT], 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(it_is_asked_and_answers),
		CASE(the_same_question_is_asked_once),
		CASE(an_answer_without_lifetime_is_soon_forgotten),
		CASE(nonsense_counts_as_no_answer),
		CASE(silence_ends_in_time),
		CASE(a_dead_server_is_no_server),
		CASE(many_are_bounded),
		CASE(who_is_answered_may_ask_again),
		CASE(a_bad_address_is_no_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

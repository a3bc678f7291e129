// SPDX-License-Identifier: Apache-2.0
#include "hook.h"

#include "base64url.h"
#include "hook_reply.h"
#include "log.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BUCKETS = 1024,
	LOG_EVERY_MS = 10000,
	LATE_MS = 1000, // hook_tick ends a question before the client does
	SIGNATURE_TEXT_MAX = 48,
};

enum state { STATE_QUEUED, STATE_FLYING, STATE_ANSWERED };

struct hook_question {
	LIST_ENTRY(hook_question) in_bucket;
	TAILQ_ENTRY(hook_question) in_state; // oldest first
	struct hook *hook;
	enum state state;
	bool told; // its answer has been used
	bool telling; // its waiters are being called
	uint64_t hash, asked_ms, forget_ms;
	LIST_HEAD(, hook_waiter) waiters;
	struct hook_verdict verdict;
	struct client_request *request; // while it is flying
	char text[];
};

TAILQ_HEAD(question_list, hook_question);

struct hook {
	struct client *client;
	struct edge_counters *counters;
	char *url, *secret;
	bool open;
	uint64_t timeout_ms, logged_ms;
	uint32_t answers;
	struct question_list lists[3]; // by state
	LIST_HEAD(, hook_question) buckets[BUCKETS];
	struct hook_question *last; // asked and without an answer
};

// ---- questions

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211u;
	return hash ^ hash >> 32;
}

static struct hook_question *question_find(const struct hook *hook, const char *text)
{
	uint64_t hash = hash_of(text);
	struct hook_question *question;

	LIST_FOREACH (question, &hook->buckets[hash % BUCKETS], in_bucket)
		if (question->hash == hash && !strcmp(question->text, text))
			break;
	return question;
}

static uint32_t *count_of(struct hook *hook, enum state state)
{
	return state == STATE_QUEUED   ? &hook->counters->hook_waiting
	       : state == STATE_FLYING ? &hook->counters->hook_flying
				       : &hook->answers;
}

static void question_move(struct hook_question *question, enum state state)
{
	struct hook *hook = question->hook;

	TAILQ_REMOVE(&hook->lists[question->state], question, in_state);
	--*count_of(hook, question->state);
	question->state = state;
	TAILQ_INSERT_TAIL(&hook->lists[state], question, in_state);
	++*count_of(hook, state);
}

static void question_free(struct hook_question *question)
{
	struct hook *hook = question->hook;

	client_cancel(question->request);
	if (hook->last == question)
		hook->last = NULL;
	LIST_REMOVE(question, in_bucket);
	TAILQ_REMOVE(&hook->lists[question->state], question, in_state);
	--*count_of(hook, question->state);
	free(question);
}

// Makes room for one more answer.
static void answers_thin(struct hook *hook)
{
	struct hook_question *oldest = TAILQ_FIRST(&hook->lists[STATE_ANSWERED]);

	if (hook->answers >= HOOK_ANSWERS_MAX && oldest && !oldest->telling)
		question_free(oldest);
}

static struct hook_question *question_make(struct hook *hook, const char *text, uint64_t now_ms)
{
	struct hook_question *question = calloc(1, sizeof(*question) + strlen(text) + 1);

	if (!question)
		return NULL;
	strcpy(question->text, text);
	question->hook = hook;
	question->hash = hash_of(text);
	question->asked_ms = now_ms;
	LIST_INIT(&question->waiters);
	LIST_INSERT_HEAD(&hook->buckets[question->hash % BUCKETS], question, in_bucket);
	TAILQ_INSERT_TAIL(&hook->lists[STATE_QUEUED], question, in_state);
	hook->counters->hook_waiting++;
	return question;
}

// ---- answers

static void verdict_missing(const struct hook *hook, struct hook_verdict *verdict)
{
	*verdict = (struct hook_verdict){.allowed = hook->open, .failed = true};
	snprintf(verdict->reason, sizeof(verdict->reason), "who admits people does not answer");
}

static void question_answered(struct hook_question *question)
{
	struct hook *hook = question->hook;
	const struct hook_verdict *verdict = &question->verdict;
	uint64_t now_ms = loop_now_ms();
	struct hook_waiter *waiter;

	client_cancel(question->request); // which has not answered in time
	question->request = NULL;
	answers_thin(hook);
	question_move(question, STATE_ANSWERED);
	question->forget_ms =
		verdict->until_ms && verdict->allowed ? verdict->until_ms : now_ms + HOOK_FRESH_MS;
	if (hook->last == question)
		hook->last = NULL;
	question->telling = true;
	while ((waiter = LIST_FIRST(&question->waiters)) != NULL) {
		hook_forget(waiter);
		waiter->answered(waiter->context);
	}
	question->telling = false;
}

static void question_failed(
	struct hook_question *question, enum edge_hook_result result, const char *what)
{
	struct hook *hook = question->hook;
	uint64_t now_ms = loop_now_ms();

	hook->counters->hook[result]++;
	if (now_ms - hook->logged_ms >= LOG_EVERY_MS || !hook->logged_ms) {
		hook->logged_ms = now_ms;
		log_warn("admission.url: no answer: %s; admission.fail: %s", what,
			hook->open ? "open, so everybody is let in"
				   : "closed, so nobody is let in");
	}
	verdict_missing(hook, &question->verdict);
	question_answered(question);
}

static void queue_start(struct hook *hook);

static void reply_came(void *context, const struct client_reply *reply)
{
	struct hook_question *question = context;
	struct hook *hook = question->hook;
	const char *fault = reply->why;

	question->request = NULL;
	if (reply->status)
		fault = reply->status != 200 ? "its status is not 200"
					     : hook_reply_read(reply->body, reply->body_bytes,
						       loop_now_ms(), &question->verdict);
	if (fault) {
		question_failed(question, EDGE_HOOK_FAULT, fault);
	} else {
		hook->counters
			->hook[question->verdict.allowed ? EDGE_HOOK_ALLOWED : EDGE_HOOK_DENIED]++;
		question_answered(question);
	}
	queue_start(hook);
}

// ---- asking

static void signature_print(const struct hook *hook, const char *body, char *text, size_t size)
{
	unsigned char signature[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (!HMAC(EVP_sha256(), hook->secret, (int)strlen(hook->secret),
		    (const unsigned char *)body, strlen(body), signature, &length) ||
		base64url_encode(signature, length, text, size) < 0)
		*text = 0;
}

static struct client_request *request_send(struct hook_question *question, const char *body)
{
	struct hook *hook = question->hook;
	char signature[SIGNATURE_TEXT_MAX] = "", header[sizeof(signature) + 24];
	const char *const headers[] = {
		"Content-Type: application/json", *hook->secret ? header : NULL, NULL};
	const struct client_ask ask = {.method = "POST",
		.url = hook->url,
		.headers = headers,
		.body = body,
		.body_bytes = strlen(body),
		.timeout_ms = hook->timeout_ms + LATE_MS,
		.reply_bytes_max = HOOK_REPLY_BYTES_MAX};

	if (*hook->secret)
		signature_print(hook, body, signature, sizeof(signature));
	snprintf(header, sizeof(header), "X-Sluice-Signature: %s", signature);
	return client_send(hook->client, &ask, reply_came, question);
}

static void question_fly(struct hook_question *question)
{
	char *body = NULL;

	question_move(question, STATE_FLYING);
	if (asprintf(&body, "%.*s,\"time\":%lld}", (int)strlen(question->text) - 1, question->text,
		    (long long)time(NULL)) >= 0)
		question->request = request_send(question, body);
	else
		body = NULL;
	free(body);
	if (!question->request)
		question_failed(question, EDGE_HOOK_FAULT, "out of memory");
}

// Nobody wants to know any more: no need to ask.
static bool is_idle(const struct hook_question *question)
{
	return LIST_EMPTY(&question->waiters) && question->hook->last != question;
}

static void queue_start(struct hook *hook)
{
	struct hook_question *question;

	while (hook->counters->hook_flying < HOOK_FLYING_MAX &&
		(question = TAILQ_FIRST(&hook->lists[STATE_QUEUED])) != NULL) {
		if (is_idle(question))
			question_free(question);
		else
			question_fly(question);
	}
}

static bool overflow(struct hook *hook, struct hook_verdict *verdict)
{
	hook->counters->hook[EDGE_HOOK_OVERFLOW]++;
	verdict_missing(hook, verdict);
	return true;
}

static bool tell(struct hook_question *question, struct hook_verdict *verdict)
{
	question->hook->counters->hook[EDGE_HOOK_CACHED] += question->told;
	question->told = true;
	*verdict = question->verdict;
	return true;
}

bool hook_ask(struct hook *hook, const char *text, struct hook_verdict *verdict, uint64_t now_ms)
{
	struct hook_question *question = question_find(hook, text);

	if (question && question->state == STATE_ANSWERED && now_ms < question->forget_ms)
		return tell(question, verdict);
	if (question && question->state == STATE_ANSWERED && !question->telling) {
		question_free(question);
		question = NULL;
	}
	if (!question && hook->counters->hook_waiting >= HOOK_WAITING_MAX)
		return overflow(hook, verdict);
	if (!question)
		question = question_make(hook, text, now_ms);
	if (!question)
		return overflow(hook, verdict);
	hook->last = question;
	queue_start(hook);
	if (question->state == STATE_ANSWERED)
		return tell(question, verdict);
	return false;
}

void hook_wait(struct hook *hook, struct hook_waiter *waiter)
{
	hook_forget(waiter);
	if (!hook->last)
		return;
	LIST_INSERT_HEAD(&hook->last->waiters, waiter, of_question);
	waiter->waits = true;
	hook->last = NULL;
}

void hook_forget(struct hook_waiter *waiter)
{
	if (waiter->waits)
		LIST_REMOVE(waiter, of_question);
	waiter->waits = false;
}

static void list_expire(struct hook *hook, enum state state, uint64_t now_ms)
{
	struct hook_question *question;

	while ((question = TAILQ_FIRST(&hook->lists[state])) != NULL &&
		now_ms >= question->asked_ms + hook->timeout_ms)
		question_failed(question, EDGE_HOOK_TIMEOUT, "not in time (admission.timeout)");
}

void hook_tick(struct hook *hook, uint64_t now_ms)
{
	struct hook_question *question, *next;

	hook->last = NULL;
	list_expire(hook, STATE_FLYING, now_ms);
	list_expire(hook, STATE_QUEUED, now_ms);
	for (question = TAILQ_FIRST(&hook->lists[STATE_ANSWERED]); question; question = next) {
		next = TAILQ_NEXT(question, in_state);
		if (now_ms >= question->forget_ms)
			question_free(question);
	}
	queue_start(hook);
}

// ---- life

struct hook *hook_create(
	struct client *client, const struct hook_options *options, struct edge_counters *counters)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (!hook)
		return NULL;
	for (unsigned i = 0; i < 3; i++)
		TAILQ_INIT(&hook->lists[i]);
	hook->client = client;
	hook->counters = counters;
	hook->timeout_ms = options->timeout_ms;
	hook->open = options->open;
	hook->url = strdup(options->url);
	hook->secret = strdup(options->secret);
	if (hook->url && hook->secret)
		return hook;
	hook_destroy(hook);
	return NULL;
}

void hook_destroy(struct hook *hook)
{
	if (!hook)
		return;
	for (unsigned i = 0; i < 3; i++)
		while (!TAILQ_EMPTY(&hook->lists[i])) {
			struct hook_question *question = TAILQ_FIRST(&hook->lists[i]);

			while (!LIST_EMPTY(&question->waiters))
				hook_forget(LIST_FIRST(&question->waiters));
			question_free(question);
		}
	if (hook->secret)
		explicit_bzero(hook->secret, strlen(hook->secret));
	free(hook->secret);
	free(hook->url);
	free(hook);
}

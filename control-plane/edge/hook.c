// SPDX-License-Identifier: Apache-2.0
#include "hook.h"

#include "base64url.h"
#include "hook_reply.h"
#include "log.h"
#include "poller.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BUCKETS = 1024,
	ADDRESSES_MAX = 4,
	LOG_EVERY_MS = 10000,
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
	struct poller_entry entry; // while it is flying
	char *request, *reply;
	size_t request_length, sent, received;
	char text[];
};

TAILQ_HEAD(question_list, hook_question);

struct hook {
	struct poller *poller;
	struct edge_counters *counters;
	char *url, *secret;
	struct hook_address address;
	bool open;
	uint64_t timeout_ms, logged_ms;
	unsigned addresses_used, address_next;
	uint32_t answers;
	struct {
		struct sockaddr_storage socket;
		socklen_t length;
	} addresses[ADDRESSES_MAX];
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

static void connection_end(struct hook_question *question)
{
	if (question->entry.fd >= 0) {
		poller_forget(question->hook->poller, &question->entry);
		close(question->entry.fd);
	}
	free(question->request);
	free(question->reply);
	question->request = question->reply = NULL;
	question->entry.fd = -1;
}

static void question_free(struct hook_question *question)
{
	struct hook *hook = question->hook;

	connection_end(question);
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
	question->entry.fd = -1;
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

	connection_end(question);
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
		log_warn("admission.url: %s:%s: no answer: %s; admission.fail: %s",
			hook->address.host, hook->address.port, what,
			hook->open ? "open, so everybody is let in"
				   : "closed, so nobody is let in");
	}
	verdict_missing(hook, &question->verdict);
	question_answered(question);
}

static void reply_take(struct hook_question *question)
{
	struct hook *hook = question->hook;
	const char *fault = hook_reply_read(
		question->reply, question->received, loop_now_ms(), &question->verdict);

	if (fault) {
		question_failed(question, EDGE_HOOK_FAULT, fault);
		return;
	}
	hook->counters->hook[question->verdict.allowed ? EDGE_HOOK_ALLOWED : EDGE_HOOK_DENIED]++;
	question_answered(question);
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

static bool request_print(struct hook_question *question)
{
	const struct hook *hook = question->hook;
	char signature[SIGNATURE_TEXT_MAX] = "", *body = NULL;
	bool six = strchr(hook->address.host, ':') != NULL;
	int length;

	// HTTP/1.0: the reply comes neither in chunks nor on a connection that stays
	if (asprintf(&body, "%.*s,\"time\":%lld}", (int)strlen(question->text) - 1, question->text,
		    (long long)time(NULL)) < 0)
		return false;
	if (*hook->secret)
		signature_print(hook, body, signature, sizeof(signature));
	length = asprintf(&question->request,
		"POST %s HTTP/1.0\r\nHost: %s%s%s:%s\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n%s%s%sUser-Agent: sluice\r\n\r\n%s",
		*hook->address.path ? hook->address.path : "/", six ? "[" : "", hook->address.host,
		six ? "]" : "", hook->address.port, strlen(body),
		*signature ? "X-Sluice-Signature: " : "", signature, *signature ? "\r\n" : "",
		body);
	free(body);
	if (length < 0)
		question->request = NULL;
	question->request_length = length < 0 ? 0 : (size_t)length;
	return length >= 0;
}

static void request_send(struct hook_question *question)
{
	ssize_t sent = send(question->entry.fd, question->request + question->sent,
		question->request_length - question->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
		question->hook->address_next++;
		question_failed(question, EDGE_HOOK_FAULT, strerror(errno));
		return;
	}
	question->sent += sent > 0 ? (size_t)sent : 0;
	if (question->sent == question->request_length)
		poller_watch(question->hook->poller, &question->entry, EPOLLIN);
}

// Returns false when there is no more to read now.
static bool reply_receive(struct hook_question *question)
{
	size_t room = HOOK_REPLY_BYTES_MAX - question->received;
	ssize_t got =
		recv(question->entry.fd, question->reply + question->received, room, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0) {
		question->hook->address_next++;
		question_failed(question, EDGE_HOOK_FAULT, strerror(errno));
		return false;
	}
	question->received += (size_t)got;
	if (question->received == HOOK_REPLY_BYTES_MAX)
		question_failed(question, EDGE_HOOK_FAULT, "it is too long");
	else if (!got || hook_reply_whole(question->reply, question->received))
		reply_take(question);
	return question->state == STATE_FLYING;
}

static void queue_start(struct hook *hook);

static void socket_ready(void *context, uint32_t events)
{
	struct hook_question *question = context;
	struct hook *hook = question->hook;

	if (question->sent < question->request_length)
		request_send(question);
	while (question->state == STATE_FLYING && events & ~(uint32_t)EPOLLOUT &&
		reply_receive(question))
		;
	queue_start(hook);
}

static void question_fly(struct hook_question *question)
{
	struct hook *hook = question->hook;
	unsigned i = hook->address_next % hook->addresses_used;
	const struct sockaddr *address = (const struct sockaddr *)&hook->addresses[i].socket;

	question_move(question, STATE_FLYING);
	question->entry.fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	question->entry.ready = socket_ready;
	question->entry.context = question;
	question->reply = malloc(HOOK_REPLY_BYTES_MAX + 1);
	if (question->entry.fd >= 0 && question->reply && request_print(question) &&
		(!connect(question->entry.fd, address, hook->addresses[i].length) ||
			errno == EINPROGRESS) &&
		!poller_watch(hook->poller, &question->entry, EPOLLIN | EPOLLOUT))
		return;
	hook->address_next++;
	question_failed(question, EDGE_HOOK_FAULT, strerror(errno));
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

static bool resolve(struct hook *hook, char *why, size_t why_size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int error = getaddrinfo(hook->address.host, hook->address.port, &hints, &found);

	if (error)
		snprintf(why, why_size, "admission.url: %s: %s", hook->address.host,
			gai_strerror(error));
	for (struct addrinfo *one = found; one && hook->addresses_used < ADDRESSES_MAX;
		one = one->ai_next) {
		memcpy(&hook->addresses[hook->addresses_used].socket, one->ai_addr,
			one->ai_addrlen);
		hook->addresses[hook->addresses_used++].length = one->ai_addrlen;
	}
	freeaddrinfo(found);
	return hook->addresses_used > 0;
}

struct hook *hook_create(struct loop *loop, const struct hook_options *options,
	struct edge_counters *counters, char *why, size_t why_size)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	snprintf(why, why_size, "out of memory");
	if (!hook)
		return NULL;
	for (unsigned i = 0; i < 3; i++)
		TAILQ_INIT(&hook->lists[i]);
	hook->poller = poller_create(loop);
	hook->counters = counters;
	hook->timeout_ms = options->timeout_ms;
	hook->open = options->open;
	hook->url = strdup(options->url);
	hook->secret = strdup(options->secret);
	if (hook->url && hook->secret && hook->poller) {
		if (!hook_address_parse(hook->url, &hook->address))
			snprintf(why, why_size,
				"admission.url: %s: must be http://HOST[:PORT]/PATH", hook->url);
		else if (resolve(hook, why, why_size))
			return hook;
	}
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
	poller_destroy(hook->poller);
	free(hook->secret);
	free(hook->url);
	free(hook);
}

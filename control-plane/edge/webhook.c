// SPDX-License-Identifier: Apache-2.0
#include "webhook.h"

#include "log.h"
#include "webhook_body.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

struct job {
	STAILQ_ENTRY(job) next;
	uint64_t queued_ms;
	size_t length;
	char *body;
};

// The events of one room for one receiver: the first is under way or due, the others wait for it.
struct lane {
	TAILQ_ENTRY(lane) of_hook;
	struct hook *hook;
	char room[CORE_NAME_MAX];
	STAILQ_HEAD(, job) jobs;
	struct client_request *request; // of the first job, or NULL
	unsigned failures; // of the first job
	uint64_t due_ms; // when it is tried
};

struct hook {
	struct webhooks *webhooks;
	const struct config_webhook *config;
	TAILQ_HEAD(, lane) lanes;
	uint32_t waiting, in_flight, dropped; // dropped: since the last that was queued
};

struct webhooks {
	const struct config *config;
	struct client *client;
	struct loop_timer *timer;
	struct edge_counters *counters;
	bool hurried;
	struct hook hooks[CONFIG_WEBHOOKS_MAX];
};

static void count(struct hook *hook, enum edge_webhook_result result)
{
	hook->webhooks->counters->webhooks[result]++;
}

// ---- jobs and lanes

static void job_free(struct job *job)
{
	free(job->body);
	free(job);
}

static struct lane *lane_find(struct hook *hook, const char *room)
{
	struct lane *lane;

	TAILQ_FOREACH (lane, &hook->lanes, of_hook)
		if (!strcmp(lane->room, room))
			return lane;
	return NULL;
}

static struct lane *lane_open(struct hook *hook, const char *room)
{
	struct lane *lane = lane_find(hook, room);

	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->hook = hook;
	snprintf(lane->room, sizeof(lane->room), "%s", room);
	STAILQ_INIT(&lane->jobs);
	TAILQ_INSERT_TAIL(&hook->lanes, lane, of_hook);
	return lane;
}

static void lane_close(struct lane *lane)
{
	TAILQ_REMOVE(&lane->hook->lanes, lane, of_hook);
	free(lane);
}

// Takes the first job off, and the lane away when that was the last.
static void lane_advance(struct lane *lane)
{
	struct job *job = STAILQ_FIRST(&lane->jobs);

	STAILQ_REMOVE_HEAD(&lane->jobs, next);
	job_free(job);
	lane->hook->waiting--;
	lane->hook->webhooks->counters->webhooks_waiting--;
	lane->failures = 0;
	lane->due_ms = 0;
	if (STAILQ_EMPTY(&lane->jobs))
		lane_close(lane);
}

// ---- deliveries

static void run_soon(struct webhooks *webhooks, uint64_t in_ms)
{
	loop_timer_set(webhooks->timer, in_ms ? in_ms : 1, 0);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t backoff_ms(unsigned failures)
{
	uint64_t ms = WEBHOOK_BACKOFF_MS;

	while (--failures && ms < WEBHOOK_BACKOFF_MAX_MS)
		ms *= 2;
	return ms < WEBHOOK_BACKOFF_MAX_MS ? ms : WEBHOOK_BACKOFF_MAX_MS;
}

// What another try may mend: no answer, an answer of a proxy or a server in trouble, or "too many requests".
static bool may_mend(int status)
{
	return !status || status >= 500 || status == 429 || status == 408;
}

// Of the address only the host is said: the rest may hold a password.
static const char *host_of(const char *url, int *length)
{
	const char *host = strstr(url, "://") + 3;
	size_t whole = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', whole);

	*length = (int)(at ? whole - (size_t)(at + 1 - host) : whole);
	return at ? at + 1 : host;
}

// `asked_ms`: how long the receiver wants us to wait.
static void failed(struct lane *lane, int status, const char *why, uint64_t asked_ms)
{
	struct hook *hook = lane->hook;
	int length;
	const char *host = host_of(hook->config->url, &length);
	const struct job *job = STAILQ_FIRST(&lane->jobs);
	uint64_t now_ms = loop_now_ms(), wait_ms = backoff_ms(++lane->failures);
	bool again;

	wait_ms = later(wait_ms, sooner(asked_ms, WEBHOOK_BACKOFF_MAX_MS));
	again = may_mend(status) && !hook->webhooks->hurried &&
		now_ms + wait_ms - job->queued_ms < WEBHOOK_AGE_MS;
	log_about(LOG_LEVEL_WARN, LOG_OF(.subsystem = "webhook"),
		"%.*s does not take an event: status %d%s%s: %s", length, host, status,
		why && *why ? ", " : "", why ? why : "", again ? "it is tried again" : "given up");
	if (again) {
		count(hook, EDGE_WEBHOOK_RETRIED);
		lane->due_ms = now_ms + wait_ms;
		return;
	}
	count(hook, may_mend(status) ? EDGE_WEBHOOK_GAVE_UP : EDGE_WEBHOOK_REFUSED);
	lane_advance(lane);
}

static void answered(void *context, const struct client_reply *reply)
{
	struct lane *lane = context;
	struct hook *hook = lane->hook;

	lane->request = NULL;
	hook->in_flight--;
	// another room's turn comes first
	TAILQ_REMOVE(&hook->lanes, lane, of_hook);
	TAILQ_INSERT_TAIL(&hook->lanes, lane, of_hook);
	if (reply->status >= 200 && reply->status < 300) {
		count(hook, EDGE_WEBHOOK_DELIVERED);
		lane_advance(lane);
	} else {
		failed(lane, reply->status, reply->why, client_reply_retry_s(reply) * 1000);
	}
	run_soon(hook->webhooks, 0);
}

// Returns false when it cannot even be asked; the lane may be gone then.
static bool lane_send(struct lane *lane)
{
	static const char type[] = "Content-Type: application/webhook+json";
	struct hook *hook = lane->hook;
	const struct job *job = STAILQ_FIRST(&lane->jobs);
	// looked up each time: keys may be read again
	const char *secret = config_webhook_secret(hook->webhooks->config, hook->config);
	char token[WEBHOOK_TOKEN_MAX], authorization[WEBHOOK_TOKEN_MAX + 32];
	const char *const headers[] = {type, authorization, NULL};
	const struct client_ask ask = {.method = "POST",
		.url = hook->config->url,
		.headers = headers,
		.body = job->body,
		.body_bytes = job->length,
		.timeout_ms = hook->webhooks->hurried ? WEBHOOK_LAST_CHANCE_MS : WEBHOOK_ATTEMPT_MS,
		.reply_bytes_max = 4096};

	if (secret && !webhook_sign(hook->config->key, secret, job->body, job->length, time(NULL),
			      token)) {
		snprintf(authorization, sizeof(authorization), "Authorization: %s", token);
		lane->request = client_send(hook->webhooks->client, &ask, answered, lane);
	}
	explicit_bzero(token, sizeof(token));
	explicit_bzero(authorization, sizeof(authorization));
	if (!lane->request) {
		failed(lane, 0, secret ? "out of memory" : "its key is no longer in auth.keys", 0);
		return false;
	}
	hook->in_flight++;
	return true;
}

// Sends what is due. Returns in how many milliseconds more is, UINT64_MAX for when an answer comes.
static uint64_t hook_run(struct hook *hook, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;
	struct lane *lane, *after;

	for (lane = TAILQ_FIRST(&hook->lanes); lane; lane = after) {
		after = TAILQ_NEXT(lane, of_hook); // a lane may end in here
		if (lane->request || hook->in_flight >= WEBHOOK_IN_FLIGHT_MAX)
			continue;
		if (lane->due_ms > now_ms && !hook->webhooks->hurried)
			next_ms = sooner(next_ms, lane->due_ms - now_ms);
		else if (!lane_send(lane))
			next_ms = sooner(next_ms, WEBHOOK_BACKOFF_MS);
	}
	return next_ms;
}

static void run(void *context)
{
	struct webhooks *webhooks = context;
	uint64_t now_ms = loop_now_ms(), next_ms = UINT64_MAX;

	for (uint32_t i = 0; i < webhooks->config->webhooks_used; i++) {
		next_ms = sooner(next_ms, hook_run(&webhooks->hooks[i], now_ms));
	}
	if (next_ms != UINT64_MAX)
		run_soon(webhooks, next_ms);
}

// ---- what is told

static bool wants(const struct config_webhook *config, enum config_webhook_event event)
{
	for (uint32_t i = 0; i < config->events_used; i++)
		if (config->events[i] == event)
			return true;
	return !config->events_used;
}

// Returns false when memory is short.
static bool job_queue(struct hook *hook, const struct announcement *announcement)
{
	struct job *job = calloc(1, sizeof(*job));
	char *body = webhook_body(announcement, hook->dropped);
	struct lane *lane = job && body ? lane_open(hook, announcement->room) : NULL;

	if (!lane) {
		free(job);
		free(body);
		return false;
	}
	*job = (struct job){.queued_ms = loop_now_ms(), .length = strlen(body), .body = body};
	STAILQ_INSERT_TAIL(&lane->jobs, job, next);
	hook->dropped = 0;
	hook->waiting++;
	hook->webhooks->counters->webhooks_waiting++;
	return true;
}

void webhooks_tell(void *context, const struct announcement *announcement)
{
	struct webhooks *webhooks = context;

	for (uint32_t i = 0; i < webhooks->config->webhooks_used; i++) {
		struct hook *hook = &webhooks->hooks[i];

		if (!wants(hook->config, announcement->event))
			continue;
		if (hook->waiting >= WEBHOOK_QUEUE_MAX || !job_queue(hook, announcement)) {
			hook->dropped++;
			count(hook, EDGE_WEBHOOK_DROPPED);
			continue;
		}
		run_soon(webhooks, 0);
	}
}

// ---- life

struct webhooks *webhooks_create(const struct config *config, struct client *client,
	struct loop *loop, struct edge_counters *counters)
{
	struct webhooks *webhooks = calloc(1, sizeof(*webhooks));

	if (!webhooks)
		return NULL;
	webhooks->config = config;
	webhooks->client = client;
	webhooks->counters = counters;
	webhooks->timer = loop_timer_create(loop, run, webhooks);
	for (uint32_t i = 0; i < config->webhooks_used; i++) {
		struct hook *hook = &webhooks->hooks[i];

		hook->webhooks = webhooks;
		hook->config = &config->webhooks[i];
		TAILQ_INIT(&hook->lanes);
	}
	if (webhooks->timer)
		return webhooks;
	free(webhooks);
	return NULL;
}

static void lane_drop(struct lane *lane)
{
	struct job *job;

	if (lane->request)
		client_cancel(lane->request);
	while ((job = STAILQ_FIRST(&lane->jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&lane->jobs, next);
		count(lane->hook, EDGE_WEBHOOK_GAVE_UP);
		job_free(job);
	}
	lane_close(lane);
}

void webhooks_destroy(struct webhooks *webhooks)
{
	uint32_t waiting = 0;

	if (!webhooks)
		return;
	for (uint32_t i = 0; i < webhooks->config->webhooks_used; i++) {
		struct hook *hook = &webhooks->hooks[i];

		waiting += hook->waiting;
		while (!TAILQ_EMPTY(&hook->lanes))
			lane_drop(TAILQ_FIRST(&hook->lanes));
	}
	if (waiting)
		log_warn("%u events were not delivered", waiting);
	webhooks->counters->webhooks_waiting = 0;
	loop_timer_destroy(webhooks->timer);
	free(webhooks);
}

void webhooks_hurry(struct webhooks *webhooks)
{
	webhooks->hurried = true;
	run(webhooks);
}

bool webhooks_busy(const struct webhooks *webhooks)
{
	for (uint32_t i = 0; i < webhooks->config->webhooks_used; i++)
		if (webhooks->hooks[i].waiting)
			return true;
	return false;
}

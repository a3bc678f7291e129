// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "client.h"
#include "crew.h"
#include "mark.h"
#include "signaling.h"
#include "token.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
	LOOK_MS = 20,
	ATTEMPTS = 3, // at a load where the tester was the bottleneck
	SETTLE_MS = 1500, // connections that only count begin to after a second
	QUIET_MS = 500,
	QUIET_MAX_MS = 5000,
	DRAIN_MS = 1000,
	LEAVE_MS = 500,
	SPARE_DESCRIPTORS = 64,
};

static const uint64_t second_ns = 1000000000, millisecond_ns = 1000000;

struct crew {
	const struct options *options;
	struct shared shared;
	struct worker *workers[OPTIONS_THREADS_MAX];
	struct tally tally; // sum, refreshed by crew_look
	uint64_t begun_ns, said_ns;
	uint64_t sent_said, received_said;
	struct mark start, ready; // before anybody joined; when all had
	struct result *result;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int)
{
	interrupted = 1;
}

// ---- progress

static void crew_look(struct crew *crew)
{
	memset(&crew->tally, 0, sizeof(crew->tally));
	for (uint32_t i = 0; i < crew->options->threads; i++)
		tally_sum(&crew->tally, &crew->workers[i]->tally);
}

static void crew_say(struct crew *crew, uint64_t now_ns)
{
	static const char *const names[] = {
		"publish", "subscribe", "pause", "steady", "drain", "leave", "end"};
	const struct tally *tally = &crew->tally;
	double seconds = (double)(now_ns - crew->said_ns) / (double)second_ns;
	uint64_t received = tally->received_packets + tally->counted_packets;

	if (crew->options->quiet || now_ns < crew->said_ns + second_ns)
		return;
	fprintf(stderr,
		"%4" PRIu64 " s %-9s joined %" PRIu64 " failed %" PRIu64
		" sent/s %.0f received/s %.0f undecryptable %" PRIu64 " duplicates %" PRIu64 "\n",
		(now_ns - crew->begun_ns) / second_ns, names[shared_phase(&crew->shared)],
		tally->publishers_joined + tally->subscribers_joined,
		(uint64_t)tally->clients_failed,
		(double)(tally->sent_packets - crew->sent_said) / seconds,
		(double)(received - crew->received_said) / seconds, (uint64_t)tally->decrypt_failed,
		(uint64_t)tally->duplicates);
	crew->said_ns = now_ns;
	crew->sent_said = tally->sent_packets;
	crew->received_said = received;
}

// ---- phases

// Begins a phase, and waits until all threads act upon it: what they have counted is then up to date.
static void phase_begin(struct crew *crew, enum phase phase)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned phases = atomic_load(&crew->shared.phases) + 1;

	atomic_store(&crew->shared.phase_begun_ns, clock_ns());
	atomic_store_explicit(&crew->shared.phase, phase, memory_order_release);
	atomic_store(&crew->shared.phases, phases);
	for (uint32_t i = 0; i < crew->options->threads; i++)
		while (crew->workers[i]->running && atomic_load(&crew->workers[i]->phases) < phases)
			nanosleep(&pause, NULL);
}

// Waits until `settled` clients have joined or failed, or for `limit_ns`, or until we are interrupted.
static void phase_wait(struct crew *crew, uint64_t settled, uint64_t limit_ns)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	uint64_t now_ns = clock_ns(),
		 end_ns = limit_ns == UINT64_MAX ? limit_ns : now_ns + limit_ns;
	bool stops = shared_phase(&crew->shared) < PHASE_DRAIN;

	while (now_ns < end_ns && !(stops && interrupted)) {
		crew_look(crew);
		crew_say(crew, now_ns);
		if (crew->tally.publishers_joined + crew->tally.subscribers_joined +
				crew->tally.clients_failed >=
			settled)
			return;
		nanosleep(&pause, NULL);
		now_ns = clock_ns();
	}
}

// ---- steps

static void crew_mark(struct crew *crew, struct mark *mark)
{
	mark_take(mark, &crew->shared, crew->workers);
}

static void histograms_gather(struct crew *crew, unsigned step)
{
	for (uint32_t i = 0; i < crew->options->threads; i++) {
		histogram_merge(
			&crew->result->steps[step].latency, &crew->workers[i]->latency[step]);
		histogram_merge(&crew->result->steps[step].lag, &crew->workers[i]->lag[step]);
	}
}

static void receivers_count(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->options->threads; i++)
		for (uint32_t j = 0; j < crew->workers[i]->clients_used; j++) {
			const struct client *client = &crew->workers[i]->clients[j];

			for (uint32_t k = 0; k < client->connections_used; k++)
				if (!client->publishes && client->connections[k].up_ns)
					client->connections[k].board->receivers++;
		}
}

// Waits until nothing arrives any more, but not for ever: a relay may have queued seconds of media.
static void quiet_wait(struct crew *crew)
{
	uint64_t received = UINT64_MAX, limit_ns = clock_ns() + QUIET_MAX_MS * millisecond_ns;

	do {
		received = crew->tally.received_packets + crew->tally.counted_packets;
		phase_wait(crew, UINT64_MAX, QUIET_MS * millisecond_ns);
	} while (received != crew->tally.received_packets + crew->tally.counted_packets &&
		 clock_ns() < limit_ns && !interrupted);
}

// For another attempt; nothing arrives now, so nobody writes to the histograms.
static void step_forget(struct crew *crew, unsigned step)
{
	crew->result->steps[step] = (struct step){0};
	for (uint32_t i = 0; i < crew->options->threads; i++) {
		crew->workers[i]->latency[step] = (struct histogram){0};
		crew->workers[i]->lag[step] = (struct histogram){0};
	}
}

static void step_say(const struct crew *crew, const struct step *step)
{
	static const char *const verdicts[] = {"passed", "failed", "invalid"};

	if (!crew->options->quiet)
		fprintf(stderr, "       load %.0f/s: lost %.4f %%, p50 %.2f ms, p99 %.2f ms: %s\n",
			step_offered(step), step_loss(step) * 100,
			(double)histogram_quantile(&step->latency, 0.5) / 1e6,
			(double)histogram_quantile(&step->latency, 0.99) / 1e6,
			verdicts[step_judge(step)]);
}

static uint64_t interval_for(const struct options *options, unsigned step)
{
	uint64_t receivers =
		(uint64_t)options->rooms * options->subscribers * options->subscribe_to;

	return receivers * second_ns / options->loads[step];
}

// Holds one load after all is quiet, and waits until all is quiet again.
static void step_run(struct crew *crew, unsigned i, struct mark *begin)
{
	static struct mark end, rest;
	struct step *step = &crew->result->steps[i];

	step->asked = crew->options->loads[i];
	atomic_store(&crew->shared.interval_ns, interval_for(crew->options, i));
	atomic_store(&crew->shared.step, i);
	phase_begin(crew, PHASE_STEADY);
	phase_wait(crew, UINT64_MAX, (uint64_t)(crew->options->duration_s * (double)second_ns));
	phase_begin(crew, PHASE_PAUSE);
	crew_mark(crew, &end);
	quiet_wait(crew);
	crew_mark(crew, &rest);
	histograms_gather(crew, i);
	mark_compare(&crew->shared, begin, &end, &rest, step);
	crew->result->relay = end.relay;
	process_difference(&begin->relay, &crew->result->relay);
	crew->result->steps_used = i + 1;
	step_say(crew, step);
	*begin = rest;
}

// What kept the tester from its work may have been somebody else, and be over: it tries again.
static enum step_verdict step_attempt(struct crew *crew, unsigned i, struct mark *begin)
{
	enum step_verdict verdict = STEP_INVALID;

	for (unsigned n = 0; n < ATTEMPTS && verdict == STEP_INVALID && !interrupted; n++) {
		step_forget(crew, i);
		step_run(crew, i, begin);
		verdict = step_judge(&crew->result->steps[i]);
	}
	return verdict;
}

// Goes on for one step beyond the knee, so that it can be seen, and not where the tester is the limit.
static void steps_run(struct crew *crew)
{
	static struct mark begin;
	unsigned failed = 0;

	phase_begin(crew, PHASE_PAUSE);
	quiet_wait(crew);
	crew_mark(crew, &begin);
	for (unsigned i = 0; i < crew->options->loads_used && failed < 2 && !interrupted; i++) {
		switch (step_attempt(crew, i, &begin)) {
		case STEP_PASSED:
			break;
		case STEP_FAILED:
			failed++;
			break;
		case STEP_INVALID:
			return;
		}
	}
}

static void steady_run(struct crew *crew)
{
	static struct mark begin, end;
	struct result *result = crew->result;

	phase_begin(crew, PHASE_STEADY);
	crew_mark(crew, &begin);
	phase_wait(crew, UINT64_MAX, (uint64_t)(crew->options->duration_s * (double)second_ns));
	phase_begin(crew, PHASE_DRAIN);
	crew_mark(crew, &end);
	histograms_gather(crew, 0);
	mark_compare(&crew->shared, &begin, &end, NULL, &result->steps[0]);
	result->steps_used = 1;
	result->relay = end.relay;
	process_difference(&begin.relay, &result->relay);
}

static void crew_phases(struct crew *crew)
{
	const struct options *options = crew->options;
	uint64_t publishers = (uint64_t)options->rooms * options->publishers;
	uint64_t all = publishers + (uint64_t)options->rooms * options->subscribers;

	phase_wait(crew, publishers, UINT64_MAX);
	phase_begin(crew, PHASE_SUBSCRIBE);
	phase_wait(crew, all, UINT64_MAX);
	crew_mark(crew, &crew->ready);
	if (options->loads_used || options->decrypt_one_in > 1)
		phase_wait(crew, UINT64_MAX, SETTLE_MS * millisecond_ns);
	receivers_count(crew);
	if (options->loads_used)
		steps_run(crew);
	else
		steady_run(crew);
	phase_begin(crew, PHASE_DRAIN);
	phase_wait(crew, UINT64_MAX, DRAIN_MS * millisecond_ns);
	phase_begin(crew, PHASE_LEAVE);
	phase_wait(crew, UINT64_MAX, LEAVE_MS * millisecond_ns);
	phase_begin(crew, PHASE_END);
	for (uint32_t i = 0; i < options->threads; i++)
		worker_join(crew->workers[i]);
}

// ---- what came of it

static void result_sinks(struct result *result, const struct connection *connection)
{
	for (unsigned kind = 0; kind < STAMP_KINDS; kind++) {
		const struct media_sink *sink = &connection->sinks[kind];
		uint64_t expected = numbering_expected(
			&sink->numbering, sink->since, tally_get(&connection->board->sent[kind]));

		if (!sink->track.used || !connection->up_ns)
			continue;
		result->streams++;
		result->streams_silent += !sink->numbering.received && expected > 0;
		result->expected += expected;
		result->received += sink->numbering.received;
	}
	result->received += connection->counted;
}

static void result_worker(struct result *result, const struct worker *worker)
{
	for (unsigned i = 0; i < STAGES; i++)
		histogram_merge(&result->stages[i], &worker->stages[i]);
	for (unsigned i = 0; i < worker->failures_used; i++)
		if (result->failures_used < RESULT_FAILURES_MAX)
			memcpy(result->failures[result->failures_used++], worker->failures[i],
				FAILURE_TEXT_MAX);
	for (uint32_t i = 0; i < worker->clients_used; i++)
		for (uint32_t j = 0; j < worker->clients[i].connections_used; j++)
			result_sinks(result, &worker->clients[i].connections[j]);
}

static void result_joining(struct result *result, const struct crew *crew)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	for (uint32_t i = 0; i < crew->options->threads; i++) {
		const struct worker *worker = crew->workers[i];

		if (worker->first_start_ns && worker->first_start_ns < first_ns)
			first_ns = worker->first_start_ns;
		if (worker->last_join_ns > last_ns)
			last_ns = worker->last_join_ns;
	}
	if (last_ns <= first_ns)
		return;
	result->joining_s = (double)(last_ns - first_ns) / (double)second_ns;
	for (uint32_t i = 0; i < crew->options->threads; i++) {
		double busy = (double)(crew->ready.cpu_ns[i] - crew->start.cpu_ns[i]) /
			      (double)(last_ns - first_ns);

		if (busy > result->joining_busiest_thread)
			result->joining_busiest_thread = busy;
	}
}

// SO_RXQ_OVFL counts datagrams with a wrong checksum too; those are not our fault.
static void result_kernel(struct result *result, const struct crew *crew)
{
	struct saturation_kernel now;
	uint64_t in_sockets = result->tally.socket_overflows;

	saturation_kernel_read(&now);
	result->receive_errors = now.receive_errors - crew->start.kernel.receive_errors;
	result->checksum_errors = now.checksum_errors - crew->start.kernel.checksum_errors;
	result->overflows =
		in_sockets > result->checksum_errors ? in_sockets - result->checksum_errors : 0;
}

static void crew_result(struct crew *crew)
{
	struct result *result = crew->result;

	crew_look(crew);
	result->options = crew->options;
	result->interrupted = interrupted;
	result->srtp = srtp_backend();
	result->tally = crew->tally;
	for (uint32_t i = 0; i < crew->options->threads; i++)
		result_worker(result, crew->workers[i]);
	result->lost =
		result->expected > result->received ? result->expected - result->received : 0;
	result_kernel(result, crew);
	result_split(result);
	result_joining(result, crew);
}

// ---- beginning

static int descriptors_raise(const struct options *options, char *why, size_t why_size)
{
	uint64_t clients = (uint64_t)options->rooms * (options->publishers + options->subscribers);
	uint64_t connections =
		(uint64_t)options->rooms *
		(options->publishers + (uint64_t)options->subscribers * options->subscribe_to);
	uint64_t needed = clients + connections + SPARE_DESCRIPTORS + 4 * options->threads;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= needed)
		return 0;
	limit.rlim_cur = needed;
	if (limit.rlim_max < needed)
		limit.rlim_max = needed;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	snprintf(why, why_size, "%" PRIu64 " descriptors are needed: raise `ulimit -n`", needed);
	return -1;
}

static int client_fill(
	struct crew *crew, bool publishes, uint32_t order, char *why, size_t why_size)
{
	const struct options *options = crew->options;
	uint32_t publishers = options->rooms * options->publishers;
	uint32_t room = order / (publishes ? options->publishers : options->subscribers);
	struct worker *worker = crew->workers[order % options->threads];
	struct client *client = worker_client(worker);
	char token[TOKEN_MAX];

	client->publishes = publishes;
	client->order = order;
	client->user = options->first_user + order + (publishes ? 0 : publishers);
	client->first_publisher = options->first_user + room * options->publishers;
	snprintf(client->room, sizeof(client->room), "%s%" PRIu32, options->room_prefix, room);
	if (options->sources_used)
		client->local = &options->sources[order % options->sources_used];
	if (!options->token_command)
		return 0;
	if (token_fetch(options->token_command, client->user, client->room, token, why, why_size) <
		0)
		return -1;
	client->token = strdup(token);
	return client->token ? 0 : -1;
}

static int clients_fill(struct crew *crew, char *why, size_t why_size)
{
	const struct options *options = crew->options;

	for (uint32_t i = 0; i < options->rooms * options->publishers; i++)
		if (client_fill(crew, true, i, why, why_size))
			return -1;
	for (uint32_t i = 0; i < options->rooms * options->subscribers; i++)
		if (client_fill(crew, false, i, why, why_size))
			return -1;
	return 0;
}

static int workers_open(struct crew *crew, char *why, size_t why_size)
{
	const struct options *options = crew->options;
	uint32_t clients = options->rooms * (options->publishers + options->subscribers);

	for (uint32_t i = 0; i < options->threads; i++) {
		crew->workers[i] = worker_open(&crew->shared, clients / options->threads + 2);
		if (!crew->workers[i]) {
			snprintf(why, why_size, "cannot make thread %" PRIu32 ": out of memory", i);
			return -1;
		}
	}
	return clients_fill(crew, why, why_size);
}

static int crew_open(struct crew *crew, char *why, size_t why_size)
{
	const struct options *options = crew->options;
	struct process_sample *sample = &crew->start.relay;

	crew->shared.options = options;
	crew->shared.signaling = options->janus ? &signaling_janus : &signaling_sfu;
	crew->shared.target.subprotocol = crew->shared.signaling->subprotocol;
	if (descriptors_raise(options, why, why_size) ||
		process_read(options->pids, options->pids_used, sample, why, why_size) ||
		websocket_target_read(&crew->shared.target, options->url, why, why_size) ||
		dtls_context_open(&crew->shared.dtls, options->profile, why, why_size))
		return -1;
	snprintf(why, why_size, "out of memory");
	crew->shared.boards =
		calloc((size_t)options->rooms * options->publishers, sizeof(*crew->shared.boards));
	return crew->shared.boards ? workers_open(crew, why, why_size) : -1;
}

static int crew_start(struct crew *crew, char *why, size_t why_size)
{
	crew->begun_ns = crew->said_ns = clock_ns();
	saturation_kernel_read(&crew->start.kernel);
	crew->result->relay_memory_before_bytes = crew->start.relay.memory_bytes;
	if (crew->options->loads_used)
		atomic_store(&crew->shared.interval_ns, interval_for(crew->options, 0));
	phase_begin(crew, PHASE_PUBLISH);
	for (uint32_t i = 0; i < crew->options->threads; i++) {
		int error = worker_start(crew->workers[i]);

		if (!error)
			continue;
		snprintf(why, why_size, "cannot start thread %" PRIu32 ": %s", i, strerror(-error));
		phase_begin(crew, PHASE_END);
		return -1;
	}
	return 0;
}

static void crew_close(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->options->threads && crew->workers[i]; i++) {
		worker_join(crew->workers[i]);
		worker_close(crew->workers[i]);
	}
	dtls_context_close(&crew->shared.dtls);
	free(crew->shared.boards);
	free(crew);
}

int run(const struct options *options, struct result *result, char *why, size_t why_size)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND};
	struct crew *crew = calloc(1, sizeof(*crew));
	int error;

	if (!crew || srtp_library_init()) {
		snprintf(why, why_size, "out of memory, or libsrtp2 does not start");
		free(crew);
		return -1;
	}
	crew->options = options;
	crew->result = result;
	memset(result, 0, sizeof(*result));
	if (options->portable_srtp)
		srtp_backend_choose(SRTP_CHOICE_LIBSRTP);
	sigaction(SIGINT, &action, NULL);
	error = crew_open(crew, why, why_size);
	if (!error)
		error = crew_start(crew, why, why_size);
	if (!error) {
		crew_phases(crew);
		crew_result(crew);
	}
	crew_close(crew);
	srtp_library_exit();
	return error;
}

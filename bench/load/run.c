// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "client.h"
#include "crew.h"
#include "signaling.h"
#include "token.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LOOK_MS = 20, DRAIN_MS = 1000, LEAVE_MS = 500, SPARE_DESCRIPTORS = 64 };

static const uint64_t second_ns = 1000000000, millisecond_ns = 1000000;

struct mark { // what is compared between the ends of the steady phase
	uint64_t at_ns;
	struct tally tally;
	uint64_t cpu_ns[OPTIONS_THREADS_MAX]; // of our threads
	struct process_sample relay;
};

struct crew {
	const struct options *options;
	struct shared shared;
	struct worker *workers[OPTIONS_THREADS_MAX];
	struct tally tally; // sum, refreshed by crew_look
	uint64_t begun_ns, said_ns;
	uint64_t sent_said, received_said;
	struct saturation_kernel kernel; // before
	struct mark begin, end; // of the steady phase
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
		"publish", "subscribe", "steady", "drain", "leave", "end"};
	const struct tally *tally = &crew->tally;
	double seconds = (double)(now_ns - crew->said_ns) / (double)second_ns;

	if (crew->options->quiet || now_ns < crew->said_ns + second_ns)
		return;
	fprintf(stderr,
		"%4" PRIu64 " s %-9s joined %" PRIu64 " failed %" PRIu64
		" sent/s %.0f received/s %.0f undecryptable %" PRIu64 " duplicates %" PRIu64 "\n",
		(now_ns - crew->begun_ns) / second_ns, names[shared_phase(&crew->shared)],
		tally->publishers_joined + tally->subscribers_joined,
		(uint64_t)tally->clients_failed,
		(double)(tally->sent_packets - crew->sent_said) / seconds,
		(double)(tally->received_packets - crew->received_said) / seconds,
		(uint64_t)tally->decrypt_failed, (uint64_t)tally->duplicates);
	crew->said_ns = now_ns;
	crew->sent_said = tally->sent_packets;
	crew->received_said = tally->received_packets;
}

// ---- phases

static void phase_begin(struct crew *crew, enum phase phase)
{
	atomic_store(&crew->shared.phase_begun_ns, clock_ns());
	atomic_store_explicit(&crew->shared.phase, phase, memory_order_release);
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

static uint64_t thread_cpu_ns(pthread_t thread)
{
	struct timespec time = {0};
	clockid_t clock;

	if (!pthread_getcpuclockid(thread, &clock))
		clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * second_ns + (uint64_t)time.tv_nsec;
}

static void mark_take(struct crew *crew, struct mark *mark)
{
	char why[64];

	crew_look(crew);
	mark->at_ns = clock_ns();
	mark->tally = crew->tally;
	for (uint32_t i = 0; i < crew->options->threads; i++)
		mark->cpu_ns[i] = thread_cpu_ns(crew->workers[i]->thread);
	process_read(crew->options->pids, crew->options->pids_used, &mark->relay, why, sizeof(why));
}

static void crew_phases(struct crew *crew)
{
	const struct options *options = crew->options;
	uint64_t publishers = (uint64_t)options->rooms * options->publishers;
	uint64_t all = publishers + (uint64_t)options->rooms * options->subscribers;

	phase_wait(crew, publishers, UINT64_MAX);
	phase_begin(crew, PHASE_SUBSCRIBE);
	phase_wait(crew, all, UINT64_MAX);
	phase_begin(crew, PHASE_STEADY);
	mark_take(crew, &crew->begin);
	phase_wait(crew, UINT64_MAX, (uint64_t)(options->duration_s * (double)second_ns));
	mark_take(crew, &crew->end);
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
}

static void result_worker(struct result *result, const struct worker *worker)
{
	histogram_merge(&result->latency, &worker->latency);
	histogram_merge(&result->lag, &worker->lag);
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
	if (last_ns > first_ns)
		result->joining_s = (double)(last_ns - first_ns) / (double)second_ns;
}

static void result_steady(struct result *result, const struct crew *crew)
{
	const struct mark *begin = &crew->begin, *end = &crew->end;
	double steady_ns = (double)(end->at_ns - begin->at_ns);

	result->steady_s = steady_ns / (double)second_ns;
	result->steady_sent = end->tally.sent_packets - begin->tally.sent_packets;
	result->steady_received = end->tally.received_packets - begin->tally.received_packets;
	result->relay = end->relay;
	result->relay_cpu_ns = process_difference(&begin->relay, &result->relay);
	for (uint32_t i = 0; i < crew->options->threads; i++) {
		double used_ns = (double)(end->cpu_ns[i] - begin->cpu_ns[i]);

		result->tester_cpu_s += used_ns / (double)second_ns;
		if (steady_ns > 0 && used_ns / steady_ns > result->busiest_thread)
			result->busiest_thread = used_ns / steady_ns;
	}
}

// SO_RXQ_OVFL counts datagrams with a wrong checksum too; those are not our fault.
static void result_kernel(struct result *result, const struct crew *crew)
{
	struct saturation_kernel now;
	uint64_t in_sockets = result->tally.socket_overflows;

	saturation_kernel_read(&now);
	result->receive_errors = now.receive_errors - crew->kernel.receive_errors;
	result->checksum_errors = now.checksum_errors - crew->kernel.checksum_errors;
	result->overflows =
		in_sockets > result->checksum_errors ? in_sockets - result->checksum_errors : 0;
}

static void result_judge(struct result *result)
{
	const struct saturation_facts facts = {
		.lag_p99_ns = histogram_quantile(&result->lag, 0.99),
		.busiest_thread = result->busiest_thread,
		.socket_overflows = result->overflows,
		.receive_errors = result->receive_errors,
		.send_dropped = result->tally.send_dropped,
	};

	saturation_judge(&facts, &result->saturation);
}

static void crew_result(struct crew *crew, struct result *result)
{
	memset(result, 0, sizeof(*result));
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
	result_steady(result, crew);
	result_judge(result);
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
	struct process_sample *sample = &crew->begin.relay;

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
	saturation_kernel_read(&crew->kernel);
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
	if (options->portable_srtp)
		srtp_backend_choose(SRTP_CHOICE_LIBSRTP);
	sigaction(SIGINT, &action, NULL);
	error = crew_open(crew, why, why_size);
	if (!error)
		error = crew_start(crew, why, why_size);
	if (!error) {
		crew_phases(crew);
		crew_result(crew, result);
	}
	crew_close(crew);
	srtp_library_exit();
	return error;
}

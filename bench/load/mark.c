// SPDX-License-Identifier: Apache-2.0
#include "mark.h"

#include "cores.h"

#include <string.h>
#include <time.h>

static const double second_ns = 1e9;

static uint64_t thread_cpu_ns(pthread_t thread)
{
	struct timespec time = {0};
	clockid_t clock;

	if (!pthread_getcpuclockid(thread, &clock))
		clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void mark_take(struct mark *mark, const struct shared *shared, struct worker *const *workers)
{
	const struct options *options = shared->options;
	char why[64];

	memset(mark, 0, sizeof(*mark));
	mark->at_ns = clock_ns();
	if (CPU_COUNT(&options->relay_cpus))
		mark->relay_idle_ns = cores_idle_ns(&options->relay_cpus);
	mark->relay_cpu_ns = process_cpu_ns(options->pids, options->pids_used);
	for (uint32_t i = 0; i < options->threads; i++) {
		tally_sum(&mark->tally, &workers[i]->tally);
		mark->cpu_ns[i] = thread_cpu_ns(workers[i]->thread);
	}
	for (uint32_t i = 0; i < options->rooms * options->publishers; i++)
		for (unsigned kind = 0; kind < STAMP_KINDS; kind++)
			mark->expected += tally_get(&shared->boards[i].sent[kind]) *
					  shared->boards[i].receivers;
	saturation_kernel_read(&mark->kernel);
	process_read(options->pids, options->pids_used, &mark->relay, why, sizeof(why));
}

static uint64_t received_by(const struct mark *mark)
{
	return mark->tally.received_packets + mark->tally.counted_packets;
}

static double busy_share(uint64_t idle_ns, double elapsed_ns, int cpus)
{
	double share = 1 - (double)idle_ns / (elapsed_ns * cpus);

	return share > 0 ? share : 0;
}

static void threads_compare(const struct shared *shared, const struct mark *begin,
	const struct mark *end, struct step *step)
{
	for (uint32_t i = 0; i < shared->options->threads; i++) {
		double used_s = (double)(end->cpu_ns[i] - begin->cpu_ns[i]) / second_ns;

		step->tester_cpu_s += used_s;
		if (step->seconds > 0 && used_s / step->seconds > step->busiest_thread)
			step->busiest_thread = used_s / step->seconds;
	}
}

static void tester_judge(const struct mark *begin, const struct mark *rest, struct step *step)
{
	uint64_t checksum_errors = rest->kernel.checksum_errors - begin->kernel.checksum_errors;
	uint64_t overflows = rest->tally.socket_overflows - begin->tally.socket_overflows;
	struct saturation_facts facts = {
		.lag_p99_ns = histogram_quantile(&step->lag, 0.99),
		.busiest_thread = step->busiest_thread,
		.socket_overflows = overflows > checksum_errors ? overflows - checksum_errors : 0,
		.receive_errors = rest->kernel.receive_errors - begin->kernel.receive_errors,
		.input_drops = rest->kernel.input_drops - begin->kernel.input_drops,
		.send_dropped = rest->tally.send_dropped - begin->tally.send_dropped,
	};

	saturation_judge(&facts, &step->saturation);
}

void mark_compare(const struct shared *shared, const struct mark *begin, const struct mark *end,
	const struct mark *rest, struct step *step)
{
	int cpus = CPU_COUNT(&shared->options->relay_cpus);
	double elapsed_ns = (double)(end->at_ns - begin->at_ns);

	step->seconds = elapsed_ns / second_ns;
	step->sent = end->tally.sent_packets - begin->tally.sent_packets;
	step->received_in_time = received_by(end) - received_by(begin);
	if (rest) {
		step->expected = rest->expected - begin->expected;
		step->received = received_by(rest) - received_by(begin);
	}
	step->relay_cpu_ns = end->relay_cpu_ns - begin->relay_cpu_ns;
	if (cpus && elapsed_ns > 0)
		step->relay_busy_ns =
			(uint64_t)(busy_share(end->relay_idle_ns - begin->relay_idle_ns, elapsed_ns,
					   cpus) *
				   elapsed_ns * cpus);
	step->relay_memory_bytes = end->relay.memory_bytes;
	threads_compare(shared, begin, end, step);
	tester_judge(begin, rest ? rest : end, step);
}

// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include "plot.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const stage_names[STAGES] = {
	[STAGE_CONNECT] = "connect",
	[STAGE_AUTHENTICATE] = "authenticate",
	[STAGE_SIGNAL] = "signal",
	[STAGE_ICE] = "ice",
	[STAGE_DTLS] = "dtls",
	[STAGE_JOIN] = "join",
	[STAGE_FIRST_PACKET] = "first_packet",
	[STAGE_FIRST_KEY_FRAME] = "first_key_frame",
};

static const char *const verdicts[] = {
	[STEP_PASSED] = "passed", [STEP_FAILED] = "failed", [STEP_INVALID] = "invalid"};

static const char *profile_name(enum sluice_srtp_profile profile)
{
	switch (profile) {
	case SLUICE_SRTP_AEAD_AES_128_GCM:
		return "gcm128";
	case SLUICE_SRTP_AEAD_AES_256_GCM:
		return "gcm256";
	default:
		return "cm";
	}
}

static double per(double count, double seconds)
{
	return seconds > 0 ? count / seconds : 0;
}

static uint64_t joined(const struct result *result)
{
	return result->tally.publishers_joined + result->tally.subscribers_joined;
}

static double packets_per_cpu_second(const struct step *step)
{
	return per((double)step->received_in_time, (double)step->relay_cpu_ns / 1e9);
}

static double packets_per_busy_second(const struct step *step)
{
	return per((double)step->received_in_time, (double)step->relay_busy_ns / 1e9);
}

// ---- the table

static void row_head(FILE *out, const char *title)
{
	fprintf(out, "\n%-28s %10s %10s %10s %10s\n", title, "p50", "p99", "p99.9", "max");
}

static void row_times(FILE *out, const char *name, const struct histogram *histogram)
{
	if (!histogram->count)
		return;
	fprintf(out, "  %-26s %10.3f %10.3f %10.3f %10.3f\n", name,
		(double)histogram_quantile(histogram, 0.5) / 1e6,
		(double)histogram_quantile(histogram, 0.99) / 1e6,
		(double)histogram_quantile(histogram, 0.999) / 1e6,
		(double)histogram->max_ns / 1e6);
}

static void row_count(FILE *out, const char *name, uint64_t count)
{
	fprintf(out, "  %-26s %10" PRIu64 "\n", name, count);
}

// Left out when nothing of the kind happened.
static void row_trouble(FILE *out, const char *name, uint64_t count)
{
	if (count)
		row_count(out, name, count);
}

static void table_clients(const struct result *result, FILE *out)
{
	const struct options *options = result->options;
	const struct tally *tally = &result->tally;

	fprintf(out, "clients\n");
	fprintf(out, "  %-26s %10" PRIu64 " of %" PRIu64 "\n", "publishers joined",
		(uint64_t)tally->publishers_joined, (uint64_t)options->rooms * options->publishers);
	fprintf(out, "  %-26s %10" PRIu64 " of %" PRIu64 "\n", "subscribers joined",
		(uint64_t)tally->subscribers_joined,
		(uint64_t)options->rooms * options->subscribers);
	row_trouble(out, "failed", tally->clients_failed);
	for (unsigned i = 0; i < result->failures_used; i++)
		fprintf(out, "    %s\n", result->failures[i]);
	row_trouble(out, "connections lost", tally->connections_lost);
	row_trouble(out, "consent lost", tally->consents_lost);
	row_trouble(out, "signaling lost", tally->sockets_lost);
	fprintf(out, "  %-26s %10.1f per second, %.2f s for all\n", "join rate",
		per((double)joined(result), result->joining_s), result->joining_s);
	row_head(out, "joining, ms");
	for (unsigned i = 0; i < STAGES; i++)
		row_times(out, stage_names[i], &result->stages[i]);
}

static void table_packets(const struct result *result, FILE *out)
{
	const struct tally *tally = &result->tally;

	fprintf(out, "\npackets\n");
	row_count(out, "sent by publishers", tally->sent_packets);
	row_count(out, "expected", result->expected);
	row_count(out, "received and decrypted", result->received);
	fprintf(out, "  %-26s %10" PRIu64 " (%.4f %%)\n", "lost", result->lost,
		100 * per((double)result->lost, (double)result->expected));
	row_trouble(out, "  in the tester's buffers", result->loss.in_tester);
	row_trouble(out, "  wrong UDP checksum", result->loss.wrong_checksum);
	row_trouble(out, "  not decrypted", result->loss.not_decrypted);
	row_trouble(out, "  corrupt", result->loss.corrupt);
	row_trouble(out, "  never arrived", result->loss.never_arrived);
	row_trouble(out, "streams without a packet", result->streams_silent);
	row_count(out, "duplicates", tally->duplicates);
	row_count(out, "reordered", tally->reordered);
	row_count(out, "corrupt", tally->corrupt);
	row_trouble(out, "failed to decrypt", tally->decrypt_failed);
	row_trouble(out, "replayed", tally->replayed);
	row_trouble(out, "malformed", tally->malformed);
	row_trouble(out, "unreadable RTCP", tally->rtcp_failed);
	row_trouble(out, "retransmitted by the relay", tally->repaired);
	row_count(out, "key frames asked for", tally->key_requests);
	row_trouble(out, "packets asked for (NACK)", tally->nacks);
	row_trouble(out, "packets sent again", tally->resent);
}

static void table_relay(const struct result *result, FILE *out)
{
	const struct step *step = &result->steps[0];

	fprintf(out, "  %-26s %10.3f s\n", "relay's CPU time", (double)step->relay_cpu_ns / 1e9);
	for (unsigned i = 0; i < result->relay.threads_used; i++)
		if (result->relay.threads[i].cpu_ns >= 1000000)
			fprintf(out, "    %-24s %10.3f s (thread %d of %d)\n",
				result->relay.threads[i].name,
				(double)result->relay.threads[i].cpu_ns / 1e9,
				(int)result->relay.threads[i].tid,
				(int)result->relay.threads[i].pid);
	fprintf(out, "  %-26s %10.0f\n", "packets per CPU-second", packets_per_cpu_second(step));
	fprintf(out, "  %-26s %10.1f MiB\n", "relay's memory",
		(double)step->relay_memory_bytes / (1 << 20));
}

static void table_steady(const struct result *result, FILE *out)
{
	const struct step *step = &result->steps[0];

	fprintf(out, "\nsteady phase, %.1f s\n", step->seconds);
	fprintf(out, "  %-26s %10.0f per second\n", "sent", per((double)step->sent, step->seconds));
	fprintf(out, "  %-26s %10.0f per second\n", "received",
		per((double)step->received_in_time, step->seconds));
	if (result->options->pids_used)
		table_relay(result, out);
	if (step->relay_busy_ns)
		fprintf(out, "  %-26s %10.0f\n", "packets per busy second",
			packets_per_busy_second(step));
	row_head(out, "time, ms");
	row_times(out, "one-way latency", &step->latency);
	row_times(out, "sent behind schedule", &step->lag);
}

static void table_steps(const struct result *result, FILE *out)
{
	bool bounded;
	int knee = step_knee(result->steps, result->steps_used, &bounded);

	fprintf(out, "\n%10s %10s %9s %9s %9s %13s %14s\n", "load/s", "received/s", "lost, %",
		"p50, ms", "p99, ms", "packets/CPU-s", "packets/busy-s");
	for (unsigned i = 0; i < result->steps_used; i++) {
		const struct step *step = &result->steps[i];

		fprintf(out, "%10.0f %10.0f %9.4f %9.3f %9.3f %13.0f %14.0f %s\n",
			step_offered(step), per((double)step->received_in_time, step->seconds),
			step_loss(step) * 100,
			(double)histogram_quantile(&step->latency, 0.5) / 1e6,
			(double)histogram_quantile(&step->latency, 0.99) / 1e6,
			packets_per_cpu_second(step), packets_per_busy_second(step),
			verdicts[step_judge(step)]);
		for (unsigned j = 0; j < step->saturation.reasons_used; j++)
			fprintf(out, "  %s\n", step->saturation.reasons[j]);
	}
	fprintf(out, "knee (loss under 0.1 %%, p99 under 50 ms): %s%.0f packets per second\n",
		bounded ? "" : "at least ", knee < 0 ? 0 : step_offered(&result->steps[knee]));
}

void report_table(const struct result *result, FILE *out)
{
	const struct saturation *saturation = result_saturation(result);

	table_clients(result, out);
	table_packets(result, out);
	if (result->options->loads_used)
		table_steps(result, out);
	else
		table_steady(result, out);
	fprintf(out, "\ntester: %.2f s of CPU time, busiest thread at %.0f %%, SRTP by %s\n",
		result->steps[0].tester_cpu_s, result->steps[0].busiest_thread * 100, result->srtp);
	if (result->interrupted)
		fprintf(out, "The run was interrupted.\n");
	for (unsigned i = 0; i < saturation->reasons_used; i++)
		fprintf(out, "INVALID: %s\n", saturation->reasons[i]);
	if (saturation->reasons_used)
		fprintf(out, "The tester was the bottleneck: these figures do not speak of the "
			     "relay.\n");
}

// ---- JSON

static json_t *json_times(const struct histogram *histogram)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "count", (json_int_t)histogram->count,
		"min_ns", (json_int_t)histogram->min_ns, "mean_ns",
		(json_int_t)histogram_mean(histogram), "p50_ns",
		(json_int_t)histogram_quantile(histogram, 0.5), "p99_ns",
		(json_int_t)histogram_quantile(histogram, 0.99), "p999_ns",
		(json_int_t)histogram_quantile(histogram, 0.999), "max_ns",
		(json_int_t)histogram->max_ns);
}

static json_t *json_options(const struct options *options)
{
	return json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:f,s:f,s:I,s:I,s:b,s:s,s:I,s:I}", "url",
		options->url, "janus", (int)options->janus, "rooms", (json_int_t)options->rooms,
		"publishers", (json_int_t)options->publishers, "subscribers",
		(json_int_t)options->subscribers, "subscribe_to", (json_int_t)options->subscribe_to,
		"ramp_per_second", options->ramp, "duration_s", options->duration_s,
		"video_bitrate", (json_int_t)options->video_bitrate, "video_size",
		(json_int_t)options->video_size, "audio", (int)options->audio, "profile",
		profile_name(options->profile), "threads", (json_int_t)options->threads,
		"decrypt_one_in", (json_int_t)options->decrypt_one_in);
}

static json_t *json_tally(const struct tally *tally)
{
	json_t *object = json_object();

#define X(name, text) json_object_set_new(object, #name, json_integer((json_int_t)tally->name));
	TALLY_LIST(X)
#undef X
	return object;
}

static json_t *json_joining(const struct result *result)
{
	json_t *stages = json_object();

	for (unsigned i = 0; i < STAGES; i++)
		json_object_set_new(stages, stage_names[i], json_times(&result->stages[i]));
	return json_pack("{s:I,s:I,s:f,s:f,s:f,s:o}", "joined", (json_int_t)joined(result),
		"failed", (json_int_t)result->tally.clients_failed, "seconds", result->joining_s,
		"per_second", per((double)joined(result), result->joining_s),
		"tester_busiest_thread", result->joining_busiest_thread, "stages", stages);
}

static json_t *json_packets(const struct result *result)
{
	const struct result_loss *loss = &result->loss;

	return json_pack("{s:I,s:I,s:I,s:f,s:I,s:I,s:{s:I,s:I,s:I,s:I,s:I}}", "expected",
		(json_int_t)result->expected, "received", (json_int_t)result->received, "lost",
		(json_int_t)result->lost, "loss_ratio",
		per((double)result->lost, (double)result->expected), "streams",
		(json_int_t)result->streams, "streams_silent", (json_int_t)result->streams_silent,
		"lost_by_cause", "in_tester", (json_int_t)loss->in_tester, "wrong_checksum",
		(json_int_t)loss->wrong_checksum, "not_decrypted", (json_int_t)loss->not_decrypted,
		"corrupt", (json_int_t)loss->corrupt, "never_arrived",
		(json_int_t)loss->never_arrived);
}

static json_t *json_threads(const struct result *result)
{
	json_t *threads = json_array();

	for (unsigned i = 0; i < result->relay.threads_used; i++) {
		const struct process_thread *thread = &result->relay.threads[i];

		json_array_append_new(
			threads, json_pack("{s:I,s:I,s:s,s:I}", "pid", (json_int_t)thread->pid,
					 "tid", (json_int_t)thread->tid, "name", thread->name,
					 "cpu_ns", (json_int_t)thread->cpu_ns));
	}
	return threads;
}

// What the load cost the relay; null when nobody said which processes or CPUs are its.
static json_t *json_cost(const struct result *result, const struct step *step)
{
	if (!result->options->pids_used && !step->relay_busy_ns)
		return json_null();
	return json_pack("{s:I,s:f,s:I,s:f,s:I}", "cpu_ns", (json_int_t)step->relay_cpu_ns,
		"packets_per_cpu_second", packets_per_cpu_second(step), "busy_ns",
		(json_int_t)step->relay_busy_ns, "packets_per_busy_second",
		packets_per_busy_second(step), "memory_bytes",
		(json_int_t)step->relay_memory_bytes);
}

static json_t *json_reasons(const struct saturation *saturation)
{
	json_t *reasons = json_array();

	for (unsigned i = 0; i < saturation->reasons_used; i++)
		json_array_append_new(reasons, json_string(saturation->reasons[i]));
	return reasons;
}

static json_t *json_tester(const struct result *result, const struct step *step)
{
	return json_pack("{s:s,s:f,s:f,s:o,s:o}", "srtp", result->srtp, "cpu_s", step->tester_cpu_s,
		"busiest_thread", step->busiest_thread, "send_lag", json_times(&step->lag),
		"invalid_because", json_reasons(&step->saturation));
}

static json_t *json_load(const struct result *result, const struct step *step)
{
	return json_pack("{s:f,s:f,s:f,s:o,s:o}", "seconds", step->seconds, "sent_per_second",
		per((double)step->sent, step->seconds), "received_per_second",
		per((double)step->received_in_time, step->seconds), "one_way_latency",
		json_times(&step->latency), "relay", json_cost(result, step));
}

static json_t *json_step(const struct result *result, const struct step *step)
{
	json_t *object = json_load(result, step);

	json_object_set_new(object, "asked_per_second", json_real(step->asked));
	json_object_set_new(object, "offered_per_second", json_real(step_offered(step)));
	json_object_set_new(object, "loss_ratio", json_real(step_loss(step)));
	json_object_set_new(object, "verdict", json_string(verdicts[step_judge(step)]));
	json_object_set_new(object, "tester", json_tester(result, step));
	return object;
}

static json_t *json_steps(const struct result *result)
{
	json_t *steps = json_array();

	for (unsigned i = 0; i < result->steps_used; i++)
		json_array_append_new(steps, json_step(result, &result->steps[i]));
	return steps;
}

// The last load the relay was up to, which is all that is known when it never failed.
static json_t *json_knee(const struct result *result)
{
	bool bounded;
	int knee = step_knee(result->steps, result->steps_used, &bounded);

	return json_pack("{s:f,s:b,s:i}", "per_second",
		knee < 0 ? 0.0 : step_offered(&result->steps[knee]), "reached", (int)bounded,
		"step", knee);
}

static json_t *json_relay(const struct result *result)
{
	if (!result->options->pids_used)
		return json_null();
	return json_pack("{s:I,s:f,s:o}", "memory_before_bytes",
		(json_int_t)result->relay_memory_before_bytes, "memory_per_client_bytes",
		result_memory_per_client(result), "threads", json_threads(result));
}

static json_t *json_failures(const struct result *result)
{
	json_t *failures = json_array();

	for (unsigned i = 0; i < result->failures_used; i++)
		json_array_append_new(failures, json_string(result->failures[i]));
	return failures;
}

static json_t *json_result(const struct result *result)
{
	const struct step *first = &result->steps[0];
	bool loads = result->options->loads_used > 0;
	json_t *object = json_pack("{s:s,s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s}", "version",
		SLUICE_VERSION, "valid", (int)!result_saturation(result)->reasons_used,
		"interrupted", (int)result->interrupted, "options", json_options(result->options),
		"joining", json_joining(result), "packets", json_packets(result), "relay",
		json_relay(result), "counters", json_tally(&result->tally), "tester",
		json_tester(result, first), "failures", json_failures(result), "clock_offset",
		"unknown unless publishers and subscribers are of one machine");

	if (!loads)
		json_object_set_new(object, "steady", json_load(result, first));
	if (loads)
		json_object_set_new(object, "steps", json_steps(result));
	if (loads)
		json_object_set_new(object, "knee", json_knee(result));
	return object;
}

int report_json(const struct result *result, const char *path)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	json_t *object;
	int error;

	if (!out)
		return -errno;
	object = json_result(result);
	error = object ? json_dumpf(object, out, JSON_INDENT(2)) : -1;
	fputc('\n', out);
	json_decref(object);
	if (out != stdout && fclose(out))
		return -errno;
	return error ? -EIO : 0;
}

int report_svg(const struct result *result, const char *path)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	json_t *object = json_result(result);
	FILE *out = fopen(path, "we");
	int error = out ? 0 : -errno;
	char why[128];

	if (!error && (!plot || plot_add(plot, result->options->janus ? "Janus" : "Sluice", object,
					why, sizeof(why))))
		error = -ENOMEM;
	if (!error)
		plot_write(plot, out);
	if (out && fclose(out) && !error)
		error = -errno;
	json_decref(object);
	free(plot);
	return error;
}

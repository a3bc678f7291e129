// SPDX-License-Identifier: Apache-2.0
// sluice-pktgen: what an operator needs to load-test a relay with a packet generator: captures of junk
// and of valid media, command files, and a sender and a receiver for where there is no generator.
#include "capture.h"
#include "command.h"
#include "junk.h"
#include "media/srtp.h"
#include "options.h"
#include "receive.h"
#include "replay.h"
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { WHY_MAX = 512, PATH_SIZE = 512, STATUS_USAGE = 2 };

static int path_join(char path[PATH_SIZE], const char *directory, const char *name,
	const char *suffix, char *why)
{
	if (snprintf(path, PATH_SIZE, "%s/%s%s", directory, name, suffix) < PATH_SIZE)
		return 0;
	snprintf(why, WHY_MAX, "%s: path is too long", directory);
	return -1;
}

static int directory_make(const char *path, char *why)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	snprintf(why, WHY_MAX, "%s: %s", path, strerror(errno));
	return -1;
}

// ---- junk

static int junk_write(const struct options *options, enum junk_class class, char *why)
{
	struct junk junk = {.class = class,
		.sources = options->sources,
		.relay = options->relay,
		.size_low = options->size_low,
		.size_high = options->size_high,
		.ufrag = options->ufrag,
		.random = options->seed};
	struct command_capture command = {.name = junk_info(class)->name};
	char path[PATH_SIZE], script[PATH_SIZE];
	uint8_t frame[FRAME_MAX];
	struct capture capture;

	if (path_join(path, options->output, command.name, ".pcap", why) ||
		capture_create(&capture, path, why, WHY_MAX))
		return -1;
	for (uint64_t i = 0; i < options->count; i++)
		capture_write(&capture, i * 1000, frame, junk_frame(&junk, frame));
	command.path = path;
	if (capture_close(&capture, why, WHY_MAX) ||
		path_join(script, options->output, command.name, ".lua", why) ||
		command_write_lua(script, &command, why, WHY_MAX))
		return -1;
	printf("%s: %" PRIu64 " frames, which the filter counts as %s\n", path, options->count,
		junk_info(class)->counted);
	if (!command_kernel_can(class))
		return 0;
	return path_join(script, options->output, command.name, ".sh", why)
		       ? -1
		       : command_write_kernel(script, &junk, why, WHY_MAX);
}

static int junk_class(const struct options *options, const char *word, char *why)
{
	bool all = !strcmp(word, "all");
	bool any = false;

	for (unsigned class = 0; class < JUNK_COUNT; class ++) {
		bool needs_ufrag = class == JUNK_integrity && !options->ufrag;

		if (!all && strcmp(word, junk_info(class)->name) != 0)
			continue;
		any = true;
		if (needs_ufrag && !all) {
			snprintf(why, WHY_MAX,
				"integrity: --ufrag is needed: `sluicectl --json "
				"test-session` prints those of its sessions");
			return -1;
		}
		if (!needs_ufrag && junk_write(options, class, why))
			return -1;
	}
	if (!any)
		snprintf(why, WHY_MAX, "%s: no such class: see sluice-pktgen --help", word);
	return any ? 0 : -1;
}

static int run_junk(const struct options *options, char *why)
{
	if (directory_make(options->output, why))
		return -1;
	for (unsigned i = 0; i < options->words_used; i++)
		if (junk_class(options, options->words[i], why))
			return -1;
	return 0;
}

// ---- sessions and what they send

static int run_session(const struct options *options, char *why)
{
	struct session_plan plan = {.room = options->room,
		.relay = options->relay,
		.publishers = options->sources,
		.subscribers = options->subscribers,
		.profile = options->profile,
		.publishers_count = options->publishers,
		.subscribers_count = options->subscribers_each,
		.no_audio = options->no_audio};
	struct session session;
	int error = session_make(&session, &plan, why, WHY_MAX);

	if (!error)
		error = session_write(
			&session, options->output, options->has_subscriber_mac, why, WHY_MAX);
	if (!error)
		printf("%s: %u publishers, %u subscribers\n", options->output,
			session.publishers_used, session.subscribers_used);
	session_free(&session);
	return error;
}

static struct stream_plan stream_plan_of(const struct options *options)
{
	return (struct stream_plan){.first = options->first,
		.packets = options->packets,
		.rate = options->rate,
		.size = options->size_low,
		.forge = options->forge};
}

static int streams_write(const struct options *options, const struct session *session, char *why)
{
	struct stream_plan plan = stream_plan_of(options);
	char path[PATH_SIZE], script[PATH_SIZE];
	struct command_capture command = {.name = "streams", .path = path};
	struct capture capture;
	int error;

	if (directory_make(options->output, why) ||
		path_join(path, options->output, "streams", ".pcap", why) ||
		path_join(script, options->output, "streams", ".lua", why) ||
		capture_create(&capture, path, why, WHY_MAX))
		return -1;
	error = stream_write(session, &plan, &capture, why, WHY_MAX);
	command.frames = capture.frames;
	if (capture_close(&capture, error ? script : why, error ? PATH_SIZE : WHY_MAX))
		error = -1;
	if (!error)
		error = command_write_lua(script, &command, why, WHY_MAX);
	if (!error)
		printf("%s: %" PRIu64 " frames, %" PRIu64 " of each video stream, %" PRIu64
		       " of each audio stream\n",
			path, command.frames, stream_packets(&plan, true),
			stream_packets(&plan, false));
	return error;
}

static int with_session(const struct options *options, char *why,
	int (*run)(const struct options *, const struct session *, char *why))
{
	struct session session = {0};
	int error;

	prctl(PR_SET_DUMPABLE, 0); // keys are in here
	if (srtp_library_init()) {
		snprintf(why, WHY_MAX, "the SRTP libraries could not be started");
		return -1;
	}
	error = session_read(&session, options->words[0], why, WHY_MAX);
	if (!error)
		error = run(options, &session, why);
	session_free(&session);
	srtp_library_exit();
	return error;
}

static int receive(const struct options *options, const struct session *session, char *why)
{
	struct stream_plan plan = stream_plan_of(options), before = {.rate = plan.rate};
	struct receive_plan wanted = {
		.packets = plan.packets,
		.audio_packets = stream_packets(&plan, false),
		.first = plan.first,
		.seconds = options->seconds,
		.capture = options->capture,
	};

	before.packets = plan.first;
	wanted.audio_first = stream_packets(&before, false);
	return receive_run(session, &wanted, stdout, why, WHY_MAX);
}

static int run_replay(const struct options *options, char *why)
{
	struct replay_plan plan = {.capture = options->words[0],
		.interface = options->interface,
		.rate = options->rate,
		.loops = options->loops,
		.seconds = options->seconds};
	struct replay_result result;

	if (replay_run(&plan, &result, why, WHY_MAX))
		return -1;
	printf("{\"sent\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"seconds\": %.3f, \"perSecond\": %.0f}\n",
		result.sent, result.bytes, result.seconds,
		result.seconds > 0 ? (double)result.sent / result.seconds : 0);
	return 0;
}

static int run(const struct options *options, char *why)
{
	switch (options->verb) {
	case OPTIONS_JUNK:
		return run_junk(options, why);
	case OPTIONS_SESSION:
		return run_session(options, why);
	case OPTIONS_STREAMS:
		return with_session(options, why, streams_write);
	case OPTIONS_REPLAY:
		return run_replay(options, why);
	case OPTIONS_RECEIVE:
		return with_session(options, why, receive);
	default:
		options_help(stdout);
		return 0;
	}
}

int main(int count, char **arguments)
{
	struct options options;
	char why[WHY_MAX] = "";
	int result = options_read(&options, count, arguments, why, sizeof(why));

	if (!result)
		result = run(&options, why);
	if (result >= 0)
		return result;
	fprintf(stderr, "sluice-pktgen: %s\n", why);
	return STATUS_USAGE;
}

// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include "cores.h"
#include "stamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
	URL = 256,
	JANUS,
	SECRET,
	TOKEN_COMMAND,
	ROOMS,
	ROOM_PREFIX,
	PUBLISHERS,
	SUBSCRIBERS,
	SUBSCRIBE_TO,
	FIRST_USER,
	RAMP,
	DURATION,
	JOIN_TIMEOUT,
	VIDEO_BITRATE,
	VIDEO_SIZE,
	NO_AUDIO,
	PROFILE,
	ANSWER_NACKS,
	PORTABLE_SRTP,
	REQUIRE_ZERO_LOSS,
	RELAY_PID,
	RELAY_CPUS,
	LOADS,
	DECRYPT_ONE_IN,
	SVG,
	SOURCE_ADDRESS,
	THREADS,
	JSON,
	QUIET,
	HELP,
};

enum { RTP_OVERHEAD = 24 }; // header and the longest mid extension

static const struct option table[] = {
	{"url", required_argument, NULL, URL},
	{"janus", required_argument, NULL, JANUS},
	{"secret", required_argument, NULL, SECRET},
	{"token-command", required_argument, NULL, TOKEN_COMMAND},
	{"rooms", required_argument, NULL, ROOMS},
	{"room-prefix", required_argument, NULL, ROOM_PREFIX},
	{"publishers", required_argument, NULL, PUBLISHERS},
	{"subscribers", required_argument, NULL, SUBSCRIBERS},
	{"subscribe-to", required_argument, NULL, SUBSCRIBE_TO},
	{"first-user", required_argument, NULL, FIRST_USER},
	{"ramp", required_argument, NULL, RAMP},
	{"duration", required_argument, NULL, DURATION},
	{"join-timeout", required_argument, NULL, JOIN_TIMEOUT},
	{"video-bitrate", required_argument, NULL, VIDEO_BITRATE},
	{"video-size", required_argument, NULL, VIDEO_SIZE},
	{"no-audio", no_argument, NULL, NO_AUDIO},
	{"profile", required_argument, NULL, PROFILE},
	{"answer-nacks", no_argument, NULL, ANSWER_NACKS},
	{"portable-srtp", no_argument, NULL, PORTABLE_SRTP},
	{"require-zero-loss", no_argument, NULL, REQUIRE_ZERO_LOSS},
	{"relay-pid", required_argument, NULL, RELAY_PID},
	{"relay-cpus", required_argument, NULL, RELAY_CPUS},
	{"loads", required_argument, NULL, LOADS},
	{"decrypt-one-in", required_argument, NULL, DECRYPT_ONE_IN},
	{"svg", required_argument, NULL, SVG},
	{"source-address", required_argument, NULL, SOURCE_ADDRESS},
	{"threads", required_argument, NULL, THREADS},
	{"json", required_argument, NULL, JSON},
	{"quiet", no_argument, NULL, QUIET},
	{"help", no_argument, NULL, HELP},
	{0},
};

void options_help(FILE *out)
{
	fputs("usage: sluice-load --url ws://HOST:PORT/ --secret SECRET [options]\n"
	      "       sluice-load --janus ws://HOST:PORT/ [options]\n"
	      "       sluice-load plot OUT.svg NAME=RUN.json...\n"
	      "\n"
	      "signaling (dialect 002)\n"
	      "  --url URL              the relay's WebSocket\n"
	      "  --secret SECRET        signs tokens (HS256), or\n"
	      "  --token-command CMD    run as `CMD USER ROOM`; its first line is the token\n"
	      "or that of Janus (VideoRoom)\n"
	      "  --janus URL            its WebSocket, e.g. ws://10.0.0.1:8188/\n"
	      "clients\n"
	      "  --rooms N              [1]\n"
	      "  --room-prefix TEXT     rooms are TEXT0, TEXT1, ... [load-]\n"
	      "  --publishers N         per room [1]\n"
	      "  --subscribers N        per room [1]\n"
	      "  --subscribe-to N       publishers that each subscriber takes [all of its room]\n"
	      "  --first-user N         number of the first user [1]\n"
	      "  --ramp N               clients that start per second [50]\n"
	      "  --duration SECONDS     once all have joined [10]\n"
	      "  --join-timeout SECONDS [30]\n"
	      "media\n"
	      "  --video-bitrate BITS   per second and publisher, with k or M; 0 = none [1M]\n"
	      "  --video-size BYTES     of an RTP packet before encryption [1200]\n"
	      "  --no-audio             otherwise 50 packets per second\n"
	      "  --profile NAME         gcm128, gcm256 or cm [gcm128]\n"
	      "  --answer-nacks         send again what the relay asks publishers for\n"
	      "  --portable-srtp        libsrtp2 only: slower, and other code than the relay's\n"
	      "the run\n"
	      "  --threads N            [1]\n"
	      "  --source-address LIST  local addresses, used in turn [the kernel's choice]\n"
	      "  --loads LIST           find the knee: packets per second that are to be received "
	      "in "
	      "all,\n"
	      "                         one load after the other for --duration each, with k or M\n"
	      "  --decrypt-one-in N     of so many receiving connections; of the others RTP is "
	      "only "
	      "counted,\n"
	      "                         in the kernel [1]\n"
	      "  --relay-pid LIST       processes whose CPU time is the relay's\n"
	      "  --relay-cpus LIST      CPUs that only the relay uses\n"
	      "  --require-zero-loss    exit status 1 unless all joined and every packet arrived "
	      "once\n"
	      "  --json FILE            all figures, `-` for standard output\n"
	      "  --svg FILE             a drawing of loss and latency over the load, with --loads\n"
	      "  --quiet                no progress, no table\n"
	      "\n"
	      "exit status: 0 done, 1 nobody joined or --require-zero-loss is not met,\n"
	      "2 wrong usage or no start, 3 the run is invalid: the tester was the bottleneck\n",
		out);
}

// ---- values

static int fault(const char *name, const char *value, const char *what, char *why, size_t why_size)
{
	snprintf(why, why_size, "--%s %s: %s", name, value, what);
	return -1;
}

static bool number_read(const char *text, uint32_t min, uint32_t max, uint32_t *number)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value < min || value > max)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool seconds_read(const char *text, double *number)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value <= 0 || value > 1e6)
		return false;
	*number = value;
	return true;
}

static bool bitrate_read(const char *text, uint32_t *bitrate)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value) || value < 0)
		return false;
	if (*end == 'k' || *end == 'M')
		value *= *end++ == 'k' ? 1e3 : 1e6;
	if (*end || value > 1e9)
		return false;
	*bitrate = (uint32_t)value;
	return true;
}

static bool profile_read(const char *text, enum sluice_srtp_profile *profile)
{
	static const struct {
		const char *name;
		enum sluice_srtp_profile profile;
	} names[] = {{"gcm128", SLUICE_SRTP_AEAD_AES_128_GCM},
		{"gcm256", SLUICE_SRTP_AEAD_AES_256_GCM}, {"cm", SLUICE_SRTP_AES128_CM_SHA1_80}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i].name)) {
			*profile = names[i].profile;
			return true;
		}
	return false;
}

static bool source_read(struct options *options, const char *text)
{
	struct sockaddr_storage *source = &options->sources[options->sources_used];
	struct sockaddr_in *v4 = (struct sockaddr_in *)source;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)source;

	if (options->sources_used == OPTIONS_SOURCES_MAX)
		return false;
	memset(source, 0, sizeof(*source));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		source->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		source->ss_family = AF_INET6;
	else
		return false;
	options->sources_used++;
	return true;
}

static bool pid_read(struct options *options, const char *text)
{
	uint32_t pid;

	if (options->pids_used == OPTIONS_PIDS_MAX || !number_read(text, 1, INT32_MAX, &pid))
		return false;
	options->pids[options->pids_used++] = (pid_t)pid;
	return true;
}

// The loads must rise: what comes after the knee is left out.
static bool load_read(struct options *options, const char *text)
{
	unsigned n = options->loads_used;

	if (n == OPTIONS_LOADS_MAX || !bitrate_read(text, &options->loads[n]) ||
		!options->loads[n] || (n && options->loads[n] <= options->loads[n - 1]))
		return false;
	options->loads_used++;
	return true;
}

// Each word of a list with commas.
static bool list_read(
	struct options *options, const char *text, bool (*read)(struct options *, const char *))
{
	char word[64];

	while (*text) {
		size_t length = strcspn(text, ",");

		if (!length || length >= sizeof(word))
			return false;
		memcpy(word, text, length);
		word[length] = 0;
		if (!read(options, word))
			return false;
		text += length + (text[length] == ',');
	}
	return true;
}

// ---- the command line

static bool media_take(struct options *options, int id, const char *value)
{
	switch (id) {
	case VIDEO_BITRATE:
		return bitrate_read(value, &options->video_bitrate);
	case VIDEO_SIZE:
		return number_read(value, STAMP_BYTES + RTP_OVERHEAD,
			STAMP_PAYLOAD_MAX + RTP_OVERHEAD, &options->video_size);
	case NO_AUDIO:
		options->audio = false;
		return true;
	case PROFILE:
		return profile_read(value, &options->profile);
	case ANSWER_NACKS:
		return options->answer_nacks = true;
	case PORTABLE_SRTP:
		return options->portable_srtp = true;
	default:
		return false;
	}
}

static bool run_take(struct options *options, int id, const char *value)
{
	switch (id) {
	case RAMP:
		return seconds_read(value, &options->ramp);
	case DURATION:
		return seconds_read(value, &options->duration_s);
	case JOIN_TIMEOUT:
		return seconds_read(value, &options->join_timeout_s);
	case THREADS:
		return number_read(value, 1, OPTIONS_THREADS_MAX, &options->threads);
	case RELAY_PID:
		return list_read(options, value, pid_read);
	case RELAY_CPUS:
		return cores_read(value, &options->relay_cpus);
	case LOADS:
		return list_read(options, value, load_read);
	case DECRYPT_ONE_IN:
		return number_read(value, 1, 1000000, &options->decrypt_one_in);
	case SOURCE_ADDRESS:
		return list_read(options, value, source_read);
	case REQUIRE_ZERO_LOSS:
		return options->require_zero_loss = true;
	case QUIET:
		return options->quiet = true;
	default:
		return media_take(options, id, value);
	}
}

static bool option_take(struct options *options, int id, const char *value)
{
	switch (id) {
	case URL:
		return (options->url = value)[0];
	case JANUS:
		options->janus = true;
		return (options->url = value)[0];
	case SECRET:
		return (options->secret = value)[0];
	case TOKEN_COMMAND:
		return (options->token_command = value)[0];
	case JSON:
		return (options->json_path = value)[0];
	case SVG:
		return (options->svg_path = value)[0];
	case ROOM_PREFIX:
		options->room_prefix = value;
		return strlen(value) < 64;
	case ROOMS:
		return number_read(value, 1, 1000000, &options->rooms);
	case PUBLISHERS:
		return number_read(value, 1, 1000000, &options->publishers);
	case SUBSCRIBERS:
		return number_read(value, 0, 1000000, &options->subscribers);
	case SUBSCRIBE_TO:
		return number_read(value, 1, 1000000, &options->subscribe_to);
	case FIRST_USER:
		return number_read(value, 0, UINT32_MAX, &options->first_user);
	default:
		return run_take(options, id, value);
	}
}

static int options_check(struct options *options, char *why, size_t why_size)
{
	const char *what = NULL;
	uint64_t clients =
		(uint64_t)options->rooms * ((uint64_t)options->publishers + options->subscribers);

	if (!options->subscribe_to || options->subscribe_to > options->publishers)
		options->subscribe_to = options->publishers;
	if (!options->url)
		what = "--url (or --janus) is missing, e.g. --url ws://10.0.0.1:9000/";
	else if (options->janus && (options->secret || options->token_command))
		what = "tokens are not for --janus";
	else if (!options->janus && !options->secret == !options->token_command)
		what = "give one of --secret and --token-command";
	else if (!options->video_bitrate && !options->audio)
		what = "no video and no audio: nothing to send";
	else if (options->loads_used && (!options->video_bitrate || !options->subscribers))
		what = "--loads needs video and subscribers";
	else if (options->svg_path && !options->loads_used)
		what = "--svg draws what --loads finds";
	else if (options->first_user + clients > UINT32_MAX)
		what = "more users than the dialect has numbers";
	if (!what)
		return 0;
	snprintf(why, why_size, "%s", what);
	return -1;
}

int options_read(struct options *options, int count, char **arguments, char *why, size_t why_size)
{
	int id, place = 0;

	*options = (struct options){
		.room_prefix = "load-",
		.rooms = 1,
		.publishers = 1,
		.subscribers = 1,
		.first_user = 1,
		.threads = 1,
		.decrypt_one_in = 1,
		.ramp = 50,
		.duration_s = 10,
		.join_timeout_s = 30,
		.video_bitrate = 1000000,
		.video_size = 1200,
		.audio = true,
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
	};
	optind = 0; // glibc: begin anew
	opterr = 0;
	while ((id = getopt_long(count, arguments, "h", table, &place)) != -1) {
		if (id == 'h' || id == HELP)
			return 1;
		if (id == '?')
			return fault(
				"help", "shows all options", arguments[optind - 1], why, why_size);
		if (!option_take(options, id, optarg))
			return fault(table[place].name, optarg ? optarg : "",
				"not a value for it, see --help", why, why_size);
	}
	if (optind < count)
		return fault("help", "shows all options", arguments[optind], why, why_size);
	return options_check(options, why, why_size);
}

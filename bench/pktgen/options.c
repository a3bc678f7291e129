// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include "frame.h"
#include "stamp.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
	RELAY = 256,
	RELAY_MAC,
	SOURCE,
	SOURCE_MAC,
	SOURCE_PORTS,
	SUBSCRIBER,
	SUBSCRIBER_MAC,
	SUBSCRIBER_PORTS,
	COUNT,
	SEED,
	SIZE,
	UFRAG,
	ROOM,
	PUBLISHERS,
	SUBSCRIBERS,
	PROFILE,
	NO_AUDIO,
	FORGE,
	FIRST,
	PACKETS,
	RATE,
	LOOPS,
	SECONDS,
	INTERFACE,
	CAPTURE,
};

static const struct option table[] = {
	{"relay", required_argument, NULL, RELAY},
	{"relay-mac", required_argument, NULL, RELAY_MAC},
	{"source", required_argument, NULL, SOURCE},
	{"source-mac", required_argument, NULL, SOURCE_MAC},
	{"source-ports", required_argument, NULL, SOURCE_PORTS},
	{"subscriber", required_argument, NULL, SUBSCRIBER},
	{"subscriber-mac", required_argument, NULL, SUBSCRIBER_MAC},
	{"subscriber-ports", required_argument, NULL, SUBSCRIBER_PORTS},
	{"count", required_argument, NULL, COUNT},
	{"seed", required_argument, NULL, SEED},
	{"size", required_argument, NULL, SIZE},
	{"ufrag", required_argument, NULL, UFRAG},
	{"room", required_argument, NULL, ROOM},
	{"publishers", required_argument, NULL, PUBLISHERS},
	{"subscribers", required_argument, NULL, SUBSCRIBERS},
	{"profile", required_argument, NULL, PROFILE},
	{"no-audio", no_argument, NULL, NO_AUDIO},
	{"forge", no_argument, NULL, FORGE},
	{"first", required_argument, NULL, FIRST},
	{"packets", required_argument, NULL, PACKETS},
	{"rate", required_argument, NULL, RATE},
	{"loops", required_argument, NULL, LOOPS},
	{"seconds", required_argument, NULL, SECONDS},
	{"interface", required_argument, NULL, INTERFACE},
	{"capture", required_argument, NULL, CAPTURE},
	{"help", no_argument, NULL, 'h'},
	{0},
};

void options_help(FILE *out)
{
	fputs("usage: sluice-pktgen junk CLASS|all... -o DIRECTORY --relay IP:PORT --relay-mac "
	      "MAC\n"
	      "                          --source NETWORK --source-mac MAC [options]\n"
	      "       sluice-pktgen session -o FILE --relay IP:PORT --relay-mac MAC --source "
	      "NETWORK\n"
	      "                          --source-mac MAC --subscriber NETWORK [options]\n"
	      "       sluice-pktgen streams SESSION -o DIRECTORY [options]\n"
	      "       sluice-pktgen replay CAPTURE --interface NAME [options]\n"
	      "       sluice-pktgen receive SESSION [options]\n"
	      "\n"
	      "junk: DIRECTORY/CLASS.pcap, CLASS.lua for Pktgen-DPDK and, where the kernel's "
	      "pktgen\n"
	      "can make the class, CLASS.sh\n"
	      "  --count N              frames [100000]\n"
	      "  --size LOW-HIGH        bytes of UDP payload, where the class leaves a choice "
	      "[100-1000]\n"
	      "  --source-ports LOW-HIGH  [1024-65535]\n"
	      "  --ufrag TEXT           of a session of the relay, for the class integrity\n"
	      "  --seed N               another seed, other frames [1]\n",
		out);
	for (unsigned i = 0; i < JUNK_COUNT; i++)
		fprintf(out, "  class %-16s %s\n", junk_info(i)->name, junk_info(i)->help);
	fputs("session: random keys, for `sluicectl test-session FILE`; addresses are used in "
	      "turn, then\n"
	      "the next port\n"
	      "  --publishers N         [1]\n"
	      "  --subscribers N        of each publisher [1]\n"
	      "  --subscriber-mac MAC   where their packets go; without it they must answer ARP or "
	      "ND\n"
	      "  --source-ports, --subscriber-ports LOW-HIGH  [40000-60000]\n"
	      "  --profile NAME         gcm128, gcm256 or cm [gcm128]\n"
	      "  --no-audio             otherwise 50 packets per second beside the video\n"
	      "  --room NAME            [pktgen]\n"
	      "streams: DIRECTORY/streams.pcap and streams.lua\n"
	      "  --packets N            of each video stream [10000]\n"
	      "  --first N              number of the first, to go on where a capture ended [0]\n"
	      "  --rate N               of each video stream, per second [100]\n"
	      "  --size BYTES           RTP payload of a video packet [1000]\n"
	      "  --forge                spoil every authentication tag\n"
	      "replay:\n"
	      "  --rate N               frames per second [as many as possible]\n"
	      "  --loops N              [1, without end when --seconds is given]\n"
	      "  --seconds N            end after so long\n"
	      "receive: UDP sockets at the subscribers' addresses, or\n"
	      "  --capture FILE         what was captured on the way to them\n"
	      "  --packets, --first, --rate  as for streams: exit status 1 unless all came once\n"
	      "  --seconds N            give up after so long [10]\n"
	      "\n"
	      "exit status: 0 done, 1 packets are missing, 2 wrong usage or it could not be done\n",
		out);
}

// ---- values

static bool number_read(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	*number = strtoull(text, &end, 10);
	return !*end && *number >= low && *number <= high;
}

static bool number32_read(const char *text, uint32_t low, uint32_t high, uint32_t *number)
{
	uint64_t value;

	if (!number_read(text, low, high, &value))
		return false;
	*number = (uint32_t)value;
	return true;
}

// "100" or "100-1000".
static bool span_read(const char *text, uint16_t low, uint16_t high, uint16_t *from, uint16_t *to)
{
	unsigned first, last;
	int used = 0;

	if (sscanf(text, "%5u-%5u%n", &first, &last, &used) != 2 || text[used]) {
		if (sscanf(text, "%5u%n", &first, &used) != 1 || text[used])
			return false;
		last = first;
	}
	*from = (uint16_t)first;
	*to = (uint16_t)last;
	return first >= low && last <= high && first <= last;
}

static bool seconds_read(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds > 0 && *seconds < 1e6;
}

static bool ends_read(struct options *options, int id, const char *text)
{
	struct endpoint_range *sources = &options->sources, *subscribers = &options->subscribers;

	switch (id) {
	case RELAY:
		return options->has_relay = endpoint_read(text, &options->relay);
	case RELAY_MAC:
		return endpoint_read_mac(text, options->relay.mac);
	case SOURCE:
		return options->has_sources = endpoint_read_network(text, sources);
	case SOURCE_MAC:
		return endpoint_read_mac(text, sources->first.mac);
	case SOURCE_PORTS:
		return span_read(text, 1, 65535, &sources->port_low, &sources->port_high);
	case SUBSCRIBER:
		return options->has_subscribers = endpoint_read_network(text, subscribers);
	case SUBSCRIBER_MAC:
		options->has_subscriber_mac = true;
		return endpoint_read_mac(text, subscribers->first.mac);
	default:
		return span_read(text, 1, 65535, &subscribers->port_low, &subscribers->port_high);
	}
}

static bool value_read(struct options *options, int id, const char *text)
{
	switch (id) {
	case COUNT:
		return number_read(text, 1, 10000000, &options->count);
	case SEED:
		return number_read(text, 0, UINT64_MAX, &options->seed);
	case SIZE:
		return span_read(
			text, 1, STAMP_PAYLOAD_MAX, &options->size_low, &options->size_high);
	case FIRST:
		return number_read(text, 0, UINT32_MAX, &options->first);
	case PACKETS:
		return number_read(text, 1, 10000000, &options->packets);
	case RATE:
		return number32_read(text, 1, 100000000, &options->rate);
	case LOOPS:
		return number32_read(text, 1, 1000000, &options->loops);
	case SECONDS:
		return seconds_read(text, &options->seconds);
	case PUBLISHERS:
		return number32_read(text, 1, SESSION_PEERS_MAX, &options->publishers);
	case SUBSCRIBERS:
		return number32_read(text, 0, SESSION_PEERS_MAX, &options->subscribers_each);
	case PROFILE:
		options->profile = session_profile(text);
		return options->profile != SLUICE_SRTP_NONE;
	default:
		return ends_read(options, id, text);
	}
}

static bool text_take(struct options *options, int id, const char *text)
{
	if (id == 'o')
		options->output = text;
	else if (id == UFRAG)
		options->ufrag = text;
	else if (id == ROOM)
		options->room = text;
	else if (id == INTERFACE)
		options->interface = text;
	else if (id == CAPTURE)
		options->capture = text;
	else if (id == NO_AUDIO)
		options->no_audio = true;
	else if (id == FORGE)
		options->forge = true;
	else if (id == 'h')
		options->verb = OPTIONS_HELP;
	else
		return false;
	return true;
}

// ---- the whole

static bool verb_read(struct options *options, const char *word)
{
	static const char *const verbs[] = {
		"junk", "session", "streams", "replay", "receive", "help"};

	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(word, verbs[i])) {
			options->verb = (enum options_verb)i;
			return true;
		}
	return false;
}

static void defaults_set(struct options *options)
{
	bool junk = options->verb == OPTIONS_JUNK;
	bool replay = options->verb == OPTIONS_REPLAY;

	options->count = 100000;
	options->seed = 1;
	options->packets = options->verb == OPTIONS_RECEIVE ? 0 : 10000;
	options->rate = replay ? 0 : 100;
	options->size_low = junk ? 100 : 1000;
	options->size_high = 1000;
	options->seconds = options->verb == OPTIONS_RECEIVE ? 10 : 0;
	options->publishers = options->subscribers_each = 1;
	options->profile = SLUICE_SRTP_AEAD_AES_128_GCM;
	options->room = "pktgen";
	options->sources.port_low = options->subscribers.port_low = junk ? 1024 : 40000;
	options->sources.port_high = options->subscribers.port_high = junk ? 65535 : 60000;
}

// What the verb cannot do without; NULL when nothing is missing.
static const char *missing(const struct options *options)
{
	bool makes = options->verb == OPTIONS_JUNK || options->verb == OPTIONS_SESSION;
	bool writes = makes || options->verb == OPTIONS_STREAMS;
	bool takes = options->verb != OPTIONS_SESSION;

	if (takes && !options->words_used)
		return "which class or file?";
	if (options->verb != OPTIONS_JUNK && options->words_used > takes)
		return "too many words";
	if (writes && !options->output)
		return "-o is needed";
	if (makes && (!options->has_relay || !options->has_sources))
		return "--relay and --source are needed";
	if (options->verb == OPTIONS_SESSION && options->subscribers_each &&
		!options->has_subscribers)
		return "--subscriber is needed";
	if (makes && endpoint_is_ipv4(&options->relay) != endpoint_is_ipv4(&options->sources.first))
		return "--relay and --source must be of one family";
	if (options->verb == OPTIONS_JUNK && options->size_low < JUNK_SIZE_MIN)
		return "--size begins at 28 for junk";
	if (options->verb == OPTIONS_STREAMS &&
		(options->size_low < STAMP_BYTES || options->size_low != options->size_high))
		return "--size is one number from 46 on for streams";
	if (options->verb == OPTIONS_REPLAY && !options->interface)
		return "--interface is needed";
	return NULL;
}

int options_read(struct options *options, int count, char **arguments, char *why, size_t why_size)
{
	const char *problem;
	int id, index = 0;

	memset(options, 0, sizeof(*options));
	options->verb = OPTIONS_HELP;
	snprintf(why, why_size, "no such verb: see sluice-pktgen --help");
	if (count < 2 || (arguments[1][0] != '-' && !verb_read(options, arguments[1])))
		return -1;
	defaults_set(options);
	optind = 1;
	snprintf(why, why_size, "wrong option: see sluice-pktgen --help");
	while ((id = getopt_long(count, arguments, "o:h", table, &index)) != -1)
		if (id == '?' ||
			(!text_take(options, id, optarg) && !value_read(options, id, optarg))) {
			if (id != '?')
				snprintf(why, why_size,
					"--%s %s: out of range, or not of that form",
					table[index].name, optarg);
			return -1;
		}
	for (int i = optind + 1; i < count && options->words_used < OPTIONS_WORDS_MAX; i++)
		options->words[options->words_used++] = arguments[i];
	if (options->verb == OPTIONS_REPLAY && !options->loops && options->seconds <= 0)
		options->loops = 1;
	problem = options->verb == OPTIONS_HELP ? NULL : missing(options);
	snprintf(why, why_size, "%s", problem ? problem : "");
	return problem ? -1 : 0;
}

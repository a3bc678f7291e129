// SPDX-License-Identifier: Apache-2.0
// sluicectl: looks at both planes through the shared files, asks control only to change something.
// Exit status: 0 done, 1 refused or unhealthy, 2 wrong usage.
#include "sluicectl.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct look {
	const char *name;
	const char *help;
	json_t *(*view)(const struct view *view);
	void (*text)(const json_t *json, FILE *out);
};

static const struct look looks[] = {
	{"status", "ports and their mode, workers and how busy, rooms, participants", view_status,
		text_status},
	{"rooms", "rooms with their participants, publications and subscriptions", view_rooms,
		text_rooms},
	{"peers", "participants, their transports and what flows", view_peers, text_peers},
	{"drops", "every reason for which a packet was dropped, and how often", view_drops,
		text_drops},
};

static const struct verb {
	const char *words, *help;
} verbs[] = {
	{"check", "the doctor: what is wrong here, and what mends it"},
	{"top [--interval S] [--once]",
		"live: workers, ports and rooms by what they do in a second"},
	{"why PEER|SSRC|ADDRESS", "what was decided about a peer's media, and why nothing flows"},
	{"join-report [PEER|ADDRESS]",
		"what arrived when while a peer joined, and what is missing"},
	{"kick ROOM IDENTITY [REASON]", "remove a participant"},
	{"mute ROOM IDENTITY [WHAT]",
		"stop forwarding audio, video, KIND/MID, or all that somebody sends"},
	{"unmute ROOM IDENTITY [WHAT]", "go on"},
	{"drain, undrain", "refuse new participants, or take them again"},
	{"reload", "read the configuration again; says what changed, and what needs a restart"},
	{"log LEVEL", "error, warn, info or debug in both planes, until a reload or restart"},
	{"token [OPTION...]",
		"an access token, made with a secret of the configuration: --room, --identity,"},
	{"", "--name, --ttl 6h, --publish no, --subscribe no, --hidden, --key, --admin, --list"},
	{"capture PEER [OPTION...]", "a peer's packets as a pcapng file: --seconds N, -o FILE, "
				     "--decrypted, --bytes 10M"},
	{"push ROOM/PARTICIPANT URL",
		"its media to a WHIP endpoint, from now on; --token-file FILE, --stop"},
	{"pull URL ROOM",
		"a WHEP endpoint's media into a room; --identity NAME, --token-file, --stop"},
	{"feeds", "all pushes and pulls, and how they are doing"},
	{"test-session FILE [SECONDS]",
		"load tests: sessions with the keys of FILE, for 600 seconds"},
};

static void print_usage(FILE *out)
{
	fprintf(out, "usage: sluicectl [-c FILE] [--json] VERB [ARGUMENT...]\n\n");
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		fprintf(out, "  %-28s %s\n", looks[i].name, looks[i].help);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-28s %s\n", verbs[i].words, verbs[i].help);
	fprintf(out, "\n  -c FILE   configuration (for check, and for where the shared files are)\n"
		     "  -d DIR    runtime directory, instead of the configuration's\n"
		     "  --json    machine-readable\n  -V        version\n");
}

// Reads one line of at most `size` bytes; returns its length or -1.
static ssize_t read_line(int fd, char *line, size_t size)
{
	size_t used = 0;
	while (used + 1 < size) {
		ssize_t got = read(fd, line + used, size - 1 - used);
		if (got <= 0)
			return -1;
		used += (size_t)got;
		if (memchr(line, '\n', used))
			break;
	}
	line[used] = 0;
	return (ssize_t)used;
}

static int connect_control(const char *directory, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", directory);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		snprintf(why, why_size, "%s: path is too long for a socket", directory);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	snprintf(why, why_size, "%s: %s: is sluice-control running?", address.sun_path,
		strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

json_t *control_ask(const char *directory, const json_t *request, char *why, size_t why_size)
{
	static char line[1 << 20];
	int fd = connect_control(directory, why, why_size);
	if (fd < 0)
		return NULL;
	json_t *reply = NULL;
	char *text = json_dumps(request, JSON_COMPACT);
	bool sent = text && send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text) &&
		    send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
	if (sent && read_line(fd, line, sizeof(line)) > 0)
		reply = json_loads(line, 0, NULL);
	if (!reply)
		snprintf(why, why_size, "control did not answer: see its log");
	free(text);
	close(fd);
	return reply;
}

int control_change(const char *directory, json_t *request, bool json)
{
	char why[256];
	json_t *reply = control_ask(directory, request, why, sizeof(why));
	json_decref(request);
	if (!reply) {
		fprintf(stderr, "sluicectl: %s\n", why);
		return 1;
	}
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (json)
		json_dumpf(reply, stdout, JSON_INDENT(2));
	else if (error)
		fprintf(stderr, "sluicectl: %s\n", error);
	else
		printf("done\n");
	if (json)
		printf("\n");
	int status = error ? 1 : 0;
	json_decref(reply);
	return status;
}

static int show(json_t *json, void (*text)(const json_t *, FILE *), bool as_json)
{
	if (as_json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		text(json, stdout);
	}
	const json_t *ok = json_object_get(json, "ok");
	int status = ok && !json_is_true(ok) ? 1 : 0;
	json_decref(json);
	return status;
}

static int run_look(const struct look *look, const char *directory, bool as_json)
{
	struct view view;
	view_open(&view, directory);
	if (!view.desired && !view.observed) {
		fprintf(stderr,
			"sluicectl: %s: no shared files that can be read: has Sluice run here, and "
			"are "
			"you root?\n",
			directory);
		return 1;
	}
	int status = show(look->view(&view), look->text, as_json);
	view_close(&view);
	return status;
}

static int run_verb(const struct config *config, int count, char **words, bool as_json)
{
	const char *verb = words[0];
	const char *directory = config->runtime_directory;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (strcmp(verb, looks[i].name) == 0 && count == 1)
			return run_look(&looks[i], directory, as_json);
	if (strcmp(verb, "check") == 0 && count == 1)
		return show(check_run(config), text_check, as_json);
	if ((strcmp(verb, "drain") == 0 || strcmp(verb, "undrain") == 0) && count == 1)
		return control_change(directory, json_pack("{s:s}", "verb", verb), as_json);
	if (strcmp(verb, "kick") == 0 && (count == 3 || count == 4))
		return control_change(directory,
			json_pack("{s:s, s:s, s:s, s:s}", "verb", verb, "room", words[1],
				"identity", words[2], "reason",
				count == 4 ? words[3] : "removed by the operator"),
			as_json);
	if (strcmp(verb, "top") == 0)
		return top_run(directory, count, words, as_json);
	if ((strcmp(verb, "mute") == 0 || strcmp(verb, "unmute") == 0) &&
		(count == 3 || count == 4))
		return mute_run(directory, count, words, as_json);
	if (strcmp(verb, "reload") == 0 && count == 1)
		return reload_run(directory, as_json);
	if (strcmp(verb, "log") == 0 && count == 2)
		return log_run(directory, words[1], as_json);
	if (strcmp(verb, "why") == 0)
		return why_run(config, count, words, as_json);
	if (strcmp(verb, "join-report") == 0)
		return join_report_run(config, count, words, as_json);
	if (strcmp(verb, "token") == 0)
		return token_run(config, count, words);
	if (strcmp(verb, "capture") == 0)
		return capture_run(directory, count, words, as_json);
	if (strcmp(verb, "push") == 0 || strcmp(verb, "pull") == 0 || strcmp(verb, "feeds") == 0)
		return feed_run(directory, count, words, as_json);
	if (strcmp(verb, "test-session") == 0 && (count == 2 || count == 3)) {
		int seconds = count == 3 ? atoi(words[2]) : 600;
		return session_open(
			directory, words[1], seconds > 0 ? (unsigned)seconds : 0, as_json);
	}
	fprintf(stderr, "sluicectl: no such verb or wrong arguments: %s\n\n", verb);
	print_usage(stderr);
	return 2;
}

// Looks for the verb without parsing: flags before it take at most one word.
static bool verb_is(int argc, char **argv, const char *verb)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-d") == 0)
			i++;
		else if (argv[i][0] != '-')
			return strcmp(argv[i], verb) == 0;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0}};
	static struct config config;
	const char *file = NULL, *directory = NULL;
	bool as_json = false;
	int letter;
	bool token = verb_is(argc, argv, "token");
	bool own = token || verb_is(argc, argv, "push") || verb_is(argc, argv, "pull") ||
		   verb_is(argc, argv, "top") ||
		   verb_is(argc, argv, "capture"); // have options of their own
	while ((letter = getopt_long(argc, argv, own ? "+c:d:hV" : "c:d:hV", options, NULL)) !=
		-1) {
		if (letter == 'c')
			file = optarg;
		else if (letter == 'd')
			directory = optarg;
		else if (letter == 'j')
			as_json = true;
		else if (letter == 'V')
			return printf("sluicectl %s\n", SLUICE_VERSION) < 0;
		else
			return print_usage(letter == 'h' ? stdout : stderr), letter == 'h' ? 0 : 2;
	}
	if (optind == argc)
		return print_usage(stderr), 2;
	char why[512];
	config_init(&config);
	config.secrets_unread = !token; // its users may look at the relay without knowing them
	if ((file && config_read(&config, file, why, sizeof(why))) ||
		(token && config_read_environment(&config, environ, why, sizeof(why)))) {
		fprintf(stderr, "sluicectl: %s\n", why);
		return 2;
	}
	if (directory)
		snprintf(config.runtime_directory, sizeof(config.runtime_directory), "%s",
			directory);
	int status = run_verb(&config, argc - optind, argv + optind, as_json);
	config_forget_secrets(&config);
	return status;
}

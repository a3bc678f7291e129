// SPDX-License-Identifier: Apache-2.0
// `push`, `pull` and `feeds`: media to WHIP endpoints, from WHEP endpoints, and how that goes.
#include "sluicectl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: sluicectl push [--stop] [--token-file FILE] ROOM/PARTICIPANT URL\n"
	"       sluicectl pull [--stop] [--token-file FILE] [--identity NAME] URL ROOM\n";

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "sluicectl: %s: %s\n", what, why);
	return 2;
}

// ---- listing

static const char *text_of(const json_t *one, const char *name)
{
	const char *text = json_string_value(json_object_get(one, name));

	return text ? text : "";
}

static void text_feed(const json_t *one, FILE *out)
{
	bool push = strcmp(text_of(one, "kind"), "push") == 0;
	const json_t *since = json_object_get(one, "connectedSeconds");
	const json_t *next = json_object_get(one, "nextTrySeconds");
	const json_t *port = json_object_get(one, "localPort");

	fprintf(out, "%s %s/%s %s %s: %s", text_of(one, "kind"), text_of(one, "room"),
		text_of(one, "identity"), push ? "to" : "from", text_of(one, "url"),
		text_of(one, "state"));
	if (json_is_integer(since))
		fprintf(out, " for %lld s", (long long)json_integer_value(since));
	if (json_is_integer(port))
		fprintf(out, ", local port %lld", (long long)json_integer_value(port));
	if (json_is_integer(next))
		fprintf(out, ", next try in %lld s", (long long)json_integer_value(next));
	if (text_of(one, "error")[0])
		fprintf(out, "\n  last error: %s", text_of(one, "error"));
	fprintf(out, "\n");
}

static int feeds_show(const char *directory, bool as_json)
{
	char why[256];
	json_t *request = json_pack("{s:s}", "verb", "feeds"), *feeds, *one;
	json_t *reply = control_ask(directory, request, why, sizeof(why));
	size_t i;

	json_decref(request);
	if (!reply) {
		fprintf(stderr, "sluicectl: %s\n", why);
		return 1;
	}
	feeds = json_object_get(reply, "feeds");
	if (as_json) {
		json_dumpf(reply, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (json_array_size(feeds) == 0) {
		printf("no pushes and no pulls\n");
	} else {
		json_array_foreach(feeds, i, one) text_feed(one, stdout);
	}
	json_decref(reply);
	return 0;
}

// ---- changing

struct wish {
	const char *identity;
	char token_file[PATH_MAX];
	bool stop;
};

static int wish_read(int count, char **words, struct wish *wish)
{
	static const struct option options[] = {{"stop", no_argument, NULL, 's'},
		{"token-file", required_argument, NULL, 't'},
		{"identity", required_argument, NULL, 'i'}, {NULL, 0, NULL, 0}};
	int letter;

	optind = 0; // begin anew, behind the verb
	while ((letter = getopt_long(count, words, "", options, NULL)) != -1) {
		if (letter == 's')
			wish->stop = true;
		else if (letter == 'i' && !strcmp(words[0], "pull"))
			wish->identity = optarg;
		else if (letter != 't')
			return fputs(usage, stderr), 2;
		else if (!realpath(optarg, wish->token_file)) // control has another directory
			return fail(optarg, strerror(errno));
	}
	if (optind + 2 == count)
		return 0;
	return fputs(usage, stderr), 2;
}

static json_t *request_make(const char *verb, char **words, const struct wish *wish)
{
	json_t *request = json_pack(
		"{s:s, s:s, s:b}", "verb", verb, "tokenFile", wish->token_file, "stop", wish->stop);
	char *slash = strrchr(words[0], '/');

	if (!strcmp(verb, "pull")) {
		json_object_set_new(request, "url", json_string(words[0]));
		json_object_set_new(request, "room", json_string(words[1]));
		if (wish->identity)
			json_object_set_new(request, "identity", json_string(wish->identity));
	} else if (slash) {
		json_object_set_new(
			request, "room", json_stringn(words[0], (size_t)(slash - words[0])));
		json_object_set_new(request, "identity", json_string(slash + 1));
		json_object_set_new(request, "url", json_string(words[1]));
	}
	return request;
}

int feed_run(const char *directory, int count, char **words, bool as_json)
{
	struct wish wish = {0};
	json_t *request, *reply;
	const char *error;
	char why[256];
	int status;

	if (!strcmp(words[0], "feeds"))
		return count == 1 ? feeds_show(directory, as_json) : (fputs(usage, stderr), 2);
	status = wish_read(count, words, &wish);
	if (status)
		return status;
	request = request_make(words[0], words + optind, &wish);
	reply = control_ask(directory, request, why, sizeof(why));
	json_decref(request);
	error = reply ? json_string_value(json_object_get(reply, "error")) : why;
	if (error)
		fprintf(stderr, "sluicectl: %s\n", error);
	else if (as_json)
		printf("{\"ok\": true}\n");
	else
		printf("done: see `sluicectl feeds`\n");
	status = error ? 1 : 0;
	json_decref(reply);
	return status;
}

// SPDX-License-Identifier: Apache-2.0
// `sluicectl reload` and `log`: what both planes do at once. Each is asked on a socket of its own, so that one
// that is down does not keep the other from doing it.
#include "sluicectl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_MAX = 4096, WHY_MAX = 256, PATIENCE_S = 5 };

// Returns 0 with the reply, or -1 with `reply` saying why there is none.
static int dataplane_ask(const char *directory, const char *request, char reply[REPLY_MAX])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int length = snprintf(
		address.sun_path, sizeof(address.sun_path), "%s/dataplane.sock", directory);
	int fd = -1;
	ssize_t got = -1;

	if (length > 0 && (size_t)length < sizeof(address.sun_path))
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
		!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		got = recv(fd, reply, REPLY_MAX - 1, 0);
	if (got > 0)
		reply[got] = 0;
	else
		snprintf(reply, REPLY_MAX, "%s: %s: is sluice-dataplane running?", address.sun_path,
			got < 0 ? strerror(errno) : "no answer");
	if (fd >= 0)
		close(fd);
	return got > 0 ? 0 : -1;
}

// "reloaded KEY", "restart KEY", "error WHY" and "ok" lines as control's reply would have them.
static json_t *reply_read(char *reply)
{
	json_t *json =
		json_pack("{s:b, s:[], s:[], s:[]}", "ok", 1, "reloaded", "restart", "errors");
	char *rest = NULL;

	for (char *line = strtok_r(reply, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *what = strchr(line, ' ');
		json_t *list;

		if (!what)
			continue;
		*what++ = 0;
		list = json_object_get(json, strcmp(line, "error") ? line : "errors");
		json_array_append_new(list, json_string(what));
		if (!strcmp(line, "error"))
			json_object_set_new(json, "ok", json_false());
	}
	return json;
}

static json_t *failure(const char *why)
{
	return json_pack("{s:b, s:[s]}", "ok", 0, "errors", why);
}

static json_t *ask_dataplane(const char *directory, const char *request)
{
	char reply[REPLY_MAX];

	return dataplane_ask(directory, request, reply) ? failure(reply) : reply_read(reply);
}

static json_t *ask_control(const char *directory, json_t *request)
{
	char why[WHY_MAX];
	json_t *reply = control_ask(directory, request, why, sizeof(why));
	const char *error = json_string_value(json_object_get(reply, "error"));

	json_decref(request);
	if (reply && !error)
		return reply;
	json_t *failed = failure(error ? error : why);

	json_decref(reply);
	return failed;
}

static void print_list(const char *plane, const char *what, const json_t *list, FILE *out)
{
	size_t i;
	json_t *item;

	if (!json_array_size(list))
		return;
	fprintf(out, "%s: %s", plane, what);
	json_array_foreach((json_t *)list, i, item)
		fprintf(out, "%s %s", i ? "," : "", json_string_value(item));
	fprintf(out, "\n");
}

static void print_plane(const char *plane, const char *program, const json_t *reply)
{
	char restart[64];

	snprintf(restart, sizeof(restart), "changed, needs a restart of %s:", program);
	print_list(plane, "reloaded:", json_object_get(reply, "reloaded"), stdout);
	print_list(plane, "files read again:", json_object_get(reply, "read"), stdout);
	print_list(plane, restart, json_object_get(reply, "restart"), stdout);
	print_list(plane, "failed:", json_object_get(reply, "errors"), stderr);
	if (json_is_true(json_object_get(reply, "ok")) &&
		!json_array_size(json_object_get(reply, "reloaded")) &&
		!json_array_size(json_object_get(reply, "restart")))
		printf("%s: done\n", plane);
}

// Takes both replies. Returns the exit status.
static int print_both(json_t *control, json_t *dataplane, bool as_json)
{
	bool ok = json_is_true(json_object_get(control, "ok")) &&
		  json_is_true(json_object_get(dataplane, "ok"));

	if (as_json) {
		json_t *both = json_pack("{s:O, s:O}", "control", control, "dataplane", dataplane);

		json_dumpf(both, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(both);
	} else {
		print_plane("control", "sluice-control", control);
		print_plane("data plane", "sluice-dataplane", dataplane);
	}
	json_decref(control);
	json_decref(dataplane);
	return ok ? 0 : 1;
}

int reload_run(const char *directory, bool as_json)
{
	json_t *control = ask_control(directory, json_pack("{s:s}", "verb", "reload"));

	return print_both(control, ask_dataplane(directory, "reload"), as_json);
}

int log_run(const char *directory, const char *level, bool as_json)
{
	char request[32];
	json_t *control = json_pack("{s:s, s:s}", "verb", "log", "level", level);

	if (!control ||
		snprintf(request, sizeof(request), "log %s", level) >= (int)sizeof(request)) {
		json_decref(control);
		fprintf(stderr, "sluicectl: log: the level must be error, warn, info or debug\n");
		return 2;
	}
	return print_both(
		ask_control(directory, control), ask_dataplane(directory, request), as_json);
}

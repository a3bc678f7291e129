// SPDX-License-Identifier: Apache-2.0
// `sluicectl test-session`: hands the sessions of a load test's file to control, one by one, and waits
// until the data plane has them.
#include "sluicectl.h"

#include <sluice/msg.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	READY_MS = 5000, // how long the data plane may take
	LOOK_MS = 20,
};

// The file holds keys: nobody but its owner may have been able to read it.
static json_t *file_read(const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	json_error_t error;
	json_t *json = NULL;
	if (fd < 0 || fstat(fd, &status)) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode) || status.st_mode & 077) {
		snprintf(why, why_size,
			"%s: holds keys and others may read it: `chmod 600` it, and make new ones "
			"if that is in doubt",
			path);
	} else {
		json = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
		if (!json) // without error.text: it may quote the file
			snprintf(why, why_size, "%s:%d: is not JSON", path, error.line);
	}
	if (fd >= 0)
		close(fd);
	return json;
}

// One peer of the file as control's request; NULL with `why` when the file has it wrong.
static json_t *request_make(const json_t *file, json_t *peer, const char *verb, unsigned seconds,
	char *why, size_t size)
{
	static const char *const shared[] = {"room", "relay", "profile"};
	json_t *request = json_is_object(peer) ? json_copy(peer) : NULL;
	for (size_t i = 0; request && i < sizeof(shared) / sizeof(shared[0]); i++)
		json_object_set(request, shared[i], json_object_get(file, shared[i]));
	if (!request || json_object_set_new(request, "verb", json_string(verb)) ||
		json_object_set_new(request, "seconds", json_integer(seconds))) {
		snprintf(why, size, "publishers and subscribers must be lists of objects");
		json_decref(request);
		return NULL;
	}
	return request;
}

static const char *identity_of(const json_t *peer)
{
	const char *identity = json_string_value(json_object_get(peer, "identity"));
	return identity ? identity : "(no identity)";
}

static int peer_open(const char *directory, json_t *request, json_t *done, char *why, size_t size)
{
	json_t *reply = control_ask(directory, request, why, size);
	const char *error = json_string_value(json_object_get(reply, "error"));
	if (error)
		snprintf(why, size, "%s: %s", identity_of(request), error);
	if (reply && !error) {
		json_object_set(reply, "identity", json_object_get(request, "identity"));
		json_object_set(reply, "address", json_object_get(request, "address"));
		json_object_set(reply, "publisher", json_object_get(request, "publisher"));
		json_object_del(reply, "ok");
		json_array_append(done, reply);
	}
	json_decref(reply);
	return reply && !error ? 0 : -1;
}

static int peers_open(const char *directory, const json_t *file, unsigned seconds, json_t *done,
	char *why, size_t size)
{
	static const char *const lists[][2] = {
		{"publishers", "test-publish"}, {"subscribers", "test-subscribe"}};
	for (unsigned list = 0; list < 2; list++) {
		const json_t *peers = json_object_get(file, lists[list][0]);
		json_t *peer;
		size_t i;
		json_array_foreach(peers, i, peer)
		{
			json_t *request =
				request_make(file, peer, lists[list][1], seconds, why, size);
			int result = request ? peer_open(directory, request, done, why, size) : -1;
			json_decref(request);
			if (result)
				return -1;
		}
	}
	if (json_array_size(done))
		return 0;
	snprintf(why, size, "the file names neither publishers nor subscribers");
	return -1;
}

// ---- is it in force?

static bool peer_ready(const struct view *view, const json_t *peer)
{
	static const uint8_t unknown[6];
	uint32_t index = (uint32_t)json_integer_value(json_object_get(peer, "transport"));
	uint32_t generation = (uint32_t)json_integer_value(json_object_get(peer, "generation"));
	struct sluice_transport row;
	struct sluice_transport_status status;
	if (index >= SLUICE_TRANSPORTS_MAX ||
		!sluice_row_read(&view->desired->transports[index].row, &row, sizeof(row)) ||
		!sluice_row_read(&view->observed->transports[index].row, &status, sizeof(status)))
		return false;
	bool hop = row.path_selected < SLUICE_PATHS_MAX &&
		   memcmp(row.paths[row.path_selected].remote_mac, unknown, sizeof(unknown)) != 0;
	return row.row.generation == generation && status.row.generation == generation && hop;
}

// Keys come after the row, so that the row is there is not enough: all hints must have been read.
static bool hints_read(const struct view *view)
{
	for (unsigned w = 0; w < view->observed->head.workers_used && w < SLUICE_WORKERS_MAX; w++) {
		struct sluice_ring ring = sluice_ring_hints((struct sluice_desired *)view->desired,
			(struct sluice_observed *)view->observed, w);
		if (sluice_ring_fill(&ring))
			return false;
	}
	return true;
}

// Returns the first that the data plane cannot serve yet, or NULL.
static const json_t *peers_missing(const struct view *view, const json_t *done)
{
	const json_t *peer;
	size_t i;
	json_array_foreach(done, i, peer)
	{
		if (!peer_ready(view, peer))
			return peer;
	}
	return NULL;
}

static int peers_wait(const char *directory, const json_t *done, char *why, size_t size)
{
	static const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	const json_t *missing = NULL;
	struct view view;
	view_open(&view, directory);
	if (!view.desired || !view.observed || !view.dataplane_alive) {
		fprintf(stderr, "sluicectl: no data plane runs: it will find the sessions when it "
				"starts\n");
	} else {
		for (int ms = 0; ms < READY_MS; ms += LOOK_MS) {
			missing = peers_missing(&view, done);
			if (!missing && hints_read(&view))
				break;
			nanosleep(&pause, NULL);
		}
	}
	if (missing)
		snprintf(why, size,
			"%s: the data plane does not serve it yet: its address must answer ARP or "
			"ND, or the file must give its \"mac\"",
			identity_of(missing));
	view_close(&view);
	return missing ? -1 : 0;
}

int session_open(const char *directory, const char *path, unsigned seconds, bool as_json)
{
	char why[512] = "";
	json_t *done = json_array();
	prctl(PR_SET_DUMPABLE, 0); // keys are in here
	json_t *file = file_read(path, why, sizeof(why));
	int result = file ? peers_open(directory, file, seconds, done, why, sizeof(why)) : -1;
	if (!result)
		result = peers_wait(directory, done, why, sizeof(why));
	if (result)
		fprintf(stderr, "sluicectl: %s\n", why);
	else if (as_json)
		json_dumpf(done, stdout, JSON_INDENT(2));
	else
		printf("%zu test sessions for %u seconds\n", json_array_size(done), seconds);
	json_decref(file);
	json_decref(done);
	return result ? 1 : 0;
}

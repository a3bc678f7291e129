// SPDX-License-Identifier: Apache-2.0
// The parts of sluicectl: views make JSON out of the shared files, text prints that JSON for people, so
// that both forms always say the same; check is the doctor.
#pragma once

#include <sluice/attach.h>
#include <sluice/config.h>

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

struct view {
	const struct sluice_desired *desired; // NULL: control has never run here
	const struct sluice_observed *observed; // NULL: no data plane has ever run here
	bool control_alive, dataplane_alive;
	uint64_t now_ns; // CLOCK_MONOTONIC
};

// Maps whatever shared files DIR has. Never fails: what is not there is NULL.
void view_open(struct view *view, const char *directory);
void view_close(struct view *view);

// Each returns a new JSON object that the caller releases. `status` samples the workers' load for 200 ms.
json_t *view_status(const struct view *view);
json_t *view_rooms(const struct view *view);
json_t *view_peers(const struct view *view);
json_t *view_drops(const struct view *view);

// Prints what the view of the same name returned.
void text_status(const json_t *status, FILE *out);
void text_rooms(const json_t *rooms, FILE *out);
void text_peers(const json_t *peers, FILE *out);
void text_drops(const json_t *drops, FILE *out);
void text_check(const json_t *check, FILE *out);

// Looks at kernel, memory, interfaces, capabilities, certificate, ports and processes. Returns
// {"ok": bool, "checks": [{"name", "state": "ok"|"warning"|"fault", "what", "fix"}]}.
json_t *check_run(const struct config *config);

// Sends one request object to control's socket and returns its reply, or NULL after writing why into
// `why`. The request is borrowed.
json_t *control_ask(const char *directory, const json_t *request, char *why, size_t why_size);

// Asks control for a change and prints its reply. Takes the request. Returns the exit status.
int control_change(const char *directory, json_t *request, bool as_json);

// Prints the picture of `top` on at most so many rows; `screen`: with colours, over what was there.
void text_top(const json_t *top, FILE *out, unsigned screen_rows, unsigned columns, bool screen);

// `top` with its options, `mute` and `unmute` with room, identity and maybe what, `reload`, `log`. words[0] is
// the verb. Each returns the exit status.
int top_run(const char *directory, int count, char **words, bool as_json);
int mute_run(const char *directory, int count, char **words, bool as_json);
int reload_run(const char *directory, bool as_json);
int log_run(const char *directory, const char *level, bool as_json);

// `token` with its options, words[0] being the verb: prints a token, and nothing else, on stdout. The
// configuration has its secrets. Returns the exit status.
int token_run(const struct config *config, int count, char **words);

// `push` and `pull` with their options, and `feeds`; words[0] is the verb. Returns the exit status.
int feed_run(const char *directory, int count, char **words, bool as_json);

// `test-session`: makes the sessions of the file `path` for so many seconds. Prints what came of it;
// returns the exit status.
int session_open(const char *directory, const char *path, unsigned seconds, bool as_json);

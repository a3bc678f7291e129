// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <sluice/row.h>

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
	OPTIONS_SOURCES_MAX = 64,
	OPTIONS_PIDS_MAX = 16,
	OPTIONS_THREADS_MAX = 256,
	OPTIONS_LOADS_MAX = 24,
};

struct options {
	const char *url;
	bool janus; // it speaks Janus' API, not dialect 002
	const char *secret; // or
	const char *token_command;
	const char *json_path, *svg_path; // NULL = none
	const char *room_prefix;
	uint32_t rooms, publishers, subscribers; // the latter two per room
	uint32_t subscribe_to; // publishers per subscriber; 0 = all of the room
	uint32_t first_user;
	uint32_t threads;
	double ramp; // clients per second
	double duration_s;
	double join_timeout_s;
	uint32_t video_bitrate; // bit/s of RTP packets; 0 = no video
	uint32_t video_size; // bytes of an RTP packet before encryption
	bool audio;
	enum sluice_srtp_profile profile;
	bool answer_nacks, portable_srtp, require_zero_loss, quiet;
	uint32_t
		decrypt_one_in; // of so many receiving connections; RTP of the others is only counted
	cpu_set_t relay_cpus; // empty = not said
	unsigned sources_used, pids_used, loads_used;
	uint32_t loads
		[OPTIONS_LOADS_MAX]; // packets per second to be received in all, one after the other
	struct sockaddr_storage sources[OPTIONS_SOURCES_MAX];
	pid_t pids[OPTIONS_PIDS_MAX];
};

// Fills the defaults and reads the arguments. Returns 0; 1 when help was asked for; -1 with `why`.
int options_read(struct options *options, int count, char **arguments, char *why, size_t why_size);

// Prints what options there are.
void options_help(FILE *out);

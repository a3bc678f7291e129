// SPDX-License-Identifier: Apache-2.0
// The command line of sluice-pktgen.
#pragma once

#include "junk.h"
#include "session.h"

#include <stdio.h>

enum options_verb {
	OPTIONS_JUNK,
	OPTIONS_SESSION,
	OPTIONS_STREAMS,
	OPTIONS_REPLAY,
	OPTIONS_RECEIVE,
	OPTIONS_HELP,
};

enum { OPTIONS_WORDS_MAX = 16 };

struct options {
	enum options_verb verb;
	unsigned words_used; // what follows the verb: classes or files
	const char *words[OPTIONS_WORDS_MAX];
	const char *output; // directory of captures, file of a session
	struct endpoint relay;
	struct endpoint_range
		sources; // --source, --source-mac, --source-ports: of junk and publishers
	struct endpoint_range subscribers;
	bool has_relay, has_sources, has_subscribers, has_subscriber_mac;
	uint64_t count, seed, first, packets;
	uint16_t size_low, size_high;
	uint32_t rate, loops, publishers, subscribers_each;
	double seconds;
	enum sluice_srtp_profile profile;
	bool no_audio, forge;
	const char *room, *ufrag, *interface, *capture;
};

void options_help(FILE *out);

// Reads the command line; texts stay the caller's. Returns 0, or -1 with `why`.
int options_read(struct options *options, int count, char **arguments, char *why, size_t why_size);

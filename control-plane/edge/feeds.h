// SPDX-License-Identifier: Apache-2.0
// All pushes and pulls (feed.h): those of the configuration, and those that sluicectl has added, which are kept in
// RUNTIME_DIRECTORY/feeds.json (0600, no tokens).
#pragma once

#include "feed.h"

#include <sluice/config.h>

#include <jansson.h>

enum { FEEDS_MAX = 256 };

struct feeds;

// Makes those of the configuration and of the file; nothing is sent before the first tick. What is wrong with the
// file is logged. `host` is copied but for `failures`, which `counters` has. Returns NULL when memory is short.
struct feeds *feeds_create(
	const struct feed_host *host, const struct config *config, struct edge_counters *counters);

// Frees them; their sessions go on for the next control. NULL is fine.
void feeds_destroy(struct feeds *feeds);

// Adds one and keeps it. Returns 0, or -1 with `why`: it is there already, makes no sense, or cannot be kept.
int feeds_add(struct feeds *feeds, const struct feed_settings *settings, char why[FEED_ERROR_MAX]);

// Ends one that sluicectl has added: of a push room, identity and URL are asked for, of a pull room and URL.
// Returns 0, or -1 with `why`.
int feeds_remove(
	struct feeds *feeds, const struct feed_settings *settings, char why[FEED_ERROR_MAX]);

// Makes those of the configuration what `config` says: ends those that are not in it any more, begins new ones, and
// leaves the rest alone.
void feeds_reload(struct feeds *feeds, const struct config *config);

// A new array of [{"kind","room","identity","url","tokenFile","from","state","localPort","connectedSeconds",
// "failures","error","nextTrySeconds"}]; port and seconds are null when it is not connected, or no try is due.
json_t *feeds_view(const struct feeds *feeds, uint64_t now_ms);

// Calls each one's tick, and counts them by state. NULL is fine.
void feeds_tick(struct feeds *feeds, uint64_t now_ms);

// An event; false = its link is none of ours.
bool feeds_event(struct feeds *feeds, const struct core_event *event);

// True when the participant is one of a push or pull.
bool feeds_owns(const struct core_participant *participant);

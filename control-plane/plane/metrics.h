// SPDX-License-Identifier: Apache-2.0
// Prometheus text (exposition format 0.0.4, or OpenMetrics 1.0) out of the core, the shared rows and edge's counters. The
// same rows feed sluicectl, so the two never disagree. No ids, names or addresses as labels.
#pragma once

#include "core/core.h"
#include "edge/counters.h"
#include "plane.h"

#include <stddef.h>

struct metrics_source {
	const struct core *core;
	const struct plane *plane;
	const struct edge_counters *counters;
	const struct core_limits *limits;
	bool open; // OpenMetrics
};

// Writes the whole text into `text`, terminated. Returns the length it has or would have, as snprintf
// does; what does not fit is cut off.
size_t metrics_text(char *text, size_t size, const struct metrics_source *source);

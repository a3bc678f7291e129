// SPDX-License-Identifier: Apache-2.0
// Whether this relay should get traffic, and if not, why: the answer of /readyz.
#pragma once

#include <sluice/config.h>
#include <sluice/msg.h>

#include <stdbool.h>
#include <stdint.h>

enum { READY_CHECKS_MAX = 8 };

struct ready_input {
	const struct config *config;
	const struct sluice_observed *observed; // NULL = no data plane
	bool plane_ready; // plane_ready()
	bool draining;
	unsigned candidates;
	int64_t certificate_expiry_s; // Unix; 0 = no TLS
	int64_t now_s; // Unix
	uint64_t now_ns; // monotonic
};

struct ready_report {
	bool ready;
	unsigned used;
	struct {
		const char *name; // static
		bool ok;
		char why[160]; // with what to do; empty when ok
	} checks[READY_CHECKS_MAX];
};

// Runs all checks; cheap enough for a probe every second.
void ready_check(const struct ready_input *input, struct ready_report *report);

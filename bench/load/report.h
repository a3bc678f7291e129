// SPDX-License-Identifier: Apache-2.0
// A result for people and for programs.
#pragma once

#include "result.h"

#include <stdio.h>

// A readable table.
void report_table(const struct result *result, FILE *out);

// One JSON object to `path`, `-` for standard output. Returns 0 or -errno.
int report_json(const struct result *result, const char *path);

// A drawing of a run with --loads. Returns 0 or -errno.
int report_svg(const struct result *result, const char *path);

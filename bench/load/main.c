// SPDX-License-Identifier: Apache-2.0
// sluice-load: many real clients of a relay in one process, and what became of their packets.
#include "options.h"
#include "report.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_USAGE = 2, WHY_MAX = 256 };

// Even a quiet run says why it does not count.
static void reasons_print(const struct result *result)
{
	for (unsigned i = 0; i < result->saturation.reasons_used; i++)
		fprintf(stderr, "sluice-load: invalid: %s\n", result->saturation.reasons[i]);
}

static int measure(const struct options *options)
{
	struct result *result = calloc(1, sizeof(*result));
	char why[WHY_MAX] = "out of memory";
	int status = STATUS_USAGE, error = 0;

	if (!result || run(options, result, why, sizeof(why))) {
		fprintf(stderr, "sluice-load: %s\n", why);
		free(result);
		return STATUS_USAGE;
	}
	if (!options->quiet)
		report_table(result,
			options->json_path && !strcmp(options->json_path, "-") ? stderr : stdout);
	else
		reasons_print(result);
	if (options->json_path)
		error = report_json(result, options->json_path);
	if (error)
		fprintf(stderr, "sluice-load: cannot write %s: %s\n", options->json_path,
			strerror(-error));
	else
		status = result_status(result);
	free(result);
	return status;
}

int main(int count, char **arguments)
{
	struct options options;
	char why[WHY_MAX];

	switch (options_read(&options, count, arguments, why, sizeof(why))) {
	case 0:
		return measure(&options);
	case 1:
		options_help(stdout);
		return 0;
	default:
		fprintf(stderr, "sluice-load: %s\n", why);
		return STATUS_USAGE;
	}
}

// SPDX-License-Identifier: Apache-2.0
// sluice-load: many real clients of a relay in one process, and what became of their packets.
#include "options.h"
#include "plot.h"
#include "report.h"
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_USAGE = 2, WHY_MAX = 256 };

// Even a quiet run says why it does not count.
static void reasons_print(const struct result *result)
{
	const struct saturation *saturation = result_saturation(result);

	for (unsigned i = 0; i < saturation->reasons_used; i++)
		fprintf(stderr, "sluice-load: invalid: %s\n", saturation->reasons[i]);
}

static int cannot_write(const char *path, int error)
{
	fprintf(stderr, "sluice-load: cannot write %s: %s\n", path, strerror(-error));
	return STATUS_USAGE;
}

static int measure(const struct options *options)
{
	struct result *result = calloc(1, sizeof(*result));
	char why[WHY_MAX] = "out of memory";
	int status, error;

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
	status = result_status(result);
	if (options->json_path && (error = report_json(result, options->json_path)))
		status = cannot_write(options->json_path, error);
	if (options->svg_path && (error = report_svg(result, options->svg_path)))
		status = cannot_write(options->svg_path, error);
	free(result);
	return status;
}

// One NAME=FILE of the command line.
static int run_read(struct plot *plot, const char *argument)
{
	const char *path = strchr(argument, '=');
	char name[PLOT_NAME_MAX], why[WHY_MAX];
	json_error_t error;
	json_t *run;
	int result;

	if (!path || path == argument || path - argument >= PLOT_NAME_MAX) {
		fprintf(stderr, "sluice-load: %s: give NAME=FILE\n", argument);
		return -1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(path - argument), argument);
	run = json_load_file(path + 1, 0, &error);
	if (!run) {
		fprintf(stderr, "sluice-load: %s: %s\n", path + 1, error.text);
		return -1;
	}
	result = plot_add(plot, name, run, why, sizeof(why));
	if (result)
		fprintf(stderr, "sluice-load: %s: %s\n", path + 1, why);
	json_decref(run);
	return result;
}

// plot OUT.svg NAME=RUN.json...
static int draw(int count, char **arguments)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	int error = plot && count >= 4 ? 0 : -1;
	FILE *out = NULL;

	if (error)
		fputs("usage: sluice-load plot OUT.svg NAME=RUN.json...\n", stderr);
	for (int i = 3; i < count && !error; i++)
		error = run_read(plot, arguments[i]);
	if (!error && !(out = fopen(arguments[2], "we")))
		error = cannot_write(arguments[2], -errno);
	if (!error)
		plot_write(plot, out);
	if (out && fclose(out))
		error = cannot_write(arguments[2], -errno);
	free(plot);
	return error ? STATUS_USAGE : 0;
}

int main(int count, char **arguments)
{
	struct options options;
	char why[WHY_MAX];

	if (count > 1 && !strcmp(arguments[1], "plot"))
		return draw(count, arguments);
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

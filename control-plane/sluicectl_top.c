// SPDX-License-Identifier: Apache-2.0
// `sluicectl top`: workers, ports and rooms by what they do in a second, out of the shared files. Control and
// the data plane may both be down: what they last wrote is shown, and that they are.
#include "edge/figures.h"
#include "sluicectl.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { ROOMS_MAX = 1000, ROWS_STANDARD = 24, COLUMNS_STANDARD = 80, ROWS_WITHOUT_SCREEN = 1000 };

struct options {
	double interval_s;
	bool once, as_json;
};

static volatile sig_atomic_t ended;

static void end(int)
{
	ended = 1;
}

static int usage(const char *what)
{
	fprintf(stderr,
		"sluicectl: top: %s\nusage: sluicectl top [--interval SECONDS] [--once] [--json]\n",
		what);
	return 2;
}

static int options_read(int count, char **words, struct options *options)
{
	static const struct option known[] = {{"interval", required_argument, NULL, 'i'},
		{"once", no_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0}};
	int letter;
	char *rest;

	optind = 0; // begin anew, behind the verb
	while ((letter = getopt_long(count, words, "", known, NULL)) != -1) {
		if (letter == 'o')
			options->once = true;
		else if (letter == 'j')
			options->as_json = true;
		else if (letter != 'i')
			return usage("what is that?");
		if (letter != 'i')
			continue;
		options->interval_s = strtod(optarg, &rest);
		if (*rest || !(options->interval_s >= 0.1 && options->interval_s <= 3600))
			return usage("--interval must be 0.1 to 3600 seconds");
	}
	return optind < count ? usage("it takes no words") : 0;
}

// ---- looking

struct look {
	struct figures *figures;
	bool control_alive, dataplane_alive, draining;
	int control_pid, dataplane_pid;
};

static bool look_take(const char *directory, struct look *look)
{
	struct view view;

	view_open(&view, directory);
	*look = (struct look){.control_alive = view.control_alive,
		.dataplane_alive = view.dataplane_alive && atomic_load(&view.observed->head.ready),
		.draining = view.desired && view.desired->head.draining,
		.control_pid = view.desired ? (int)view.desired->head.pid : 0,
		.dataplane_pid = view.observed ? (int)view.observed->head.pid : 0};
	if (view.desired || view.observed)
		look->figures = figures_take(view.desired, view.observed, view.now_ns);
	view_close(&view);
	return look->figures != NULL;
}

// Only what was dropped while we looked, and what was ever.
static json_t *drops_some(const struct figures *now, const struct figures *before)
{
	json_t *all = figures_drops(now, before), *some = json_array(), *drop;
	size_t i;

	json_array_foreach(all, i, drop) if (json_integer_value(json_object_get(drop, "packets")))
		json_array_append(some, drop);
	json_decref(all);
	return some;
}

static json_t *look_json(const struct look *now, const struct figures *before)
{
	return json_pack("{s:{s:b, s:i, s:b}, s:{s:b, s:i}, s:o, s:o, s:i, s:o, s:o}", "control",
		"alive", now->control_alive, "pid", now->control_pid, "draining", now->draining,
		"dataplane", "alive", now->dataplane_alive, "pid", now->dataplane_pid, "workers",
		figures_workers(now->figures, before), "ports", figures_ports(now->figures, before),
		"rooms_total", (int)figures_rooms_used(now->figures), "rooms",
		figures_rooms(now->figures, before, 0, ROOMS_MAX), "drops",
		drops_some(now->figures, before));
}

// ---- showing

static void pause_for(double seconds)
{
	struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&left, NULL); // a signal ends it
}

static void size_of_screen(unsigned *rows, unsigned *columns)
{
	struct winsize size;

	*rows = ROWS_STANDARD;
	*columns = COLUMNS_STANDARD;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return;
	*rows = size.ws_row;
	*columns = size.ws_col;
}

// A picture goes out in one write, so that nothing flickers.
static void show_on_screen(const json_t *top)
{
	unsigned rows, columns;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	size_of_screen(&rows, &columns);
	fputs("\033[H", out);
	text_top(top, out, rows, columns, true);
	fputs("\033[J", out);
	fclose(out);
	fwrite(text, 1, size, stdout);
	fflush(stdout);
	free(text);
}

static void show(const json_t *top, const struct options *options, bool screen)
{
	if (options->as_json) {
		json_dumpf(top, stdout, options->once ? JSON_INDENT(2) : JSON_COMPACT);
		fputs("\n", stdout);
	} else if (screen) {
		show_on_screen(top);
	} else {
		text_top(top, stdout, ROWS_WITHOUT_SCREEN, 160, false);
		fputs("\n", stdout);
	}
	fflush(stdout);
}

static void signals_catch(void)
{
	struct sigaction action = {.sa_handler = end};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

// Until a signal comes, or after the first with --once. Returns the exit status.
static int watch(const char *directory, const struct options *options, bool screen)
{
	struct look before = {0}, now = {0};
	bool shown = false;

	look_take(directory, &before);
	while (!ended) {
		pause_for(options->interval_s);
		if (ended || ferror(stdout))
			break;
		if (look_take(directory, &now)) {
			json_t *top = look_json(&now, before.figures);

			show(top, options, screen);
			shown = true;
			json_decref(top);
			figures_free(before.figures);
			before = now;
		} else if (!screen) {
			break;
		}
		if (options->once)
			break;
	}
	figures_free(before.figures);
	return shown || (screen && ended) ? 0 : 1;
}

int top_run(const char *directory, int count, char **words, bool as_json)
{
	struct options options = {.interval_s = 1, .as_json = as_json};
	int status = options_read(count, words, &options);
	bool screen;

	if (status)
		return status;
	screen = !options.once && !options.as_json && isatty(STDOUT_FILENO);
	signals_catch();
	if (screen) // the other screen, without a cursor
		fputs("\033[?1049h\033[?25l\033[H\033[Jsluicectl: looking …", stdout);
	fflush(stdout);
	status = watch(directory, &options, screen);
	if (screen)
		fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (status)
		fprintf(stderr,
			"sluicectl: %s: no shared files that can be read: has Sluice run here, and "
			"are you root?\n",
			directory);
	return status;
}

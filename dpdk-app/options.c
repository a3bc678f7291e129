// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include "log.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

enum { SETTINGS_MAX = 64, WHY_SIZE = 512, USAGE_ERROR = 2 };

struct flags {
	const char *file;
	const char *settings[SETTINGS_MAX];
	unsigned settings_used;
	unsigned verbose;
	bool check, discard;
};

static struct flags flags; // kept for reloading

enum config_log_level log_level = CONFIG_LOG_INFO;

static const char help[] =
	"sluice-dataplane: the media half of the Sluice WebRTC relay\n"
	"\n"
	"usage: sluice-dataplane [-c FILE] [--set KEY=VALUE]... [-t] [-v] [-- EAL-ARGUMENT...]\n"
	"\n"
	"  -c, --config FILE     read the configuration from FILE (YAML)\n"
	"  -s, --set KEY=VALUE   set one key, as in --set media.port=5000; may be repeated\n"
	"      --discard-state   replace shared state of another version instead of refusing\n"
	"  -t, --test            check the configuration, print the effective values, end\n"
	"  -v, --verbose         say more\n"
	"  -V, --version         print the version, end\n"
	"  -h, --help            print this, end\n"
	"\n"
	"What follows -- is passed to DPDK. `sluice-control --sample` prints every key with its "
	"meaning.\n";

static int fail(int *status, int value)
{
	*status = value;
	return -1;
}

static int flags_read(int count, char **values, int *status)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"discard-state", no_argument, NULL, 'd'},
		{"test", no_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int flag;
	while ((flag = getopt_long(count, values, "+c:s:tvVh", known, NULL)) != -1) {
		switch (flag) {
		case 'c':
			flags.file = optarg;
			break;
		case 's':
			if (flags.settings_used == SETTINGS_MAX) {
				log_error("--set: at most %d times", SETTINGS_MAX);
				return fail(status, USAGE_ERROR);
			}
			flags.settings[flags.settings_used++] = optarg;
			break;
		case 'd':
			flags.discard = true;
			break;
		case 't':
			flags.check = true;
			break;
		case 'v':
			flags.verbose++;
			break;
		case 'V':
			puts("sluice-dataplane " SLUICE_VERSION);
			return fail(status, 0);
		case 'h':
			fputs(help, stdout);
			return fail(status, 0);
		default: // getopt has said what is wrong
			fputs("sluice-dataplane: -h explains the flags\n", stderr);
			return fail(status, USAGE_ERROR);
		}
	}
	return 0;
}

// Only DPDK's arguments may follow the flags, and only behind "--".
static int rest_read(struct options *options, int count, char **values, int *status)
{
	if (optind < count && strcmp(values[optind - 1], "--") != 0) {
		log_error("unexpected argument '%s': -h explains the flags", values[optind]);
		return fail(status, USAGE_ERROR);
	}
	options->arguments = values + optind;
	options->arguments_used = (unsigned)(count - optind);
	return 0;
}

int options_compose(struct config *config, char *why, size_t why_size)
{
	config_init(config);
	config->secrets_unread = true; // they are control's alone
	if (flags.file && config_read(config, flags.file, why, why_size) < 0)
		return -1;
	if (config_read_environment(config, environ, why, why_size) < 0)
		return -1;
	for (unsigned i = 0; i < flags.settings_used; i++)
		if (config_set(config, flags.settings[i], why, why_size) < 0)
			return -1;
	if (config_check(config, false, why, why_size) < 0)
		return -1;
	config->log_level += flags.verbose;
	return 0;
}

int options_read(struct options *options, int count, char **values, int *status)
{
	char why[WHY_SIZE] = "";
	if (flags_read(count, values, status) < 0 || rest_read(options, count, values, status) < 0)
		return -1;
	if (options_compose(&options->config, why, sizeof(why)) < 0) {
		log_error("%s", why);
		return fail(status, USAGE_ERROR);
	}
	if (flags.check)
		config_print(&options->config, stdout);
	config_forget_secrets(&options->config); // of the environment
	if (flags.check)
		return fail(status, 0);
	log_level = options->config.log_level;
	options->discard = flags.discard;
	return 0;
}

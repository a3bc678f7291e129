// SPDX-License-Identifier: Apache-2.0
// sluice-control: the command line, the loop, signals.
//
// Exit status: 0 orderly, 1 a failure that a restart may mend, 2 cannot run like this.
#include "control.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 2 };

// ---- signals

void control_signal(void *context, enum loop_ready ready)
{
	struct control *control = context;
	struct signalfd_siginfo info;

	if (ready != LOOP_READABLE || read(control->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		control_hangup(control);
	} else if (control->ending) {
		return;
	} else if (info.ssi_signo == SIGTERM) {
		control_leave(control);
	} else {
		control_end(control, "SIGINT");
	}
}

static int fail(const char *why)
{
	log_error("%s", why);
	return EXIT_CANNOT_RUN;
}

static void say_hello(const struct control *control)
{
	const struct config *config = &control->config;

	for (uint32_t i = 0; i < config->ports_used; i++)
		log_info("port %u: %s%s%s, STUN and DTLS come %s", i,
			*config->ports[i].interface ? config->ports[i].interface : config->ports[i].device,
			*config->ports[i].netns ? " in network namespace " : "",
			config->ports[i].netns,
			udp_is_punted(control->udp, (uint8_t)i) ? "from the data plane"
								: "through the kernel");
	for (uint32_t i = 0; i < config->dialects_used; i++)
		log_info("dialect %s on port %u", config->dialects[i].name,
			server_port(control->server, i + 1));
	if (config->admin.port)
		log_info("admin API and page on port %u",
			server_port(control->server, config->dialects_used + 1));
	if (config->auth.development_tokens)
		log_warn("auth.development_tokens is on: whoever reaches the page gets a token");
	if (control->synthetic)
		log_warn("test.sessions is on: `sluicectl test-session` makes sessions without ICE "
			 "and DTLS");
	log_info("sluice-control %s is up: %s port %u, media UDP port %u, after %llu ms",
		SLUICE_VERSION, *config->http.tls_certificate ? "https" : "http",
		server_port(control->server, 0), config->media.port,
		(unsigned long long)(loop_now_ms() - control->started_ms));
}

// ---- the command line

static const char usage[] =
	"usage: sluice-control [-c FILE] [--set key=value]... [-t] [-v] [--discard-state]\n"
	"  -c FILE           configuration (YAML)\n"
	"  --set key=value   one value, over file and SLUICE_… environment; may be repeated\n"
	"  -t                check the configuration, print the effective values, end\n"
	"  --sample          print a commented sample configuration, end\n"
	"  --discard-state   replace shared state of another version instead of refusing to start\n"
	"  -v                log more\n"
	"  -V, -h            version, this help\n";

struct options {
	bool check, verbose, discard, done;
	int status;
};

extern char **environ;

// Settings of flags go over those of the environment, so they are applied last.
int control_read_settings(const struct settings *settings, struct config *config, char *why)
{
	config_init(config);
	if (settings->file && config_read(config, settings->file, why, WHY_MAX))
		return -1;
	if (config_read_environment(config, environ, why, WHY_MAX))
		return -1;
	for (int i = 0; i < settings->count; i++)
		if (config_set(config, settings->sets[i], why, WHY_MAX))
			return -1;
	return config_check(config, true, why, WHY_MAX);
}

static int options_read(int argc, char **argv, struct control *control, struct options *options)
{
	static const struct option words[] = {
		{"set", required_argument, NULL, 's'},
		{"sample", no_argument, NULL, 'S'},
		{"discard-state", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct settings *settings = &control->settings;
	char why[WHY_MAX] = "";
	int letter;

	while ((letter = getopt_long(argc, argv, "c:tvVh", words, NULL)) != -1) {
		options->check |= letter == 't';
		options->verbose |= letter == 'v';
		options->discard |= letter == 'd';
		options->done |= letter == 'V' || letter == 'h' || letter == 'S';
		if (letter == 'c')
			settings->file = optarg;
		else if (letter == 's' && settings->count < SETS_MAX)
			settings->sets[settings->count++] = optarg;
		else if (letter == 'V')
			printf("sluice-control %s\n", SLUICE_VERSION);
		else if (letter == 'h')
			fputs(usage, stdout);
		else if (letter == 'S')
			config_print_sample(stdout);
		else if (letter == '?')
			return EXIT_CANNOT_RUN;
	}
	if (options->done)
		return 0;
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_CANNOT_RUN;
	}
	if (control_read_settings(settings, &control->config, why))
		return fail(why);
	if (options->check)
		config_print(&control->config, stdout);
	options->done = options->check;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct control *control = calloc(1, sizeof(*control));
	char why[WHY_MAX] = "";
	int status;

	if (!control)
		return 1;
	prctl(PR_SET_DUMPABLE, 0); // keys and secrets are in here
	signal(SIGPIPE, SIG_IGN);
	status = options_read(argc, argv, control, &options);
	if (status || options.done)
		goto out;
	log_level = options.verbose ? LOG_LEVEL_DEBUG : (int)control->config.log_level;
	if (control_start(control, options.discard, why)) {
		status = fail(why);
	} else {
		say_hello(control);
		notify_send("READY=1");
		loop_run(server_loop(control->server));
		notify_send("STOPPING=1");
	}
	control_stop(control);
out:
	config_forget_secrets(&control->config);
	free(control);
	return status;
}

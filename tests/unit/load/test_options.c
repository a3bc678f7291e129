// SPDX-License-Identifier: Apache-2.0
#include "options.h"
#include "support.h"

#include <netinet/in.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64 };

static char why[256];

// Splits at blanks, as a shell would.
static int read_line(struct options *options, char *line)
{
	char *arguments[ARGUMENTS_MAX] = {"sluice-load"};
	int count = 1;

	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		arguments[count++] = word;
	return options_read(options, count, arguments, why, sizeof(why));
}

#define READ(options, text) read_line(options, (char[]){text})

static void defaults(void **)
{
	struct options options;

	assert_int_equal(READ(&options, "--url ws://h/ --secret s"), 0);
	assert_int_equal(options.rooms, 1);
	assert_int_equal(options.subscribe_to, 1);
	assert_int_equal(options.video_bitrate, 1000000);
	assert_int_equal(options.profile, SLUICE_SRTP_AEAD_AES_128_GCM);
	assert_true(options.audio);
	assert_false(options.require_zero_loss);
	assert_int_equal(options.decrypt_one_in, 1);
	assert_int_equal(options.loads_used, 0);
	assert_int_equal(CPU_COUNT(&options.relay_cpus), 0);
}

static void loads(void **)
{
	struct options options;

	assert_int_equal(READ(&options, "--url ws://h/ --secret s --loads 500,10k,1.5M "
					"--decrypt-one-in 8 --relay-cpus 0,2-3 --svg knee.svg"),
		0);
	assert_int_equal(options.loads_used, 3);
	assert_int_equal(options.loads[0], 500);
	assert_int_equal(options.loads[1], 10000);
	assert_int_equal(options.loads[2], 1500000);
	assert_int_equal(options.decrypt_one_in, 8);
	assert_int_equal(CPU_COUNT(&options.relay_cpus), 3);
	assert_string_equal(options.svg_path, "knee.svg");
}

static void everything_said(void **)
{
	struct options options;

	assert_int_equal(
		READ(&options,
			"--url ws://h:1/x --token-command tok --rooms 3 --publishers 5 "
			"--subscribers 7 --subscribe-to 2 --ramp 12.5 --duration 60 --threads 4 "
			"--video-bitrate 2.5M --video-size 900 --no-audio --profile cm --json - "
			"--relay-pid 12,345 --source-address 10.0.0.1,fd00::1 --quiet "
			"--require-zero-loss --answer-nacks --portable-srtp --first-user 100"),
		0);
	assert_int_equal(options.subscribe_to, 2);
	assert_int_equal(options.video_bitrate, 2500000);
	assert_int_equal(options.video_size, 900);
	assert_int_equal(options.profile, SLUICE_SRTP_AES128_CM_SHA1_80);
	assert_int_equal(options.pids_used, 2);
	assert_int_equal(options.pids[1], 345);
	assert_int_equal(options.sources_used, 2);
	assert_int_equal(options.sources[0].ss_family, AF_INET);
	assert_int_equal(options.sources[1].ss_family, AF_INET6);
	assert_true(options.quiet && options.require_zero_loss && options.answer_nacks &&
		    options.portable_srtp);
	assert_false(options.audio);
}

static void nobody_takes_more_publishers_than_there_are(void **)
{
	struct options options;

	assert_int_equal(
		READ(&options, "--url ws://h/ --secret s --publishers 2 --subscribe-to 9"), 0);
	assert_int_equal(options.subscribe_to, 2);
}

static void janus(void **)
{
	struct options options;

	assert_int_equal(READ(&options, "--janus ws://h:8188/"), 0);
	assert_true(options.janus);
	assert_string_equal(options.url, "ws://h:8188/");
}

static void help_is_no_error(void **)
{
	struct options options;

	assert_int_equal(READ(&options, "--help"), 1);
}

static void refused(void **)
{
	static const struct {
		const char *line, *names;
	} cases[] = {
		{"--secret s", "--url"},
		{"--url ws://h/", "--secret"},
		{"--url ws://h/ --secret s --token-command t", "--secret"},
		{"--janus ws://h/ --secret s", "--janus"},
		{"--url ws://h/ --secret s --rooms 0", "--rooms 0"},
		{"--url ws://h/ --secret s --rooms -1", "--rooms"},
		{"--url ws://h/ --secret s --ramp 0", "--ramp"},
		{"--url ws://h/ --secret s --duration nan", "--duration"},
		{"--url ws://h/ --secret s --video-bitrate 1x", "--video-bitrate"},
		{"--url ws://h/ --secret s --video-size 10", "--video-size"},
		{"--url ws://h/ --secret s --profile aes", "--profile"},
		{"--url ws://h/ --secret s --relay-pid 1,,2", "--relay-pid"},
		{"--url ws://h/ --secret s --source-address here", "--source-address"},
		{"--url ws://h/ --secret s --video-bitrate 0 --no-audio", "nothing to send"},
		{"--url ws://h/ --secret s --loads 10k,10k", "--loads"},
		{"--url ws://h/ --secret s --loads 10k,5k", "--loads"},
		{"--url ws://h/ --secret s --loads 0", "--loads"},
		{"--url ws://h/ --secret s --loads 1k --subscribers 0", "--loads"},
		{"--url ws://h/ --secret s --svg x.svg", "--svg"},
		{"--url ws://h/ --secret s --decrypt-one-in 0", "--decrypt-one-in"},
		{"--url ws://h/ --secret s --relay-cpus x", "--relay-cpus"},
		{"--url ws://h/ --secret s --nonsense", "--nonsense"},
		{"--url ws://h/ --secret s surplus", "surplus"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options options;
		char line[256];

		strcpy(line, cases[i].line);
		assert_int_equal(read_line(&options, line), -1);
		if (!strstr(why, cases[i].names))
			fail_msg("`%s`: %s", cases[i].line, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything_said),
		cmocka_unit_test(nobody_takes_more_publishers_than_there_are),
		cmocka_unit_test(loads),
		cmocka_unit_test(janus),
		cmocka_unit_test(help_is_no_error),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

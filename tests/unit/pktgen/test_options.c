// SPDX-License-Identifier: Apache-2.0
#include "options.h"
#include "unit/pktgen/support.h"

static struct options options;

// Reads a command line written as one text.
static int read_line(const char *line)
{
	static char copy[512];
	char *words[40] = {"sluice-pktgen"}, *save;
	int count = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	return options_read(&options, count, words, support_why, sizeof(support_why));
}

#define ENDS "--relay 10.0.0.1:7000 --source 10.0.1.0/24 "

static void good(void **)
{
	assert_int_equal(
		read_line("junk rtp stun -o d " ENDS "--size 60-70 --count 5 --seed 9"), 0);
	assert_int_equal(options.verb, OPTIONS_JUNK);
	assert_int_equal(options.words_used, 2);
	assert_string_equal(options.words[1], "stun");
	assert_int_equal(options.size_low, 60);
	assert_int_equal(options.size_high, 70);
	assert_int_equal(options.sources.addresses, 256);
	assert_int_equal(options.count, 5);
	assert_int_equal(
		read_line("session " ENDS "--subscriber 10.0.2.1 -o f --profile cm --no-audio"), 0);
	assert_int_equal(options.profile, SLUICE_SRTP_AES128_CM_SHA1_80);
	assert_true(options.no_audio);
	assert_int_equal(options.sources.port_low, 40000);
	assert_int_equal(read_line("streams f -o d --first 70000 --packets 7 --forge"), 0);
	assert_int_equal(options.first, 70000);
	assert_true(options.forge);
	assert_int_equal(read_line("replay f --interface i"), 0);
	assert_int_equal(options.loops, 1);
	assert_int_equal(options.rate, 0);
	assert_int_equal(read_line("replay f --interface i --seconds 2.5"), 0);
	assert_int_equal(options.loops, 0);
	assert_int_equal(read_line("receive f --capture c"), 0);
	assert_int_equal(options.packets, 0);
	assert_int_equal(read_line("--help"), 0);
	assert_int_equal(options.verb, OPTIONS_HELP);
}

static void bad(void **)
{
	static const struct {
		const char *line, *about;
	} lines[] = {
		{"", "verb"},
		{"jump", "verb"},
		{"junk -o d " ENDS, "which class"},
		{"junk rtp " ENDS, "-o"},
		{"junk rtp -o d --relay 10.0.0.1:7000", "--source"},
		{"junk rtp -o d --relay [::1]:7000 --source 10.0.0.0/24", "family"},
		{"junk rtp -o d --relay 10.0.0.1 " ENDS, "--relay 10.0.0.1"},
		{"junk rtp -o d " ENDS "--size 5", "28"},
		{"junk rtp -o d " ENDS "--size 70-60", "--size"},
		{"junk rtp -o d " ENDS "--size 60-1401", "--size"},
		{"junk rtp -o d " ENDS "--count 0", "--count"},
		{"junk rtp -o d " ENDS "--count x", "--count"},
		{"junk rtp -o d " ENDS "--source-ports 0-5", "--source-ports"},
		{"junk rtp -o d " ENDS "--nonsense 5", "wrong option"},
		{"session -o f " ENDS, "--subscriber"},
		{"session x -o f " ENDS "--subscriber 10.0.0.2", "too many"},
		{"session -o f " ENDS "--subscriber 10.0.0.2 --profile des", "--profile"},
		{"streams -o d", "which"},
		{"streams f -o d --size 40", "46"},
		{"streams f -o d --size 50-60", "one number"},
		{"streams f g -o d", "too many"},
		{"replay f", "--interface"},
		{"replay f --interface i --seconds -1", "--seconds"},
		{"receive", "which"},
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(read_line(lines[i].line), -1);
		if (!strstr(support_why, lines[i].about))
			fail_msg("%s: %s", lines[i].line, support_why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

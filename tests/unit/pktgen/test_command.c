// SPDX-License-Identifier: Apache-2.0
// The command files: bash takes the script as it is and says what it would tell the kernel.
#include "command.h"
#include "unit/pktgen/support.h"

static char text[8192];

static const char *contents(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t got;

	assert_non_null(file);
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = 0;
	fclose(file);
	return text;
}

static void holds(const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("%s is not in:\n%s", wanted, text);
}

static void lua(void **)
{
	const char *path = support_path("rtp.lua");
	struct command_capture capture = {.name = "rtp", .path = "d/rtp.pcap", .frames = 77};

	assert_int_equal(command_write_lua(path, &capture, support_why, 512), 0);
	contents(path);
	holds("-s 0:d/rtp.pcap");
	holds("local frames = 77 ");
	holds("print(string.format(\"rtp: %d frames");
	holds("pktgen.quit()");
	assert_int_equal(command_write_lua("/nowhere/x", &capture, support_why, 512), -1);
}

static struct junk junk_of(const char *relay, const char *sources)
{
	struct junk junk = {.class = JUNK_rtp,
		.relay = support_endpoint(relay, 9),
		.sources = {.port_low = 1024, .port_high = 2048},
		.size_low = 100,
		.size_high = 1000};

	assert_true(endpoint_read_network(sources, &junk.sources));
	return junk;
}

// Runs the script with a directory in place of /proc/net/pktgen.
static void told(const struct junk *junk, const char *name)
{
	char script[128], commands[128], line[400];

	snprintf(script, sizeof(script), "%s/%s.sh", support_directory, name);
	snprintf(commands, sizeof(commands), "%s/%s", support_directory, name);
	assert_int_equal(command_write_kernel(script, junk, support_why, 512), 0);
	assert_int_equal(mkdir(commands, 0755), 0);
	snprintf(line, sizeof(line), "PKTGEN=%s %s eth9 2 5 1000", commands, script);
	assert_int_equal(system(line), 0);
	snprintf(commands, sizeof(commands), "%s/%s/commands", support_directory, name);
	contents(commands);
}

static void kernel(void **)
{
	struct junk junk = junk_of("10.0.0.1:7000", "10.0.1.0/24");

	told(&junk, "v4");
	holds("kpktgend_1: add_device eth9@1\n");
	holds("eth9@0: pkt_size 1042\n");
	holds("eth9@0: dst_mac 02:00:00:00:00:09\n");
	holds("eth9@0: dst_min 10.0.0.1\n");
	holds("eth9@1: src_min 10.0.1.0\neth9@1: src_max 10.0.1.255\n");
	holds("eth9@1: udp_dst_min 7000\neth9@1: udp_dst_max 7000\n");
	holds("eth9@1: udp_src_min 1024\neth9@1: udp_src_max 2048\n");
	holds("eth9@1: ratep 1000\n");
	holds("pgctrl: start\n");
	junk = junk_of("[2001:db8::1]:7000", "2001:db8:1::/112");
	told(&junk, "v6");
	holds("eth9@0: dst6 2001:db8::1\n");
	holds("eth9@0: src6 2001:db8:1::\n");
	holds("eth9@0: pkt_size 1062\n");
	assert_int_equal(command_write_kernel("/nowhere/x", &junk, support_why, 512), -1);
}

static void only_what_it_can(void **)
{
	for (unsigned class = 0; class < JUNK_COUNT; class ++)
		assert_int_equal(command_kernel_can(class), class == JUNK_rtp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lua),
		cmocka_unit_test(kernel),
		cmocka_unit_test(only_what_it_can),
	};

	return cmocka_run_group_tests(tests, support_begin, support_end);
}

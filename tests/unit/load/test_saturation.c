// SPDX-License-Identifier: Apache-2.0
#include "saturation.h"
#include "support.h"

#include <string.h>

static void a_quiet_tester_is_valid(void **)
{
	const struct saturation_facts facts = {.lag_p99_ns = 5000000, .busiest_thread = 0.9};
	struct saturation saturation;

	saturation_judge(&facts, &saturation);
	assert_int_equal(saturation.reasons_used, 0);
}

static void every_reason_alone_is_enough(void **)
{
	static const struct {
		struct saturation_facts facts;
		const char *says;
	} cases[] = {
		{{.lag_p99_ns = 5000001}, "behind schedule"},
		{{.busiest_thread = 0.91}, "91 %"},
		{{.socket_overflows = 1}, "receive buffers"},
		{{.receive_errors = 3}, "counted 3"},
		{{.input_drops = 2}, "2 packets were lost in full input queues"},
		{{.send_dropped = 4}, "take 4"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct saturation saturation;

		saturation_judge(&cases[i].facts, &saturation);
		assert_int_equal(saturation.reasons_used, 1);
		assert_non_null(strstr(saturation.reasons[0], cases[i].says));
	}
}

static void drops_of_our_cpus_count(void **)
{
	static const char text[] =
		"0000a64f 00000001 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 00000000 0\n"
		"0000b32f 0000000a 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 00000002 0\n"
		"0000b32f 00000100 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 00000003 0\n";
	struct saturation_kernel kernel = {0};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(2, &cpus);
	CPU_SET(3, &cpus);
	saturation_softnet(&kernel, text, &cpus);
	assert_int_equal(kernel.input_drops, 266);
	saturation_softnet(&kernel, "junk\n\n0000b32f 0000000a\n", &cpus);
	assert_int_equal(kernel.input_drops, 266);
}

static struct saturation_kernel snmp(const char *text)
{
	struct saturation_kernel kernel = {0};

	saturation_snmp(&kernel, text);
	return kernel;
}

static void the_kernel_s_counters(void **)
{
	struct saturation_kernel v4 = snmp("Tcp: A B\nTcp: 1 2\n"
					   "Udp: InDatagrams NoPorts InErrors RcvbufErrors "
					   "InCsumErrors SndbufErrors MemErrors\n"
					   "Udp: 10 20 30 40 7 50 60\n"
					   "UdpLite: InDatagrams RcvbufErrors\nUdpLite: 7 7\n");
	struct saturation_kernel v6 = snmp("Udp6InDatagrams   \t9\nUdp6RcvbufErrors  "
					   "\t4\nUdp6InCsumErrors \t3\nUdp6MemErrors \t1\n");

	assert_int_equal(v4.receive_errors, 100);
	assert_int_equal(v4.checksum_errors, 7);
	assert_int_equal(v6.receive_errors, 5);
	assert_int_equal(v6.checksum_errors, 3);
	assert_int_equal(snmp("Udp: InDatagrams RcvbufErrors\nUdp: 1 2\n").receive_errors, 2);
	assert_int_equal(snmp("Udp: RcvbufErrors\n").receive_errors, 0);
	assert_int_equal(snmp("Udp: RcvbufErrors\nUdp:").receive_errors, 0);
	assert_int_equal(snmp("").receive_errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_tester_is_valid),
		cmocka_unit_test(every_reason_alone_is_enough),
		cmocka_unit_test(drops_of_our_cpus_count),
		cmocka_unit_test(the_kernel_s_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

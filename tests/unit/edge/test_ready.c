// SPDX-License-Identifier: Apache-2.0
#include "edge/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sluice_observed *observed;
static struct config config;
static struct ready_input input;
static struct ready_report report;

static int all_well(void **)
{
	observed = calloc(1, sizeof(*observed));
	observed->head.workers_used = 2;
	observed->head.ports_used = 1;
	observed->workers[0].beat_ns = observed->workers[1].beat_ns = 9500000000;
	observed->ports[0].mode = SLUICE_PORT_XDP;
	observed->ports[0].link_up = 1;
	strcpy(observed->ports[0].name, "eth9");
	config.ports_used = 1;
	strcpy(config.ports[0].driver, "xdp");
	input = (struct ready_input){.config = &config,
		.observed = observed,
		.plane_ready = true,
		.candidates = 1,
		.now_s = 1000,
		.now_ns = 10000000000};
	return 0;
}

static int done(void **)
{
	free(observed);
	return 0;
}

static void expect_fault(const char *name, const char *words)
{
	ready_check(&input, &report);
	assert_false(report.ready);
	for (unsigned i = 0; i < report.used; i++) {
		assert_int_equal(report.checks[i].ok, !*report.checks[i].why);
		if (strcmp(report.checks[i].name, name))
			continue;
		assert_false(report.checks[i].ok);
		assert_non_null(strstr(report.checks[i].why, words));
		return;
	}
	fail_msg("no check %s", name);
}

static void ready_when_all_is_well(void **)
{
	ready_check(&input, &report);
	assert_true(report.ready);
	for (unsigned i = 0; i < report.used; i++)
		assert_true(report.checks[i].ok);
	assert_true(report.used >= 6);
}

static void each_fault_is_named(void **)
{
	input.plane_ready = false;
	expect_fault("dataplane", "not ready");
	input.plane_ready = true;
	observed->workers[1].beat_ns = 8900000000;
	expect_fault("workers", "worker 1 hangs");
	observed->workers[1].beat_ns = 9500000000;
	observed->ports[0].link_up = 0;
	expect_fault("ports", "eth9");
	observed->ports[0].link_up = 1;
	observed->ports[0].mode = SLUICE_PORT_PACKET;
	expect_fault("ports", "XDP");
	strcpy(config.ports[0].driver, "packet");
	ready_check(&input, &report);
	assert_true(report.ready);
	input.candidates = 0;
	expect_fault("addresses", "media.addresses");
	input.candidates = 1;
	input.certificate_expiry_s = 1000;
	expect_fault("certificate", "expired");
	input.certificate_expiry_s = 1001;
	input.draining = true;
	expect_fault("draining", "undrain");
}

static void no_data_plane(void **)
{
	input.observed = NULL;
	input.plane_ready = false;
	expect_fault("dataplane", "start sluice-dataplane");
	expect_fault("workers", "no worker");
	expect_fault("ports", "no port");
}

static void counts_from_the_file_are_not_believed(void **)
{
	observed->head.workers_used = UINT32_MAX;
	observed->head.ports_used = UINT32_MAX;
	for (unsigned i = 0; i < SLUICE_WORKERS_MAX; i++)
		observed->workers[i].beat_ns = input.now_ns;
	ready_check(&input, &report);
	assert_false(report.ready); // the other ports have no link
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ready_when_all_is_well, all_well, done),
		cmocka_unit_test_setup_teardown(each_fault_is_named, all_well, done),
		cmocka_unit_test_setup_teardown(no_data_plane, all_well, done),
		cmocka_unit_test_setup_teardown(
			counts_from_the_file_are_not_believed, all_well, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

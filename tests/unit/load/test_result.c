// SPDX-License-Identifier: Apache-2.0
#include "result.h"
#include "support.h"

#include <stdlib.h>

static struct options options;

static struct result *flawless(void)
{
	struct result *result = calloc(1, sizeof(*result));

	options = (struct options){.subscribers = 5, .require_zero_loss = true};
	result->options = &options;
	result->expected = result->received = 1000;
	tally_add(&result->tally.publishers_joined, 1);
	tally_add(&result->tally.subscribers_joined, 5);
	return result;
}

static void a_flawless_run(void **)
{
	struct result *result = flawless();

	assert_true(result_flawless(result));
	assert_int_equal(result_status(result), 0);
	free(result);
}

static void every_flaw_counts(void **)
{
	struct result *result = flawless();
	_Atomic uint64_t *flaws[] = {&result->tally.clients_failed, &result->tally.connections_lost,
		&result->tally.consents_lost, &result->tally.sockets_lost,
		&result->tally.decrypt_failed, &result->tally.replayed, &result->tally.malformed,
		&result->tally.corrupt, &result->tally.duplicates, &result->tally.rtcp_failed};

	for (unsigned i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		*flaws[i] = 1;
		assert_int_equal(result_status(result), 1);
		*flaws[i] = 0;
	}
	result->lost = 1;
	assert_int_equal(result_status(result), 1);
	options.require_zero_loss = false;
	assert_int_equal(result_status(result), 0);
	free(result);
}

static void a_run_that_measured_nothing(void **)
{
	struct result *result = flawless();

	result->expected = result->received = 0;
	assert_int_equal(result_status(result), 1);
	options.require_zero_loss = false;
	result->tally.subscribers_joined = 0;
	assert_int_equal(result_status(result), 1);
	options.subscribers = 0; // publishers only
	assert_int_equal(result_status(result), 0);
	free(result);
}

static void an_invalid_run_outranks_all(void **)
{
	struct result *result = flawless();

	result->lost = 1;
	result->steps[0].saturation.reasons_used = 1;
	assert_int_equal(result_status(result), 3);
	free(result);
}

static void memory_of_each_client(void **)
{
	struct result *result = flawless(); // of 6 clients

	result->relay_memory_before_bytes = 400;
	result->steps[0].relay_memory_bytes = 1000;
	assert_true(result_memory_per_client(result) == 100);
	result->tally = (struct tally){0};
	assert_true(result_memory_per_client(result) == 0);
	free(result);
}

static void loss_by_cause_adds_up(void **)
{
	struct result *result = flawless();
	const struct result_loss *loss = &result->loss;

	result->lost = 20;
	result->overflows = 3;
	result->checksum_errors = 2;
	result->tally.decrypt_failed = 4;
	result->tally.corrupt = 5;
	result_split(result);
	assert_int_equal(loss->in_tester, 3);
	assert_int_equal(loss->wrong_checksum, 2);
	assert_int_equal(loss->not_decrypted, 4);
	assert_int_equal(loss->corrupt, 5);
	assert_int_equal(loss->never_arrived, 6);
	result->lost = 6; // what failed to decrypt may be no packet of ours
	result_split(result);
	assert_int_equal(loss->in_tester + loss->wrong_checksum + loss->not_decrypted, 6);
	assert_int_equal(loss->never_arrived, 0);
	free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flawless_run),
		cmocka_unit_test(every_flaw_counts),
		cmocka_unit_test(a_run_that_measured_nothing),
		cmocka_unit_test(an_invalid_run_outranks_all),
		cmocka_unit_test(memory_of_each_client),
		cmocka_unit_test(loss_by_cause_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

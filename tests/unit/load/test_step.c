// SPDX-License-Identifier: Apache-2.0
#include "step.h"
#include "support.h"

#include <stdlib.h>

// `n` steps of 1 s that all passed.
static struct step *passed(unsigned n)
{
	struct step *steps = calloc(n, sizeof(*steps));

	for (unsigned i = 0; i < n; i++) {
		steps[i].seconds = 1;
		steps[i].expected = steps[i].received = steps[i].received_in_time = 10000 * (i + 1);
		for (unsigned j = 0; j < 100; j++)
			histogram_record(&steps[i].latency, 1000000);
	}
	return steps;
}

static void what_passes(void **)
{
	struct step *step = passed(1);

	assert_int_equal(step_judge(step), STEP_PASSED);
	step->received = 9991;
	assert_int_equal(step_judge(step), STEP_PASSED);
	step->received = 10005; // a queue of the step before
	assert_int_equal(step_judge(step), STEP_PASSED);
	assert_true(step_loss(step) == 0);
	free(step);
}

static void what_does_not(void **)
{
	struct step *step = passed(1);

	step->received = 9990;
	assert_int_equal(step_judge(step), STEP_FAILED);
	assert_true(step_loss(step) == 0.001);
	step->received = 10000;
	histogram_record(&step->latency, 60000000);
	assert_int_equal(step_judge(step), STEP_PASSED); // one in a hundred and one
	histogram_record(&step->latency, 60000000);
	assert_int_equal(step_judge(step), STEP_FAILED);
	step->saturation.reasons_used = 1;
	assert_int_equal(step_judge(step), STEP_INVALID);
	*step = (struct step){.seconds = 1};
	assert_int_equal(step_judge(step), STEP_FAILED); // nothing came at all
	free(step);
}

static void what_is_offered(void **)
{
	struct step step = {.seconds = 2, .expected = 100, .received_in_time = 70};

	assert_true(step_offered(&step) == 50);
	step.expected = 0; // not known
	assert_true(step_offered(&step) == 35);
	step.seconds = 0;
	assert_true(step_offered(&step) == 0);
}

static void the_knee(void **)
{
	struct step *steps = passed(4);
	bool bounded;

	assert_int_equal(step_knee(steps, 4, &bounded), 3);
	assert_false(bounded);
	steps[2].received = 0;
	assert_int_equal(step_knee(steps, 4, &bounded), 1);
	assert_true(bounded);
	steps[2].saturation.reasons_used = 1;
	assert_int_equal(step_knee(steps, 4, &bounded), 1);
	assert_false(bounded);
	steps[0].received = 0;
	assert_int_equal(step_knee(steps, 4, &bounded), -1);
	assert_true(bounded);
	assert_int_equal(step_knee(steps, 0, &bounded), -1);
	assert_false(bounded);
	free(steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes),
		cmocka_unit_test(what_does_not),
		cmocka_unit_test(what_is_offered),
		cmocka_unit_test(the_knee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <sluice/residence.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// Each bucket begins where the one before it ends, to the nanosecond.
static void test_buckets_join(void **)
{
	for (unsigned i = 0; i + 1 < SLUICE_RESIDENCE_BUCKETS; i++) {
		uint64_t bound = sluice_residence_bound_ns(i);
		assert_int_equal(sluice_residence_bucket(bound - 1), i);
		assert_int_equal(sluice_residence_bucket(bound), i + 1);
	}
}

static void test_ends(void **)
{
	assert_int_equal(sluice_residence_bucket(0), 0);
	assert_int_equal(sluice_residence_bucket(1023), 0);
	assert_int_equal(sluice_residence_bucket(1024), 1);
	assert_int_equal(sluice_residence_bucket(UINT64_MAX), SLUICE_RESIDENCE_BUCKETS - 1);
	assert_true(sluice_residence_bound_ns(SLUICE_RESIDENCE_BUCKETS - 1) == UINT64_MAX);
	assert_true(sluice_residence_bound_ns(SLUICE_RESIDENCE_BUCKETS - 2) > 10000000);
}

static void test_a_figure_is_at_most_an_eighth_too_high(void **)
{
	for (uint64_t ns = 1024; ns < 50000000; ns += 1 + ns / 100) {
		uint64_t bound = sluice_residence_bound_ns(sluice_residence_bucket(ns));
		assert_true(bound > ns && bound - ns <= ns / 8);
	}
}

static void test_quantiles(void **)
{
	struct sluice_residence residence = {0};
	assert_int_equal(sluice_residence_quantile_ns(&residence, 500), 0);
	for (unsigned i = 0; i < 98; i++)
		sluice_residence_add(&residence, 4000);
	sluice_residence_add(&residence, 100000);
	sluice_residence_add(&residence, 3000000);
	assert_int_equal(sluice_residence_count(&residence), 100);
	assert_int_equal(residence.sum_ns, 98 * 4000 + 3100000);
	assert_int_equal(sluice_residence_quantile_ns(&residence, 500), 4096);
	assert_in_range(sluice_residence_quantile_ns(&residence, 990), 100000, 112500);
	assert_int_equal(sluice_residence_quantile_ns(&residence, 1000), 3000000);
	assert_int_equal(residence.max_ns, 3000000);
}

static void test_merge(void **)
{
	struct sluice_residence a = {0}, b = {0};
	sluice_residence_add(&a, 2000);
	sluice_residence_add(&b, 2000);
	sluice_residence_add(&b, 9000);
	sluice_residence_merge(&a, &b);
	assert_int_equal(sluice_residence_count(&a), 3);
	assert_int_equal(a.buckets[sluice_residence_bucket(2000)], 2);
	assert_int_equal(a.sum_ns, 13000);
	assert_int_equal(a.max_ns, 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_join),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_a_figure_is_at_most_an_eighth_too_high),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static struct histogram *empty(void)
{
	return calloc(1, sizeof(struct histogram));
}

static void buckets_have_no_gap_and_no_overlap(void **)
{
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t top = histogram_bucket_top(i);

		assert_int_equal(histogram_bucket(top), i);
		assert_int_equal(histogram_bucket(top + 1), i + 1);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void a_bucket_is_at_most_one_part_in_128_wide(void **)
{
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t bottom = histogram_bucket_top(i - 1) + 1, top = histogram_bucket_top(i);

		assert_true((top - bottom) * 128 <= bottom);
	}
}

static void quantiles_of_a_thousand_values(void **)
{
	struct histogram *histogram = empty();

	for (uint64_t i = 1; i <= 1000; i++)
		histogram_record(histogram, i * 1000);
	assert_int_equal(histogram->count, 1000);
	assert_int_equal(histogram->min_ns, 1000);
	assert_int_equal(histogram->max_ns, 1000000);
	assert_int_equal(histogram_mean(histogram), 500500);
	assert_in_range(histogram_quantile(histogram, 0.5), 500000, 504000);
	assert_in_range(histogram_quantile(histogram, 0.99), 990000, 998000);
	assert_in_range(histogram_quantile(histogram, 0.001), 1000, 1008);
	assert_int_equal(histogram_quantile(histogram, 1), 1000000);
	free(histogram);
}

static void one_late_value_shows_at_the_end_only(void **)
{
	struct histogram *histogram = empty();

	for (unsigned i = 0; i < 999; i++)
		histogram_record(histogram, 100);
	histogram_record(histogram, 5000000);
	assert_int_equal(histogram_quantile(histogram, 0.999), 100);
	assert_int_equal(histogram_quantile(histogram, 0.9991), 5000000);
	free(histogram);
}

static void a_quantile_never_exceeds_the_maximum(void **)
{
	struct histogram *histogram = empty();

	assert_int_equal(histogram_quantile(histogram, 0.5), 0);
	histogram_record(histogram, 1000001); // not the top of its bucket
	assert_int_equal(histogram_quantile(histogram, 0.5), 1000001);
	free(histogram);
}

static void merging_is_recording_all(void **)
{
	struct histogram *a = empty(), *b = empty(), *both = empty();

	for (uint64_t i = 1; i < 500; i++) {
		histogram_record(i % 3 ? a : b, i * i * 77);
		histogram_record(both, i * i * 77);
	}
	histogram_merge(a, b);
	assert_memory_equal(a, both, sizeof(*a));
	memset(b, 0, sizeof(*b));
	histogram_merge(b, a);
	assert_memory_equal(b, both, sizeof(*b));
	free(a);
	free(b);
	free(both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_have_no_gap_and_no_overlap),
		cmocka_unit_test(a_bucket_is_at_most_one_part_in_128_wide),
		cmocka_unit_test(quantiles_of_a_thousand_values),
		cmocka_unit_test(one_late_value_shows_at_the_end_only),
		cmocka_unit_test(a_quantile_never_exceeds_the_maximum),
		cmocka_unit_test(merging_is_recording_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

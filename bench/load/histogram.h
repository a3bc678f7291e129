// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram of nanoseconds, as HdrHistogram: 128 equal steps per power of two, so that every
// figure read from it is at most 0.8 % above the true one, from 1 ns to 18 minutes, without allocation.
#pragma once

#include <stdint.h>

enum {
	HISTOGRAM_STEP_BITS = 7, // 2^7 steps per power of two
	HISTOGRAM_VALUE_BITS = 40, // values from 2^40 ns on count as 2^40 - 1
	HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS,
};

struct histogram { // all zero = empty
	uint64_t count;
	uint64_t sum_ns, min_ns, max_ns; // exact
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

// Bucket of a value, and the largest value that falls into a bucket.
unsigned histogram_bucket(uint64_t value_ns);
uint64_t histogram_bucket_top(unsigned bucket);

// Counts one value.
void histogram_record(struct histogram *histogram, uint64_t value_ns);

// Adds all counts of `from`.
void histogram_merge(struct histogram *into, const struct histogram *from);

// The smallest value, up to the width of its bucket, that at least `fraction` (0 to 1) of all values do
// not exceed; never more than the exact maximum. 0 when empty.
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);

// Arithmetic mean; 0 when empty.
uint64_t histogram_mean(const struct histogram *histogram);

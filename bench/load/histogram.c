// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

enum { STEPS = 1 << HISTOGRAM_STEP_BITS };

static const uint64_t value_max = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;

// The first 128 buckets hold one value each. Above, the bits behind the leading one choose the step.
unsigned histogram_bucket(uint64_t value_ns)
{
	uint64_t value = value_ns < value_max ? value_ns : value_max;
	unsigned shift;

	if (value < STEPS)
		return (unsigned)value;
	shift = 63 - HISTOGRAM_STEP_BITS - (unsigned)__builtin_clzll(value);
	return (shift + 1) * STEPS + (unsigned)(value >> shift) - STEPS;
}

uint64_t histogram_bucket_top(unsigned bucket)
{
	unsigned shift = bucket / STEPS;

	if (!shift)
		return bucket;
	shift--;
	return ((uint64_t)(STEPS + bucket % STEPS + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value_ns)
{
	if (!histogram->count || value_ns < histogram->min_ns)
		histogram->min_ns = value_ns;
	if (value_ns > histogram->max_ns)
		histogram->max_ns = value_ns;
	histogram->count++;
	histogram->sum_ns += value_ns;
	histogram->buckets[histogram_bucket(value_ns)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
	uint64_t wanted = (uint64_t)(fraction * (double)histogram->count), seen = 0;

	if ((double)wanted < fraction * (double)histogram->count || !wanted)
		wanted++;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t top = histogram_bucket_top(i);

		seen += histogram->buckets[i];
		if (seen >= wanted)
			return top < histogram->max_ns ? top : histogram->max_ns;
	}
	return histogram->max_ns;
}

uint64_t histogram_mean(const struct histogram *histogram)
{
	return histogram->count ? histogram->sum_ns / histogram->count : 0;
}

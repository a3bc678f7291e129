// SPDX-License-Identifier: Apache-2.0
// How long packets stay in the data plane, from the port to the port: a log-linear histogram. 8 buckets
// for each power of two from 1,024 ns on, so that a figure read from it is at most an eighth too high.
#pragma once

#include <stdint.h>

enum {
	SLUICE_RESIDENCE_SAMPLING = 64, // one packet of so many is measured
	SLUICE_RESIDENCE_BUCKETS = 128, // the last one takes all from 58.7 ms on
	SLUICE_RESIDENCE_FIRST_BITS = 10, // the first one takes all below 2^10 ns
	SLUICE_RESIDENCE_PART_BITS = 3, // buckets of a power of two
};

struct sluice_residence {
	uint64_t buckets[SLUICE_RESIDENCE_BUCKETS];
	uint64_t sum_ns, max_ns;
};

static inline unsigned sluice_residence_bucket(uint64_t ns)
{
	const unsigned parts = 1 << SLUICE_RESIDENCE_PART_BITS;
	if (ns >> SLUICE_RESIDENCE_FIRST_BITS == 0)
		return 0;
	unsigned bits = 63 - (unsigned)__builtin_clzll(ns);
	unsigned part = (unsigned)(ns >> (bits - SLUICE_RESIDENCE_PART_BITS)) & (parts - 1);
	unsigned bucket = 1 + (bits - SLUICE_RESIDENCE_FIRST_BITS) * parts + part;
	return bucket < SLUICE_RESIDENCE_BUCKETS ? bucket : SLUICE_RESIDENCE_BUCKETS - 1;
}

// All that is in the bucket is below this; UINT64_MAX for the last.
static inline uint64_t sluice_residence_bound_ns(unsigned bucket)
{
	const unsigned parts = 1 << SLUICE_RESIDENCE_PART_BITS;
	if (bucket >= SLUICE_RESIDENCE_BUCKETS - 1)
		return UINT64_MAX;
	unsigned bits = SLUICE_RESIDENCE_FIRST_BITS + bucket / parts;
	return (UINT64_C(1) << bits) + ((uint64_t)(bucket % parts) << (bits - 3));
}

static inline void sluice_residence_add(struct sluice_residence *residence, uint64_t ns)
{
	residence->buckets[sluice_residence_bucket(ns)]++;
	residence->sum_ns += ns;
	if (ns > residence->max_ns)
		residence->max_ns = ns;
}

// Adds what another worker has measured.
static inline void sluice_residence_merge(
	struct sluice_residence *to, const struct sluice_residence *from)
{
	for (unsigned i = 0; i < SLUICE_RESIDENCE_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
	to->sum_ns += from->sum_ns;
	to->max_ns = from->max_ns > to->max_ns ? from->max_ns : to->max_ns;
}

static inline uint64_t sluice_residence_count(const struct sluice_residence *residence)
{
	uint64_t count = 0;
	for (unsigned i = 0; i < SLUICE_RESIDENCE_BUCKETS; i++)
		count += residence->buckets[i];
	return count;
}

// Bound of the bucket in which `permille` of all packets are reached, never above the maximum; 0 when
// nothing was measured.
static inline uint64_t sluice_residence_quantile_ns(
	const struct sluice_residence *residence, unsigned permille)
{
	uint64_t count = sluice_residence_count(residence), below = 0;
	for (unsigned i = 0; count > 0 && i < SLUICE_RESIDENCE_BUCKETS; i++) {
		below += residence->buckets[i];
		uint64_t bound = sluice_residence_bound_ns(i);
		if (below * 1000 >= count * permille)
			return bound < residence->max_ns ? bound : residence->max_ns;
	}
	return residence->max_ns;
}

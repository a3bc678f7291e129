// SPDX-License-Identifier: Apache-2.0
#include "checksum.h"

// 64-bit lanes; what is added to each has 32 bits, so that nothing is carried out of it. Two sums, for
// an addition waits for the one before it.
#define ADD_WORDS(words)                                                                   \
	words low = {sum}, high = {0}, piece;                                              \
	for (; length >= sizeof(piece); length -= sizeof(piece), bytes += sizeof(piece)) { \
		memcpy(&piece, bytes, sizeof(piece));                                      \
		low += piece & UINT32_MAX;                                                 \
		high += piece >> 32;                                                       \
	}                                                                                  \
	low += high

#define LANES(bytes) uint64_t __attribute__((vector_size(bytes)))

// What runs everywhere: SSE2, or whatever the compiler makes of it.
static uint64_t add_narrow(uint64_t sum, const uint8_t *bytes, size_t length)
{
	ADD_WORDS(LANES(16));
	return checksum_add_short(low[0] + low[1], bytes, length);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t add_wide(
	uint64_t sum, const uint8_t *bytes, size_t length)
{
	ADD_WORDS(LANES(32));
	return checksum_add_short(low[0] + low[1] + low[2] + low[3], bytes, length);
}

__attribute__((target("avx512f"))) static uint64_t add_widest(
	uint64_t sum, const uint8_t *bytes, size_t length)
{
	ADD_WORDS(LANES(64));
	low[0] += low[1] + low[2] + low[3];
	return checksum_add_short(low[0] + low[4] + low[5] + low[6] + low[7], bytes, length);
}
#endif

uint64_t checksum_add_long(uint64_t sum, const uint8_t *bytes, size_t length)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		return add_widest(sum, bytes, length);
	if (__builtin_cpu_supports("avx2"))
		return add_wide(sum, bytes, length);
#endif
	return add_narrow(sum, bytes, length);
}

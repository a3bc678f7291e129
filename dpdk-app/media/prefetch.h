// SPDX-License-Identifier: Apache-2.0
// Asking for memory before its turn.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	PREFETCH_LINE = 64, // bytes of a cache line
	PREFETCH_NEAR = 2, // locality: the second level
};

// Asks for the lines of `bytes` bytes from `from` on, which begins one: into the second level, since what is asked for
// early would not stay in the first. Always inline: gcc takes a function that does nothing else for one without effect,
// and leaves out the call.
__attribute__((always_inline)) static inline void prefetch_lines(const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PREFETCH_LINE)
		__builtin_prefetch((const uint8_t *)from + i, 0, PREFETCH_NEAR);
}

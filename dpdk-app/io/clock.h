// SPDX-License-Identifier: Apache-2.0
// Conversions of time that both back ends share.
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S 1000000000ULL
#define NTP_OF_UNIX_S 2208988800ULL // 1900-01-01 to 1970-01-01 (RFC 5905, figure 4)

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

// Nanoseconds of 1970 as 32.32 fixed point seconds of 1900; wraps in 2036 as RFC 3550 expects.
static inline uint64_t clock_unix_to_ntp(uint64_t unix_ns)
{
	uint64_t seconds = unix_ns / CLOCK_NS_PER_S + NTP_OF_UNIX_S;
	uint64_t fraction = ((unix_ns % CLOCK_NS_PER_S) << 32) / CLOCK_NS_PER_S;
	return seconds << 32 | fraction;
}

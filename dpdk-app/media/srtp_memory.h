// SPDX-License-Identifier: Apache-2.0
// Memory of sessions and keys: in huge pages where the kernel gives them, for the keys of thousands of
// receivers are spread over more small pages than a CPU can remember; never in a core dump. For internal
// use of srtp*.c.
#pragma once

#include <stddef.h>

enum { SRTP_MEMORY_ALIGN = 64, SRTP_MEMORY_MAX = 4096 };

enum srtp_memory_lane {
	SRTP_MEMORY_SENDING, // what each packet that is sent needs, dense: few pages hold all of it
	SRTP_MEMORY_RECEIVING, // the same for those that are received
	SRTP_MEMORY_OTHER,
	SRTP_MEMORY_LANES
};

// `bytes` of undefined content, at most SRTP_MEMORY_MAX, aligned to SRTP_MEMORY_ALIGN. NULL when memory is
// short. Comes from what the calling thread, and so its NUMA node, has.
void *srtp_memory_get(enum srtp_memory_lane lane, size_t bytes);
// Clears it and gives it back, by any thread; `lane` and `bytes` as it was got. NULL is ignored.
void srtp_memory_put(enum srtp_memory_lane lane, void *memory, size_t bytes);
// Gives everything back to the kernel; nothing may be in use and no other thread under way.
void srtp_memory_release(void);

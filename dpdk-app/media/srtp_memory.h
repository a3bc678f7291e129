// SPDX-License-Identifier: Apache-2.0
// Memory of sessions and keys: in huge pages where the kernel gives them, for the keys of thousands of
// receivers are spread over more small pages than a CPU can remember; never in a core dump. For internal
// use of srtp*.c.
#pragma once

#include <stddef.h>

enum { SRTP_MEMORY_ALIGN = 64, SRTP_MEMORY_MAX = 4096 };

// `bytes` of undefined content, at most SRTP_MEMORY_MAX, aligned to SRTP_MEMORY_ALIGN. NULL when memory is
// short. Comes from what the calling thread, and so its NUMA node, has.
void *srtp_memory_get(size_t bytes);
// Clears it and gives it back, by any thread; `bytes` as it was got. NULL is ignored.
void srtp_memory_put(void *memory, size_t bytes);
// Gives everything back to the kernel; nothing may be in use and no other thread under way.
void srtp_memory_release(void);

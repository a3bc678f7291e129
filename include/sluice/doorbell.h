// SPDX-License-Identifier: Apache-2.0
// The doorbell: how a data plane wakes control, which sleeps in its event loop while the workers poll.
//
// Control listens on a UNIX stream socket, RUNTIME_DIRECTORY/doorbell.sock, mode 0600, made anew at
// every start (an old file is unlinked first). To whoever connects it sends one message at once: a
// struct sluice_doorbell_hello with exactly one descriptor attached (SCM_RIGHTS), an eventfd opened
// with EFD_NONBLOCK | EFD_CLOEXEC. All connections may be handed the same eventfd. Then both sides keep
// the connection open and send nothing more; what arrives from the data plane is ignored.
//
// Ringing is adding 1 to the eventfd; it means "an event or punt ring holds something, look". Rings
// may be merged or, when nobody listens, lost: control looks at its rings at least every 100 ms anyway.
//
// When control dies the connection ends; the data plane forgets the eventfd and connects again, a
// few times a second, without blocking, until somebody listens. When the data plane dies control
// closes its end and keeps listening. The head of `desired` says whether a ring is needed at all
// (head.asleep).
#pragma once

#include <stdint.h>

#define SLUICE_DOORBELL_SOCKET "doorbell.sock"
#define SLUICE_DOORBELL_MAGIC 0x6c6c6562726f6f64ULL // "doorbell"

struct sluice_doorbell_hello {
	uint64_t magic; // SLUICE_DOORBELL_MAGIC
	uint32_t abi; // SLUICE_ABI; a data plane of another ABI hangs up
	uint32_t pid; // control's, for the log
};

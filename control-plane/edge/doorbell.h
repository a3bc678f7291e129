// SPDX-License-Identifier: Apache-2.0
// Control's end of the doorbell (<sluice/doorbell.h>): hands an eventfd to every data plane that
// connects, and says when it was rung.
#pragma once

#include "loop.h"

struct doorbell;

// Listens in `directory` and calls `rung` whenever the bell rings. Returns NULL with `why`.
struct doorbell *doorbell_create(struct loop *loop, const char *directory,
	void (*rung)(void *context), void *context, char *why, size_t why_size);
void doorbell_destroy(struct doorbell *doorbell);

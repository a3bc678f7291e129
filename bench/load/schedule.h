// SPDX-License-Identifier: Apache-2.0
// What is to be done when: a heap of moments with the earliest on top. A timer is part of whatever it
// belongs to and lives as long; it is in the heap at most once.
#pragma once

#include <stdint.h>

struct timer {
	uint64_t due_ns;
	uint32_t slot; // in the heap, from 1; 0 = not in it
	// Called once per setting; may set the timer again. `due_ns` is when it should have been.
	void (*fire)(struct timer *timer, uint64_t due_ns, uint64_t now_ns);
};

struct schedule { // all zero = empty
	struct timer **heap; // [1] is the earliest
	uint32_t used, room;
};

// Sets the timer, or moves it when it is set. 0 or -ENOMEM; then it is not set.
int schedule_set(struct schedule *schedule, struct timer *timer, uint64_t due_ns);

// Takes it out; nothing when it is not set.
void schedule_cancel(struct schedule *schedule, struct timer *timer);

// When the earliest is due; UINT64_MAX when none is set.
uint64_t schedule_next(const struct schedule *schedule);

// Fires what is due by `now_ns`, earliest first, each at most as often as it sets itself to a moment that
// has passed already.
void schedule_run(struct schedule *schedule, uint64_t now_ns);

// Gives back the memory of the heap, not of the timers.
void schedule_free(struct schedule *schedule);

// SPDX-License-Identifier: Apache-2.0
// One thread's event loop: file descriptors by epoll, moments by a timerfd over a heap of timers.
#pragma once

#include "schedule.h"

#include <stdint.h>

struct watch {
	int fd; // -1 = none
	void (*ready)(struct watch *watch, uint32_t events); // EPOLLIN, EPOLLOUT, …
};

struct loop {
	int epoll_fd, timer_fd;
	uint64_t armed_ns; // what the timerfd is set to
	uint64_t now_ns; // CLOCK_MONOTONIC at the last wake-up, or later
	int64_t realtime_ns; // CLOCK_REALTIME minus CLOCK_MONOTONIC, measured at every wake-up
	struct schedule schedule;
};

// CLOCK_MONOTONIC.
uint64_t clock_ns(void);

// Opens the loop; 0 or -errno. loop_close closes its own descriptors only.
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

// Watches watch->fd for `events`; loop_change replaces them. 0 or -errno.
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
int loop_change(struct loop *loop, struct watch *watch, uint32_t events);

// Closes watch->fd and forgets it; nothing when it is -1. Events of it that were fetched already may
// still be delivered in this turn, with fd -1.
void loop_forget(struct loop *loop, struct watch *watch);

// Waits for events or the next timer, and serves them.
void loop_turn(struct loop *loop);

// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256 };

static const uint64_t second_ns = 1000000000;

static uint64_t clock_read(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * second_ns + (uint64_t)time.tv_nsec;
}

uint64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static void loop_clock(struct loop *loop)
{
	loop->now_ns = clock_ns();
	loop->realtime_ns = (int64_t)(clock_read(CLOCK_REALTIME) - loop->now_ns);
}

int loop_open(struct loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int error;

	*loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .timer_fd = -1};
	if (loop->epoll_fd < 0)
		return -errno;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0 ||
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) < 0) {
		error = -errno;
		loop_close(loop);
		return error;
	}
	loop_clock(loop);
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->timer_fd = loop->epoll_fd = -1;
	schedule_free(&loop->schedule);
}

static int loop_control(struct loop *loop, int operation, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_forget(struct loop *loop, struct watch *watch)
{
	if (watch->fd < 0)
		return;
	loop_control(loop, EPOLL_CTL_DEL, watch, 0);
	close(watch->fd);
	watch->fd = -1;
}

static void loop_arm(struct loop *loop)
{
	uint64_t next_ns = schedule_next(&loop->schedule);
	struct itimerspec setting = {0};

	if (next_ns == loop->armed_ns)
		return;
	loop->armed_ns = next_ns;
	if (next_ns != UINT64_MAX) {
		setting.it_value.tv_sec = (time_t)(next_ns / second_ns);
		setting.it_value.tv_nsec = (long)(next_ns % second_ns);
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &setting, NULL);
}

static void loop_timer(struct loop *loop)
{
	uint64_t expirations;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
		loop->armed_ns = 0;
}

void loop_turn(struct loop *loop)
{
	struct epoll_event events[EVENTS];
	int n;

	loop_arm(loop);
	n = epoll_wait(loop->epoll_fd, events, EVENTS, -1);
	loop_clock(loop);
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		if (!watch)
			loop_timer(loop);
		else if (watch->fd >= 0)
			watch->ready(watch, events[i].events);
		// sending is not to wait until all have been received
		if (schedule_next(&loop->schedule) <= loop->now_ns || i % 16 == 15) {
			loop_clock(loop);
			schedule_run(&loop->schedule, loop->now_ns);
		}
	}
	loop_clock(loop);
	schedule_run(&loop->schedule, loop->now_ns);
}

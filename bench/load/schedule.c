// SPDX-License-Identifier: Apache-2.0
#include "schedule.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct schedule *schedule, uint32_t slot, struct timer *timer)
{
	schedule->heap[slot] = timer;
	timer->slot = slot;
}

static void sift_up(struct schedule *schedule, uint32_t slot, struct timer *timer)
{
	while (slot > 1 && schedule->heap[slot / 2]->due_ns > timer->due_ns) {
		place(schedule, slot, schedule->heap[slot / 2]);
		slot /= 2;
	}
	place(schedule, slot, timer);
}

static void sift_down(struct schedule *schedule, uint32_t slot, struct timer *timer)
{
	for (;;) {
		uint32_t child = slot * 2;

		if (child < schedule->used &&
			schedule->heap[child + 1]->due_ns < schedule->heap[child]->due_ns)
			child++;
		if (child > schedule->used || schedule->heap[child]->due_ns >= timer->due_ns)
			break;
		place(schedule, slot, schedule->heap[child]);
		slot = child;
	}
	place(schedule, slot, timer);
}

static int schedule_grow(struct schedule *schedule)
{
	uint32_t room = schedule->room ? schedule->room * 2 : 64;
	struct timer **heap = reallocarray(schedule->heap, room, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	schedule->heap = heap;
	schedule->room = room;
	return 0;
}

int schedule_set(struct schedule *schedule, struct timer *timer, uint64_t due_ns)
{
	schedule_cancel(schedule, timer);
	if (schedule->used + 1 >= schedule->room && schedule_grow(schedule))
		return -ENOMEM;
	timer->due_ns = due_ns;
	sift_up(schedule, ++schedule->used, timer);
	return 0;
}

void schedule_cancel(struct schedule *schedule, struct timer *timer)
{
	uint32_t slot = timer->slot;
	struct timer *last;

	if (!slot)
		return;
	timer->slot = 0;
	last = schedule->heap[schedule->used--];
	if (last == timer)
		return;
	if (slot > 1 && schedule->heap[slot / 2]->due_ns > last->due_ns)
		sift_up(schedule, slot, last);
	else
		sift_down(schedule, slot, last);
}

uint64_t schedule_next(const struct schedule *schedule)
{
	return schedule->used ? schedule->heap[1]->due_ns : UINT64_MAX;
}

void schedule_run(struct schedule *schedule, uint64_t now_ns)
{
	while (schedule->used && schedule->heap[1]->due_ns <= now_ns) {
		struct timer *timer = schedule->heap[1];

		schedule_cancel(schedule, timer);
		timer->fire(timer, timer->due_ns, now_ns);
	}
}

void schedule_free(struct schedule *schedule)
{
	free(schedule->heap);
	*schedule = (struct schedule){0};
}

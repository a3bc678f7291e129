// SPDX-License-Identifier: Apache-2.0
#include "capture.h"
#include "plane_parts.h"

#include <string.h>

// `observed` is mapped read-only: the rings' calls get a pointer they may only read through.
static struct sluice_observed *theirs(struct plane *plane)
{
	return (struct sluice_observed *)plane->observed;
}

struct sluice_ring plane_hints(struct plane *plane, unsigned w)
{
	return sluice_ring_hints(plane->desired, theirs(plane), w);
}

struct sluice_ring plane_events(struct plane *plane, unsigned w)
{
	return sluice_ring_events(plane->desired, theirs(plane), w);
}

struct sluice_ring plane_punts(struct plane *plane, unsigned w)
{
	return sluice_ring_punts(plane->desired, theirs(plane), w);
}

struct sluice_ring plane_replies(struct plane *plane, unsigned w)
{
	return sluice_ring_replies(plane->desired, theirs(plane), w);
}

unsigned plane_workers(const struct plane *plane)
{
	uint32_t used = plane->observed ? plane->observed->head.workers_used : 0;
	return used > 0 && used < SLUICE_WORKERS_MAX ? used : SLUICE_WORKERS_MAX;
}

// ---- coming and going of the data plane

// What an earlier data plane left in the rings means nothing now; what we have hinted to nobody while
// there was none, the newcomer finds by reading all tables.
static void follow(struct plane *plane)
{
	plane->incarnation = atomic_load(&plane->observed->head.incarnation);
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++) {
		struct sluice_ring events = plane_events(plane, w), punts = plane_punts(plane, w);
		sluice_ring_skip(&events);
		sluice_ring_skip(&punts);
	}
	atomic_fetch_add(&plane->desired->head.rescan, 1);
}

void watch_look(struct plane *plane, uint64_t now_ms)
{
	char why[512]; // "not there yet" is no news; sluicectl says it
	plane->looked = true;
	plane->looked_ms = now_ms;
	if (plane->observed && sluice_observed_replaced(plane->observed, plane->directory)) {
		sluice_observed_close(plane->observed);
		plane->observed = NULL;
	}
	bool found = false;
	if (!plane->observed) {
		plane->observed = sluice_observed_open(plane->directory, why, sizeof(why));
		found = plane->observed != NULL;
	}
	plane->alive = plane->observed && sluice_observed_alive(plane->directory);
	if (!plane->observed)
		return;
	if (found || plane->incarnation != atomic_load(&plane->observed->head.incarnation))
		follow(plane);
}

bool plane_ready(const struct plane *plane)
{
	if (!plane->observed || !plane->alive || !atomic_load(&plane->observed->head.ready))
		return false;
	uint64_t beat_ms = atomic_load(&plane->observed->head.beat_ns) / 1000000;
	return beat_ms + BEAT_STALE_MS > plane->now_ms;
}

// ---- what was heard

// Tells the core when a transport's status says that its peer was heard since we last looked.
static void tell_heard(struct plane *plane, struct core *core, uint32_t index)
{
	struct sluice_transport_status status;
	uint32_t generation = plane->desired->transports[index].row.generation;
	if (generation == 0 ||
		!sluice_row_read(&plane->observed->transports[index].row, &status, sizeof(status)))
		return;
	if (status.row.generation != generation || status.heard_ns == 0)
		return;
	if (plane->heard[index].generation == generation &&
		plane->heard[index].ns >= status.heard_ns)
		return;
	plane->heard[index].generation = generation;
	plane->heard[index].ns = status.heard_ns;
	uint64_t heard_ms = status.heard_ns / 1000000;
	core_transport_heard(core, (struct core_transport_id){index, generation},
		heard_ms < plane->now_ms ? heard_ms : plane->now_ms);
}

// Only HEARD asks for something at once; of the others the statuses are enough. At most one ring's worth
// of each worker, so that a data plane gone mad cannot hold control here.
static void take_events(struct plane *plane, struct core *core)
{
	struct sluice_event event;
	for (unsigned w = 0; w < plane_workers(plane); w++) {
		struct sluice_ring ring = plane_events(plane, w);
		for (unsigned n = 0; n < SLUICE_EVENTS && sluice_ring_pop(&ring, &event); n++)
			if (event.type == SLUICE_EVENT_HEARD && event.index < SLUICE_TRANSPORTS_MAX)
				tell_heard(plane, core, event.index);
	}
}

void plane_poll(struct plane *plane, struct core *core, uint64_t now_ms)
{
	plane->now_ms = now_ms;
	atomic_store(&plane->desired->head.beat_ns, now_ms * 1000000);
	capture_poll(plane, now_ms);
	bool due = !plane->looked || now_ms - plane->looked_ms >= WATCH_PERIOD_MS;
	if (due)
		watch_look(plane, now_ms);
	if (!plane->observed)
		return;
	take_events(plane, core);
	uint32_t rows =
		due ? atomic_load(&plane->desired->head.rows_used[SLUICE_TABLE_TRANSPORT]) : 0;
	for (uint32_t i = 0; i < rows && i < SLUICE_TRANSPORTS_MAX; i++)
		tell_heard(plane, core, i);
}

// ---- datagrams of ports without an XDP filter

bool plane_punt(struct plane *plane, struct sluice_datagram *datagram)
{
	if (!plane->observed)
		return false;
	unsigned workers = plane_workers(plane), empty = 0;
	for (unsigned n = 0; n < SLUICE_PUNTS && empty < workers; n++) {
		struct sluice_ring ring = plane_punts(plane, plane->punt_next % workers);
		plane->punt_next = (plane->punt_next + 1) % workers;
		if (!sluice_ring_pop(&ring, datagram)) {
			empty++;
			continue;
		}
		if (datagram->length <= SLUICE_DATAGRAM_MAX)
			return true;
		empty = 0; // nonsense is forgotten
	}
	return false;
}

bool plane_reply(struct plane *plane, const struct sluice_datagram *datagram)
{
	if (datagram->length > SLUICE_DATAGRAM_MAX || !plane_ready(plane))
		return false;
	struct sluice_ring ring = plane_replies(plane, 0);
	return sluice_ring_push(&ring, datagram,
		(uint32_t)(offsetof(struct sluice_datagram, data) + datagram->length));
}

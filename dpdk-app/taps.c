// SPDX-License-Identifier: Apache-2.0
#include "taps.h"

#include "log.h"

#include <sluice/msg.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

void taps_open(struct taps *taps, const char *directory, struct sluice_observed *observed,
	struct worker **workers, unsigned workers_used)
{
	*taps = (struct taps){.directory = directory,
		.observed = observed,
		.workers = workers,
		.workers_used = workers_used};
	sluice_capture_unlink_all(directory, SLUICE_CAPTURE_DATAPLANE);
	memset(&observed->head.capture, 0, sizeof(observed->head.capture));
}

// ---- the workers

static const struct tap_order *current(const struct taps *taps)
{
	return taps->offered ? &taps->orders[taps->order] : NULL;
}

static bool all_have(const struct taps *taps, const struct tap_order *order)
{
	for (unsigned w = 0; w < taps->workers_used; w++)
		if (worker_captured(taps->workers[w]) != order)
			return false;
	return true;
}

// An order is made anew where no worker looks: they must have followed the one before.
static void offer(struct taps *taps)
{
	if (!taps->changed || !all_have(taps, current(taps)))
		return;
	taps->changed = false;
	taps->order = !taps->order;
	taps->offered = false;
	struct tap_order *next = &taps->orders[taps->order];
	memset(next, 0, sizeof(*next));
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		const struct tap_place *tap = &taps->places[place];
		if (tap->stage != TAP_RUNS)
			continue;
		next->items[place].file = tap->file;
		next->items[place].participant = tap->participant;
		next->items[place].decrypted = tap->decrypted;
		taps->offered = true;
	}
	for (unsigned w = 0; w < taps->workers_used; w++)
		worker_capture(taps->workers[w], current(taps));
}

// ---- figures

static void add(
	const struct taps *taps, const struct tap_place *tap, uint64_t *packets, uint64_t *lost)
{
	for (unsigned w = 0; w < taps->workers_used; w++) {
		const struct sluice_capture_lane *lane = &tap->file->lanes[w];
		*packets += atomic_load_explicit(&lane->packets, memory_order_relaxed);
		*lost += atomic_load_explicit(&lane->lost, memory_order_relaxed);
	}
}

static void count(struct taps *taps)
{
	struct sluice_capture_state *state = &taps->observed->head.capture;
	uint64_t packets = taps->packets_before, lost = taps->lost_before;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		if (taps->places[place].stage != TAP_NONE)
			add(taps, &taps->places[place], &packets, &lost);
	atomic_store_explicit(&state->packets, packets, memory_order_relaxed);
	atomic_store_explicit(&state->lost, lost, memory_order_relaxed);
}

static unsigned places_used(const struct taps *taps)
{
	unsigned n = 0;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		n += taps->places[place].stage != TAP_NONE;
	return n;
}

// ---- the end

static void end_begin(struct taps *taps, unsigned place, const char *why)
{
	taps->places[place].stage = TAP_ENDS;
	taps->places[place].end = why;
	taps->changed = true;
	sluice_capture_unlink(taps->directory, SLUICE_CAPTURE_DATAPLANE, place);
}

// Once no worker writes to the file any more.
static void end_finish(struct taps *taps, unsigned place)
{
	struct tap_place *tap = &taps->places[place];
	uint64_t packets = 0, lost = 0;
	add(taps, tap, &packets, &lost);
	taps->packets_before += packets;
	taps->lost_before += lost;
	sluice_capture_close(tap->file);
	tap->file = NULL;
	tap->stage = TAP_NONE;
	log_info("capture %" PRIu32 " of %s ends, %s: %" PRIu64 " packets, and %" PRIu64
		 " that it had no room for; %u still run",
		tap->number, tap->peer, tap->end, packets, lost, places_used(taps));
	atomic_store(&taps->observed->head.capture.places[place].running, 0);
}

void taps_close(struct taps *taps)
{
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		struct tap_place *tap = &taps->places[place];
		if (tap->stage == TAP_NONE)
			continue;
		if (tap->stage == TAP_RUNS)
			tap->end = "the data plane stops";
		sluice_capture_unlink(taps->directory, SLUICE_CAPTURE_DATAPLANE, place);
		end_finish(taps, place);
		count(taps);
	}
}

// ---- what control wishes for

static bool is_silent(const struct sluice_desired *desired, unsigned place, uint64_t now_ns)
{
	uint64_t beat_ns = atomic_load(&desired->head.capture_readers[place].beat_ns);
	return now_ns > beat_ns && now_ns - beat_ns > SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS;
}

// The same peer, back as somebody new: control has found it again.
static void follow(struct taps *taps, struct tap_place *tap, struct sluice_handle participant)
{
	if (tap->participant.index == participant.index &&
		tap->participant.generation == participant.generation)
		return;
	tap->participant = participant;
	taps->changed = true;
}

// `wish` is NULL while it cannot be read: control may have died in the middle of it.
static void go_on(struct taps *taps, unsigned place, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	struct tap_place *tap = &taps->places[place];
	if (desired != taps->desired || (wish && wish->row.generation != tap->number))
		end_begin(taps, place, "control has ended it");
	else if (now_ns >= tap->until_ns + SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS)
		end_begin(taps, place, "its time is over");
	else if (is_silent(desired, place, now_ns))
		end_begin(taps, place, "nobody reads it");
	else if (wish)
		follow(taps, tap, wish->participant);
}

static void refuse(struct taps *taps, unsigned place, int error)
{
	struct sluice_capture_state *state = &taps->observed->head.capture;
	const struct tap_place *tap = &taps->places[place];
	log_error("capture %" PRIu32 " of %s cannot begin: %s/capture-%u.dataplane: %s; is there "
		  "room in the runtime directory?",
		tap->number, tap->peer, taps->directory, place, strerror(error));
	atomic_store(&state->places[place].error, (uint32_t)error);
	atomic_store(&state->places[place].refused, tap->number);
}

static void begin(struct taps *taps, unsigned place, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	struct tap_place *tap = &taps->places[place];
	uint32_t number = wish->row.generation;
	uint64_t most_ns = now_ns + SLUICE_CAPTURE_SECONDS_MAX * NS_PER_S;
	if (number == 0 || number == tap->number || sluice_capture_place(number) != place ||
		wish->until_ns <= now_ns || is_silent(desired, place, now_ns))
		return;
	*tap = (struct tap_place){
		.number = number,
		.participant = wish->participant,
		.decrypted = wish->flags & SLUICE_CAPTURE_DECRYPTED,
		.until_ns = wish->until_ns < most_ns ? wish->until_ns : most_ns,
	};
	memcpy(tap->peer, wish->peer, sizeof(tap->peer) - 1);
	tap->file = sluice_capture_create(
		taps->directory, SLUICE_CAPTURE_DATAPLANE, number, taps->workers_used);
	if (!tap->file) {
		refuse(taps, place, errno);
		return;
	}
	tap->stage = TAP_RUNS;
	taps->changed = true;
	atomic_store(&taps->observed->head.capture.places[place].running, number);
	log_info("capture %" PRIu32 " of %s begins: %s, for %" PRIu64 " s at most; %u run", number,
		tap->peer, tap->decrypted ? "decrypted" : "as on the wire",
		(tap->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S, places_used(taps));
}

static void place_poll(
	struct taps *taps, unsigned place, const struct sluice_desired *desired, uint64_t now_ns)
{
	struct tap_place *tap = &taps->places[place];
	struct sluice_capture_wish wish;
	bool whole =
		desired && sluice_row_read(&desired->head.captures[place].row, &wish, sizeof(wish));
	if (tap->stage == TAP_RUNS)
		go_on(taps, place, desired, whole ? &wish : NULL, now_ns);
	else if (tap->stage == TAP_NONE && whole && desired == taps->desired)
		begin(taps, place, desired, &wish, now_ns);
}

// Another control's file: its numbers begin anew. What still runs ends first.
static void desired_take(struct taps *taps, const struct sluice_desired *desired)
{
	if (desired == taps->desired || places_used(taps) > 0)
		return;
	taps->desired = desired;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		taps->places[place].number = 0;
}

void taps_poll(struct taps *taps, const struct sluice_desired *desired, uint64_t now_ns)
{
	desired_take(taps, desired);
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		place_poll(taps, place, desired, now_ns);
	offer(taps);
	if (places_used(taps) == 0)
		return;
	count(taps);
	bool followed = !taps->changed && all_have(taps, current(taps));
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX && followed; place++)
		if (taps->places[place].stage == TAP_ENDS)
			end_finish(taps, place);
}

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
	sluice_capture_unlink(directory);
	memset(&observed->head.capture, 0, sizeof(observed->head.capture));
}

static void offer(struct taps *taps, const struct tap_order *order)
{
	for (unsigned w = 0; w < taps->workers_used; w++)
		worker_capture(taps->workers[w], order);
}

static bool all_have(const struct taps *taps, const struct tap_order *order)
{
	for (unsigned w = 0; w < taps->workers_used; w++)
		if (worker_captured(taps->workers[w]) != order)
			return false;
	return true;
}

static void count(struct taps *taps)
{
	uint64_t packets = taps->packets_before, lost = taps->lost_before;
	for (unsigned w = 0; w < taps->workers_used; w++) {
		const struct sluice_capture_lane *lane = &taps->file->lanes[w];
		packets += atomic_load_explicit(&lane->packets, memory_order_relaxed);
		lost += atomic_load_explicit(&lane->lost, memory_order_relaxed);
	}
	atomic_store_explicit(&taps->observed->head.capture.packets, packets, memory_order_relaxed);
	atomic_store_explicit(&taps->observed->head.capture.lost, lost, memory_order_relaxed);
}

// ---- the end

static void end_begin(struct taps *taps, const char *why)
{
	taps->stage = TAPS_ENDS;
	taps->end = why;
	offer(taps, NULL);
	sluice_capture_unlink(taps->directory);
}

// Once no worker writes to the file any more.
static void end_finish(struct taps *taps)
{
	struct sluice_capture_state *state = &taps->observed->head.capture;
	count(taps);
	log_info("capture %" PRIu32 " ends, %s: %" PRIu64 " packets, and %" PRIu64
		 " that it had no room for",
		taps->done, taps->end, atomic_load(&state->packets) - taps->packets_before,
		atomic_load(&state->lost) - taps->lost_before);
	sluice_capture_close(taps->file);
	taps->file = NULL;
	taps->stage = TAPS_NONE;
	atomic_store(&state->running, 0);
}

void taps_close(struct taps *taps)
{
	if (taps->stage == TAPS_NONE)
		return;
	if (taps->stage == TAPS_RUNS)
		taps->end = "the data plane stops";
	sluice_capture_unlink(taps->directory);
	end_finish(taps);
}

// ---- what control wishes for

static bool is_silent(const struct sluice_desired *desired, uint64_t now_ns)
{
	uint64_t beat_ns = atomic_load(&desired->head.capture_reader.beat_ns);
	return now_ns > beat_ns && now_ns - beat_ns > SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS;
}

// The same peer, back as somebody new: control has found it again.
static void follow(struct taps *taps, const struct sluice_capture_wish *wish)
{
	const struct tap_order *now = &taps->orders[taps->order];
	bool same = now->participant.index == wish->participant.index &&
		    now->participant.generation == wish->participant.generation;
	if (same || !all_have(taps, now))
		return;
	struct tap_order *next = &taps->orders[!taps->order];
	*next = *now;
	next->participant = wish->participant;
	taps->order = !taps->order;
	offer(taps, next);
}

// `wish` is NULL while it cannot be read: control may have died in the middle of it.
static void go_on(struct taps *taps, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	count(taps);
	if (desired != taps->desired || (wish && wish->row.generation != taps->done))
		end_begin(taps, "control has ended it");
	else if (now_ns >= taps->until_ns + SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS)
		end_begin(taps, "its time is over");
	else if (is_silent(desired, now_ns))
		end_begin(taps, "nobody reads it");
	else if (wish)
		follow(taps, wish);
}

static void refuse(struct taps *taps, int error)
{
	struct sluice_capture_state *state = &taps->observed->head.capture;
	log_error("capture %" PRIu32 " cannot begin: %s/" SLUICE_CAPTURE_FILE
		  ": %s; is there room in the runtime directory?",
		taps->done, taps->directory, strerror(error));
	atomic_store(&state->error, (uint32_t)error);
	atomic_store(&state->refused, taps->done);
}

static void begin(struct taps *taps, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	struct sluice_capture_state *state = &taps->observed->head.capture;
	uint64_t most_ns = now_ns + SLUICE_CAPTURE_SECONDS_MAX * NS_PER_S;
	if (desired != taps->desired) {
		taps->desired = desired;
		taps->done = 0;
	}
	if (wish->row.generation == 0 || wish->row.generation == taps->done ||
		wish->until_ns <= now_ns || is_silent(desired, now_ns))
		return;
	taps->done = wish->row.generation;
	taps->until_ns = wish->until_ns < most_ns ? wish->until_ns : most_ns;
	taps->file = sluice_capture_create(taps->directory, taps->done, taps->workers_used);
	if (!taps->file) {
		refuse(taps, errno);
		return;
	}
	taps->packets_before = atomic_load(&state->packets);
	taps->lost_before = atomic_load(&state->lost);
	taps->orders[taps->order] = (struct tap_order){
		.file = taps->file,
		.participant = wish->participant,
		.decrypted = wish->flags & SLUICE_CAPTURE_DECRYPTED,
	};
	taps->stage = TAPS_RUNS;
	offer(taps, &taps->orders[taps->order]);
	atomic_store(&state->running, taps->done);
	log_info("capture %" PRIu32 " of participant %" PRIu32 " begins: %s, for %" PRIu64
		 " s at most",
		taps->done, wish->participant.index,
		wish->flags & SLUICE_CAPTURE_DECRYPTED ? "decrypted" : "as on the wire",
		(taps->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S);
}

void taps_poll(struct taps *taps, const struct sluice_desired *desired, uint64_t now_ns)
{
	struct sluice_capture_wish wish;
	bool whole = desired && sluice_row_read(&desired->head.capture.row, &wish, sizeof(wish));
	if (taps->stage == TAPS_RUNS)
		go_on(taps, desired, whole ? &wish : NULL, now_ns);
	else if (taps->stage == TAPS_NONE && whole)
		begin(taps, desired, &wish, now_ns);
	if (taps->stage == TAPS_ENDS && all_have(taps, NULL))
		end_finish(taps);
}

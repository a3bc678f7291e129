// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include "log.h"

#include <sluice/msg.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

void capture_open(struct capture *capture, const char *directory, struct sluice_observed *observed,
	struct worker **workers, unsigned workers_used)
{
	*capture = (struct capture){.directory = directory,
		.observed = observed,
		.workers = workers,
		.workers_used = workers_used};
	sluice_capture_unlink(directory);
	memset(&observed->head.capture, 0, sizeof(observed->head.capture));
}

static void offer(struct capture *capture, const struct tap_order *order)
{
	for (unsigned w = 0; w < capture->workers_used; w++)
		worker_capture(capture->workers[w], order);
}

static bool all_have(const struct capture *capture, const struct tap_order *order)
{
	for (unsigned w = 0; w < capture->workers_used; w++)
		if (worker_captured(capture->workers[w]) != order)
			return false;
	return true;
}

static void count(struct capture *capture)
{
	uint64_t packets = capture->packets_before, lost = capture->lost_before;
	for (unsigned w = 0; w < capture->workers_used; w++) {
		const struct sluice_capture_lane *lane = &capture->file->lanes[w];
		packets += atomic_load_explicit(&lane->packets, memory_order_relaxed);
		lost += atomic_load_explicit(&lane->lost, memory_order_relaxed);
	}
	atomic_store_explicit(
		&capture->observed->head.capture.packets, packets, memory_order_relaxed);
	atomic_store_explicit(&capture->observed->head.capture.lost, lost, memory_order_relaxed);
}

// ---- the end

static void end_begin(struct capture *capture, const char *why)
{
	capture->stage = CAPTURE_ENDS;
	capture->end = why;
	offer(capture, NULL);
	sluice_capture_unlink(capture->directory);
}

// Once no worker writes to the file any more.
static void end_finish(struct capture *capture)
{
	struct sluice_capture_state *state = &capture->observed->head.capture;
	count(capture);
	log_info("capture %" PRIu32 " ends, %s: %" PRIu64 " packets, and %" PRIu64
		 " that it had no room for",
		capture->done, capture->end, atomic_load(&state->packets) - capture->packets_before,
		atomic_load(&state->lost) - capture->lost_before);
	sluice_capture_close(capture->file);
	capture->file = NULL;
	capture->stage = CAPTURE_NONE;
	atomic_store(&state->running, 0);
}

void capture_close(struct capture *capture)
{
	if (capture->stage == CAPTURE_NONE)
		return;
	if (capture->stage == CAPTURE_RUNS)
		capture->end = "the data plane stops";
	sluice_capture_unlink(capture->directory);
	end_finish(capture);
}

// ---- what control wishes for

static bool is_silent(const struct sluice_desired *desired, uint64_t now_ns)
{
	uint64_t beat_ns = atomic_load(&desired->head.capture_reader.beat_ns);
	return now_ns > beat_ns && now_ns - beat_ns > SLUICE_CAPTURE_SILENCE_MS * NS_PER_MS;
}

// The same peer, back as somebody new: control has found it again.
static void follow(struct capture *capture, const struct sluice_capture_wish *wish)
{
	const struct tap_order *now = &capture->orders[capture->order];
	bool same = now->participant.index == wish->participant.index &&
		    now->participant.generation == wish->participant.generation;
	if (same || !all_have(capture, now))
		return;
	struct tap_order *next = &capture->orders[!capture->order];
	*next = *now;
	next->participant = wish->participant;
	capture->order = !capture->order;
	offer(capture, next);
}

// `wish` is NULL while it cannot be read: control may have died in the middle of it.
static void go_on(struct capture *capture, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	count(capture);
	if (desired != capture->desired || (wish && wish->row.generation != capture->done))
		end_begin(capture, "as it was asked to");
	else if (now_ns >= capture->until_ns)
		end_begin(capture, "its time is over");
	else if (is_silent(desired, now_ns))
		end_begin(capture, "nobody reads it");
	else if (wish)
		follow(capture, wish);
}

static void refuse(struct capture *capture, int error)
{
	struct sluice_capture_state *state = &capture->observed->head.capture;
	log_error("capture %" PRIu32 " cannot begin: %s/" SLUICE_CAPTURE_FILE
		  ": %s; is there room in the runtime directory?",
		capture->done, capture->directory, strerror(error));
	atomic_store(&state->error, (uint32_t)error);
	atomic_store(&state->refused, capture->done);
}

static void begin(struct capture *capture, const struct sluice_desired *desired,
	const struct sluice_capture_wish *wish, uint64_t now_ns)
{
	struct sluice_capture_state *state = &capture->observed->head.capture;
	uint64_t most_ns = now_ns + SLUICE_CAPTURE_SECONDS_MAX * NS_PER_S;
	if (desired != capture->desired) {
		capture->desired = desired;
		capture->done = 0;
	}
	if (wish->row.generation == 0 || wish->row.generation == capture->done ||
		wish->until_ns <= now_ns || is_silent(desired, now_ns))
		return;
	capture->done = wish->row.generation;
	capture->until_ns = wish->until_ns < most_ns ? wish->until_ns : most_ns;
	capture->file =
		sluice_capture_create(capture->directory, capture->done, capture->workers_used);
	if (!capture->file) {
		refuse(capture, errno);
		return;
	}
	capture->packets_before = atomic_load(&state->packets);
	capture->lost_before = atomic_load(&state->lost);
	capture->orders[capture->order] = (struct tap_order){
		.file = capture->file,
		.participant = wish->participant,
		.decrypted = wish->flags & SLUICE_CAPTURE_DECRYPTED,
	};
	capture->stage = CAPTURE_RUNS;
	offer(capture, &capture->orders[capture->order]);
	atomic_store(&state->running, capture->done);
	log_info("capture %" PRIu32 " of participant %" PRIu32 " begins: %s, for %" PRIu64
		 " s at most",
		capture->done, wish->participant.index,
		wish->flags & SLUICE_CAPTURE_DECRYPTED ? "decrypted" : "as on the wire",
		(capture->until_ns - now_ns + NS_PER_S - 1) / NS_PER_S);
}

void capture_poll(struct capture *capture, const struct sluice_desired *desired, uint64_t now_ns)
{
	struct sluice_capture_wish wish;
	bool whole = desired && sluice_row_read(&desired->head.capture.row, &wish, sizeof(wish));
	if (capture->stage == CAPTURE_RUNS)
		go_on(capture, desired, whole ? &wish : NULL, now_ns);
	else if (capture->stage == CAPTURE_NONE && whole)
		begin(capture, desired, &wish, now_ns);
	if (capture->stage == CAPTURE_ENDS && all_have(capture, NULL))
		end_finish(capture);
}

// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include "plane_parts.h"

#define NS_PER_MS UINT64_C(1000000)

// What lies behind a row's head; the name it keeps is that of the last capture.
static void wish_write(struct plane *plane, const struct sluice_capture_wish *wish)
{
	const size_t skip = offsetof(struct sluice_row, generation);
	struct sluice_capture_wish *there = &plane->desired->head.capture;
	sluice_row_begin(&there->row);
	memcpy((uint8_t *)there + skip, (const uint8_t *)wish + skip, sizeof(*wish) - skip);
	sluice_row_end(&there->row);
}

static bool runs(const struct plane *plane, uint32_t name)
{
	return name != 0 && plane->desired->head.capture.row.generation == name;
}

uint32_t capture_begin(struct plane *plane, struct core_participant_id participant, bool decrypted,
	uint32_t seconds, uint64_t now_ms)
{
	struct sluice_desired_head *head = &plane->desired->head;
	if (head->capture.row.generation != 0)
		return 0;
	uint32_t name = head->capture.before + 1 ? head->capture.before + 1 : 1;
	if (seconds > SLUICE_CAPTURE_SECONDS_MAX)
		seconds = SLUICE_CAPTURE_SECONDS_MAX;
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++)
		atomic_store(&head->capture_reader.tails[w], 0);
	atomic_store(&head->capture_reader.beat_ns, now_ms * NS_PER_MS);
	const struct sluice_capture_wish wish = {
		.row.generation = name,
		.participant = {participant.index, participant.generation},
		.until_ns = (now_ms + seconds * UINT64_C(1000)) * NS_PER_MS,
		.flags = decrypted ? SLUICE_CAPTURE_DECRYPTED : 0,
		.before = name,
	};
	wish_write(plane, &wish);
	return name;
}

struct core_participant_id capture_participant(const struct plane *plane, uint32_t name)
{
	const struct sluice_capture_wish *wish = &plane->desired->head.capture;
	if (!runs(plane, name))
		return (struct core_participant_id){0};
	return (struct core_participant_id){wish->participant.index, wish->participant.generation};
}

void capture_follow(struct plane *plane, uint32_t name, struct core_participant_id participant)
{
	if (!runs(plane, name))
		return;
	struct sluice_capture_wish wish = plane->desired->head.capture;
	wish.participant = (struct sluice_handle){participant.index, participant.generation};
	wish_write(plane, &wish);
}

bool capture_read(
	struct plane *plane, uint32_t name, const uint32_t *tails, unsigned n, uint64_t now_ms)
{
	struct sluice_capture_reader *reader = &plane->desired->head.capture_reader;
	if (!runs(plane, name))
		return false;
	for (unsigned w = 0; w < n && w < SLUICE_WORKERS_MAX; w++)
		atomic_store_explicit(&reader->tails[w], tails[w], memory_order_release);
	atomic_store(&reader->beat_ns, now_ms * NS_PER_MS);
	return true;
}

void capture_end(struct plane *plane, uint32_t name)
{
	if (runs(plane, name))
		capture_clear(plane);
}

void capture_poll(struct plane *plane, uint64_t now_ms)
{
	const struct sluice_desired_head *head = &plane->desired->head;
	uint64_t beat_ms = atomic_load(&head->capture_reader.beat_ns) / NS_PER_MS;
	uint64_t until_ms = head->capture.until_ns / NS_PER_MS + SLUICE_CAPTURE_SILENCE_MS;
	if (head->capture.row.generation != 0 &&
		(now_ms >= until_ms || now_ms > beat_ms + SLUICE_CAPTURE_SILENCE_MS))
		capture_clear(plane);
}

void capture_clear(struct plane *plane)
{
	const struct sluice_capture_wish none = {.before = plane->desired->head.capture.before};
	wish_write(plane, &none);
}

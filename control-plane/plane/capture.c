// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include "capture_frame.h"
#include "plane_parts.h"

#include <errno.h>
#include <stdio.h>

#define NS_PER_MS UINT64_C(1000000)

// ---- wishes

// What lies behind a row's head.
static void wish_write(struct plane *plane, unsigned place, const struct sluice_capture_wish *wish)
{
	const size_t skip = offsetof(struct sluice_row, generation);
	struct sluice_capture_wish *there = &plane->desired->head.captures[place];
	sluice_row_begin(&there->row);
	memcpy((uint8_t *)there + skip, (const uint8_t *)wish + skip, sizeof(*wish) - skip);
	sluice_row_end(&there->row);
}

static const struct sluice_capture_wish *wish_of(const struct plane *plane, uint32_t number)
{
	const struct sluice_capture_wish *wish =
		&plane->desired->head.captures[sluice_capture_place(number)];
	return number != 0 && wish->row.generation == number ? wish : NULL;
}

static void place_free(struct plane *plane, unsigned place)
{
	static const struct sluice_capture_wish none;
	wish_write(plane, place, &none);
	if (!plane->captures[place].file)
		return;
	sluice_capture_unlink(plane->directory, SLUICE_CAPTURE_CONTROL, place);
	sluice_capture_close(plane->captures[place].file);
	plane->captures[place].file = NULL;
	plane->captures_used--;
}

// The next number whose place is free; 0 = all are taken.
static uint32_t number_next(const struct plane *plane)
{
	const struct sluice_desired_head *head = &plane->desired->head;
	uint32_t number = head->capture_last;
	for (unsigned i = 0; i < SLUICE_CAPTURES_MAX; i++) {
		number = number + 1 ? number + 1 : 1;
		if (head->captures[sluice_capture_place(number)].row.generation == 0)
			return number;
	}
	return 0;
}

// Place of the capture of a participant; -1 = there is none.
static int place_of(const struct plane *plane, struct core_participant_id participant)
{
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX && plane->captures_used; place++) {
		const struct sluice_capture_wish *wish = &plane->desired->head.captures[place];
		if (wish->row.generation != 0 && wish->participant.index == participant.index &&
			wish->participant.generation == participant.generation)
			return (int)place;
	}
	return -1;
}

static void reader_begin(struct sluice_capture_reader *reader, uint64_t now_ms)
{
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++)
		atomic_store(&reader->tails[w], 0);
	atomic_store(&reader->beat_ns, now_ms * NS_PER_MS);
}

int64_t capture_begin(struct plane *plane, const struct capture_request *request, uint64_t now_ms)
{
	struct sluice_desired_head *head = &plane->desired->head;
	uint32_t number = number_next(plane), seconds = request->seconds;
	if (place_of(plane, request->participant) >= 0)
		return -EBUSY;
	if (number == 0)
		return -EAGAIN;
	unsigned place = sluice_capture_place(number);
	struct sluice_capture *file =
		sluice_capture_create(plane->directory, SLUICE_CAPTURE_CONTROL, number, 1);
	if (!file)
		return -errno;
	plane->captures[place] = (struct plane_capture){.file = file};
	plane->captures_used++;
	if (seconds > SLUICE_CAPTURE_SECONDS_MAX)
		seconds = SLUICE_CAPTURE_SECONDS_MAX;
	reader_begin(&head->capture_readers[place], now_ms);
	head->capture_last = number;
	struct sluice_capture_wish wish = {
		.row.generation = number,
		.participant = {request->participant.index, request->participant.generation},
		.until_ns = (now_ms + seconds * UINT64_C(1000)) * NS_PER_MS,
		.flags = request->decrypted ? SLUICE_CAPTURE_DECRYPTED : 0,
	};
	snprintf(wish.peer, sizeof(wish.peer), "%s", request->peer);
	wish_write(plane, place, &wish);
	return number;
}

struct core_participant_id capture_participant(const struct plane *plane, uint32_t number)
{
	const struct sluice_capture_wish *wish = wish_of(plane, number);
	if (!wish)
		return (struct core_participant_id){0};
	return (struct core_participant_id){wish->participant.index, wish->participant.generation};
}

void capture_follow(struct plane *plane, uint32_t number, struct core_participant_id participant)
{
	const struct sluice_capture_wish *now = wish_of(plane, number);
	if (!now || place_of(plane, participant) >= 0)
		return;
	struct sluice_capture_wish wish = *now;
	wish.participant = (struct sluice_handle){participant.index, participant.generation};
	wish_write(plane, sluice_capture_place(number), &wish);
}

bool capture_read(struct plane *plane, uint32_t number, const uint32_t *tails, unsigned n,
	uint32_t own, uint64_t now_ms)
{
	unsigned place = sluice_capture_place(number);
	struct sluice_capture_reader *reader = &plane->desired->head.capture_readers[place];
	if (!wish_of(plane, number))
		return false;
	for (unsigned w = 0; w < n && w < SLUICE_WORKERS_MAX; w++)
		atomic_store_explicit(&reader->tails[w], tails[w], memory_order_release);
	atomic_store(&reader->beat_ns, now_ms * NS_PER_MS);
	plane->captures[place].tail = own;
	return true;
}

void capture_end(struct plane *plane, uint32_t number)
{
	if (wish_of(plane, number))
		place_free(plane, sluice_capture_place(number));
}

void capture_poll(struct plane *plane, uint64_t now_ms)
{
	const struct sluice_desired_head *head = &plane->desired->head;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX && plane->captures_used; place++) {
		uint64_t beat_ms = atomic_load(&head->capture_readers[place].beat_ns) / NS_PER_MS;
		uint64_t until_ms =
			head->captures[place].until_ns / NS_PER_MS + SLUICE_CAPTURE_SILENCE_MS;
		if (head->captures[place].row.generation != 0 &&
			(now_ms >= until_ms || now_ms > beat_ms + SLUICE_CAPTURE_SILENCE_MS))
			place_free(plane, place);
	}
}

void capture_clear(struct plane *plane)
{
	capture_close(plane);
	sluice_capture_unlink_all(plane->directory, SLUICE_CAPTURE_CONTROL);
}

void capture_close(struct plane *plane)
{
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		place_free(plane, place);
}

// ---- datagrams

bool capture_any(const struct plane *plane)
{
	return plane->captures_used > 0;
}

static struct sluice_address address_of(const struct core_address *address)
{
	struct sluice_address copy = {.port = address->port};
	memcpy(copy.ip, address->ip, sizeof(copy.ip));
	return copy;
}

static struct capture_ends ends_of(
	const struct plane *plane, const struct capture_datagram *datagram)
{
	const struct core_path *path = datagram->path;
	struct capture_ends ends = {
		.from = address_of(&path->remote), .to = address_of(&path->local)};
	memcpy(ends.from_mac, path->remote_mac, 6);
	if (plane->observed && path->port < SLUICE_PORTS_MAX)
		memcpy(ends.to_mac, plane->observed->ports[path->port].mac, 6);
	if (datagram->direction == SLUICE_CAPTURE_IN)
		return ends;
	struct capture_ends back = {.from = ends.to, .to = ends.from};
	memcpy(back.from_mac, ends.to_mac, 6);
	memcpy(back.to_mac, ends.from_mac, 6);
	return back;
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void capture_put(struct plane *plane, const struct capture_datagram *datagram)
{
	int place = place_of(plane, datagram->participant);
	if (place < 0 || !plane->captures[place].file)
		return;
	struct plane_capture *capture = &plane->captures[place];
	struct sluice_capture_lane *lane = &capture->file->lanes[0];
	if (!sluice_capture_has_room(capture->next, capture->tail)) {
		count(&lane->lost);
		capture->lost++;
		plane->captured_lost++;
		return;
	}
	struct sluice_captured *slot = sluice_capture_slot(capture->file, 0, capture->next++);
	struct capture_ends ends = ends_of(plane, datagram);
	memset(slot, 0, offsetof(struct sluice_captured, data));
	slot->kept = (uint16_t)capture_frame(slot->data, sizeof(slot->data), &ends, datagram->data,
		datagram->length, &slot->length);
	slot->time_ns = datagram->time_ns;
	slot->direction = (uint8_t)datagram->direction;
	slot->port = datagram->path->port;
	slot->drop = (uint8_t)(datagram->drop + 1);
	slot->lost = capture->lost;
	capture->lost = 0;
	count(&lane->packets);
	plane->captured++;
	atomic_store_explicit(&lane->head.value, capture->next, memory_order_release);
}

void capture_figures(const struct plane *plane, uint64_t *packets, uint64_t *lost)
{
	*packets = plane->captured;
	*lost = plane->captured_lost;
	if (!plane->observed)
		return;
	*packets += atomic_load(&plane->observed->head.capture.packets);
	*lost += atomic_load(&plane->observed->head.capture.lost);
}

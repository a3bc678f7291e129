// SPDX-License-Identifier: Apache-2.0
#include "rewrite.h"

enum { PICTURE_MASK = 0x7FFF };

#define PICTURE_VALID (UINT32_C(1) << 31) // in what rewrite_picture packs

void rewrite_init(struct rewrite *rewrite, struct rewrite_segment *older, uint64_t first)
{
	*rewrite = (struct rewrite){.next = first, .older = older};
}

void rewrite_resume(struct rewrite *rewrite, struct rewrite_segment *older, uint64_t next,
	uint32_t last_timestamp, uint64_t last_sent_ns)
{
	*rewrite = (struct rewrite){
		.older = older,
		.next = next,
		.has_last = last_sent_ns != 0,
		.last_timestamp = last_timestamp,
		.last_ns = last_sent_ns,
	};
}

void rewrite_resume_picture(struct rewrite *rewrite, uint32_t picture)
{
	rewrite->has_last_picture = picture & PICTURE_VALID;
	rewrite->last_picture_id = picture & PICTURE_MASK;
	rewrite->last_tl0_picture = (uint8_t)(picture >> 16);
}

uint32_t rewrite_picture(const struct rewrite *rewrite, uint8_t ahead)
{
	if (!rewrite->has_last_picture)
		return 0;
	uint8_t tl0 = (uint8_t)(rewrite->last_tl0_picture + ahead);
	return PICTURE_VALID | (uint32_t)tl0 << 16 |
	       ((rewrite->last_picture_id + ahead) & PICTURE_MASK);
}

static bool picture_newer(uint32_t a, uint32_t b)
{
	return a != b && ((a - b) & PICTURE_MASK) <= PICTURE_MASK / 2;
}

bool rewrite_picture_beyond(const struct rewrite *rewrite, uint32_t picture)
{
	return rewrite->has_last_picture &&
	       (!(picture & PICTURE_VALID) ||
		       picture_newer(rewrite->last_picture_id, picture & PICTURE_MASK));
}

// Segments by age: 0 is the newest. NULL when there is none that old.
static const struct rewrite_segment *segment_by_age(const struct rewrite *rewrite, uint32_t age)
{
	if (age >= rewrite->segments_used || age >= REWRITE_SEGMENTS)
		return NULL;
	if (age == 0)
		return &rewrite->newest;
	return &rewrite->older[(rewrite->segments_used - 1 - age) % REWRITE_SEGMENTS];
}

static struct rewrite_segment *segment_newest(struct rewrite *rewrite)
{
	return rewrite->segments_used > 0 ? &rewrite->newest : NULL;
}

static struct rewrite_segment *segment_add(struct rewrite *rewrite)
{
	if (rewrite->segments_used > 0)
		rewrite->older[(rewrite->segments_used - 1) % REWRITE_SEGMENTS] = rewrite->newest;
	rewrite->segments_used++;
	return &rewrite->newest;
}

// Whether `packet` goes on with the current run.
static bool in_run(const struct rewrite *rewrite, const struct rewrite_packet *packet)
{
	const struct rewrite_segment *newest = segment_by_age(rewrite, 0);
	return newest && !rewrite->broken && newest->source == packet->source &&
	       (packet->index <= newest->in_highest ||
		       packet->index - newest->in_highest <= REWRITE_JUMP_MAX);
}

// Whether a packet outside the current run comes from before it.
static bool is_late(const struct rewrite *rewrite, const struct rewrite_packet *packet)
{
	const struct rewrite_segment *segment;
	for (uint32_t age = 0; (segment = segment_by_age(rewrite, age)); age++)
		if (segment->source == packet->source)
			return packet->index <= segment->in_highest;
	return false;
}

// Output index of a packet of the current run. False when it belongs to before it, or to a place that
// was closed: a segment ends where the next one begins.
static bool place(const struct rewrite *rewrite, uint64_t index, uint64_t *out)
{
	const struct rewrite_segment *segment;
	uint64_t end = UINT64_MAX;
	for (uint32_t age = 0; (segment = segment_by_age(rewrite, age)); age++) {
		if (index >= segment->in_first) {
			*out = segment->out_first + (index - segment->in_first);
			return *out < end;
		}
		if (segment->starts_run)
			return false;
		end = segment->out_first;
	}
	return false;
}

static uint32_t timestamp_of_run(
	const struct rewrite *rewrite, const struct rewrite_packet *packet, uint64_t now_ns)
{
	if (!rewrite->has_last)
		return packet->timestamp;
	const uint64_t second = 1000000000;
	uint64_t elapsed = now_ns > rewrite->last_ns ? now_ns - rewrite->last_ns : 0;
	uint64_t ticks = elapsed / second * packet->clock_rate +
			 elapsed % second * packet->clock_rate / second;
	return rewrite->last_timestamp + (uint32_t)(ticks > 0 ? ticks : 1);
}

static void run_begin(struct rewrite *rewrite, const struct rewrite_packet *packet, uint64_t now_ns)
{
	uint32_t timestamp = timestamp_of_run(rewrite, packet, now_ns);
	*segment_add(rewrite) = (struct rewrite_segment){
		.source = packet->source,
		.in_first = packet->index,
		.in_highest = packet->index,
		.out_first = rewrite->next,
		.timestamp_offset = timestamp - packet->timestamp,
		.starts_run = true,
	};
	rewrite->broken = false;
	rewrite->has_last = true;
	rewrite->last_timestamp = timestamp;
	rewrite->last_ns = now_ns;
}

// The first picture id of a run decides how those of the whole run are shifted.
static void run_set_picture(struct rewrite *rewrite, const struct rewrite_packet *packet)
{
	uint16_t picture_offset = 0;
	uint8_t tl0_offset = 0;
	if (rewrite->has_last_picture) {
		picture_offset = (rewrite->last_picture_id + 1 - packet->picture_id) & PICTURE_MASK;
		tl0_offset = (uint8_t)(rewrite->last_tl0_picture + 1 - packet->tl0_picture);
	}
	struct rewrite_segment *segment;
	for (uint32_t age = 0; (segment = (struct rewrite_segment *)segment_by_age(rewrite, age));
		age++) {
		segment->has_picture = true;
		segment->picture_offset = picture_offset;
		segment->tl0_offset = tl0_offset;
		if (segment->starts_run)
			break;
	}
}

static void last_picture_note(struct rewrite *rewrite, const struct rewrite_packet *packet,
	const struct rewrite_segment *segment)
{
	uint16_t id = (packet->picture_id + segment->picture_offset) & PICTURE_MASK;
	if (rewrite->has_last_picture && !picture_newer(id, rewrite->last_picture_id))
		return;
	rewrite->has_last_picture = true;
	rewrite->last_picture_id = id;
	rewrite->last_tl0_picture = (uint8_t)(packet->tl0_picture + segment->tl0_offset);
}

// Takes note of a packet that was given output index `index`.
static void note(struct rewrite *rewrite, const struct rewrite_packet *packet, uint64_t index,
	uint64_t now_ns)
{
	struct rewrite_segment *segment = segment_newest(rewrite);
	if (packet->index > segment->in_highest)
		segment->in_highest = packet->index;
	if (index >= rewrite->next)
		rewrite->next = index + 1;
	uint32_t timestamp = packet->timestamp + segment->timestamp_offset;
	if (seq_timestamp_newer(timestamp, rewrite->last_timestamp)) {
		rewrite->last_timestamp = timestamp;
		rewrite->last_ns = now_ns;
	}
	if (!packet->has_picture)
		return;
	if (!segment->has_picture)
		run_set_picture(rewrite, packet);
	last_picture_note(rewrite, packet, segment);
}

// Whether `packet` is the very next one of the current run, and its place the next one of ours: then nothing is to
// be looked up.
static bool is_next(const struct rewrite *rewrite, const struct rewrite_packet *packet)
{
	const struct rewrite_segment *newest = &rewrite->newest;
	return rewrite->segments_used > 0 && !rewrite->broken && newest->source == packet->source &&
	       packet->index == newest->in_highest + 1 &&
	       newest->out_first + (packet->index - newest->in_first) == rewrite->next;
}

enum rewrite_result rewrite_apply(struct rewrite *rewrite, const struct rewrite_packet *packet,
	uint64_t now_ns, struct rewrite_output *output)
{
	uint64_t index = rewrite->next;
	bool next = is_next(rewrite, packet), continues = next || in_run(rewrite, packet);
	if (!next &&
		(continues ? !place(rewrite, packet->index, &index) : is_late(rewrite, packet)))
		return REWRITE_LATE;
	if (index > SEQ_INDEX_MAX)
		return REWRITE_EXHAUSTED;
	if (!continues)
		run_begin(rewrite, packet, now_ns);
	note(rewrite, packet, index, now_ns);
	const struct rewrite_segment *segment = segment_newest(rewrite);
	*output = (struct rewrite_output){
		.index = index,
		.timestamp = packet->timestamp + segment->timestamp_offset,
		.picture_offset = segment->picture_offset,
		.tl0_offset = segment->tl0_offset,
		.switched = !continues,
	};
	return REWRITE_OK;
}

void rewrite_drop(struct rewrite *rewrite, const struct rewrite_packet *packet)
{
	struct rewrite_segment *newest = segment_newest(rewrite);
	if (!newest || rewrite->broken || newest->source != packet->source ||
		packet->index <= newest->in_highest)
		return;
	if (packet->index - newest->in_highest > REWRITE_JUMP_MAX) {
		rewrite->broken = true;
		newest->in_highest = packet->index;
		return;
	}
	newest->in_highest = packet->index;
	if (packet->index == newest->in_first) { // a second drop in a row
		newest->in_first++;
		return;
	}
	struct rewrite_segment next = *newest;
	next.out_first = newest->out_first + (packet->index - newest->in_first);
	next.in_first = packet->index + 1;
	next.starts_run = false;
	*segment_add(rewrite) = next;
}

void rewrite_break(struct rewrite *rewrite)
{
	rewrite->broken = true;
}

bool rewrite_origin(const struct rewrite *rewrite, uint16_t sequence, struct rewrite_origin *origin)
{
	if (rewrite->segments_used == 0)
		return false;
	uint64_t index = seq_extend(rewrite->next - 1, sequence);
	bool given = index < rewrite->next;
	const struct rewrite_segment *segment;
	for (uint32_t age = 0; given && (segment = segment_by_age(rewrite, age)); age++) {
		if (index < segment->out_first)
			continue;
		*origin = (struct rewrite_origin){
			.source = segment->source,
			.index = segment->in_first + (index - segment->out_first),
			.output_index = index,
			.timestamp_offset = segment->timestamp_offset,
			.picture_offset = segment->picture_offset,
			.tl0_offset = segment->tl0_offset,
		};
		return true;
	}
	return false;
}

bool rewrite_timestamp(
	const struct rewrite *rewrite, uint64_t source, uint32_t timestamp, uint32_t *ours)
{
	const struct rewrite_segment *newest = segment_by_age(rewrite, 0);
	if (!newest || newest->source != source)
		return false;
	*ours = timestamp + newest->timestamp_offset;
	return true;
}

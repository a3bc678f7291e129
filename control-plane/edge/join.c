// SPDX-License-Identifier: Apache-2.0
#include "join.h"

#include <stdlib.h>

struct progress {
	uint32_t generation;
	uint8_t seen; // bit of each stage that has been counted
	bool waiting; // in `waiting`
	uint64_t keyed_ms;
};

struct join {
	struct edge_counters *counters;
	uint32_t count;
	struct progress *progress; // by transport index
	uint32_t *waiting; // indexes with keys and no first frame
	uint32_t waiting_used;
};

struct join *join_create(struct edge_counters *counters, uint32_t transports)
{
	struct join *join = calloc(1, sizeof(*join));

	if (!join)
		return NULL;
	join->counters = counters;
	join->count = transports;
	join->progress = calloc(transports, sizeof(*join->progress));
	join->waiting = calloc(transports, sizeof(*join->waiting));
	if (join->progress && join->waiting)
		return join;
	join_destroy(join);
	return NULL;
}

void join_destroy(struct join *join)
{
	if (!join)
		return;
	free(join->progress);
	free(join->waiting);
	free(join);
}

static void stage_seen(struct join *join, struct progress *progress, enum edge_join_stage stage,
	uint64_t from_ms, uint64_t to_ms)
{
	if (progress->seen & 1u << stage || !from_ms || !to_ms)
		return;
	progress->seen |= (uint8_t)(1u << stage);
	edge_observe(&join->counters->join[stage], to_ms > from_ms ? to_ms - from_ms : 0);
}

void join_changed(
	struct join *join, const struct core_transport *transport, uint64_t joined_ms, bool gone)
{
	struct progress *progress;

	if (transport->id.index >= join->count)
		return;
	progress = &join->progress[transport->id.index];
	if (gone) {
		progress->generation = 0; // leaves `waiting` at the next poll
		return;
	}
	if (progress->generation != transport->id.generation) {
		bool waiting = progress->waiting;

		*progress = (struct progress){
			.generation = transport->id.generation, .waiting = waiting};
		if (transport->has_keys) // restored: we did not see it begin
			progress->seen = UINT8_MAX;
	}
	stage_seen(join, progress, EDGE_JOIN_OFFER, joined_ms, transport->created_ms);
	stage_seen(join, progress, EDGE_JOIN_ICE, transport->created_ms, transport->checked_ms);
	stage_seen(join, progress, EDGE_JOIN_DTLS, transport->checked_ms, transport->keyed_ms);
	progress->keyed_ms = transport->keyed_ms;
	if (transport->keyed_ms && !progress->waiting &&
		!(progress->seen & 1u << EDGE_JOIN_FIRST_FRAME)) {
		progress->waiting = true;
		join->waiting[join->waiting_used++] = transport->id.index;
	}
}

// Returns true when nothing more is to be learned of this transport.
static bool transport_poll(
	struct join *join, uint32_t index, const struct sluice_transport_status *row)
{
	struct progress *progress = &join->progress[index];
	struct sluice_transport_status status;

	if (!progress->generation || progress->seen & 1u << EDGE_JOIN_FIRST_FRAME)
		return true;
	if (!sluice_row_read(&row->row, &status, sizeof(status)) ||
		status.row.generation != progress->generation)
		return false;
	stage_seen(join, progress, EDGE_JOIN_FIRST_PACKET, progress->keyed_ms,
		status.first_packet_ns / 1000000);
	stage_seen(join, progress, EDGE_JOIN_FIRST_FRAME, progress->keyed_ms,
		status.first_media_ns / 1000000);
	return progress->seen & 1u << EDGE_JOIN_FIRST_FRAME;
}

void join_poll(struct join *join, const struct sluice_observed *observed)
{
	uint32_t kept = 0;

	if (!observed)
		return;
	for (uint32_t i = 0; i < join->waiting_used; i++) {
		uint32_t index = join->waiting[i];

		if (index < SLUICE_TRANSPORTS_MAX &&
			!transport_poll(join, index, &observed->transports[index]))
			join->waiting[kept++] = index;
		else
			join->progress[index].waiting = false;
	}
	join->waiting_used = kept;
}

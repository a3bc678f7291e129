// SPDX-License-Identifier: Apache-2.0
// Key frames: many subscribers may want one, the publisher is asked at most once a second.
#include "feed.h"

enum { TRIES_MAX = 10 }; // without success: perhaps we cannot see key frames in this stream

#define ASK_INTERVAL_NS UINT64_C(1000000000)
#define TELL_INTERVAL_NS UINT64_C(20000000) // between workers
#define SILENT_NS UINT64_C(2000000000)

void key_request(struct worker *worker, uint32_t p)
{
	struct publication *publication = &worker->table.publications[p];
	const struct transport *transport =
		table_transport(&worker->table, publication->row.transport);
	// Of video that is held back we could not send a key frame; who waits for one asks again.
	if (!transport || publication->row.kind != SLUICE_VIDEO ||
		worker->now_ns < publication->held_ns)
		return;
	if (transport->mine) {
		key_want(worker, p);
		return;
	}
	if (publication->key_asked_ns != 0 &&
		worker->now_ns - publication->key_asked_ns < TELL_INTERVAL_NS)
		return;
	const struct mesh_item item = {.generation = publication->row.row.generation,
		.type = MESH_KEY_REQUEST,
		.publication = p};
	if (mesh_send(worker, transport->worker, &item))
		publication->key_asked_ns = worker->now_ns;
	else
		drop_count(worker, SLUICE_DROP_mesh_full, 1);
}

void key_want(struct worker *worker, uint32_t p)
{
	struct publication *publication = &worker->table.publications[p];
	if (!publication->mine || publication->row.kind != SLUICE_VIDEO)
		return;
	struct source *source = table_source(&worker->table, p, 0);
	source->key_wanted = true;
	source->key_tries = 0;
	worker->table.due_ns[p] = 0;
	key_poll(worker, p);
}

void key_poll(struct worker *worker, uint32_t p)
{
	const struct publication *publication = &worker->table.publications[p];
	struct source *source = table_source(&worker->table, p, 0);
	struct compound compound;
	if (!source->key_wanted || !source->started || publication->row.paused ||
		publication->row.kind != SLUICE_VIDEO)
		return;
	bool silent = worker->now_ns - source->status.heard_ns > SILENT_NS;
	bool recent = source->key_asked_ns != 0 &&
		      worker->now_ns - source->key_asked_ns < ASK_INTERVAL_NS;
	if (silent || recent)
		return;
	if (source->key_tries >= TRIES_MAX) {
		source->key_wanted = false;
		return;
	}
	if (!compound_open(worker, publication->row.transport.index, NULL, 0, &compound))
		return;
	uint32_t sender = table_transport_books(&worker->table, compound.transport)->rtcp_ssrc;
	rtcp_write_pli(&compound.writer, sender, source->ssrc);
	compound_close(worker, &compound);
	source->key_asked_ns = worker->now_ns;
	source->key_tries++;
	source->status.key_requests++;
	trace_publication(
		worker, p, SLUICE_DECISION_key_asked, (struct trace_packet){.ssrc = source->ssrc});
	worker->status->key_requests_out++;
}

void key_arrived(struct source *source, uint32_t timestamp)
{
	source->key_wanted = false;
	// Several packets of one frame may look like its beginning.
	if (source->status.key_frames > 0 && source->key_timestamp == timestamp)
		return;
	source->key_timestamp = timestamp;
	source->status.key_frames++;
}

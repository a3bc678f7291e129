// SPDX-License-Identifier: Apache-2.0
#include "feed.h"
#include "nouns.h"

bool mesh_send(struct worker *worker, unsigned to, const struct mesh_item *item)
{
	if (!mesh_push(worker->mesh, worker->number, to, item))
		return false;
	worker->told |= UINT32_C(1) << to;
	return true;
}

// Drops what no later stage will see.
static void refuse(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	if (worker->tap.runs)
		tap_arrived(worker, &pkt, 1);
	drop_strange(worker, pkt, why);
}

static void hand_over(struct worker *worker, struct pkt *pkt, unsigned owner)
{
	const struct mesh_item item = {.pkt = pkt, .type = MESH_RAW};
	if (mesh_send(worker, owner, &item))
		worker->status->handed_over++;
	else
		refuse(worker, pkt, SLUICE_DROP_mesh_full);
}

unsigned stage_mesh(struct worker *worker, struct pkt **pkts, unsigned *handled)
{
	struct mesh_item items[WORKER_BURST];
	unsigned n = mesh_pop(worker->mesh, worker->number, items, WORKER_BURST);
	unsigned raw = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t index = items[i].publication;
		if (items[i].type == MESH_RAW)
			pkts[raw++] = items[i].pkt;
		else if (items[i].type == MESH_MEDIA)
			wait_take(worker, items[i].pkt);
		else if (worker->table.publications[index].row.row.generation ==
			 items[i].generation)
			key_want(worker, index);
	}
	*handled += n;
	return raw;
}

unsigned stage_dispatch(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	stage_count(worker, SLUICE_STAGE_DISPATCH, n);
	table_find_begin(&worker->table, pkts, n);
	for (unsigned i = 0; i < n; i++) {
		struct pkt *pkt = pkts[i];
		if (pkt->class == SLUICE_CLASS_STUN || pkt->class == SLUICE_CLASS_DTLS) {
			punt_packet(worker, pkt);
			continue;
		}
		if (!table_find(&worker->table, &pkt->path, &pkt->transport, &pkt->path_index)) {
			drop_strange(worker, pkt, SLUICE_DROP_no_transport);
			continue;
		}
		const struct transport *transport = &worker->table.transports[pkt->transport];
		if (!transport->mine) {
			hand_over(worker, pkt, transport->worker);
			continue;
		}
		if (left == 0 || pkts[left - 1]->transport != pkt->transport)
			srtp_session_prefetch(transport->in);
		pkts[left++] = pkt;
	}
	return left;
}

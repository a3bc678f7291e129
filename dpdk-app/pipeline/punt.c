// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

enum { REPLIES_AT_ONCE = 32 };

void punt_packet(struct worker *worker, struct pkt *pkt)
{
	const struct sluice_desired *desired = worker->table.desired;
	struct sluice_datagram datagram;
	if (!desired || pkt->length > sizeof(datagram.data)) {
		drop_strange(worker, pkt, desired ? SLUICE_DROP_too_long : SLUICE_DROP_punt_full);
		return;
	}
	memset(&datagram, 0, offsetof(struct sluice_datagram, data));
	datagram.path = pkt->path;
	datagram.length = (uint16_t)pkt->length;
	datagram.arrived_us = (uint32_t)(pkt->arrived_ns / 1000);
	memcpy(datagram.data, pkt->data, pkt->length);
	// The consumer's index is only read through the cast.
	struct sluice_ring ring = sluice_ring_punts(
		(struct sluice_desired *)desired, worker->table.observed, worker->number);
	if (!sluice_ring_push(&ring, &datagram,
		    (uint32_t)(offsetof(struct sluice_datagram, data) + pkt->length))) {
		drop_strange(worker, pkt, SLUICE_DROP_punt_full);
		return;
	}
	worker->status->punted++;
	worker->ring = true;
	pkt_put(&pkt, 1);
}

// Returns GOOD (-1) when sent, or why it was dropped.
static int reply_send(struct worker *worker, const struct sluice_datagram *datagram)
{
	struct pkt *pkt;
	if (datagram->length > sizeof(datagram->data))
		return SLUICE_DROP_too_long;
	if (datagram->path.port >= worker->table.ports || datagram->path.remote.port == 0)
		return SLUICE_DROP_no_path;
	if (pkt_get(worker->number, &pkt, 1) != 1)
		return SLUICE_DROP_no_buffer;
	memcpy(pkt->data, datagram->data, datagram->length);
	pkt->length = datagram->length;
	pkt->transport = TABLE_NONE;
	if (!frame_write(pkt, &datagram->path, datagram->path.remote_mac)) {
		pkt_put(&pkt, 1);
		return SLUICE_DROP_too_long;
	}
	pkt->flags |= PKT_URGENT;
	tx_queue(worker, pkt);
	worker->status->punt_sent++;
	return -1;
}

unsigned punt_replies(struct worker *worker)
{
	struct sluice_datagram datagram;
	unsigned n = 0;
	if (!worker->table.desired)
		return 0;
	struct sluice_ring ring =
		sluice_ring_replies((struct sluice_desired *)worker->table.desired,
			worker->table.observed, worker->number);
	for (; n < REPLIES_AT_ONCE && sluice_ring_pop(&ring, &datagram); n++) {
		int why = reply_send(worker, &datagram);
		if (why >= 0)
			drop_count(worker, (enum sluice_drop)why, 1);
	}
	return n;
}

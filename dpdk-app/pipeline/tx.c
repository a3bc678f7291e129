// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

static void tx_send(struct worker *worker, unsigned port)
{
	struct pkt **pkts = worker->tx[port].pkts;
	unsigned n = worker->tx[port].used;
	unsigned sent = io_tx(port, worker->number, pkts, n);
	drop_count(worker, SLUICE_DROP_tx_full, n - sent);
	pkt_put(pkts + sent, n - sent);
	stage_count(worker, SLUICE_STAGE_TX, n);
	worker->tx[port].used = 0;
}

void tx_queue(struct worker *worker, struct pkt *pkt)
{
	unsigned port = pkt->port;
	worker->tx[port].pkts[worker->tx[port].used++] = pkt;
	if (worker->tx[port].used == WORKER_TX)
		tx_send(worker, port);
}

void tx_flush(struct worker *worker)
{
	for (unsigned port = 0; port < worker->table.ports; port++)
		if (worker->tx[port].used > 0)
			tx_send(worker, port);
}

void stage_tx(struct worker *worker, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		tx_queue(worker, worker->jobs[i].out);
}

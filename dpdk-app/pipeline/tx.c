// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

// Those that were sent have stayed until now.
static void samples_take(struct worker *worker, unsigned port, unsigned sent)
{
	unsigned n = worker->tx[port].samples_used;
	uint64_t now_ns = n > 0 ? io_now_ns() : 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t arrived_ns = worker->tx[port].samples[i].arrived_ns;
		if (worker->tx[port].samples[i].at < sent)
			sluice_residence_add(&worker->status->residence,
				now_ns > arrived_ns ? now_ns - arrived_ns : 0);
	}
	worker->tx[port].samples_used = 0;
}

static void tx_send(struct worker *worker, unsigned port)
{
	struct pkt **pkts = worker->tx[port].pkts;
	unsigned n = worker->tx[port].used;
	unsigned sent = io_tx(port, worker->number, pkts, n);
	drop_count(worker, SLUICE_DROP_tx_full, n - sent);
	pkt_put(pkts + sent, n - sent);
	stage_count(worker, SLUICE_STAGE_TX, n);
	worker->tx[port].used = 0;
	samples_take(worker, port, sent);
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

// Before the packet is queued: then it lies where the port's queue ends.
static void sample(struct worker *worker, const struct job *job)
{
	if (job->resend || ++worker->unsampled < SLUICE_RESIDENCE_SAMPLING)
		return;
	unsigned port = job->out->port;
	unsigned n = worker->tx[port].samples_used++;
	worker->tx[port].samples[n].at = worker->tx[port].used;
	worker->tx[port].samples[n].arrived_ns = job->media->pkt->arrived_ns;
	worker->unsampled = 0;
}

void stage_tx(struct worker *worker, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		sample(worker, &worker->jobs[i]);
		tx_queue(worker, worker->jobs[i].out);
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "media/span.h"
#include "stage.h"

enum { TX_KEPT = WORKER_TX / 2 };
#define KEEP_NS UINT64_C(50000000)

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

// Control's datagrams are of no transport, as far as we know.
static void overflow(struct worker *worker, struct pkt *pkt)
{
	if (pkt->transport != TABLE_NONE)
		trace_transport(worker, pkt->transport, SLUICE_DROP_tx_full,
			trace_frame(pkt->data, pkt->length));
	drop(worker, pkt, SLUICE_DROP_tx_full);
}

// Nobody waits for the port: what it refused is dropped, but for a few frames that are worth more than
// those that come after them. Returns how many are kept, at the front.
static unsigned refused(struct worker *worker, struct pkt **pkts, unsigned from, unsigned n)
{
	unsigned kept = 0;
	for (unsigned i = from; i < n; i++) {
		bool keep = pkts[i]->flags & PKT_URGENT && kept < TX_KEPT &&
			    worker->now_ns - pkts[i]->arrived_ns < KEEP_NS;
		if (keep)
			pkts[kept++] = pkts[i];
		else
			overflow(worker, pkts[i]);
	}
	return kept;
}

static void tx_send(struct worker *worker, unsigned port)
{
	struct pkt **pkts = worker->tx[port].pkts;
	unsigned n = worker->tx[port].used;
	if (worker->tap.runs)
		tap_leaving(worker, pkts, n);
	unsigned sent = io_tx(port, worker->number, pkts, n);
	unsigned kept = sent < n ? refused(worker, pkts, sent, n) : 0;
	if (worker->tap.runs)
		tap_kept(worker, pkts, kept);
	link_note(worker, n, sent);
	stage_count(worker, SLUICE_STAGE_TX, n - kept);
	worker->tx[port].used = kept;
	samples_take(worker, port, sent);
}

// All frames of a tagged port pass here, once. Apart from those of the others, whose way it would make longer.
__attribute__((noinline)) static bool tag(struct pkt *pkt, uint16_t vlan)
{
	enum { MACS_BYTES = 12, TAG_BYTES = 4, TYPE_VLAN = 0x8100 };
	if (pkt->headroom < TAG_BYTES)
		return false;
	memmove(pkt->data - TAG_BYTES, pkt->data, MACS_BYTES);
	pkt->data -= TAG_BYTES;
	pkt->length += TAG_BYTES;
	pkt->headroom -= TAG_BYTES;
	pkt->room += TAG_BYTES;
	span_put_u16(pkt->data + MACS_BYTES, TYPE_VLAN);
	span_put_u16(pkt->data + MACS_BYTES + 2, vlan);
	return true;
}

void tx_queue(struct worker *worker, struct pkt *pkt)
{
	unsigned port = pkt->port;
	uint16_t vlan = worker->setup.hosts[port].vlan;
	if (vlan && !tag(pkt, vlan)) {
		drop(worker, pkt, SLUICE_DROP_too_long);
		return;
	}
	if (pkt->flags & PKT_URGENT)
		pkt->arrived_ns = worker->now_ns;
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

void tx_clear(struct worker *worker)
{
	for (unsigned port = 0; port < SLUICE_PORTS_MAX; port++) {
		pkt_put(worker->tx[port].pkts, worker->tx[port].used);
		worker->tx[port].used = 0;
	}
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
		const struct job *job = &worker->jobs[i];
		sample(worker, job);
		if (job->media->pkt->flags & PKT_AUDIO)
			job->out->flags |= PKT_URGENT;
		tx_queue(worker, job->out);
	}
}

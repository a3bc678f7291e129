// SPDX-License-Identifier: Apache-2.0
#include "media/prefetch.h"
#include "nouns.h"
#include "report.h"
#include "stage.h"

#define TELL_NS UINT64_C(100000000)

enum { PUBLISHERS_AHEAD = 4 }; // packets

// The next hop of the peer's last authenticated packet wins.
static void next_hop_note(struct table *table, const struct pkt *pkt)
{
	struct transport *transport = &table->transports[pkt->transport];
	struct transport_books *books = table_transport_books(table, pkt->transport);
	uint8_t path = pkt->path_index;
	if (path >= SLUICE_PATHS_MAX ||
		(transport->heard_paths >> path & 1 &&
			memcmp(books->macs[path], pkt->path.remote_mac, 6) == 0))
		return;
	transport->heard_paths |= (uint8_t)(1U << path);
	memcpy(books->macs[path], pkt->path.remote_mac, 6);
	transport_frame(table, pkt->transport);
}

// The peer was heard on a path.
static void heard(struct worker *worker, struct transport *transport, const struct pkt *pkt)
{
	struct transport_books *books = table_transport_books(&worker->table, pkt->transport);
	struct sluice_transport_status *status = &books->status;
	uint8_t path = pkt->path_index;
	bool news = status->heard_ns == 0 || status->heard_path != path;
	status->heard_ns = worker->now_ns;
	status->heard_path = path;
	transport->changed = true;
	next_hop_note(&worker->table, pkt);
	memcpy(status->heard_mac, pkt->path.remote_mac, 6);
	if (status->first_packet_ns == 0)
		status->first_packet_ns = worker->now_ns;
	if (status->first_media_ns == 0 && pkt->class == SLUICE_CLASS_RTP)
		status->first_media_ns = worker->now_ns;
	bool lately = books->told_ns != 0 && worker->now_ns - books->told_ns < TELL_NS;
	if (!news || lately) // who jumps between two paths is not worth more of control's time
		return;
	books->told_ns = worker->now_ns;
	report_transport(&worker->table, pkt->transport);
	worker->ring |= report_event(&worker->table, SLUICE_EVENT_HEARD, SLUICE_TABLE_TRANSPORT,
		(struct sluice_handle){pkt->transport, transport->generation}, path);
}

static enum sluice_drop refusal(const struct pkt *pkt, enum srtp_result result)
{
	if (result == SRTP_REPLAYED)
		return SLUICE_DROP_replayed;
	if (result != SRTP_MALFORMED)
		return SLUICE_DROP_auth_failed;
	return pkt->class == SLUICE_CLASS_RTP ? SLUICE_DROP_bad_rtp : SLUICE_DROP_bad_rtcp;
}

static void refuse(struct worker *worker, struct transport *transport, struct pkt *pkt,
	enum srtp_result result)
{
	struct sluice_transport_status *status =
		&table_transport_books(&worker->table, pkt->transport)->status;
	enum sluice_drop why = refusal(pkt, result);
	transport->changed = true;
	status->replays += why == SLUICE_DROP_replayed;
	status->auth_failures += why == SLUICE_DROP_auth_failed;
	drop_of(worker, pkt, why);
}

static void arrived(struct worker *worker, struct transport *transport, const struct pkt *pkt)
{
	struct sluice_trace *trace = &worker->table.observed->transport_traces[pkt->transport];
	transport->arrived = true;
	trace_mark(trace, &trace->arrived_ns, worker->now_ns);
}

static bool open_one(struct worker *worker, struct pkt *pkt)
{
	struct transport *transport = &worker->table.transports[pkt->transport];
	struct sluice_transport_status *status =
		&table_transport_books(&worker->table, pkt->transport)->status;
	uint32_t length = pkt->length;
	enum srtp_result result;
	if (!transport->arrived)
		arrived(worker, transport, pkt);
	if (!transport->in) {
		drop_of(worker, pkt, SLUICE_DROP_no_keys);
		return false;
	}
	if (pkt->class == SLUICE_CLASS_RTP)
		result = srtp_open(transport->in, pkt->data, &pkt->length, &pkt->index);
	else
		result = srtp_open_rtcp(transport->in, pkt->data, &pkt->length);
	if (result != SRTP_OK) {
		refuse(worker, transport, pkt, result);
		return false;
	}
	status->packets_in++;
	status->bytes_in += length;
	worker->status->bytes_in += length;
	heard(worker, transport, pkt);
	return true;
}

// Asks for what opening a packet and its publication's books need. Where many rooms take turns that is in no near cache.
static void publisher_fetch(const struct table *table, const struct transport *transport)
{
	uint32_t p = transport->first_publication;
	srtp_keys_prefetch(transport->in);
	if (p == TABLE_NONE)
		return;
	const struct source *source = table_source(table, p, 0);
	prefetch_lines(&table->publications[p], PUBLICATION_HOT);
	prefetch_lines(source, SOURCE_HOT);
	prefetch_lines(&source->status, SOURCE_STATUS_HOT);
	__asm__ volatile(""); // see prefetch.h
}

// The same for a packet of a burst, unless it is of the same peer as the one before it.
static void packet_fetch(
	const struct worker *worker, struct pkt *const *pkts, unsigned at, unsigned n)
{
	if (at < n && (at == 0 || pkts[at]->transport != pkts[at - 1]->transport))
		publisher_fetch(&worker->table, &worker->table.transports[pkts[at]->transport]);
}

unsigned stage_open(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	stage_count(worker, SLUICE_STAGE_OPEN, n);
	if (worker->tap.runs)
		tap_arrived(worker, pkts, n);
	for (unsigned i = 0; i < PUBLISHERS_AHEAD; i++)
		packet_fetch(worker, pkts, i, n);
	for (unsigned i = 0; i < n; i++) {
		packet_fetch(worker, pkts, i + PUBLISHERS_AHEAD, n);
		if (open_one(worker, pkts[i]))
			pkts[left++] = pkts[i];
	}
	if (worker->tap.runs)
		tap_opened(worker, pkts, left);
	return left;
}

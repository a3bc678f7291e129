// SPDX-License-Identifier: Apache-2.0
#include "report.h"
#include "stage.h"

#define TELL_NS UINT64_C(100000000)

// The peer was heard on a path: the next hop of its last authenticated packet wins.
static void heard(struct worker *worker, struct transport *transport, const struct pkt *pkt)
{
	struct sluice_transport_status *status = &transport->status;
	uint8_t path = pkt->path_index;
	bool news = status->heard_ns == 0 || status->heard_path != path;
	status->heard_ns = worker->now_ns;
	status->heard_path = path;
	transport->changed = true;
	if (path < SLUICE_PATHS_MAX) {
		transport->heard_paths |= (uint8_t)(1U << path);
		memcpy(transport->macs[path], pkt->path.remote_mac, 6);
	}
	memcpy(status->heard_mac, pkt->path.remote_mac, 6);
	if (status->first_packet_ns == 0)
		status->first_packet_ns = worker->now_ns;
	if (status->first_media_ns == 0 && pkt->class == SLUICE_CLASS_RTP)
		status->first_media_ns = worker->now_ns;
	bool lately = transport->told_ns != 0 && worker->now_ns - transport->told_ns < TELL_NS;
	if (!news || lately) // who jumps between two paths is not worth more of control's time
		return;
	transport->told_ns = worker->now_ns;
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
	enum sluice_drop why = refusal(pkt, result);
	transport->changed = true;
	transport->status.replays += why == SLUICE_DROP_replayed;
	transport->status.auth_failures += why == SLUICE_DROP_auth_failed;
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
	transport->status.packets_in++;
	transport->status.bytes_in += length;
	worker->status->bytes_in += length;
	heard(worker, transport, pkt);
	return true;
}

unsigned stage_open(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	stage_count(worker, SLUICE_STAGE_OPEN, n);
	if (worker->tap.runs)
		tap_arrived(worker, pkts, n);
	for (unsigned i = 0; i < n; i++)
		if (open_one(worker, pkts[i]))
			pkts[left++] = pkts[i];
	if (worker->tap.runs)
		tap_opened(worker, pkts, left);
	return left;
}

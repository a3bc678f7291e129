// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

static const char cname[] = "sluice";

bool compound_open(struct worker *worker, uint32_t t, const struct rtcp_report_block *blocks,
	unsigned n, struct compound *compound)
{
	const struct transport *transport = &worker->table.transports[t];
	if (!transport->out || !transport->framed)
		return false;
	const uint32_t ssrc = table_transport_books(&worker->table, t)->rtcp_ssrc;
	if (pkt_get(worker->number, &compound->pkt, 1) != 1) {
		trace_transport(
			worker, t, SLUICE_DROP_no_buffer, (struct trace_packet){.ssrc = ssrc});
		drop_count(worker, SLUICE_DROP_no_buffer, 1);
		return false;
	}
	compound->transport = t;
	compound->pkt->transport = t;
	compound->writer = span_writer(compound->pkt->data, COMPOUND_BYTES);
	// SRTCP counts its index under the first SSRC: always ours, new with every start.
	rtcp_write_rr(&compound->writer, ssrc, blocks, n);
	rtcp_write_cname(&compound->writer, ssrc, cname);
	return true;
}

void compound_close(struct worker *worker, struct compound *compound)
{
	struct transport *transport = &worker->table.transports[compound->transport];
	struct pkt *pkt = compound->pkt;
	pkt->length = (uint32_t)span_written(&compound->writer);
	if (worker->tap.runs)
		tap_compound(worker, compound);
	enum srtp_result result =
		srtp_seal_rtcp(transport->out, pkt->data, &pkt->length, pkt->room);
	if (result != SRTP_OK) {
		drop_of(worker, pkt,
			result == SRTP_EXHAUSTED ? SLUICE_DROP_index_exhausted
						 : SLUICE_DROP_seal_failed);
		return;
	}
	uint32_t length = pkt->length;
	if (!transport->framed || !frame_put(pkt, &transport->frame, &(struct frame_sum){0})) {
		drop_of(worker, pkt, SLUICE_DROP_no_path);
		return;
	}
	transport->packets_out++;
	transport->bytes_out += length;
	transport->changed = true;
	pkt->flags |= PKT_URGENT;
	worker->status->rtcp_out++;
	worker->status->bytes_out += length;
	tx_queue(worker, pkt);
}

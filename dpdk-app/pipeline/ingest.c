// SPDX-License-Identifier: Apache-2.0
#include "feed.h"
#include "report.h"

static void note_arrival(struct worker *worker, const struct pkt *pkt,
	const struct rtp_header *header, const struct transport *transport)
{
	struct rtp_extension number;
	if (rtp_extension_find(pkt->data, header, transport->transport_cc_id, &number) &&
		number.length >= 2)
		twcc_receive(&worker->table.arrivals[pkt->transport], span_u16(number.value),
			pkt->arrived_ns);
}

static void note_level(struct worker *worker, const struct pkt *pkt,
	const struct rtp_header *header, struct publication *publication)
{
	struct rtp_extension level;
	if (rtp_extension_find(pkt->data, header,
		    publication->row.extension_id[SLUICE_EXT_AUDIO_LEVEL], &level) &&
		level.length >= 1)
		level_update(&publication->level, level.value[0], worker->now_ns);
}

// Turns a resend in place into what it repairs. Returns -1, or why to drop it.
static int unwrap(struct worker *worker, struct pkt *pkt, struct rtp_header *header,
	const struct found *found)
{
	struct publication *publication = &worker->table.publications[found->publication];
	struct source *source = table_source(&worker->table, found->publication, found->encoding);
	if (pkt->index > source->status.rtx_highest_index)
		source->status.rtx_highest_index = pkt->index;
	if (header->payload_length < RTP_OSN_BYTES)
		return SLUICE_DROP_padding;
	if (!source->started || !seq_window_started(&source->nack.seen) ||
		found->codec == SLUICE_CODECS_MAX)
		return SLUICE_DROP_unknown_ssrc;
	size_t later = rtp_unwrap_rtx(pkt->data, header, source->ssrc,
		publication->row.codecs[found->codec].payload_type);
	if (later == 0)
		return SLUICE_DROP_bad_rtp;
	pkt->data += later;
	pkt->length -= (uint32_t)later;
	pkt->headroom += (uint16_t)later;
	pkt->room -= (uint16_t)later;
	pkt->index = seq_extend(source->nack.seen.highest, header->sequence);
	return -1;
}

// A packet that was expected but cannot be forwarded uses up a number that subscribers must not miss.
static void skip(
	struct worker *worker, struct pkt *pkt, const struct found *found, enum sluice_drop why)
{
	pkt->flags |= PKT_SKIP;
	trace_publication(worker, found->publication, why, trace_packet(pkt->data, pkt->length));
	drop_count(worker, why, 1);
}

static void judge(struct worker *worker, struct pkt *pkt, const struct rtp_header *header,
	const struct found *found)
{
	struct source *source = table_source(&worker->table, found->publication, found->encoding);
	const struct sluice_publication *row = &worker->table.publications[found->publication].row;
	enum sluice_codec codec = SLUICE_CODEC_OTHER;
	if (found->codec < SLUICE_CODECS_MAX)
		codec = row->codecs[found->codec].codec;
	if (header->payload_length == 0) {
		skip(worker, pkt, found, SLUICE_DROP_padding);
	} else if (found->codec == SLUICE_CODECS_MAX) {
		skip(worker, pkt, found, SLUICE_DROP_unknown_ssrc);
	} else if (row->kind == SLUICE_AUDIO) {
		pkt->flags |= PKT_KEY_FRAME;
	} else if (codec_key_frame(
			   codec, pkt->data + header->payload_offset, header->payload_length)) {
		pkt->flags |= PKT_KEY_FRAME;
		key_arrived(source, header->timestamp);
	}
}

static void first_packet(struct worker *worker, uint32_t p)
{
	struct sluice_trace *trace = &worker->table.observed->publication_traces[p];
	trace_mark(trace, &trace->first_ns, worker->now_ns);
}

// The books of one stream. Returns -1, or why the packet ends here.
static int account(struct worker *worker, struct pkt *pkt, const struct rtp_header *header,
	const struct found *found)
{
	struct publication *publication = &worker->table.publications[found->publication];
	struct source *source = table_source(&worker->table, found->publication, found->encoding);
	struct sluice_encoding_status *status = &source->status;
	uint32_t clock_rate = 90000;
	if (found->codec < SLUICE_CODECS_MAX)
		clock_rate = publication->row.codecs[found->codec].clock_rate;
	publication->changed = true;
	status->heard_ns = worker->now_ns;
	enum nack_result result = nack_receive(&source->nack,
		table_missing(&worker->table, found->publication, found->encoding), pkt->index,
		worker->now_ns);
	if (result == NACK_DUPLICATE)
		return SLUICE_DROP_replayed;
	if (source->nack.used > 0)
		worker->table.due_ns[found->publication] = 0;
	if (result == NACK_RECOVERED)
		status->recovered++;
	if (pkt->index > status->highest_index)
		status->highest_index = pkt->index;
	if (status->packets == 0)
		first_packet(worker, found->publication);
	status->packets++;
	status->bytes += header->payload_length;
	if (found->rtx)
		return -1;
	receiver_packet(&source->receiver, pkt->index, header->timestamp, clock_rate,
		header->payload_length, pkt->arrived_ns);
	publication->payload_type = header->payload_type;
	return -1;
}

// `before`: how many there were before this packet.
static void note_key_frame(
	struct worker *worker, const struct pkt *pkt, const struct found *found, uint32_t before)
{
	const struct source *source =
		table_source(&worker->table, found->publication, found->encoding);
	struct sluice_trace *trace =
		&worker->table.observed->publication_traces[found->publication];
	if (before == source->status.key_frames)
		return;
	trace_publication(worker, found->publication, SLUICE_DECISION_key_frame,
		trace_packet(pkt->data, pkt->length));
	trace_mark(trace, &trace->first_key_ns, worker->now_ns);
	if (before != 0)
		return;
	uint32_t generation = worker->table.publications[found->publication].row.row.generation;
	report_publication(&worker->table, found->publication);
	worker->ring |=
		report_event(&worker->table, SLUICE_EVENT_KEY_FRAME, SLUICE_TABLE_PUBLICATION,
			(struct sluice_handle){found->publication, generation}, found->encoding);
}

// Returns -1, or why the packet ends here; pkt->publication is the publication that it concerns, TABLE_NONE
// while that is not known.
static int ingest(struct worker *worker, struct pkt *pkt)
{
	struct transport *transport = &worker->table.transports[pkt->transport];
	struct rtp_header header;
	struct found found;
	enum sluice_drop late;
	pkt->publication = TABLE_NONE;
	if (rtp_parse(pkt->data, pkt->length, &header) < 0)
		return SLUICE_DROP_bad_rtp;
	worker->status->media_in++;
	note_arrival(worker, pkt, &header, transport);
	if (!source_find(worker, transport, pkt, &header, &found, &late))
		return (int)late;
	struct publication *publication = &worker->table.publications[found.publication];
	struct source *source = table_source(&worker->table, found.publication, found.encoding);
	uint32_t key_frames = source->status.key_frames;
	pkt->publication = found.publication;
	int why = found.rtx ? unwrap(worker, pkt, &header, &found) : -1;
	if (why < 0)
		why = account(worker, pkt, &header, &found);
	if (why >= 0)
		return why;
	note_level(worker, pkt, &header, publication);
	pkt->publication_generation = publication->row.row.generation;
	pkt->encoding = found.encoding;
	pkt->codec = found.codec < SLUICE_CODECS_MAX ? found.codec : 0;
	pkt->source = source_name(publication, source->ssrc);
	pkt->flags &= (uint8_t) ~(PKT_KEY_FRAME | PKT_SKIP | PKT_AUDIO);
	if (publication->row.kind == SLUICE_AUDIO)
		pkt->flags |= PKT_AUDIO;
	judge(worker, pkt, &header, &found);
	note_key_frame(worker, pkt, &found, key_frames);
	if (source->key_wanted)
		key_poll(worker, found.publication);
	if (publication->row.paused)
		return SLUICE_DROP_paused;
	return found.encoding == 0 ? -1 : SLUICE_DROP_layer;
}

static void end(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	struct trace_packet packet = trace_packet(pkt->data, pkt->length);
	if (pkt->publication == TABLE_NONE)
		trace_transport(worker, pkt->transport, why, packet);
	else
		trace_publication(worker, pkt->publication, why, packet);
	drop(worker, pkt, why);
}

unsigned stage_ingest(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	stage_count(worker, SLUICE_STAGE_INGEST, n);
	for (unsigned i = 0; i < n; i++) {
		int why = ingest(worker, pkts[i]);
		if (why < 0)
			pkts[left++] = pkts[i];
		else
			end(worker, pkts[i], (enum sluice_drop)why);
	}
	return left;
}

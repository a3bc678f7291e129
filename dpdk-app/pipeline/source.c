// SPDX-License-Identifier: Apache-2.0
#include "feed.h"
#include "report.h"

#define CHANGE_NS UINT64_C(100000000) // from one SSRC of a source to the next, at least
#define RETIRED_NS UINT64_C(2000000000) // how long packets of the SSRC before are late

static bool publication_lives(const struct publication *publication)
{
	return publication->row.row.generation != 0;
}

// Which of the publication's codecs, as media or as RTX.
static bool codec_find(
	const struct sluice_publication *row, uint8_t payload_type, bool rtx, uint8_t *codec)
{
	for (uint8_t c = 0; c < row->codecs_used; c++) {
		uint8_t type = rtx ? row->codecs[c].rtx_payload_type : row->codecs[c].payload_type;
		if (type == payload_type && (!rtx || type != 0)) {
			*codec = c;
			return true;
		}
	}
	return false;
}

// A value of a mid or rid extension against the zero-padded one of a row.
static bool text_same(const uint8_t text[SLUICE_MID_MAX], const struct rtp_extension *extension)
{
	static const uint8_t zeros[SLUICE_MID_MAX];
	size_t length = extension->length;
	return length > 0 && length <= SLUICE_MID_MAX &&
	       memcmp(text, extension->value, length) == 0 &&
	       memcmp(text + length, zeros, SLUICE_MID_MAX - length) == 0;
}

// ---- by what ---------------------------------------------------------------------------------------

static bool by_learned(
	struct table *table, const struct transport *transport, uint32_t ssrc, struct found *found)
{
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next)
		for (uint8_t e = 0; e < table->publications[p].row.encodings_used; e++) {
			const struct source *source = table_source(table, p, e);
			bool media = source->started && source->ssrc == ssrc;
			bool rtx = source->rtx_started && source->rtx_ssrc == ssrc;
			if (!media && !rtx)
				continue;
			*found = (struct found){p, e, 0, rtx};
			return true;
		}
	return false;
}

static bool encoding_by_rid(const struct sluice_publication *row, const struct pkt *pkt,
	const struct rtp_header *header, bool rtx, uint8_t *encoding)
{
	struct rtp_extension rid;
	const uint8_t *ids = row->extension_id;
	*encoding = 0;
	if (row->encodings_used == 1)
		return true;
	if (!(rtx && rtp_extension_find(pkt->data, header, ids[SLUICE_EXT_REPAIRED_RID], &rid)) &&
		!rtp_extension_find(pkt->data, header, ids[SLUICE_EXT_RID], &rid))
		return false;
	for (uint8_t e = 0; e < row->encodings_used; e++)
		if (text_same(row->encodings[e].rid, &rid)) {
			*encoding = e;
			return true;
		}
	return false;
}

static bool by_mid(struct table *table, const struct transport *transport, const struct pkt *pkt,
	const struct rtp_header *header, struct found *found)
{
	struct rtp_extension mid;
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next) {
		const struct sluice_publication *row = &table->publications[p].row;
		if (!rtp_extension_find(
			    pkt->data, header, row->extension_id[SLUICE_EXT_MID], &mid) ||
			!text_same(row->mid, &mid))
			continue;
		found->publication = p;
		found->rtx = codec_find(row, header->payload_type, true, &found->codec);
		return encoding_by_rid(row, pkt, header, found->rtx, &found->encoding);
	}
	return false;
}

static bool by_signalled(
	struct table *table, const struct transport *transport, uint32_t ssrc, struct found *found)
{
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next)
		for (uint8_t e = 0; e < table->publications[p].row.encodings_used; e++) {
			const struct sluice_encoding *row =
				&table->publications[p].row.encodings[e];
			bool rtx = row->rtx_ssrc != 0 && row->rtx_ssrc == ssrc;
			if (!rtx && (row->ssrc == 0 || row->ssrc != ssrc))
				continue;
			*found = (struct found){p, e, 0, rtx};
			return true;
		}
	return false;
}

// Only when the payload type says it all: one publication, one encoding.
static bool by_payload_type(struct table *table, const struct transport *transport,
	uint8_t payload_type, struct found *found)
{
	unsigned matches = 0;
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next) {
		const struct sluice_publication *row = &table->publications[p].row;
		struct found here = {.publication = p};
		here.rtx = codec_find(row, payload_type, true, &here.codec);
		if (row->encodings_used != 1 ||
			(!here.rtx && !codec_find(row, payload_type, false, &here.codec)))
			continue;
		*found = here;
		matches++;
	}
	return matches == 1;
}

// ---- learning -------------------------------------------------------------------------------------

// An SSRC that was taken for one of resends turns out to be media.
static void forget_rtx(struct table *table, const struct transport *transport, uint32_t ssrc)
{
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next)
		for (uint8_t e = 0; e < table->publications[p].row.encodings_used; e++) {
			struct source *source = table_source(table, p, e);
			source->rtx_started &= source->rtx_ssrc != ssrc;
		}
}

static void learn_media(struct worker *worker, const struct found *found, uint32_t ssrc)
{
	struct table *table = &worker->table;
	struct publication *publication = &table->publications[found->publication];
	struct source *source = table_source(table, found->publication, found->encoding);
	struct source before = *source;
	memset(source, 0, sizeof(*source));
	source->status = before.status;
	source->key_asked_ns = before.key_asked_ns;
	source->key_wanted = before.key_wanted;
	source->rtx_started = before.rtx_started;
	source->rtx_ssrc = before.rtx_ssrc;
	if (before.started) {
		source->retired_ssrc = before.ssrc;
		source->retired_ns = worker->now_ns;
	}
	source->started = true;
	source->ssrc = ssrc;
	source->status.ssrc = ssrc;
	source->status.highest_index = 0;
	report_publication(table, found->publication);
	trace_publication(worker, found->publication, SLUICE_DECISION_learned,
		(struct trace_packet){.ssrc = ssrc});
	worker->ring |= report_event(table, SLUICE_EVENT_SOURCE, SLUICE_TABLE_PUBLICATION,
		(struct sluice_handle){found->publication, publication->row.row.generation},
		(uint64_t)found->encoding << 32 | ssrc);
}

static void learn(struct worker *worker, const struct found *found, uint32_t ssrc)
{
	struct source *source = table_source(&worker->table, found->publication, found->encoding);
	if (!found->rtx) {
		learn_media(worker, found, ssrc);
		return;
	}
	source->rtx_started = true;
	source->rtx_ssrc = ssrc;
	source->status.rtx_ssrc = ssrc;
	source->status.rtx_highest_index = 0;
	worker->table.publications[found->publication].changed = true;
}

// Of the SSRC before, or of one more that would begin when another just has: its subscribers would start
// anew, and control be told, with every packet.
static bool is_retired(struct worker *worker, const struct found *found, uint32_t ssrc)
{
	const struct source *source =
		table_source(&worker->table, found->publication, found->encoding);
	uint64_t elapsed_ns = worker->now_ns - source->retired_ns;
	return source->retired_ns != 0 && !found->rtx &&
	       elapsed_ns < (source->retired_ssrc == ssrc ? RETIRED_NS : CHANGE_NS);
}

bool source_find(struct worker *worker, struct transport *transport, const struct pkt *pkt,
	const struct rtp_header *header, struct found *found, enum sluice_drop *why)
{
	struct table *table = &worker->table;
	bool known = by_learned(table, transport, header->ssrc, found);
	if (known && found->rtx &&
		!codec_find(&table->publications[found->publication].row, header->payload_type,
			true, &found->codec))
		known = false; // it was learned wrongly
	*why = SLUICE_DROP_unknown_ssrc;
	if (!known && !by_mid(table, transport, pkt, header, found) &&
		!by_signalled(table, transport, header->ssrc, found) &&
		!by_payload_type(table, transport, header->payload_type, found))
		return false;
	const struct publication *publication = &table->publications[found->publication];
	if (!publication_lives(publication))
		return false;
	bool has_codec =
		codec_find(&publication->row, header->payload_type, found->rtx, &found->codec);
	if (!has_codec)
		found->codec = SLUICE_CODECS_MAX;
	if (known)
		return true;
	if (!has_codec) // an SSRC is not learned from what was never negotiated
		return false;
	if (is_retired(worker, found, header->ssrc)) {
		*why = SLUICE_DROP_late;
		return false;
	}
	forget_rtx(table, transport, header->ssrc);
	learn(worker, found, header->ssrc);
	return true;
}

bool source_by_ssrc(
	struct table *table, const struct transport *transport, uint32_t ssrc, struct found *found)
{
	return by_learned(table, transport, ssrc, found) && !found->rtx;
}

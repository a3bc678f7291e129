// SPDX-License-Identifier: Apache-2.0
#include "nouns.h"
#include "stage.h"

bool media_read(struct media *media, struct pkt *pkt, const struct sluice_publication *publication)
{
	const struct sluice_codec_in *codec = &publication->codecs[pkt->codec];
	media->pkt = pkt;
	if (rtp_parse(pkt->data, pkt->length, &media->header) < 0)
		return false;
	media->is_bare = rtp_is_bare(pkt->data, &media->header, publication->extension_id);
	media->has_vp8 = codec->codec == SLUICE_CODEC_VP8 &&
			 vp8_parse(pkt->data + media->header.payload_offset,
				 media->header.payload_length, &media->vp8);
	media->place = (struct rewrite_packet){
		.source = pkt->source,
		.index = pkt->index,
		.timestamp = media->header.timestamp,
		.clock_rate = codec->clock_rate,
	};
	if (media->has_vp8 && media->vp8.picture_bits > 0) {
		media->place.has_picture = true;
		media->place.picture_id = media->vp8.picture_id;
	}
	if (media->has_vp8 && media->vp8.has_tl0)
		media->place.tl0_picture = media->vp8.tl0_picture;
	return true;
}

// Whether our copy of the publication speaks of the same life and epoch as the packet.
static bool agrees(const struct publication *publication, const struct pkt *pkt)
{
	uint32_t epoch = publication->source_epoch & 0x7FFFFFFF;
	return publication->row.row.generation == pkt->publication_generation &&
	       epoch == ((uint32_t)(pkt->source >> 32) & 0x7FFFFFFF) &&
	       pkt->codec < publication->row.codecs_used;
}

// Hangs the packet behind the one before it of the same publication in this turn.
static void media_append(struct worker *worker, struct publication *publication)
{
	unsigned at = worker->media_used++, before = publication->media_last;
	struct media *media = &worker->media[at];
	media->next = WORKER_MEDIA;
	publication->media_last = at;
	publication_cache_fetch(&worker->table, media->pkt->publication, media->pkt->index);
	// What `media_last` says of an earlier turn names no packet of this publication now.
	media->follows = before < at &&
			 worker->media[before].pkt->publication == media->pkt->publication &&
			 worker->media[before].pkt->publication_generation ==
				 media->pkt->publication_generation;
	if (media->follows)
		worker->media[before].next = at;
}

void media_take(struct worker *worker, struct pkt *pkt)
{
	struct publication *publication = &worker->table.publications[pkt->publication];
	// The worker that sent it may have seen a change before we did.
	if (!agrees(publication, pkt))
		table_refresh(&worker->table, SLUICE_TABLE_PUBLICATION, pkt->publication);
	if (!agrees(publication, pkt)) {
		drop(worker, pkt, SLUICE_DROP_late);
		return;
	}
	if (pkt->class == SLUICE_CLASS_RTCP) {
		memcpy(&publication->sender, pkt->data, sizeof(publication->sender));
		pkt_put(&pkt, 1);
		return;
	}
	if (worker->media_used == WORKER_MEDIA) {
		drop(worker, pkt, SLUICE_DROP_no_buffer);
		return;
	}
	struct media *media = &worker->media[worker->media_used];
	if (media_read(media, pkt, &publication->row))
		media_append(worker, publication);
	else
		drop(worker, pkt, SLUICE_DROP_bad_rtp);
}

// Another worker does not get it; notes of sender reports are of no interest.
static void miss(struct worker *worker, struct pkt *pkt)
{
	if (pkt->class == SLUICE_CLASS_RTP)
		trace_publication(worker, pkt->publication, SLUICE_DROP_mesh_full,
			trace_packet(pkt->data, pkt->length));
	drop(worker, pkt, SLUICE_DROP_mesh_full);
}

static void fan_out(struct worker *worker, struct pkt *pkt)
{
	const struct publication *publication = &worker->table.publications[pkt->publication];
	const struct mesh_item item = {
		.pkt = pkt, .type = MESH_MEDIA, .publication = pkt->publication};
	unsigned receivers = 0;
	for (unsigned w = 0; w < worker->workers; w++)
		receivers += publication->subscribers[w] > 0;
	// Our own hold, the one it came with, goes last: until then the packet cannot vanish.
	pkt_hold(pkt, receivers);
	for (unsigned w = 0; w < worker->workers; w++) {
		if (publication->subscribers[w] == 0)
			continue;
		if (w == worker->number)
			wait_take(worker, pkt);
		else if (!mesh_send(worker, w, &item))
			miss(worker, pkt);
	}
	pkt_put(&pkt, 1);
}

void stage_fanout(struct worker *worker, struct pkt **pkts, unsigned n)
{
	stage_count(worker, SLUICE_STAGE_FANOUT, n);
	for (unsigned i = 0; i < n; i++)
		fan_out(worker, pkts[i]);
}

// SPDX-License-Identifier: Apache-2.0
#include "media/prefetch.h"
#include "nouns.h"
#include "report.h"
#include "trace.h"

enum { CLOCK_RATE_MAX = 1000000, CACHE_AUDIO_SLOTS = 64 };

bool publication_valid(const struct sluice_publication *row)
{
	if (row->kind != SLUICE_AUDIO && row->kind != SLUICE_VIDEO)
		return false;
	if (row->codecs_used == 0 || row->codecs_used > SLUICE_CODECS_MAX ||
		row->encodings_used == 0 || row->encodings_used > SLUICE_ENCODINGS_MAX ||
		row->transport.index >= SLUICE_TRANSPORTS_MAX)
		return false;
	for (unsigned c = 0; c < row->codecs_used; c++) {
		const struct sluice_codec_in *codec = &row->codecs[c];
		if (codec->codec > SLUICE_CODEC_AV1 || codec->payload_type > 127 ||
			codec->rtx_payload_type > 127 || codec->clock_rate == 0 ||
			codec->clock_rate > CLOCK_RATE_MAX)
			return false;
	}
	return true;
}

// ---- resend cache ---------------------------------------------------------------------------------

// Packets of a publication by slot.
static struct pkt **cached_of(const struct table *table, uint32_t index)
{
	return &table->cached[(size_t)index * table->cache_slots];
}

void publication_cache_clear(struct table *table, struct publication *publication)
{
	struct pkt **cached = cached_of(table, (uint32_t)(publication - table->publications));
	uint32_t slot = 0;
	if (publication->cache.slots == 0)
		return;
	while (cache_clear(&publication->cache, &slot))
		pkt_put(&cached[slot], 1);
}

void publication_cache_use(struct table *table, uint32_t index)
{
	struct publication *publication = &table->publications[index];
	uint32_t slots = table->cache_slots;
	if (publication->resend_subscribers == 0) {
		publication_cache_clear(table, publication);
		publication->cache.slots = 0;
	} else if (publication->cache.slots == 0) {
		if (publication->row.kind == SLUICE_AUDIO && slots > CACHE_AUDIO_SLOTS)
			slots = CACHE_AUDIO_SLOTS;
		cache_init(&publication->cache,
			&table->cache_indexes[(size_t)index * table->cache_slots], slots);
	}
}

struct pkt *publication_cache_store(struct table *table, uint32_t index, struct pkt *pkt)
{
	struct publication *publication = &table->publications[index];
	struct pkt **cached = cached_of(table, index);
	uint32_t slot;
	bool other = publication->cached_source != pkt->source ||
		     pkt->index + REWRITE_JUMP_MAX < publication->cached_highest;
	if (other) {
		publication_cache_clear(table, publication);
		publication->cached_source = pkt->source;
		publication->cached_highest = pkt->index;
	}
	if (pkt->index > publication->cached_highest)
		publication->cached_highest = pkt->index;
	enum cache_result result = cache_store(&publication->cache, pkt->index, &slot);
	if (result == CACHE_REFUSED)
		return pkt;
	struct pkt *evicted = result == CACHE_EVICTED ? cached[slot] : NULL;
	cached[slot] = pkt;
	return evicted;
}

void publication_cache_fetch(const struct table *table, uint32_t index, uint64_t packet)
{
	const struct cache *cache = &table->publications[index].cache;
	if (cache->slots == 0)
		return;
	uint32_t slot = cache_slot(cache, packet);
	__builtin_prefetch(&cache->indexes[slot], 1, PREFETCH_NEAR);
	__builtin_prefetch(&cached_of(table, index)[slot], 1, PREFETCH_NEAR);
	__asm__ volatile(""); // see prefetch.h
}

struct pkt *publication_cache_find(
	struct table *table, uint32_t index, uint64_t source, uint64_t packet)
{
	const struct publication *publication = &table->publications[index];
	uint32_t slot;
	if (publication->cache.slots == 0 || publication->cached_source != source ||
		!cache_find(&publication->cache, packet, &slot))
		return NULL;
	return cached_of(table, index)[slot];
}

void publication_cache_expire(struct table *table, uint32_t index, uint64_t before_ns)
{
	struct cache *cache = &table->publications[index].cache;
	struct pkt **cached = cached_of(table, index);
	for (uint32_t i = 0; i < cache->slots; i++) {
		if (cache->indexes[i] == UINT64_MAX || cached[i]->arrived_ns >= before_ns)
			continue;
		cache->indexes[i] = UINT64_MAX; // free, see cache.h
		pkt_put(&cached[i], 1);
	}
}

// ---- keys and resumption --------------------------------------------------------------------------

static void source_resume(struct source *source, const struct sluice_encoding_status *old,
	struct transport *transport)
{
	if (old->packets == 0)
		return;
	source->started = true;
	source->ssrc = old->ssrc;
	source->key_wanted = true;
	// When there is no room in a session that has just begun, ROC 0 is assumed and media stays out.
	srtp_stream_expect(transport->in, old->ssrc, old->highest_index);
	if (old->rtx_ssrc == 0 || old->rtx_highest_index == 0)
		return;
	source->rtx_started = true;
	source->rtx_ssrc = old->rtx_ssrc;
	srtp_stream_expect(transport->in, old->rtx_ssrc, old->rtx_highest_index);
}

// Indexes start again with other keys; whose SSRC is whose does not change.
static void source_rekey(struct source *source)
{
	source->receiver = (struct receiver){0};
	source->nack = (struct nack){0};
	source->status.ssrc = source->ssrc;
	source->status.rtx_ssrc = source->rtx_ssrc;
	source->status.highest_index = 0;
	source->status.rtx_highest_index = 0;
}

void publication_keyed(struct table *table, uint32_t index, uint32_t transport)
{
	struct publication *publication = &table->publications[index];
	const uint32_t keys = table_transport_books(table, transport)->keys;
	bool resumes = publication->status.keys == keys;
	for (unsigned e = 0; e < SLUICE_ENCODINGS_MAX; e++) {
		struct source *source = table_source(table, index, e);
		if (resumes)
			source_resume(source, &source->status, &table->transports[transport]);
		else
			source_rekey(source);
	}
	publication->status.keys = keys;
	publication->changed = true;
	table->due_ns[index] = 0;
}

// ---- life -----------------------------------------------------------------------------------------

static void link_transport(struct table *table, uint32_t index, struct transport *transport)
{
	struct publication *publication = &table->publications[index];
	publication->mine = true;
	publication->previous = TABLE_NONE;
	publication->next = transport->first_publication;
	if (publication->next != TABLE_NONE)
		table->publications[publication->next].previous = index;
	transport->first_publication = index;
	indexes_add(&table->own_publications, index, &publication->own_slot);
}

static void unlink_transport(struct table *table, uint32_t index)
{
	struct publication *publication = &table->publications[index];
	struct indexes *own = &table->own_publications;
	if (!publication->mine)
		return;
	if (publication->previous == TABLE_NONE)
		table->transports[publication->row.transport.index].first_publication =
			publication->next;
	else
		table->publications[publication->previous].next = publication->next;
	if (publication->next != TABLE_NONE)
		table->publications[publication->next].previous = publication->previous;
	uint32_t last = own->items[--own->used];
	own->items[publication->own_slot] = last;
	table->publications[last].own_slot = publication->own_slot;
	publication->mine = false;
}

// Sources are fed by `transport` from now on; a predecessor's status tells where they were.
static void feed(struct table *table, uint32_t index, struct transport *transport)
{
	struct publication *publication = &table->publications[index];
	const struct sluice_publication_status *old =
		report_old_publication(table, index, publication->row.row.generation);
	memset(table_source(table, index, 0), 0, SLUICE_ENCODINGS_MAX * sizeof(struct source));
	memset(&publication->status, 0, sizeof(publication->status));
	publication->status.audio_level = LEVEL_SILENCE;
	if (old && !publication->fed)
		publication->status = *old;
	publication->payload_type = publication->status.payload_type;
	publication->fed = true;
	for (unsigned e = 0; e < SLUICE_ENCODINGS_MAX; e++)
		table_source(table, index, e)->status = publication->status.encodings[e];
	trace_begin(&table->observed->publication_traces[index], publication->row.row.generation);
	link_transport(table, index, transport);
	table->due_ns[index] = 0;
	if (transport->in)
		publication_keyed(table, index, publication->row.transport.index);
	report_publication(table, index);
}

void publication_interrupt(struct table *table, uint32_t index)
{
	for (uint32_t s = table->publications[index].first_subscription; s != TABLE_NONE;
		s = table->subscribers[s].next)
		subscription_interrupt(table, s);
}

void publication_prepare(struct publication *publication)
{
	if (publication->ready)
		return;
	publication->ready = true;
	publication->next = TABLE_NONE;
	publication->previous = TABLE_NONE;
	publication->first_subscription = TABLE_NONE;
}

// Subscriptions hang on the row's index and stay there: their handles say what they mean.
static void publication_end(struct publication *publication)
{
	struct publication kept = *publication;
	memset(publication, 0, sizeof(*publication));
	publication_prepare(publication);
	publication->wished = kept.wished;
	publication->shed = kept.shed; // subscribers count from it
	publication->first_subscription = kept.first_subscription;
	publication->resend_subscribers = kept.resend_subscribers;
	memcpy(publication->subscribers, kept.subscribers, sizeof(kept.subscribers));
}

static bool same_feed(const struct sluice_publication *a, const struct sluice_publication *b)
{
	return a->source_epoch == b->source_epoch && a->transport.index == b->transport.index &&
	       a->transport.generation == b->transport.generation;
}

bool publication_apply(struct table *table, uint32_t index, const struct sluice_publication *row)
{
	struct publication *publication = &table->publications[index];
	bool begins = publication->row.row.generation != row->row.generation;
	struct transport *transport = table_transport(table, row->transport);
	if (!transport) {
		table_refresh(table, SLUICE_TABLE_TRANSPORT, row->transport.index);
		transport = table_transport(table, row->transport);
	}
	publication_prepare(publication);
	if (begins)
		publication_remove(table, index);
	bool feeds = transport && transport->mine;
	bool refeed = feeds != publication->mine || !same_feed(&publication->row, row);
	bool paused = publication->row.paused;
	if (refeed)
		unlink_transport(table, index);
	publication->row = *row;
	publication->source_epoch = row->source_epoch;
	if (begins)
		publication_cache_use(table, index);
	if (refeed && feeds)
		feed(table, index, transport);
	if (!begins && paused != (row->paused != 0))
		publication_interrupt(table, index);
	return transport != NULL;
}

void publication_unlink(struct table *table, uint32_t index)
{
	unlink_transport(table, index);
	table->publications[index].seen = 0; // it waits for another transport
}

void publication_remove(struct table *table, uint32_t index)
{
	struct publication *publication = &table->publications[index];
	if (publication->row.row.generation == 0)
		return;
	if (publication->mine)
		report_clear(table, SLUICE_TABLE_PUBLICATION, index);
	unlink_transport(table, index);
	publication_cache_clear(table, publication);
	publication_end(publication);
}

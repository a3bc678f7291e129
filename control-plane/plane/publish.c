// SPDX-License-Identifier: Apache-2.0
#include "plane_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

// The core counts header extensions as the contract does, without including it.
#define SAME_EXTENSION(name) static_assert((int)DESC_EXT_##name == (int)SLUICE_EXT_##name)
SAME_EXTENSION(MID);
SAME_EXTENSION(RID);
SAME_EXTENSION(REPAIRED_RID);
SAME_EXTENSION(AUDIO_LEVEL);
SAME_EXTENSION(ABS_SEND_TIME);
SAME_EXTENSION(TRANSPORT_CC);
SAME_EXTENSION(VIDEO_ORIENTATION);
SAME_EXTENSION(PLAYOUT_DELAY);
SAME_EXTENSION(VIDEO_CONTENT_TYPE);
SAME_EXTENSION(VIDEO_TIMING);
SAME_EXTENSION(COLOR_SPACE);
SAME_EXTENSION(DEPENDENCY_DESCRIPTOR);
SAME_EXTENSION(ABS_CAPTURE_TIME);
SAME_EXTENSION(TRANSMISSION_OFFSET);
SAME_EXTENSION(COUNT);

static_assert((int)DESC_AUDIO == (int)SLUICE_AUDIO && (int)DESC_VIDEO == (int)SLUICE_VIDEO);
static_assert((int)CORE_NAME_MAX == (int)SLUICE_NAME_MAX);
static_assert((int)CORE_UFRAG_MAX == (int)SLUICE_UFRAG_MAX);
static_assert((int)CORE_PASSWORD_MAX == (int)SLUICE_PASSWORD_MAX);
static_assert((int)CORE_PATHS_MAX == (int)SLUICE_PATHS_MAX);
static_assert((int)CORE_CODECS_MAX == (int)SLUICE_CODECS_MAX);
static_assert((int)CORE_ENCODINGS_MAX == (int)SLUICE_ENCODINGS_MAX);
static_assert((int)DESC_SECTIONS_MAX == (int)SLUICE_SECTIONS_MAX);

// ---- rows

struct shape {
	size_t offset, size;
	uint32_t count;
};

static const struct shape shapes[SLUICE_TABLE_COUNT] = {
	[SLUICE_TABLE_TRANSPORT] = {offsetof(struct sluice_desired, transports),
		sizeof(struct sluice_transport), SLUICE_TRANSPORTS_MAX},
	[SLUICE_TABLE_PUBLICATION] = {offsetof(struct sluice_desired, publications),
		sizeof(struct sluice_publication), SLUICE_PUBLICATIONS_MAX},
	[SLUICE_TABLE_SUBSCRIPTION] = {offsetof(struct sluice_desired, subscriptions),
		sizeof(struct sluice_subscription), SLUICE_SUBSCRIPTIONS_MAX},
	[SLUICE_TABLE_PARTICIPANT] = {offsetof(struct sluice_desired, participants),
		sizeof(struct sluice_participant), SLUICE_PARTICIPANTS_MAX},
};

// Every worker hears of every row: each has a private copy of the tables. A full ring costs it a rescan.
static void hint(struct plane *plane, enum sluice_table table, uint32_t index, uint32_t generation)
{
	const struct sluice_hint hint = {table, index, generation, 0};
	bool lost = false;
	if (!plane->observed || table == SLUICE_TABLE_PARTICIPANT)
		return;
	for (unsigned w = 0; w < plane_workers(plane); w++) {
		struct sluice_ring ring = plane_hints(plane, w);
		lost |= !sluice_ring_push(&ring, &hint, sizeof(hint));
	}
	if (lost)
		atomic_fetch_add(&plane->desired->head.rescan, 1);
}

void publish_row(struct plane *plane, enum sluice_table table, uint32_t index, const void *image)
{
	const struct shape *shape = &shapes[table];
	const size_t skip = offsetof(struct sluice_row, generation);
	assert(index < shape->count);
	struct sluice_row *row =
		(void *)((uint8_t *)plane->desired + shape->offset + (size_t)index * shape->size);
	uint8_t *there = (uint8_t *)row + skip;
	const uint8_t *here = (const uint8_t *)image + skip;
	if (memcmp(there, here, shape->size - skip) == 0)
		return;
	uint32_t generation = ((const struct sluice_row *)image)->generation;
	sluice_row_begin(row);
	if (generation)
		memcpy(there, here, shape->size - skip);
	else
		explicit_bzero(there, shape->size - skip); // keys must not outlive the row
	sluice_row_end(row);
	if (index >= atomic_load(&plane->desired->head.rows_used[table]))
		atomic_store(&plane->desired->head.rows_used[table], index + 1);
	hint(plane, table, index, generation);
}

void publish_free(struct plane *plane, enum sluice_table table, uint32_t index)
{
	static const union {
		struct sluice_row row;
		struct sluice_transport transport;
		struct sluice_publication publication;
		struct sluice_subscription subscription;
		struct sluice_participant participant;
	} empty;
	publish_row(plane, table, index, &empty);
}

// ---- values

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Copies text into a zeroed field of `size` bytes, cut to leave a terminator.
static void set_text(char *to, size_t size, const char *from)
{
	memcpy(to, from, strnlen(from, size - 1));
}

// Copies a mid or rid into SLUICE_MID_MAX zeroed bytes without a terminator.
static void set_mid(uint8_t *to, const char *from)
{
	memcpy(to, from, strnlen(from, SLUICE_MID_MAX));
}

static struct sluice_address address_of(const struct core_address *from)
{
	struct sluice_address address = {.port = from->port};
	memcpy(address.ip, from->ip, sizeof(address.ip));
	return address;
}

static struct sluice_path path_of(const struct core_path *from)
{
	struct sluice_path path = {.remote = address_of(&from->remote),
		.local = address_of(&from->local),
		.port = from->port};
	memcpy(path.remote_mac, from->remote_mac, sizeof(path.remote_mac));
	return path;
}

static uint8_t codec_of(const char *name)
{
	static const struct {
		const char *name;
		enum sluice_codec codec;
	} codecs[] = {
		{"opus", SLUICE_CODEC_OPUS}, {"VP8", SLUICE_CODEC_VP8}, {"VP9", SLUICE_CODEC_VP9},
		{"H264", SLUICE_CODEC_H264}, {"AV1", SLUICE_CODEC_AV1},
		{"AV1X", SLUICE_CODEC_AV1}, // its name in drafts
	};
	for (unsigned i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (strcasecmp(name, codecs[i].name) == 0)
			return (uint8_t)codecs[i].codec;
	return SLUICE_CODEC_OTHER;
}

// ---- the core's calls

static void put_participant(
	void *context, const struct core_participant *participant, const char *room, bool gone)
{
	struct plane *plane = context;
	uint32_t index = participant->id.index;
	if (gone) {
		publish_free(plane, SLUICE_TABLE_PARTICIPANT, index);
		return;
	}
	const struct sluice_participant *there = &plane->desired->participants[index];
	struct sluice_participant row;
	memset(&row, 0, sizeof(row));
	row.row.generation = participant->id.generation;
	set_text(row.room, sizeof(row.room), room);
	set_text(row.identity, sizeof(row.identity), participant->identity);
	set_text(row.name, sizeof(row.name), participant->name);
	set_text(row.dialect, sizeof(row.dialect), participant->dialect);
	row.can_publish = participant->can_publish;
	row.can_subscribe = participant->can_subscribe;
	row.withheld = participant->withheld;
	row.silenced = participant->silenced;
	row.visible = participant->visible;
	row.pairs = participant->pairs;
	row.outlives = participant->outlives;
	row.whole = participant->whole;
	// wall-clock time, so that it outlives a reboot of the clock; the former is set once in a life
	if (participant->until_ms)
		row.until_unix_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC) +
				    participant->until_ms;
	if (there->row.generation == row.row.generation)
		row.joined_unix_ms = there->joined_unix_ms;
	else
		row.joined_unix_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC) +
				     participant->joined_ms;
	publish_row(plane, SLUICE_TABLE_PARTICIPANT, index, &row);
}

static void set_keys(struct sluice_transport *row, const struct core_keys *keys)
{
	row->flags |= SLUICE_TRANSPORT_HAS_KEYS;
	row->srtp_profile = keys->profile;
	memcpy(row->receive_key.key, keys->receive_key, sizeof(row->receive_key.key));
	memcpy(row->receive_key.salt, keys->receive_salt, sizeof(row->receive_key.salt));
	memcpy(row->send_key.key, keys->send_key, sizeof(row->send_key.key));
	memcpy(row->send_key.salt, keys->send_salt, sizeof(row->send_key.salt));
}

// The part that is control's own memory.
static void set_session(struct sluice_transport *row, const struct core_transport *transport)
{
	row->participant = (struct sluice_handle){
		transport->participant.index, transport->participant.generation};
	row->publisher =
		(struct sluice_handle){transport->publisher.index, transport->publisher.generation};
	set_text(row->local_ufrag, sizeof(row->local_ufrag), transport->local_ufrag);
	set_text(row->local_password, sizeof(row->local_password), transport->local_password);
	set_text(row->remote_ufrag, sizeof(row->remote_ufrag), transport->remote_ufrag);
	set_text(row->remote_password, sizeof(row->remote_password), transport->remote_password);
	set_text(row->previous_ufrag, sizeof(row->previous_ufrag), transport->previous_ufrag);
	set_text(row->previous_password, sizeof(row->previous_password),
		transport->previous_password);
	row->fingerprint_length = transport->fingerprint.length;
	set_text(row->fingerprint_algorithm, sizeof(row->fingerprint_algorithm),
		transport->fingerprint.algorithm);
	memcpy(row->fingerprint, transport->fingerprint.value, sizeof(row->fingerprint));
	row->sections_used = transport->sections_used;
	for (unsigned i = 0; i < transport->sections_used; i++) {
		const struct core_section *section = &transport->sections[i];
		set_mid(row->sections[i].mid, section->mid);
		row->sections[i].kind = section->kind;
		row->sections[i].partner = section->partner;
	}
}

static void put_transport(void *context, const struct core_transport *transport, bool gone)
{
	struct plane *plane = context;
	if (gone) {
		publish_free(plane, SLUICE_TABLE_TRANSPORT, transport->id.index);
		return;
	}
	struct sluice_transport row;
	memset(&row, 0, sizeof(row));
	row.row.generation = transport->id.generation;
	row.worker = transport->worker;
	row.rtcp_ssrc_base = transport->rtcp_ssrc_base;
	row.transport_cc_extension_id = transport->transport_cc_extension_id;
	row.paths_used = transport->paths_used;
	row.path_selected = transport->path_selected;
	row.certificate = transport->certificate;
	for (unsigned i = 0; i < transport->paths_used; i++)
		row.paths[i] = path_of(&transport->paths[i]);
	if (transport->publishes)
		row.flags |= SLUICE_TRANSPORT_PUBLISHES;
	if (transport->pair)
		row.flags |= SLUICE_TRANSPORT_PAIR;
	if (transport->dtls_client)
		row.flags |= SLUICE_TRANSPORT_DTLS_CLIENT;
	if (transport->has_keys)
		set_keys(&row, &transport->keys);
	row.key_epoch = transport->key_epoch;
	set_session(&row, transport);
	publish_row(plane, SLUICE_TABLE_TRANSPORT, transport->id.index, &row);
	explicit_bzero(&row, sizeof(row));
}

static void set_codec(struct sluice_codec_in *row, const struct desc_codec *codec)
{
	row->codec = codec_of(codec->name);
	row->payload_type = codec->payload_type;
	row->rtx_payload_type = codec->rtx_payload_type;
	row->channels = codec->channels;
	row->clock_rate = codec->clock_rate;
	row->feedback = codec->feedback;
	set_text(row->fmtp, sizeof(row->fmtp), codec->fmtp);
	set_text(row->name, sizeof(row->name), codec->name);
}

static void put_publication(void *context, const struct core_publication *publication, bool gone)
{
	struct plane *plane = context;
	if (gone) {
		publish_free(plane, SLUICE_TABLE_PUBLICATION, publication->id.index);
		return;
	}
	struct sluice_publication row;
	memset(&row, 0, sizeof(row));
	row.row.generation = publication->id.generation;
	row.transport = (struct sluice_handle){
		publication->transport.index, publication->transport.generation};
	row.participant = (struct sluice_handle){
		publication->participant.index, publication->participant.generation};
	row.kind = (uint8_t)publication->kind;
	row.paused = (uint8_t)((publication->paused ? SLUICE_PAUSED_BY_PUBLISHER : 0) |
			       (publication->held ? SLUICE_PAUSED_BY_OPERATOR : 0));
	set_mid(row.mid, publication->mid);
	memcpy(row.extension_id, publication->extension_id, sizeof(publication->extension_id));
	row.codecs_used = publication->codecs_used;
	for (unsigned i = 0; i < publication->codecs_used; i++)
		set_codec(&row.codecs[i], &publication->codecs[i]);
	row.encodings_used = publication->encodings_used;
	for (unsigned i = 0; i < publication->encodings_used; i++) {
		set_mid(row.encodings[i].rid, publication->encodings[i].rid);
		row.encodings[i].ssrc = publication->encodings[i].ssrc;
		row.encodings[i].rtx_ssrc = publication->encodings[i].rtx_ssrc;
	}
	row.source_epoch = publication->source_epoch;
	set_text(row.stream, sizeof(row.stream), publication->stream);
	set_text(row.track, sizeof(row.track), publication->track);
	publish_row(plane, SLUICE_TABLE_PUBLICATION, publication->id.index, &row);
}

static void put_subscription(void *context, const struct core_subscription *subscription, bool gone)
{
	struct plane *plane = context;
	if (gone) {
		publish_free(plane, SLUICE_TABLE_SUBSCRIPTION, subscription->id.index);
		return;
	}
	struct sluice_subscription row;
	memset(&row, 0, sizeof(row));
	row.row.generation = subscription->id.generation;
	row.publication = (struct sluice_handle){
		subscription->publication.index, subscription->publication.generation};
	row.transport = (struct sluice_handle){
		subscription->transport.index, subscription->transport.generation};
	row.ssrc = subscription->ssrc;
	row.rtx_ssrc = subscription->rtx_ssrc;
	row.active = subscription->active;
	row.paused = subscription->paused;
	row.nack = subscription->nack;
	memcpy(row.payload_type, subscription->payload_type, sizeof(row.payload_type));
	memcpy(row.rtx_payload_type, subscription->rtx_payload_type, sizeof(row.rtx_payload_type));
	set_mid(row.mid, subscription->mid);
	memcpy(row.extension_id, subscription->extension_id, sizeof(subscription->extension_id));
	publish_row(plane, SLUICE_TABLE_SUBSCRIPTION, subscription->id.index, &row);
}

static void random_bytes(void *, void *bytes, size_t length)
{
	uint8_t *to = bytes;
	while (length > 0) {
		ssize_t got = getrandom(to, length, 0);
		if (got < 0 && errno != EINTR)
			abort(); // guessable passwords and SSRCs are worse than no relay
		if (got > 0) {
			to += got;
			length -= (size_t)got;
		}
	}
}

struct core_plane plane_callbacks(struct plane *plane)
{
	return (struct core_plane){
		.context = plane,
		.participant = put_participant,
		.transport = put_transport,
		.publication = put_publication,
		.subscription = put_subscription,
		.random = random_bytes,
	};
}

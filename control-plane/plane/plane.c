// SPDX-License-Identifier: Apache-2.0
#include "capture.h"
#include "core/restore.h"
#include "plane_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct plane *plane_create(const char *directory, bool discard, char *why, size_t why_size)
{
	if (strlen(directory) >= PLANE_PATH_MAX) {
		snprintf(why, why_size, "runtime_directory is too long: %s", directory);
		return NULL;
	}
	struct plane *plane = calloc(1, sizeof(*plane));
	if (!plane) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	memcpy(plane->directory, directory, strlen(directory) + 1);
	plane->desired = sluice_desired_create(directory, discard, why, why_size);
	if (!plane->desired) {
		free(plane);
		return NULL;
	}
	capture_clear(plane);
	watch_look(plane, 0);
	plane->looked = false; // the first poll looks again, at its own time
	return plane;
}

void plane_destroy(struct plane *plane)
{
	if (!plane)
		return;
	capture_close(plane);
	sluice_observed_close(plane->observed);
	sluice_desired_close(plane->desired);
	free(plane);
}

const struct sluice_observed *plane_observed(const struct plane *plane)
{
	return plane->observed;
}

const struct sluice_desired *plane_desired(const struct plane *plane)
{
	return plane->desired;
}

void plane_sleep(struct plane *plane, bool asleep)
{
	atomic_store(&plane->desired->head.asleep, asleep);
}

void plane_drain(struct plane *plane, bool draining)
{
	__atomic_store_n(&plane->desired->head.draining, draining, __ATOMIC_RELAXED);
}

// ---- recovery: each row is input, though we wrote it ourselves in another life

static bool is_text(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

#define IS_TEXT(field) is_text(field, sizeof(field))

static bool is_name(const char *text, size_t size)
{
	return text[0] && is_text(text, size);
}

#define IS_NAME(field) is_name(field, sizeof(field))

static void get_mid(char *to, const uint8_t *from)
{
	memcpy(to, from, SLUICE_MID_MAX);
	to[SLUICE_MID_MAX] = '\0';
}

struct recovery {
	struct plane *plane;
	struct core *core;
	uint64_t now_ms;
	uint64_t unix_ms;
};

static uint64_t until_ms_of(const struct recovery *r, const struct sluice_participant *row)
{
	if (!row->until_unix_ms)
		return 0;
	return row->until_unix_ms > r->unix_ms ? r->now_ms + row->until_unix_ms - r->unix_ms : 1;
}

static bool restore_participant(
	const struct recovery *r, uint32_t index, const struct sluice_participant *row)
{
	if (!IS_NAME(row->room) || !IS_NAME(row->identity) || !IS_TEXT(row->name) ||
		!IS_NAME(row->dialect))
		return false;
	uint64_t age_ms = r->unix_ms > row->joined_unix_ms ? r->unix_ms - row->joined_unix_ms : 0;
	struct core_participant participant = {
		.id = {index, row->row.generation},
		.dialect = row->dialect, // the core keeps a copy
		.visible = row->visible,
		.can_publish = row->can_publish,
		.can_subscribe = row->can_subscribe,
		.withheld = row->withheld,
		.silenced = row->silenced,
		.until_ms = until_ms_of(r, row),
		.pairs = row->pairs,
		.outlives = row->outlives,
		.whole = row->whole,
		.joined_ms = r->now_ms > age_ms ? r->now_ms - age_ms : 0,
		.unlinked_ms = r->now_ms,
	};
	memcpy(participant.identity, row->identity, sizeof(participant.identity));
	memcpy(participant.name, row->name, sizeof(participant.name));
	return core_restore_participant(r->core, &participant, row->room) == 0;
}

static bool get_keys(struct core_keys *keys, const struct sluice_transport *row)
{
	switch (row->srtp_profile) {
	case SLUICE_SRTP_AES128_CM_SHA1_80: // RFC 5764, 4.1.2
		*keys = (struct core_keys){.key_length = 16, .salt_length = 14};
		break;
	case SLUICE_SRTP_AEAD_AES_128_GCM: // RFC 7714, 14.2
		*keys = (struct core_keys){.key_length = 16, .salt_length = 12};
		break;
	case SLUICE_SRTP_AEAD_AES_256_GCM:
		*keys = (struct core_keys){.key_length = 32, .salt_length = 12};
		break;
	default:
		return false;
	}
	keys->profile = row->srtp_profile;
	memcpy(keys->receive_key, row->receive_key.key, sizeof(keys->receive_key));
	memcpy(keys->receive_salt, row->receive_key.salt, sizeof(keys->receive_salt));
	memcpy(keys->send_key, row->send_key.key, sizeof(keys->send_key));
	memcpy(keys->send_salt, row->send_key.salt, sizeof(keys->send_salt));
	return true;
}

static bool get_paths(struct core_transport *transport, const struct sluice_transport *row)
{
	if (row->paths_used > SLUICE_PATHS_MAX ||
		(row->paths_used && row->path_selected >= row->paths_used))
		return false;
	transport->paths_used = row->paths_used;
	transport->path_selected = row->paths_used ? row->path_selected : 0;
	for (unsigned i = 0; i < row->paths_used; i++) {
		const struct sluice_path *from = &row->paths[i];
		struct core_path *to = &transport->paths[i];
		if (from->remote.port == 0 || from->port >= SLUICE_PORTS_MAX)
			return false;
		memcpy(to->remote.ip, from->remote.ip, sizeof(to->remote.ip));
		to->remote.port = from->remote.port;
		memcpy(to->local.ip, from->local.ip, sizeof(to->local.ip));
		to->local.port = from->local.port;
		memcpy(to->remote_mac, from->remote_mac, sizeof(to->remote_mac));
		to->port = from->port;
	}
	return true;
}

static bool get_session(struct core_transport *transport, const struct sluice_transport *row)
{
	if (!IS_NAME(row->local_ufrag) || !IS_NAME(row->local_password) ||
		!IS_TEXT(row->remote_ufrag) || !IS_TEXT(row->remote_password) ||
		!IS_TEXT(row->previous_ufrag) || !IS_TEXT(row->previous_password) ||
		!IS_TEXT(row->fingerprint_algorithm) ||
		row->fingerprint_length > sizeof(row->fingerprint) ||
		row->sections_used > SLUICE_SECTIONS_MAX)
		return false;
	transport->participant =
		(struct core_participant_id){row->participant.index, row->participant.generation};
	transport->publisher =
		(struct core_participant_id){row->publisher.index, row->publisher.generation};
	memcpy(transport->local_ufrag, row->local_ufrag, sizeof(row->local_ufrag));
	memcpy(transport->local_password, row->local_password, sizeof(row->local_password));
	memcpy(transport->remote_ufrag, row->remote_ufrag, sizeof(row->remote_ufrag));
	memcpy(transport->remote_password, row->remote_password, sizeof(row->remote_password));
	memcpy(transport->previous_ufrag, row->previous_ufrag, sizeof(row->previous_ufrag));
	memcpy(transport->previous_password, row->previous_password,
		sizeof(row->previous_password));
	transport->fingerprint.length = row->fingerprint_length;
	memcpy(transport->fingerprint.algorithm, row->fingerprint_algorithm,
		sizeof(transport->fingerprint.algorithm));
	memcpy(transport->fingerprint.value, row->fingerprint,
		sizeof(transport->fingerprint.value));
	transport->sections_used = row->sections_used;
	for (unsigned i = 0; i < row->sections_used; i++) {
		get_mid(transport->sections[i].mid, row->sections[i].mid);
		transport->sections[i].kind = row->sections[i].kind;
		transport->sections[i].partner = row->sections[i].partner;
	}
	return true;
}

// How long a client that never got our last answer may go on with our credentials from before an ICE
// restart, after ours was the process that died.
enum { PREVIOUS_UFRAG_MS = 10000 };

static bool restore_transport(
	const struct recovery *r, uint32_t index, const struct sluice_transport *row)
{
	struct core_transport transport = {
		.id = {index, row->row.generation},
		.worker = row->worker,
		.dtls_client = row->flags & SLUICE_TRANSPORT_DTLS_CLIENT,
		.pair = row->flags & SLUICE_TRANSPORT_PAIR,
		.certificate = row->certificate,
		.publishes = row->flags & SLUICE_TRANSPORT_PUBLISHES,
		.has_keys = row->flags & SLUICE_TRANSPORT_HAS_KEYS,
		.key_epoch = row->key_epoch,
		.rtcp_ssrc_base = row->rtcp_ssrc_base,
		.transport_cc_extension_id = row->transport_cc_extension_id,
		.created_ms = r->now_ms,
		.heard_ms = r->now_ms,
	};
	bool is_good = row->worker < SLUICE_WORKERS_MAX && !(row->rtcp_ssrc_base >> 31) &&
		       get_paths(&transport, row) && get_session(&transport, row);
	if (is_good && transport.has_keys) {
		transport.state = CORE_TRANSPORT_CONNECTED;
		transport.checked_ms = transport.keyed_ms = r->now_ms;
		is_good = get_keys(&transport.keys, row);
	}
	if (transport.previous_ufrag[0])
		transport.previous_until_ms = r->now_ms + PREVIOUS_UFRAG_MS;
	is_good = is_good && core_restore_transport(r->core, &transport) == 0;
	explicit_bzero(&transport, sizeof(transport));
	return is_good;
}

static bool get_codec(struct desc_codec *to, const struct sluice_codec_in *from)
{
	if (from->payload_type > 127 || from->rtx_payload_type > 127 || from->clock_rate == 0 ||
		!IS_NAME(from->name) || !IS_TEXT(from->fmtp))
		return false;
	to->payload_type = from->payload_type;
	to->rtx_payload_type = from->rtx_payload_type;
	to->channels = from->channels;
	to->clock_rate = from->clock_rate;
	to->feedback = from->feedback;
	memcpy(to->name, from->name, sizeof(to->name));
	memcpy(to->fmtp, from->fmtp, sizeof(to->fmtp));
	return true;
}

static bool get_sources(struct core_publication *publication, const struct sluice_publication *row)
{
	if (row->codecs_used == 0 || row->codecs_used > SLUICE_CODECS_MAX ||
		row->encodings_used > SLUICE_ENCODINGS_MAX)
		return false;
	publication->codecs_used = row->codecs_used;
	for (unsigned i = 0; i < row->codecs_used; i++)
		if (!get_codec(&publication->codecs[i], &row->codecs[i]))
			return false;
	publication->encodings_used = row->encodings_used;
	for (unsigned i = 0; i < row->encodings_used; i++) {
		get_mid(publication->encodings[i].rid, row->encodings[i].rid);
		publication->encodings[i].ssrc = row->encodings[i].ssrc;
		publication->encodings[i].rtx_ssrc = row->encodings[i].rtx_ssrc;
	}
	return true;
}

static bool restore_publication(
	const struct recovery *r, uint32_t index, const struct sluice_publication *row)
{
	if ((row->kind != SLUICE_AUDIO && row->kind != SLUICE_VIDEO) || !IS_TEXT(row->stream) ||
		!IS_TEXT(row->track))
		return false;
	struct core_publication publication = {
		.id = {index, row->row.generation},
		.participant = {row->participant.index, row->participant.generation},
		.transport = {row->transport.index, row->transport.generation},
		.kind = (enum desc_kind)row->kind,
		.paused = row->paused & SLUICE_PAUSED_BY_PUBLISHER,
		.held = row->paused & SLUICE_PAUSED_BY_OPERATOR,
		.source_epoch = row->source_epoch,
	};
	get_mid(publication.mid, row->mid);
	memcpy(publication.extension_id, row->extension_id, sizeof(publication.extension_id));
	memcpy(publication.stream, row->stream, sizeof(publication.stream));
	memcpy(publication.track, row->track, sizeof(publication.track));
	return get_sources(&publication, row) &&
	       core_restore_publication(r->core, &publication) == 0;
}

static bool restore_subscription(
	const struct recovery *r, uint32_t index, const struct sluice_subscription *row)
{
	if (!(row->ssrc >> 31) || (row->rtx_ssrc && !(row->rtx_ssrc >> 31)))
		return false;
	struct core_subscription subscription = {
		.id = {index, row->row.generation},
		.publication = {row->publication.index, row->publication.generation},
		.transport = {row->transport.index, row->transport.generation},
		.ssrc = row->ssrc,
		.rtx_ssrc = row->rtx_ssrc,
		.active = row->active,
		.paused = row->paused,
		.nack = row->nack,
	};
	for (unsigned i = 0; i < SLUICE_CODECS_MAX; i++)
		if (row->payload_type[i] > 127 || row->rtx_payload_type[i] > 127)
			return false;
	get_mid(subscription.mid, row->mid);
	memcpy(subscription.payload_type, row->payload_type, sizeof(row->payload_type));
	memcpy(subscription.rtx_payload_type, row->rtx_payload_type, sizeof(row->rtx_payload_type));
	memcpy(subscription.extension_id, row->extension_id, sizeof(subscription.extension_id));
	return core_restore_subscription(r->core, &subscription) == 0;
}

// Gives each used row of a table to its function; a row that does not fit is freed.
#define RESTORE(r, table, rows, count, restore)                                            \
	do {                                                                               \
		struct plane *plane_ = (r)->plane;                                         \
		uint32_t used_ = atomic_load(&plane_->desired->head.rows_used[table]);     \
		for (uint32_t i_ = 0; i_ < used_ && i_ < (count); i_++) {                  \
			typeof(plane_->desired->rows[0]) row_ = plane_->desired->rows[i_]; \
			if (row_.row.generation != 0 && !restore(r, i_, &row_))            \
				publish_free(plane_, table, i_);                           \
			explicit_bzero(&row_, sizeof(row_));                               \
		}                                                                          \
	} while (0)

unsigned plane_recover(struct plane *plane, struct core *core, uint64_t now_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const struct recovery r = {
		plane, core, now_ms, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000};
	plane->now_ms = now_ms;
	RESTORE(&r, SLUICE_TABLE_PARTICIPANT, participants, SLUICE_PARTICIPANTS_MAX,
		restore_participant);
	RESTORE(&r, SLUICE_TABLE_TRANSPORT, transports, SLUICE_TRANSPORTS_MAX, restore_transport);
	RESTORE(&r, SLUICE_TABLE_PUBLICATION, publications, SLUICE_PUBLICATIONS_MAX,
		restore_publication);
	RESTORE(&r, SLUICE_TABLE_SUBSCRIPTION, subscriptions, SLUICE_SUBSCRIPTIONS_MAX,
		restore_subscription);
	core_restore_done(core, now_ms);
	unsigned transports = 0;
	for (const struct core_transport *t = NULL; (t = core_transport_next(core, t));)
		transports++;
	return transports;
}

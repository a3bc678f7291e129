// SPDX-License-Identifier: Apache-2.0
#include "synthetic.h"

#include "address.h"
#include "log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ADDRESS_PART_MAX = 48, // of "IP:PORT"
	KEY_SALT_MAX = 32 + 14,
};

static const char dialect_name[] = "test";

struct member {
	uint32_t generation; // 0 = none of ours
	uint64_t until_ms;
};

struct synthetic {
	struct core *core;
	struct ice *ice;
	struct member members[SYNTHETIC_MAX]; // by the participant's index
};

struct session { // a request, read and checked
	const char *room, *identity;
	struct core_path path;
	struct core_keys keys;
	uint64_t until_ms;
};

__attribute__((format(printf, 2, 3))) static int fail(
	char why[SYNTHETIC_WHY_MAX], const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(why, SYNTHETIC_WHY_MAX, format, list);
	va_end(list);
	return -1;
}

// ---- reading

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static bool number_of(const json_t *json, const char *name, json_int_t most, json_int_t *number)
{
	const json_t *value = json_object_get(json, name);

	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= 0 && *number <= most;
}

// "192.0.2.1:4000" or "[2001:db8::1]:4000".
static bool endpoint_read(const char *text, struct core_address *address)
{
	char host[ADDRESS_PART_MAX], *end;
	const char *colon = text ? strrchr(text, ':') : NULL;
	unsigned long port;
	size_t length;

	memset(address, 0, sizeof(*address));
	if (!colon || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (*end || !port || port > 65535 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = 0;
	address->port = (uint16_t)port;
	return address_parse(host, address) == 0;
}

static bool hex_read(const char *text, uint8_t *bytes, size_t length)
{
	if (!text || strlen(text) != length * 2)
		return false;
	for (size_t i = 0; i < length * 2; i++) {
		unsigned char digit = (unsigned char)tolower((unsigned char)text[i]);

		if (!isxdigit(digit))
			return false;
		digit = (unsigned char)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
		bytes[i / 2] = (uint8_t)(i % 2 ? bytes[i / 2] << 4 | digit : digit);
	}
	return true;
}

static bool mac_read(const char *text, uint8_t mac[6])
{
	char digits[13];

	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		if (i < 5 && text[i * 3 + 2] != ':')
			return false;
		memcpy(digits + i * 2, text + i * 3, 2);
	}
	digits[12] = 0;
	return hex_read(digits, mac, 6);
}

static int keys_read(const json_t *request, struct core_keys *keys, char *why)
{
	static const struct {
		const char *name;
		uint16_t number;
		uint8_t key, salt;
	} profiles[] = {{"gcm128", 7, 16, 12}, {"gcm256", 8, 32, 12}, {"cm", 1, 16, 14}};
	const char *profile = text_of(request, "profile");
	uint8_t receive[KEY_SALT_MAX], send[KEY_SALT_MAX];

	for (size_t i = 0; profile && i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		size_t length = (size_t)profiles[i].key + profiles[i].salt;

		if (strcmp(profile, profiles[i].name) != 0)
			continue;
		if (!hex_read(text_of(request, "key"), receive, length) ||
			!hex_read(text_of(request, "relayKey"), send, length))
			return fail(why, "key and relayKey must be %zu bytes in hex, key and salt",
				length);
		*keys = (struct core_keys){.profile = profiles[i].number,
			.key_length = profiles[i].key,
			.salt_length = profiles[i].salt};
		memcpy(keys->receive_key, receive, profiles[i].key);
		memcpy(keys->receive_salt, receive + profiles[i].key, profiles[i].salt);
		memcpy(keys->send_key, send, profiles[i].key);
		memcpy(keys->send_salt, send + profiles[i].key, profiles[i].salt);
		explicit_bzero(receive, sizeof(receive));
		explicit_bzero(send, sizeof(send));
		return 0;
	}
	return fail(why, "profile must be gcm128, gcm256 or cm");
}

static int session_read(const json_t *request, struct session *session, uint64_t now_ms, char *why)
{
	const char *mac = text_of(request, "mac");
	json_int_t seconds, port = 0;

	memset(session, 0, sizeof(*session));
	session->room = text_of(request, "room");
	session->identity = text_of(request, "identity");
	if (!session->room || !session->identity)
		return fail(why, "room and identity are needed");
	if (!endpoint_read(text_of(request, "address"), &session->path.remote))
		return fail(why, "address must be the peer's IP:PORT");
	if (!endpoint_read(text_of(request, "relay"), &session->path.local))
		return fail(why, "relay must be this relay's media address, IP:PORT");
	if (mac && !mac_read(mac, session->path.remote_mac))
		return fail(why, "mac must be like 02:00:00:00:00:01");
	if (json_object_get(request, "port") && !number_of(request, "port", 7, &port))
		return fail(why, "port must be the index of one of the configuration's ports");
	if (!number_of(request, "seconds", SYNTHETIC_SECONDS_MAX, &seconds) || !seconds)
		return fail(why, "seconds must be 1 to %d", SYNTHETIC_SECONDS_MAX);
	session->path.port = (uint8_t)port;
	session->until_ms = now_ms + (uint64_t)seconds * 1000;
	return keys_read(request, &session->keys, why);
}

// ---- describing a peer that is not there

// The certificate is one that nobody has, so no handshake can ever succeed.
static void desc_begin(struct desc *desc)
{
	FILE *random = fopen("/dev/urandom", "re");

	memset(desc, 0, sizeof(*desc));
	snprintf(desc->ufrag, sizeof(desc->ufrag), "test");
	snprintf(desc->password, sizeof(desc->password), "no-checks-come-from-here");
	desc->setup = DESC_ACTIVE;
	desc->fingerprint = (struct desc_fingerprint){.algorithm = "sha-256", .length = 32};
	if (random && fread(desc->fingerprint.value, 32, 1, random) != 1)
		desc->fingerprint.length = 0; // refused as a bad description
	if (random)
		fclose(random);
}

static int section_add(struct desc *offer, const json_t *stream, char *why)
{
	struct desc_section *section = &offer->sections[offer->sections_used];
	const char *kind = text_of(stream, "kind"), *codec = text_of(stream, "codec");
	bool video = kind && !strcmp(kind, "video");
	json_int_t ssrc, type;

	if (!kind || (!video && strcmp(kind, "audio") != 0))
		return fail(why, "a stream's kind must be audio or video");
	if (!codec || strlen(codec) >= sizeof(section->codecs[0].name))
		return fail(why, "a stream needs a codec: opus, VP8, …");
	if (!number_of(stream, "ssrc", UINT32_MAX, &ssrc) || !ssrc)
		return fail(why, "a stream's ssrc must be 1 to 4294967295");
	if (!number_of(stream, "payloadType", 127, &type) || !type)
		return fail(why, "a stream's payloadType must be 1 to 127");
	section->kind = video ? DESC_VIDEO : DESC_AUDIO;
	section->direction = DESC_SENDONLY;
	section->in_bundle = section->rtcp_mux = section->rtcp_rsize = true;
	snprintf(section->mid, sizeof(section->mid), "%u", offer->sections_used++);
	section->codecs_used = section->encodings_used = 1;
	section->codecs[0].payload_type = (uint8_t)type;
	section->codecs[0].clock_rate = video ? 90000 : 48000;
	section->codecs[0].channels = video ? 0 : 2;
	snprintf(section->codecs[0].name, sizeof(section->codecs[0].name), "%s", codec);
	section->encodings[0].ssrc = (uint32_t)ssrc;
	return 0;
}

static int offer_read(const json_t *request, struct desc *offer, char *why)
{
	const json_t *streams = json_object_get(request, "streams");
	size_t count = json_array_size(streams);

	if (!count || count > DESC_SECTIONS_MAX)
		return fail(why, "streams must be a list of 1 to %d", DESC_SECTIONS_MAX);
	desc_begin(offer);
	for (size_t i = 0; i < count; i++)
		if (section_add(offer, json_array_get(streams, i), why))
			return -1;
	return 0;
}

// Takes all that is offered. Nobody is there to ask for resends.
static void answer_make(const struct desc *offer, struct desc *answer)
{
	desc_begin(answer);
	answer->sections_used = offer->sections_used;
	for (unsigned i = 0; i < offer->sections_used; i++) {
		struct desc_section *section = &answer->sections[i];

		*section = offer->sections[i];
		section->direction = DESC_RECVONLY;
		section->encodings_used = 0;
		for (unsigned c = 0; c < section->codecs_used; c++)
			section->codecs[c].feedback = 0;
	}
}

// ---- members

static int join(const struct synthetic *synthetic, const char *room, const char *identity,
	uint64_t now_ms, struct core_participant_id *id)
{
	struct core_join join = {.room = room,
		.identity = identity,
		.dialect = dialect_name,
		.can_publish = true,
		.can_subscribe = true,
		.now_ms = now_ms};
	bool resumed;

	return core_join(synthetic->core, &join, id, &resumed);
}

static int member_enter(struct synthetic *synthetic, const struct session *session, uint64_t now_ms,
	struct core_participant_id *id)
{
	int error = join(synthetic, session->room, session->identity, now_ms, id);

	if (error)
		return error;
	if (id->index >= SYNTHETIC_MAX)
		return -CORE_FULL;
	synthetic->members[id->index] = (struct member){id->generation, session->until_ms};
	return 0;
}

static bool is_member(const struct synthetic *synthetic, struct core_participant_id id)
{
	return id.index < SYNTHETIC_MAX && synthetic->members[id.index].generation == id.generation;
}

// One that has no transport, for the last request failed, has nothing to live for.
static void member_check(const struct synthetic *synthetic, struct core_participant_id id)
{
	const struct core_transport *transport = NULL;

	while ((transport = core_transport_next(synthetic->core, transport)))
		if (transport->participant.index == id.index &&
			transport->participant.generation == id.generation)
			return;
	core_leave(synthetic->core, id); // the tick forgets it
}

static const struct core_transport *transport_down(
	const struct synthetic *synthetic, struct core_participant_id id, const char *publisher)
{
	const struct core_participant *self = core_participant(synthetic->core, id), *other;
	const struct core_transport *transport = NULL;

	other = self ? core_participant_by_identity(synthetic->core, self->room, publisher) : NULL;
	while (other && (transport = core_transport_next(synthetic->core, transport)))
		if (transport->participant.index == id.index &&
			transport->publisher.index == other->id.index &&
			transport->publisher.generation == other->id.generation)
			return transport;
	return NULL;
}

// Path and keys, as ICE and DTLS would bring them.
static json_t *transport_connect(struct synthetic *synthetic,
	const struct core_transport *transport, const struct session *session, uint64_t now_ms,
	char *why)
{
	struct core_transport_id id = transport->id;
	int error = ice_assume(synthetic->ice, id, &session->path, now_ms);

	if (!error)
		error = core_transport_keys(synthetic->core, id, &session->keys, now_ms);
	if (error) {
		fail(why, "%s%s", core_error_text(error),
			error == -CORE_EXISTS ? ": the address is that of another session" : "");
		core_transport_close(synthetic->core, id, "the load test's session failed");
		return NULL;
	}
	return json_pack("{s:b, s:I, s:I, s:s}", "ok", 1, "transport", (json_int_t)id.index,
		"generation", (json_int_t)id.generation, "ufrag", transport->local_ufrag);
}

// ---- the requests

json_t *synthetic_publish(struct synthetic *synthetic, const json_t *request, uint64_t now_ms,
	char why[SYNTHETIC_WHY_MAX])
{
	static struct desc offer, answer;
	struct core_participant_id id;
	struct session session;
	json_t *reply = NULL;
	int error;

	if (session_read(request, &session, now_ms, why) || offer_read(request, &offer, why))
		goto out;
	error = member_enter(synthetic, &session, now_ms, &id);
	if (error) {
		fail(why, "%s", core_error_text(error));
		goto out;
	}
	error = core_publish(synthetic->core, id, &offer, &answer, now_ms);
	if (error)
		fail(why, "%s", core_error_text(error));
	else
		reply = transport_connect(synthetic,
			core_transport(
				synthetic->core, core_participant(synthetic->core, id)->publishing),
			&session, now_ms, why);
	if (!reply)
		member_check(synthetic, id);
out:
	explicit_bzero(&session.keys, sizeof(session.keys));
	return reply;
}

static json_t *subscribe(struct synthetic *synthetic, struct core_participant_id id,
	const char *publisher, const struct session *session, uint64_t now_ms, char *why)
{
	static struct desc offer, answer;
	int error = core_subscribe(synthetic->core, id, publisher, &offer, now_ms);

	if (!error) {
		answer_make(&offer, &answer);
		error = core_subscribe_answer(synthetic->core, id, publisher, &answer, now_ms);
	}
	if (!error)
		return transport_connect(
			synthetic, transport_down(synthetic, id, publisher), session, now_ms, why);
	fail(why, "%s", core_error_text(error));
	return NULL;
}

json_t *synthetic_subscribe(struct synthetic *synthetic, const json_t *request, uint64_t now_ms,
	char why[SYNTHETIC_WHY_MAX])
{
	const char *publisher = text_of(request, "publisher");
	struct core_participant_id id;
	struct session session;
	json_t *reply = NULL;
	int error = session_read(request, &session, now_ms, why);

	if (!error && !publisher)
		error = fail(why, "publisher, an identity, is needed");
	if (error)
		goto out;
	error = member_enter(synthetic, &session, now_ms, &id);
	if (error) {
		fail(why, "%s", core_error_text(error));
		goto out;
	}
	reply = subscribe(synthetic, id, publisher, &session, now_ms, why);
	if (!reply)
		member_check(synthetic, id);
out:
	explicit_bzero(&session.keys, sizeof(session.keys));
	return reply;
}

// ---- life

struct synthetic *synthetic_create(struct core *core, struct ice *ice)
{
	struct synthetic *synthetic = calloc(1, sizeof(*synthetic));

	if (!synthetic)
		return NULL;
	synthetic->core = core;
	synthetic->ice = ice;
	return synthetic;
}

void synthetic_destroy(struct synthetic *synthetic)
{
	free(synthetic);
}

// Nobody answers for them, so we do: joining again is what keeps one without a socket. Returns false
// when it has left.
static bool member_keep(
	const struct synthetic *synthetic, struct core_participant_id id, uint64_t now_ms)
{
	const struct core_participant *view = core_participant(synthetic->core, id);
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX];

	if (!view)
		return false;
	if (now_ms >= synthetic->members[id.index].until_ms) {
		log_about(LOG_LEVEL_INFO, LOG_OF(.participant = id), "the test session is over");
		return core_leave(synthetic->core, id) != 0;
	}
	snprintf(room, sizeof(room), "%s", core_room(synthetic->core, view->room)->name);
	snprintf(identity, sizeof(identity), "%s", view->identity);
	join(synthetic, room, identity, now_ms, &id);
	return true;
}

void synthetic_tick(struct synthetic *synthetic, uint64_t now_ms)
{
	const struct core_transport *transport = NULL;

	if (!synthetic)
		return;
	for (uint32_t i = 0; i < SYNTHETIC_MAX; i++) {
		struct core_participant_id id = {i, synthetic->members[i].generation};

		if (id.generation && !member_keep(synthetic, id, now_ms))
			synthetic->members[i].generation = 0;
	}
	while ((transport = core_transport_next(synthetic->core, transport)))
		if (is_member(synthetic, transport->participant))
			core_transport_heard(synthetic->core, transport->id, now_ms);
}

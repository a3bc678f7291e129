// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <jansson.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_MAX = (SLUICE_SRTP_KEY_MAX + SLUICE_SRTP_SALT_MAX) * 2 + 1, MAC_TEXT_MAX = 18 };

static const struct profile {
	const char *name;
	enum sluice_srtp_profile profile;
	unsigned key, salt; // bytes
} profiles[] = {
	{"gcm128", SLUICE_SRTP_AEAD_AES_128_GCM, 16, 12},
	{"gcm256", SLUICE_SRTP_AEAD_AES_256_GCM, 32, 12},
	{"cm", SLUICE_SRTP_AES128_CM_SHA1_80, 16, 14},
};

enum sluice_srtp_profile session_profile(const char *name)
{
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (!strcmp(profiles[i].name, name))
			return profiles[i].profile;
	return SLUICE_SRTP_NONE;
}

static const struct profile *profile_of(const struct session *session)
{
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (profiles[i].profile == session->profile)
			return &profiles[i];
	return NULL;
}

static bool peers_allocate(struct session *session, uint32_t publishers, uint32_t subscribers)
{
	session->publishers = calloc(publishers + 1, sizeof(*session->publishers));
	session->subscribers = calloc(subscribers + 1, sizeof(*session->subscribers));
	return session->publishers && session->subscribers;
}

void session_free(struct session *session)
{
	if (session->publishers)
		explicit_bzero(session->publishers,
			session->publishers_used * sizeof(*session->publishers));
	if (session->subscribers)
		explicit_bzero(session->subscribers,
			session->subscribers_used * sizeof(*session->subscribers));
	free(session->publishers);
	free(session->subscribers);
	session->publishers = session->subscribers = NULL;
}

// ---- making

// Address after address, then the same again with the next port. False when the ports are used up.
static bool address_take(const struct endpoint_range *range, uint32_t number, struct endpoint *out)
{
	uint32_t port = range->port_low + number / range->addresses;

	*out = range->first;
	endpoint_advance(out, number % range->addresses);
	out->port = (uint16_t)port;
	return port <= range->port_high;
}

static bool peer_make(
	struct session_peer *peer, const struct endpoint_range *range, uint32_t number)
{
	return address_take(range, number, &peer->address) &&
	       getrandom(&peer->key, sizeof(peer->key), 0) == sizeof(peer->key) &&
	       getrandom(&peer->relay_key, sizeof(peer->relay_key), 0) == sizeof(peer->relay_key);
}

static bool publisher_make(
	struct session *session, const struct session_plan *plan, uint32_t number)
{
	struct session_peer *peer = &session->publishers[number];

	session->publishers_used = number + 1;
	snprintf(peer->identity, sizeof(peer->identity), "publisher-%u", number);
	peer->streams_used = plan->no_audio ? 1 : 2;
	peer->streams[0] = (struct session_stream){true, 96, 0x10000000 + number};
	peer->streams[1] = (struct session_stream){false, 111, 0x20000000 + number};
	return peer_make(peer, &plan->publishers, number);
}

static bool subscriber_make(
	struct session *session, const struct session_plan *plan, uint32_t number)
{
	struct session_peer *peer = &session->subscribers[number];

	session->subscribers_used = number + 1;
	peer->publisher = number / plan->subscribers_count;
	snprintf(peer->identity, sizeof(peer->identity), "subscriber-%u", number);
	return peer_make(peer, &plan->subscribers, number);
}

int session_make(
	struct session *session, const struct session_plan *plan, char *why, size_t why_size)
{
	uint64_t subscribers = (uint64_t)plan->publishers_count * plan->subscribers_count;

	*session = (struct session){.relay = plan->relay, .profile = plan->profile};
	snprintf(session->room, sizeof(session->room), "%s", plan->room);
	if (!plan->publishers_count || plan->publishers_count > SESSION_PEERS_MAX ||
		subscribers > SESSION_PEERS_MAX) {
		snprintf(why, why_size, "1 to %d publishers, and as many subscribers in all",
			SESSION_PEERS_MAX);
		return -1;
	}
	snprintf(why, why_size, "out of memory");
	if (!peers_allocate(session, plan->publishers_count, (uint32_t)subscribers))
		return -1;
	snprintf(why, why_size, "the addresses and ports given are not enough for all peers");
	for (uint32_t i = 0; i < plan->publishers_count; i++)
		if (!publisher_make(session, plan, i))
			return -1;
	for (uint32_t i = 0; i < subscribers; i++)
		if (!subscriber_make(session, plan, i))
			return -1;
	return 0;
}

// ---- writing

static json_t *key_json(const struct profile *profile, const struct sluice_srtp_key *key)
{
	char hex[HEX_MAX];
	json_t *json;

	for (unsigned i = 0; i < profile->key; i++)
		snprintf(hex + i * 2, 3, "%02x", key->key[i]);
	for (unsigned i = 0; i < profile->salt; i++)
		snprintf(hex + (profile->key + i) * 2, 3, "%02x", key->salt[i]);
	json = json_string(hex);
	explicit_bzero(hex, sizeof(hex));
	return json;
}

static json_t *mac_json(const uint8_t mac[6])
{
	char text[MAC_TEXT_MAX];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return json_string(text);
}

static json_t *peer_json(const struct session *session, const struct session_peer *peer)
{
	char address[ENDPOINT_TEXT_MAX];
	const struct profile *profile = profile_of(session);

	endpoint_print(&peer->address, address);
	return json_pack("{s:s, s:s, s:o, s:o}", "identity", peer->identity, "address", address,
		"key", key_json(profile, &peer->key), "relayKey",
		key_json(profile, &peer->relay_key));
}

static json_t *publisher_json(const struct session *session, const struct session_peer *peer)
{
	json_t *json = peer_json(session, peer), *streams = json_array();

	for (uint32_t i = 0; i < peer->streams_used; i++)
		json_array_append_new(
			streams, json_pack("{s:s, s:s, s:I, s:i}", "kind",
					 peer->streams[i].video ? "video" : "audio", "codec",
					 peer->streams[i].video ? "VP8" : "opus", "ssrc",
					 (json_int_t)peer->streams[i].ssrc, "payloadType",
					 peer->streams[i].payload_type));
	json_object_set_new(json, "streams", streams);
	json_object_set_new(json, "mac", mac_json(peer->address.mac));
	return json;
}

static json_t *session_json(const struct session *session, bool mac)
{
	json_t *publishers = json_array(), *subscribers = json_array();
	char relay[ENDPOINT_TEXT_MAX];

	for (uint32_t i = 0; i < session->publishers_used; i++)
		json_array_append_new(publishers, publisher_json(session, &session->publishers[i]));
	for (uint32_t i = 0; i < session->subscribers_used; i++) {
		const struct session_peer *peer = &session->subscribers[i];
		json_t *json = peer_json(session, peer);

		json_object_set_new(json, "publisher",
			json_string(session->publishers[peer->publisher].identity));
		if (mac)
			json_object_set_new(json, "mac", mac_json(peer->address.mac));
		json_array_append_new(subscribers, json);
	}
	endpoint_print(&session->relay, relay);
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "room", session->room, "relay", relay,
		"relayMac", mac_json(session->relay.mac), "profile", profile_of(session)->name,
		"publishers", publishers, "subscribers", subscribers);
}

int session_write(
	const struct session *session, const char *path, bool mac, char *why, size_t why_size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	json_t *json = fd >= 0 ? session_json(session, mac) : NULL;
	bool written =
		fd >= 0 && !fchmod(fd, 0600) && json && !json_dumpfd(json, fd, JSON_INDENT(1));

	if (!written)
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
	if (fd >= 0 && close(fd))
		written = false;
	json_decref(json);
	return written ? 0 : -1;
}

// ---- reading

static bool hex_read(const char **text, uint8_t *bytes, unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		const unsigned char *at = (const unsigned char *)*text;
		char digits[3] = {(char)at[0], 0, 0};

		if (!isxdigit(at[0]) || !isxdigit(at[1]))
			return false;
		digits[1] = (char)at[1];
		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
		*text += 2;
	}
	return true;
}

static bool key_read(const struct profile *profile, const json_t *json, struct sluice_srtp_key *key)
{
	const char *text = json_string_value(json);

	return text && hex_read(&text, key->key, profile->key) &&
	       hex_read(&text, key->salt, profile->salt) && !*text;
}

static bool text_read(const json_t *json, const char *name, char *out)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text && snprintf(out, SESSION_NAME_MAX, "%s", text) < SESSION_NAME_MAX;
}

static bool peer_read(const struct session *session, const json_t *json, struct session_peer *peer)
{
	const struct profile *profile = profile_of(session);
	const char *address = json_string_value(json_object_get(json, "address"));
	const char *mac = json_string_value(json_object_get(json, "mac"));

	return text_read(json, "identity", peer->identity) && address &&
	       endpoint_read(address, &peer->address) &&
	       (!mac || endpoint_read_mac(mac, peer->address.mac)) &&
	       key_read(profile, json_object_get(json, "key"), &peer->key) &&
	       key_read(profile, json_object_get(json, "relayKey"), &peer->relay_key);
}

static bool streams_read(const json_t *json, struct session_peer *peer)
{
	size_t i;
	json_t *stream;

	json_array_foreach(json, i, stream)
	{
		const char *kind = json_string_value(json_object_get(stream, "kind"));

		if (i == SESSION_STREAMS_MAX || !kind)
			return false;
		peer->streams[peer->streams_used++] =
			(struct session_stream){!strcmp(kind, "video"),
				(uint8_t)json_integer_value(json_object_get(stream, "payloadType")),
				(uint32_t)json_integer_value(json_object_get(stream, "ssrc"))};
	}
	return peer->streams_used > 0;
}

static bool publisher_find(struct session *session, const json_t *json, uint32_t *publisher)
{
	const char *name = json_string_value(json_object_get(json, "publisher"));

	for (*publisher = 0; name && *publisher < session->publishers_used; (*publisher)++)
		if (!strcmp(session->publishers[*publisher].identity, name))
			return true;
	return false;
}

static int lists_read(struct session *session, const json_t *json, char *why, size_t why_size)
{
	const json_t *publishers = json_object_get(json, "publishers");
	const json_t *subscribers = json_object_get(json, "subscribers");
	size_t i;
	json_t *one;

	snprintf(why, why_size, "out of memory");
	if (!peers_allocate(session, (uint32_t)json_array_size(publishers),
		    (uint32_t)json_array_size(subscribers)))
		return -1;
	json_array_foreach(publishers, i, one)
	{
		struct session_peer *peer = &session->publishers[session->publishers_used++];

		snprintf(why, why_size, "publishers[%zu]: identity, address, keys or streams", i);
		if (!peer_read(session, one, peer) ||
			!streams_read(json_object_get(one, "streams"), peer))
			return -1;
	}
	json_array_foreach(subscribers, i, one)
	{
		struct session_peer *peer = &session->subscribers[session->subscribers_used++];

		snprintf(
			why, why_size, "subscribers[%zu]: identity, address, keys or publisher", i);
		if (!peer_read(session, one, peer) ||
			!publisher_find(session, one, &peer->publisher))
			return -1;
	}
	return 0;
}

static int json_read(struct session *session, const json_t *json, char *why, size_t why_size)
{
	const char *relay = json_string_value(json_object_get(json, "relay"));
	const char *mac = json_string_value(json_object_get(json, "relayMac"));
	const char *profile = json_string_value(json_object_get(json, "profile"));

	snprintf(why, why_size, "room, relay or profile is missing or wrong");
	if (!text_read(json, "room", session->room) || !relay || !profile ||
		!endpoint_read(relay, &session->relay) ||
		(mac && !endpoint_read_mac(mac, session->relay.mac)))
		return -1;
	session->profile = session_profile(profile);
	if (session->profile == SLUICE_SRTP_NONE)
		return -1;
	return lists_read(session, json, why, why_size);
}

int session_read(struct session *session, const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1;
	char problem[160] = "";
	struct stat status;
	json_t *json = NULL;

	memset(session, 0, sizeof(*session));
	if (fd < 0 || fstat(fd, &status))
		snprintf(problem, sizeof(problem), "%s", strerror(errno));
	else if (!S_ISREG(status.st_mode) || status.st_mode & 077)
		snprintf(problem, sizeof(problem), "holds keys and others may read it: chmod 600");
	else if (!(json = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL)))
		snprintf(problem, sizeof(problem), "is not JSON");
	else
		result = json_read(session, json, problem, sizeof(problem));
	if (result)
		snprintf(why, why_size, "%s: %s", path, problem);
	if (fd >= 0)
		close(fd);
	json_decref(json);
	return result;
}

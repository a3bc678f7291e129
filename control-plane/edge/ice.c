// SPDX-License-Identifier: Apache-2.0
#include "ice.h"

#include "address.h"
#include "agent.h"
#include "dtls.h"
#include "log.h"
#include "stun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEIGHBOUR_TRIES = 60, // of 50 ms
	HOPS_MAX = 1024, // paths whose next hop is being asked for
	REFUSALS_PER_S = 20,
	HOP_AGE_MS = 5000, // a known one is looked up again: gateways fail over
	DATA_RATE = 4 << 20, // bytes per second of one leg's data channels
	DATA_RATE_ALL = 32 << 20, // of all: one thread answers checks beside it
	BURST_PER_S = 4, // a bucket holds a quarter of a second
};

struct bucket {
	uint64_t bytes, since_ms;
};

struct slot { // what we have done for one transport
	uint32_t generation;
	uint8_t paths_used;
	bool queued; // in `starts`
	uint64_t hop_ms; // when a next hop was last looked up
	struct bucket data;
	struct core_path paths[CORE_PATHS_MAX]; // allowed in the filter
};

struct hop {
	struct core_transport_id id;
	struct core_path path;
	unsigned tries;
};

struct ice {
	struct ice_host host;
	struct core *core;
	struct dtls *dtls;
	struct agents *agents; // NULL until ice_attach
	uint64_t now_ms;
	uint32_t slots_count;
	struct slot *slots;
	uint32_t *starts; // transport indexes; each at most once
	uint32_t starts_used;
	struct core_path *denials; // room for all paths of all transports
	uint32_t denials_used, denials_room;
	struct hop hops[HOPS_MAX];
	unsigned hops_used;
	struct bucket data;
	bool warned_full;
	struct core_transport_id asked; // whose password the check of now was looked up for
	uint64_t refusals_ms; // when the second began in which
	unsigned refusals; // so many were sent
};

static void progress(struct ice *ice, const struct ice_progress *what)
{
	if (ice->host.progress)
		ice->host.progress(ice->host.context, what);
}

// ---- DTLS's way out

static void dtls_send(
	void *context, struct core_transport_id id, const uint8_t *data, size_t length)
{
	struct ice *ice = context;
	const struct core_transport *transport = core_transport(ice->core, id);

	if (transport && transport->path_selected < transport->paths_used)
		ice->host.send(ice->host.context, &transport->paths[transport->path_selected], data,
			length);
}

static unsigned dtls_certificate(void *context, struct core_transport_id id)
{
	struct ice *ice = context;
	const struct core_transport *transport = core_transport(ice->core, id);

	return transport ? transport->certificate : 0;
}

static const struct desc_fingerprint *dtls_fingerprint_of(
	void *context, struct core_transport_id id, bool *open)
{
	struct ice *ice = context;
	const struct core_transport *transport = core_transport(ice->core, id);

	*open = transport && transport->asked;
	return transport ? &transport->fingerprint : NULL;
}

static const char *profile_name(unsigned profile)
{
	switch (profile) {
	case 0x0001:
		return "AES128_CM_SHA1_80";
	case 0x0007:
		return "AEAD_AES_128_GCM";
	case 0x0008:
		return "AEAD_AES_256_GCM";
	default:
		return "unknown";
	}
}

static void shaken(struct ice *ice, struct core_transport_id id, unsigned profile)
{
	const struct core_transport *transport = core_transport(ice->core, id);
	char text[96];

	snprintf(text, sizeof(text), "%s, we are the %s, SRTP profile %s",
		dtls_version(ice->dtls, id),
		transport && transport->dtls_client ? "client" : "server", profile_name(profile));
	progress(ice, &(struct ice_progress){.id = id, .step = ICE_SHAKEN, .text = text});
}

static void dtls_keys(void *context, struct core_transport_id id, const struct core_keys *keys)
{
	struct ice *ice = context;
	int error = core_transport_keys(ice->core, id, keys, ice->now_ms);

	if (error)
		log_about(LOG_LEVEL_WARN, LOG_OF(.transport = id), "keys refused: %s",
			core_error_text(error));
	else
		log_about(LOG_LEVEL_DEBUG, LOG_OF(.transport = id),
			"DTLS done, SRTP profile 0x%04x", keys->profile);
	shaken(ice, id, keys->profile);
}

// ---- data channels: SCTP runs end to end, over DTLS with us on either side (RFC 8261)

static bool bucket_take(struct bucket *bucket, uint32_t rate, uint64_t now_ms, size_t length)
{
	uint64_t most = rate / BURST_PER_S, more = (now_ms - bucket->since_ms) * rate / 1000;

	if (more) {
		bucket->bytes = bucket->bytes + more < most ? bucket->bytes + more : most;
		bucket->since_ms = now_ms;
	}
	if (bucket->bytes < length)
		return false;
	bucket->bytes -= length;
	return true;
}

static void dtls_data_came(
	void *context, struct core_transport_id id, const uint8_t *data, size_t length)
{
	struct ice *ice = context;
	struct edge_counters *counters = ice->host.counters;
	const struct core_transport *leg = core_transport(ice->core, id);
	const struct core_transport *partner = core_transport_partner(ice->core, id);

	if (!leg || !partner || !leg->data || !partner->data) {
		counters->data[EDGE_DATA_NO_PARTNER]++;
	} else if (!bucket_take(&ice->slots[id.index].data, DATA_RATE, ice->now_ms, length) ||
		   !bucket_take(&ice->data, DATA_RATE_ALL, ice->now_ms, length)) {
		counters->data[EDGE_DATA_TOO_FAST]++;
	} else if (!dtls_data(ice->dtls, partner->id, data, length)) {
		counters->data[EDGE_DATA_NO_PARTNER]++;
	} else {
		counters->data[EDGE_DATA_CARRIED]++;
		counters->data_bytes += length;
	}
}

static void dtls_closed(void *context, struct core_transport_id id, const char *why)
{
	struct ice *ice = context;

	log_about(LOG_LEVEL_INFO, LOG_OF(.transport = id), "closed: %s", why);
	progress(ice, &(struct ice_progress){.id = id, .step = ICE_OVER, .text = why});
	core_transport_close(ice->core, id, why);
}

// ---- life

struct ice *ice_create(const struct ice_host *host, const char *pem, uint32_t transports, char *why,
	size_t why_size)
{
	struct ice *ice = calloc(1, sizeof(*ice));
	struct dtls_host dtls_host = {
		.context = ice,
		.certificate = dtls_certificate,
		.send = dtls_send,
		.fingerprint = dtls_fingerprint_of,
		.keys = dtls_keys,
		.data = dtls_data_came,
		.closed = dtls_closed,
		.counters = host->counters,
	};

	snprintf(why, why_size, "out of memory");
	if (!ice)
		return NULL;
	ice->host = *host;
	ice->slots_count = transports;
	ice->slots = calloc(transports, sizeof(*ice->slots));
	ice->starts = calloc(transports, sizeof(*ice->starts));
	if (ice->slots && ice->starts)
		ice->dtls = dtls_create(&dtls_host, pem, transports, why, why_size);
	if (ice->dtls)
		return ice;
	ice_destroy(ice);
	return NULL;
}

static int agent_send(
	void *context, const struct core_path *path, const uint8_t *data, size_t length);
static unsigned agent_paths(void *context, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned max);
static bool agent_valid(void *context, struct core_transport_id id, const struct core_path *path);
static void agent_lost(void *context, struct core_transport_id id, const char *why);

void ice_attach(struct ice *ice, struct core *core)
{
	struct agent_host host = {ice, agent_send, agent_paths, agent_valid, agent_lost};

	ice->core = core;
	agents_destroy(ice->agents);
	ice->agents = agents_create(&host, core);
}

void ice_destroy(struct ice *ice)
{
	if (!ice)
		return;
	dtls_destroy(ice->dtls);
	agents_destroy(ice->agents);
	free(ice->slots);
	free(ice->starts);
	free(ice->denials);
	free(ice);
}

void ice_fingerprints(const struct ice *ice, struct core_local *local)
{
	dtls_fingerprint(ice->dtls, 0, &local->fingerprint);
	for (unsigned i = 0; i < CORE_LEG_FINGERPRINTS_MAX; i++)
		dtls_fingerprint(ice->dtls, 1 + i, &local->leg_fingerprints[i]);
	local->leg_fingerprints_used = CORE_LEG_FINGERPRINTS_MAX;
}

// ---- paths

static void hop_ask(struct ice *ice, struct core_transport_id id, const struct core_path *path)
{
	for (unsigned i = 0; i < ice->hops_used; i++)
		if (ice->hops[i].id.index == id.index &&
			ice->hops[i].id.generation == id.generation &&
			address_same(&ice->hops[i].path.remote, &path->remote))
			return;
	if (ice->hops_used == HOPS_MAX) // the next check asks again
		return;
	ice->hops[ice->hops_used++] = (struct hop){.id = id, .path = *path};
}

// True when that is settled, one way or the other.
static bool hop_try(struct ice *ice, struct hop *hop)
{
	char text[ADDRESS_TEXT_MAX];
	uint8_t mac[6];
	int error = ice->host.neighbour(ice->host.context, &hop->path, mac);

	if (!error)
		core_transport_mac(ice->core, hop->id, &hop->path, mac);
	if (error != -EAGAIN)
		return true;
	if (++hop->tries < NEIGHBOUR_TRIES && core_transport(ice->core, hop->id))
		return false;
	address_print(&hop->path.remote, text);
	log_about(LOG_LEVEL_WARN, LOG_OF(.transport = hop->id, .address = text),
		"the next hop does not answer ARP or ND");
	return true;
}

static bool mac_known(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, 6) != 0;
}

// Completes the path with what is known of its next hop. Returns true when that must be asked again.
static bool path_hop(
	struct ice *ice, const struct core_transport *transport, struct core_path *path)
{
	struct slot *slot = &ice->slots[transport->id.index];
	uint8_t mac[6] = {0};
	int error;

	if (mac_known(path->remote_mac)) // out of the frame itself
		return false;
	for (unsigned i = 0; i < transport->paths_used; i++)
		if (address_same(&transport->paths[i].remote, &path->remote))
			memcpy(path->remote_mac, transport->paths[i].remote_mac, 6);
	if (mac_known(path->remote_mac) && ice->now_ms - slot->hop_ms < HOP_AGE_MS)
		return false;
	slot->hop_ms = ice->now_ms;
	error = ice->host.neighbour(ice->host.context, path, mac);
	if (!error)
		memcpy(path->remote_mac, mac, sizeof(mac));
	return error == -EAGAIN;
}

int ice_assume(struct ice *ice, struct core_transport_id id, const struct core_path *given,
	uint64_t now_ms)
{
	const struct core_transport *transport = core_transport(ice->core, id);
	struct core_path path = *given;
	bool ask;
	int error;

	if (!transport)
		return -CORE_GONE;
	ice->now_ms = now_ms;
	ask = path_hop(ice, transport, &path);
	error = core_transport_path(ice->core, id, &path, true, now_ms);
	if (!error && ask)
		hop_ask(ice, id, &path);
	return error;
}

// ---- sessions that we begin

// Through a port that the kernel does not serve a datagram needs the next hop from the start.
static int agent_send(
	void *context, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct ice *ice = context;
	struct core_path whole = *path;
	uint8_t mac[6];

	if (!mac_known(whole.remote_mac) && !ice->host.neighbour(ice->host.context, &whole, mac))
		memcpy(whole.remote_mac, mac, sizeof(mac));
	return ice->host.send(ice->host.context, &whole, data, length);
}

static unsigned agent_paths(void *context, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned max)
{
	struct ice *ice = context;

	return ice->host.paths ? ice->host.paths(ice->host.context, remote, local_port, paths, max)
			       : 0;
}

static bool agent_valid(void *context, struct core_transport_id id, const struct core_path *path)
{
	struct ice *ice = context;
	int error = ice_assume(ice, id, path, ice->now_ms);

	if (error)
		log_about(LOG_LEVEL_DEBUG, LOG_OF(.transport = id), "path refused: %s",
			core_error_text(error));
	return !error;
}

static void agent_lost(void *context, struct core_transport_id id, const char *why)
{
	struct ice *ice = context;

	log_about(LOG_LEVEL_INFO, LOG_OF(.transport = id), "closed: %s", why);
	core_transport_close(ice->core, id, why);
}

int ice_control(struct ice *ice, struct core_transport_id id,
	const struct desc_candidate *candidates, unsigned count, uint32_t silence_ms)
{
	return ice->agents ? agents_begin(ice->agents, id, candidates, count, silence_ms) : -1;
}

// ---- checks of others

static void check_valid(
	struct ice *ice, const struct udp_datagram *datagram, const struct stun_answer *answer)
{
	const struct core_transport *transport =
		core_transport_by_ufrag(ice->core, answer->ufrag, answer->ufrag_length);
	struct core_path path = datagram->path;
	char text[ADDRESS_TEXT_MAX];

	if (!transport)
		return;
	struct core_transport_id id = transport->id;
	bool first = !transport->paths_used, ask = path_hop(ice, transport, &path);
	int error = core_transport_path(ice->core, id, &path, answer->nominated, ice->now_ms);

	if (error) {
		log_about(LOG_LEVEL_DEBUG, LOG_OF(.transport = id), "path refused: %s",
			core_error_text(error));
		return;
	}
	core_transport_named(ice->core, id, answer->ufrag, answer->ufrag_length, ice->now_ms);
	if (ask)
		hop_ask(ice, id, &path);
	agents_checked(ice->agents, id, &datagram->path);
	address_print(&path.remote, text);
	if (first)
		log_about(LOG_LEVEL_DEBUG, LOG_OF(.transport = id, .address = text),
			"first valid check");
}

// ---- datagrams

static size_t user_password(
	void *context, const char *ufrag, size_t length, char password[CORE_PASSWORD_MAX])
{
	struct ice *ice = context;
	const struct core_transport *transport = core_transport_by_ufrag(ice->core, ufrag, length);
	const char *found;
	size_t found_length;

	if (!transport)
		return 0;
	ice->asked = transport->id;
	found = transport->local_password;
	if (strlen(transport->local_ufrag) != length ||
		memcmp(transport->local_ufrag, ufrag, length))
		found = transport->previous_password;
	found_length = strnlen(found, CORE_PASSWORD_MAX - 1);
	memcpy(password, found, found_length);
	return found_length;
}

static bool user_controls(void *context, const char *ufrag, size_t length)
{
	struct ice *ice = context;
	const struct core_transport *transport = core_transport_by_ufrag(ice->core, ufrag, length);

	return transport && agents_control(ice->agents, transport->id);
}

// Whoever proved nothing may have forged its address. Answers to addresses of our own network that do not
// exist wait for ARP or ND in the kernel, seconds long, and fill the socket's send buffer: then nobody is
// answered. The few that may wait at a time leave it nearly empty.
static bool may_refuse(struct ice *ice)
{
	if (ice->now_ms - ice->refusals_ms >= 1000) {
		ice->refusals_ms = ice->now_ms;
		ice->refusals = 0;
	}
	return ice->refusals++ < REFUSALS_PER_S;
}

static bool is_proved(enum edge_stun_result result)
{
	return result == EDGE_STUN_OK || result == EDGE_STUN_ROLE_CONFLICT;
}

// Indications, responses and what is no STUN are nobody's checks.
static void check_tell(
	struct ice *ice, const struct core_address *remote, const struct stun_answer *answer)
{
	struct ice_progress what = {
		.id = ice->asked, .step = ICE_CHECK, .result = answer->result, .remote = remote};

	if (answer->result == EDGE_STUN_INDICATION || answer->result == EDGE_STUN_RESPONSE ||
		answer->result == EDGE_STUN_MALFORMED)
		return;
	progress(ice, &what);
	what.step = ICE_NOMINATED;
	if (answer->result == EDGE_STUN_OK && answer->nominated)
		progress(ice, &what);
}

static void stun_take(struct ice *ice, const struct udp_datagram *datagram)
{
	struct stun_users users = {
		.context = ice, .password = user_password, .controls = user_controls};
	uint8_t reply[STUN_REPLY_MAX];
	struct stun_answer answer;

	ice->asked = (struct core_transport_id){0};
	if (agents_reply(ice->agents, datagram, ice->now_ms)) {
		ice->host.counters->stun[EDGE_STUN_RESPONSE]++;
		return;
	}

	stun_answer(
		&users, datagram->data, datagram->length, &datagram->path.remote, reply, &answer);
	ice->host.counters->stun[answer.result]++;
	check_tell(ice, &datagram->path.remote, &answer);
	if (answer.reply_length && (is_proved(answer.result) || may_refuse(ice)))
		ice->host.send(ice->host.context, &datagram->path, reply, answer.reply_length);
	// answered first: the kernel learns the next hop by it, and the peer need not wait for us
	if (answer.result == EDGE_STUN_OK)
		check_valid(ice, datagram, &answer);
}

static void dtls_take(struct ice *ice, const struct udp_datagram *datagram)
{
	const struct core_transport *transport = core_transport_by_path(ice->core, &datagram->path);

	progress(ice, &(struct ice_progress){
			      .id = transport ? transport->id : (struct core_transport_id){0},
			      .step = ICE_RECORD,
			      .remote = &datagram->path.remote});
	if (!transport) {
		ice->host.counters->dtls[EDGE_DTLS_UNKNOWN]++;
		return;
	}
	dtls_input(ice->dtls, transport->id, transport->has_keys, datagram->data, datagram->length,
		ice->now_ms);
}

void ice_datagram(struct ice *ice, const struct udp_datagram *datagram, uint64_t now_ms)
{
	ice->now_ms = now_ms;
	if (datagram->class == SLUICE_CLASS_STUN)
		stun_take(ice, datagram);
	else
		dtls_take(ice, datagram);
}

// ---- following the core

// Put off: another transport may use the address by then, and looking is not allowed in here.
static void path_deny(struct ice *ice, const struct core_path *path)
{
	if (ice->denials_used == ice->denials_room) {
		uint32_t room = ice->denials_room ? ice->denials_room * 2 : 64;
		struct core_path *larger = realloc(ice->denials, room * sizeof(*ice->denials));

		if (!larger) // stays allowed: the data plane drops what it cannot authenticate
			return;
		ice->denials = larger;
		ice->denials_room = room;
	}
	ice->denials[ice->denials_used++] = *path;
}

static void path_allow(struct ice *ice, const struct core_path *path)
{
	char text[ADDRESS_TEXT_MAX];
	int error = ice->host.allow(ice->host.context, path);

	if (!error || ice->warned_full)
		return;
	ice->warned_full = true;
	address_print(&path->remote, text);
	log_about(LOG_LEVEL_ERROR, LOG_OF(.address = text),
		"the filter does not take the address: %s: its media will be dropped",
		strerror(-error));
}

static bool listed(const struct core_path *list, unsigned count, const struct core_path *one)
{
	for (unsigned i = 0; i < count; i++)
		if (address_same(&list[i].remote, &one->remote) &&
			list[i].local.port == one->local.port)
			return true;
	return false;
}

static void slot_paths(struct ice *ice, struct slot *slot, const struct core_transport *transport)
{
	struct core_path now[CORE_PATHS_MAX];
	unsigned count = transport ? transport->paths_used : 0;

	for (unsigned i = 0; i < count; i++) {
		now[i] = transport->paths[i];
		if (!listed(slot->paths, slot->paths_used, &now[i]))
			path_allow(ice, &now[i]);
	}
	for (unsigned i = 0; i < slot->paths_used; i++)
		if (!listed(now, count, &slot->paths[i]))
			path_deny(ice, &slot->paths[i]);
	memcpy(slot->paths, now, count * sizeof(*now));
	slot->paths_used = (uint8_t)count;
}

void ice_changed(struct ice *ice, const struct core_transport *transport, bool gone)
{
	struct slot *slot;

	if (transport->id.index >= ice->slots_count)
		return;
	slot = &ice->slots[transport->id.index];
	if (gone) {
		if (transport->pair ||
			agents_control(ice->agents, transport->id)) // as the peer would
			dtls_close(ice->dtls, transport->id);
		dtls_forget(ice->dtls, transport->id);
		slot_paths(ice, slot, NULL);
		slot->generation = 0;
		return;
	}
	slot->generation = transport->id.generation;
	slot_paths(ice, slot, transport);
	if (transport->dtls_client && !transport->has_keys && transport->paths_used &&
		!slot->queued) {
		slot->queued = true;
		ice->starts[ice->starts_used++] = transport->id.index;
	}
}

static void start_client(struct ice *ice, uint32_t index)
{
	struct core_transport_id id = {index, ice->slots[index].generation};
	const struct core_transport *transport = core_transport(ice->core, id);

	ice->slots[index].queued = false;
	if (!transport || !transport->dtls_client || transport->has_keys || !transport->paths_used)
		return;
	if (dtls_connect(ice->dtls, id))
		core_transport_close(ice->core, id, "out of memory for DTLS");
}

void ice_settle(struct ice *ice, uint64_t now_ms)
{
	ice->now_ms = now_ms;
	while (ice->starts_used)
		start_client(ice, ice->starts[--ice->starts_used]);
	while (ice->denials_used) {
		struct core_path path = ice->denials[--ice->denials_used];

		if (!core_transport_by_path(ice->core, &path))
			ice->host.deny(ice->host.context, &path);
	}
}

void ice_tick(struct ice *ice, uint64_t now_ms)
{
	unsigned kept = 0;

	ice->now_ms = now_ms;
	for (unsigned i = 0; i < ice->hops_used; i++)
		if (!hop_try(ice, &ice->hops[i]))
			ice->hops[kept++] = ice->hops[i];
	ice->hops_used = kept;
	dtls_tick(ice->dtls);
	agents_tick(ice->agents, now_ms);
}

bool ice_busy(const struct ice *ice)
{
	return ice->hops_used || ice->host.counters->dtls_handshakes || agents_any(ice->agents);
}

int ice_validated(const struct ice *ice, struct core_path **paths)
{
	const struct core_transport *transport = NULL;
	size_t count = 0, room = 1;

	while ((transport = core_transport_next(ice->core, transport)))
		room += transport->paths_used;
	*paths = calloc(room, sizeof(**paths));
	if (!*paths)
		return -ENOMEM;
	while ((transport = core_transport_next(ice->core, transport)))
		for (unsigned i = 0; i < transport->paths_used; i++)
			(*paths)[count++] = transport->paths[i];
	return (int)count;
}

// SPDX-License-Identifier: Apache-2.0
#include "transport.h"

#include "event.h"
#include "leg.h"
#include "pair.h"
#include "participant.h"
#include "publication.h"
#include "room.h"
#include "subscription.h"

#include <stdio.h>
#include <string.h>

enum {
	UFRAG_LENGTH = 12, // RFC 8839, 5.4: at least 24 bits of ufrag and 128 of password; 6 each
	PASSWORD_LENGTH = 32,
	HOLDER_SILENT_MS = 3000, // an address of a transport silent for so long may change hands
};

struct transport *transport_get(const struct core *core, struct core_transport_id id)
{
	return slots_get(&core->transports, id.index, id.generation);
}

void transport_tell(struct core *core, const struct transport *transport, bool gone)
{
	if (core->plane.transport)
		core->plane.transport(core->plane.context, &transport->view, gone);
}

// ---- indexes

static void ufrag_add(struct core *core, const char *ufrag, uint32_t number)
{
	if (ufrag[0])
		hash_add(&core->ufrags, hash_of(&core->ufrags, ufrag, strlen(ufrag)), number);
}

static void ufrag_remove(struct core *core, const char *ufrag, uint32_t number)
{
	if (ufrag[0])
		hash_remove(&core->ufrags, hash_of(&core->ufrags, ufrag, strlen(ufrag)), number);
}

static uint64_t path_hash(const struct core *core, const struct core_path *path)
{
	const struct core_address *remote = &path->remote;
	uint8_t key[sizeof(remote->ip) + 2 * sizeof(remote->port)];

	memcpy(key, remote->ip, sizeof(remote->ip));
	memcpy(key + sizeof(remote->ip), &remote->port, sizeof(remote->port));
	memcpy(key + sizeof(key) - sizeof(path->local.port), &path->local.port,
		sizeof(path->local.port));
	return hash_of(&core->addresses, key, sizeof(key));
}

static bool address_same(const struct core_address *a, const struct core_address *b)
{
	return a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

// Our own address may change within a path, the port may not: it tells sessions with one far address apart.
static bool path_same(const struct core_path *a, const struct core_path *b)
{
	return address_same(&a->remote, &b->remote) && a->local.port == b->local.port;
}

static uint32_t path_number(const struct transport *transport, unsigned path)
{
	return transport->view.id.index * CORE_PATHS_MAX + path;
}

static void path_index(struct core *core, const struct transport *transport, unsigned path)
{
	hash_add(&core->addresses, path_hash(core, &transport->view.paths[path]),
		path_number(transport, path));
}

static void path_unindex(struct core *core, const struct transport *transport, unsigned path)
{
	hash_remove(&core->addresses, path_hash(core, &transport->view.paths[path]),
		path_number(transport, path));
}

static struct transport *path_holder(
	const struct core *core, const struct core_path *wanted, unsigned *path)
{
	uint32_t i = hash_first(&core->addresses, path_hash(core, wanted));

	for (; i != SLOT_NONE; i = hash_next(&core->addresses, i)) {
		struct transport *transport = slots_from(&core->transports, i / CORE_PATHS_MAX);

		*path = i % CORE_PATHS_MAX;
		if (path_same(&transport->view.paths[*path], wanted))
			return transport;
	}
	return NULL;
}

// ---- our credentials

static void random_word(struct core *core, char *word, size_t length)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	core_random(core, word, length);
	for (size_t i = 0; i < length; i++)
		word[i] = alphabet[word[i] & 63];
	word[length] = 0;
}

static void credentials_make(struct core *core, struct transport *transport)
{
	struct core_transport *view = &transport->view;

	do
		random_word(core, view->local_ufrag, UFRAG_LENGTH);
	while (core_transport_by_ufrag(core, view->local_ufrag, UFRAG_LENGTH));
	random_word(core, view->local_password, PASSWORD_LENGTH);
	ufrag_add(core, view->local_ufrag, view->id.index * 2);
}

static void previous_forget(struct core *core, struct transport *transport)
{
	struct core_transport *view = &transport->view;

	ufrag_remove(core, view->previous_ufrag, view->id.index * 2 + 1);
	memset(view->previous_ufrag, 0, sizeof(view->previous_ufrag));
	memset(view->previous_password, 0, sizeof(view->previous_password));
	view->previous_until_ms = 0;
	transport->lingers = false;
}

// Who still checks by what was valid before the last restart has taken no notice of what that one gave it.
void transport_restart(struct core *core, struct transport *transport, uint64_t now_ms)
{
	struct core_transport *view = &transport->view;

	ufrag_remove(core, view->local_ufrag, view->id.index * 2);
	if (!transport->lingers) {
		previous_forget(core, transport);
		memcpy(view->previous_ufrag, view->local_ufrag, sizeof(view->previous_ufrag));
		memcpy(view->previous_password, view->local_password,
			sizeof(view->previous_password));
		ufrag_add(core, view->previous_ufrag, view->id.index * 2 + 1);
	}
	view->previous_until_ms = now_ms + PREVIOUS_UFRAG_MS;
	credentials_make(core, transport);
}

void transport_succeed(struct core *core, struct transport *old, struct transport *new)
{
	struct core_transport *from = &old->view, *to = &new->view;

	ufrag_remove(core, to->local_ufrag, to->id.index * 2);
	ufrag_remove(core, from->local_ufrag, from->id.index * 2);
	memcpy(to->local_ufrag, from->local_ufrag, sizeof(to->local_ufrag));
	memcpy(to->local_password, from->local_password, sizeof(to->local_password));
	to->certificate = from->certificate;
	memset(from->local_ufrag, 0, sizeof(from->local_ufrag));
	ufrag_add(core, to->local_ufrag, to->id.index * 2);
}

// ---- life

void transport_enter(struct core *core, struct transport *transport, struct participant *owner,
	struct participant *publisher)
{
	struct core_transport *view = &transport->view;

	TAILQ_INIT(&transport->subscriptions);
	transport->owner = owner;
	transport->publisher = publisher;
	view->participant = owner->view.id;
	if (publisher)
		view->publisher = publisher->view.id;
	if (view->pair) {
		leg_enter(transport);
	} else if (publisher) {
		TAILQ_INSERT_TAIL(&publisher->carried, transport, of_publisher);
	}
	if (view->publishes)
		owner->view.publishing = view->id;
	TAILQ_INSERT_TAIL(&owner->transports, transport, of_owner);
	ufrag_add(core, view->local_ufrag, view->id.index * 2);
	ufrag_add(core, view->previous_ufrag, view->id.index * 2 + 1);
	for (unsigned i = 0; i < view->paths_used; i++)
		path_index(core, transport, i);
	core->worker_load[view->worker]++;
	core_random(core, &transport->session_id, sizeof(transport->session_id));
	transport->session_id >>= 1; // RFC 8829, 5.2.1: 63 bits
	owner->leaving = false;
}

struct transport *transport_open(struct core *core, struct participant *owner,
	struct participant *publisher, bool pair, uint64_t now_ms)
{
	struct transport *transport = slots_take(&core->transports);
	struct core_transport *view = &transport->view;

	view->pair = pair;
	view->publishes = !publisher; // of legs, publication.c says which
	if (pair && core->local.leg_fingerprints_used)
		view->certificate = owner->certificate % core->local.leg_fingerprints_used + 1;
	view->worker = room_worker(core, owner->room);
	view->local_port = owner->local_port;
	view->state = CORE_TRANSPORT_NEW;
	view->created_ms = view->heard_ms = now_ms;
	core_random(core, &view->rtcp_ssrc_base, sizeof(view->rtcp_ssrc_base));
	view->rtcp_ssrc_base &=
		0x3fffffff; // room for the data plane's incarnation below the top bit
	transport_enter(core, transport, owner, publisher);
	credentials_make(core, transport);
	return transport;
}

void transport_close(struct core *core, struct transport *transport)
{
	struct core_transport *view = &transport->view;
	struct participant *owner = transport->owner;

	while (!TAILQ_EMPTY(&transport->subscriptions))
		subscription_remove(core, TAILQ_FIRST(&transport->subscriptions));
	for (unsigned i = 0; i < view->paths_used; i++)
		path_unindex(core, transport, i);
	ufrag_remove(core, view->local_ufrag, view->id.index * 2);
	previous_forget(core, transport);
	if (view->pair)
		leg_exit(core, transport);
	else if (transport->publisher)
		TAILQ_REMOVE(&transport->publisher->carried, transport, of_publisher);
	if (owner->view.publishing.index == view->id.index &&
		owner->view.publishing.generation == view->id.generation)
		owner->view.publishing = (struct core_transport_id){0};
	TAILQ_REMOVE(&owner->transports, transport, of_owner);
	core->worker_load[view->worker]--;
	transport_tell(core, transport, true);
	slots_give(&core->transports, transport);
	if (TAILQ_EMPTY(&owner->transports) && !owner->view.link)
		owner->leaving = true;
}

bool transport_end(struct core *core, struct transport *transport, const char *why)
{
	struct participant *owner = transport->owner;

	if (transport->view.pair)
		return pair_end(core, transport, why);
	if (!event_reserve(core, 2 + participant_events(owner)))
		return false;
	if (transport->publisher) {
		event_transport(core, CORE_EVENT_TRANSPORT_GONE, transport, why);
		transport_close(core, transport);
	} else {
		publication_end_up(core, owner, why);
	}
	if (owner->leaving)
		participant_remove(core, owner);
	return true;
}

// ---- descriptions

// RFC 8842, 5.2 and 5.5: every offer leaves the choice, an answer makes it.
static enum desc_setup role_said(const struct transport *transport, bool offer)
{
	if (offer)
		return DESC_ACTPASS;
	return transport->view.dtls_client ? DESC_ACTIVE : DESC_PASSIVE;
}

void transport_role(struct transport *transport, enum desc_setup peer)
{
	if (!transport->view.fingerprint.length)
		transport->view.dtls_client = peer == DESC_PASSIVE;
}

void transport_describe(struct transport *transport, const struct desc *remote)
{
	struct core_transport *view = &transport->view;

	memcpy(view->remote_ufrag, remote->ufrag, sizeof(view->remote_ufrag));
	memcpy(view->remote_password, remote->password, sizeof(view->remote_password));
	view->fingerprint = remote->fingerprint;
}

bool transport_same_peer(const struct transport *transport, const struct desc *remote)
{
	const struct desc_fingerprint *ours = &transport->view.fingerprint;
	const struct desc_fingerprint *theirs = &remote->fingerprint;

	return ours->length == theirs->length && !strcmp(ours->algorithm, theirs->algorithm) &&
	       !memcmp(ours->value, theirs->value, ours->length);
}

static struct desc_fingerprint fingerprint_of(const struct core_local *local, unsigned certificate)
{
	if (!certificate || certificate > local->leg_fingerprints_used)
		return local->fingerprint;
	return local->leg_fingerprints[certificate - 1];
}

void transport_print(struct core *core, struct transport *transport, bool offer, struct desc *desc)
{
	const struct core_local *local = &core->local;

	memset(desc, 0, sizeof(*desc));
	desc->session_id = transport->session_id;
	desc->session_version = ++transport->session_version;
	snprintf(desc->ufrag, sizeof(desc->ufrag), "%s", transport->view.local_ufrag);
	snprintf(desc->password, sizeof(desc->password), "%s", transport->view.local_password);
	desc->ice_lite = true;
	desc->end_of_candidates = true;
	desc->setup = role_said(transport, offer);
	desc->fingerprint = fingerprint_of(local, transport->view.certificate);
	desc->candidates_used = local->candidates_used;
	memcpy(desc->candidates, local->candidates, sizeof(desc->candidates));
	for (unsigned i = 0; transport->view.local_port && i < desc->candidates_used; i++)
		desc->candidates[i].port = transport->view.local_port;
}

// ---- paths

static void state_set(
	struct core *core, struct transport *transport, enum core_transport_state state)
{
	transport->view.state = state;
	event_transport(core, CORE_EVENT_TRANSPORT, transport, NULL);
}

static void heard(struct core *core, struct transport *transport, uint64_t now_ms)
{
	if (transport->view.heard_ms < now_ms)
		transport->view.heard_ms = now_ms;
	if (transport->view.state == CORE_TRANSPORT_SUSPECT)
		state_set(core, transport, CORE_TRANSPORT_CONNECTED);
}

static int path_find(const struct transport *transport, const struct core_path *path)
{
	for (unsigned i = 0; i < transport->view.paths_used; i++)
		if (path_same(&transport->view.paths[i], path))
			return (int)i;
	return -1;
}

// Frees entry `path`; the entries behind it move up.
static void path_remove(struct core *core, struct transport *transport, unsigned path)
{
	struct core_transport *view = &transport->view;

	for (unsigned i = path; i < view->paths_used; i++)
		path_unindex(core, transport, i);
	view->paths_used--;
	for (unsigned i = path; i < view->paths_used; i++) {
		view->paths[i] = view->paths[i + 1];
		transport->path_checked_ms[i] = transport->path_checked_ms[i + 1];
		path_index(core, transport, i);
	}
	memset(&view->paths[view->paths_used], 0, sizeof(view->paths[0]));
	if (view->path_selected > path)
		view->path_selected--;
	else if (view->path_selected == path)
		view->path_selected = 0;
}

// The oldest path that we do not send to.
static unsigned path_oldest(const struct transport *transport)
{
	unsigned oldest = transport->view.path_selected ? 0 : 1;

	for (unsigned i = 0; i < transport->view.paths_used; i++)
		if (i != transport->view.path_selected &&
			transport->path_checked_ms[i] < transport->path_checked_ms[oldest])
			oldest = i;
	return oldest;
}

static unsigned path_add(
	struct core *core, struct transport *transport, const struct core_path *path)
{
	struct core_transport *view = &transport->view;
	unsigned i;

	if (view->paths_used == CORE_PATHS_MAX)
		path_remove(core, transport, path_oldest(transport));
	i = view->paths_used++;
	view->paths[i] = *path;
	path_index(core, transport, i);
	return i;
}

// Updates what may change of a known path: the local side and the next hop. Returns true when it did.
static bool path_refresh(struct core_path *known, const struct core_path *path)
{
	static const uint8_t unknown[6];
	struct core_path before = *known;

	known->local = path->local;
	known->port = path->port;
	if (memcmp(path->remote_mac, unknown, sizeof(unknown)))
		memcpy(known->remote_mac, path->remote_mac, sizeof(unknown));
	return !address_same(&before.local, &known->local) || before.port != known->port ||
	       memcmp(before.remote_mac, known->remote_mac, sizeof(unknown)) != 0;
}

// How long the path we send to must be silent before a check that nominates nothing takes over. From
// the same host but another port it is a NAT that has forgotten the old one (RFC 8445, 7.3.1.4, calls
// for none of this: a lite agent would go on sending into the void until the next nomination).
static uint64_t silence_needed(const struct core_path *selected, const struct core_path *path)
{
	bool same_host = !memcmp(selected->remote.ip, path->remote.ip, sizeof(path->remote.ip));

	return same_host ? PATH_REBOUND_MS : PATH_SILENT_MS;
}

static bool path_select(struct transport *transport, unsigned path, bool nominated, uint64_t now_ms)
{
	struct core_transport *view = &transport->view;
	const struct core_path *selected = &view->paths[view->path_selected];
	uint64_t checked_ms = transport->path_checked_ms[view->path_selected];

	if (view->path_selected == path)
		return false;
	if (!nominated && now_ms < checked_ms + silence_needed(selected, &view->paths[path]))
		return false;
	view->path_selected = (uint8_t)path;
	return true;
}

// An address, at one port of ours, belongs to one transport. Another that holds it loses it to a valid check unless it is
// alive: a check with a forged source must not take a call's address away.
static bool path_release(struct core *core, struct transport *transport,
	const struct core_path *wanted, uint64_t now_ms)
{
	unsigned path;
	struct transport *holder = path_holder(core, wanted, &path);

	if (!holder || holder == transport)
		return true;
	if (holder->view.has_keys && now_ms < holder->view.heard_ms + HOLDER_SILENT_MS)
		return false;
	path_remove(core, holder, path);
	transport_tell(core, holder, false);
	return true;
}

int core_transport_path(struct core *core, struct core_transport_id id,
	const struct core_path *path, bool nominated, uint64_t now_ms)
{
	struct transport *transport = transport_get(core, id);
	bool changed = false;
	int i;

	if (!transport)
		return -CORE_GONE;
	if (!event_reserve(core, 2))
		return -CORE_FULL;
	if (!path_release(core, transport, path, now_ms))
		return -CORE_EXISTS;
	i = path_find(transport, path);
	if (i < 0) {
		i = (int)path_add(core, transport, path);
		changed = true;
	} else {
		changed = path_refresh(&transport->view.paths[i], path);
	}
	transport->path_checked_ms[i] = now_ms;
	changed |= path_select(transport, (unsigned)i, nominated, now_ms);
	if (!transport->view.checked_ms)
		transport->view.checked_ms = now_ms;
	if (changed)
		transport_tell(core, transport, false);
	heard(core, transport, now_ms);
	if (transport->view.state == CORE_TRANSPORT_NEW)
		state_set(core, transport, CORE_TRANSPORT_CONNECTING);
	return 0;
}

int core_transport_named(struct core *core, struct core_transport_id id, const char *ufrag,
	size_t length, uint64_t now_ms)
{
	struct transport *transport = transport_get(core, id);
	const char *previous = transport ? transport->view.previous_ufrag : "";

	if (!transport)
		return -CORE_GONE;
	transport->lingers =
		length && strlen(previous) == length && !memcmp(previous, ufrag, length);
	if (transport->lingers)
		transport->view.previous_until_ms = now_ms + PREVIOUS_UFRAG_MS;
	return 0;
}

int core_transport_mac(struct core *core, struct core_transport_id id, const struct core_path *path,
	const uint8_t mac[6])
{
	struct transport *transport = transport_get(core, id);
	int i = transport ? path_find(transport, path) : -1;

	if (i < 0)
		return -CORE_GONE;
	if (!memcmp(transport->view.paths[i].remote_mac, mac, 6))
		return 0;
	memcpy(transport->view.paths[i].remote_mac, mac, 6);
	transport_tell(core, transport, false);
	return 0;
}

int core_transport_keys(struct core *core, struct core_transport_id id,
	const struct core_keys *keys, uint64_t now_ms)
{
	struct transport *transport = transport_get(core, id);

	if (!transport)
		return -CORE_GONE;
	if (keys->key_length > sizeof(keys->send_key) ||
		keys->salt_length > sizeof(keys->send_salt))
		return -CORE_STATE;
	if (!event_reserve(core, 2))
		return -CORE_FULL;
	transport->view.keys = *keys;
	transport->view.has_keys = true;
	transport->view.key_epoch++;
	transport->view.keyed_ms = now_ms;
	transport_tell(core, transport, false);
	heard(core, transport, now_ms);
	if (transport->view.state != CORE_TRANSPORT_CONNECTED)
		state_set(core, transport, CORE_TRANSPORT_CONNECTED);
	return 0;
}

int core_transport_heard(struct core *core, struct core_transport_id id, uint64_t now_ms)
{
	struct transport *transport = transport_get(core, id);

	if (!transport)
		return -CORE_GONE;
	if (transport->view.state == CORE_TRANSPORT_SUSPECT && !event_reserve(core, 1))
		return -CORE_FULL;
	heard(core, transport, now_ms);
	return 0;
}

int core_transport_restart(struct core *core, struct core_transport_id id, const char *ufrag,
	const char *password, struct desc *desc, uint64_t now_ms)
{
	struct transport *transport = transport_get(core, id);
	struct core_transport *view = transport ? &transport->view : NULL;

	if (!view)
		return -CORE_GONE;
	if (!view->fingerprint.length)
		return -CORE_STATE;
	if (!*ufrag || strlen(ufrag) >= sizeof(view->remote_ufrag) || !*password ||
		strlen(password) >= sizeof(view->remote_password))
		return -CORE_BAD_DESC;
	transport_restart(core, transport, now_ms);
	snprintf(view->remote_ufrag, sizeof(view->remote_ufrag), "%s", ufrag);
	snprintf(view->remote_password, sizeof(view->remote_password), "%s", password);
	transport_tell(core, transport, false);
	transport_print(core, transport, false, desc);
	return 0;
}

int core_transport_close(struct core *core, struct core_transport_id id, const char *why)
{
	struct transport *transport = transport_get(core, id);

	if (!transport)
		return -CORE_GONE;
	return transport_end(core, transport, why) ? 0 : -CORE_FULL;
}

// ---- time

static const char *time_out(
	const struct core *core, const struct core_transport *view, uint64_t now_ms)
{
	if (!view->has_keys && now_ms >= view->created_ms + core->limits.setup_ms)
		return view->asked	  ? "the offer was not answered in time"
		       : view->checked_ms ? "DTLS did not finish in time"
					  : "no connectivity check came in time";
	if (view->has_keys && now_ms >= view->heard_ms + core->limits.drop_ms)
		return "nothing was heard for too long";
	return NULL;
}

void transport_tick(struct core *core, uint64_t now_ms)
{
	struct transport *transport;
	uint32_t index = 0;

	while ((transport = slots_from(&core->transports, index)) != NULL) {
		struct core_transport *view = &transport->view;
		const char *why = time_out(core, view, now_ms);

		index = view->id.index + 1; // ending one may end others, so nothing else is kept
		if (why) {
			transport_end(core, transport, why);
			continue;
		}
		if (view->previous_until_ms && now_ms >= view->previous_until_ms && !view->asked)
			previous_forget(core, transport);
		if (view->state == CORE_TRANSPORT_CONNECTED &&
			now_ms >= view->heard_ms + core->limits.suspect_ms &&
			event_reserve(core, 1))
			state_set(core, transport, CORE_TRANSPORT_SUSPECT);
	}
}

void transport_workers_changed(struct core *core)
{
	struct transport *transport = NULL;

	while ((transport = slots_next(&core->transports, transport)) != NULL) {
		if (transport->view.worker < core->limits.workers)
			continue;
		core->worker_load[transport->view.worker]--;
		transport->view.worker = room_worker(core, transport->owner->room);
		core->worker_load[transport->view.worker]++;
		transport_tell(core, transport, false);
	}
}

// ---- looking

const struct core_transport *core_transport(const struct core *core, struct core_transport_id id)
{
	return slots_get(&core->transports, id.index, id.generation);
}

const struct core_transport *core_transport_of(
	const struct core *core, struct core_participant_id id)
{
	struct participant *owner = participant_get(core, id);
	struct transport *transport = owner ? TAILQ_FIRST(&owner->transports) : NULL;

	return transport ? &transport->view : NULL;
}

const struct core_transport *core_transport_by_ufrag(
	const struct core *core, const char *ufrag, size_t length)
{
	uint32_t i;

	if (!length || length >= CORE_UFRAG_MAX)
		return NULL;
	i = hash_first(&core->ufrags, hash_of(&core->ufrags, ufrag, length));
	for (; i != SLOT_NONE; i = hash_next(&core->ufrags, i)) {
		const struct core_transport *view = slots_from(&core->transports, i / 2);
		const char *one = i % 2 ? view->previous_ufrag : view->local_ufrag;

		if (strlen(one) == length && !memcmp(one, ufrag, length))
			return view;
	}
	return NULL;
}

const struct core_transport *core_transport_by_path(
	const struct core *core, const struct core_path *path)
{
	unsigned number;
	const struct transport *transport = path_holder(core, path, &number);

	return transport ? &transport->view : NULL;
}

const struct core_transport *core_transport_next(
	const struct core *core, const struct core_transport *previous)
{
	return slots_next(&core->transports, previous);
}

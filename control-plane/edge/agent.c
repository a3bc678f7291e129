// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include "address.h"
#include "log.h"
#include "stun_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

enum {
	FIRST_MS = 250, // until a check is sent again; doubles
	SLOWEST_MS = 4000,
	CONSENT_MS = 5000, // RFC 7675, 5.1: 0.8 to 1.2 times that
	AGAIN_MS = 500, // after a reply that does not know us
	UNKNOWN_MAX = 3, // of those in a row
	SILENCE_MS = 30000,
	COMPONENT = 1,
};

struct pair {
	struct core_path path;
	uint8_t id[STUN_ID_BYTES]; // of the check under way
	uint64_t next_ms;
	uint32_t wait_ms;
};

struct agent {
	LIST_ENTRY(agent) all;
	struct core_transport_id transport;
	uint32_t silence_ms;
	unsigned pairs_used, turn; // whose turn it is to be checked
	bool chosen, nominated; // pairs[0] then
	unsigned unknown;
	uint64_t heard_ms; // 0: nothing has been sent yet
	struct pair pairs[AGENT_PAIRS_MAX];
	uint16_t local_port; // 0 = that of all
};

struct agents {
	struct agent_host host;
	struct core *core;
	uint64_t now_ms; // of the call
	LIST_HEAD(, agent) all;
};

struct agents *agents_create(const struct agent_host *host, struct core *core)
{
	struct agents *agents = calloc(1, sizeof(*agents));

	if (!agents)
		return NULL;
	agents->host = *host;
	agents->core = core;
	LIST_INIT(&agents->all);
	return agents;
}

static void agent_free(struct agent *agent)
{
	LIST_REMOVE(agent, all);
	free(agent);
}

void agents_destroy(struct agents *agents)
{
	if (!agents)
		return;
	while (!LIST_EMPTY(&agents->all))
		agent_free(LIST_FIRST(&agents->all));
	free(agents);
}

// ---- pairs

static uint32_t draw(uint32_t below)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) < 0)
		return 0;
	return number % below;
}

static void id_draw(struct pair *pair)
{
	if (getrandom(pair->id, sizeof(pair->id), 0) < 0)
		memset(pair->id, 0, sizeof(pair->id));
}

// What checks us says where its next hop is, which not every port can find out.
static void pair_learn(struct pair *pair, const struct core_path *path)
{
	static const uint8_t unknown[6];

	if (!memcmp(path->remote_mac, unknown, sizeof(unknown)) ||
		!memcmp(path->remote_mac, pair->path.remote_mac, sizeof(unknown)))
		return;
	memcpy(pair->path.remote_mac, path->remote_mac, sizeof(unknown));
	pair->next_ms = 0;
	pair->wait_ms = FIRST_MS;
}

static void pair_add(struct agent *agent, const struct core_path *path)
{
	struct pair *pair = &agent->pairs[agent->pairs_used];

	for (unsigned i = 0; i < agent->pairs_used; i++) {
		const struct core_path *known = &agent->pairs[i].path;

		if (!address_same(&known->remote, &path->remote) || known->port != path->port ||
			memcmp(known->local.ip, path->local.ip, 16) != 0)
			continue;
		pair_learn(&agent->pairs[i], path);
		return;
	}
	if (agent->pairs_used == AGENT_PAIRS_MAX)
		return;
	*pair = (struct pair){.path = *path, .wait_ms = FIRST_MS};
	id_draw(pair);
	agent->pairs_used++;
}

static void remote_add(
	const struct agents *agents, struct agent *agent, const struct core_address *remote)
{
	struct core_path paths[AGENT_PAIRS_MAX];
	unsigned count = agents->host.paths(agents->host.context, remote, agent->local_port, paths,
		AGENT_PAIRS_MAX - agent->pairs_used);

	for (unsigned i = 0; i < count; i++)
		pair_add(agent, &paths[i]);
}

static void candidate_add(
	const struct agents *agents, struct agent *agent, const struct desc_candidate *candidate)
{
	struct core_address remote = {.port = candidate->port};

	if (!candidate->udp || candidate->component != COMPONENT || !candidate->port ||
		address_parse(candidate->address, &remote) || address_is_any(&remote))
		return;
	remote.port = candidate->port;
	remote_add(agents, agent, &remote);
}

static bool is_of(const struct agent *agent, struct core_transport_id id)
{
	return agent->transport.index == id.index && agent->transport.generation == id.generation;
}

static struct agent *agent_find(const struct agents *agents, struct core_transport_id id)
{
	struct agent *agent = NULL;

	if (agents)
		LIST_FOREACH (agent, &agents->all, all)
			if (is_of(agent, id))
				break;
	return agent;
}

// In the order of their priority (RFC 8445, 6.1.2.3); ours are all alike.
static void candidates_add(const struct agents *agents, struct agent *agent,
	const struct desc_candidate *candidates, unsigned count)
{
	bool added[DESC_CANDIDATES_MAX] = {0};

	for (unsigned n = 0; n < count && n < DESC_CANDIDATES_MAX; n++) {
		int best = -1;

		for (unsigned i = 0; i < count && i < DESC_CANDIDATES_MAX; i++)
			if (!added[i] &&
				(best < 0 || candidates[i].priority > candidates[best].priority))
				best = (int)i;
		added[best] = true;
		candidate_add(agents, agent, &candidates[best]);
	}
}

int agents_begin(struct agents *agents, struct core_transport_id id,
	const struct desc_candidate *candidates, unsigned count, uint32_t silence_ms)
{
	const struct core_transport *transport = core_transport(agents->core, id);
	struct agent *agent = agent_find(agents, id);

	if (agent)
		agent_free(agent);
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -1;
	agent->transport = id;
	agent->silence_ms = silence_ms ? silence_ms : SILENCE_MS;
	agent->local_port = transport ? transport->local_port : 0;
	LIST_INSERT_HEAD(&agents->all, agent, all);
	if (transport && transport->path_selected < transport->paths_used) {
		pair_add(agent, &transport->paths[transport->path_selected]);
		agent->chosen = true;
	}
	candidates_add(agents, agent, candidates, count);
	return (int)agent->pairs_used;
}

bool agents_any(const struct agents *agents)
{
	return agents && !LIST_EMPTY(&agents->all);
}

bool agents_control(const struct agents *agents, struct core_transport_id id)
{
	return agent_find(agents, id) != NULL;
}

void agents_checked(
	struct agents *agents, struct core_transport_id id, const struct core_path *path)
{
	struct agent *agent = agent_find(agents, id);

	if (agent && !agent->chosen)
		pair_add(agent, path);
}

// ---- asking

static void pair_ask(struct agents *agents, const struct agent *agent, struct pair *pair,
	const struct core_transport *transport, uint64_t now_ms)
{
	struct stun_check check = {transport->local_ufrag, transport->remote_ufrag,
		transport->remote_password, agent->chosen && !agent->nominated, {0}};
	uint8_t bytes[STUN_CHECK_MAX];
	size_t length;

	memcpy(check.id, pair->id, sizeof(check.id));
	length = stun_check_write(&check, bytes);
	if (length) // what fails now may go well the next time
		agents->host.send(agents->host.context, &pair->path, bytes, length);
	pair->next_ms = now_ms + pair->wait_ms;
	if (pair->wait_ms < SLOWEST_MS)
		pair->wait_ms *= 2;
}

static void consent_wait(const struct agent *agent, struct pair *pair, uint64_t now_ms)
{
	uint32_t most = agent->silence_ms / 4 < CONSENT_MS ? agent->silence_ms / 4 : CONSENT_MS;

	pair->wait_ms = most * 8 / 10 + draw(most * 4 / 10 + 1);
	pair->next_ms = now_ms + pair->wait_ms;
}

static void pair_drop(struct agents *agents, struct agent *agent, unsigned number)
{
	struct core_transport_id id = agent->transport;

	agent->pairs[number] = agent->pairs[--agent->pairs_used];
	agent->turn = 0;
	if (agent->pairs_used)
		return;
	agent_free(agent);
	agents->host.lost(agents->host.context, id,
		"another session has the far side's media address at our port");
}

static void choose_tick(struct agents *agents, struct agent *agent,
	const struct core_transport *transport, uint64_t now_ms)
{
	for (unsigned i = 0; i < agent->pairs_used; i++) { // one each time (RFC 8445, 14)
		unsigned number = (agent->turn + i) % agent->pairs_used;
		struct pair *pair = &agent->pairs[number];

		if (now_ms < pair->next_ms)
			continue;
		agent->turn = (agent->turn + i + 1) % agent->pairs_used;
		pair_ask(agents, agent, pair, transport, now_ms);
		return;
	}
}

static void chosen_tick(struct agents *agents, struct agent *agent,
	const struct core_transport *transport, uint64_t now_ms)
{
	struct pair *pair = &agent->pairs[0];

	if (now_ms < pair->next_ms)
		return;
	if (!agent->nominated) {
		pair_ask(agents, agent, pair, transport, now_ms);
		return;
	}
	id_draw(pair);
	consent_wait(agent, pair, now_ms);
	pair_ask(agents, agent, pair, transport, now_ms);
}

static void agent_tick(struct agents *agents, struct agent *agent, uint64_t now_ms)
{
	const struct core_transport *transport = core_transport(agents->core, agent->transport);

	if (!transport) {
		agent_free(agent);
		return;
	}
	if (!agent->heard_ms)
		agent->heard_ms = now_ms;
	if (!agent->chosen) { // the core gives up on what does not begin
		choose_tick(agents, agent, transport, now_ms);
	} else if (now_ms - agent->heard_ms >= agent->silence_ms) {
		struct core_transport_id id = agent->transport;

		agent_free(agent);
		agents->host.lost(
			agents->host.context, id, "the far side does not answer any more");
	} else {
		chosen_tick(agents, agent, transport, now_ms);
	}
}

void agents_tick(struct agents *agents, uint64_t now_ms)
{
	struct agent *agent = agents ? LIST_FIRST(&agents->all) : NULL, *next;

	for (; agent; agent = next) {
		next = LIST_NEXT(agent, all);
		agent_tick(agents, agent, now_ms);
	}
}

// ---- what comes back

static struct agent *agent_asked(const struct agents *agents, const struct udp_datagram *datagram,
	const uint8_t id[STUN_ID_BYTES], unsigned *number)
{
	struct agent *agent;

	LIST_FOREACH (agent, &agents->all, all)
		for (unsigned i = 0; i < agent->pairs_used; i++) {
			const struct pair *pair = &agent->pairs[i];

			// from where it was sent to (RFC 8445, 7.2.5.2.1)
			if (memcmp(pair->id, id, STUN_ID_BYTES) != 0 ||
				!address_same(&pair->path.remote, &datagram->path.remote) ||
				pair->path.local.port != datagram->path.local.port)
				continue;
			*number = i;
			return agent;
		}
	return NULL;
}

static void chosen_valid(struct agent *agent, uint64_t now_ms)
{
	agent->nominated = true;
	agent->unknown = 0;
	agent->heard_ms = now_ms;
	consent_wait(agent, &agent->pairs[0], now_ms);
}

static void pair_choose(struct agent *agent, unsigned number, const struct core_path *path)
{
	struct pair *pair = &agent->pairs[0];

	*pair = agent->pairs[number];
	pair->path = *path; // says which of our addresses it is
	pair->wait_ms = FIRST_MS;
	pair->next_ms = 0;
	id_draw(pair);
	agent->chosen = true;
	agent->pairs_used = 1;
}

static void pair_valid(
	struct agents *agents, struct agent *agent, unsigned number, const struct core_path *path)
{
	if (!agents->host.valid(agents->host.context, agent->transport, path))
		pair_drop(agents, agent, number);
	else if (agent->chosen)
		chosen_valid(agent, agents->now_ms);
	else
		pair_choose(agent, number, path);
}

// Nothing signs such a reply; but who can read our checks can end the session anyway, and three in a row,
// none valid between, are no accident.
static void agent_unknown(
	struct agents *agents, struct agent *agent, struct pair *pair, uint64_t now_ms)
{
	struct core_transport_id id = agent->transport;

	pair->next_ms = now_ms + AGAIN_MS;
	id_draw(pair);
	if (!agent->chosen || ++agent->unknown < UNKNOWN_MAX)
		return;
	agent_free(agent);
	agents->host.lost(
		agents->host.context, id, "the far side has no such session, or not any more");
}

bool agents_reply(struct agents *agents, const struct udp_datagram *datagram, uint64_t now_ms)
{
	const struct core_transport *transport;
	struct stun_check check = {0};
	struct agent *agent;
	unsigned number;

	if (!agents || !stun_reply_id(datagram->data, datagram->length, check.id))
		return false;
	agent = agent_asked(agents, datagram, check.id, &number);
	transport = agent ? core_transport(agents->core, agent->transport) : NULL;
	if (!transport)
		return false;
	check.remote_password = transport->remote_password;
	agents->now_ms = now_ms;
	switch (stun_reply_judge(&check, datagram->data, datagram->length)) {
	case STUN_REPLY_VALID:
		pair_valid(agents, agent, number, &datagram->path);
		return true;
	case STUN_REPLY_UNKNOWN:
		agent_unknown(agents, agent, &agent->pairs[number], now_ms);
		return true;
	default:
		return true;
	}
}

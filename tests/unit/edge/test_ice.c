// SPDX-License-Identifier: Apache-2.0
// The glue between the real core, the real STUN and DTLS; sockets, filter and kernel are arrays.
#include "edge/address.h"
#include "edge/dtls.h"
#include "edge/ice.h"
#include "edge/stun.h"
#include "unit/core/world.h"

#include <stun/usages/ice.h>

#include <errno.h>
#include <unistd.h>

enum { SENT_MAX = 32, ALLOWED_MAX = 16 };

struct sent {
	struct core_path path;
	size_t length;
	uint8_t data[2048];
};

static struct ice *ice;
static struct core *core;
static struct edge_counters counters;
static struct sent sent[SENT_MAX];
static unsigned sent_first, sent_used;
static struct core_path allowed[ALLOWED_MAX];
static unsigned allowed_used;
static int hop_error;
static unsigned hop_asked;
static uint8_t hop_last; // byte of its MAC address
static uint64_t check_ms; // when check_from happens
static struct desc offer, answer;
static struct core_transport_id id;
static char pem[64], client_pem[64], why[256];

static int host_send(void *, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct sent *one = &sent[(sent_first + sent_used++) % SENT_MAX];

	assert_true(sent_used < SENT_MAX && length <= sizeof(one->data));
	one->path = *path;
	one->length = length;
	memcpy(one->data, data, length);
	return 0;
}

static int host_neighbour(void *, const struct core_path *, uint8_t mac[6])
{
	hop_asked++;
	if (hop_error)
		return hop_error;
	memcpy(mac, "\2hopAB", 6);
	mac[5] = hop_last;
	return 0;
}

static int host_allow(void *, const struct core_path *path)
{
	assert_true(allowed_used < ALLOWED_MAX);
	allowed[allowed_used++] = *path;
	return 0;
}

static int host_deny(void *, const struct core_path *path)
{
	for (unsigned i = 0; i < allowed_used; i++)
		if (address_same(&allowed[i].remote, &path->remote) &&
			allowed[i].local.port == path->local.port) {
			allowed[i] = allowed[--allowed_used];
			return 0;
		}
	fail_msg("denied what was not allowed");
	return 0;
}

static unsigned host_paths(void *, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned)
{
	paths[0] = (struct core_path){.remote = *remote};
	paths[0].local.port = local_port ? local_port : 3478;
	return 1;
}

static void plane_transport(void *, const struct core_transport *transport, bool gone)
{
	ice_changed(ice, transport, gone);
}

static void plane_participant(void *, const struct core_participant *, const char *, bool)
{
}

static void plane_publication(void *, const struct core_publication *, bool)
{
}

static void plane_subscription(void *, const struct core_subscription *, bool)
{
}

static void plane_random(void *, void *bytes, size_t length)
{
	static uint8_t next;

	for (size_t i = 0; i < length; i++)
		((uint8_t *)bytes)[i] = next += 37;
}

static struct core_local locals;
static struct desc heard; // the last that the core told a dialect

static void sink_event(void *, const struct core_event *event)
{
	if (event->desc)
		heard = *event->desc;
}

static int fresh(void **)
{
	struct ice_host host = {.send = host_send,
		.neighbour = host_neighbour,
		.allow = host_allow,
		.deny = host_deny,
		.paths = host_paths,
		.counters = &counters};
	struct core_plane plane = {NULL, plane_participant, plane_transport, plane_publication,
		plane_subscription, plane_random};
	struct core_sink sink = {NULL, sink_event};
	struct core_limits limits = world_limits();
	struct core_local local = {.candidates_used = 1,
		.candidates = {{"1", 1, true, 2130706431, "192.0.2.1", 3478, "host"}}};

	memset(&counters, 0, sizeof(counters));
	sent_used = allowed_used = hop_asked = 0;
	hop_error = 0;
	hop_last = 'B';
	check_ms = 2000;
	ice = ice_create(&host, pem, ROWS, why, sizeof(why));
	if (!ice)
		fail_msg("%s", why);
	ice_fingerprints(ice, &local);
	locals = local;
	core = core_create(&limits, &local, &plane, &sink);
	ice_attach(ice, core);
	return 0;
}

static int done(void **)
{
	core_destroy(core);
	ice_destroy(ice);
	return 0;
}

static struct core_participant_id publisher_joins(
	enum desc_setup setup, const struct desc_fingerprint *fingerprint)
{
	struct core_join join = world_join("demo", "7", &core);
	struct core_participant_id participant;
	bool resumed;

	assert_int_equal(core_join(core, &join, &participant, &resumed), 0);
	world_offer(&offer, 9);
	offer.setup = setup;
	if (fingerprint)
		offer.fingerprint = *fingerprint;
	assert_int_equal(core_publish(core, participant, &offer, &answer, 1000), 0);
	id = core_participant(core, participant)->publishing;
	ice_settle(ice, 1000);
	return participant;
}

static uint16_t check_at = 3478; // port of ours

static void check_from(uint16_t port, const char *password, bool nominate)
{
	static const uint16_t known[] = {0};
	uint8_t request[STUN_MAX_MESSAGE_SIZE];
	char user[300];
	StunAgent agent;
	StunMessage message;
	struct udp_datagram datagram = {
		.path = world_path(1, port), .class = SLUICE_CLASS_STUN, .data = request};

	datagram.path.local.port = check_at;
	snprintf(user, sizeof(user), "%s:peer9", answer.ufrag);
	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	datagram.length = stun_usage_ice_conncheck_create(&agent, &message, request,
		sizeof(request), (uint8_t *)user, strlen(user), (const uint8_t *)password,
		strlen(password), nominate, true, 1, 7, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	ice_datagram(ice, &datagram, check_ms);
	ice_settle(ice, check_ms);
	core_dispatch(core);
}

static void a_check_opens_a_path(void **)
{
	struct core_participant_id who = publisher_joins(DESC_ACTPASS, NULL);
	struct core_path path = world_path(1, 5000);

	check_from(5000, "not the password", true);
	assert_int_equal(counters.stun[EDGE_STUN_UNAUTHORIZED], 1);
	assert_int_equal(core_transport(core, id)->paths_used, 0);
	check_from(5000, answer.password, true);
	assert_int_equal(counters.stun[EDGE_STUN_OK], 1);
	assert_int_equal(sent_used, 2); // both were answered
	assert_true(address_same(&sent[1].path.remote, &path.remote));
	const struct core_transport *transport = core_transport(core, id);

	assert_int_equal(transport->paths_used, 1);
	assert_true(address_same(&transport->paths[0].local, &path.local));
	assert_memory_equal(transport->paths[0].remote_mac, "\2hopAB", 6);
	assert_int_equal(allowed_used, 1);
	check_from(5000, answer.password, true); // the next hop is known by now
	assert_int_equal(hop_asked, 1);
	assert_int_equal(allowed_used, 1);
	check_from(5001, answer.password, true);
	assert_int_equal(allowed_used, 2);
	struct core_path *validated;

	assert_int_equal(ice_validated(ice, &validated), 2);
	free(validated);
	core_leave(core, who);
	ice_settle(ice, 3000);
	assert_int_equal(allowed_used, 0);
	assert_int_equal(ice_validated(ice, &validated), 0);
	free(validated);
}

// One far address at two ports of ours: two paths in the filter, and whose DTLS it is goes by the port.
static void ports_of_ours(void **)
{
	static const uint8_t record[13] = {22, 254, 253};
	struct udp_datagram datagram = {.path = world_path(1, 5000),
		.class = SLUICE_CLASS_DTLS,
		.data = record,
		.length = sizeof(record)};
	struct core_participant_id who = publisher_joins(DESC_ACTPASS, NULL);

	check_from(5000, answer.password, true);
	check_at = 7001;
	check_from(5000, answer.password, true);
	check_at = 3478;
	assert_int_equal(core_transport(core, id)->paths_used, 2);
	assert_int_equal(allowed_used, 2);
	assert_int_equal(allowed[0].local.port, 3478);
	assert_int_equal(allowed[1].local.port, 7001);
	for (uint16_t port = 7001; port <= 7002; port++) {
		datagram.path.local.port = port;
		ice_datagram(ice, &datagram, 2000);
		assert_int_equal(counters.dtls[EDGE_DTLS_UNKNOWN], port - 7001);
	}
	core_leave(core, who);
	ice_settle(ice, 3000);
	assert_int_equal(allowed_used, 0);
}

// A flood of forged checks is counted, not answered one by one; who proves itself is answered.
static void refusals_are_few(void **)
{
	unsigned refused;

	publisher_joins(DESC_ACTPASS, NULL);
	for (unsigned i = 0; i < 1000; i++)
		check_from((uint16_t)(6000 + i), "not the password", false);
	assert_int_equal(counters.stun[EDGE_STUN_UNAUTHORIZED], 1000);
	refused = sent_used;
	assert_in_range(refused, 1, 25);
	check_from(5000, answer.password, true);
	assert_int_equal(sent_used, refused + 1);
	assert_int_equal(core_transport(core, id)->paths_used, 1);
	check_ms += 1000; // another second
	check_from(6000, "not the password", false);
	assert_int_equal(sent_used, refused + 2);
}

static void an_unknown_hop_is_asked_again(void **)
{
	publisher_joins(DESC_ACTPASS, NULL);
	hop_error = -EAGAIN;
	check_from(5000, answer.password, true);
	assert_true(ice_busy(ice));
	ice_tick(ice, 2050);
	assert_int_equal(hop_asked, 2);
	hop_error = 0;
	ice_tick(ice, 2100);
	assert_false(ice_busy(ice));
	assert_memory_equal(core_transport(core, id)->paths[0].remote_mac, "\2hopAB", 6);
}

static void a_gateway_that_fails_over_is_followed(void **)
{
	const struct core_path *path;

	publisher_joins(DESC_ACTPASS, NULL);
	check_from(5000, answer.password, true);
	path = core_transport(core, id)->paths;
	assert_memory_equal(path->remote_mac, "\2hopAB", 6);
	hop_last = 'C';
	check_ms += 6000;
	check_from(5000, answer.password, true);
	assert_memory_equal(path->remote_mac, "\2hopAC", 6);
	hop_error = -EAGAIN; // it is silent: the address that was known stays until it answers
	check_ms += 6000;
	check_from(5000, answer.password, true);
	assert_memory_equal(path->remote_mac, "\2hopAC", 6);
	hop_error = 0;
	hop_last = 'D';
	ice_tick(ice, check_ms + 50);
	assert_memory_equal(path->remote_mac, "\2hopAD", 6);
}

static void nobody_asks_for_ever(void **)
{
	publisher_joins(DESC_ACTPASS, NULL);
	hop_error = -EAGAIN;
	check_from(5000, answer.password, true);
	for (unsigned i = 0; i < 100; i++)
		ice_tick(ice, 2000 + i * 50);
	assert_false(ice_busy(ice));
	hop_error = -ENETUNREACH;
	check_from(5001, answer.password, true);
	assert_false(ice_busy(ice));
}

static size_t far_password(void *, const char *, size_t, char password[CORE_PASSWORD_MAX])
{
	return (size_t)snprintf(password, CORE_PASSWORD_MAX, "%.64s", offer.password);
}

// We check, and are the controlling side: who believes to be that, too, must give way.
static void a_session_that_we_begin(void **)
{
	struct desc_candidate candidate = {
		.component = 1, .udp = true, .port = 5000, .address = "10.0.0.1"};
	struct stun_users far = {.password = far_password};
	struct udp_datagram reply = {.path = world_path(1, 5000), .class = SLUICE_CLASS_STUN};
	uint8_t bytes[STUN_REPLY_MAX];
	struct stun_answer said;

	publisher_joins(DESC_ACTPASS, NULL);
	assert_int_equal(ice_control(ice, id, &candidate, 1, 30000), 1);
	assert_true(ice_busy(ice));
	ice_tick(ice, 2000);
	assert_int_equal(sent_used, 1);
	assert_memory_equal(sent[0].path.remote_mac, "\2hopAB", 6);
	stun_answer(&far, sent[0].data, sent[0].length, &reply.path.local, bytes, &said);
	reply.data = bytes;
	reply.length = said.reply_length;
	ice_datagram(ice, &reply, 2010);
	assert_int_equal(counters.stun[EDGE_STUN_RESPONSE], 1);
	assert_int_equal(core_transport(core, id)->paths_used, 1);
	assert_int_equal(allowed_used, 1);
	check_from(5000, answer.password, true);
	assert_int_equal(counters.stun[EDGE_STUN_ROLE_CONFLICT], 1);
	ice_datagram(ice, &reply, 2020); // once more, to nothing
	assert_int_equal(core_transport(core, id)->paths_used, 1);
}

static void a_moved_address_stays_allowed(void **)
{
	struct core_participant_id first = publisher_joins(DESC_ACTPASS, NULL);
	struct core_join join = world_join("demo", "8", &core);
	struct core_participant_id second;
	bool resumed;

	check_from(5000, answer.password, true);
	assert_int_equal(core_join(core, &join, &second, &resumed), 0);
	world_offer(&offer, 10);
	assert_int_equal(core_publish(core, second, &offer, &answer, 1000), 0);
	check_from(5000, answer.password, true); // the same socket, a new transport
	assert_int_equal(
		core_transport(core, core_participant(core, second)->publishing)->paths_used, 1);
	core_leave(core, first);
	ice_settle(ice, 3000);
	assert_true(allowed_used >= 1);
}

// ---- DTLS, with a second one of ours as the peer

static struct dtls *peer;
static struct edge_counters peer_counters;
static const struct core_transport_id peer_id = {3, 1};
static uint16_t peer_port = 5000;
static bool peer_has_keys;
static struct core_keys peer_keys;
static struct desc_fingerprint our_fingerprint;

static void peer_send(void *, struct core_transport_id, const uint8_t *data, size_t length)
{
	struct udp_datagram datagram = {.path = world_path(1, peer_port),
		.class = SLUICE_CLASS_DTLS,
		.data = data,
		.length = length};

	ice_datagram(ice, &datagram, 2000);
	ice_settle(ice, 2000);
}

static const struct desc_fingerprint *peer_fingerprint(void *, struct core_transport_id, bool *)
{
	return &our_fingerprint;
}

static void peer_keyed(void *, struct core_transport_id, const struct core_keys *keys)
{
	peer_has_keys = true;
	peer_keys = *keys;
}

static void peer_closed(void *, struct core_transport_id, const char *)
{
}

static void peer_open(struct desc_fingerprint *fingerprint)
{
	struct dtls_host host = {NULL, NULL, peer_send, peer_fingerprint, peer_keyed, NULL,
		peer_closed, &peer_counters};

	memset(&peer_counters, 0, sizeof(peer_counters));
	peer_has_keys = false;
	our_fingerprint = locals.fingerprint;
	peer = dtls_create(&host, client_pem, 8, why, sizeof(why));
	dtls_fingerprint(peer, 0, fingerprint);
}

// What we send is carried only after it was sent, as by a network.
static void peer_hears(void)
{
	while (sent_used) {
		struct sent one = sent[sent_first % SENT_MAX];

		sent_first++;
		sent_used--;
		if (one.data[0] >= 20)
			dtls_input(peer, peer_id, false, one.data, one.length, 2000);
	}
}

static void handshake(enum desc_setup setup)
{
	struct desc_fingerprint fingerprint;

	peer_open(&fingerprint);
	publisher_joins(setup, &fingerprint);
	check_from(5000, answer.password, true);
	if (setup == DESC_ACTPASS)
		dtls_connect(peer, peer_id);
	peer_hears();
	const struct core_transport *transport = core_transport(core, id);

	assert_true(peer_has_keys);
	assert_true(transport->has_keys);
	assert_int_equal(transport->state, CORE_TRANSPORT_CONNECTED);
	assert_memory_equal(transport->keys.send_key, peer_keys.receive_key, 16);
	assert_memory_equal(transport->keys.receive_key, peer_keys.send_key, 16);
	assert_int_equal(counters.dtls[EDGE_DTLS_CONNECTED], 1);
	assert_false(ice_busy(ice));
}

static void we_are_the_server(void **)
{
	handshake(DESC_ACTPASS);
	dtls_destroy(peer);
}

// The core takes the offer of a new PeerConnection with the old certificate for an ICE restart.
static void a_new_connection_of_the_old_certificate(void **)
{
	struct core_keys before;
	uint32_t epoch;

	handshake(DESC_ACTPASS);
	before = peer_keys;
	epoch = core_transport(core, id)->key_epoch;
	strcpy(offer.ufrag, "anew");
	assert_int_equal(
		core_publish(core, core_transport(core, id)->participant, &offer, &answer, 2000),
		0);
	peer_port = 5001;
	check_from(peer_port, answer.password, true);
	peer_has_keys = false;
	dtls_forget(peer, peer_id);
	dtls_connect(peer, peer_id);
	peer_hears();
	const struct core_transport *transport = core_transport(core, id);

	assert_true(peer_has_keys);
	assert_int_equal(transport->key_epoch, epoch + 1);
	assert_memory_not_equal(before.send_key, peer_keys.send_key, 16);
	assert_memory_equal(transport->keys.send_key, peer_keys.receive_key, 16);
	assert_int_equal(transport->paths[transport->path_selected].remote.port, 5001);
	peer_port = 5000;
	dtls_destroy(peer);
}

static void we_are_the_client(void **)
{
	handshake(DESC_PASSIVE);
	assert_true(core_transport(core, id)->dtls_client);
	dtls_destroy(peer);
}

static void wrong_certificate_ends_the_transport(void **)
{
	struct desc_fingerprint fingerprint;

	peer_open(&fingerprint);
	fingerprint.value[0] ^= 1;
	publisher_joins(DESC_ACTPASS, &fingerprint);
	check_from(5000, answer.password, true);
	dtls_connect(peer, peer_id);
	peer_hears();
	assert_null(core_transport(core, id));
	assert_int_equal(counters.dtls[EDGE_DTLS_FINGERPRINT], 1);
	ice_settle(ice, 2000);
	assert_int_equal(allowed_used, 0);
	dtls_destroy(peer);
}

static void strangers_are_counted(void **)
{
	struct desc_fingerprint fingerprint;

	peer_open(&fingerprint);
	publisher_joins(DESC_ACTPASS, &fingerprint);
	dtls_connect(peer, peer_id); // before any check
	assert_int_equal(counters.dtls[EDGE_DTLS_UNKNOWN], 1);
	assert_int_equal(sent_used, 0);
	dtls_destroy(peer);
}

// ---- data channels between two peers, with us between them

static struct side {
	struct dtls *dtls;
	struct core_participant_id id;
	struct core_transport_id leg, own;
	uint16_t port;
	bool has_keys;
	unsigned closed, datagrams;
	size_t length;
	uint8_t data[2048];
	struct desc_fingerprint fingerprint, ours;
	struct edge_counters counters;
	char pem[64];
} sides[2];

static void side_send(void *context, struct core_transport_id, const uint8_t *data, size_t length)
{
	struct side *side = context;
	struct udp_datagram datagram = {.path = world_path(1, side->port),
		.class = SLUICE_CLASS_DTLS,
		.data = data,
		.length = length};

	ice_datagram(ice, &datagram, check_ms);
	ice_settle(ice, check_ms);
}

// What the description that we gave it says.
static const struct desc_fingerprint *side_expects(void *context, struct core_transport_id, bool *)
{
	struct side *side = context;
	const struct core_transport *leg = core_transport(core, side->leg);

	side->ours = locals.leg_fingerprints[leg->certificate - 1];
	return &side->ours;
}

static void side_keyed(void *context, struct core_transport_id, const struct core_keys *)
{
	((struct side *)context)->has_keys = true;
}

static void side_hears(void *context, struct core_transport_id, const uint8_t *data, size_t length)
{
	struct side *side = context;

	side->datagrams++;
	side->length = length;
	memcpy(side->data, data, length);
}

static void side_closed(void *context, struct core_transport_id, const char *)
{
	((struct side *)context)->closed++;
}

// What we have sent reaches its port.
static void network(void)
{
	while (sent_used) {
		struct sent one = sent[sent_first % SENT_MAX];
		struct side *side = &sides[one.path.remote.port != sides[0].port];

		sent_first++;
		sent_used--;
		dtls_input(side->dtls, side->own, false, one.data, one.length, check_ms);
	}
	ice_tick(ice, check_ms);
	core_dispatch(core);
}

static void side_certificate(struct side *side)
{
	struct dtls_host host = {side, NULL, side_send, side_expects, side_keyed, side_hears,
		side_closed, &side->counters};

	dtls_destroy(side->dtls);
	unlink(side->pem);
	side->has_keys = false;
	side->dtls = dtls_create(&host, side->pem, 8, why, sizeof(why));
	if (!side->dtls)
		fail_msg("%s", why);
	dtls_fingerprint(side->dtls, 0, &side->fingerprint);
}

static void side_open(unsigned number)
{
	struct side *side = &sides[number];
	struct core_join join = world_join("demo", number ? "bob" : "alice", side);
	bool resumed;

	memset(side, 0, sizeof(*side));
	join.pairs = true;
	snprintf(side->pem, sizeof(side->pem), "/tmp/test_ice.%d.side%u.pem", getpid(), number);
	side->own = (struct core_transport_id){number + 1, 1};
	side->port = (uint16_t)(6000 + number);
	side_certificate(side);
	assert_int_equal(core_join(core, &join, &side->id, &resumed), 0);
}

static void side_describes(struct side *side, enum desc_setup setup, struct desc *desc)
{
	world_desc(desc, (uint8_t)side->port);
	desc->setup = setup;
	desc->fingerprint = side->fingerprint;
	world_section(desc, DESC_APPLICATION)->direction = DESC_SENDRECV;
	desc->sections[0].sctp_port = 5000;
}

static struct core_transport_id leg_of(const struct side *side)
{
	const struct core_transport *leg = NULL;

	while ((leg = core_transport_next(core, leg)) != NULL)
		if (leg->participant.index == side->id.index)
			break;
	assert_non_null(leg);
	return leg->id;
}

static void side_checks(struct side *side)
{
	struct core_path path = world_path(1, side->port);

	assert_int_equal(core_transport_path(core, side->leg, &path, true, check_ms), 0);
	ice_settle(ice, check_ms);
}

// Describes the two legs; alice offers data channels, bob answers in that role.
static void call(enum desc_setup setup)
{
	side_open(0);
	side_open(1);
	side_describes(&sides[0], DESC_ACTPASS, &offer);
	assert_int_equal(core_pair_offer(core, sides[0].id, sides[1].id, &offer, 1000), 0);
	core_dispatch(core);
	sides[1].leg = leg_of(&sides[1]);
	side_describes(&sides[1], setup, &offer);
	assert_int_equal(core_pair_answer(core, sides[1].id, sides[0].id, &offer, 1000), 0);
	core_dispatch(core);
	sides[0].leg = leg_of(&sides[0]);
}

static void connect_side(struct side *side)
{
	side_checks(side);
	if (!core_transport(core, side->leg)->dtls_client)
		dtls_connect(side->dtls, side->own);
	network();
	assert_true(side->has_keys);
	assert_true(core_transport(core, side->leg)->has_keys);
}

static void hang_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		dtls_destroy(sides[i].dtls);
		unlink(sides[i].pem);
	}
}

static bool say(struct side *side, const void *data, size_t length)
{
	bool said = dtls_data(side->dtls, side->own, data, length);

	network();
	return said;
}

// With alice we are the server, with bob the client of DTLS.
static void data_goes_from_peer_to_peer(void **)
{
	uint8_t large[DTLS_DATA_MAX + 1];

	memset(large, 0x5a, sizeof(large));
	call(DESC_PASSIVE);
	connect_side(&sides[0]);
	assert_false(dtls_data(
		sides[1].dtls, sides[1].own, (const uint8_t *)"early", 5)); // it is not up itself
	assert_true(say(&sides[0], "INIT", 4));
	assert_int_equal(sides[1].datagrams, 0); // lost: SCTP says it again
	assert_int_equal(counters.data[EDGE_DATA_NO_PARTNER], 1);
	connect_side(&sides[1]);
	for (unsigned i = 1; i <= 5; i++) {
		assert_true(say(&sides[0], large, i * 200));
		assert_int_equal(sides[1].datagrams, i);
		assert_int_equal(sides[1].length, i * 200);
		assert_memory_equal(sides[1].data, large, i * 200);
		assert_true(say(&sides[1], "DATA", 4));
		assert_int_equal(sides[0].datagrams, i);
		assert_memory_equal(sides[0].data, "DATA", 4);
	}
	assert_int_equal(counters.data[EDGE_DATA_CARRIED], 10);
	assert_int_equal(counters.data_bytes, 3000 + 20);
	assert_true(say(&sides[0], large, sizeof(large)));
	assert_int_equal(sides[1].datagrams, 5);
	assert_int_equal(counters.data[EDGE_DATA_TOO_BIG], 1);
	hang_up();
}

static void data_has_a_rate(void **)
{
	uint8_t large[1000] = {0};
	unsigned carried;

	call(DESC_PASSIVE);
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	for (unsigned i = 0; i < 1500; i++)
		say(&sides[0], large, sizeof(large));
	carried = sides[1].datagrams;
	assert_in_range(carried, 1000, 1100); // a quarter of a second of 4 MiB/s
	assert_int_equal(counters.data[EDGE_DATA_TOO_FAST], 1500 - carried);
	assert_true(say(&sides[1], large, sizeof(large))); // the other way has its own
	assert_int_equal(sides[0].datagrams, 1);
	check_ms += 100;
	for (unsigned i = 0; i < 500; i++)
		say(&sides[0], large, sizeof(large));
	assert_in_range(sides[1].datagrams, carried + 400, carried + 430);
	hang_up();
}

static void data_that_nobody_took_is_not_carried(void **)
{
	call(DESC_PASSIVE);
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	side_describes(&sides[0], DESC_ACTPASS, &offer);
	assert_int_equal(core_pair_offer(core, sides[0].id, sides[1].id, &offer, 2000), 0);
	core_dispatch(core);
	side_describes(&sides[1], DESC_PASSIVE, &offer);
	offer.sections[0].rejected = true;
	assert_int_equal(core_pair_answer(core, sides[1].id, sides[0].id, &offer, 2000), 0);
	core_dispatch(core);
	say(&sides[0], "DATA", 4);
	assert_int_equal(sides[1].datagrams, 0);
	assert_int_equal(counters.data[EDGE_DATA_NO_PARTNER], 1);
	hang_up();
}

// One peer closes its connection: the other hears it by DTLS, as it would from the peer itself.
// The peer of a leg sees another certificate each time: only so does a connection that outlives the far
// peer's begin DTLS anew.
static void each_call_has_its_certificate(void **)
{
	struct desc_fingerprint first;

	call(DESC_ACTIVE);
	assert_memory_equal(&heard.fingerprint,
		&locals.leg_fingerprints[core_transport(core, sides[0].leg)->certificate - 1],
		sizeof(heard.fingerprint));
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	first = sides[1].ours;
	assert_memory_not_equal(&first, &locals.fingerprint, sizeof(first));
	assert_int_equal(core_pair_close(core, sides[0].id, sides[1].id), 0);
	network();
	hang_up();
	core_leave(core, sides[0].id);
	core_leave(core, sides[1].id);
	call(DESC_ACTIVE);
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	hang_up();
}

static void the_end_goes_to_the_other_side(void **)
{
	call(DESC_PASSIVE);
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	dtls_close(sides[0].dtls, sides[0].own);
	network();
	assert_int_equal(sides[1].closed, 1);
	assert_null(core_transport(core, sides[0].leg));
	assert_null(core_transport(core, sides[1].leg));
	ice_settle(ice, check_ms);
	assert_int_equal(allowed_used, 0);
	hang_up();
}

// bob's client makes a new PeerConnection for an offer. Its checks and its handshake are faster than its
// answer: the keys wait for that, and the ones before stay.
static void a_handshake_waits_for_the_answer(void **)
{
	uint32_t epoch;

	call(DESC_ACTIVE);
	connect_side(&sides[0]);
	connect_side(&sides[1]);
	epoch = core_transport(core, sides[1].leg)->key_epoch;

	side_describes(&sides[0], DESC_ACTPASS, &offer);
	assert_int_equal(core_pair_offer(core, sides[0].id, sides[1].id, &offer, 2000), 0);
	core_dispatch(core);
	side_certificate(&sides[1]);
	sides[1].port = 7000;
	side_checks(&sides[1]);
	dtls_connect(sides[1].dtls, sides[1].own);
	network();
	assert_true(sides[1].has_keys);
	assert_int_equal(core_transport(core, sides[1].leg)->key_epoch, epoch);
	assert_int_equal(counters.dtls[EDGE_DTLS_FINGERPRINT], 0);
	assert_true(ice_busy(ice));
	side_describes(&sides[1], DESC_ACTIVE, &offer);
	assert_int_equal(core_pair_answer(core, sides[1].id, sides[0].id, &offer, 2000), 0);
	network();
	assert_int_equal(core_transport(core, sides[1].leg)->key_epoch, epoch + 1);
	assert_int_equal(counters.dtls[EDGE_DTLS_RESTARTED], 1);
	assert_true(say(&sides[0], "DATA", 4));
	assert_int_equal(sides[1].datagrams, 1);
	assert_true(say(&sides[1], "BACK", 4));
	assert_int_equal(sides[0].datagrams, 1);
	hang_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_check_opens_a_path, fresh, done),
		cmocka_unit_test_setup_teardown(ports_of_ours, fresh, done),
		cmocka_unit_test_setup_teardown(refusals_are_few, fresh, done),
		cmocka_unit_test_setup_teardown(an_unknown_hop_is_asked_again, fresh, done),
		cmocka_unit_test_setup_teardown(a_gateway_that_fails_over_is_followed, fresh, done),
		cmocka_unit_test_setup_teardown(nobody_asks_for_ever, fresh, done),
		cmocka_unit_test_setup_teardown(a_session_that_we_begin, fresh, done),
		cmocka_unit_test_setup_teardown(a_moved_address_stays_allowed, fresh, done),
		cmocka_unit_test_setup_teardown(we_are_the_server, fresh, done),
		cmocka_unit_test_setup_teardown(
			a_new_connection_of_the_old_certificate, fresh, done),
		cmocka_unit_test_setup_teardown(we_are_the_client, fresh, done),
		cmocka_unit_test_setup_teardown(wrong_certificate_ends_the_transport, fresh, done),
		cmocka_unit_test_setup_teardown(strangers_are_counted, fresh, done),
		cmocka_unit_test_setup_teardown(data_goes_from_peer_to_peer, fresh, done),
		cmocka_unit_test_setup_teardown(data_has_a_rate, fresh, done),
		cmocka_unit_test_setup_teardown(data_that_nobody_took_is_not_carried, fresh, done),
		cmocka_unit_test_setup_teardown(each_call_has_its_certificate, fresh, done),
		cmocka_unit_test_setup_teardown(the_end_goes_to_the_other_side, fresh, done),
		cmocka_unit_test_setup_teardown(a_handshake_waits_for_the_answer, fresh, done),
	};

	snprintf(pem, sizeof(pem), "/tmp/test_ice.%d.pem", getpid());
	snprintf(client_pem, sizeof(client_pem), "/tmp/test_ice.%d.client.pem", getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(pem);
	unlink(client_pem);
	return failed;
}

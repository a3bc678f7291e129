// SPDX-License-Identifier: Apache-2.0
#include "control.h"
#include "edge/admit.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// ---- the core's way out

void control_settle(void *context)
{
	struct control *control = context;

	if (control->ending)
		return;
	for (int i = 0; i < 2; i++) { // events may cause verbs of dialects
		ice_settle(control->ice, loop_now_ms());
		core_dispatch(control->core);
	}
	announce_settle(control->announce);
}

static void row_participant(
	void *context, const struct core_participant *participant, const char *room, bool gone)
{
	struct control *control = context;

	control->rows.participant(control->rows.context, participant, room, gone);
	journal_participant(control->journal, participant, room, gone, loop_now_ms());
	announce_participant(control->announce, participant, room, gone);
	if (!gone)
		control_capture_joined(control, participant, room);
}

static void row_transport(void *context, const struct core_transport *transport, bool gone)
{
	struct control *control = context;
	const struct core_participant *participant =
		control->core ? core_participant(control->core, transport->participant) : NULL;

	// first: when it is gone, the data plane forgets its times as soon as it hears of it
	journal_transport(control->journal, control->core, transport, gone, loop_now_ms());
	control->rows.transport(control->rows.context, transport, gone);
	ice_changed(control->ice, transport, gone);
	join_changed(control->join, transport, participant ? participant->joined_ms : 0, gone);
	announce_transport(control->announce, transport, gone);
}

static void row_publication(void *context, const struct core_publication *publication, bool gone)
{
	struct control *control = context;

	journal_publication(control->journal, publication, loop_now_ms());
	control->rows.publication(control->rows.context, publication, gone);
	announce_publication(control->announce, publication, gone);
}

static void row_subscription(void *context, const struct core_subscription *subscription, bool gone)
{
	struct control *control = context;

	journal_subscription(control->journal, control->core, subscription, loop_now_ms());
	control->rows.subscription(control->rows.context, subscription, gone);
}

void control_announce(void *context, const struct announcement *announcement)
{
	struct control *control = context;

	webhooks_tell(control->webhooks, announcement);
}

static void random_bytes(void *context, void *bytes, size_t length)
{
	struct control *control = context;

	control->rows.random(control->rows.context, bytes, length);
}

static void core_event(void *context, const struct core_event *event)
{
	struct control *control = context;
	const struct dialect *dialect = NULL;

	if (event->type == CORE_EVENT_TRANSPORT_GONE && event->text)
		journal_progress(control->journal,
			&(struct ice_progress){
				.id = event->transport, .step = ICE_OVER, .text = event->text},
			loop_now_ms());
	if (ws_hub_event(server_hub(control->server), event) || feeds_event(control->feeds, event))
		return;
	while ((dialect = dialect_next(dialect)) != NULL) {
		struct log_scope before =
			log_enter(LOG_OF(.subsystem = dialect->name, .participant = event->to));
		bool taken = dialect->detached_event &&
			     dialect->detached_event(&control->dialect_host, event);

		log_leave(before);
		if (taken)
			return;
	}
}

struct core_plane control_rows(struct control *control)
{
	return (struct core_plane){
		.context = control,
		.participant = row_participant,
		.transport = row_transport,
		.publication = row_publication,
		.subscription = row_subscription,
		.random = random_bytes,
	};
}

struct core_sink control_sink(struct control *control)
{
	return (struct core_sink){.context = control, .event = core_event};
}

// ---- what dialects need

static struct auth auth_of(const struct control *control)
{
	return (struct auth){.secret = control->config.auth.jwt_secret,
		.api_keys = control->config.auth.keys,
		.api_keys_used = control->config.auth.keys_used,
		.keys = control->auth_keys,
		.issuer = control->config.auth.issuer,
		.session_tokens = control->config.auth.session_tokens};
}

static int token_check(struct control *control, const struct auth_request *request,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	const struct auth auth = auth_of(control);
	int result = auth_verify(&auth, request, grant, why, why_size);

	if (result)
		control->counters.tokens_refused++;
	else
		control->counters.tokens_accepted++;
	journal_token(control->journal, result ? "" : grant->room, result ? "" : grant->identity,
		result ? why : NULL, loop_now_ms());
	return result;
}

static int token_verify(void *context, const char *token, size_t length,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	const struct auth_request request = {token, length, "", time(NULL)};

	return token_check(context, &request, grant, why, why_size);
}

static int token_verify_for(void *context, const char *room, const char *token,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	const struct auth_request request = {token, strlen(token), room, time(NULL)};

	return token_check(context, &request, grant, why, why_size);
}

// The first of `rooms` that matches counts.
static const struct config_room *room_config(const struct config *config, const char *room)
{
	for (uint32_t i = 0; i < config->rooms_used; i++)
		if (!fnmatch(config->rooms[i].name, room, 0))
			return &config->rooms[i];
	return NULL;
}

static enum dialect_auth room_auth(void *context, enum dialect_auth listener, const char *room)
{
	struct control *control = context;
	const struct config_room *one = room ? room_config(&control->config, room) : NULL;

	if (!one || one->auth == CONFIG_AUTH_DEFAULT)
		return listener;
	return one->auth == CONFIG_AUTH_OPEN   ? DIALECT_OPEN
	       : one->auth == CONFIG_AUTH_HOOK ? DIALECT_HOOK
					       : DIALECT_TOKEN;
}

static enum dialect_answer hook_admit(void *context, const struct dialect_question *question,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	struct control *control = context;

	return admit(control->hook, question, grant, loop_now_ms(), why, why_size);
}

void control_wait(void *context, struct hook_waiter *waiter)
{
	struct control *control = context;

	hook_wait(control->hook, waiter);
}

static enum dialect_mode room_mode(void *context, const struct peer_link *link, const char *room)
{
	struct control *control = context;
	const struct config_room *one = room_config(&control->config, room);

	return !one || one->mode == CONFIG_MODE_DEFAULT
		       ? link->mode
		       : (enum dialect_mode)(one->mode - CONFIG_MODE_SFU);
}

static unsigned ice_servers(
	void *context, const char *identity, struct dialect_ice_server *servers, unsigned max)
{
	struct control *control = context;

	return turn_servers(&control->config, identity, time(NULL), servers, max);
}

static void file_answer(void *context, const char *path, struct http_reply *reply)
{
	struct control *control = context;
	struct http_request request = {.method = HTTP_GET, .path = path};

	http_file(&control->http_host, &request, reply);
}

static void sign(void *context, const void *bytes, size_t length, uint8_t signature[32])
{
	struct control *control = context;

	secret_sign(&control->secret, bytes, length, signature);
}

static uint64_t dialect_now_ms(void *)
{
	return loop_now_ms();
}

__attribute__((format(printf, 3, 4))) static void dialect_log(
	void *, char level, const char *format, ...)
{
	va_list arguments;
	int number = level == 'e'   ? LOG_LEVEL_ERROR
		     : level == 'w' ? LOG_LEVEL_WARN
		     : level == 'i' ? LOG_LEVEL_INFO
				    : LOG_LEVEL_DEBUG;

	va_start(arguments, format);
	log_print(number, "dialect", format, arguments);
	va_end(arguments);
}

static void dialect_about(void *, const char *room, const char *identity)
{
	log_name(room, identity);
}

static void dialect_count(
	void *context, const char *dialect, const char *direction, const char *type)
{
	struct control *control = context;

	for (unsigned i = 0; i < EDGE_MESSAGES_MAX; i++) {
		struct edge_message *message = &control->counters.messages[i];

		if (!message->dialect) {
			message->dialect = dialect;
			message->direction = direction;
			snprintf(message->type, sizeof(message->type), "%s", type);
		}
		if (!strcmp(message->dialect, dialect) && !strcmp(message->direction, direction) &&
			!strcmp(message->type, type)) {
			message->count++;
			return;
		}
	}
}

static void dialect_error(void *context, const char *dialect, const char *code)
{
	dialect_count(context, dialect, "error", code);
}

struct dialect_host control_dialect_host(struct control *control)
{
	return (struct dialect_host){
		.core = control->core,
		.context = control,
		.verify = token_verify,
		.verify_for = token_verify_for,
		.auth = room_auth,
		.admit = hook_admit,
		.mode = room_mode,
		.ice_servers = ice_servers,
		.sign = sign,
		.file = file_answer,
		.now_ms = dialect_now_ms,
		.log = dialect_log,
		.about = dialect_about,
		.count = dialect_count,
		.fault = dialect_error,
		.rooms_per_user = control->config.limits.rooms_per_user,
		.auth_ms = control->config.limits.auth_ns / 1000000,
		.strict_etag = control->config.whip.strict_etag,
	};
}

struct ws_host control_ws_host(struct control *control)
{
	return (struct ws_host){
		.context = control,
		.dialect_host = &control->dialect_host,
		.settle = control_settle,
		.counters = &control->counters,
		.message_bytes = control->config.limits.message_bytes,
		.messages_per_second = control->config.limits.messages_per_second,
	};
}

// ---- what HTTP and sluicectl need

static void ready_report(void *context, struct ready_report *report)
{
	struct control *control = context;
	struct timespec now;
	struct ready_input input = {
		.config = &control->config,
		.observed = plane_observed(control->plane),
		.plane_ready = plane_ready(control->plane),
		.draining = control->draining,
		.candidates = control->local.candidates_used,
		.certificate_expiry_s = control->certificate_expiry_s,
		.now_s = time(NULL),
	};

	clock_gettime(CLOCK_MONOTONIC, &now);
	input.now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	ready_check(&input, report);
}

static size_t metrics_print(void *context, char *text, size_t size, bool open)
{
	struct control *control = context;

	const struct metrics_source source = {.core = control->core,
		.plane = control->plane,
		.counters = &control->counters,
		.limits = &control->limits,
		.open = open};

	return metrics_text(text, size, &source);
}

static int token_make(
	void *context, uint32_t user, const char *name, const char *room, char *token, size_t size)
{
	struct control *control = context;

	return auth_make(
		control->config.auth.jwt_secret, user, name, room, time(NULL), token, size);
}

// Passwords of TURN servers are for those who may use the relay: everybody where tokens are had for the
// asking, else the bearer of one. Others hear of the servers that need none.
static unsigned page_ice_servers(void *context, const struct http_request *request,
	struct dialect_ice_server *servers, unsigned max)
{
	static const char bearer[] = "Bearer ";
	struct control *control = context;
	const char *token = request->authorization;
	struct dialect_grant grant = {0};
	unsigned used, kept = 0;
	char why[64];
	bool known = control->config.auth.open || control->config.auth.development_tokens;

	if (token && !strncasecmp(token, bearer, sizeof(bearer) - 1)) {
		token += sizeof(bearer) - 1;
		known |= !token_verify(control, token, strlen(token), &grant, why, sizeof(why));
	}
	used = ice_servers(control, grant.identity, servers, max);
	for (unsigned i = 0; i < used; i++)
		if (known || !*servers[i].credential)
			servers[kept++] = servers[i];
	return kept;
}

void control_drain(void *context, bool draining)
{
	struct control *control = context;

	control->draining = draining;
	core_drain(control->core, draining);
	plane_drain(control->plane, draining);
	control->leaving &= draining;
	log_info("%s", draining ? "draining: no new participants" : "no longer draining");
}

static bool is_draining(void *context)
{
	struct control *control = context;

	return control->draining;
}

struct http_host control_http_host(struct control *control)
{
	return (struct http_host){
		.context = control,
		.web_directory = control->config.web_directory,
		.origins = control->config.http.origins,
		.socket_path = "/ws/sfu",
		.development_tokens = control->config.auth.development_tokens,
		.ready = ready_report,
		.metrics = metrics_print,
		.ice_servers = page_ice_servers,
		.token = token_make,
	};
}

static int token_powers(
	void *context, const char *token, struct auth_powers *powers, char *why, size_t why_size)
{
	struct control *control = context;
	const struct auth auth = auth_of(control);
	const struct auth_request request = {token, strlen(token), "", time(NULL)};

	return auth_verify_powers(&auth, &request, powers, why, why_size);
}

static const struct sluice_desired *admin_desired(void *context)
{
	struct control *control = context;

	return plane_desired(control->plane);
}

static const struct sluice_observed *admin_observed(void *context)
{
	struct control *control = context;

	return plane_observed(control->plane);
}

static bool admin_forwarding(void *context)
{
	struct control *control = context;

	return plane_ready(control->plane);
}

struct admin_host control_admin_host(struct control *control)
{
	return (struct admin_host){
		.context = control,
		.config = &control->config,
		.core = control->core,
		.desired = admin_desired,
		.observed = admin_observed,
		.forwarding = admin_forwarding,
		.http = &control->http_host,
		.counters = &control->counters,
		.started_ms = control->started_ms,
		.powers = token_powers,
		.ready = ready_report,
		.draining = is_draining,
		.now_ms = dialect_now_ms,
	};
}

struct ctl_host control_ctl_host(struct control *control)
{
	return (struct ctl_host){
		.context = control,
		.core = control->core,
		.counters = &control->counters,
		.started_ms = control->started_ms,
		.ready = ready_report,
		.drain = control_drain,
		.draining = is_draining,
		.settle = control_settle,
		.reload = control_reload,
		.synthetic = control->synthetic,
		.journal = control->journal,
		.captures = &control_captures,
		.feeds = control->feeds,
	};
}

static int feed_control(void *context, struct core_transport_id id,
	const struct desc_candidate *candidates, unsigned count)
{
	struct control *control = context;

	return ice_control(control->ice, id, candidates, count, control->limits.drop_ms);
}

// Media comes only to ports that the data plane knows; what it was started with, it says.
static int feed_port_open(void *context, uint16_t port, char *why, size_t why_size)
{
	struct control *control = context;
	const struct sluice_observed *observed = plane_observed(control->plane);
	uint16_t number = observed ? (uint16_t)(port - observed->head.feed_port) : 0;

	if (!observed || !atomic_load(&observed->head.ready) || number < observed->head.feed_ports)
		return udp_port_open(control->udp, port, why, why_size);
	snprintf(why, why_size,
		"the data plane was started with other feeds.ports, without %u: restart it", port);
	return -EPROTO;
}

static void feed_port_close(void *context, uint16_t port)
{
	struct control *control = context;

	udp_port_close(control->udp, port);
}

struct feed_host control_feed_host(struct control *control)
{
	return (struct feed_host){
		.context = control,
		.core = control->core,
		.client = control->client,
		.port = {control, feed_port_open, feed_port_close},
		.control = feed_control,
		.settle = control_settle,
		.now_ms = dialect_now_ms,
	};
}

// ---- what ICE needs

static int ice_send(void *context, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct control *control = context;

	return control_send(control, path, data, length);
}

struct sluice_address control_address(const struct core_address *address)
{
	struct sluice_address copy = {.port = address->port};

	memcpy(copy.ip, address->ip, sizeof(copy.ip));
	return copy;
}

struct sluice_path control_path(const struct core_path *path)
{
	return (struct sluice_path){
		.remote = control_address(&path->remote), .local = control_address(&path->local)};
}

static int ice_neighbour(void *context, const struct core_path *path, uint8_t mac[6])
{
	struct control *control = context;
	struct sluice_address remote = control_address(&path->remote);
	struct sluice_address local = control_address(&path->local);
	int interface, found;

	if (path->port >= CONFIG_PORTS_MAX || !control->neighbours[path->port])
		return -EOPNOTSUPP;
	found = neighbour_find(control->neighbours[path->port], &remote, &local, &interface, mac);
	return found == NEIGHBOUR_LOOPBACK ? 0 : found;
}

static int ice_allow(void *context, const struct core_path *path)
{
	struct control *control = context;
	struct sluice_path copy = control_path(path);

	return steer_allow(control->steer, &copy);
}

static int ice_deny(void *context, const struct core_path *path)
{
	struct control *control = context;
	struct sluice_path copy = control_path(path);

	return steer_deny(control->steer, &copy);
}

static void ice_progressed(void *context, const struct ice_progress *progress)
{
	struct control *control = context;

	journal_progress(control->journal, progress, loop_now_ms());
}

static struct core_address core_address_of(const struct sluice_address *address)
{
	struct core_address copy = {.port = address->port};

	memcpy(copy.ip, address->ip, sizeof(copy.ip));
	return copy;
}

// The data plane, unlike the kernel, must be told which of our addresses a datagram comes from.
static unsigned ice_paths(void *context, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned max)
{
	struct control *control = context;
	unsigned count = udp_paths(control->udp, remote, local_port, paths, max);

	for (unsigned i = 0; i < count; i++) {
		struct neighbour *neighbour = control->neighbours[paths[i].port];
		struct sluice_address local = control_address(&paths[i].local);
		struct sluice_address to = control_address(remote);

		if (!udp_is_punted(control->udp, paths[i].port) ||
			!address_is_any(&paths[i].local) || !neighbour)
			continue;
		if (!neighbour_source(neighbour, &to, &local))
			paths[i].local = core_address_of(&local);
	}
	return count;
}

struct ice_host control_ice_host(struct control *control)
{
	return (struct ice_host){
		.context = control,
		.send = ice_send,
		.neighbour = ice_neighbour,
		.allow = ice_allow,
		.deny = ice_deny,
		.progress = ice_progressed,
		.paths = ice_paths,
		.counters = &control->counters,
	};
}

// ---- datagrams

static void udp_datagram(void *context, const struct udp_datagram *datagram)
{
	struct control *control = context;

	control_capture_in(control, datagram);
	ice_datagram(control->ice, datagram, loop_now_ms());
	control_settle(control);
}

static bool udp_punt(void *context, struct sluice_datagram *datagram)
{
	struct control *control = context;

	return plane_punt(control->plane, datagram);
}

static bool udp_reply(void *context, const struct sluice_datagram *datagram)
{
	struct control *control = context;

	return plane_reply(control->plane, datagram);
}

struct udp_host control_udp_host(struct control *control)
{
	return (struct udp_host){
		.context = control,
		.datagram = udp_datagram,
		.punt = udp_punt,
		.reply = udp_reply,
		.counters = &control->counters,
	};
}

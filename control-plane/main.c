// SPDX-License-Identifier: Apache-2.0
// sluice-control: creates the modules, hands them to each other, runs the loop. Nothing clever.
//
// Exit status: 0 orderly, 1 a failure that a restart may mend, 2 cannot run like this.
#include "dialect/dialect.h"
#include "edge/address.h"
#include "edge/auth.h"
#include "edge/candidates.h"
#include "edge/certificate.h"
#include "edge/ctl.h"
#include "edge/doorbell.h"
#include "edge/http.h"
#include "edge/ice.h"
#include "edge/join.h"
#include "edge/log.h"
#include "edge/notify.h"
#include "edge/ready.h"
#include "edge/server.h"
#include "edge/synthetic.h"
#include "edge/udp.h"
#include "plane/metrics.h"
#include "plane/neighbour.h"
#include "plane/plane.h"
#include "plane/steer.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_CANNOT_RUN = 2,
	TICK_MS = 50, // DTLS retransmissions, next hops
	POLL_MS =
		100, // shared rings, should the doorbell be lost; the filter's map: media waits for it
	CORE_MS = 250, // time-outs of core and dialects
	SLOW_MS = 1000, // watchdog
	CANDIDATES_MS = 5000, // interfaces that come and go
	LAST_WORDS_MS = 100, // for close frames at the end
	WHY_MAX = 512,
	SETS_MAX = 64,
};

struct settings { // as the command line gave them, for SIGHUP
	const char *file;
	int count;
	char *sets[SETS_MAX];
};

struct control {
	struct config config;
	struct settings settings;
	struct edge_counters counters;
	struct plane *plane;
	struct core_plane rows; // the plane's callbacks
	struct core *core;
	struct core_limits limits;
	struct core_local local;
	struct ice *ice;
	struct join *join;
	struct udp *udp;
	struct server *server;
	struct doorbell *doorbell;
	struct ctl *ctl;
	struct synthetic *synthetic; // NULL unless test.sessions
	struct steer *steer;
	int steer_said; // last steer_status that was logged
	struct neighbour *neighbours[CONFIG_PORTS_MAX];
	struct dialect_host dialect_host;
	struct http_host http_host;
	struct ws_host ws_host;
	struct loop_timer *timer;
	struct loop_watch *udp_watches[UDP_SOCKETS_MAX];
	struct udp_readiness {
		struct control *control;
		unsigned index;
	} udp_ready[UDP_SOCKETS_MAX];
	int signals;
	struct loop_watch *signals_watch;
	uint64_t started_ms, polled_ms, filtered_ms, cored_ms, slow_ms, gathered_ms;
	int64_t certificate_expiry_s;
	bool draining, ending;
};

// ---- the core's way out

static void settle(void *context)
{
	struct control *control = context;

	if (control->ending)
		return;
	for (int i = 0; i < 2; i++) { // events may cause verbs of dialects
		ice_settle(control->ice, loop_now_ms());
		core_dispatch(control->core);
	}
}

static void row_participant(
	void *context, const struct core_participant *participant, const char *room, bool gone)
{
	struct control *control = context;

	control->rows.participant(control->rows.context, participant, room, gone);
}

static void row_transport(void *context, const struct core_transport *transport, bool gone)
{
	struct control *control = context;
	const struct core_participant *participant =
		control->core ? core_participant(control->core, transport->participant) : NULL;

	control->rows.transport(control->rows.context, transport, gone);
	ice_changed(control->ice, transport, gone);
	join_changed(control->join, transport, participant ? participant->joined_ms : 0, gone);
}

static void row_publication(void *context, const struct core_publication *publication, bool gone)
{
	struct control *control = context;

	control->rows.publication(control->rows.context, publication, gone);
}

static void row_subscription(void *context, const struct core_subscription *subscription, bool gone)
{
	struct control *control = context;

	control->rows.subscription(control->rows.context, subscription, gone);
}

static void random_bytes(void *context, void *bytes, size_t length)
{
	struct control *control = context;

	control->rows.random(control->rows.context, bytes, length);
}

static void core_event(void *context, const struct core_event *event)
{
	struct control *control = context;

	ws_hub_event(server_hub(control->server), event);
}

// ---- what dialects need

static int token_verify(void *context, const char *token, size_t length,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	struct control *control = context;
	int result = auth_verify(
		control->config.auth.jwt_secret, token, length, time(NULL), grant, why, why_size);

	if (result)
		control->counters.tokens_refused++;
	else
		control->counters.tokens_accepted++;
	return result;
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
	log_print(number, format, arguments);
	va_end(arguments);
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

static size_t metrics_print(void *context, char *text, size_t size)
{
	struct control *control = context;

	return metrics_text(text, size, control->core, control->plane, &control->counters);
}

static int token_make(
	void *context, uint32_t user, const char *name, const char *room, char *token, size_t size)
{
	struct control *control = context;

	return auth_make(
		control->config.auth.jwt_secret, user, name, room, time(NULL), token, size);
}

static void drain(void *context, bool draining)
{
	struct control *control = context;

	control->draining = draining;
	core_drain(control->core, draining);
	plane_drain(control->plane, draining);
	log_info("%s", draining ? "draining: no new participants" : "no longer draining");
}

static bool is_draining(void *context)
{
	struct control *control = context;

	return control->draining;
}

// ---- what ICE needs

static int ice_send(void *context, const struct core_path *path, const uint8_t *data, size_t length)
{
	struct control *control = context;

	return udp_send(control->udp, path, data, length);
}

static struct sluice_address plane_address(const struct core_address *address)
{
	struct sluice_address copy = {.port = address->port};

	memcpy(copy.ip, address->ip, sizeof(copy.ip));
	return copy;
}

static int ice_neighbour(void *context, const struct core_path *path, uint8_t mac[6])
{
	struct control *control = context;
	struct sluice_address remote = plane_address(&path->remote);
	struct sluice_address local = plane_address(&path->local);
	int interface, found;

	if (path->port >= CONFIG_PORTS_MAX || !control->neighbours[path->port])
		return -EOPNOTSUPP;
	found = neighbour_find(control->neighbours[path->port], &remote, &local, &interface, mac);
	return found == NEIGHBOUR_LOOPBACK ? 0 : found;
}

static int ice_allow(void *context, const struct core_address *remote)
{
	struct control *control = context;
	struct sluice_address address = plane_address(remote);

	return steer_allow(control->steer, &address);
}

static int ice_deny(void *context, const struct core_address *remote)
{
	struct control *control = context;
	struct sluice_address address = plane_address(remote);

	return steer_deny(control->steer, &address);
}

// ---- datagrams

static void udp_datagram(void *context, const struct udp_datagram *datagram)
{
	struct control *control = context;

	ice_datagram(control->ice, datagram, loop_now_ms());
	settle(control);
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

static void udp_is_readable(void *context, enum loop_ready ready)
{
	struct udp_readiness *readiness = context;

	if (ready == LOOP_READABLE)
		udp_readable(readiness->control->udp, readiness->index);
}

// ---- time

static void poll_plane(void *context)
{
	struct control *control = context;
	uint64_t now_ms = loop_now_ms();

	control->polled_ms = now_ms;
	plane_poll(control->plane, control->core, now_ms);
	udp_punted(control->udp);
	settle(control);
}

static void filter_fill(struct control *control)
{
	struct core_address *remotes;
	struct sluice_address *addresses;
	int count = ice_remotes(control->ice, &remotes), error = -ENOMEM;

	if (count < 0)
		return;
	addresses = calloc((size_t)count + 1, sizeof(*addresses));
	for (int i = 0; addresses && i < count; i++)
		addresses[i] = plane_address(&remotes[i]);
	if (addresses)
		error = steer_resync(control->steer, addresses, (size_t)count);
	if (error)
		log_warn("the filter's addresses could not be written: %s: trying again",
			strerror(-error));
	else
		log_info("the filter knows %d addresses of peers", count);
	free(addresses);
	free(remotes);
}

static void filter_poll(struct control *control)
{
	int status;

	if (steer_poll(control->steer))
		filter_fill(control);
	status = steer_status(control->steer);
	if (status != control->steer_said && status && status != -ENOENT)
		log_error("the filter's map cannot be used: %s: all media of XDP ports will be "
			  "dropped; run control with CAP_BPF and the data plane's version",
			strerror(-status));
	control->steer_said = status;
}

static void candidates_refresh(struct control *control)
{
	struct core_local now;

	memset(&now, 0, sizeof(now)); // compared bytewise
	now.fingerprint = control->local.fingerprint;
	now.candidates_used = (uint8_t)candidates_gather(&control->config, now.candidates);
	if (control->core && !memcmp(&now, &control->local, sizeof(now)))
		return;
	control->local = now;
	for (unsigned i = 0; i < now.candidates_used; i++)
		log_info("candidate %s: %s port %u, UDP", now.candidates[i].foundation,
			now.candidates[i].address, now.candidates[i].port);
	if (!now.candidates_used)
		log_warn("no address for media: set media.addresses or give the port's interface "
			 "one");
	if (control->core)
		core_configure(control->core, &control->limits, &control->local);
}

static void tick(void *context)
{
	struct control *control = context;
	uint64_t now_ms = loop_now_ms();

	if (control->ending) { // the last words are written
		loop_stop(server_loop(control->server));
		return;
	}
	if (ice_busy(control->ice)) {
		ice_tick(control->ice, now_ms);
		settle(control);
	}
	if (now_ms - control->polled_ms >= POLL_MS)
		poll_plane(control);
	if (now_ms - control->filtered_ms >= POLL_MS) {
		control->filtered_ms = now_ms;
		filter_poll(control);
	}
	if (now_ms - control->cored_ms >= CORE_MS) {
		control->cored_ms = now_ms;
		synthetic_tick(control->synthetic, now_ms);
		core_tick(control->core, now_ms);
		ws_hub_tick(server_hub(control->server), now_ms); // settles
		server_tick(control->server);
		join_poll(control->join, plane_observed(control->plane));
	}
	if (now_ms - control->slow_ms >= SLOW_MS) {
		control->slow_ms = now_ms;
		notify_send("WATCHDOG=1");
	}
	if (now_ms - control->gathered_ms >= CANDIDATES_MS) {
		control->gathered_ms = now_ms;
		candidates_refresh(control);
	}
}

static void end(struct control *control, unsigned number)
{
	log_info("signal %u: ending; calls in the data plane go on", number);
	settle(control);
	control->ending = true; // rows stay as they are: media lives on
	ws_hub_close_all(server_hub(control->server), WS_CLOSE_RESTART, "restarting");
	loop_timer_set(control->timer, LAST_WORDS_MS, 0);
}

static int settings_read(const struct settings *settings, struct config *config, char *why);
static void limits_fill(struct control *control);

static void certificate_reload(struct control *control)
{
	const char *certificate = control->config.http.tls_certificate;
	const char *key = control->config.http.tls_key;

	if (!*certificate)
		return;
	if (loop_tls_reload(server_loop(control->server), certificate, key)) {
		log_error(
			"SIGHUP: the TLS certificate stays as it was: %s and %s cannot be read or "
			"are no pair",
			certificate, key);
		return;
	}
	control->certificate_expiry_s = certificate_expiry(certificate);
	log_info("SIGHUP: %s is read again", certificate);
}

// Reads the configuration anew and applies the keys that the sample file calls reloadable.
static void reload(struct control *control)
{
	struct config *fresh = calloc(1, sizeof(*fresh));
	char why[WHY_MAX] = "out of memory";

	if (!fresh || settings_read(&control->settings, fresh, why)) {
		log_error("SIGHUP: nothing is changed: %s", why);
		free(fresh);
		return;
	}
	control->config.limits = fresh->limits;
	control->config.log_level = fresh->log_level;
	config_forget_secrets(fresh);
	free(fresh);
	log_level = (int)control->config.log_level;
	limits_fill(control);
	core_configure(control->core, &control->limits, &control->local);
	server_limit(control->server, &control->config);
	control->dialect_host.auth_ms = control->config.limits.auth_ns / 1000000;
	log_info("SIGHUP: limits and log level are read again");
}

static void signal_ready(void *context, enum loop_ready ready)
{
	struct control *control = context;
	struct signalfd_siginfo info;

	if (ready != LOOP_READABLE || read(control->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(control);
		certificate_reload(control);
	} else if (!control->ending) {
		end(control, info.ssi_signo);
	}
}

// ---- start

static int fail(const char *why)
{
	log_error("%s", why);
	return EXIT_CANNOT_RUN;
}

static void limits_fill(struct control *control)
{
	const struct config *config = &control->config;
	uint32_t workers = config->dataplane.cores_used ? config->dataplane.cores_used
							: config->dataplane.workers;

	control->limits = (struct core_limits){
		.rooms = config->limits.rooms,
		.participants = config->limits.participants,
		.participants_per_room = config->limits.participants_per_room,
		.publications_per_participant = config->limits.publications_per_participant,
		.transports = SLUICE_TRANSPORTS_MAX,
		.publications = SLUICE_PUBLICATIONS_MAX,
		.subscriptions = SLUICE_SUBSCRIPTIONS_MAX,
		.suspect_ms = (uint32_t)(config->limits.suspect_ns / 1000000),
		.drop_ms = (uint32_t)(config->limits.drop_ns / 1000000),
		.setup_ms = (uint32_t)(config->limits.setup_ns / 1000000),
		.grace_ms = (uint32_t)(config->limits.grace_ns / 1000000),
		.workers = workers,
	};
}

static int start_ice(struct control *control, char *why)
{
	char pem[CONFIG_PATH_MAX + 16];
	struct ice_host host = {
		.context = control,
		.send = ice_send,
		.neighbour = ice_neighbour,
		.allow = ice_allow,
		.deny = ice_deny,
		.counters = &control->counters,
	};

	snprintf(pem, sizeof(pem), "%s/dtls.pem", control->config.runtime_directory);
	control->ice = ice_create(&host, pem, SLUICE_TRANSPORTS_MAX, why, WHY_MAX);
	if (!control->ice)
		return -1;
	ice_fingerprint(control->ice, &control->local.fingerprint);
	control->join = join_create(&control->counters, SLUICE_TRANSPORTS_MAX);
	control->steer = steer_create(control->config.bpf_directory);
	if (control->join && control->steer)
		return 0;
	snprintf(why, WHY_MAX, "out of memory, or bpf_directory is too long");
	return -1;
}

static void start_neighbours(struct control *control)
{
	for (uint32_t i = 0; i < control->config.ports_used; i++) {
		control->neighbours[i] = neighbour_open(control->config.ports[i].netns);
		if (!control->neighbours[i])
			log_warn("port %u: cannot ask the kernel for next hops: %s", i,
				strerror(errno));
	}
}

// The model, and in it what a control before us left.
static int start_core(struct control *control, bool discard, char *why)
{
	struct core_plane rows = {
		.context = control,
		.participant = row_participant,
		.transport = row_transport,
		.publication = row_publication,
		.subscription = row_subscription,
		.random = random_bytes,
	};
	struct core_sink sink = {.context = control, .event = core_event};
	const struct core_transport *transport = NULL;
	unsigned recovered;

	control->plane = plane_create(control->config.runtime_directory, discard, why, WHY_MAX);
	if (!control->plane)
		return -1;
	control->rows = plane_callbacks(control->plane);
	control->core = core_create(&control->limits, &control->local, &rows, &sink);
	if (!control->core) {
		snprintf(why, WHY_MAX, "out of memory");
		return -1;
	}
	ice_attach(control->ice, control->core);
	recovered = plane_recover(control->plane, control->core, loop_now_ms());
	while ((transport = core_transport_next(control->core, transport))) {
		ice_changed(control->ice, transport, false);
		join_changed(control->join, transport, 0, false);
	}
	if (recovered)
		log_info("took over %u transports of the control before us", recovered);
	return 0;
}

static int start_udp(struct control *control, char *why)
{
	struct udp_host host = {
		.context = control,
		.datagram = udp_datagram,
		.punt = udp_punt,
		.reply = udp_reply,
		.counters = &control->counters,
	};

	control->udp = udp_create(&control->config, &host, why, WHY_MAX);
	return control->udp ? 0 : -1;
}

static int start_server(struct control *control, char *why)
{
	const struct config *config = &control->config;
	struct server_options options = {
		.config = config,
		.http = &control->http_host,
		.ws = &control->ws_host,
		.dialect = dialect_find,
		.counters = &control->counters,
	};

	control->dialect_host = (struct dialect_host){
		.core = control->core,
		.context = control,
		.verify = token_verify,
		.now_ms = dialect_now_ms,
		.log = dialect_log,
		.count = dialect_count,
		.auth_ms = config->limits.auth_ns / 1000000,
	};
	control->ws_host = (struct ws_host){
		.context = control,
		.dialect_host = &control->dialect_host,
		.settle = settle,
		.counters = &control->counters,
		.message_bytes = config->limits.message_bytes,
		.messages_per_second = config->limits.messages_per_second,
	};
	control->http_host = (struct http_host){
		.context = control,
		.web_directory = config->web_directory,
		.origins = config->http.origins,
		.socket_path = "/ws/sfu",
		.development_tokens = config->auth.development_tokens,
		.ready = ready_report,
		.metrics = metrics_print,
		.token = token_make,
	};
	control->server = server_create(&options, why, WHY_MAX);
	if (*config->http.tls_certificate)
		control->certificate_expiry_s = certificate_expiry(config->http.tls_certificate);
	return control->server ? 0 : -1;
}

static int start_watches(struct control *control, char *why)
{
	struct loop *loop = server_loop(control->server);
	sigset_t handled;

	snprintf(why, WHY_MAX, "out of memory or descriptors");
	sigemptyset(&handled);
	sigaddset(&handled, SIGHUP);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	control->signals = signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC);
	if (control->signals >= 0)
		control->signals_watch = loop_watch(loop, control->signals, signal_ready, control);
	for (unsigned i = 0; i < udp_sockets(control->udp); i++) {
		control->udp_ready[i] = (struct udp_readiness){control, i};
		control->udp_watches[i] = loop_watch(
			loop, udp_socket(control->udp, i), udp_is_readable, &control->udp_ready[i]);
		if (!control->udp_watches[i])
			return -1;
	}
	control->timer = loop_timer_create(loop, tick, control);
	if (!control->timer || !control->signals_watch)
		return -1;
	loop_timer_set(control->timer, TICK_MS, TICK_MS);
	return 0;
}

static int start_unix(struct control *control, char *why)
{
	struct loop *loop = server_loop(control->server);
	const char *directory = control->config.runtime_directory;
	if (control->config.test.sessions)
		control->synthetic = synthetic_create(control->core, control->ice);
	struct ctl_host host = {
		.context = control,
		.core = control->core,
		.counters = &control->counters,
		.started_ms = control->started_ms,
		.ready = ready_report,
		.drain = drain,
		.draining = is_draining,
		.settle = settle,
		.synthetic = control->synthetic,
	};

	control->doorbell = doorbell_create(loop, directory, poll_plane, control, why, WHY_MAX);
	if (!control->doorbell)
		return -1;
	// The loop has no hook around its wait: control says it sleeps all the time, and the data
	// plane always rings. Events are few; only punted datagrams ring often, and those are few too.
	plane_sleep(control->plane, true);
	control->ctl = ctl_create(loop, directory, &host, why, WHY_MAX);
	return control->ctl ? 0 : -1;
}

static int start(struct control *control, bool discard, char *why)
{
	const char *directory = control->config.runtime_directory;

	control->started_ms = loop_now_ms();
	if (mkdir(directory, 0750) && errno != EEXIST) {
		snprintf(why, WHY_MAX, "runtime_directory %s: %s", directory, strerror(errno));
		return -1;
	}
	limits_fill(control);
	start_neighbours(control);
	if (start_ice(control, why))
		return -1;
	candidates_refresh(control);
	if (start_core(control, discard, why) || start_udp(control, why) ||
		start_server(control, why) || start_watches(control, why) ||
		start_unix(control, why))
		return -1;
	filter_poll(control);
	poll_plane(control);
	return 0;
}

static void say_hello(const struct control *control)
{
	const struct config *config = &control->config;

	for (uint32_t i = 0; i < config->ports_used; i++)
		log_info("port %u: %s%s%s, STUN and DTLS come %s", i,
			*config->ports[i].interface ? config->ports[i].interface : config->ports[i].device,
			*config->ports[i].netns ? " in network namespace " : "",
			config->ports[i].netns,
			udp_is_punted(control->udp, (uint8_t)i) ? "from the data plane"
								: "through the kernel");
	for (uint32_t i = 0; i < config->dialects_used; i++)
		log_info("dialect %s on port %u", config->dialects[i].name,
			server_port(control->server, i + 1));
	if (config->auth.development_tokens)
		log_warn("auth.development_tokens is on: whoever reaches the page gets a token");
	if (control->synthetic)
		log_warn("test.sessions is on: `sluicectl test-session` makes sessions without ICE "
			 "and DTLS");
	log_info("sluice-control %s is up: %s port %u, media UDP port %u, after %llu ms",
		SLUICE_VERSION, *config->http.tls_certificate ? "https" : "http",
		server_port(control->server, 0), config->media.port,
		(unsigned long long)(loop_now_ms() - control->started_ms));
}

// ---- end

static void stop(struct control *control)
{
	control->ending = true;
	ctl_destroy(control->ctl);
	synthetic_destroy(control->synthetic);
	doorbell_destroy(control->doorbell);
	loop_timer_destroy(control->timer);
	for (unsigned i = 0; i < UDP_SOCKETS_MAX; i++)
		loop_unwatch(control->udp_watches[i]);
	loop_unwatch(control->signals_watch);
	server_destroy(control->server);
	udp_destroy(control->udp);
	core_destroy(control->core);
	ice_destroy(control->ice);
	join_destroy(control->join);
	steer_destroy(control->steer);
	for (unsigned i = 0; i < CONFIG_PORTS_MAX; i++)
		neighbour_close(control->neighbours[i]);
	plane_destroy(control->plane);
	if (control->signals > 0)
		close(control->signals);
	config_forget_secrets(&control->config);
}

// ---- the command line

static const char usage[] =
	"usage: sluice-control [-c FILE] [--set key=value]... [-t] [-v] [--discard-state]\n"
	"  -c FILE           configuration (YAML)\n"
	"  --set key=value   one value, over file and SLUICE_… environment; may be repeated\n"
	"  -t                check the configuration, print the effective values, end\n"
	"  --sample          print a commented sample configuration, end\n"
	"  --discard-state   replace shared state of another version instead of refusing to start\n"
	"  -v                log more\n"
	"  -V, -h            version, this help\n";

struct options {
	bool check, verbose, discard, done;
	int status;
};

extern char **environ;

// Settings of flags go over those of the environment, so they are applied last.
static int settings_read(const struct settings *settings, struct config *config, char *why)
{
	config_init(config);
	if (settings->file && config_read(config, settings->file, why, WHY_MAX))
		return -1;
	if (config_read_environment(config, environ, why, WHY_MAX))
		return -1;
	for (int i = 0; i < settings->count; i++)
		if (config_set(config, settings->sets[i], why, WHY_MAX))
			return -1;
	return config_check(config, true, why, WHY_MAX);
}

static int options_read(int argc, char **argv, struct control *control, struct options *options)
{
	static const struct option words[] = {
		{"set", required_argument, NULL, 's'},
		{"sample", no_argument, NULL, 'S'},
		{"discard-state", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct settings *settings = &control->settings;
	char why[WHY_MAX] = "";
	int letter;

	while ((letter = getopt_long(argc, argv, "c:tvVh", words, NULL)) != -1) {
		options->check |= letter == 't';
		options->verbose |= letter == 'v';
		options->discard |= letter == 'd';
		options->done |= letter == 'V' || letter == 'h' || letter == 'S';
		if (letter == 'c')
			settings->file = optarg;
		else if (letter == 's' && settings->count < SETS_MAX)
			settings->sets[settings->count++] = optarg;
		else if (letter == 'V')
			printf("sluice-control %s\n", SLUICE_VERSION);
		else if (letter == 'h')
			fputs(usage, stdout);
		else if (letter == 'S')
			config_print_sample(stdout);
		else if (letter == '?')
			return EXIT_CANNOT_RUN;
	}
	if (options->done)
		return 0;
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_CANNOT_RUN;
	}
	if (settings_read(settings, &control->config, why))
		return fail(why);
	if (options->check)
		config_print(&control->config, stdout);
	options->done = options->check;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct control *control = calloc(1, sizeof(*control));
	char why[WHY_MAX] = "";
	int status;

	if (!control)
		return 1;
	prctl(PR_SET_DUMPABLE, 0); // keys and secrets are in here
	signal(SIGPIPE, SIG_IGN);
	status = options_read(argc, argv, control, &options);
	if (status || options.done)
		goto out;
	log_level = options.verbose ? LOG_LEVEL_DEBUG : (int)control->config.log_level;
	if (start(control, options.discard, why)) {
		status = fail(why);
	} else {
		say_hello(control);
		notify_send("READY=1");
		loop_run(server_loop(control->server));
		notify_send("STOPPING=1");
	}
	stop(control);
out:
	config_forget_secrets(&control->config);
	free(control);
	return status;
}

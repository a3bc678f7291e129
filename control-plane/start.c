// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

void control_limit(struct control *control)
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

static const struct sluice_observed *journal_observed(void *context)
{
	struct control *control = context;

	return control->plane ? plane_observed(control->plane) : NULL;
}

static bool has_filter(const struct config *config)
{
	for (uint32_t i = 0; i < config->ports_used; i++)
		if (!strcmp(config->ports[i].driver, "xdp"))
			return true;
	return false;
}

static int start_ice(struct control *control, char *why)
{
	char pem[CONFIG_PATH_MAX + 16];
	struct ice_host host = control_ice_host(control);

	snprintf(pem, sizeof(pem), "%s/dtls.pem", control->config.runtime_directory);
	control->ice = ice_create(&host, pem, SLUICE_TRANSPORTS_MAX, why, WHY_MAX);
	if (!control->ice)
		return -1;
	ice_fingerprints(control->ice, &control->local);
	control->join = join_create(&control->counters, SLUICE_TRANSPORTS_MAX);
	control->steer = steer_create(control->config.bpf_directory, control->config.media.port);
	control->journal = journal_create(
		&(struct journal_host){control, journal_observed}, SLUICE_TRANSPORTS_MAX);
	if (control->join && control->steer && control->journal)
		return has_filter(&control->config) ? steer_claim(control->steer, why, WHY_MAX) : 0;
	snprintf(why, WHY_MAX, "out of memory, or bpf_directory is too long");
	return -1;
}

// Without receivers nothing needs to be remembered: those that are configured later hear of all who are there.
static int start_announce(struct control *control, char *why)
{
	const char *directory = control->config.runtime_directory;
	char path[CONFIG_PATH_MAX + 16];

	if (!control->config.webhooks_used) {
		snprintf(path, sizeof(path), "%s/announced", directory);
		unlink(path);
		directory = NULL;
	}
	control->announce = announce_create(directory, control_announce, control, why, WHY_MAX);
	return control->announce ? 0 : -1;
}

static int start_webhooks(struct control *control, char *why)
{
	control->webhooks = webhooks_create(&control->config, control->client,
		server_loop(control->server), &control->counters);
	if (!control->webhooks) {
		snprintf(why, WHY_MAX, "out of memory or descriptors");
		return -1;
	}
	announce_begin(control->announce, control->core);
	return 0;
}

static void start_neighbours(struct control *control)
{
	for (uint32_t i = 0; i < control->config.ports_used; i++) {
		if (!config_port_is_kernels(&control->config.ports[i]))
			continue; // next hops come with the datagrams
		control->neighbours[i] = neighbour_open(control->config.ports[i].netns);
		if (!control->neighbours[i])
			log_warn("port %u: cannot ask the kernel for next hops: %s", i,
				strerror(errno));
	}
}

// The model, and in it what a control before us left.
static int start_core(struct control *control, bool discard, char *why)
{
	struct core_plane rows = control_rows(control);
	struct core_sink sink = control_sink(control);
	const struct core_transport *transport = NULL;
	unsigned recovered;

	log_core(NULL);
	control->plane = plane_create(control->config.runtime_directory, discard, why, WHY_MAX);
	if (!control->plane)
		return -1;
	control->rows = plane_callbacks(control->plane);
	control->core = core_create(&control->limits, &control->local, &rows, &sink);
	if (!control->core) {
		snprintf(why, WHY_MAX, "out of memory");
		return -1;
	}
	log_core(control->core);
	ice_attach(control->ice, control->core);
	recovered = plane_recover(control->plane, control->core, loop_now_ms());
	while ((transport = core_transport_next(control->core, transport))) {
		ice_changed(control->ice, transport, false);
		join_changed(control->join, transport, 0, false);
	}
	journal_restore(control->journal, control->core, loop_now_ms());
	if (recovered)
		log_info("took over %u transports of the control before us", recovered);
	return 0;
}

static int start_udp(struct control *control, char *why)
{
	struct udp_host host = control_udp_host(control);

	control->udp = udp_create(&control->config, &host, why, WHY_MAX);
	return control->udp ? 0 : -1;
}

static int start_hook(struct control *control, char *why)
{
	const struct config *config = &control->config;
	const struct hook_options options = {.url = config->admission.url,
		.secret = config->admission.secret,
		.timeout_ms = config->admission.timeout_ns / 1000000,
		.open = config->admission.fail == CONFIG_FAIL_OPEN};

	if (!*options.url)
		return 0;
	control->hook = hook_create(control->client, &options, &control->counters);
	if (!control->hook)
		snprintf(why, WHY_MAX, "out of memory");
	return control->hook ? 0 : -1;
}

static int start_server(struct control *control, char *why)
{
	const struct config *config = &control->config;
	struct admin_host admin = control_admin_host(control);
	struct server_options options = {
		.config = config,
		.http = &control->http_host,
		.ws = &control->ws_host,
		.wait = *config->admission.url ? control_wait : NULL,
		.context = control,
		.dialect = dialect_find,
		.next = dialect_next,
		.counters = &control->counters,
		.journal = control->journal,
	};

	if (secret_open(&control->secret, config->runtime_directory, why, WHY_MAX))
		return -1;
	control->dialect_host = control_dialect_host(control);
	control->ws_host = control_ws_host(control);
	control->http_host = control_http_host(control);
	control->admin = admin_create(&admin);
	options.admin = control->admin;
	snprintf(why, WHY_MAX, "out of memory");
	if (!control->admin)
		return -1;
	control->server = server_create(&options, why, WHY_MAX);
	if (*config->http.tls_certificate)
		control->certificate_expiry_s = certificate_expiry(config->http.tls_certificate);
	if (!control->server)
		return -1;
	control->client = client_create(server_loop(control->server));
	if (control->client)
		return start_hook(control, why);
	snprintf(why, WHY_MAX, "out of memory or descriptors, or libcurl cannot start");
	return -1;
}

static void udp_is_readable(void *context, enum loop_ready ready)
{
	struct udp_readiness *readiness = context;

	if (ready == LOOP_READABLE)
		udp_readable(readiness->control->udp, readiness->index);
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
		control->signals_watch =
			loop_watch(loop, control->signals, control_signal, control);
	for (unsigned i = 0; i < udp_sockets(control->udp); i++) {
		control->udp_ready[i] = (struct udp_readiness){control, i};
		control->udp_watches[i] = loop_watch(
			loop, udp_socket(control->udp, i), udp_is_readable, &control->udp_ready[i]);
		if (!control->udp_watches[i])
			return -1;
	}
	control->timer = loop_timer_create(loop, control_tick, control);
	if (!control->timer || !control->signals_watch)
		return -1;
	loop_timer_set(control->timer, TICK_MS, TICK_MS);
	return 0;
}

static int start_unix(struct control *control, char *why)
{
	struct loop *loop = server_loop(control->server);
	const char *directory = control->config.runtime_directory;
	struct feed_host feed_host = control_feed_host(control);
	struct ctl_host host;

	snprintf(why, WHY_MAX, "out of memory");
	control->feeds = feeds_create(&feed_host, &control->config, &control->counters);
	if (!control->feeds)
		return -1;
	if (control->config.test.sessions)
		control->synthetic = synthetic_create(control->core, control->ice);
	if (control->config.test.sessions && !control->synthetic)
		return -1;
	host = control_ctl_host(control);
	control->doorbell = doorbell_create(loop, directory, control_poll, control, why, WHY_MAX);
	if (!control->doorbell)
		return -1;
	// The loop has no hook around its wait: control says it sleeps all the time, and the data
	// plane always rings. Events are few; only punted datagrams ring often, and those are few too.
	plane_sleep(control->plane, true);
	control->ctl = ctl_create(loop, directory, &host, why, WHY_MAX);
	return control->ctl ? 0 : -1;
}

int control_read_keys(struct control *control, char *why)
{
	const struct config *config = &control->config;
	struct auth_keys *keys = NULL;

	if (config->auth.public_key_file[0] || config->auth.jwks_file[0]) {
		keys = auth_keys_read(
			config->auth.public_key_file, config->auth.jwks_file, why, WHY_MAX);
		if (!keys)
			return -1;
		log_info("%u public keys for access tokens", auth_keys_count(keys));
	}
	auth_keys_free(control->auth_keys);
	control->auth_keys = keys;
	return 0;
}

int control_start(struct control *control, bool discard, char *why)
{
	const char *directory = control->config.runtime_directory;

	control->started_ms = loop_now_ms();
	if (mkdir(directory, 0750) && errno != EEXIST) {
		snprintf(why, WHY_MAX, "runtime_directory %s: %s", directory, strerror(errno));
		return -1;
	}
	if (control_read_keys(control, why))
		return -1;
	control_limit(control);
	start_neighbours(control);
	if (start_ice(control, why))
		return -1;
	control_gather(control);
	if (start_announce(control, why) || start_core(control, discard, why) ||
		start_udp(control, why) || start_server(control, why) ||
		start_watches(control, why) || start_unix(control, why) ||
		start_webhooks(control, why))
		return -1;
	control_poll_filter(control);
	control_poll(control);
	return 0;
}

// ---- end

void control_end(struct control *control, const char *why)
{
	log_info("%s: ending; calls in the data plane go on", why);
	control_settle(control);
	control->ending = true; // rows stay as they are: media lives on
	control->end_by_ms = loop_now_ms() + WEBHOOK_LAST_CHANCE_MS;
	webhooks_hurry(control->webhooks);
	ws_hub_close_all(server_hub(control->server), WS_CLOSE_RESTART, "restarting");
	loop_timer_set(control->timer, LAST_WORDS_MS, 0);
}

void control_stop(struct control *control)
{
	control->ending = true;
	ctl_destroy(control->ctl);
	feeds_destroy(control->feeds);
	synthetic_destroy(control->synthetic);
	doorbell_destroy(control->doorbell);
	loop_timer_destroy(control->timer);
	for (unsigned i = 0; i < UDP_SOCKETS_MAX; i++)
		loop_unwatch(control->udp_watches[i]);
	loop_unwatch(control->signals_watch);
	webhooks_destroy(control->webhooks);
	hook_destroy(control->hook);
	client_destroy(control->client);
	server_destroy(control->server);
	admin_destroy(control->admin);
	udp_destroy(control->udp);
	log_core(NULL);
	core_destroy(control->core);
	announce_destroy(control->announce);
	ice_destroy(control->ice);
	join_destroy(control->join);
	journal_destroy(control->journal);
	steer_destroy(control->steer);
	for (unsigned i = 0; i < CONFIG_PORTS_MAX; i++)
		neighbour_close(control->neighbours[i]);
	plane_destroy(control->plane);
	if (control->signals > 0)
		close(control->signals);
	auth_keys_free(control->auth_keys);
	secret_forget(&control->secret);
	config_forget_secrets(&control->config);
}

void control_leave(struct control *control)
{
	char status[96];

	if (control->leaving || !core_participant_next(control->core, NULL)) {
		control_end(control, control->leaving ? "second SIGTERM" : "SIGTERM");
		return;
	}
	control_drain(control, true);
	control->leaving = true;
	control->leave_by_ms = loop_now_ms() + control->config.limits.drain_ns / 1000000;
	snprintf(status, sizeof(status), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
		(unsigned long long)control->config.limits.drain_ns / 1000 + 10000000);
	notify_send(status);
	log_info("SIGTERM: ending when the last participant has left, in %llu s at the latest; a "
		 "second SIGTERM ends at once, and calls go on under the next control",
		(unsigned long long)(control->config.limits.drain_ns / 1000000000));
}

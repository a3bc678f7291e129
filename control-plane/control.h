// SPDX-License-Identifier: Apache-2.0
// What sluice-control is made of, and how its parts call each other: wiring.c has what the modules are
// given to call, upkeep.c what comes round with time, start.c the order of start and stop, main.c the
// command line and signals.
#pragma once

#include "dialect/dialect.h"
#include "edge/address.h"
#include "edge/admin.h"
#include "edge/announce.h"
#include "edge/auth.h"
#include "edge/candidates.h"
#include "edge/certificate.h"
#include "edge/client.h"
#include "edge/ctl.h"
#include "edge/ctl_capture.h"
#include "edge/doorbell.h"
#include "edge/feeds.h"
#include "edge/hook.h"
#include "edge/http.h"
#include "edge/ice.h"
#include "edge/join.h"
#include "edge/journal.h"
#include "edge/log.h"
#include "edge/ready.h"
#include "edge/secret.h"
#include "edge/server.h"
#include "edge/synthetic.h"
#include "edge/turn.h"
#include "edge/udp.h"
#include "edge/webhook.h"
#include "edge/whose.h"
#include "plane/metrics.h"
#include "plane/neighbour.h"
#include "plane/plane.h"
#include "plane/steer.h"

#include <sluice/notify.h>

enum {
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
	struct auth_keys *auth_keys; // NULL = none are configured
	struct core *core;
	struct core_limits limits;
	struct core_local local;
	struct ice *ice;
	struct join *join;
	struct journal *journal;
	struct hook *hook; // NULL = no admission hook is configured
	struct udp *udp;
	struct server *server;
	struct client *client; // requests of our own
	struct announce *announce;
	struct webhooks *webhooks;
	struct feeds *feeds;
	struct doorbell *doorbell;
	struct ctl *ctl;
	struct admin *admin;
	struct synthetic *synthetic; // NULL unless test.sessions
	struct whose whose; // datagrams of captures
	struct steer *steer;
	int steer_said; // last steer_status that was logged
	struct neighbour *neighbours[CONFIG_PORTS_MAX];
	struct secret secret; // of resources' addresses
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
	char status_said[80]; // last line of status for the service manager
	bool draining, ending;
	bool leaving; // asked to end when the last participant has gone
	uint64_t leave_by_ms; // or then, at the latest
	uint64_t end_by_ms; // while ending
};

// ---- wiring.c: calls of one module that another answers; `context` is the struct control

// Takes new participants no more, or again.
void control_drain(void *context, bool draining);

// Delivers what verbs have queued. Call after every batch of verbs.
void control_settle(void *context);

// The core's callbacks: to the plane, ICE and the join times.
struct core_plane control_rows(struct control *control);
struct core_sink control_sink(struct control *control);

// What announce.h tells: to the webhooks.
void control_announce(void *context, const struct announcement *announcement);

// The plane's way to write an address of the core's, and the two ends of a path.
struct sluice_address control_address(const struct core_address *address);
struct sluice_path control_path(const struct core_path *path);

// What each module may ask of the others.
struct dialect_host control_dialect_host(struct control *control);
struct http_host control_http_host(struct control *control);
struct ws_host control_ws_host(struct control *control);
// Has somebody wait for the admission hook's answer to what was asked last.
void control_wait(void *context, struct hook_waiter *waiter);
struct ctl_host control_ctl_host(struct control *control);
struct admin_host control_admin_host(struct control *control);
struct ice_host control_ice_host(struct control *control);
struct udp_host control_udp_host(struct control *control);
struct feed_host control_feed_host(struct control *control);

// ---- capture.c

extern const struct ctl_captures control_captures;

void control_stamp(struct control *control); // arrivals, while a capture runs
// A captured peer that has come back is captured from its first datagram on.
void control_capture_joined(
	struct control *control, const struct core_participant *participant, const char *room);
void control_capture_in(struct control *control, const struct udp_datagram *datagram);
// udp_send, and captured.
int control_send(
	struct control *control, const struct core_path *path, const uint8_t *data, size_t length);

// ---- upkeep.c

// Reads the data plane's rings; the doorbell calls it too.
void control_poll(void *context);

// Looks for the filter's map, and fills it when it is new.
void control_poll_filter(struct control *control);

// Gathers our addresses; the core hears of changes.
void control_gather(struct control *control);

// The timer.
void control_tick(void *context);

// ---- start.c

// Fills control->limits from the configuration.
void control_limit(struct control *control);

// Reads the files of public keys, in place of those that were read before. Returns -1 with `why` of WHY_MAX
// bytes when one is wrong; the keys are as they were then.
int control_read_keys(struct control *control, char *why);

// Starts everything. Returns -1 with `why` of WHY_MAX bytes; control_stop is due then, too.
int control_start(struct control *control, bool discard, char *why);
void control_stop(struct control *control);

// Says goodbye to clients and ends the loop; media goes on.
void control_end(struct control *control, const char *why);

// Takes no new participants, and ends when the last has gone or limits.drain is over. The second call ends
// at once.
void control_leave(struct control *control);

// ---- reload.c

// Does what SIGHUP does. `context` is the struct control; returns the reply of the control socket's verb.
json_t *control_reload(void *context);

// SIGHUP: the same, for the log alone.
void control_hangup(struct control *control);

// ---- main.c

// Composes the configuration: file, environment, flags. Returns -1 with `why` of WHY_MAX bytes.
int control_read_settings(const struct settings *settings, struct config *config, char *why);

// SIGHUP, SIGTERM and SIGINT are read here.
void control_signal(void *context, enum loop_ready ready);

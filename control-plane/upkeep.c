// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void control_poll(void *context)
{
	struct control *control = context;
	uint64_t now_ms = loop_now_ms();

	control->polled_ms = now_ms;
	plane_poll(control->plane, control->core, now_ms);
	udp_punted(control->udp);
	control_settle(control);
}

static void filter_fill(struct control *control)
{
	struct core_path *validated;
	struct sluice_path *paths;
	int count = ice_validated(control->ice, &validated), error = -ENOMEM;

	if (count < 0)
		return;
	paths = calloc((size_t)count + 1, sizeof(*paths));
	for (int i = 0; paths && i < count; i++)
		paths[i] = control_path(&validated[i]);
	if (paths)
		error = steer_resync(control->steer, paths, (size_t)count);
	if (error)
		log_warn("the filter's addresses could not be written: %s: trying again",
			strerror(-error));
	else
		log_info("the filter knows %d addresses of peers", count);
	free(paths);
	free(validated);
}

void control_poll_filter(struct control *control)
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

void control_gather(struct control *control)
{
	struct core_local now;

	memset(&now, 0, sizeof(now)); // compared bytewise
	now.fingerprint = control->local.fingerprint;
	now.leg_fingerprints_used = control->local.leg_fingerprints_used;
	memcpy(now.leg_fingerprints, control->local.leg_fingerprints, sizeof(now.leg_fingerprints));
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

static void detached_tick(struct control *control, uint64_t now_ms)
{
	const struct dialect *dialect = NULL;

	while ((dialect = dialect_next(dialect)) != NULL) {
		struct log_scope before = log_enter(LOG_OF(.subsystem = dialect->name));

		if (dialect->detached_tick)
			dialect->detached_tick(&control->dialect_host, now_ms);
		log_leave(before);
	}
}

// The service manager's watchdog, and its line of status when that changes.
static void tell_manager(struct control *control)
{
	const struct core_room *room = NULL;
	const struct core_participant *participant = NULL;
	unsigned rooms = 0, participants = 0;
	char status[sizeof(control->status_said)];

	notify_send("WATCHDOG=1");
	while ((room = core_room_next(control->core, room)))
		rooms++;
	while ((participant = core_participant_next(control->core, participant)))
		participants++;
	snprintf(status, sizeof(status), "STATUS=%u rooms, %u participants%s", rooms, participants,
		control->draining ? ", draining" : "");
	if (!strcmp(status, control->status_said))
		return;
	strcpy(control->status_said, status);
	notify_send(status);
}

// Pushes and pulls are nobody who could leave.
static bool is_empty(const struct control *control)
{
	const struct core_participant *participant = NULL;

	while ((participant = core_participant_next(control->core, participant)))
		if (!feeds_owns(participant))
			return false;
	return true;
}

static void leave_when_empty(struct control *control, uint64_t now_ms)
{
	if (!control->leaving)
		return;
	if (is_empty(control))
		control_end(control, "drained");
	else if (now_ms >= control->leave_by_ms)
		control_end(control, "limits.drain is over");
}

// Webhooks' receivers get a moment to hear what is queued.
static void end_when_told(struct control *control, uint64_t now_ms)
{
	if (webhooks_busy(control->webhooks) && now_ms < control->end_by_ms)
		loop_timer_set(control->timer, TICK_MS, 0);
	else
		loop_stop(server_loop(control->server));
}

void control_tick(void *context)
{
	struct control *control = context;
	uint64_t now_ms = loop_now_ms();

	if (control->ending) { // the last words are written
		end_when_told(control, now_ms);
		return;
	}
	if (control->hook)
		hook_tick(control->hook, now_ms);
	if (ice_busy(control->ice)) {
		ice_tick(control->ice, now_ms);
		control_settle(control);
	}
	if (now_ms - control->polled_ms >= POLL_MS)
		control_poll(control);
	if (now_ms - control->filtered_ms >= POLL_MS) {
		control->filtered_ms = now_ms;
		control_poll_filter(control);
	}
	if (now_ms - control->cored_ms >= CORE_MS) {
		control->cored_ms = now_ms;
		synthetic_tick(control->synthetic, now_ms);
		feeds_tick(control->feeds, now_ms);
		core_tick(control->core, now_ms);
		detached_tick(control, now_ms);
		ws_hub_tick(server_hub(control->server), now_ms); // settles
		server_tick(control->server);
		join_poll(control->join, plane_observed(control->plane));
	}
	if (now_ms - control->slow_ms >= SLOW_MS) {
		control->slow_ms = now_ms;
		tell_manager(control);
		log_flush(false);
		control_stamp(control);
		leave_when_empty(control, now_ms);
	}
	if (now_ms - control->gathered_ms >= CANDIDATES_MS) {
		control->gathered_ms = now_ms;
		control_gather(control);
	}
}

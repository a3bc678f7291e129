// SPDX-License-Identifier: Apache-2.0
#include "edge/figures.h"
#include "sluicectl.h"

#include <sluice/xdp.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void view_open(struct view *view, const char *directory)
{
	char why[256];
	view->desired = sluice_desired_open(directory, why, sizeof(why));
	view->observed = sluice_observed_open(directory, why, sizeof(why));
	view->control_alive = view->desired && sluice_desired_alive(directory);
	view->dataplane_alive = view->observed && sluice_observed_alive(directory);
	view->now_ns = monotonic_ns();
}

void view_close(struct view *view)
{
	sluice_desired_close(view->desired);
	sluice_observed_close(view->observed);
}

uint32_t view_rows(const struct view *view, enum sluice_table table, uint32_t most)
{
	if (!view->desired)
		return 0;
	uint32_t used = atomic_load(&view->desired->head.rows_used[table]);
	return used < most ? used : most;
}

#define ROW VIEW_ROW

double view_age_s(const struct view *view, uint64_t then_ns)
{
	return then_ns == 0 || then_ns > view->now_ns ? 0 : (double)(view->now_ns - then_ns) / 1e9;
}

json_t *view_address(const struct sluice_address *address)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
	if (address->port == 0)
		return json_null();
	if (sluice_address_is_ipv4(address))
		snprintf(text, sizeof(text), "%s:%u",
			inet_ntop(AF_INET, address->ip + 12, ip, sizeof(ip)), address->port);
	else
		snprintf(text, sizeof(text), "[%s]:%u",
			inet_ntop(AF_INET6, address->ip, ip, sizeof(ip)), address->port);
	return json_string(text);
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = {"none", "xdp", "bypass", "packet"};
	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

// Texts of the other program may lack their terminator.
json_t *view_text(const char *text, size_t size)
{
	json_t *string = json_stringn(text, strnlen(text, size));
	return string ? string : json_string("?");
}

static json_t *port_json(const struct sluice_port_status *port)
{
	json_t *xdp = json_object();
	for (unsigned i = 0; port->mode == SLUICE_PORT_XDP && i < SLUICE_XDP_CLASS_COUNT; i++)
		json_object_set_new(xdp, sluice_xdp_class_info(i)->name,
			json_integer((json_int_t)port->xdp[i]));
	json_t *json = json_pack(
		"{s:o, s:o, s:s, s:s, s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "name",
		view_text(port->name, sizeof(port->name)), "driver",
		view_text(port->driver, sizeof(port->driver)), "mode", mode_name(port->mode),
		"xdp_mode",
		port->mode != SLUICE_PORT_XDP ? "none"
		: port->xdp_native	      ? "native"
					      : "generic",
		"link_up", port->link_up, "queues", port->queues, "rx_packets",
		(json_int_t)port->rx_packets, "tx_packets", (json_int_t)port->tx_packets,
		"rx_missed", (json_int_t)port->rx_missed, "rx_errors", (json_int_t)port->rx_errors,
		"tx_errors", (json_int_t)port->tx_errors, "rx_no_buffer",
		(json_int_t)port->rx_no_buffer, "xdp", xdp, "queue", figures_queues(port, NULL, 0));
	return json;
}

struct load {
	uint64_t busy_ns, idle_ns, cycles, in, out;
};

static struct load worker_load(const struct sluice_worker_status *worker)
{
	return (struct load){worker->busy_ns, worker->idle_ns, worker->cycles_busy,
		worker->media_in, worker->media_out};
}

static json_t *worker_json(const struct sluice_worker_status *worker, unsigned number,
	struct load before, double seconds)
{
	struct load now = worker_load(worker);
	double busy = (double)(now.busy_ns - before.busy_ns);
	double idle = (double)(now.idle_ns - before.idle_ns);
	double packets = (double)(now.in - before.in + now.out - before.out);
	return json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "worker",
		(int)number, "cpu", (int)worker->cpu, "busy_ratio",
		busy + idle > 0 ? busy / (busy + idle) : 0.0, "cycles_per_packet",
		packets > 0 ? (double)(now.cycles - before.cycles) / packets : 0.0,
		"media_in_per_second", (double)(now.in - before.in) / seconds,
		"media_out_per_second", (double)(now.out - before.out) / seconds, "media_in",
		(json_int_t)now.in, "media_out", (json_int_t)now.out, "resent",
		(json_int_t)worker->resent, "handed_over", (json_int_t)worker->handed_over,
		"buffers_free", (json_int_t)worker->pool_free, "buffers",
		(json_int_t)worker->pool_size);
}

static json_t *residence_json(const struct sluice_observed *observed, uint32_t workers)
{
	struct sluice_residence all = {0};
	for (uint32_t i = 0; i < workers; i++)
		sluice_residence_merge(&all, &observed->workers[i].residence);
	return json_pack("{s:I, s:f, s:f, s:f}", "samples",
		(json_int_t)sluice_residence_count(&all), "p50_us",
		(double)sluice_residence_quantile_ns(&all, 500) / 1e3, "p99_us",
		(double)sluice_residence_quantile_ns(&all, 990) / 1e3, "max_us",
		(double)all.max_ns / 1e3);
}

static json_t *dataplane_json(const struct view *view)
{
	const struct sluice_observed *observed = view->observed;
	if (!observed)
		return json_pack("{s:b}", "alive", 0);
	struct load before[SLUICE_WORKERS_MAX];
	uint32_t workers = observed->head.workers_used, ports = observed->head.ports_used;
	workers = workers < SLUICE_WORKERS_MAX ? workers : SLUICE_WORKERS_MAX;
	ports = ports < SLUICE_PORTS_MAX ? ports : SLUICE_PORTS_MAX;
	for (uint32_t i = 0; i < workers; i++)
		before[i] = worker_load(&observed->workers[i]);
	uint64_t begun = monotonic_ns();
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	double seconds = (double)(monotonic_ns() - begun) / 1e9;
	json_t *worker_list = json_array(), *port_list = json_array();
	for (uint32_t i = 0; i < workers; i++)
		json_array_append_new(
			worker_list, worker_json(&observed->workers[i], i, before[i], seconds));
	for (uint32_t i = 0; i < ports; i++)
		json_array_append_new(port_list, port_json(&observed->ports[i]));
	return json_pack("{s:b, s:b, s:i, s:o, s:o, s:i, s:s, s:f, s:o, s:o, s:o}", "alive",
		view->dataplane_alive, "ready",
		view->dataplane_alive && atomic_load(&observed->head.ready), "pid",
		(int)observed->head.pid, "version",
		view_text(observed->head.version, sizeof(observed->head.version)), "crypto",
		view_text(observed->head.crypto, sizeof(observed->head.crypto)), "starts",
		(int)atomic_load(&observed->head.incarnation), "idle",
		observed->head.spinning ? "spin" : "adaptive", "beat_age_seconds",
		view_age_s(view, atomic_load(&observed->head.beat_ns)), "workers", worker_list,
		"ports", port_list, "forward_latency", residence_json(observed, workers));
}

static json_t *control_json(const struct view *view)
{
	if (!view->desired)
		return json_pack("{s:b}", "alive", 0);
	return json_pack("{s:b, s:i, s:i, s:b, s:f}", "alive", view->control_alive, "pid",
		(int)view->desired->head.pid, "starts",
		(int)atomic_load(&view->desired->head.incarnation), "draining",
		view->desired->head.draining, "beat_age_seconds",
		view_age_s(view, atomic_load(&view->desired->head.beat_ns)));
}

static json_t *captures_json(const struct view *view)
{
	json_t *list = json_array();
	for (unsigned place = 0; view->desired && place < SLUICE_CAPTURES_MAX; place++) {
		struct sluice_capture_wish wish;
		if (!sluice_row_read(
			    &view->desired->head.captures[place].row, &wish, sizeof(wish)) ||
			wish.row.generation == 0)
			continue;
		double left_s = wish.until_ns > view->now_ns
					? (double)(wish.until_ns - view->now_ns) / 1e9
					: 0;
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:b, s:f}", "number", (json_int_t)wish.row.generation,
				"peer", view_text(wish.peer, sizeof(wish.peer)), "decrypted",
				(wish.flags & SLUICE_CAPTURE_DECRYPTED) != 0, "seconds_left",
				left_s));
	}
	return list;
}

json_t *view_status(const struct view *view)
{
	json_t *rooms = view_rooms(view);
	json_t *list = json_object_get(rooms, "rooms");
	json_int_t participants = 0, publications = 0, subscriptions = 0;
	size_t i;
	json_t *room;
	json_array_foreach(list, i, room)
	{
		participants += (json_int_t)json_array_size(json_object_get(room, "participants"));
		publications += json_integer_value(json_object_get(room, "publications"));
		subscriptions += json_integer_value(json_object_get(room, "subscriptions"));
	}
	json_t *status = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "dataplane",
		dataplane_json(view), "control", control_json(view), "rooms",
		(json_int_t)json_array_size(list), "participants", participants, "publications",
		publications, "subscriptions", subscriptions, "captures", captures_json(view));
	json_decref(rooms);
	return status;
}

static json_t *room_of(json_t *rooms, const char *name, size_t length)
{
	size_t i;
	json_t *room;
	json_array_foreach(rooms, i, room)
	{
		const json_t *have = json_object_get(room, "name");
		if (json_string_length(have) == length &&
			memcmp(json_string_value(have), name, length) == 0)
			return room;
	}
	room = json_pack("{s:o, s:[], s:i, s:i}", "name", view_text(name, length), "participants",
		"publications", 0, "subscriptions", 0);
	json_array_append_new(rooms, room);
	return room;
}

static void count_in(json_t *room, const char *what)
{
	json_int_t before = json_integer_value(json_object_get(room, what));
	json_object_set_new(room, what, json_integer(before + 1));
}

// The room of the participant that owns a transport; NULL when any link of the chain is gone.
static json_t *room_of_transport(
	const struct view *view, json_t *rooms, struct sluice_handle transport_id)
{
	struct sluice_transport transport;
	struct sluice_participant participant;
	if (transport_id.index >= SLUICE_TRANSPORTS_MAX ||
		!ROW(view, transports, transport_id.index, transport) ||
		transport.participant.index >= SLUICE_PARTICIPANTS_MAX ||
		!ROW(view, participants, transport.participant.index, participant))
		return NULL;
	return room_of(rooms, participant.room, strnlen(participant.room, SLUICE_NAME_MAX));
}

json_t *view_rooms(const struct view *view)
{
	json_t *rooms = json_array();
	struct sluice_participant participant;
	struct sluice_publication publication;
	struct sluice_subscription subscription;
	uint32_t used = view_rows(view, SLUICE_TABLE_PARTICIPANT, SLUICE_PARTICIPANTS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!ROW(view, participants, i, participant))
			continue;
		json_t *room = room_of(
			rooms, participant.room, strnlen(participant.room, SLUICE_NAME_MAX));
		json_array_append_new(json_object_get(room, "participants"),
			view_text(participant.identity, sizeof(participant.identity)));
	}
	used = view_rows(view, SLUICE_TABLE_PUBLICATION, SLUICE_PUBLICATIONS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!ROW(view, publications, i, publication))
			continue;
		json_t *room = room_of_transport(view, rooms, publication.transport);
		if (room)
			count_in(room, "publications");
	}
	used = view_rows(view, SLUICE_TABLE_SUBSCRIPTION, SLUICE_SUBSCRIPTIONS_MAX);
	for (uint32_t i = 0; i < used; i++) {
		if (!ROW(view, subscriptions, i, subscription))
			continue;
		json_t *room = room_of_transport(view, rooms, subscription.transport);
		if (room)
			count_in(room, "subscriptions");
	}
	return json_pack("{s:o}", "rooms", rooms);
}

const char *view_direction(const struct sluice_transport *transport)
{
	if (transport->flags & SLUICE_TRANSPORT_PAIR)
		return "both";
	return transport->publisher.generation ? "down" : "up";
}

static json_t *transport_json(
	const struct view *view, uint32_t index, const struct sluice_transport *transport)
{
	struct sluice_transport_status status = {0};
	if (view->observed && (!sluice_row_read(&view->observed->transports[index].row, &status,
				       sizeof(status)) ||
				      status.row.generation != transport->row.generation))
		memset(&status, 0, sizeof(status));
	bool keys = transport->flags & SLUICE_TRANSPORT_HAS_KEYS;
	const struct sluice_path *path =
		transport->paths_used > 0 && transport->path_selected < SLUICE_PATHS_MAX
			? &transport->paths[transport->path_selected]
			: NULL;
	json_t *json = json_pack("{s:i, s:s, s:s, s:i, s:i, s:o, s:I, s:I, s:I, s:I, s:I}",
		"transport", (int)index, "direction", view_direction(transport), "state",
		keys			    ? "connected"
		: transport->paths_used > 0 ? "connecting"
					    : "new",
		"srtp_profile", (int)transport->srtp_profile, "worker", (int)transport->worker,
		"remote", path ? view_address(&path->remote) : json_null(), "packets_in",
		(json_int_t)status.packets_in, "packets_out", (json_int_t)status.packets_out,
		"bytes_in", (json_int_t)status.bytes_in, "bytes_out", (json_int_t)status.bytes_out,
		"auth_failures", (json_int_t)status.auth_failures);
	json_object_set_new(json, "heard_seconds_ago",
		status.heard_ns ? json_real(view_age_s(view, status.heard_ns)) : json_null());
	return json;
}

static json_t *participant_json(
	const struct view *view, uint32_t index, const struct sluice_participant *participant)
{
	json_t *transports = json_array();
	struct sluice_transport transport;
	uint32_t used = view_rows(view, SLUICE_TABLE_TRANSPORT, SLUICE_TRANSPORTS_MAX);
	for (uint32_t i = 0; i < used; i++)
		if (ROW(view, transports, i, transport) && transport.participant.index == index &&
			transport.participant.generation == participant->row.generation)
			json_array_append_new(transports, transport_json(view, i, &transport));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "room",
		view_text(participant->room, sizeof(participant->room)), "identity",
		view_text(participant->identity, sizeof(participant->identity)), "name",
		view_text(participant->name, sizeof(participant->name)), "dialect",
		view_text(participant->dialect, sizeof(participant->dialect)), "transports",
		transports);
}

json_t *view_peers(const struct view *view)
{
	json_t *peers = json_array();
	struct sluice_participant participant;
	uint32_t used = view_rows(view, SLUICE_TABLE_PARTICIPANT, SLUICE_PARTICIPANTS_MAX);
	for (uint32_t i = 0; i < used; i++)
		if (ROW(view, participants, i, participant))
			json_array_append_new(peers, participant_json(view, i, &participant));
	return json_pack("{s:o}", "peers", peers);
}

static void add_drop(
	json_t *list, const char *where, const char *name, uint64_t count, const char *help)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", "where", where, "reason",
					    name, "packets", (json_int_t)count, "help", help));
}

static bool is_xdp_drop(unsigned class)
{
	return strncmp(sluice_xdp_class_info(class)->help, "dropped", 7) == 0;
}

json_t *view_drops(const struct view *view)
{
	json_t *drops = json_array();
	const struct sluice_observed *observed = view->observed;
	for (unsigned drop = 0; observed && drop < SLUICE_DROP_COUNT; drop++) {
		uint64_t count = 0;
		for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++)
			count += observed->workers[w].drops[drop];
		add_drop(drops, "dataplane", sluice_drop_info(drop)->name, count,
			sluice_drop_info(drop)->help);
	}
	for (unsigned class = 0; observed && class < SLUICE_XDP_CLASS_COUNT; class ++) {
		if (!is_xdp_drop(class))
			continue;
		uint64_t count = 0;
		for (unsigned p = 0; p < SLUICE_PORTS_MAX; p++)
			count = observed->ports[p].xdp[class] > count
					? observed->ports[p].xdp[class]
					: count;
		add_drop(drops, "xdp", sluice_xdp_class_info(class)->name, count,
			sluice_xdp_class_info(class)->help);
	}
	return json_pack("{s:o}", "drops", drops);
}

// SPDX-License-Identifier: Apache-2.0
#include "figures.h"

#include <sluice/xdp.h>

#include <stdlib.h>
#include <string.h>

enum { NOWHERE = UINT32_MAX };

struct room {
	char name[SLUICE_NAME_MAX];
	uint32_t participants, publications, subscriptions;
	uint64_t packets_in, bytes_in, packets_out, bytes_out, lost;
	uint64_t busy; // what they are ordered by
};

struct figures {
	uint64_t taken_ns;
	unsigned workers_used, ports_used;
	struct sluice_worker_status workers[SLUICE_WORKERS_MAX];
	struct sluice_port_status ports[SLUICE_PORTS_MAX];
	unsigned rooms_used;
	struct room *rooms;
	uint32_t *slots, slots_used; // a power of two; room by name, NOWHERE = empty
	uint32_t *room_of; // by participant's row
};

// ---- rooms

static uint32_t *slot_of(const struct figures *figures, const char *name)
{
	uint32_t hash = 2166136261u;

	for (const char *byte = name; *byte; byte++)
		hash = (hash ^ (uint8_t)*byte) * 16777619u;
	for (;; hash++) {
		uint32_t *slot = &figures->slots[hash & (figures->slots_used - 1)];

		if (*slot == NOWHERE || !strcmp(figures->rooms[*slot].name, name))
			return slot;
	}
}

static uint32_t rows_used(
	const struct sluice_desired *desired, enum sluice_table table, uint32_t most)
{
	uint32_t used = desired ? atomic_load(&desired->head.rows_used[table]) : 0;

	return used < most ? used : most;
}

static bool rooms_allocate(struct figures *figures, uint32_t participants)
{
	figures->slots_used = 64;
	while (figures->slots_used < 2 * participants)
		figures->slots_used *= 2;
	figures->rooms = calloc(participants + 1, sizeof(*figures->rooms));
	figures->slots = malloc(figures->slots_used * sizeof(*figures->slots));
	figures->room_of = malloc((participants + 1) * sizeof(*figures->room_of));
	if (!figures->rooms || !figures->slots || !figures->room_of)
		return false;
	memset(figures->slots, 0xff, figures->slots_used * sizeof(*figures->slots));
	memset(figures->room_of, 0xff, (participants + 1) * sizeof(*figures->room_of));
	return true;
}

static void participants_count(
	struct figures *figures, const struct sluice_desired *desired, uint32_t used)
{
	for (uint32_t i = 0; i < used; i++) {
		const struct sluice_row *row = &desired->participants[i].row;
		struct { // the beginning of a row
			struct sluice_row row;
			char room[SLUICE_NAME_MAX];
		} copy;
		uint32_t *slot;

		if (!sluice_row_read(row, &copy, sizeof(copy)) || !copy.row.generation ||
			!memchr(copy.room, 0, sizeof(copy.room)))
			continue;
		slot = slot_of(figures, copy.room);
		if (*slot == NOWHERE) {
			*slot = figures->rooms_used++;
			memcpy(figures->rooms[*slot].name, copy.room, sizeof(copy.room));
		}
		figures->rooms[*slot].participants++;
		figures->room_of[i] = *slot;
	}
}
static_assert(offsetof(struct sluice_participant, room) == sizeof(struct sluice_row));

// Whose transport it is, read by itself: the rest of the row has keys.
static uint32_t owner_of(const struct sluice_desired *desired, struct sluice_handle transport)
{
	const struct sluice_transport *row;
	struct sluice_handle owner = {0};

	if (transport.index >= SLUICE_TRANSPORTS_MAX)
		return NOWHERE;
	row = &desired->transports[transport.index];
	for (int attempt = 0; attempt < 64; attempt++) {
		uint32_t before = atomic_load_explicit(&row->row.sequence, memory_order_acquire);
		uint32_t generation = row->row.generation;

		memcpy(&owner, &row->participant, sizeof(owner));
		atomic_thread_fence(memory_order_acquire);
		if (!(before & 1) && before == atomic_load(&row->row.sequence))
			return generation == transport.generation ? owner.index : NOWHERE;
	}
	return NOWHERE;
}

static struct room *room_of(const struct figures *figures, uint32_t used, uint32_t participant)
{
	uint32_t room = participant < used ? figures->room_of[participant] : NOWHERE;

	return room == NOWHERE ? NULL : &figures->rooms[room];
}

static void publication_add(
	struct room *room, const struct sluice_observed *observed, uint32_t i, uint32_t generation)
{
	struct sluice_publication_status status;

	room->publications++;
	if (!observed ||
		!sluice_row_read(&observed->publications[i].row, &status, sizeof(status)) ||
		status.row.generation != generation)
		return;
	for (unsigned e = 0; e < SLUICE_ENCODINGS_MAX; e++) {
		room->packets_in += status.encodings[e].packets;
		room->bytes_in += status.encodings[e].bytes;
		room->lost += status.encodings[e].lost;
	}
}

static void publications_count(struct figures *figures, const struct sluice_desired *desired,
	const struct sluice_observed *observed, uint32_t participants)
{
	uint32_t used = rows_used(desired, SLUICE_TABLE_PUBLICATION, SLUICE_PUBLICATIONS_MAX);

	for (uint32_t i = 0; i < used; i++) {
		struct sluice_publication row;
		struct room *room;

		if (!sluice_row_read(&desired->publications[i].row, &row, sizeof(row)) ||
			!row.row.generation)
			continue;
		room = room_of(figures, participants, row.participant.index);
		if (room)
			publication_add(room, observed, i, row.row.generation);
	}
}

static void subscriptions_count(struct figures *figures, const struct sluice_desired *desired,
	const struct sluice_observed *observed, uint32_t participants)
{
	uint32_t used = rows_used(desired, SLUICE_TABLE_SUBSCRIPTION, SLUICE_SUBSCRIPTIONS_MAX);

	for (uint32_t i = 0; i < used; i++) {
		struct sluice_subscription row;
		struct sluice_subscription_status status;
		struct room *room;

		if (!sluice_row_read(&desired->subscriptions[i].row, &row, sizeof(row)) ||
			!row.row.generation)
			continue;
		room = room_of(figures, participants, owner_of(desired, row.transport));
		if (!room)
			continue;
		room->subscriptions++;
		if (!observed ||
			!sluice_row_read(
				&observed->subscriptions[i].row, &status, sizeof(status)) ||
			status.row.generation != row.row.generation)
			continue;
		room->packets_out += status.packets;
		room->bytes_out += status.bytes;
	}
}

// ---- taking

struct figures *figures_take(const struct sluice_desired *desired,
	const struct sluice_observed *observed, uint64_t now_ns)
{
	struct figures *figures = calloc(1, sizeof(*figures));
	uint32_t participants =
		rows_used(desired, SLUICE_TABLE_PARTICIPANT, SLUICE_PARTICIPANTS_MAX);

	if (!figures || !rooms_allocate(figures, participants)) {
		figures_free(figures);
		return NULL;
	}
	figures->taken_ns = now_ns;
	if (observed) {
		figures->workers_used = observed->head.workers_used;
		figures->ports_used = observed->head.ports_used;
		memcpy(figures->workers, observed->workers, sizeof(figures->workers));
		memcpy(figures->ports, observed->ports, sizeof(figures->ports));
	}
	if (figures->workers_used > SLUICE_WORKERS_MAX)
		figures->workers_used = SLUICE_WORKERS_MAX;
	if (figures->ports_used > SLUICE_PORTS_MAX)
		figures->ports_used = SLUICE_PORTS_MAX;
	if (!desired)
		return figures;
	participants_count(figures, desired, participants);
	publications_count(figures, desired, observed, participants);
	subscriptions_count(figures, desired, observed, participants);
	return figures;
}

void figures_free(struct figures *figures)
{
	if (!figures)
		return;
	free(figures->rooms);
	free(figures->slots);
	free(figures->room_of);
	free(figures);
}

unsigned figures_rooms_used(const struct figures *figures)
{
	return figures->rooms_used;
}

// ---- as JSON

static uint64_t gone_by(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static double seconds_between(const struct figures *now, const struct figures *before)
{
	double seconds = before && now->taken_ns > before->taken_ns
				 ? (double)(now->taken_ns - before->taken_ns) / 1e9
				 : 0;

	return seconds;
}

static void put(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void put_rate(
	json_t *object, const char *name, uint64_t now, uint64_t before, double seconds)
{
	if (seconds > 0)
		json_object_set_new(
			object, name, json_real((double)gone_by(now, before) / seconds));
}

// Texts of the other program may lack their terminator.
static void put_text(json_t *object, const char *name, const char *text, size_t size)
{
	json_t *string = json_stringn(text, strnlen(text, size));

	json_object_set_new(object, name, string ? string : json_string("?"));
}

static uint64_t dropped_by(const struct sluice_worker_status *worker)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLUICE_DROP_COUNT; i++)
		sum += worker->drops[i];
	return sum;
}

static void worker_rates(json_t *json, const struct sluice_worker_status *now,
	const struct sluice_worker_status *before, double seconds)
{
	uint64_t busy = gone_by(now->busy_ns, before->busy_ns);
	uint64_t idle = gone_by(now->idle_ns, before->idle_ns);
	uint64_t packets = gone_by(now->media_in, before->media_in) +
			   gone_by(now->media_out, before->media_out);

	if (busy + idle)
		json_object_set_new(json, "load", json_real((double)busy / (double)(busy + idle)));
	json_object_set_new(json, "cycles_per_packet",
		packets ? json_real((double)gone_by(now->cycles_busy, before->cycles_busy) /
				    (double)packets)
			: json_null());
	put_rate(json, "packets_in_per_second", now->media_in, before->media_in, seconds);
	put_rate(json, "packets_out_per_second", now->media_out, before->media_out, seconds);
	put_rate(json, "bits_in_per_second", 8 * now->bytes_in, 8 * before->bytes_in, seconds);
	put_rate(json, "bits_out_per_second", 8 * now->bytes_out, 8 * before->bytes_out, seconds);
	put_rate(json, "drops_per_second", dropped_by(now), dropped_by(before), seconds);
}

json_t *figures_workers(const struct figures *now, const struct figures *before)
{
	double seconds = seconds_between(now, before);
	json_t *list = json_array();

	for (unsigned i = 0; i < now->workers_used; i++) {
		const struct sluice_worker_status *worker = &now->workers[i];
		json_t *json = json_pack("{s:i, s:i, s:f}", "worker", (int)i, "cpu",
			(int)worker->cpu, "load", (double)worker->busy_ppm / 1e6);

		put(json, "busy_ns", worker->busy_ns);
		put(json, "idle_ns", worker->idle_ns);
		put(json, "cycles_busy", worker->cycles_busy);
		put(json, "media_in", worker->media_in);
		put(json, "media_out", worker->media_out);
		put(json, "rtcp_in", worker->rtcp_in);
		put(json, "rtcp_out", worker->rtcp_out);
		put(json, "bytes_in", worker->bytes_in);
		put(json, "bytes_out", worker->bytes_out);
		put(json, "dropped", dropped_by(worker));
		put(json, "resent", worker->resent);
		put(json, "key_requests_in", worker->key_requests_in);
		put(json, "key_requests_out", worker->key_requests_out);
		put(json, "handed_over", worker->handed_over);
		put(json, "buffers_free", worker->pool_free);
		put(json, "buffers", worker->pool_size);
		if (seconds > 0)
			worker_rates(json, worker, &before->workers[i], seconds);
		json_array_append_new(list, json);
	}
	return list;
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = {"none", "xdp", "bypass", "packet"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static uint64_t refused_by(const struct sluice_port_status *port)
{
	return port->rx_missed + port->rx_no_buffer + port->rx_errors + port->tx_errors;
}

static uint64_t lost_by(const struct sluice_queue_status *queue)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLUICE_QUEUE_LOSS_COUNT; i++)
		sum += queue->lost[i];
	return sum;
}

json_t *figures_queues(const struct sluice_port_status *now,
	const struct sluice_port_status *before, double seconds)
{
	json_t *list = json_array();

	for (unsigned q = 0; q < now->queues && q < SLUICE_QUEUES_MAX; q++) {
		const struct sluice_queue_status *queue = &now->queue[q];
		const struct sluice_queue_status *then = before ? &before->queue[q] : queue;
		json_t *json = json_pack("{s:i}", "queue", (int)q), *lost = json_object();

		put(json, "packets", queue->packets);
		put(json, "starved", queue->starved);
		for (unsigned i = 0; i < SLUICE_QUEUE_LOSS_COUNT; i++)
			put(lost, sluice_queue_loss_name(i, NULL), queue->lost[i]);
		json_object_set_new(json, "lost", lost);
		put_rate(json, "packets_in_per_second", queue->packets, then->packets, seconds);
		put_rate(json, "drops_per_second", lost_by(queue), lost_by(then), seconds);
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *port_json(const struct sluice_port_status *port)
{
	json_t *json = json_pack("{s:s, s:b, s:i}", "mode", mode_name(port->mode), "link_up",
		port->link_up, "queues", (int)port->queues);
	json_t *xdp = json_object();

	put_text(json, "name", port->name, sizeof(port->name));
	put_text(json, "driver", port->driver, sizeof(port->driver));
	put(json, "rx_packets", port->rx_packets);
	put(json, "tx_packets", port->tx_packets);
	put(json, "rx_bytes", port->rx_bytes);
	put(json, "tx_bytes", port->tx_bytes);
	put(json, "rx_missed", port->rx_missed);
	put(json, "rx_no_buffer", port->rx_no_buffer);
	put(json, "rx_errors", port->rx_errors);
	put(json, "tx_errors", port->tx_errors);
	for (unsigned i = 0; port->mode == SLUICE_PORT_XDP && i < SLUICE_XDP_CLASS_COUNT; i++)
		put(xdp, sluice_xdp_class_info(i)->name, port->xdp[i]);
	json_object_set_new(json, "xdp", xdp);
	return json;
}

json_t *figures_ports(const struct figures *now, const struct figures *before)
{
	double seconds = seconds_between(now, before);
	json_t *list = json_array();

	for (unsigned i = 0; i < now->ports_used; i++) {
		const struct sluice_port_status *port = &now->ports[i];
		const struct sluice_port_status *then = before ? &before->ports[i] : port;
		json_t *json = port_json(port);

		put_rate(
			json, "packets_in_per_second", port->rx_packets, then->rx_packets, seconds);
		put_rate(json, "packets_out_per_second", port->tx_packets, then->tx_packets,
			seconds);
		put_rate(json, "bits_in_per_second", 8 * port->rx_bytes, 8 * then->rx_bytes,
			seconds);
		put_rate(json, "bits_out_per_second", 8 * port->tx_bytes, 8 * then->tx_bytes,
			seconds);
		put_rate(json, "drops_per_second", refused_by(port), refused_by(then), seconds);
		json_object_set_new(
			json, "queue", figures_queues(port, before ? then : NULL, seconds));
		json_array_append_new(list, json);
	}
	return list;
}

// ---- drops

struct drop {
	const char *where, *name, *help;
	uint64_t now, before;
};

static void drop_add(json_t *list, const struct drop *drop, double seconds)
{
	json_t *json = json_pack(
		"{s:s, s:s, s:s}", "where", drop->where, "reason", drop->name, "help", drop->help);

	put(json, "packets", drop->now);
	put_rate(json, "packets_per_second", drop->now, drop->before, seconds);
	json_array_append_new(list, json);
}

static uint64_t drops_of(const struct figures *figures, unsigned drop)
{
	uint64_t sum = 0;

	for (unsigned i = 0; figures && i < SLUICE_WORKERS_MAX; i++)
		sum += figures->workers[i].drops[drop];
	return sum;
}

// The filter's counters are shared by all ports: each port's row shows the same sums.
static uint64_t filter_of(const struct figures *figures, unsigned class)
{
	uint64_t most = 0;

	for (unsigned i = 0; figures && i < SLUICE_PORTS_MAX; i++)
		if (figures->ports[i].xdp[class] > most)
			most = figures->ports[i].xdp[class];
	return most;
}

json_t *figures_drops(const struct figures *now, const struct figures *before)
{
	double seconds = seconds_between(now, before);
	json_t *list = json_array();

	for (unsigned i = 0; i < SLUICE_DROP_COUNT; i++) {
		const struct sluice_drop_info *info = sluice_drop_info(i);

		drop_add(list,
			&(struct drop){"dataplane", info->name, info->help, drops_of(now, i),
				drops_of(before, i)},
			seconds);
	}
	for (unsigned i = 0; i < SLUICE_XDP_CLASS_COUNT; i++) {
		const struct sluice_xdp_class_info *info = sluice_xdp_class_info(i);

		if (!strncmp(info->help, "dropped", 7))
			drop_add(list,
				&(struct drop){"xdp", info->name, info->help, filter_of(now, i),
					filter_of(before, i)},
				seconds);
	}
	return list;
}

// ---- rooms as JSON

static const struct room *room_before(const struct figures *before, const char *name)
{
	static const struct room none;
	uint32_t slot = before ? *slot_of(before, name) : NOWHERE;

	return slot == NOWHERE ? &none : &before->rooms[slot];
}

static int busier(const void *a, const void *b)
{
	const struct room *const *left = a, *const *right = b;

	if ((*left)->busy != (*right)->busy)
		return (*left)->busy < (*right)->busy ? 1 : -1;
	return strcmp((*left)->name, (*right)->name);
}

// A room's sums fall when somebody leaves it: what the others did meanwhile is not known then.
static uint64_t at_most(uint64_t before, uint64_t now)
{
	return before < now ? before : now;
}

static void room_rates(
	json_t *json, const struct room *now, const struct room *then, double seconds)
{
	put_rate(json, "packets_in_per_second", now->packets_in,
		at_most(then->packets_in, now->packets_in), seconds);
	put_rate(json, "packets_out_per_second", now->packets_out,
		at_most(then->packets_out, now->packets_out), seconds);
	put_rate(json, "bits_in_per_second", 8 * now->bytes_in,
		8 * at_most(then->bytes_in, now->bytes_in), seconds);
	put_rate(json, "bits_out_per_second", 8 * now->bytes_out,
		8 * at_most(then->bytes_out, now->bytes_out), seconds);
	put_rate(json, "lost_per_second", now->lost, at_most(then->lost, now->lost), seconds);
}

static json_t *room_json(const struct room *room, const struct room *then, double seconds)
{
	json_t *json = json_object();

	put_text(json, "name", room->name, sizeof(room->name));
	put(json, "participants", room->participants);
	put(json, "publications", room->publications);
	put(json, "subscriptions", room->subscriptions);
	put(json, "packets_in", room->packets_in);
	put(json, "packets_out", room->packets_out);
	put(json, "bytes_in", room->bytes_in);
	put(json, "bytes_out", room->bytes_out);
	put(json, "lost", room->lost);
	room_rates(json, room, then, seconds);
	return json;
}

json_t *figures_rooms(
	const struct figures *now, const struct figures *before, unsigned offset, unsigned most)
{
	double seconds = seconds_between(now, before);
	json_t *list = json_array();
	struct room **order = calloc(now->rooms_used + 1, sizeof(*order));

	for (unsigned i = 0; order && i < now->rooms_used; i++) {
		struct room *room = &now->rooms[i];
		const struct room *then = room_before(before, room->name);

		room->busy = room->packets_in - at_most(then->packets_in, room->packets_in) +
			     room->packets_out - at_most(then->packets_out, room->packets_out);
		order[i] = room;
	}
	if (order)
		qsort(order, now->rooms_used, sizeof(*order), busier);
	for (unsigned i = offset; order && i < now->rooms_used && i - offset < most; i++)
		json_array_append_new(
			list, room_json(order[i], room_before(before, order[i]->name), seconds));
	free(order);
	return list;
}

// SPDX-License-Identifier: Apache-2.0
#include "sluicectl.h"

static const char *string_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "-";
}

static long long integer_of(const json_t *json, const char *key)
{
	return (long long)json_integer_value(json_object_get(json, key));
}

static double number_of(const json_t *json, const char *key)
{
	return json_number_value(json_object_get(json, key));
}

static bool truth_of(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

// Only queues that have lost something, and what.
static void text_queues(const json_t *queues, FILE *out)
{
	size_t q;
	json_t *queue;
	json_array_foreach((json_t *)queues, q, queue)
	{
		const json_t *lost = json_object_get(queue, "lost");
		for (unsigned i = 0; i < SLUICE_QUEUE_LOSS_COUNT; i++) {
			const char *help, *name = sluice_queue_loss_name(i, &help);
			if (integer_of(lost, name) > 0)
				fprintf(out, "  queue %lld lost %lld of %lld: %s, %s\n",
					integer_of(queue, "queue"), integer_of(lost, name),
					integer_of(lost, name) + integer_of(queue, "packets"), name,
					help);
		}
	}
}

static void text_port(const json_t *port, FILE *out)
{
	const json_t *xdp = json_object_get(port, "xdp");
	fprintf(out, "port %-16s %s", string_of(port, "name"), string_of(port, "mode"));
	if (json_object_size(xdp) > 0)
		fprintf(out, ", filter attached %s", string_of(port, "xdp_mode"));
	fprintf(out, ", driver %s, %lld queue%s, link %s\n", string_of(port, "driver"),
		integer_of(port, "queues"), integer_of(port, "queues") == 1 ? "" : "s",
		truth_of(port, "link_up") ? "up" : "DOWN");
	fprintf(out, "  in %lld, out %lld, missed %lld, errors %lld\n",
		integer_of(port, "rx_packets"), integer_of(port, "tx_packets"),
		integer_of(port, "rx_missed") + integer_of(port, "rx_no_buffer"),
		integer_of(port, "rx_errors") + integer_of(port, "tx_errors"));
	text_queues(json_object_get(port, "queue"), out);
	if (json_object_size(xdp) == 0)
		return;
	fprintf(out, "  filter:");
	const char *class;
	json_t *count;
	json_object_foreach((json_t *)xdp, class, count)
		fprintf(out, " %s %lld", class, (long long)json_integer_value(count));
	fprintf(out, "\n");
}

static void text_worker(const json_t *worker, FILE *out)
{
	char cpu[32] = "floating";
	if (integer_of(worker, "cpu") >= 0)
		snprintf(cpu, sizeof(cpu), "cpu %lld", integer_of(worker, "cpu"));
	fprintf(out,
		"worker %-2lld %-9s %5.1f %% busy, %.0f cycles per packet, media in %.0f/s, out "
		"%.0f/s, buffers %lld of "
		"%lld free\n",
		integer_of(worker, "worker"), cpu, number_of(worker, "busy_ratio") * 100,
		number_of(worker, "cycles_per_packet"), number_of(worker, "media_in_per_second"),
		number_of(worker, "media_out_per_second"), integer_of(worker, "buffers_free"),
		integer_of(worker, "buffers"));
}

static void text_residence(const json_t *residence, FILE *out)
{
	if (integer_of(residence, "samples") == 0)
		return;
	fprintf(out, "port to port p50 %.0f us, p99 %.0f us, max %.0f us (%lld samples)\n",
		number_of(residence, "p50_us"), number_of(residence, "p99_us"),
		number_of(residence, "max_us"), integer_of(residence, "samples"));
}

void text_status(const json_t *status, FILE *out)
{
	const json_t *dataplane = json_object_get(status, "dataplane");
	const json_t *control = json_object_get(status, "control");
	size_t i;
	json_t *item;
	if (truth_of(dataplane, "alive"))
		fprintf(out, "data plane  pid %lld, %s, SRTP by %s, idle %s, start %lld\n",
			integer_of(dataplane, "pid"),
			truth_of(dataplane, "ready") ? "ready" : "starting",
			string_of(dataplane, "crypto"), string_of(dataplane, "idle"),
			integer_of(dataplane, "starts"));
	else
		fprintf(out, "data plane  NOT RUNNING\n");
	if (truth_of(control, "alive"))
		fprintf(out, "control     pid %lld, start %lld%s\n", integer_of(control, "pid"),
			integer_of(control, "starts"),
			truth_of(control, "draining") ? ", draining" : "");
	else
		fprintf(out, "control     NOT RUNNING (media goes on; nobody can join)\n");
	json_array_foreach(json_object_get(dataplane, "ports"), i, item) text_port(item, out);
	json_array_foreach(json_object_get(dataplane, "workers"), i, item) text_worker(item, out);
	text_residence(json_object_get(dataplane, "forward_latency"), out);
	fprintf(out, "%lld rooms, %lld participants, %lld publications, %lld subscriptions\n",
		integer_of(status, "rooms"), integer_of(status, "participants"),
		integer_of(status, "publications"), integer_of(status, "subscriptions"));
	json_array_foreach(json_object_get(status, "captures"), i, item)
		fprintf(out, "capture %lld of %s, %s, for %.0f s more\n",
			integer_of(item, "number"), string_of(item, "peer"),
			truth_of(item, "decrypted") ? "decrypted" : "as on the wire",
			number_of(item, "seconds_left"));
}

void text_rooms(const json_t *rooms, FILE *out)
{
	size_t i, j;
	json_t *room, *identity;
	const json_t *list = json_object_get(rooms, "rooms");
	if (json_array_size(list) == 0)
		fprintf(out, "no rooms\n");
	json_array_foreach(list, i, room)
	{
		fprintf(out, "%s: %zu participants, %lld publications, %lld subscriptions\n ",
			string_of(room, "name"),
			json_array_size(json_object_get(room, "participants")),
			integer_of(room, "publications"), integer_of(room, "subscriptions"));
		json_array_foreach(json_object_get(room, "participants"), j, identity)
			fprintf(out, " %s", json_string_value(identity));
		fprintf(out, "\n");
	}
}

static void text_transport(const json_t *transport, FILE *out)
{
	const json_t *heard = json_object_get(transport, "heard_seconds_ago");
	fprintf(out, "  %-4s %-10s %-28s worker %lld, in %lld, out %lld packets, ",
		string_of(transport, "direction"), string_of(transport, "state"),
		string_of(transport, "remote"), integer_of(transport, "worker"),
		integer_of(transport, "packets_in"), integer_of(transport, "packets_out"));
	if (json_is_number(heard))
		fprintf(out, "heard %.1f s ago\n", json_number_value(heard));
	else
		fprintf(out, "no media heard\n");
}

void text_peers(const json_t *peers, FILE *out)
{
	size_t i, j;
	json_t *peer, *transport;
	const json_t *list = json_object_get(peers, "peers");
	if (json_array_size(list) == 0)
		fprintf(out, "no participants\n");
	json_array_foreach(list, i, peer)
	{
		fprintf(out, "%s in %s (%s), dialect %s\n", string_of(peer, "identity"),
			string_of(peer, "room"), string_of(peer, "name"),
			string_of(peer, "dialect"));
		json_array_foreach(json_object_get(peer, "transports"), j, transport)
			text_transport(transport, out);
	}
}

void text_drops(const json_t *drops, FILE *out)
{
	size_t i;
	json_t *drop;
	json_array_foreach(json_object_get(drops, "drops"), i, drop) fprintf(out,
		"%12lld  %-9s %-22s %s\n", integer_of(drop, "packets"), string_of(drop, "where"),
		string_of(drop, "reason"), string_of(drop, "help"));
}

void text_check(const json_t *check, FILE *out)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(check, "checks"), i, item)
	{
		fprintf(out, "%-8s %-14s %s\n", string_of(item, "state"), string_of(item, "name"),
			string_of(item, "what"));
		if (json_object_get(item, "fix"))
			fprintf(out, "%-23s mend it: %s\n", "", string_of(item, "fix"));
	}
	fprintf(out, "%s\n", truth_of(check, "ok") ? "nothing is in the way" : "there are faults");
}

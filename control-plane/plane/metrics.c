// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include "capture.h"

#include <sluice/log.h>
#include <sluice/xdp.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef SLUICE_VERSION
#define SLUICE_VERSION "unknown"
#endif

struct page {
	char *text;
	size_t size;
	size_t used; // may exceed size: then it only counts
	bool open; // OpenMetrics
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	size_t left = page->used < page->size ? page->size - page->used : 0;
	int length = vsnprintf(left ? page->text + page->used : NULL, left, format, list);
	va_end(list);
	page->used += length > 0 ? (size_t)length : 0;
}

// OpenMetrics names a counter without the _total of its series.
static void describe_named(
	struct page *page, const char *prefix, const char *name, const char *type, const char *help)
{
	int length = (int)strlen(name);

	if (page->open && !strcmp(type, "counter"))
		length -= (int)strlen("_total");
	add(page, "# HELP %s%.*s %s\n# TYPE %s%.*s %s\n", prefix, length, name, help, prefix,
		length, name, type);
}

static void describe(struct page *page, const char *name, const char *type, const char *help)
{
	describe_named(page, "sluice_", name, type, help);
}

// The upper bound of a bucket, always with a point or an exponent, as OpenMetrics wants it.
static const char *bound_text(double bound, char text[32])
{
	snprintf(text, 30, "%.9g", bound);
	if (!strpbrk(text, ".e"))
		strcat(text, ".0");
	return text;
}

// A metric of one series without labels.
static void single(
	struct page *page, const char *name, const char *type, const char *help, double value)
{
	describe(page, name, type, help);
	add(page, "sluice_%s %.17g\n", name, value);
}

// One series of a described metric; `label` has the form name="value".
static void series(struct page *page, const char *name, const char *label, uint64_t value)
{
	add(page, "sluice_%s{%s} %" PRIu64 "\n", name, label, value);
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = {"none", "xdp", "bypass", "packet"};
	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static unsigned workers_used(const struct sluice_observed *observed)
{
	unsigned used = observed->head.workers_used;
	return used < SLUICE_WORKERS_MAX ? used : SLUICE_WORKERS_MAX;
}

static unsigned ports_used(const struct sluice_observed *observed)
{
	unsigned used = observed->head.ports_used;
	return used < SLUICE_PORTS_MAX ? used : SLUICE_PORTS_MAX;
}

struct tracks { // by kind: 0 audio, 1 video
	uint64_t in[2], paused[2];
	uint64_t out[3][2]; // by state of the subscription
};

static void tracks_count(const struct core *core, struct tracks *tracks)
{
	for (const struct core_publication *p = NULL; (p = core_publication_next(core, p));) {
		tracks->in[p->kind == DESC_VIDEO]++;
		tracks->paused[p->kind == DESC_VIDEO] += p->paused;
	}
	for (const struct core_subscription *s = NULL; (s = core_subscription_next(core, s));) {
		const struct core_publication *p = core_publication(core, s->publication);

		if (p)
			tracks->out[!s->active ? 0 : s->paused ? 1 : 2][p->kind == DESC_VIDEO]++;
	}
}

static void add_tracks(struct page *page, const struct core *core)
{
	static const char *const kinds[] = {"audio", "video"};
	static const char *const states[] = {"offered", "paused", "active"};
	struct tracks tracks = {0};
	char label[64];

	tracks_count(core, &tracks);
	describe(page, "tracks", "gauge",
		"Audio and video that participants send, and that they are sent.");
	for (unsigned kind = 0; kind < 2; kind++) {
		snprintf(label, sizeof(label), "kind=\"%s\",direction=\"in\"", kinds[kind]);
		series(page, "tracks", label, tracks.in[kind]);
		snprintf(label, sizeof(label), "kind=\"%s\",direction=\"out\"", kinds[kind]);
		series(page, "tracks", label, tracks.out[2][kind]);
	}
	describe(page, "paused_tracks", "gauge", "Publications that their publisher has paused.");
	for (unsigned kind = 0; kind < 2; kind++) {
		snprintf(label, sizeof(label), "kind=\"%s\"", kinds[kind]);
		series(page, "paused_tracks", label, tracks.paused[kind]);
	}
	describe(page, "subscriptions", "gauge",
		"Publications flowing, or to flow, to a subscriber.");
	for (unsigned state = 0; state < 3; state++)
		for (unsigned kind = 0; kind < 2; kind++) {
			snprintf(label, sizeof(label), "kind=\"%s\",state=\"%s\"", kinds[kind],
				states[state]);
			series(page, "subscriptions", label, tracks.out[state][kind]);
		}
}

static void add_model(struct page *page, const struct core *core)
{
	uint64_t rooms = 0, participants = 0, transports[4] = {0};
	for (const struct core_room *r = NULL; (r = core_room_next(core, r));)
		rooms++;
	for (const struct core_participant *p = NULL; (p = core_participant_next(core, p));)
		participants++;
	for (const struct core_transport *t = NULL; (t = core_transport_next(core, t));)
		transports[t->state < 4 ? t->state : 0]++;
	single(page, "rooms", "gauge", "Rooms with at least one participant.", (double)rooms);
	single(page, "participants", "gauge", "Participants in all rooms.", (double)participants);
	add_tracks(page, core);
	describe(page, "transports", "gauge", "ICE, DTLS and SRTP associations by state.");
	series(page, "transports", "state=\"new\"", transports[CORE_TRANSPORT_NEW]);
	series(page, "transports", "state=\"connecting\"", transports[CORE_TRANSPORT_CONNECTING]);
	series(page, "transports", "state=\"connected\"", transports[CORE_TRANSPORT_CONNECTED]);
	series(page, "transports", "state=\"suspect\"", transports[CORE_TRANSPORT_SUSPECT]);
}

// One number of the worker rows, in or out or plain, as a family of series.
struct worker_metric {
	const char *name; // NULL: a further series of the metric before
	const char *label; // NULL: none
	const char *help;
	size_t offset;
};

static const struct worker_metric worker_metrics[] = {
	{"packets_total", "direction=\"in\",kind=\"rtp\"", "Packets taken from and given to peers.",
		offsetof(struct sluice_worker_status, media_in)},
	{NULL, "direction=\"out\",kind=\"rtp\"", NULL,
		offsetof(struct sluice_worker_status, media_out)},
	{NULL, "direction=\"in\",kind=\"rtcp\"", NULL,
		offsetof(struct sluice_worker_status, rtcp_in)},
	{NULL, "direction=\"out\",kind=\"rtcp\"", NULL,
		offsetof(struct sluice_worker_status, rtcp_out)},
	{"bytes_total", "direction=\"in\"", "UDP payload bytes of media and RTCP.",
		offsetof(struct sluice_worker_status, bytes_in)},
	{NULL, "direction=\"out\"", NULL, offsetof(struct sluice_worker_status, bytes_out)},
	{"retransmitted_packets_total", NULL, "Packets sent again on a subscriber's NACK.",
		offsetof(struct sluice_worker_status, resent)},
	{"nacks_total", "direction=\"in\"", "Generic NACKs from subscribers and to publishers.",
		offsetof(struct sluice_worker_status, nacks_in)},
	{NULL, "direction=\"out\"", NULL, offsetof(struct sluice_worker_status, nacks_out)},
	{"keyframe_requests_total", "direction=\"in\"",
		"PLI and FIR from subscribers and to publishers.",
		offsetof(struct sluice_worker_status, key_requests_in)},
	{NULL, "direction=\"out\"", NULL, offsetof(struct sluice_worker_status, key_requests_out)},
	{"punted_datagrams_total", "direction=\"in\"",
		"STUN and DTLS datagrams carried between the data plane's ports and control.",
		offsetof(struct sluice_worker_status, punted)},
	{NULL, "direction=\"out\"", NULL, offsetof(struct sluice_worker_status, punt_sent)},
	{"handed_over_packets_total", NULL, "Packets that reached a worker that does not own them.",
		offsetof(struct sluice_worker_status, handed_over)},
};

static uint64_t sum_workers(const struct sluice_observed *observed, size_t offset)
{
	uint64_t sum = 0;
	for (unsigned w = 0; w < workers_used(observed); w++)
		sum += *(const uint64_t *)((const char *)&observed->workers[w] + offset);
	return sum;
}

static double cycles_per_packet(const struct sluice_worker_status *worker)
{
	uint64_t packets = worker->media_in + worker->media_out;
	return packets > 0 ? (double)worker->cycles_busy / (double)packets : 0;
}

// One Prometheus bucket for each power of two: their bounds are bounds of ours.
static void add_residence(struct page *page, const struct sluice_observed *observed)
{
	const unsigned parts = 1 << SLUICE_RESIDENCE_PART_BITS;
	struct sluice_residence all = {0};
	uint64_t below = 0;
	char bound[32];
	for (unsigned w = 0; w < workers_used(observed); w++)
		sluice_residence_merge(&all, &observed->workers[w].residence);
	describe(page, "forward_latency_seconds", "histogram",
		"Time in the data plane from port to port, of one media packet in 64.");
	for (unsigned i = 0; i < SLUICE_RESIDENCE_BUCKETS - 1; i++) {
		below += all.buckets[i];
		if (i % parts == 0)
			add(page, "sluice_forward_latency_seconds_bucket{le=\"%s\"} %" PRIu64 "\n",
				bound_text((double)sluice_residence_bound_ns(i) / 1e9, bound),
				below);
	}
	uint64_t count = sluice_residence_count(&all);
	add(page,
		"sluice_forward_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
		"sluice_forward_latency_seconds_sum %.9f\n"
		"sluice_forward_latency_seconds_count %" PRIu64 "\n",
		count, (double)all.sum_ns / 1e9, count);
}

static void add_workers(struct page *page, const struct sluice_observed *observed)
{
	const char *name = NULL;
	for (size_t i = 0; i < sizeof(worker_metrics) / sizeof(worker_metrics[0]); i++) {
		const struct worker_metric *metric = &worker_metrics[i];
		uint64_t sum = sum_workers(observed, metric->offset);
		if (metric->name) {
			name = metric->name;
			describe(page, name, "counter", metric->help);
		}
		if (metric->label)
			series(page, name, metric->label, sum);
		else
			add(page, "sluice_%s %" PRIu64 "\n", name, sum);
	}
	describe(page, "lcore_busy_seconds_total", "counter",
		"Time a worker spent on packets; the rest it polled in vain or slept.");
	for (unsigned w = 0; w < workers_used(observed); w++)
		add(page, "sluice_lcore_busy_seconds_total{lcore=\"%u\"} %.6f\n", w,
			(double)observed->workers[w].busy_ns / 1e9);
	describe(page, "lcore_idle_seconds_total", "counter", "Time a worker had nothing to do.");
	for (unsigned w = 0; w < workers_used(observed); w++)
		add(page, "sluice_lcore_idle_seconds_total{lcore=\"%u\"} %.6f\n", w,
			(double)observed->workers[w].idle_ns / 1e9);
	describe(page, "lcore_busy_ratio", "gauge",
		"Share of the last second that a worker spent on packets.");
	for (unsigned w = 0; w < workers_used(observed); w++)
		add(page, "sluice_lcore_busy_ratio{lcore=\"%u\"} %.4f\n", w,
			(double)observed->workers[w].busy_ppm / 1e6);
	describe(page, "lcore_cycles_per_packet", "gauge",
		"Cycles of the time stamp counter for a packet received or sent, since the start.");
	for (unsigned w = 0; w < workers_used(observed); w++)
		add(page, "sluice_lcore_cycles_per_packet{lcore=\"%u\"} %.1f\n", w,
			cycles_per_packet(&observed->workers[w]));
	describe(page, "mbuf_free_ratio", "gauge", "Free share of a worker's packet buffers.");
	for (unsigned w = 0; w < workers_used(observed); w++) {
		const struct sluice_worker_status *worker = &observed->workers[w];
		double size = worker->pool_size ? (double)worker->pool_size : 1;
		add(page, "sluice_mbuf_free_ratio{lcore=\"%u\"} %.4f\n", w,
			(double)worker->pool_free / size);
	}
}

enum { RINGS = 4 };

static const struct {
	const char *label;
	struct sluice_ring (*ring)(struct sluice_desired *, struct sluice_observed *, unsigned);
} rings[RINGS] = {{"ring=\"hints\"", sluice_ring_hints}, {"ring=\"replies\"", sluice_ring_replies},
	{"ring=\"events\"", sluice_ring_events}, {"ring=\"punts\"", sluice_ring_punts}};

// The fullest of the workers' rings of a kind. The pointers are only read through.
static double ring_fill(
	const struct sluice_desired *desired, const struct sluice_observed *observed, unsigned kind)
{
	double most = 0;
	for (unsigned w = 0; w < workers_used(observed); w++) {
		struct sluice_ring ring = rings[kind].ring(
			(struct sluice_desired *)desired, (struct sluice_observed *)observed, w);
		most = larger(most, (double)sluice_ring_fill(&ring) / ring.slots);
	}
	return most;
}

static void add_rings(struct page *page, const struct sluice_desired *desired,
	const struct sluice_observed *observed)
{
	describe(page, "ring_fill_ratio", "gauge",
		"How full the fullest ring between the two programs is, by kind.");
	for (unsigned i = 0; i < RINGS; i++)
		add(page, "sluice_ring_fill_ratio{%s} %.4f\n", rings[i].label,
			ring_fill(desired, observed, i));
}

static uint64_t drops_of(const struct sluice_observed *observed, enum sluice_drop drop)
{
	return sum_workers(
		observed, offsetof(struct sluice_worker_status, drops) + drop * sizeof(uint64_t));
}

// What a full ring has cost, by kind. Events have no count: statuses repeat them.
static void add_ring_drops(struct page *page, const struct metrics_source *source)
{
	const struct sluice_observed *observed = plane_observed(source->plane);
	const struct sluice_desired *desired = plane_desired(source->plane);
	describe(page, "ring_drops_total", "counter",
		"Packets and datagrams lost to a full ring, and hints that became a rescan.");
	series(page, "ring_drops_total", "ring=\"mesh\"",
		drops_of(observed, SLUICE_DROP_mesh_full));
	series(page, "ring_drops_total", "ring=\"punts\"",
		drops_of(observed, SLUICE_DROP_punt_full));
	series(page, "ring_drops_total", "ring=\"replies\"", source->counters->punt_send_errors);
	series(page, "ring_drops_total", "ring=\"hints\"", atomic_load(&desired->head.rescan));
}

static void add_srtp(struct page *page, const struct sluice_observed *observed)
{
	describe(page, "srtp_errors_total", "counter",
		"Packets that SRTP refused; they are among the dropped ones, too.");
	series(page, "srtp_errors_total", "reason=\"auth_failed\"",
		drops_of(observed, SLUICE_DROP_auth_failed));
	series(page, "srtp_errors_total", "reason=\"replayed\"",
		drops_of(observed, SLUICE_DROP_replayed));
	series(page, "srtp_errors_total", "reason=\"no_keys\"",
		drops_of(observed, SLUICE_DROP_no_keys));
	series(page, "srtp_errors_total", "reason=\"seal_failed\"",
		drops_of(observed, SLUICE_DROP_seal_failed));
	series(page, "srtp_errors_total", "reason=\"index_exhausted\"",
		drops_of(observed, SLUICE_DROP_index_exhausted));
}

static void add_drops(struct page *page, const struct sluice_observed *observed)
{
	describe(page, "dropped_packets_total", "counter",
		"Packets the data plane did not forward, by reason (docs/operations.md).");
	for (unsigned drop = 0; drop < SLUICE_DROP_COUNT; drop++) {
		char label[64];
		snprintf(label, sizeof(label), "reason=\"%s\"", sluice_drop_info(drop)->name);
		series(page, "dropped_packets_total", label, drops_of(observed, drop));
	}
}

// The filter's counters are shared by all ports, so that every port's row shows the same sums.
static uint64_t filter_count(const struct sluice_observed *observed, unsigned class)
{
	uint64_t most = 0;
	for (unsigned p = 0; p < ports_used(observed); p++)
		if (observed->ports[p].xdp[class] > most)
			most = observed->ports[p].xdp[class];
	return most;
}

// What becomes of a class is the first word of its help.
static void add_verdicts(struct page *page, const struct sluice_observed *observed)
{
	static const char *const verdicts[] = {"passed", "redirected", "dropped"};
	describe(page, "xdp_verdicts_total", "counter", "Frames the XDP filter saw, by verdict.");
	for (unsigned v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++) {
		size_t length = strlen(verdicts[v]);
		uint64_t sum = 0;
		char label[64];
		for (unsigned class = 0; class < SLUICE_XDP_CLASS_COUNT; class ++)
			if (!strncmp(sluice_xdp_class_info(class)->help, verdicts[v], length))
				sum += filter_count(observed, class);
		snprintf(label, sizeof(label), "verdict=\"%s\"", verdicts[v]);
		series(page, "xdp_verdicts_total", label, sum);
	}
}

static void add_filter(struct page *page, const struct sluice_observed *observed)
{
	describe(page, "xdp_packets_total", "counter", "Frames the XDP filter saw, by class.");
	for (unsigned class = 0; class < SLUICE_XDP_CLASS_COUNT; class ++) {
		char label[64];
		snprintf(label, sizeof(label), "class=\"%s\"", sluice_xdp_class_info(class)->name);
		series(page, "xdp_packets_total", label, filter_count(observed, class));
	}
	add_verdicts(page, observed);
}

static void add_missed(struct page *page, const struct sluice_observed *observed)
{
	describe(page, "nic_missed_packets_total", "counter",
		"Frames a port lost before the data plane took them.");
	for (unsigned p = 0; p < ports_used(observed); p++)
		add(page, "sluice_nic_missed_packets_total{port=\"%u\"} %" PRIu64 "\n", p,
			observed->ports[p].rx_missed + observed->ports[p].rx_no_buffer);
}

static unsigned queues_used(const struct sluice_port_status *port)
{
	return port->queues < SLUICE_QUEUES_MAX ? port->queues : SLUICE_QUEUES_MAX;
}

static void add_queue_losses(struct page *page, unsigned p, const struct sluice_port_status *port)
{
	for (unsigned q = 0; q < queues_used(port); q++)
		for (unsigned i = 0; i < SLUICE_QUEUE_LOSS_COUNT; i++)
			add(page,
				"sluice_nic_queue_lost_packets_total{port=\"%u\",queue=\"%u\","
				"reason=\"%s\"} %" PRIu64 "\n",
				p, q, sluice_queue_loss_name(i, NULL), port->queue[q].lost[i]);
}

static void add_queues(struct page *page, const struct sluice_observed *observed)
{
	const struct sluice_port_status *ports = observed->ports;
	describe(page, "nic_queue_packets_total", "counter", "Frames taken from a receive queue.");
	for (unsigned p = 0; p < ports_used(observed); p++)
		for (unsigned q = 0; q < queues_used(&ports[p]); q++)
			add(page,
				"sluice_nic_queue_packets_total{port=\"%u\",queue=\"%u\"} %" PRIu64
				"\n",
				p, q, ports[p].queue[q].packets);
	describe(page, "nic_queue_lost_packets_total", "counter",
		"Frames a receive queue lost before the data plane took them, by reason.");
	for (unsigned p = 0; p < ports_used(observed); p++)
		add_queue_losses(page, p, &ports[p]);
	describe(page, "nic_queue_starved_total", "counter",
		"How often the kernel found no free packet buffer for a receive queue.");
	for (unsigned p = 0; p < ports_used(observed); p++)
		for (unsigned q = 0; q < queues_used(&ports[p]); q++)
			add(page,
				"sluice_nic_queue_starved_total{port=\"%u\",queue=\"%u\"} %" PRIu64
				"\n",
				p, q, ports[p].queue[q].starved);
}

static void add_ports(struct page *page, const struct sluice_observed *observed)
{
	uint64_t in = 0, out = 0, errors = 0;
	describe(page, "mode_info", "gauge", "How each port takes its packets, and what encrypts.");
	for (unsigned p = 0; p < ports_used(observed); p++) {
		const struct sluice_port_status *port = &observed->ports[p];
		add(page,
			"sluice_mode_info{port=\"%u\",mode=\"%s\",driver=\"%.31s\",xdp_mode=\"%s\","
			"crypto=\"%.31s\"} 1\n",
			p, mode_name(port->mode), port->driver,
			port->mode != SLUICE_PORT_XDP ? "none"
			: port->xdp_native	      ? "native"
						      : "generic",
			observed->head.crypto);
		in += port->rx_packets;
		out += port->tx_packets;
		errors += port->rx_errors + port->tx_errors;
	}
	describe(page, "port_packets_total", "counter", "Frames through the data plane's ports.");
	series(page, "port_packets_total", "direction=\"in\"", in);
	series(page, "port_packets_total", "direction=\"out\"", out);
	add_missed(page, observed);
	add_queues(page, observed);
	single(page, "port_errors_total", "counter", "Frames a port refused or spoilt.",
		(double)errors);
	add_filter(page, observed);
}

static void add_captures(struct page *page, const struct plane *plane)
{
	const struct sluice_desired *desired = plane_desired(plane);
	uint64_t packets, lost;
	unsigned running = 0;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		running += desired->head.captures[place].row.generation != 0;
	capture_figures(plane, &packets, &lost);
	single(page, "captures_active", "gauge",
		"How many `sluicectl capture` run; `sluicectl status` says of whom.", running);
	single(page, "captured_packets_total", "counter", "Packets copied for `sluicectl capture`.",
		(double)packets);
	single(page, "capture_lost_packets_total", "counter",
		"Packets a capture had no room for; they were forwarded all the same.",
		(double)lost);
}

// One series for each of `n` labels.
static void family(struct page *page, const char *name, const char *key, const char *const *labels,
	const uint64_t *values, unsigned n, const char *help)
{
	char label[64];
	describe(page, name, "counter", help);
	for (unsigned i = 0; i < n; i++) {
		snprintf(label, sizeof(label), "%s=\"%s\"", key, labels[i]);
		series(page, name, label, values[i]);
	}
}

#define LABEL(number, label, help) label,

static void add_edge_tables(struct page *page, const struct edge_counters *counters)
{
	static const char *const stun[] = {EDGE_STUN_RESULTS(LABEL)};
	static const char *const dtls[] = {EDGE_DTLS_RESULTS(LABEL)};
	static const char *const data[] = {EDGE_DATA_RESULTS(LABEL)};
	static const char *const hook[] = {EDGE_HOOK_RESULTS(LABEL)};
	static const char *const closes[] = {EDGE_WS_CLOSES(LABEL)};
	static const char *const webhooks[] = {EDGE_WEBHOOK_RESULTS(LABEL)};

	family(page, "ice_results_total", "result", stun, counters->stun, EDGE_STUN_COUNT,
		"STUN datagrams by what became of them.");
	family(page, "dtls_results_total", "result", dtls, counters->dtls, EDGE_DTLS_COUNT,
		"DTLS associations by what became of them.");
	family(page, "data_datagrams_total", "result", data, counters->data, EDGE_DATA_COUNT,
		"Datagrams of data channels between the legs of pairs by what became of them.");
	family(page, "admissions_total", "result", hook, counters->hook, EDGE_HOOK_COUNT,
		"Questions to the admission hook.");
	family(page, "websocket_closes_total", "reason", closes, counters->ws_closed,
		EDGE_WS_CLOSE_COUNT, "WebSockets closed by this side.");
	family(page, "webhook_deliveries_total", "result", webhooks, counters->webhooks,
		EDGE_WEBHOOK_COUNT, "Events for webhooks by what became of them.");
	single(page, "webhook_waiting_events", "gauge",
		"Events that receivers of webhooks have not taken yet.",
		counters->webhooks_waiting);
}

static void add_histogram(struct page *page, const char *name, const char *stage,
	const struct edge_histogram *histogram)
{
	uint64_t below = 0;
	char bound[32];
	for (unsigned i = 0; i < EDGE_BUCKETS; i++) {
		below += histogram->buckets[i];
		add(page, "sluice_%s_bucket{stage=\"%s\",le=\"%s\"} %" PRIu64 "\n", name, stage,
			bound_text(edge_bucket_ms[i] / 1000.0, bound), below);
	}
	add(page, "sluice_%s_bucket{stage=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, stage,
		histogram->count);
	add(page, "sluice_%s_sum{stage=\"%s\"} %g\nsluice_%s_count{stage=\"%s\"} %" PRIu64 "\n",
		name, stage, (double)histogram->sum_ms / 1000.0, name, stage, histogram->count);
}

static void add_joins(struct page *page, const struct edge_counters *counters)
{
	static const char *const stages[] = {EDGE_JOIN_STAGES(LABEL)};

	describe(page, "join_duration_seconds", "histogram",
		"Stages of joining, each from the end of the one before it.");
	for (unsigned i = 0; i < EDGE_JOIN_COUNT; i++)
		add_histogram(page, "join_duration_seconds", stages[i], &counters->join[i]);
}

static void add_messages(struct page *page, const struct edge_counters *counters)
{
	const struct edge_message *end = counters->messages + EDGE_MESSAGES_MAX, *one;
	describe(page, "signal_messages_total", "counter", "Signaling messages.");
	for (one = counters->messages; one < end && one->dialect; one++)
		if (strcmp(one->direction, "error") != 0)
			add(page,
				"sluice_signal_messages_total{dialect=\"%s\",type=\"%s\","
				"direction=\"%s\"} %" PRIu64 "\n",
				one->dialect, one->type, one->direction, one->count);
	describe(page, "signal_errors_total", "counter",
		"Errors that clients were told of, by the dialect's code for them.");
	for (one = counters->messages; one < end && one->dialect; one++)
		if (strcmp(one->direction, "error") == 0)
			add(page,
				"sluice_signal_errors_total{dialect=\"%s\",code=\"%s\"} %" PRIu64
				"\n",
				one->dialect, one->type, one->count);
}

static void add_http(struct page *page, const struct edge_counters *counters)
{
	char label[32];
	describe(page, "http_responses_total", "counter", "HTTP responses by class of status.");
	for (unsigned i = 1; i < 6; i++) {
		snprintf(label, sizeof(label), "status=\"%uxx\"", i);
		series(page, "http_responses_total", label, counters->http_responses[i]);
	}
	single(page, "connections_accepted_total", "counter", "TCP connections that came in.",
		(double)counters->connections_accepted);
	single(page, "websockets_opened_total", "counter", "WebSockets that were opened.",
		(double)counters->websockets_opened);
	describe(page, "connections_refused_total", "counter", "TCP connections over a limit.");
	series(page, "connections_refused_total", "reason=\"limit\"",
		counters->connections_refused_limit);
	series(page, "connections_refused_total", "reason=\"address\"",
		counters->connections_refused_address);
	single(page, "connections", "gauge", "Open TCP connections.", counters->connections_open);
	single(page, "websockets", "gauge", "Open WebSockets.", counters->websockets_open);
	single(page, "admissions_pending", "gauge",
		"Questions that the admission hook has not answered yet.",
		counters->hook_flying + counters->hook_waiting);
	describe(page, "tokens_total", "counter", "Tokens checked.");
	series(page, "tokens_total", "result=\"accepted\"", counters->tokens_accepted);
	series(page, "tokens_total", "result=\"refused\"", counters->tokens_refused);
}

static void add_udp(struct page *page, const struct edge_counters *counters)
{
	static const char *const classes[SLUICE_CLASS_COUNT] = {
		"other", "stun", "dtls", "rtp", "rtcp"};
	char label[64];
	describe(page, "udp_datagrams_total", "counter", "Datagrams control received, by class.");
	for (unsigned i = 0; i < SLUICE_CLASS_COUNT; i++) {
		snprintf(label, sizeof(label), "by=\"kernel\",class=\"%s\"", classes[i]);
		series(page, "udp_datagrams_total", label, counters->udp_in[i]);
		snprintf(label, sizeof(label), "by=\"punt\",class=\"%s\"", classes[i]);
		series(page, "udp_datagrams_total", label, counters->punt_in[i]);
	}
	single(page, "udp_unexpected_datagrams_total", "counter",
		"Datagrams on control's socket that are neither STUN nor DTLS: the filter let "
		"media "
		"through.",
		(double)counters->udp_unexpected);
	single(page, "udp_send_errors_total", "counter", "Datagrams control could not send.",
		(double)(counters->udp_send_errors + counters->punt_send_errors));
}

static void add_feeds(struct page *page, const struct edge_counters *counters)
{
	static const char *const kinds[EDGE_FEED_KINDS] = {"push", "pull"};
	static const char *const states[] = {EDGE_FEED_STATES(LABEL)};
	char label[64];
	describe(page, "feeds", "gauge", "Pushes to WHIP and pulls from WHEP endpoints.");
	for (unsigned kind = 0; kind < EDGE_FEED_KINDS; kind++)
		for (unsigned state = 0; state < EDGE_FEED_STATE_COUNT; state++) {
			snprintf(label, sizeof(label), "kind=\"%s\",state=\"%s\"", kinds[kind],
				states[state]);
			series(page, "feeds", label, counters->feeds[kind][state]);
		}
	describe(page, "feed_failures_total", "counter",
		"Sessions of pushes and pulls that failed, or could not be made.");
	for (unsigned kind = 0; kind < EDGE_FEED_KINDS; kind++) {
		snprintf(label, sizeof(label), "kind=\"%s\"", kinds[kind]);
		series(page, "feed_failures_total", label, counters->feed_failures[kind]);
	}
	describe(page, "feed_ports", "gauge",
		"Local ports of pushes and pulls (feeds.ports), one for each session.");
	series(page, "feed_ports", "state=\"used\"", counters->feed_ports_used);
	series(page, "feed_ports", "state=\"free\"",
		counters->feed_ports - counters->feed_ports_used);
}

// ---- the process of control

static unsigned descriptors_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count > 3 ? count - 3 : 0; // ".", ".." and the directory itself
}

static void process_metric(
	struct page *page, const char *name, const char *type, const char *help, double value)
{
	describe_named(page, "process_", name, type, help);
	add(page, "process_%s %.17g\n", name, value);
}

static void add_process(struct page *page, double started_s)
{
	struct rusage usage;
	struct rlimit files = {0};
	long total = 0, resident = 0, unit = sysconf(_SC_PAGESIZE);
	FILE *statm = fopen("/proc/self/statm", "re");
	if (statm && fscanf(statm, "%ld %ld", &total, &resident) != 2)
		total = resident = 0;
	if (statm)
		fclose(statm);
	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &files);
	process_metric(page, "cpu_seconds_total", "counter", "CPU time of control.",
		(double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	process_metric(page, "resident_memory_bytes", "gauge", "Resident memory of control.",
		(double)(resident * unit));
	process_metric(page, "virtual_memory_bytes", "gauge", "Address space of control.",
		(double)(total * unit));
	process_metric(page, "open_fds", "gauge", "Descriptors that control has open.",
		descriptors_open());
	process_metric(page, "max_fds", "gauge", "Descriptors that control may have open.",
		(double)files.rlim_cur);
	process_metric(page, "start_time_seconds", "gauge", "When control has started, Unix time.",
		started_s);
}

// ---- how close the relay is to what it can carry

static double share(double used, double of)
{
	return of > 0 ? used / of : 0;
}

static double stress_of_dataplane(
	const struct sluice_desired *desired, const struct sluice_observed *observed)
{
	double most = 0;
	for (unsigned w = 0; w < workers_used(observed); w++) {
		const struct sluice_worker_status *worker = &observed->workers[w];
		most = larger(most, (double)worker->busy_ppm / 1e6);
		most = larger(most, share((double)(worker->pool_size - worker->pool_free),
					    (double)worker->pool_size));
	}
	for (unsigned i = 0; i < RINGS; i++)
		most = larger(most, ring_fill(desired, observed, i));
	return most;
}

static double stress_of_tables(const struct metrics_source *source)
{
	const struct core_limits *limits = source->limits;
	double rooms = 0, participants = 0, transports = 0, publications = 0, subscriptions = 0;
	for (const struct core_room *r = NULL; (r = core_room_next(source->core, r));)
		rooms++;
	for (const struct core_participant *p = NULL; (p = core_participant_next(source->core, p));)
		participants++;
	for (const struct core_transport *t = NULL; (t = core_transport_next(source->core, t));)
		transports++;
	for (const struct core_publication *p = NULL; (p = core_publication_next(source->core, p));)
		publications++;
	for (const struct core_subscription *s = NULL;
		(s = core_subscription_next(source->core, s));)
		subscriptions++;
	double most =
		larger(share(rooms, limits->rooms), share(participants, limits->participants));
	most = larger(most, share(transports, limits->transports));
	most = larger(most, share(publications, limits->publications));
	return larger(most, share(subscriptions, limits->subscriptions));
}

static void add_stress(struct page *page, const struct metrics_source *source)
{
	const struct sluice_observed *observed = plane_observed(source->plane);
	double most = stress_of_tables(source);
	if (observed)
		most = larger(most, stress_of_dataplane(plane_desired(source->plane), observed));
	single(page, "stress_ratio", "gauge",
		"The most used of workers, packet buffers, rings, rooms, participants and tables; "
		"at 1 "
		"one of them is full.",
		most);
}

static void add_log(struct page *page)
{
	static const char *const levels[LOG_LEVELS] = {"error", "warn", "info", "debug"};
	struct log_counts counts = log_counts();
	char label[32];
	describe(page, "log_lines_total", "counter", "Lines that control has logged.");
	for (unsigned i = 0; i < LOG_LEVELS; i++) {
		snprintf(label, sizeof(label), "level=\"%s\"", levels[i]);
		series(page, "log_lines_total", label, counts.written[i]);
	}
	single(page, "log_lines_held_back_total", "counter",
		"Lines that control has counted instead of logging: too many of a kind.",
		(double)counts.held);
}

static void add_planes(struct page *page, const struct plane *plane)
{
	const struct sluice_desired *desired = plane_desired(plane);
	const struct sluice_observed *observed = plane_observed(plane);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	double now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	describe(page, "build_info", "gauge",
		"Version of control and, if it is there, the data plane.");
	add(page, "sluice_build_info{version=\"%s\",dataplane_version=\"%.31s\"} 1\n",
		SLUICE_VERSION, observed ? observed->head.version : "");
	single(page, "uptime_seconds", "gauge", "Time since control has started.",
		now_s - (double)desired->head.started_unix_ms / 1000.0);
	single(page, "dataplane_uptime_seconds", "gauge",
		"Time since the data plane has started; 0 when there is none.",
		observed && plane_ready(plane)
			? now_s - (double)observed->head.started_unix_ms / 1000.0
			: 0);
	single(page, "dataplane_up", "gauge",
		"1 while a data plane is attached, ready and beating.", plane_ready(plane));
	single(page, "control_restarts_total", "counter",
		"How often control has taken over tables of one before it.",
		(double)(atomic_load(&desired->head.incarnation) - 1));
	single(page, "dataplane_restarts_total", "counter",
		"How often a data plane has taken over tables of one before it.",
		observed ? (double)(atomic_load(&observed->head.incarnation) - 1) : 0);
	single(page, "drain_state", "gauge", "1 while no new participants are taken.",
		desired->head.draining);
}

size_t metrics_text(char *text, size_t size, const struct metrics_source *source)
{
	struct page page = {text, size, 0, source->open};
	const struct sluice_desired *desired = plane_desired(source->plane);
	const struct sluice_observed *observed = plane_observed(source->plane);
	if (size > 0)
		text[0] = 0;
	add_planes(&page, source->plane);
	add_model(&page, source->core);
	add_stress(&page, source);
	if (observed) {
		add_ports(&page, observed);
		add_workers(&page, observed);
		add_residence(&page, observed);
		add_rings(&page, desired, observed);
		add_ring_drops(&page, source);
		add_drops(&page, observed);
		add_srtp(&page, observed);
	}
	add_captures(&page, source->plane);
	add_edge_tables(&page, source->counters);
	add_udp(&page, source->counters);
	add_http(&page, source->counters);
	add_messages(&page, source->counters);
	add_joins(&page, source->counters);
	add_feeds(&page, source->counters);
	add_log(&page);
	add_process(&page, (double)desired->head.started_unix_ms / 1000.0);
	if (page.open)
		add(&page, "# EOF\n");
	return page.used;
}

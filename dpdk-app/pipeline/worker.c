// SPDX-License-Identifier: Apache-2.0
#include "feed.h"
#include "report.h"

#include <stdlib.h>

enum { EMPTY_POLLS = 8, COPY_NS = 1000 };

// Packets wake a sleeper where the port has a socket; other workers' messages and ports without one do
// not. So nobody sleeps longer than the last packet is ago, and not over 250 us while a call runs.
#define SLEEP_SHORT_NS UINT64_C(20000)
#define SLEEP_LONG_NS UINT64_C(250000)
#define SLEEP_LONGEST_NS UINT64_C(1000000)
#define SILENT_NS UINT64_C(100000000) // no call runs
#define LOAD_NS UINT64_C(1000000000)

struct load { // since when it is measured, and what the status said then
	uint64_t since_ns, busy_ns, idle_ns;
};

// ---- the way of a packet --------------------------------------------------------------------------

static void jobs_send(struct worker *worker, struct cursor *cursor, unsigned n)
{
	n = stage_rewrite(worker, n);
	n = stage_seal(worker, cursor, n);
	n = stage_frame(worker, n);
	stage_tx(worker, n);
}

static void media_send(struct worker *worker)
{
	struct cursor cursor = {0};
	uint64_t before = worker->status->stages[SLUICE_STAGE_SELECT];
	uint64_t begun_ns = worker->media_used > 0 ? io_now_ns() : 0;
	unsigned n;
	while ((n = stage_select(worker, &cursor)) > 0)
		jobs_send(worker, &cursor, n);
	if (worker->media_used > 0)
		wait_learn(worker, worker->status->stages[SLUICE_STAGE_SELECT] - before,
			io_now_ns() - begun_ns);
	stage_release(worker);
}

static void resends_send(struct worker *worker)
{
	if (wait_is_long(worker)) {
		for (unsigned i = 0; i < worker->resends_used; i++)
			trace_subscription(worker, worker->resends[i].subscription,
				SLUICE_DROP_overload,
				trace_packet(worker->resends[i].media->pkt->data,
					worker->resends[i].media->pkt->length));
		drop_count(worker, SLUICE_DROP_overload, worker->resends_used);
		worker->resends_used = 0;
	}
	unsigned n, from = 0;
	while ((n = stage_resend(worker, &from)) > 0)
		jobs_send(worker, NULL, n);
	worker->resends_used = 0;
}

// One burst of what ports and other workers have for us, up to where it waits to be sent. Returns whether
// there may be more.
static bool burst_take(struct worker *worker, unsigned *handled)
{
	struct pkt *pkts[2 * WORKER_BURST];
	unsigned received = stage_rx(worker, pkts), given = 0;
	unsigned n = stage_parse(worker, pkts, received);
	n += stage_mesh(worker, pkts + n, &given);
	n = stage_dispatch(worker, pkts, n);
	n = stage_open(worker, pkts, n);
	n = stage_feedback(worker, pkts, n);
	resends_send(worker);
	n = stage_ingest(worker, pkts, n);
	if (worker->tap.runs)
		tap_settle(pkts, n);
	stage_fanout(worker, pkts, n);
	stage_fanout(worker, worker->notes, worker->notes_used);
	worker->notes_used = 0;
	*handled += received + given;
	return received >= WORKER_BURST || given >= WORKER_BURST;
}

static void tell_others(struct worker *worker)
{
	const struct sluice_desired *desired = worker->table.desired;
	for (unsigned w = 0; worker->told >> w; w++)
		if (worker->told >> w & 1)
			mesh_tell(worker->mesh, worker->number, w);
	worker->told = 0;
	if (worker->ring && desired && atomic_load(&desired->head.asleep))
		io_doorbell();
	worker->ring = false;
}

unsigned worker_step(struct worker *worker, uint64_t now_ns)
{
	worker->now_ns = now_ns;
	worker->send_time = rtp_abs_send_time(io_ntp(now_ns));
	unsigned handled = stage_control(worker);
	// All there is: in a port's ring a packet waits unseen, here it can be judged.
	unsigned rounds = 0;
	while (burst_take(worker, &handled) && ++rounds < WORKER_ROUNDS)
		;
	stage_shed(worker);
	handled += worker->media_used;
	media_send(worker);
	stage_tick(worker);
	tx_flush(worker);
	if (worker->tap.runs)
		tap_show(worker);
	tell_others(worker);
	return handled;
}

unsigned stage_control(struct worker *worker)
{
	struct table *table = &worker->table;
	const struct sluice_desired *offered =
		atomic_load_explicit(&worker->offered, memory_order_acquire);
	if (offered != table->desired) {
		table_attach(table, offered);
		atomic_store_explicit(&worker->attached, offered, memory_order_release);
		worker->ring = true;
	}
	const struct tap_order *order =
		atomic_load_explicit(&worker->tap.offered, memory_order_acquire);
	if (order != worker->tap.taken)
		tap_take(worker, order);
	unsigned handled = table_poll(table, worker->now_ns) + punt_replies(worker);
	for (uint32_t i = 0; i < table->wishes_used; i++) {
		table->publications[table->wishes[i]].wished = false;
		key_request(worker, table->wishes[i]);
	}
	table->wishes_used = 0;
	return handled;
}

// ---- the loop -------------------------------------------------------------------------------------

static uint64_t cycles(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

// The share of the time that went to packets, of each second anew.
static void load_note(struct worker *worker, struct load *load, uint64_t now_ns)
{
	const struct sluice_worker_status *status = worker->status;
	uint64_t busy_ns = status->busy_ns - load->busy_ns;
	uint64_t all_ns = busy_ns + status->idle_ns - load->idle_ns;
	if (now_ns - load->since_ns < LOAD_NS || all_ns == 0)
		return;
	worker->status->busy_ppm = (uint32_t)(busy_ns * 1000000 / all_ns);
	*load = (struct load){now_ns, status->busy_ns, status->idle_ns};
}

static uint64_t sleep_ns(uint64_t quiet_ns)
{
	if (quiet_ns < SLEEP_LONG_NS)
		return SLEEP_SHORT_NS;
	return quiet_ns < SILENT_NS ? SLEEP_LONG_NS : SLEEP_LONGEST_NS;
}

void worker_run(struct worker *worker)
{
	bool sleeps = worker->setup.idle == CONFIG_IDLE_ADAPTIVE;
	uint64_t now_ns = io_now_ns(), busy_ns = now_ns;
	unsigned empty = 0;
	struct load load = {.since_ns = now_ns};
	worker->status->cpu = worker->setup.cpu;
	while (!atomic_load_explicit(&worker->stopping, memory_order_relaxed)) {
		uint64_t before_cycles = cycles();
		bool busy = worker_step(worker, now_ns) > 0;
		uint64_t after_ns = io_now_ns();
		if (busy) {
			worker->status->busy_ns += after_ns - now_ns;
			worker->status->cycles_busy += cycles() - before_cycles;
			busy_ns = after_ns;
			empty = 0;
		} else {
			worker->status->idle_ns += after_ns - now_ns;
			empty++;
		}
		now_ns = after_ns;
		load_note(worker, &load, now_ns);
		if (!sleeps || empty < EMPTY_POLLS)
			continue;
		io_sleep(sleep_ns(now_ns - busy_ns));
		uint64_t awake_ns = io_now_ns();
		worker->status->idle_ns += awake_ns - now_ns;
		now_ns = awake_ns;
	}
}

void worker_stop(struct worker *worker)
{
	atomic_store(&worker->stopping, true);
}

// ---- life -----------------------------------------------------------------------------------------

static void queues_find(struct worker *worker)
{
	for (unsigned p = 0; p < io_ports() && p < SLUICE_PORTS_MAX; p++) {
		uint16_t queues[SLUICE_WORKERS_MAX];
		unsigned n = io_queues(p, worker->number, queues, SLUICE_WORKERS_MAX);
		for (unsigned q = 0; q < n; q++) {
			worker->queues[worker->queues_used].port = (uint8_t)p;
			worker->queues[worker->queues_used++].queue = queues[q];
		}
	}
}

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t power = 1;
	while (power < at_least)
		power *= 2;
	return power;
}

struct worker *worker_create(const struct worker_setup *setup)
{
	if (setup->workers == 0 || setup->workers > SLUICE_WORKERS_MAX ||
		setup->number >= setup->workers || !setup->mesh || !setup->observed)
		return NULL;
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker)
		return NULL;
	worker->number = setup->number;
	worker->workers = setup->workers;
	worker->setup = *setup;
	worker->mesh = setup->mesh;
	worker->status = &setup->observed->workers[setup->number];
	worker->caching = true;
	worker->wait.copy_ns = COPY_NS;
	worker->table = (struct table){
		.number = setup->number,
		.workers = setup->workers,
		.ports = io_ports(),
		.seed = setup->seed,
		.cache_slots = power_of_two(setup->cache_packets),
		.observed = setup->observed,
	};
	if (table_create(&worker->table) < 0) {
		free(worker);
		return NULL;
	}
	queues_find(worker);
	return worker;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	wait_clear(worker);
	pkt_put(worker->gone, worker->gone_used);
	tx_clear(worker);
	table_destroy(&worker->table);
	free(worker);
}

void worker_attach(struct worker *worker, const struct sluice_desired *desired)
{
	atomic_store_explicit(&worker->offered, desired, memory_order_release);
}

const struct sluice_desired *worker_attached(const struct worker *worker)
{
	return atomic_load_explicit(&worker->attached, memory_order_acquire);
}

void worker_capture(struct worker *worker, const struct tap_order *order)
{
	atomic_store_explicit(&worker->tap.offered, order, memory_order_release);
}

const struct tap_order *worker_captured(const struct worker *worker)
{
	return atomic_load_explicit(&worker->tap.taken, memory_order_acquire);
}

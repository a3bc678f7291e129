// SPDX-License-Identifier: Apache-2.0
#include "crew.h"

#include "client.h"

#include <errno.h>
#include <stdlib.h>

static const uint64_t look_ns = 5000000, count_ns = 200000000, second_ns = 1000000000;

// ---- one thread

static uint64_t client_due_ns(const struct worker *worker, const struct client *client)
{
	const struct shared *shared = worker->shared;

	if (shared_phase(shared) < (client->publishes ? PHASE_PUBLISH : PHASE_SUBSCRIBE))
		return UINT64_MAX;
	return atomic_load(&shared->phase_begun_ns) +
	       (uint64_t)((double)client->order / shared->options->ramp * (double)second_ns);
}

static void clients_begin(struct worker *worker, uint64_t now_ns)
{
	while (worker->clients_begun < worker->clients_used) {
		struct client *client = &worker->clients[worker->clients_begun];

		if (client_due_ns(worker, client) > now_ns)
			return;
		worker->clients_begun++;
		client_start(client);
	}
}

static void clients_count(struct worker *worker, uint64_t now_ns)
{
	uint64_t counted = 0;

	worker->counted_ns = now_ns;
	for (uint32_t i = 0; i < worker->clients_begun; i++)
		counted += client_count(&worker->clients[i]);
	tally_add(&worker->tally.counted_packets, counted);
}

static void client_enter(struct client *client, enum phase phase)
{
	switch (phase) {
	case PHASE_STEADY:
		client_resume(client);
		break;
	case PHASE_PAUSE:
	case PHASE_DRAIN:
		client_quiet(client);
		break;
	case PHASE_LEAVE:
	case PHASE_END:
		client_leave(client);
		break;
	case PHASE_PUBLISH:
	case PHASE_SUBSCRIBE:
		break;
	}
}

static void phase_enter(struct worker *worker, unsigned phases, uint64_t now_ns)
{
	struct shared *shared = worker->shared;

	worker->phase = shared_phase(shared);
	if (worker->phase == PHASE_STEADY) {
		worker->step = atomic_load(&shared->step);
		worker->stepped = true;
	}
	clients_count(worker, now_ns);
	for (uint32_t i = 0; i < worker->clients_begun; i++)
		client_enter(&worker->clients[i], worker->phase);
	atomic_store(&worker->phases, phases);
}

static void worker_fire(struct timer *timer, uint64_t, uint64_t now_ns)
{
	struct worker *worker = (struct worker *)((char *)timer - offsetof(struct worker, timer));
	unsigned phases = atomic_load(&worker->shared->phases);

	if (phases != atomic_load(&worker->phases))
		phase_enter(worker, phases, now_ns);
	if (worker->phase < PHASE_DRAIN)
		clients_begin(worker, now_ns);
	if (now_ns > worker->counted_ns + count_ns)
		clients_count(worker, now_ns);
	schedule_set(&worker->loop.schedule, timer, now_ns + look_ns);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;

	schedule_set(&worker->loop.schedule, &worker->timer, clock_ns());
	while (worker->phase != PHASE_END)
		loop_turn(&worker->loop);
	return NULL;
}

// ---- its life

struct worker *worker_open(struct shared *shared, uint32_t clients)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->shared = shared;
	worker->timer.fire = worker_fire;
	worker->clients = calloc(clients ? clients : 1, sizeof(*worker->clients));
	if (worker->clients && !loop_open(&worker->loop))
		return worker;
	free(worker->clients);
	free(worker);
	return NULL;
}

int worker_start(struct worker *worker)
{
	int error = pthread_create(&worker->thread, NULL, worker_main, worker);

	worker->running = !error;
	return -error;
}

void worker_join(struct worker *worker)
{
	if (worker->running)
		pthread_join(worker->thread, NULL);
	worker->running = false;
}

void worker_close(struct worker *worker)
{
	if (!worker)
		return;
	for (uint32_t i = 0; i < worker->clients_used; i++)
		client_free(&worker->clients[i]);
	loop_close(&worker->loop);
	free(worker->clients);
	free(worker);
}

struct client *worker_client(struct worker *worker)
{
	struct client *client = &worker->clients[worker->clients_used++];

	client->worker = worker;
	client->socket.watch.fd = -1;
	return client;
}

// SPDX-License-Identifier: Apache-2.0
#include "crew.h"

#include "client.h"

#include <errno.h>
#include <stdlib.h>

static const uint64_t look_ns = 5000000, second_ns = 1000000000;

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

static void phase_enter(struct worker *worker, enum phase phase)
{
	worker->phase = phase;
	for (uint32_t i = 0; i < worker->clients_begun && phase >= PHASE_DRAIN; i++)
		if (phase == PHASE_DRAIN)
			client_quiet(&worker->clients[i]);
		else
			client_leave(&worker->clients[i]);
}

static void worker_fire(struct timer *timer, uint64_t, uint64_t now_ns)
{
	struct worker *worker = (struct worker *)((char *)timer - offsetof(struct worker, timer));
	enum phase phase = shared_phase(worker->shared);

	if (phase != worker->phase)
		phase_enter(worker, phase);
	if (phase < PHASE_DRAIN)
		clients_begin(worker, now_ns);
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

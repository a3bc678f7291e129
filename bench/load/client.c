// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "signaling.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 160 };

static const uint64_t keep_ns = 25000000000;

// ---- ends

static void failure_keep(struct worker *worker, const struct client *client, const char *why)
{
	unsigned used = worker->failures_used;

	if (used >= FAILURE_TEXTS)
		return;
	snprintf(worker->failures[used], FAILURE_TEXT_MAX, "user %" PRIu32 " (%s): %s",
		client->user, client->publishes ? "publisher" : "subscriber", why);
	worker->failures_used = used + 1;
}

static void client_close(struct client *client)
{
	schedule_cancel(&client->worker->loop.schedule, &client->timer);
	for (uint32_t i = 0; i < client->connections_used; i++)
		connection_leave(&client->connections[i]);
	if (client->worker->shared->signaling->leave)
		client->worker->shared->signaling->leave(client);
	websocket_close(&client->socket);
}

void client_fail(struct client *client, const char *why)
{
	if (client->state >= CLIENT_JOINED)
		return;
	client->state = CLIENT_FAILED;
	tally_add(&client->worker->tally.clients_failed, 1);
	failure_keep(client->worker, client, why);
	client_close(client);
}

static void join_timeout(struct client *client)
{
	static const char *const waits[] = {[CLIENT_CONNECTING] = "the signaling connection",
		[CLIENT_AUTHENTICATING] = "the relay to accept us",
		[CLIENT_JOINING] = "the relay's description"};
	const char *what = client->state < CLIENT_JOINED ? waits[client->state] : "nothing";
	char why[WHY_MAX];

	for (uint32_t i = 0; i < client->connections_used; i++)
		if (client->connections[i].state == CONNECTION_ICE)
			what = "an answer to ICE checks";
		else if (client->connections[i].state == CONNECTION_DTLS)
			what = "DTLS";
	snprintf(why, sizeof(why), "timed out waiting for %s", what);
	client_fail(client, why);
}

static void client_fire(struct timer *timer, uint64_t due_ns, uint64_t)
{
	struct client *client = (struct client *)((char *)timer - offsetof(struct client, timer));

	if (client->state != CLIENT_JOINED) {
		join_timeout(client);
		return;
	}
	client->worker->shared->signaling->keep(client);
	schedule_set(&client->worker->loop.schedule, timer, due_ns + keep_ns);
}

// ---- what signaling asks for

void client_send(struct client *client, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!text || websocket_send(&client->socket, text, strlen(text)))
		client_fail(client, "cannot send a message: out of memory or not connected");
	free(text);
	json_decref(message);
}

void client_accepted(struct client *client)
{
	if (client->state != CLIENT_AUTHENTICATING)
		return;
	client->state = CLIENT_JOINING;
	client->authenticated_ns = clock_ns();
	histogram_record(&client->worker->stages[STAGE_AUTHENTICATE],
		client->authenticated_ns - client->opened_ns);
	client->worker->shared->signaling->join(client);
}

int client_offer(struct client *client, char text[DESCRIPTION_MAX])
{
	struct connection *connection = &client->connections[0];
	const struct shared *shared = client->worker->shared;
	const struct description_self self = {
		&connection->ice, &shared->dtls.fingerprint, shared->signaling->setup};
	const uint32_t ssrcs[STAMP_KINDS] = {
		connection->sources[STAMP_AUDIO].ssrc, connection->sources[STAMP_VIDEO].ssrc};

	connection->requested_ns = clock_ns();
	if (description_offer(&self, ssrcs, text, DESCRIPTION_MAX) >= 0)
		return 0;
	client_fail(client, "cannot write an offer");
	return -1;
}

static void description_take(struct client *client, struct connection *connection, const char *text)
{
	const struct description_self self = {
		&connection->ice, &client->worker->shared->dtls.fingerprint, DESC_SETUP_NONE};
	char answer[DESCRIPTION_MAX], why[WHY_MAX];
	struct description_reading reading = {
		.text = text,
		.length = strlen(text),
		.family = client->local ? client->local->ss_family : AF_UNSPEC,
		.self = &self,
		.answer = client->publishes ? NULL : answer,
	};

	histogram_record(
		&client->worker->stages[STAGE_SIGNAL], clock_ns() - connection->requested_ns);
	if (description_read(&reading, &connection->peer, why, sizeof(why))) {
		client_fail(client, why);
		return;
	}
	if (!client->publishes)
		client->worker->shared->signaling->answer(client, connection, answer);
	if (client->state == CLIENT_JOINING && connection_open(connection, why, sizeof(why)))
		client_fail(client, why);
}

void client_described(struct client *client, struct connection *connection, const char *text)
{
	if (client->state == CLIENT_JOINING && connection && connection->state == CONNECTION_IDLE)
		description_take(client, connection, text);
}

// ---- the WebSocket

static void socket_opened(void *context)
{
	struct client *client = context;

	client->state = CLIENT_AUTHENTICATING;
	client->opened_ns = clock_ns();
	histogram_record(
		&client->worker->stages[STAGE_CONNECT], client->opened_ns - client->started_ns);
	client->worker->shared->signaling->introduce(client);
}

static void socket_text(void *context, const char *text, size_t length)
{
	struct client *client = context;
	json_t *message = json_loadb(text, length, 0, NULL);

	if (message)
		client->worker->shared->signaling->take(client, message);
	else
		client_fail(client, "the relay sent something that is not JSON");
	json_decref(message);
}

static void socket_closed(void *context, const char *why)
{
	struct client *client = context;

	if (client->state == CLIENT_JOINED)
		tally_add(&client->worker->tally.sockets_lost, 1);
	client_fail(client, why);
}

static const struct websocket_host socket_host = {
	.opened = socket_opened,
	.text = socket_text,
	.closed = socket_closed,
};

// ---- connections

static void joined(struct client *client)
{
	struct worker *worker = client->worker;
	uint64_t now_ns = clock_ns();

	client->state = CLIENT_JOINED;
	schedule_cancel(&worker->loop.schedule, &client->timer);
	if (worker->shared->signaling->keep)
		schedule_set(&worker->loop.schedule, &client->timer, now_ns + keep_ns);
	histogram_record(&worker->stages[STAGE_JOIN], now_ns - client->started_ns);
	atomic_store(&worker->last_join_ns, now_ns);
	tally_add(client->publishes ? &worker->tally.publishers_joined
				    : &worker->tally.subscribers_joined,
		1);
}

static void media_up(void *context)
{
	struct client *client = context;

	if (++client->connections_up == client->connections_used && client->state == CLIENT_JOINING)
		joined(client);
}

static void media_over(void *context, const char *why)
{
	client_fail(context, why);
}

static const struct connection_host media_host = {.up = media_up, .over = media_over};

// Which receiving connections are decrypted: spread over all places in the order of joining.
static bool decrypts(const struct options *options, uint32_t order, uint32_t which)
{
	uint32_t every = options->decrypt_one_in;

	return (order + which) % every == (order + which) / every % every;
}

static void connections_init(struct client *client)
{
	const struct options *options = client->worker->shared->options;

	for (uint32_t i = 0; i < client->connections_used; i++) {
		struct connection *connection = &client->connections[i];
		// subscribers of some of the publishers are spread over all of them
		uint32_t which = (client->order + i) % options->publishers;
		uint32_t publisher =
			client->publishes ? client->user : client->first_publisher + which;

		connection->worker = client->worker;
		connection->host = &media_host;
		connection->context = client;
		connection->local = client->local;
		connection->publishes = client->publishes;
		connection->counts = !client->publishes && !decrypts(options, client->order, i);
		connection->board =
			&client->worker->shared->boards[publisher - options->first_user];
		connection_init(connection, publisher);
	}
}

// ---- life

void client_start(struct client *client)
{
	struct worker *worker = client->worker;
	const struct options *options = worker->shared->options;
	uint32_t connections = client->publishes ? 1 : options->subscribe_to;
	int error;

	client->state = CLIENT_CONNECTING;
	client->started_ns = clock_ns();
	client->timer.fire = client_fire;
	client->socket.host = &socket_host;
	client->socket.context = client;
	client->socket.watch.fd = -1;
	tally_add(&worker->tally.clients_started, 1);
	if (!worker->first_start_ns)
		atomic_store(&worker->first_start_ns, client->started_ns);
	client->connections = calloc(connections, sizeof(*client->connections));
	if (!client->connections) {
		client_fail(client, "out of memory");
		return;
	}
	client->connections_used = connections;
	connections_init(client);
	schedule_set(&worker->loop.schedule, &client->timer,
		client->started_ns + (uint64_t)(options->join_timeout_s * 1e9));
	error = websocket_open(
		&client->socket, &worker->loop, &worker->shared->target, client->local);
	if (error)
		client_fail(client, strerror(-error));
}

void client_resume(struct client *client)
{
	for (uint32_t i = 0; i < client->connections_used; i++)
		connection_resume(&client->connections[i]);
}

uint64_t client_count(struct client *client)
{
	uint64_t counted = 0;

	for (uint32_t i = 0; i < client->connections_used; i++)
		counted += connection_count(&client->connections[i]);
	return counted;
}

void client_quiet(struct client *client)
{
	for (uint32_t i = 0; i < client->connections_used; i++)
		connection_quiet(&client->connections[i]);
}

void client_leave(struct client *client)
{
	if (client->state == CLIENT_WAITING || client->state == CLIENT_FAILED ||
		client->state == CLIENT_LEFT)
		return;
	client->state = CLIENT_LEFT;
	client_close(client);
}

void client_free(struct client *client)
{
	client_leave(client);
	for (uint32_t i = 0; i < client->connections_used; i++)
		connection_free(&client->connections[i]);
	free(client->connections);
	websocket_free(&client->socket);
	free(client->token);
	*client = (struct client){0};
}

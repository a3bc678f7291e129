// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "token.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WHY_MAX = 160 };

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
	websocket_close(&client->socket);
}

static void client_fail(struct client *client, const char *why)
{
	if (client->state >= CLIENT_JOINED)
		return;
	client->state = CLIENT_FAILED;
	tally_add(&client->worker->tally.clients_failed, 1);
	failure_keep(client->worker, client, why);
	client_close(client);
}

static void client_fire(struct timer *timer, uint64_t, uint64_t)
{
	struct client *client = (struct client *)((char *)timer - offsetof(struct client, timer));
	static const char *const waits[] = {[CLIENT_CONNECTING] = "the signaling connection",
		[CLIENT_AUTHENTICATING] = "`authenticated`",
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

// ---- messages out

static void client_send(struct client *client, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!text || websocket_send(&client->socket, text, strlen(text)))
		client_fail(client, "cannot send a message: out of memory or not connected");
	free(text);
	json_decref(message);
}

static void token_send(struct client *client)
{
	const struct options *options = client->worker->shared->options;
	char token[TOKEN_MAX];

	if (client->token)
		snprintf(token, sizeof(token), "%s", client->token);
	else if (token_sign(options->secret, client->user, time(NULL), token, sizeof(token)) < 0) {
		client_fail(client, "cannot sign a token");
		return;
	}
	client_send(client, json_pack("{s:s,s:s}", "type", "auth", "token", token));
}

static void offer_send(struct client *client)
{
	struct connection *connection = &client->connections[0];
	const struct description_self self = {
		&connection->ice, &client->worker->shared->dtls.fingerprint};
	const uint32_t ssrcs[STAMP_KINDS] = {
		connection->sources[STAMP_AUDIO].ssrc, connection->sources[STAMP_VIDEO].ssrc};
	char text[DESCRIPTION_MAX];

	connection->requested_ns = clock_ns();
	if (description_offer(&self, ssrcs, text, sizeof(text)) < 0)
		client_fail(client, "cannot write an offer");
	else
		client_send(client, json_pack("{s:s,s:s,s:s}", "type", "publish-offer", "roomName",
					    client->room, "offer", text));
}

static void requests_send(struct client *client)
{
	for (uint32_t i = 0; i < client->connections_used && client->state == CLIENT_JOINING; i++) {
		struct connection *connection = &client->connections[i];

		connection->requested_ns = clock_ns();
		client_send(client, json_pack("{s:s,s:s,s:I}", "type", "subscribe-request",
					    "roomName", client->room, "publisherId",
					    (json_int_t)connection->sinks[STAMP_AUDIO].publisher));
	}
}

// ---- messages in

// The relay's description has come: connects, and answers it when it is an offer.
static void description_take(struct client *client, struct connection *connection, const char *text)
{
	const struct description_self self = {
		&connection->ice, &client->worker->shared->dtls.fingerprint};
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
		client_send(client, json_pack("{s:s,s:s,s:I,s:s}", "type", "subscribe-answer",
					    "roomName", client->room, "publisherId",
					    (json_int_t)connection->sinks[STAMP_AUDIO].publisher,
					    "answer", answer));
	if (client->state == CLIENT_JOINING && connection_open(connection, why, sizeof(why)))
		client_fail(client, why);
}

static struct connection *connection_of(struct client *client, const json_t *message)
{
	json_int_t publisher = json_integer_value(json_object_get(message, "publisherId"));

	for (uint32_t i = 0; i < client->connections_used; i++)
		if (client->connections[i].sinks[STAMP_AUDIO].publisher == publisher)
			return &client->connections[i];
	return NULL;
}

static void authenticated(struct client *client)
{
	if (client->state != CLIENT_AUTHENTICATING)
		return;
	client->state = CLIENT_JOINING;
	client->authenticated_ns = clock_ns();
	histogram_record(&client->worker->stages[STAGE_AUTHENTICATE],
		client->authenticated_ns - client->opened_ns);
	if (client->publishes)
		offer_send(client);
	else
		requests_send(client);
}

static void message_take(struct client *client, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const char *answer = json_string_value(json_object_get(message, "answer"));
	const char *offer = json_string_value(json_object_get(message, "offer"));
	const char *text = json_string_value(json_object_get(message, "message"));
	struct connection *connection;

	if (!type) {
		client_fail(client, "the relay sent a message without type");
	} else if (!strcmp(type, "authenticated")) {
		authenticated(client);
	} else if (!strcmp(type, "error")) {
		client_fail(client, text ? text : "the relay sent an error without words");
	} else if (!strcmp(type, "publish-answer") && answer && client->publishes) {
		if (client->state == CLIENT_JOINING &&
			client->connections[0].state == CONNECTION_IDLE)
			description_take(client, &client->connections[0], answer);
	} else if (!strcmp(type, "subscribe-offer") && offer && !client->publishes) {
		connection = connection_of(client, message);
		if (client->state == CLIENT_JOINING && connection &&
			connection->state == CONNECTION_IDLE)
			description_take(client, connection, offer);
	}
}

static void socket_opened(void *context)
{
	struct client *client = context;

	client->state = CLIENT_AUTHENTICATING;
	client->opened_ns = clock_ns();
	histogram_record(
		&client->worker->stages[STAGE_CONNECT], client->opened_ns - client->started_ns);
	token_send(client);
}

static void socket_text(void *context, const char *text, size_t length)
{
	struct client *client = context;
	json_t *message = json_loadb(text, length, 0, NULL);

	if (message)
		message_take(client, message);
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

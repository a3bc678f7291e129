// SPDX-License-Identifier: Apache-2.0
// Janus' VideoRoom: a session for each client, in it a handle for each connection. The publisher makes its
// room; a subscriber gets an offer for each feed, which is a publisher's user number.
#include "client.h"
#include "janus_message.h"
#include "signaling.h"

static struct janus_to to_connection(
	const struct client *client, const struct connection *connection, enum janus_step step)
{
	return (struct janus_to){
		.session = client->session,
		.handle = connection->handle,
		.step = step,
		.connection = (uint32_t)(connection - client->connections),
	};
}

static uint64_t room_of(const struct client *client)
{
	return janus_room_number(client->room);
}

static void introduce(struct client *client)
{
	client_send(client, janus_session());
}

static void join(struct client *client)
{
	for (uint32_t i = 0; i < client->connections_used; i++) {
		struct janus_to to =
			to_connection(client, &client->connections[i], JANUS_STEP_ATTACH);

		client_send(client, janus_attach(&to));
	}
}

static void attached(struct client *client, struct connection *connection)
{
	struct janus_to to = to_connection(client, connection, JANUS_STEP_ROOM);

	if (client->publishes) {
		client_send(client, janus_room_make(&to, room_of(client),
					    client->worker->shared->options->publishers));
		return;
	}
	connection->requested_ns = clock_ns();
	to.step = JANUS_STEP_JOIN;
	client_send(client,
		janus_subscribe(&to, room_of(client), connection->sinks[STAMP_AUDIO].publisher));
}

static void publish(struct client *client, struct connection *connection)
{
	struct janus_to to = to_connection(client, connection, JANUS_STEP_JOIN);
	char text[DESCRIPTION_MAX];

	if (client_offer(client, text))
		return;
	client_send(client, janus_publish(&to, room_of(client), client->user, text));
	to.step = JANUS_STEP_OTHER;
	client_send(client, janus_trickled(&to));
}

static void answer(struct client *client, struct connection *connection, const char *sdp)
{
	struct janus_to to = to_connection(client, connection, JANUS_STEP_START);

	client_send(client, janus_start(&to, sdp));
	to.step = JANUS_STEP_OTHER;
	client_send(client, janus_trickled(&to));
}

static void success_take(struct client *client, const struct janus_reading *reading)
{
	struct connection *connection;

	if (reading->step == JANUS_STEP_SESSION && reading->id) {
		client->session = reading->id;
		client_accepted(client);
		return;
	}
	if (reading->connection >= client->connections_used || client->state != CLIENT_JOINING)
		return;
	connection = &client->connections[reading->connection];
	if (reading->step == JANUS_STEP_ATTACH && reading->id && !connection->handle) {
		connection->handle = reading->id;
		attached(client, connection);
	} else if (reading->step == JANUS_STEP_ROOM && client->publishes) {
		publish(client, connection);
	}
}

static void take(struct client *client, const json_t *message)
{
	struct janus_reading reading;

	janus_read(message, &reading);
	switch (reading.kind) {
	case JANUS_SUCCESS:
		success_take(client, &reading);
		break;
	case JANUS_DESCRIPTION:
		if (reading.step == JANUS_STEP_JOIN &&
			reading.connection < client->connections_used)
			client_described(
				client, &client->connections[reading.connection], reading.text);
		break;
	case JANUS_ERROR: // another publisher may have made the room
		if (reading.step == JANUS_STEP_ROOM && reading.code == JANUS_ROOM_EXISTS)
			success_take(client, &reading);
		else if (reading.step != JANUS_STEP_OTHER)
			client_fail(client, reading.text);
		break;
	case JANUS_OVER:
		client_fail(client, reading.text);
		break;
	case JANUS_OTHER:
		break;
	}
}

static void keep(struct client *client)
{
	const struct janus_to to = {.session = client->session, .step = JANUS_STEP_OTHER};

	client_send(client, janus_keepalive(&to));
}

// Rooms made by request stay until somebody ends them; the second of two publishers is told that it is gone.
static void leave(struct client *client)
{
	struct janus_to to;

	if (!client->session)
		return;
	to = to_connection(client, &client->connections[0], JANUS_STEP_OTHER);
	if (client->publishes && to.handle && client->state == CLIENT_LEFT)
		client_send(client, janus_room_end(&to, room_of(client)));
	to.handle = 0;
	client_send(client, janus_session_end(&to));
}

const struct signaling signaling_janus = {
	.subprotocol = "janus-protocol",
	.setup = DESC_ACTIVE,
	.introduce = introduce,
	.join = join,
	.answer = answer,
	.take = take,
	.keep = keep,
	.leave = leave,
};

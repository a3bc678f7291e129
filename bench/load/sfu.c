// SPDX-License-Identifier: Apache-2.0
// Dialect 002.
#include "client.h"
#include "signaling.h"
#include "token.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void sfu_introduce(struct client *client)
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

static json_int_t publisher_of(const struct connection *connection)
{
	return connection->sinks[STAMP_AUDIO].publisher;
}

static void publish(struct client *client)
{
	char text[DESCRIPTION_MAX];

	if (!client_offer(client, text))
		client_send(client, json_pack("{s:s,s:s,s:s}", "type", "publish-offer", "roomName",
					    client->room, "offer", text));
}

static void sfu_join(struct client *client)
{
	if (client->publishes)
		publish(client);
	for (uint32_t i = 0; i < client->connections_used && !client->publishes; i++) {
		client->connections[i].requested_ns = clock_ns();
		client_send(client, json_pack("{s:s,s:s,s:I}", "type", "subscribe-request",
					    "roomName", client->room, "publisherId",
					    publisher_of(&client->connections[i])));
	}
}

static void sfu_answer(struct client *client, struct connection *connection, const char *sdp)
{
	client_send(client,
		json_pack("{s:s,s:s,s:I,s:s}", "type", "subscribe-answer", "roomName", client->room,
			"publisherId", publisher_of(connection), "answer", sdp));
}

static struct connection *connection_of(struct client *client, const json_t *message)
{
	json_int_t publisher = json_integer_value(json_object_get(message, "publisherId"));

	for (uint32_t i = 0; i < client->connections_used; i++)
		if (publisher_of(&client->connections[i]) == publisher)
			return &client->connections[i];
	return NULL;
}

static void sfu_take(struct client *client, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const char *answer = json_string_value(json_object_get(message, "answer"));
	const char *offer = json_string_value(json_object_get(message, "offer"));
	const char *text = json_string_value(json_object_get(message, "message"));

	if (!type)
		client_fail(client, "the relay sent a message without type");
	else if (!strcmp(type, "authenticated"))
		client_accepted(client);
	else if (!strcmp(type, "error"))
		client_fail(client, text ? text : "the relay sent an error without words");
	else if (!strcmp(type, "publish-answer") && answer && client->publishes)
		client_described(client, &client->connections[0], answer);
	else if (!strcmp(type, "subscribe-offer") && offer && !client->publishes)
		client_described(client, connection_of(client, message), offer);
}

const struct signaling signaling_sfu = {
	.setup = DESC_ACTPASS,
	.introduce = sfu_introduce,
	.join = sfu_join,
	.answer = sfu_answer,
	.take = sfu_take,
};

// SPDX-License-Identifier: Apache-2.0
#include "socket/frame.h"
#include "socket/websocket.h"
#include "support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct talk { // a client on a loop, and the server's end of its connection
	struct loop loop;
	struct websocket socket;
	struct websocket_target target;
	int listener, server;
	unsigned opened, closed;
	char text[256], why[256];
};

static void note_opened(void *context)
{
	((struct talk *)context)->opened++;
}

static void note_text(void *context, const char *text, size_t length)
{
	snprintf(((struct talk *)context)->text, 256, "%.*s", (int)length, text);
}

static void note_closed(void *context, const char *why)
{
	struct talk *talk = context;

	talk->closed++;
	snprintf(talk->why, sizeof(talk->why), "%s", why);
}

static const struct websocket_host host = {note_opened, note_text, note_closed};

static void tick(struct timer *, uint64_t, uint64_t)
{
}

// Turns the loop until nothing has happened for a moment.
static void settle(struct talk *talk)
{
	struct timer timer = {.fire = tick};

	schedule_set(&talk->loop.schedule, &timer, clock_ns() + 20000000);
	while (timer.slot)
		loop_turn(&talk->loop);
}

static void server_read(struct talk *talk, char *data, size_t size)
{
	ssize_t length = read(talk->server, data, size - 1);

	data[length > 0 ? length : 0] = 0;
}

static const char *subprotocol; // of the next conversation

static void talk_open(struct talk *talk, const char *answer)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int one = 1;
	char url[64], request[1024], reply[512], accept_key[29], key[25];

	*talk = (struct talk){.listener = socket(AF_INET, SOCK_STREAM, 0)};
	assert_int_equal(bind(talk->listener, (struct sockaddr *)&address, length), 0);
	getsockname(talk->listener, (struct sockaddr *)&address, &length);
	listen(talk->listener, 1);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/path", ntohs(address.sin_port));
	assert_int_equal(
		websocket_target_read(&talk->target, url, talk->why, sizeof(talk->why)), 0);
	talk->target.subprotocol = subprotocol;
	assert_int_equal(loop_open(&talk->loop), 0);
	talk->socket.host = &host;
	talk->socket.context = talk;
	assert_int_equal(websocket_open(&talk->socket, &talk->loop, &talk->target, NULL), 0);
	talk->server = accept(talk->listener, NULL, NULL);
	setsockopt(talk->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	settle(talk);
	server_read(talk, request, sizeof(request));
	assert_memory_equal(request, "GET /path HTTP/1.1\r\n", 20);
	assert_int_equal(!strstr(request, "\r\nSec-WebSocket-Protocol: spoken\r\n"), !subprotocol);
	assert_non_null(strstr(request, "\r\n\r\n"));
	memcpy(key, strstr(request, "Sec-WebSocket-Key: ") + 19, 24);
	key[24] = 0;
	frame_accept_key(key, accept_key);
	snprintf(reply, sizeof(reply), answer, accept_key);
	assert_int_equal(write(talk->server, reply, strlen(reply)), strlen(reply));
	settle(talk);
}

static void talk_close(struct talk *talk)
{
	websocket_free(&talk->socket);
	loop_close(&talk->loop);
	close(talk->server);
	close(talk->listener);
}

static const char upgrade[] =
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Accept: %s\r\n\r\n";

static void say(struct talk *talk, const void *data, size_t length)
{
	assert_int_equal(write(talk->server, data, length), length);
	settle(talk);
}

static void a_conversation(void **)
{
	struct talk talk;
	char data[64];

	talk_open(&talk, upgrade);
	assert_int_equal(talk.opened, 1);
	say(&talk, "\x81\x02hi", 4);
	assert_string_equal(talk.text, "hi");
	assert_int_equal(websocket_send(&talk.socket, "hello", 5), 0);
	server_read(&talk, data, sizeof(data));
	assert_int_equal((uint8_t)data[0], 0x81);
	assert_int_equal((uint8_t)data[1], 0x85);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(data[6 + i] ^ data[2 + i % 4], "hello"[i]);
	talk_close(&talk);
}

static void a_subprotocol_is_asked_for(void **)
{
	struct talk talk;

	subprotocol = "spoken";
	talk_open(&talk, upgrade);
	assert_int_equal(talk.opened, 1);
	talk_close(&talk);
	subprotocol = NULL;
}

static void fragments_and_pings_between_them(void **)
{
	struct talk talk;
	char data[64];

	talk_open(&talk, upgrade);
	say(&talk, "\x01\x03one", 5);
	say(&talk, "\x89\x01x", 3);
	assert_string_equal(talk.text, "");
	say(&talk, "\x00\x03two\x80", 6);
	say(&talk, "\x05three", 6);
	assert_string_equal(talk.text, "onetwothree");
	server_read(&talk, data, sizeof(data));
	assert_int_equal((uint8_t)data[0], 0x8a);
	talk_close(&talk);
}

static void ends(void **)
{
	struct talk talk;

	talk_open(&talk, upgrade);
	say(&talk,
		"\x88\x06\x03\xf0"
		"gone",
		8);
	assert_int_equal(talk.closed, 1);
	assert_string_equal(talk.why, "closed by the server: 1008 gone");
	talk_close(&talk);
	talk_open(&talk, upgrade);
	say(&talk, "\xff\xff", 2);
	assert_int_equal(talk.closed, 1);
	talk_close(&talk);
	talk_open(&talk, upgrade);
	websocket_close(&talk.socket);
	close(talk.server);
	talk.server = -1;
	settle(&talk);
	assert_int_equal(talk.closed, 0); // we have closed ourselves
	talk_close(&talk);
}

static void no_upgrade(void **)
{
	struct talk talk;

	talk_open(&talk, "HTTP/1.1 503 Busy\r\nX: %s\r\n\r\n");
	assert_int_equal(talk.opened, 0);
	assert_string_equal(talk.why, "no upgrade to WebSocket: HTTP/1.1 503 Busy");
	talk_close(&talk);
	talk_open(&talk, "HTTP/1.1 101 X\r\nSec-WebSocket-Accept: wrong%.0s\r\n\r\n");
	assert_int_equal(talk.opened, 0);
	assert_int_equal(talk.closed, 1);
	talk_close(&talk);
}

static void targets(void **)
{
	struct websocket_target target;
	char why[256];

	assert_int_equal(websocket_target_read(&target, "ws://[::1]:9000", why, sizeof(why)), 0);
	assert_int_equal(target.address.ss_family, AF_INET6);
	assert_int_equal(ntohs(((struct sockaddr_in6 *)&target.address)->sin6_port), 9000);
	assert_string_equal(target.path, "/");
	assert_string_equal(target.host, "[::1]:9000");
	assert_int_equal(websocket_target_read(&target, "ws://127.0.0.1/a?b", why, sizeof(why)), 0);
	assert_int_equal(ntohs(((struct sockaddr_in *)&target.address)->sin_port), 80);
	assert_string_equal(target.path, "/a?b");
	assert_int_equal(websocket_target_read(&target, "wss://127.0.0.1/", why, sizeof(why)), -1);
	assert_int_equal(websocket_target_read(&target, "ws:///x", why, sizeof(why)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(a_subprotocol_is_asked_for),
		cmocka_unit_test(fragments_and_pings_between_them),
		cmocka_unit_test(ends),
		cmocka_unit_test(no_upgrade),
		cmocka_unit_test(targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

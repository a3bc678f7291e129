// SPDX-License-Identifier: Apache-2.0
// Runs conversation scripts against a real dialect and a real core with fake sockets and a virtual
// clock: talk FILE... The dialect is the name of the folder that the script lies in.
//
//   # comment
//   A# upgrade [DIALECT] PATH [refused 401 [TEXT]]  connects as from the network, where the dialect may
//                        refuse the upgrade with that reply
//   A= GET /path [TOKEN] a plain request; its status comes as "status 200", then its body if there is one
//   A# open [DIALECT] [/path]  A connects A# close 1000   it closes     A# drop   its network dies
//                        (%0a in a path is that byte)
//   A> {...}             A sends text     A* 00ff         A sends bytes (hex)
//   A< {...}             the next message to A is exactly this; "*" is any value, "~a|b|!c" a text
//                        that holds a and b and not c
//   A< nothing           no message waits A< close 1008   the relay has closed the socket
//   A< text anything     or exactly this  A< bytes 00ff   or exactly these
//   A! connect           ICE and DTLS of all of A's transports succeed     A! heard   and go on
//   A/ POST /path | Header: value || body     A asks by HTTP; "\n" in the body is a line end
//   A/< 201 | header: value | body: ~a|!b     the reply; what is not named may be anything, "none" is none
//   ! kick ROOM ID TEXT  by the operator  ! drain on|off  ! mode pass|interpose  of who opens from now on
//                        ! rooms-per-user N  ! rooms N  ! room-size N  ! open on|off  ! hook on|off  ! strict on|off  ! servers on|off
//   ! silence ROOM ID audio|video on|off  by the operator
//   ! connect, ! heard   as A! of everybody's transports  ! restart  as after a crash: nobody has a link
//   ? publications 2     counts in the core: rooms participants transports publications subscriptions
//                        active (answered subscriptions) paused (publications); errors that were told
//   @ +2s                time passes
//
// In lines of A> stand for themselves: $offer(NAME|old=>new|...) an offer of tests/vectors/sdp as a JSON
// string, $answer(old=>new|...) an answer to the last offer to A, $x(N) N times x, $byte(HH).
// In lines of A/: $offer and $answer (to the last body that A got) as they are, $location(A), $etag(A), $x(N).
// What is unread at the end is a fault.
#include "talk.h"

#include "sdp/sdp.h"

#include <jansson.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

enum { CLIENTS = 26, INBOX = 256, STEP_MS = 250 };

struct client {
	char name;
	bool open;
	bool closed_by_relay;
	void *session;
	const struct dialect *dialect;
	struct peer_link link;
	char path[1024];
	unsigned received, read;
	char *inbox[INBOX];
	char *offer; // the last offer's SDP
};

static struct world world;
static struct client clients[CLIENTS];
static const char *file;
static unsigned line_number;

struct world *talk_world(void)
{
	return &world;
}

void fail(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%u: ", file, line_number);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

// ---- sockets

static void inbox_add(struct client *client, char *text)
{
	if (client->received == INBOX)
		fail("%c's inbox is full", client->name);
	client->inbox[client->received++] = text;
}

// Where a message has its description: as `offer`, or in what dialects 001 and 003 wrap around it.
static json_t *offer_find(json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *inner = json_object_get(json_object_get(message, "data"), "data");

	if (method && (!strcmp(method, "offer") || !strcmp(method, "peer.offer")))
		return json_object_get(json_object_get(message, "params"), "sdp");
	return json_object_get(inner ? inner : message, "offer");
}

static void offer_keep(struct client *client, const char *text)
{
	json_t *message = json_loads(text, 0, NULL), *field = offer_find(message);
	const char *type = json_string_value(json_object_get(message, "type")), *offer;

	if (json_is_object(field))
		field = json_object_get(field, "sdp");
	else if (!field && type && !strcmp(type, "offer"))
		field = json_object_get(message, "sdp");
	offer = json_string_value(field);
	if (offer) {
		free(client->offer);
		client->offer = strdup(offer);
	}
	json_decref(message);
}

static void link_send(void *context, const char *text, size_t length)
{
	struct client *client = context;
	char *copy = strndup(text, length);

	if (client->closed_by_relay)
		fail("text after close: %s", copy);
	offer_keep(client, copy);
	inbox_add(client, copy);
}

static void link_send_bytes(void *context, const void *data, size_t length)
{
	static const char mark[] = "bytes ";
	struct client *client = context;
	char *text = malloc(sizeof(mark) + 2 * length);

	if (client->closed_by_relay)
		fail("bytes after close");
	strcpy(text, mark);
	for (size_t i = 0; i < length; i++)
		sprintf(text + sizeof(mark) - 1 + 2 * i, "%02x", ((const uint8_t *)data)[i]);
	inbox_add(client, text);
}

static void link_close(void *context, unsigned code, const char *)
{
	struct client *client = context;
	char text[32];

	snprintf(text, sizeof(text), "close %u", code);
	inbox_add(client, strdup(text));
	client->closed_by_relay = true;
}

static void client_close(struct client *client, bool clean)
{
	client->open = false;
	client->dialect->close(client->session, clean);
	core_dispatch(world.core);
}

// Sockets that the relay has closed are gone after the event that made it do so.
static void clients_reap(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].open && clients[i].closed_by_relay)
			client_close(&clients[i], true);
}

static const struct dialect *dialect_of(const void *session)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].open && clients[i].session == session)
			return clients[i].dialect;
	fail("an event for a session that is none");
}

// A request for a path with a query, decoded; `text` is cut up.
struct query {
	char text[1024];
	struct http_request request;
};

static void query_make(struct query *query, enum http_method method, const char *path)
{
	char *rest = query->text;

	memset(query, 0, sizeof(*query));
	snprintf(query->text, sizeof(query->text), "%s", path);
	query->request = (struct http_request){.method = method,
		.path = query->text,
		.remote = "192.0.2.7",
		.host = "relay.example"};
	strsep(&rest, "?");
	while (rest && query->request.arguments_used < HTTP_ARGUMENTS_MAX)
		query->request.arguments[query->request.arguments_used++] = strsep(&rest, "&");
}

// Returns false when the upgrade was refused, as the script expects by `rest`.
static bool client_admit(struct client *client, char *rest)
{
	struct http_reply reply = {0};
	char told[512];
	struct query query;

	if (!client->dialect->admit)
		return true;
	query_make(&query, HTTP_GET, client->path);
	query.request.upgrade = true;
	if (client->dialect->admit(&world.host, &query.request, &client->link.grant, &reply)) {
		if (rest)
			fail("it is admitted");
		return true;
	}
	snprintf(told, sizeof(told), "refused %d%s%s", reply.status, reply.body ? " " : "",
		reply.body ? reply.body : "");
	free(reply.body);
	if (!rest || strcmp(rest, told))
		fail("it is %s", told);
	return false;
}

static void client_ask(struct client *client, char *rest)
{
	const char *method = strsep(&rest, " "), *path = strsep(&rest, " ");
	struct http_reply reply = {0};
	char header[512], status[32];
	struct query query;

	query_make(&query,
		!strcmp(method, "POST")	    ? HTTP_POST
		: !strcmp(method, "DELETE") ? HTTP_DELETE
		: !strcmp(method, "PUT")    ? HTTP_PUT
					    : HTTP_GET,
		path ? path : "/");
	snprintf(header, sizeof(header), "Bearer %s", rest ? rest : "");
	query.request.authorization = rest ? header : NULL;
	if (!world.dialect->request || !world.dialect->request(&world.host, &query.request, &reply))
		reply.status = -1;
	snprintf(status, sizeof(status), "status %d", reply.status);
	inbox_add(client, strdup(status));
	if (reply.body)
		inbox_add(client, strndup(reply.body, reply.length));
	free(reply.body);
	core_dispatch(world.core);
}

static void path_decode(char *path)
{
	char *to = path;

	for (; *path; path++) {
		unsigned byte;

		if (*path == '%' && sscanf(path + 1, "%2x", &byte) == 1 && path[1] && path[2]) {
			*to++ = (char)byte;
			path += 2;
		} else {
			*to++ = *path;
		}
	}
	*to = 0;
}

static void client_open(struct client *client, char *rest, bool asks)
{
	const char *word = strsep(&rest, " ");

	if (client->open)
		fail("%c is open already", client->name);
	client->closed_by_relay = false;
	client->dialect = world.dialect;
	if (word && *word != '/') {
		client->dialect = dialect_find(word);
		word = strsep(&rest, " ");
	}
	if (!client->dialect)
		fail("no such dialect");
	snprintf(client->path, sizeof(client->path), "%s", word ? word : "/ws/sfu");
	path_decode(client->path);
	client->link = (struct peer_link){
		.context = client,
		.send_text = link_send,
		.send_binary = link_send_bytes,
		.close = link_close,
		.remote = "192.0.2.7",
		.path = client->path,
		.mode = world.mode,
		.grant = {.can_publish = true, .can_subscribe = true},
	};
	if (asks && !client_admit(client, rest))
		return;
	client->session = client->dialect->open(&world.host, &client->link);
	if (!client->session)
		fail("the dialect refused the socket");
	client->open = true;
	core_dispatch(world.core);
}

// ---- placeholders

struct text {
	char *bytes;
	size_t length;
};

static void text_add(struct text *text, const char *bytes, size_t length)
{
	if (text->length + length >= TEXT_MAX)
		fail("the line grows too long");
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = 0;
}

// Replaces `old` by `new` everywhere in a malloced text; a script that replaces nothing is wrong.
static char *text_replace(char *text, const char *old, const char *new)
{
	struct text made = {malloc(TEXT_MAX), 0};
	const char *at = text, *hit;

	if (!strstr(text, old))
		fail("`%s` is not in the description", old);
	while ((hit = strstr(at, old)) != NULL) {
		text_add(&made, at, (size_t)(hit - at));
		text_add(&made, new, strlen(new));
		at = hit + strlen(old);
	}
	text_add(&made, at, strlen(at));
	free(text);
	return made.bytes;
}

// Applies "old=>new|old=>new".
char *text_edit(char *text, char *edits)
{
	char *edit;

	while (edits && (edit = strsep(&edits, "|")) != NULL) {
		char *arrow = strstr(edit, "=>");

		if (!arrow)
			fail("an edit is old=>new, not `%s`", edit);
		*arrow = 0;
		text = text_replace(text, edit, arrow + 2);
	}
	return text;
}

char *offer_load(const char *name)
{
	char path[256];
	char *text = calloc(1, TEXT_MAX);
	FILE *in;

	snprintf(path, sizeof(path), "tests/vectors/sdp/offer-%s.txt", name);
	in = fopen(path, "r");
	if (!in)
		fail("%s: %s", path, strerror(errno));
	text[fread(text, 1, TEXT_MAX - 1, in)] = 0;
	fclose(in);
	return text;
}

char *answer_to(const char *offer, char name)
{
	char why[256] = "", *text = calloc(1, TEXT_MAX);
	static struct desc desc;

	if (!offer)
		fail("%c was offered nothing", name);
	if (sdp_parse(offer, strlen(offer), &desc, why, sizeof(why)) < 0)
		fail("our own offer: %s", why);
	desc.ice_lite = false;
	desc.setup = DESC_ACTIVE;
	desc.candidates_used = 0;
	desc.fingerprint.value[0] ^= 0xff;
	snprintf(desc.ufrag, sizeof(desc.ufrag), "talk%c", name);
	snprintf(desc.password, sizeof(desc.password), "a-password-of-24-letters");
	for (unsigned i = 0; i < desc.sections_used; i++) {
		if (desc.sections[i].direction == DESC_SENDONLY)
			desc.sections[i].direction = DESC_RECVONLY;
		desc.sections[i].encodings_used = 0;
		desc.sections[i].stream[0] = desc.sections[i].track[0] = 0;
	}
	if (sdp_print(&desc, false, text, TEXT_MAX) < 0)
		fail("the answer cannot be printed");
	return text;
}

static void text_add_json(struct text *text, char *string)
{
	json_t *json = json_string(string);
	char *quoted = json_dumps(json, JSON_ENCODE_ANY);

	if (!quoted)
		fail("the text is not UTF-8");
	text_add(text, quoted, strlen(quoted));
	free(quoted);
	free(string);
	json_decref(json);
}

static void placeholder_add(
	struct text *text, const struct client *client, const char *name, char *argument)
{
	if (!strcmp(name, "offer")) {
		char *vector = strsep(&argument, "|");

		text_add_json(text, text_edit(offer_load(vector), argument));
	} else if (!strcmp(name, "answer")) {
		text_add_json(text, text_edit(answer_to(client->offer, client->name),
					    *argument ? argument : NULL));
	} else if (!strcmp(name, "x")) {
		for (long n = strtol(argument, NULL, 10); n > 0; n--)
			text_add(text, "x", 1);
	} else if (!strcmp(name, "byte")) {
		char byte = (char)strtoul(argument, NULL, 16);

		text_add(text, &byte, 1);
	} else {
		fail("unknown placeholder $%s", name);
	}
}

// Expands the placeholders of a line; the caller frees the bytes.
static struct text line_expand(const struct client *client, char *line)
{
	struct text text = {malloc(TEXT_MAX), 0};
	char *dollar, *open, *close;

	while ((dollar = strchr(line, '$')) && (open = strchr(dollar, '(')) &&
		(close = strchr(open, ')'))) {
		text_add(&text, line, (size_t)(dollar - line));
		*open = *close = 0;
		placeholder_add(&text, client, dollar + 1, open + 1);
		line = close + 1;
	}
	text_add(&text, line, strlen(line));
	return text;
}

// ---- comparing

bool text_holds(const char *value, const char *parts)
{
	char *copy = strdup(parts), *rest = copy, *part;
	bool holds = true;

	while (holds && (part = strsep(&rest, "|")) != NULL)
		holds = *part == '!' ? !strstr(value, part + 1) : strstr(value, part) != NULL;
	free(copy);
	return holds;
}

static bool json_matches(const json_t *pattern, const json_t *value)
{
	const char *text = json_string_value(pattern), *key;
	json_t *inner;
	size_t i;

	if (text && !strcmp(text, "*"))
		return true;
	if (text && *text == '~')
		return json_is_string(value) && text_holds(json_string_value(value), text + 1);
	if (json_typeof(pattern) != json_typeof(value))
		return false;
	if (json_is_object(pattern)) {
		if (json_object_size(pattern) != json_object_size(value))
			return false;
		json_object_foreach((json_t *)pattern, key, inner)
		{
			const json_t *other = json_object_get(value, key);

			if (!other || !json_matches(inner, other))
				return false;
		}
		return true;
	}
	if (!json_is_array(pattern))
		return json_equal(pattern, value);
	for (i = 0; i < json_array_size(pattern) && i < json_array_size(value); i++)
		if (!json_matches(json_array_get(pattern, i), json_array_get(value, i)))
			return false;
	return json_array_size(pattern) == json_array_size(value);
}

static void expect_message(struct client *client, const char *expected)
{
	json_error_t error;
	json_t *pattern = json_loads(expected, JSON_DECODE_ANY, &error), *value;
	const char *got = client->inbox[client->read];

	if (!pattern)
		fail("the script's JSON: %s", error.text);
	value = json_loads(got, 0, &error);
	if (!value || !json_matches(pattern, value))
		fail("%c expects %s\n    got %s", client->name, expected, got);
	if (strstr(got, "\": ") || strchr(got, '\n'))
		fail("the JSON is not compact: %s", got);
	json_decref(pattern);
	json_decref(value);
}

static void expect(struct client *client, const char *expected)
{
	bool waits = client->read < client->received;

	if (!strcmp(expected, "nothing")) {
		if (waits)
			fail("%c expects nothing, got %s", client->name,
				client->inbox[client->read]);
		return;
	}
	if (!waits)
		fail("%c expects %s, got nothing", client->name, expected);
	if (!strncmp(expected, "text ", 5)) {
		if (strcmp(client->inbox[client->read], expected + 5))
			fail("%c expects %s, got %s", client->name, expected + 5,
				client->inbox[client->read]);
	} else if (!strncmp(expected, "close", 5) || !strncmp(expected, "bytes", 5) ||
		   !strncmp(expected, "status", 6)) {
		if (strcmp(client->inbox[client->read], expected))
			fail("%c expects %s, got %s", client->name, expected,
				client->inbox[client->read]);
	} else {
		expect_message(client, expected);
	}
	client->read++;
}

// ---- media and the operator

static void transports_connect(const struct client *client, bool keys)
{
	const struct core_transport *transport = NULL;
	struct core_transport_id own[64];
	unsigned used = 0;

	while ((transport = core_transport_next(world.core, transport)) != NULL) {
		const struct core_participant *owner =
			core_participant(world.core, transport->participant);

		if (owner && (!client || owner->link == client->session) && used < 64)
			own[used++] = transport->id;
	}
	for (unsigned i = 0; i < used; i++) {
		struct core_path path = {.remote = {.port = (uint16_t)(40000 + own[i].index)}};
		struct core_keys secret = {.profile = 7, .key_length = 16, .salt_length = 12};

		path.remote.ip[10] = path.remote.ip[11] = 0xff;
		path.remote.ip[15] = 7;
		if (keys) {
			core_transport_path(world.core, own[i], &path, true, world.now_ms);
			core_transport_keys(world.core, own[i], &secret, world.now_ms);
		}
		core_transport_heard(world.core, own[i], world.now_ms);
	}
	core_dispatch(world.core);
}

static void links_lose(void)
{
	const struct core_participant *participant = NULL;

	while ((participant = core_participant_next(world.core, participant)) != NULL)
		core_unlink(world.core, participant->id, false, world.now_ms);
}

static void operate(char *rest)
{
	const char *verb = strsep(&rest, " ");

	if (!strcmp(verb, "connect") || !strcmp(verb, "heard")) {
		transports_connect(NULL, !strcmp(verb, "connect"));
	} else if (!strcmp(verb, "open")) {
		world_is_open = !strcmp(rest, "on");
	} else if (!strcmp(verb, "rooms-per-user")) {
		world.host.rooms_per_user = (uint32_t)strtoul(rest, NULL, 10);
	} else if (!strcmp(verb, "rooms")) {
		world.limits.rooms = (uint32_t)strtoul(rest, NULL, 10);
		core_configure(world.core, &world.limits, &world.local);
	} else if (!strcmp(verb, "room-size")) {
		world.limits.participants_per_room = (uint32_t)strtoul(rest, NULL, 10);
		core_configure(world.core, &world.limits, &world.local);
	} else if (!strcmp(verb, "hook")) {
		world_has_hook = !strcmp(rest, "on");
	} else if (!strcmp(verb, "strict")) {
		world.host.strict_etag = !strcmp(rest, "on");
	} else if (!strcmp(verb, "servers")) {
		world.servers = !strcmp(rest, "on");
	} else if (!strcmp(verb, "restart")) {
		links_lose();
	} else if (!strcmp(verb, "drain")) {
		core_drain(world.core, !strcmp(rest, "on"));
	} else if (!strcmp(verb, "mode")) {
		world.mode = strcmp(rest, "pass") ? DIALECT_INTERPOSE : DIALECT_PASS;
	} else if (!strcmp(verb, "kick") || !strcmp(verb, "silence")) {
		const struct core_room *room = core_room_by_name(world.core, strsep(&rest, " "));
		const struct core_participant *who = room ? core_participant_by_identity(world.core,
								    room->id, strsep(&rest, " "))
							  : NULL;

		if (!who)
			fail("nobody to kick");
		else if (!strcmp(verb, "kick"))
			core_kick(world.core, who->id, rest);
		else
			core_silence(world.core, who->id, (struct core_publication_id){0},
				*rest == 'a' ? DESC_AUDIO : DESC_VIDEO, strstr(rest, " on"));
	} else {
		fail("unknown verb %s", verb);
	}
	core_dispatch(world.core);
}

static unsigned count_of(const char *noun)
{
	const struct core *core = world.core;
	const struct core_room *room = NULL;
	const struct core_participant *participant = NULL;
	const struct core_transport *transport = NULL;
	const struct core_publication *publication = NULL;
	const struct core_subscription *subscription = NULL;
	unsigned count = 0;

	if (!strcmp(noun, "errors"))
		count = world.errors;
	else if (!strcmp(noun, "rooms"))
		while ((room = core_room_next(core, room)))
			count++;
	else if (!strcmp(noun, "participants"))
		while ((participant = core_participant_next(core, participant)))
			count++;
	else if (!strcmp(noun, "transports"))
		while ((transport = core_transport_next(core, transport)))
			count++;
	else if (!strcmp(noun, "publications"))
		while ((publication = core_publication_next(core, publication)))
			count++;
	else if (!strcmp(noun, "paused"))
		while ((publication = core_publication_next(core, publication)))
			count += publication->paused;
	else if (!strcmp(noun, "subscriptions"))
		while ((subscription = core_subscription_next(core, subscription)))
			count++;
	else if (!strcmp(noun, "active"))
		while ((subscription = core_subscription_next(core, subscription)))
			count += subscription->active;
	else
		fail("unknown noun %s", noun);
	return count;
}

static void expect_count(char *rest)
{
	const char *noun = strsep(&rest, " ");
	unsigned count = count_of(noun);

	if (!rest || count != strtoul(rest, NULL, 10))
		fail("%u %s, not %s", count, noun, rest ? rest : "?");
}

static void time_pass(const char *span)
{
	char *unit;
	uint64_t left = strtoull(span + (*span == '+'), &unit, 10);

	if (!strcmp(unit, "s"))
		left *= 1000;
	else if (strcmp(unit, "ms"))
		fail("a time is +2s or +500ms");
	while (left) {
		uint64_t step = left < STEP_MS ? left : STEP_MS;

		left -= step;
		world.now_ms += step;
		core_tick(world.core, world.now_ms);
		core_dispatch(world.core);
		world_detached_tick(&world);
		core_dispatch(world.core);
		for (unsigned i = 0; i < CLIENTS; i++)
			if (clients[i].open && clients[i].dialect->tick)
				clients[i].dialect->tick(clients[i].session, world.now_ms);
		clients_reap();
	}
}

// ---- lines

static void client_send(struct client *client, char *line)
{
	struct text text = line_expand(client, line);
	// without terminator, so that reading past the end is seen by the sanitizer
	char *exact = malloc(text.length ? text.length : 1);

	memcpy(exact, text.bytes, text.length);
	client->dialect->text(client->session, exact, text.length);
	core_dispatch(world.core);
	free(exact);
	free(text.bytes);
}

static void client_send_bytes(struct client *client, const char *hex)
{
	uint8_t bytes[256];
	size_t length = 0;

	for (; isxdigit(hex[0]) && isxdigit(hex[1]) && length < sizeof(bytes); hex += 2) {
		char pair[3] = {hex[0], hex[1], 0};

		bytes[length++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	if (client->dialect->binary)
		client->dialect->binary(client->session, bytes, length);
	core_dispatch(world.core);
}

static void client_socket(struct client *client, char *rest)
{
	if (!strncmp(rest, "open", 4))
		client_open(client, rest[4] ? rest + 5 : NULL, false);
	else if (!strncmp(rest, "upgrade ", 8))
		client_open(client, rest + 8, true);
	else if (!strncmp(rest, "close", 5))
		client_close(client, true);
	else if (!strcmp(rest, "drop"))
		client_close(client, false);
	else
		fail("unknown: %s", rest);
}

static void client_line(struct client *client, char verb, char *rest)
{
	if (verb == '<') {
		expect(client, rest);
		return;
	}
	if (verb == '=') {
		client_ask(client, rest);
		return;
	}
	if (verb == '/' && *rest == '<') {
		request_expect(client->name, rest + 1 + strspn(rest + 1, " "));
		return;
	}
	if (verb == '/') {
		request_send(client->name, rest);
		return;
	}
	if (!client->open &&
		!(verb == '#' && (!strncmp(rest, "open", 4) || !strncmp(rest, "upgrade", 7))))
		fail("%c is not open", client->name);
	if (verb == '>')
		client_send(client, rest);
	else if (verb == '*')
		client_send_bytes(client, rest);
	else if (verb == '#')
		client_socket(client, rest);
	else if (verb == '!')
		transports_connect(client, !strcmp(rest, "connect"));
	else
		fail("unknown mark %c", verb);
}

static void line_run(char *line)
{
	char *rest = line + 1 + (isupper(*line) && line[1]);

	line[strcspn(line, "\n")] = 0;
	if (!*line || (*line == '#' && !isupper(*line)))
		return;
	while (*rest == ' ')
		rest++;
	if (*line == '@')
		time_pass(rest);
	else if (*line == '?')
		expect_count(rest);
	else if (*line == '!')
		operate(rest);
	else if (isupper(*line))
		client_line(&clients[*line - 'A'], line[1], rest);
	else
		fail("unknown line: %s", line);
	clients_reap();
}

static void world_end(void)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];

		if (request_waits(client->name))
			fail("unread at the end: a reply to %c", client->name);
		if (client->read < client->received)
			fail("unread at the end: %c< %s", client->name,
				client->inbox[client->read]);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];

		if (client->open)
			client_close(client, true);
		while (client->received)
			free(client->inbox[--client->received]);
		free(client->offer);
		*client = (struct client){0};
	}
	request_forget_all();
	time_pass("+120s"); // grace times end
	if (count_of("participants") || count_of("transports") || count_of("subscriptions"))
		fail("something is left in the core when everybody has gone");
	world_close(&world);
}

static void script_run(const char *path)
{
	char folder[256], *name, *line = NULL;
	size_t size = 0;
	FILE *in = fopen(path, "r");

	file = path;
	line_number = 0;
	if (!in)
		fail("%s", strerror(errno));
	snprintf(folder, sizeof(folder), "%s", path);
	*(strrchr(folder, '/') ? strrchr(folder, '/') : folder) = 0;
	name = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
	if (!dialect_find(name))
		fail("no dialect is called `%s`", name);
	if (!world_open(&world, dialect_find(name)))
		fail("no memory");
	world.dialect_of = dialect_of;
	world_is_open = true;
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i].name = (char)('A' + i);
	while (getline(&line, &size, in) > 0) {
		line_number++;
		line_run(line);
	}
	free(line);
	fclose(in);
	world_end();
}

int main(int count, char **arguments)
{
	if (count < 2) {
		fprintf(stderr, "usage: talk FILE.talk...\n");
		return 2;
	}
	for (int i = 1; i < count; i++)
		script_run(arguments[i]);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Requests of WHIP and WHEP: one byte says what is asked, then a path up to a line end, then the body. A session
// that is under way gets the same body by PATCH.
#include "dialect/whip_fragment.h"
#include "dialect/whip_session.h"
#include "talk/world.h"

enum { PATH_MAX_BYTES = 300 };

static void ask(struct world *world, struct http_request *request)
{
	const struct dialect *whip = dialect_find("whip");
	struct http_reply reply = {0};

	if (whip->request(&world->host, request, &reply) && !reply.status)
		abort();
	core_dispatch(world->core);
	free(reply.body);
}

// The address of the first session there is.
static bool session_path(const struct world *world, char path[PATH_MAX_BYTES])
{
	const struct core_transport *transport = core_transport_next(world->core, NULL);
	char id[WHIP_ID_MAX];

	if (!transport || !whip_session_id(&world->host, transport->id, id))
		return false;
	snprintf(path, PATH_MAX_BYTES, "/%s/session/%s",
		transport->publisher.generation ? "whep" : "whip", id);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		NULL, "application/sdp", "application/trickle-ice-sdpfrag", "text/plain"};
	struct world world;
	struct http_request request = {.remote = "192.0.2.7:9"};
	struct whip_fragment fragment;
	char path[PATH_MAX_BYTES] = "", why[64], *body;
	size_t length;

	if (size < 2 || !world_open(&world, dialect_find("whip")))
		return 0;
	world_is_open = data[0] & 1;
	world.host.strict_etag = data[0] & 2;
	request.method = (enum http_method)(data[0] >> 2 & 7);
	request.content_type = types[data[0] >> 5 & 3];
	request.if_match = data[0] & 128 ? "*" : NULL;
	length = 0;
	while (1 + length < size && data[1 + length] != '\n' && length < PATH_MAX_BYTES - 1)
		length++;
	memcpy(path, data + 1, length);
	data += 1 + length + (1 + length < size);
	size -= 1 + length + (1 + length < size);
	body = malloc(size + 1);
	memcpy(body, data, size);
	body[size] = 0;
	request.path = path;
	request.body = size ? body : NULL;
	request.length = size;
	whip_fragment_parse(body, size, &fragment, why, sizeof(why));
	ask(&world, &request);
	if (session_path(&world, path)) {
		request.method = HTTP_PATCH;
		ask(&world, &request);
	}
	free(body);
	world_close(&world);
	return 0;
}

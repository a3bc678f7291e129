// SPDX-License-Identifier: Apache-2.0
#include "dialect/whip_reply.h"
#include "talk/world.h"

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static struct http_reply reply;

static const char *header(const char *name, unsigned which)
{
	for (unsigned i = 0; i < reply.headers_used; i++)
		if (!strcmp(reply.headers[i].name, name) && !which--)
			return reply.headers[i].value;
	return NULL;
}

static int fresh(void **)
{
	free(reply.body);
	memset(&reply, 0, sizeof(reply));
	return 0;
}

static void an_error_is_json(void **)
{
	whip_reply_error(&reply, 422, "not \"this\"");
	assert_int_equal(reply.status, 422);
	assert_string_equal(reply.type, "application/json");
	assert_string_equal(reply.body, "{\"error\":\"not \\\"this\\\"\",\"status\":422}");
	assert_non_null(header("access-control-expose-headers", 0));
}

static void tags_are_strong(void **)
{
	whip_reply_etag(&reply, "a+/d");
	assert_string_equal(header("etag", 0), "\"a+/d\"");
}

static void servers_by_link(void **)
{
	struct world world;

	assert_true(world_open(&world, dialect_find("whip")));
	whip_reply_servers(&reply, &world.host, "anna", true);
	assert_int_equal(reply.headers_used, 0);
	world.servers = true;
	whip_reply_servers(&reply, &world.host, "anna", true);
	assert_string_equal(header("link", 0), "<stun:stun.example>; rel=\"ice-server\"");
	assert_string_equal(header("link", 1),
		"<turn:turn.example?transport=udp>; rel=\"ice-server\"; username=\"99:anna\"; "
		"credential=\"hush\"; credential-type=\"password\""); // nothing breaks out
	fresh(NULL);
	whip_reply_servers(&reply, &world.host, "anna", false);
	assert_int_equal(reply.headers_used, 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_error_is_json, fresh, fresh),
		cmocka_unit_test_setup(tags_are_strong, fresh),
		cmocka_unit_test_setup(servers_by_link, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

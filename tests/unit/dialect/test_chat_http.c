// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/chat cannot say: all spellings of a GUID, and all places of a token in their order.
#include "dialect/chat_http.h"
#include "wire.h"

#define GUID "5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69"
#define PATH "/api/chat/realtime/" GUID

static struct world world;

static int setup(void **)
{
	return world_open(&world, dialect_find("chat")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void guids(void **)
{
	static const char *const good[] = {PATH, PATH "?x=y",
		"/sphere/chat/realtime/5F7D2C50-8E1B-4b7a-9a51-0d2f3c4b5a69",
		"/api/chat/realtime/5f7d2c508e1b4b7a9a510d2f3c4b5a69",
		"/api/chat/realtime/{" GUID "}", "/api/chat/realtime/(" GUID ")"};
	static const char *const bad[] = {"", "/", "/api/chat/realtime/", "/api/chat/realtime",
		PATH "/", PATH "0", PATH "/status",
		"/api/chat/realtime/5f7d2c50-8e1b4b7a9a510d2f3c4b5a69",
		"/api/chat/realtime/5f7d2c508e1b4b7a9a510d2f3c4b5a6",
		"/api/chat/realtime/{" GUID ")", "/api/chat/realtime/{" GUID,
		"/api/chat/realtime/{5f7d2c508e1b4b7a9a510d2f3c4b5a69}",
		"/api/chat/realtime/gf7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69", "/api/chat/realtime/-",
		"/api/chat/realtime/{", "/other/chat/realtime/" GUID};
	char room[CHAT_ROOM_MAX];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(chat_room(good[i], room));
		assert_string_equal(room, GUID);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(chat_room(bad[i], room));
	assert_true(chat_claims("/api/chat/realtime/x"));
	assert_false(chat_claims("/api/chat"));
}

// The account that a request is let in as; "" when it is refused.
static const char *account(const char *argument, const char *header, const char *cookie)
{
	static struct dialect_grant grant;
	struct http_request request = {.path = PATH,
		.upgrade = true,
		.arguments_used = argument != NULL,
		.arguments = {argument},
		.authorization = header,
		.cookie = cookie};
	struct http_reply reply = {0};

	memset(&grant, 0, sizeof(grant));
	if (!chat_admit(&world.host, &request, &grant, &reply))
		assert_int_equal(reply.status, 401);
	free(reply.body);
	return grant.identity;
}

static void places_of_tokens(void **)
{
	assert_string_equal(account("tk=user:a:A", "Bearer user:b:B", "AuthToken=user:c:C"), "a");
	assert_string_equal(account("tk=", "Bearer user:b:B", "AuthToken=user:c:C"), "b");
	assert_string_equal(account("t=user:a:A", "atfield user:b:B", NULL), "b");
	assert_string_equal(account(NULL, "AKFIELD  user:b:B", NULL), "b");
	assert_string_equal(account(NULL, "Basic user:b:B", "AuthToken=user:c:C"), "c");
	assert_string_equal(account(NULL, "Bearer ", "x=y; AuthToken=user:c:C; z"), "c");
	assert_string_equal(account(NULL, "Beareruser:b:B", NULL), "");
	assert_string_equal(account(NULL, NULL, "XAuthToken=user:c:C;AuthToken="), "");
	assert_string_equal(account(NULL, NULL, "; ;;"), "");
	assert_string_equal(account(NULL, NULL, NULL), "");
	assert_string_equal(account("tk=expired", "Bearer user:b:B", NULL), ""); // the first counts
}

static void the_last_place_is_told_before_the_upgrade(void **)
{
	struct dialect_grant grant = {0};
	struct http_request request = {
		.path = PATH, .upgrade = true, .arguments_used = 1, .arguments = {"tk=user:a:A"}};
	struct http_reply reply = {0};

	core_drain(world.core, true);
	assert_false(chat_admit(&world.host, &request, &grant, &reply));
	assert_int_equal(reply.status, 503);
	assert_true(reply.retry_after_s > 0);
	free(reply.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guids, setup, teardown),
		cmocka_unit_test_setup_teardown(places_of_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_last_place_is_told_before_the_upgrade, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

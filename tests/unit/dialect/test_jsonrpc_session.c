// SPDX-License-Identifier: Apache-2.0
#include "dialect/jsonrpc_session.h"
#include "json_expect.h"
#include "wire.h"

static struct world world;
static struct wire wire;
static struct jsonrpc_session session;
static struct jsonrpc_request request;

static int setup(void **)
{
	if (!world_open(&world, dialect_find("jsonrpc")))
		return -1;
	memset(&wire, 0, sizeof(wire));
	wire.link = (struct peer_link){.context = &wire,
		.send_text = wire_text,
		.close = wire_close,
		.remote = "192.0.2.7",
		.path = "/"};
	session = (struct jsonrpc_session){.host = &world.host, .link = &wire.link, .room = "r"};
	request = (struct jsonrpc_request){.session = &session};
	return 0;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static bool truthy(const char *text)
{
	json_t *value = json_read(text);
	bool result = jsonrpc_truthy(value);

	json_decref(value);
	return result;
}

static void truth_is_that_of_javascript(void **)
{
	assert_true(truthy("\"a\"") && truthy("1") && truthy("0.5") && truthy("true"));
	assert_true(truthy("{}") && truthy("[]"));
	assert_false(truthy("\"\"") || truthy("0") || truthy("0.0") || truthy("false"));
	assert_false(truthy("null") || jsonrpc_truthy(NULL));
}

static void errors_repeat_names_whole(void **)
{
	char *name = calloc(1, 1001);

	for (unsigned i = 0; i < 500; i++)
		memcpy(name + 2 * i, "\xc3\xbc", 2);
	request.id = NULL;
	jsonrpc_refuse(&request, JSONRPC_REFUSED, "Peer not found: %s", name);
	assert_int_equal(wire.texts, 1);
	assert_non_null(strstr(wire.last, name));
	free(name);
}

static void what_the_core_refuses_is_said_in_the_familys_words(void **)
{
	request.family = JSONRPC_BARE;
	jsonrpc_refuse_core(&request, -CORE_FULL, JSONRPC_BAD_OFFER);
	assert_non_null(strstr(wire.last, "\"code\":-32000"));
	assert_null(strstr(wire.last, "\"data\""));
	request.family = JSONRPC_PEER;
	jsonrpc_refuse_core(&request, -CORE_FULL, JSONRPC_BAD_OFFER);
	assert_non_null(strstr(wire.last, "\"code\":-32001"));
	jsonrpc_refuse_core(&request, -CORE_FORBIDDEN, JSONRPC_BAD_OFFER);
	assert_non_null(strstr(wire.last, "\"code\":-32002"));
	assert_non_null(strstr(wire.last, "\"reason\""));
}

static void params_have_types(void **)
{
	static const char *const names[] = {"from", "to", NULL};
	json_t *params = json_read("{\"from\":\"a\",\"to\":\"b\"}");

	request.params = params;
	assert_true(jsonrpc_typed_params(&request, names, JSON_STRING));
	json_object_set_new(params, "to", json_integer(5));
	assert_false(jsonrpc_typed_params(&request, names, JSON_STRING));
	assert_non_null(strstr(wire.last, "invalid type for `to`"));
	request.params = NULL;
	assert_false(jsonrpc_typed_params(&request, names, JSON_STRING));
	assert_non_null(strstr(wire.last, "missing field `from`"));
	assert_null(jsonrpc_text_param(&request, "from"));
	json_decref(params);
}

static void a_closed_session_says_nothing(void **)
{
	session.closed = true;
	jsonrpc_reply(&request, json_object());
	jsonrpc_notify(&session, NULL);
	assert_int_equal(wire.texts, 0);
}

static void nobody_is_nobody(void **)
{
	assert_null(jsonrpc_peer_find(&session, "a"));
	assert_null(jsonrpc_peer_find(&session, NULL));
	assert_false(jsonrpc_is_server(&session, (struct core_participant_id){0}));
	assert_false(jsonrpc_is_ours(NULL));
	assert_null(jsonrpc_session_of(NULL));
	assert_true(jsonrpc_unix_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(truth_is_that_of_javascript, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_repeat_names_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_core_refuses_is_said_in_the_familys_words, setup, teardown),
		cmocka_unit_test_setup_teardown(params_have_types, setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_session_says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_nobody, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

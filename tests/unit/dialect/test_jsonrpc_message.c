// SPDX-License-Identifier: Apache-2.0
#include "dialect/jsonrpc_message.h"
#include "json_expect.h"

static void envelopes(void **)
{
	json_t *id = json_read("\"x\"");

	expect_json(jsonrpc_result(id, json_object()),
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}");
	expect_json(jsonrpc_result(NULL, json_object()), "{\"jsonrpc\":\"2.0\",\"result\":{}}");
	expect_json(jsonrpc_error(json_null(), -32700, "Parse error", NULL),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse "
		"error\"}}");
	expect_json(jsonrpc_error(NULL, -32002, "bad", "worse"),
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32002,\"message\":\"bad\",\"data\":{"
		"\"reason\":"
		"\"worse\"}}}");
	assert_null(jsonrpc_error(id, -32000, "\xff", NULL));
	json_decref(id);
}

static void capabilities(void **)
{
	json_t *flags = json_read("{\"audio\":true,\"video\":false,\"data\":1}");
	json_t *names = json_read("[\"audio\",7,\"data\"]");

	expect_json(jsonrpc_capabilities(JSONRPC_BARE, flags),
		"{\"audio\":true,\"video\":false,\"data\":1}");
	expect_json(jsonrpc_capabilities(JSONRPC_PEER, flags), "[\"audio\"]");
	expect_json(jsonrpc_capabilities(JSONRPC_BARE, names), "{\"audio\":true,\"data\":true}");
	expect_json(jsonrpc_capabilities(JSONRPC_PEER, names), "[\"audio\",7,\"data\"]");
	expect_json(jsonrpc_capabilities(JSONRPC_BARE, NULL), "{}");
	expect_json(jsonrpc_capabilities(JSONRPC_PEER, NULL), "[]");
	expect_json(jsonrpc_capabilities(JSONRPC_PEER, json_true()), "[]");
	json_decref(flags);
	json_decref(names);
}

static void presence(void **)
{
	expect_json(jsonrpc_joined(JSONRPC_BARE, "a", NULL, NULL),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer_joined\",\"params\":{\"peer_id\":\"a\","
		"\"capabilities\":{}}}");
	expect_json(jsonrpc_joined(JSONRPC_PEER, "a", NULL, NULL),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.joined\",\"params\":{\"peer_id\":\"a\","
		"\"capabilities\":[],\"metadata\":null}}");
	expect_json(jsonrpc_left(JSONRPC_PEER, "a"),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.left\",\"params\":{\"peer_id\":\"a\"}}");
	expect_json(jsonrpc_state("a", "connected", 5),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.state_change\",\"params\":{\"peer_id\":"
		"\"a\","
		"\"connection_state\":\"connected\",\"timestamp\":5}}");
}

// A signal made of `params` on its way to a receiver of the family; NULL when it is not told.
static json_t *through(enum jsonrpc_signal kind, const char *params, enum jsonrpc_family family)
{
	json_t *read = json_read(params), *made, *signal = jsonrpc_signal_make(kind, read, "id");

	assert_int_equal(jsonrpc_signal_kind(signal), kind);
	made = jsonrpc_signal_notification(family, "a", "b", signal);
	json_decref(read);
	json_decref(signal);
	return made;
}

static void signals(void **)
{
	expect_json(through(JSONRPC_OFFER, "{\"sdp\":{\"x\":1},\"type\":\"\"}", JSONRPC_BARE),
		"{\"jsonrpc\":\"2.0\",\"method\":\"offer\",\"params\":{\"from_peer_id\":\"a\","
		"\"offer_id\":\"id\",\"sdp\":{\"x\":1},\"type\":\"offer\"}}");
	expect_json(through(JSONRPC_ANSWER, "{\"sdp\":\"s\",\"type\":\"pranswer\"}", JSONRPC_BARE),
		"{\"jsonrpc\":\"2.0\",\"method\":\"answer\",\"params\":{\"from_peer_id\":\"a\","
		"\"sdp\":\"s\",\"type\":\"pranswer\"}}");
	expect_json(through(JSONRPC_ANSWER, "{\"sdp\":\"s\"}", JSONRPC_PEER),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.answer\",\"params\":{\"from\":\"a\",\"to\":"
		"\"b\","
		"\"sdp\":\"s\"}}");
	expect_json(through(JSONRPC_CANDIDATE, "{\"candidate\":\"c\",\"sdp_m_line_index\":2}",
			    JSONRPC_BARE),
		"{\"jsonrpc\":\"2.0\",\"method\":\"ice_candidate\",\"params\":{\"from_peer_id\":"
		"\"a\","
		"\"candidate\":\"c\",\"sdp_mline_index\":2}}");
	expect_json(through(JSONRPC_CANDIDATE, "{\"candidate\":\"\"}", JSONRPC_PEER),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.ice_candidate\",\"params\":{\"from\":\"a\","
		"\"to\":"
		"\"b\",\"candidate\":\"\",\"sdp_mid\":null,\"sdp_m_line_index\":null}}");
	assert_null(through(JSONRPC_CANDIDATE, "{\"candidate\":\"\"}", JSONRPC_BARE));
	expect_json(through(JSONRPC_DISCONNECT, "{}", JSONRPC_PEER),
		"{\"jsonrpc\":\"2.0\",\"method\":\"peer.disconnected\",\"params\":{\"peer_id\":"
		"\"a\","
		"\"reason\":null}}");
}

static void what_is_no_signal(void **)
{
	static const char *const texts[] = {
		"{}", "[]", "5", "{\"kind\":5}", "{\"kind\":\"dance\"}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *signal = json_read(texts[i]);

		assert_int_equal(jsonrpc_signal_kind(signal), JSONRPC_SIGNALS);
		assert_null(jsonrpc_signal_notification(JSONRPC_BARE, "a", "b", signal));
		assert_null(jsonrpc_signal_notification(JSONRPC_PEER, "a", "b", signal));
		json_decref(signal);
	}
}

static void counted_methods_are_a_closed_list(void **)
{
	assert_string_equal(jsonrpc_method_counted("peer.offer"), "peer.offer");
	assert_string_equal(jsonrpc_method_counted("announce"), "announce");
	assert_string_equal(jsonrpc_method_counted("dance"), "other");
	assert_string_equal(jsonrpc_method_counted(NULL), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(presence),
		cmocka_unit_test(signals),
		cmocka_unit_test(what_is_no_signal),
		cmocka_unit_test(counted_methods_are_a_closed_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "dialect/admission.h"
#include "wire.h"

static struct world world;

static int setup(void **)
{
	world_is_open = false;
	return world_open(&world, dialect_find("plain")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static bool admitted(const char *header, const char *argument)
{
	struct http_request request = {.path = "/", .authorization = header};
	struct dialect_grant grant = {0};
	bool result;

	if (argument)
		request.arguments[request.arguments_used++] = argument;
	result = admission_grant(&world.host, &request, "r", &grant);
	assert_int_equal(result, grant.can_publish);
	return result;
}

static void a_token_stands_in_the_header_or_the_query(void **)
{
	assert_true(admitted("Bearer user:7:Nora", NULL));
	assert_true(admitted("bearer   user:7:Nora", NULL));
	assert_true(admitted(NULL, "token=user:7:Nora"));
	assert_true(admitted(NULL, "access_token=user:7:Nora"));
	assert_true(admitted(NULL, "jwt=user:7:Nora"));
	assert_true(admitted("Basic eDp5", "token=user:7:Nora"));
}

static void a_bad_token_is_refused_also_where_all_may_come(void **)
{
	world_is_open = true;
	assert_false(admitted("Bearer expired", NULL));
	assert_false(admitted("Bearer ", NULL));
	assert_false(admitted(NULL, "token="));
	assert_false(admitted(NULL, "token=x"));
}

static void no_token_is_enough_only_where_all_may_come(void **)
{
	assert_false(admitted(NULL, NULL));
	assert_false(admitted(NULL, "tokens=user:7:Nora"));
	assert_false(admitted(NULL, "token"));
	world_is_open = true;
	assert_true(admitted(NULL, NULL));
	assert_true(admitted("Basic eDp5", NULL));
}

static enum dialect_answer entered(const char *room, const char *token, struct dialect_grant *grant)
{
	const struct http_request request = {.path = "/x?y", .authorization = token};
	const struct dialect_question question = {
		.dialect = "plain", .action = "join", .room = room};
	char why[ADMISSION_WHY_MAX] = "";
	enum dialect_answer answer = admission_enter(&world.host, &request, &question, grant, why);

	assert_int_equal(answer == DIALECT_DENIED, !strcmp(why, "not on the list"));
	return answer;
}

static enum dialect_answer wait_for(
	void *, const struct dialect_question *question, struct dialect_grant *, char *, size_t)
{
	assert_string_equal(question->path, "/x?y");
	assert_non_null(question->request);
	return DIALECT_WAITS;
}

static void the_hook_is_asked_after_the_token(void **)
{
	struct dialect_grant grant;

	assert_int_equal(entered("r", NULL, &grant), DIALECT_UNKNOWN);
	world_has_hook = true;
	assert_int_equal(entered("r", NULL, &grant), DIALECT_ALLOWED);
	assert_true(grant.can_publish && !grant.identity[0]);
	assert_int_equal(entered("r", "Bearer expired", &grant), DIALECT_UNKNOWN);
	assert_int_equal(entered("denied", "Bearer user:7:Nora", &grant), DIALECT_DENIED);
	assert_int_equal(entered("listen", "Bearer user:7:Nora", &grant), DIALECT_ALLOWED);
	assert_true(!grant.can_publish && !strcmp(grant.identity, "7"));
	world.host.admit = wait_for;
	assert_int_equal(entered("r", NULL, &grant), DIALECT_WAITS);
	world_has_hook = false;
}

static void a_grant_may_be_for_one_room_or_one_identity(void **)
{
	struct dialect_grant grant = {0};

	assert_true(admission_allows(&grant, "r", "a"));
	strcpy(grant.room, "r");
	assert_true(admission_allows(&grant, "r", "a"));
	assert_false(admission_allows(&grant, "s", "a"));
	strcpy(grant.identity, "a");
	assert_true(admission_allows(&grant, "r", "a"));
	assert_false(admission_allows(&grant, "r", "b"));
	assert_true(admission_allows(&grant, "r", NULL));
}

static void a_join_has_the_rights_of_its_grant(void **)
{
	struct dialect_grant grant = {.can_publish = true, .hidden = true, .withheld = 4};
	struct core_join join = {.room = "r", .pairs = true};

	admission_rights(&grant, &join);
	assert_true(join.can_publish);
	assert_false(join.can_subscribe);
	assert_false(join.visible);
	assert_int_equal(join.withheld, 4);
	assert_string_equal(join.room, "r");
	assert_true(join.pairs);
	grant = (struct dialect_grant){.can_subscribe = true};
	admission_rights(&grant, &join);
	assert_false(join.can_publish);
	assert_true(join.can_subscribe);
	assert_true(join.visible);
	assert_int_equal(join.withheld, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_token_stands_in_the_header_or_the_query, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_bad_token_is_refused_also_where_all_may_come, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_token_is_enough_only_where_all_may_come, setup, teardown),
		cmocka_unit_test_setup_teardown(the_hook_is_asked_after_the_token, setup, teardown),
		cmocka_unit_test(a_grant_may_be_for_one_room_or_one_identity),
		cmocka_unit_test(a_join_has_the_rights_of_its_grant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_dialect_is_found_by_its_name(void **)
{
	const struct dialect *dialect = NULL;
	unsigned count = 0;

	while ((dialect = dialect_next(dialect)) != NULL) {
		assert_ptr_equal(dialect_find(dialect->name), dialect);
		count++;
	}
	assert_true(count >= 1);
}

static void every_dialect_is_complete(void **)
{
	const struct dialect *dialect = NULL;

	while ((dialect = dialect_next(dialect)) != NULL) {
		assert_true(dialect->open || dialect->request);
		if (!dialect->open)
			continue;
		assert_non_null(dialect->text);
		assert_non_null(dialect->event);
		assert_non_null(dialect->close);
	}
}

static void the_sfu_is_there_and_ends_with_its_socket(void **)
{
	const struct dialect *sfu = dialect_find("sfu");

	assert_non_null(sfu);
	assert_string_equal(sfu->name, "sfu");
	assert_false(sfu->outlives_socket);
}

static void an_unknown_name_finds_nothing(void **)
{
	assert_null(dialect_find("sf"));
	assert_null(dialect_find("sfu2"));
	assert_null(dialect_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialect_is_found_by_its_name),
		cmocka_unit_test(every_dialect_is_complete),
		cmocka_unit_test(the_sfu_is_there_and_ends_with_its_socket),
		cmocka_unit_test(an_unknown_name_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The asking half against the answering half.
#include "edge/stun.h"
#include "edge/stun_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char password[] = "their-password-of-enough-length";
static bool far_controls;

static size_t password_of(void *, const char *ufrag, size_t length, char copy[CORE_PASSWORD_MAX])
{
	if (length != 5 || memcmp(ufrag, "their", 5) != 0)
		return 0;
	strcpy(copy, password);
	return strlen(password);
}

static bool controls(void *, const char *, size_t)
{
	return far_controls;
}

static const struct stun_users users = {.password = password_of, .controls = controls};
static const struct core_address remote = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}, 5000};

static struct stun_check check_make(void)
{
	struct stun_check check = {"ours", "their", password, true, {1, 2, 3, 4, 5, 6, 7, 8, 9}};

	far_controls = false;
	return check;
}

// Sends the check to the far side; its reply's length.
static size_t ask(const struct stun_check *check, struct stun_answer *answer, uint8_t *reply)
{
	uint8_t bytes[STUN_CHECK_MAX];
	size_t length = stun_check_write(check, bytes);

	assert_true(length > 0);
	stun_answer(&users, bytes, length, &remote, reply, answer);
	return answer->reply_length;
}

static void a_check_is_valid(void **)
{
	struct stun_check check = check_make();
	struct stun_answer answer;
	uint8_t reply[STUN_REPLY_MAX], id[STUN_ID_BYTES];
	size_t length = ask(&check, &answer, reply);

	assert_int_equal(answer.result, EDGE_STUN_OK);
	assert_true(answer.nominated);
	assert_true(stun_reply_id(reply, length, id));
	assert_memory_equal(id, check.id, STUN_ID_BYTES);
	assert_int_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_VALID);
	check.nominates = false;
	length = ask(&check, &answer, reply);
	assert_false(answer.nominated);
	assert_int_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_VALID);
}

static void replies_of_others(void **)
{
	struct stun_check check = check_make(), other;
	struct stun_answer answer;
	uint8_t reply[STUN_REPLY_MAX];
	size_t length = ask(&check, &answer, reply);

	other = check;
	other.id[0]++;
	assert_int_equal(stun_reply_judge(&other, reply, length), STUN_REPLY_OTHER);
	other = check;
	other.remote_password = "another password altogether";
	assert_int_equal(stun_reply_judge(&other, reply, length), STUN_REPLY_OTHER);
	for (size_t i = 0; i < length; i++) { // whatever is changed on the way
		reply[i] ^= 0x20;
		assert_int_not_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_VALID);
		reply[i] ^= 0x20;
	}
	for (size_t cut = 0; cut < length; cut++)
		assert_int_not_equal(stun_reply_judge(&check, reply, cut), STUN_REPLY_VALID);
}

static void nobody_of_that_name(void **)
{
	struct stun_check check = check_make();
	struct stun_answer answer;
	uint8_t reply[STUN_REPLY_MAX];
	size_t length;

	check.remote_ufrag = "gone";
	length = ask(&check, &answer, reply);
	assert_int_equal(answer.result, EDGE_STUN_UNAUTHORIZED);
	assert_int_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_UNKNOWN);
	check.id[0]++;
	assert_int_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_OTHER);
}

// Who believes to control, too, is told to give way: our tie-breaker is the highest.
static void two_that_control(void **)
{
	struct stun_check check = check_make();
	struct stun_answer answer;
	uint8_t reply[STUN_REPLY_MAX];
	size_t length;

	far_controls = true;
	length = ask(&check, &answer, reply);
	assert_int_equal(answer.result, EDGE_STUN_ROLE_CONFLICT);
	assert_int_equal(stun_reply_judge(&check, reply, length), STUN_REPLY_ERROR);
}

static void what_is_no_reply(void **)
{
	struct stun_check check = check_make();
	uint8_t bytes[STUN_CHECK_MAX], id[STUN_ID_BYTES];
	size_t length = stun_check_write(&check, bytes);

	assert_false(stun_reply_id(bytes, length, id)); // a request
	assert_false(stun_reply_id(bytes, 19, id));
	bytes[0] = 1;
	assert_true(stun_reply_id(bytes, length, id));
	bytes[4]++; // no magic cookie
	assert_false(stun_reply_id(bytes, length, id));
}

static void names_as_long_as_they_may_be(void **)
{
	char ufrag[257], far[257];
	struct stun_check check = check_make();
	uint8_t bytes[STUN_CHECK_MAX];

	memset(ufrag, 'a', 256);
	memset(far, 'b', 256);
	ufrag[256] = far[256] = 0;
	check.local_ufrag = ufrag;
	check.remote_ufrag = far;
	assert_true(stun_check_write(&check, bytes) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_is_valid),
		cmocka_unit_test(replies_of_others),
		cmocka_unit_test(nobody_of_that_name),
		cmocka_unit_test(two_that_control),
		cmocka_unit_test(what_is_no_reply),
		cmocka_unit_test(names_as_long_as_they_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

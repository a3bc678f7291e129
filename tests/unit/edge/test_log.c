// SPDX-License-Identifier: Apache-2.0
#include "edge/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int stderr_before, written_to;
static struct core *core;
static struct core_participant_id ann;
static char session[1];

static void random_bytes(void *, void *bytes, size_t length)
{
	memset(bytes, 7, length);
}

static int setup(void **)
{
	const struct core_limits limits = {.rooms = 4, .participants = 4, .transports = 4};
	const struct core_local local = {0};
	const struct core_plane plane = {.random = random_bytes};
	const struct core_sink sink = {0};
	const struct core_join join = {.room = "demo",
		.identity = "ann",
		.dialect = "sfu",
		.link = session,
		.visible = true,
		.can_publish = true,
		.now_ms = 1};
	char path[] = "/tmp/sluice-log-XXXXXX";
	bool resumed;

	stderr_before = dup(STDERR_FILENO);
	written_to = mkstemp(path);
	unlink(path);
	core = core_create(&limits, &local, &plane, &sink);
	if (!core || core_join(core, &join, &ann, &resumed))
		return -1;
	log_setup("control", CONFIG_LOG_TEXT);
	log_core(core);
	return dup2(written_to, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **)
{
	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	log_core(NULL);
	core_destroy(core);
	return close(written_to);
}

static void expect(const char *wanted)
{
	char text[4096];
	ssize_t length = pread(written_to, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	assert_string_equal(text, wanted);
	assert_int_equal(ftruncate(written_to, 0), 0);
	lseek(written_to, 0, SEEK_SET);
}

static void test_the_file_is_the_subsystem(void **)
{
	log_info("up %d", 1);
	expect("info  control: test_log: up 1\n");
}

static void test_levels(void **)
{
	log_level = LOG_LEVEL_WARN;
	log_info("not said");
	log_debug("not said");
	log_warn("said");
	log_error("said, too");
	log_level = LOG_LEVEL_INFO;
	expect("warn  control: test_log: said\nerror control: test_log: said, too\n");
}

static void test_who_has_a_link_is_found(void **)
{
	struct log_scope before =
		log_enter(LOG_OF(.subsystem = "sfu", .address = "192.0.2.1:5", .link = session));

	log_warn("one");
	log_leave(before);
	log_warn("two");
	expect("warn  control: sfu: one room=demo peer=ann address=192.0.2.1:5\n"
	       "warn  control: test_log: two\n");
}

static void test_who_is_gone_is_nobody(void **)
{
	log_about(LOG_LEVEL_WARN, LOG_OF(.participant = ann), "here");
	assert_int_equal(core_leave(core, ann), 0);
	log_about(LOG_LEVEL_WARN, LOG_OF(.participant = ann), "gone");
	log_about(LOG_LEVEL_WARN, LOG_OF(.link = session), "gone, too");
	log_about(LOG_LEVEL_WARN, LOG_OF(.transport = {3, 9}), "its transport");
	expect("warn  control: test_log: here room=demo peer=ann\n"
	       "warn  control: test_log: gone\nwarn  control: test_log: gone, too\n"
	       "warn  control: test_log: its transport transport=3\n");
}

static void test_names_last_as_long_as_their_scope(void **)
{
	struct log_scope before = log_enter(LOG_OF(.subsystem = "rooms")), inner;
	char room[] = "lobby";

	log_name(room, "bob");
	memset(room, 'x', sizeof(room) - 1);
	log_warn("refused");
	inner = log_enter(LOG_OF(.subsystem = "chat"));
	log_warn("another's");
	log_leave(inner);
	log_name(NULL, "eve");
	log_warn("again");
	log_leave(before);
	log_warn("nobody's");
	expect("warn  control: rooms: refused room=lobby peer=bob\n"
	       "warn  control: chat: another's\n"
	       "warn  control: rooms: again room=lobby peer=eve\n"
	       "warn  control: test_log: nobody's\n");
}

static void test_without_a_model_nobody_is_found(void **)
{
	log_core(NULL);
	log_about(LOG_LEVEL_WARN, LOG_OF(.participant = ann, .link = session), "alone");
	expect("warn  control: test_log: alone\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_file_is_the_subsystem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_has_a_link_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_gone_is_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_names_last_as_long_as_their_scope, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_a_model_nobody_is_found, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

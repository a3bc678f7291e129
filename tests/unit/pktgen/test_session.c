// SPDX-License-Identifier: Apache-2.0
#include "unit/pktgen/support.h"

static void made(struct session *session, const struct session_plan *plan)
{
	if (session_make(session, plan, support_why, sizeof(support_why)))
		fail_msg("%s", support_why);
}

static void there_and_back(void **)
{
	static const enum sluice_srtp_profile profiles[] = {SLUICE_SRTP_AEAD_AES_128_GCM,
		SLUICE_SRTP_AEAD_AES_256_GCM, SLUICE_SRTP_AES128_CM_SHA1_80};
	static const unsigned keys[] = {16, 32, 16}, salts[] = {12, 12, 14};

	for (unsigned i = 0; i < 3; i++) {
		struct session_plan plan = support_plan();
		struct session session, read;
		struct stat status;
		const char *path = support_path("s.json");

		plan.profile = profiles[i];
		made(&session, &plan);
		assert_int_equal(session_write(&session, path, i == 0, support_why, 512), 0);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 0777, 0600);
		if (session_read(&read, path, support_why, sizeof(support_why)))
			fail_msg("%s", support_why);
		assert_int_equal(read.publishers_used, 2);
		assert_int_equal(read.subscribers_used, 6);
		assert_int_equal(read.profile, profiles[i]);
		assert_memory_equal(&read.relay, &session.relay, sizeof(read.relay));
		for (unsigned s = 0; s < 6; s++) {
			const struct session_peer *a = &session.subscribers[s],
						  *b = &read.subscribers[s];

			assert_memory_equal(a->key.key, b->key.key, keys[i]);
			assert_memory_equal(a->relay_key.salt, b->relay_key.salt, salts[i]);
			assert_int_equal(b->publisher, s / 3);
			assert_int_equal(a->address.port, b->address.port);
		}
		assert_memory_equal(read.publishers[1].streams, session.publishers[1].streams,
			sizeof(read.publishers[1].streams));
		session_free(&read);
		session_free(&session);
	}
}

// No two peers have one address, no two keys are the same.
static void all_differ(void **)
{
	struct session_plan plan = support_plan();
	struct session session;

	made(&session, &plan);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct session_peer *a = &session.subscribers[i],
						  *b = &session.subscribers[j];

			assert_memory_not_equal(&a->address, &b->address, sizeof(a->address));
			assert_memory_not_equal(&a->key, &b->key, 16);
			assert_memory_not_equal(&a->relay_key, &b->key, 16);
		}
	session_free(&session);
}

static void too_many(void **)
{
	struct session_plan plan = support_plan();
	struct session session;

	plan.subscribers_count = 12; // 24 of 2 addresses and 11 ports
	assert_int_equal(session_make(&session, &plan, support_why, 512), -1);
	assert_non_null(strstr(support_why, "not enough"));
	session_free(&session);
	plan.subscribers_count = SESSION_PEERS_MAX;
	assert_int_equal(session_make(&session, &plan, support_why, 512), -1);
	session_free(&session);
	plan.publishers_count = 0;
	assert_int_equal(session_make(&session, &plan, support_why, 512), -1);
	session_free(&session);
}

static void refuses(const char *path, const char *text, mode_t mode, const char *about)
{
	struct session session;
	FILE *file = fopen(path, "we");

	fputs(text, file);
	fclose(file);
	chmod(path, mode);
	assert_int_equal(session_read(&session, path, support_why, sizeof(support_why)), -1);
	if (!strstr(support_why, about))
		fail_msg("%s: not about %s", support_why, about);
	assert_null(strstr(support_why, "00112233")); // no key in it
	session_free(&session);
}

#define HEAD "{\"room\":\"r\",\"relay\":\"10.0.0.1:7000\",\"profile\":\"gcm128\","
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabb"

static void bad_files(void **)
{
	const char *path = support_path("bad.json");

	refuses(path, "{}", 0640, "chmod 600");
	refuses(path, "{}", 0604, "chmod 600");
	refuses(path, "{", 0600, "not JSON");
	refuses(path, "[]", 0600, "room");
	refuses(path, "{\"room\":\"r\",\"relay\":\"x\",\"profile\":\"gcm128\"}", 0600, "relay");
	refuses(path, HEAD "\"publishers\":[7]}", 0600, "publishers[0]");
	refuses(path,
		HEAD "\"publishers\":[{\"identity\":\"p\",\"address\":\"10.0.0.2:1\",\"key\":\"" KEY
		     "\",\"relayKey\":\"0011\"}]}",
		0600, "publishers[0]");
	refuses(path,
		HEAD "\"publishers\":[{\"identity\":\"p\",\"address\":\"10.0.0.2:1\",\"key\":\"" KEY
		     "\",\"relayKey\":\"" KEY "00\"}]}",
		0600, "publishers[0]");
	refuses(path,
		HEAD
		"\"subscribers\":[{\"identity\":\"s\",\"address\":\"10.0.0.2:1\",\"key\":\"" KEY
		"\",\"relayKey\":\"" KEY "\",\"publisher\":\"nobody\"}]}",
		0600, "subscribers[0]");
	assert_int_equal(
		session_read(&(struct session){0}, "/nowhere", support_why, sizeof(support_why)),
		-1);
	assert_int_equal(session_read(&(struct session){0}, support_directory, support_why,
				 sizeof(support_why)),
		-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(all_differ),
		cmocka_unit_test(too_many),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests(tests, support_begin, support_end);
}

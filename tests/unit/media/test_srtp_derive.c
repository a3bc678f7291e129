// SPDX-License-Identifier: Apache-2.0
#include "media/srtp_derive.h"
#include "support.h"

#include <errno.h>

struct vector {
	const char *key, *salt;
	const char *cipher, *auth, *session_salt;
};

static const struct vector vectors[] = {
	// RFC 3711, B.3
	{"E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6",
		"C61E7A93744F39EE10734AFE3FF7A087", "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
		"30CBBC08863D8C85D49DB34A9AE1"},
	// RFC 6188, 7
	{"f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
		"3b04803de51ee7c96423ab5b78d2",
		"5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
		"fd9c32d39ed5fbb5a9dc96b30818454d1313dc05", "fa31791685ca444a9e07c6c64e93"},
};

static void check(IMB_MGR *manager, const struct srtp_master *master, enum srtp_label label,
	const char *expected)
{
	uint8_t wanted[SRTP_DERIVED_MAX], derived[SRTP_DERIVED_MAX + 1];
	uint32_t n = (uint32_t)hex_read(expected, wanted);
	derived[n] = 0xA5;
	assert_int_equal(srtp_derive(manager, master, label, derived, n), 0);
	assert_memory_equal(derived, wanted, n);
	assert_int_equal(derived[n], 0xA5);
}

static void agrees_with_the_rfcs(void **state)
{
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t key[32], salt[14];
		struct srtp_master master = {.key = key, .salt = salt};
		master.key_bytes = (uint32_t)hex_read(vectors[i].key, key);
		master.salt_bytes = (uint32_t)hex_read(vectors[i].salt, salt);
		check(*state, &master, SRTP_LABEL_CIPHER, vectors[i].cipher);
		check(*state, &master, SRTP_LABEL_AUTH, vectors[i].auth);
		check(*state, &master, SRTP_LABEL_SALT, vectors[i].session_salt);
	}
}

// RFC 7714, 11: a salt of 96 bits is that of 112 with two zero bytes at its end.
static void a_short_salt_is_padded_behind(void **state)
{
	const uint8_t key[16] = {1, 2, 3}, salt[14] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 11, 12};
	uint8_t from_short[16], from_long[16];
	struct srtp_master master = {.key = key, .key_bytes = 16, .salt = salt, .salt_bytes = 12};
	assert_int_equal(srtp_derive(*state, &master, SRTP_LABEL_SALT, from_short, 16), 0);
	master.salt_bytes = 14;
	assert_int_equal(srtp_derive(*state, &master, SRTP_LABEL_SALT, from_long, 16), 0);
	assert_memory_equal(from_short, from_long, 16);
}

static void refuses_what_is_too_long(void **state)
{
	const uint8_t bytes[32] = {0};
	uint8_t out[64] = {0};
	struct srtp_master master = {
		.key = bytes, .key_bytes = 16, .salt = bytes, .salt_bytes = 14};
	assert_int_equal(
		srtp_derive(*state, &master, SRTP_LABEL_AUTH, out, SRTP_DERIVED_MAX + 1), -EINVAL);
	master.salt_bytes = 15;
	assert_int_equal(srtp_derive(*state, &master, SRTP_LABEL_AUTH, out, 16), -EINVAL);
}

static int manager_up(void **state)
{
	IMB_ARCH arch;
	IMB_MGR *manager = alloc_mb_mgr(0);
	*state = manager;
	if (!manager)
		return -1;
	init_mb_mgr_auto(manager, &arch);
	return imb_get_errno(manager);
}

static int manager_down(void **state)
{
	free_mb_mgr(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_rfcs),
		cmocka_unit_test(a_short_salt_is_padded_behind),
		cmocka_unit_test(refuses_what_is_too_long),
	};
	return cmocka_run_group_tests(tests, manager_up, manager_down);
}

// SPDX-License-Identifier: Apache-2.0
// Our AES-GCM beside intel-ipsec-mb's: the same bytes, for any length and place; and the vectors of the
// specification (D. McGrew and J. Viega, "The Galois/Counter Mode of Operation", appendix B).
#include "media/gcm.h"
#include "support.h"

#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES_MAX = 65536, CLEAR_MAX = 4096, TAG = 16, ROUNDS = 6000 };

struct keys {
	_Alignas(64) struct gcm_key own;
	_Alignas(64) struct gcm_key_data reference;
	bool is_256;
};

static IMB_MGR *manager;

static void keys_make(struct keys *keys, const uint8_t *key, bool is_256)
{
	_Alignas(16) uint8_t unused[GCM_ROUNDS_MAX * GCM_BLOCK];
	keys->is_256 = is_256;
	if (is_256) {
		IMB_AES_KEYEXP_256(manager, key, keys->own.rounds, unused);
		IMB_AES256_GCM_PRE(manager, key, &keys->reference);
	} else {
		IMB_AES_KEYEXP_128(manager, key, keys->own.rounds, unused);
		IMB_AES128_GCM_PRE(manager, key, &keys->reference);
	}
	gcm_key_finish(&keys->own, is_256);
}

static void reference_encrypt(
	const struct keys *keys, const struct gcm_message *message, uint8_t *out, uint8_t *tag)
{
	struct gcm_context_data context;
	if (keys->is_256)
		IMB_AES256_GCM_ENC(manager, &keys->reference, &context, out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes, tag,
			TAG);
	else
		IMB_AES128_GCM_ENC(manager, &keys->reference, &context, out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes, tag,
			TAG);
}

// Modulo 65535, of which 0 and 65535 are the same.
static uint32_t sum_plain(const uint8_t *bytes, size_t length)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum += (uint64_t)bytes[i] << (i % 2 ? 8 : 0);
	return (uint32_t)(sum % 65535);
}

static int setup(void **)
{
	manager = alloc_mb_mgr(0);
	init_mb_mgr_auto(manager, NULL);
	return manager ? 0 : -1;
}

static int teardown(void **)
{
	free_mb_mgr(manager);
	return 0;
}

// ---- vectors --------------------------------------------------------------------------------------

static const struct {
	const char *key, *iv, *plain, *clear, *cipher, *tag;
} vectors[] = {
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
		"5bc94fbc3221a5db94fae95ae7121a47"},
	{"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"cafebabefacedbaddecaf888",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
		"76fc6ece0f4e1768cddf8853bb2d551b"},
	{"00000000000000000000000000000000", "000000000000000000000000", "", "", "",
		"58e2fccefa7e3061367f1d57a4e7455a"},
};

static void the_vectors_of_the_specification(void **)
{
	if (!gcm_available())
		skip();
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct keys keys;
		uint8_t key[32], plain[64], clear[32], cipher[64], out[64], tag[TAG], want[TAG];
		struct gcm_message message = {.in = plain,
			.out = out,
			.bytes = strlen(vectors[i].plain) / 2,
			.clear = clear,
			.clear_bytes = strlen(vectors[i].clear) / 2,
			.tag = tag};
		hex_read(vectors[i].key, key);
		hex_read(vectors[i].iv, message.iv);
		hex_read(vectors[i].plain, plain);
		hex_read(vectors[i].clear, clear);
		hex_read(vectors[i].cipher, cipher);
		hex_read(vectors[i].tag, want);
		keys_make(&keys, key, strlen(vectors[i].key) == 64);
		gcm_encrypt(&keys.own, keys.is_256, &message);
		assert_memory_equal(out, cipher, message.bytes);
		assert_memory_equal(tag, want, TAG);
		message.in = out;
		gcm_decrypt(&keys.own, keys.is_256, &message);
		assert_memory_equal(out, plain, message.bytes);
		assert_memory_equal(tag, want, TAG);
	}
}

// ---- beside the library ---------------------------------------------------------------------------

static uint8_t plain[BYTES_MAX], clear[CLEAR_MAX], expected[BYTES_MAX];

// Between two pages that nobody may touch, at its end or at its beginning.
static uint8_t *guarded_room(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *all = mmap(NULL, BYTES_MAX + CLEAR_MAX + 3 * page, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(all != MAP_FAILED);
	assert_int_equal(
		mprotect(all + page, BYTES_MAX + CLEAR_MAX + page, PROT_READ | PROT_WRITE), 0);
	return all + page;
}

static void compare_one(uint64_t *seed, const struct keys *keys, uint8_t *room, size_t bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t tag[TAG], want[TAG];
	bool at_end = random_below(seed, 2);
	bool in_place = random_below(seed, 2);
	uint8_t *out = at_end ? room + BYTES_MAX + CLEAR_MAX + page - bytes : room;
	struct gcm_message message = {.in = in_place ? out : plain,
		.out = out,
		.bytes = bytes,
		.clear = clear,
		.clear_bytes = random_below(seed, 8) ? 12 + 4 * random_below(seed, 12)
						     : random_below(seed, CLEAR_MAX),
		.tag = tag};
	random_bytes(seed, message.iv, GCM_IV);
	memcpy(out, plain, in_place ? bytes : 0);
	reference_encrypt(keys, &message, expected, want);
	uint64_t sum = gcm_encrypt(&keys->own, keys->is_256, &message);
	assert_memory_equal(out, expected, bytes);
	assert_memory_equal(tag, want, TAG);
	memcpy(expected + bytes, tag, TAG);
	assert_int_equal(sum % 65535, sum_plain(expected, bytes + TAG));
	message.in = out;
	gcm_decrypt(&keys->own, keys->is_256, &message);
	assert_memory_equal(out, plain, bytes);
	assert_memory_equal(tag, want, TAG);
}

static size_t bytes_random(uint64_t *seed, unsigned round)
{
	if (round < 1100)
		return round; // each of these once
	return random_below(seed, 20) ? random_below(seed, 1500)
				      : random_below(seed, BYTES_MAX - TAG);
}

static void random_messages_are_the_librarys(void **)
{
	if (!gcm_available())
		skip();
	uint64_t seed = 20261121;
	struct keys keys;
	uint8_t key[32], *room = guarded_room();
	random_bytes(&seed, plain, sizeof(plain));
	random_bytes(&seed, clear, sizeof(clear));
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round % 16 == 0) {
			random_bytes(&seed, key, sizeof(key));
			keys_make(&keys, key, round / 16 % 2);
		}
		compare_one(&seed, &keys, room, bytes_random(&seed, round));
	}
	munmap(room - sysconf(_SC_PAGESIZE),
		BYTES_MAX + CLEAR_MAX + 3 * (size_t)sysconf(_SC_PAGESIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_specification),
		cmocka_unit_test(random_messages_are_the_librarys),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

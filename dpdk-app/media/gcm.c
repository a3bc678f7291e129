// SPDX-License-Identifier: Apache-2.0
// A message is a row of blocks: up to four that are only authenticated, the ciphertext, the block of lengths.
// They are worked on in groups of 16, each encrypted while the one before it is hashed. The place of the last
// block before the ciphertext in the key stream is the one that encrypts the tag. Blocks are hashed
// reversed, with the hash key times x: S. Gueron and M. Kounavis, "Intel
// Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode", 2010.
#include "gcm.h"

#include <assert.h>
#include <string.h>

// clang, which builds the fuzzers alone, does not know the pragma.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
bool gcm_available(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("vaes") &&
	       __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("bmi2");
}

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,aes,vaes,vpclmulqdq,bmi2")
#include <immintrin.h>

enum {
	LANES = 4, // blocks of a vector
	VECTORS = 4, // of a group
	GROUP = LANES * VECTORS,
	GROUP_BYTES = GROUP * GCM_BLOCK,
	VECTOR_BYTES = LANES * GCM_BLOCK,
	NARROW_MAX = 250 * GCM_BLOCK, // up to here counters stay below 256
};

static_assert((int)GROUP == (int)GCM_POWERS);

#define INLINE static inline __attribute__((always_inline))
#define XOR3 0x96 // of vpternlog

struct run { // a message under way
	const struct gcm_key *key;
	const uint8_t *in;
	uint8_t *out;
	size_t left; // bytes, those that were in front of the ciphertext included
	__m512i counter, step; // of the next vector
	__m512i even, odd; // sums of the ciphertext's bytes
	__m512i blocks[VECTORS]; // reversed, of the group before: not hashed yet
	__m128i hash; // of all before that group
	unsigned rounds;
	bool wide; // counters are kept as numbers of this machine
	bool seals;
};

struct product { // not reduced; each lane has its own
	__m512i low, middle, high;
};

// ---- constants ------------------------------------------------------------------------------------

enum constant {
	REVERSE,
	POLYNOMIAL,
	SWAP,
	EVEN,
	ODD,
	LANE_NARROW,
	LANE_WIDE,
	STEP_NARROW,
	STEP_WIDE
};

#define EACH(a, b)                     \
	{                              \
		a, b, a, b, a, b, a, b \
	}
#define LANE(lane, unit) 0, (uint64_t)(lane) * (unit) << 32
#define NARROW (1u << 24)

static const _Alignas(64) uint64_t constants[][8] = {
	[REVERSE] = EACH(0x08090A0B0C0D0E0F, 0x0001020304050607),
	[POLYNOMIAL] = EACH(1, 0xC200000000000000),
	[SWAP] = EACH(0x0706050403020100, 0x0C0D0E0F0B0A0908), // the last word of a block
	[EVEN] = EACH(0x0001000100010001, 0x0001000100010001),
	[ODD] = EACH(0x0100010001000100, 0x0100010001000100),
	[LANE_NARROW] = {LANE(0, NARROW), LANE(1, NARROW), LANE(2, NARROW), LANE(3, NARROW)},
	[LANE_WIDE] = {LANE(0, 1), LANE(1, 1), LANE(2, 1), LANE(3, 1)},
	[STEP_NARROW] = EACH(0, (uint64_t)LANES *NARROW << 32),
	[STEP_WIDE] = EACH(0, (uint64_t)LANES << 32),
};

// From memory, which costs less than the compiler's ways to make one.
INLINE __m512i constant_load(enum constant which)
{
	const uint64_t *constant = constants[which];
	__asm__("" : "+r"(constant));
	return _mm512_load_si512(constant);
}

// ---- hash -----------------------------------------------------------------------------------------

INLINE __m128i reverse(__m128i block)
{
	return _mm_shuffle_epi8(block, _mm512_castsi512_si128(constant_load(REVERSE)));
}

INLINE __m512i reverse_each(__m512i blocks)
{
	return _mm512_shuffle_epi8(blocks, constant_load(REVERSE));
}

INLINE void product_add(struct product *product, __m512i blocks, __m512i powers)
{
	product->low =
		_mm512_xor_si512(product->low, _mm512_clmulepi64_epi128(blocks, powers, 0x00));
	product->high =
		_mm512_xor_si512(product->high, _mm512_clmulepi64_epi128(blocks, powers, 0x11));
	product->middle = _mm512_ternarylogic_epi64(product->middle,
		_mm512_clmulepi64_epi128(blocks, powers, 0x01),
		_mm512_clmulepi64_epi128(blocks, powers, 0x10), XOR3);
}

// Modulo x^128 + x^127 + x^126 + x^121 + 1, the polynomial reversed, 64 bits at a time; then the lanes' sum.
INLINE __m128i product_reduce(const struct product *product)
{
	const __m512i polynomial = constant_load(POLYNOMIAL);
	__m512i fold = _mm512_clmulepi64_epi128(polynomial, product->low, 0x01);
	__m512i middle = _mm512_ternarylogic_epi64(
		product->middle, fold, _mm512_shuffle_epi32(product->low, 0x4E), XOR3);
	fold = _mm512_clmulepi64_epi128(polynomial, middle, 0x01);
	__m512i lanes = _mm512_ternarylogic_epi64(
		product->high, fold, _mm512_shuffle_epi32(middle, 0x4E), XOR3);
	__m256i pairs = _mm256_xor_si256(
		_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64(lanes, 1));
	return _mm_xor_si128(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
}

// The powers that blocks from `at` on need when `blocks` are left, and nothing beyond.
INLINE __m512i powers_load(const struct gcm_key *key, unsigned blocks, unsigned at)
{
	unsigned lanes = blocks > at ? blocks - at : 0;
	__mmask8 some = (__mmask8)_bzhi_u32(0xFF, lanes < LANES ? 2 * lanes : 8);
	return _mm512_maskz_loadu_epi64(some, key->powers[GCM_POWERS - blocks + at]);
}

// Up to four blocks at once.
INLINE __m128i hash_few(const struct gcm_key *key, __m128i hash, __m512i blocks, unsigned used)
{
	struct product product = {0};
	blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(hash));
	product_add(&product, blocks, powers_load(key, used, 0));
	return product_reduce(&product);
}

// What is only authenticated, until no more than a vector of it is left.
INLINE __m128i hash_clear(const struct gcm_key *key, const uint8_t **clear, size_t *bytes)
{
	__m128i hash = _mm_setzero_si128();
	for (; *bytes > VECTOR_BYTES; *clear += VECTOR_BYTES, *bytes -= VECTOR_BYTES)
		hash = hash_few(key, hash, reverse_each(_mm512_loadu_si512(*clear)), LANES);
	return hash;
}

// ---- key stream -----------------------------------------------------------------------------------

INLINE __m512i round_load(const struct gcm_key *key, unsigned round)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)key->rounds[round]));
}

// The first vector begins with `front` blocks that are not of the ciphertext; the last of them encrypts the tag.
INLINE void counters_begin(struct run *run, const uint8_t iv[GCM_IV], unsigned front)
{
	const uint32_t first = (2 - front) * (run->wide ? 1 : NARROW); // in the last byte
	uint64_t low;
	uint32_t high;
	memcpy(&low, iv, sizeof(low));
	memcpy(&high, iv + sizeof(low), sizeof(high));
	run->counter = _mm512_broadcast_i32x4(
		_mm_set_epi64x((long long)((uint64_t)first << 32 | high), (long long)low));
	run->counter =
		_mm512_add_epi32(run->counter, constant_load(run->wide ? LANE_WIDE : LANE_NARROW));
	run->step = constant_load(run->wide ? STEP_WIDE : STEP_NARROW);
}

INLINE __m512i counter_take(struct run *run)
{
	__m512i counter = run->counter;
	run->counter = _mm512_add_epi32(counter, run->step);
	return run->wide ? _mm512_shuffle_epi8(counter, constant_load(SWAP)) : counter;
}

INLINE void stream_begin(struct run *run, __m512i stream[], unsigned vectors)
{
	const __m512i key = round_load(run->key, 0);
#pragma GCC unroll 4
	for (unsigned v = 0; v < vectors; v++)
		stream[v] = _mm512_xor_si512(counter_take(run), key);
}

INLINE void stream_round(const struct run *run, __m512i stream[], unsigned vectors, unsigned round)
{
	const __m512i key = round_load(run->key, round);
#pragma GCC unroll 4
	for (unsigned v = 0; v < vectors; v++)
		stream[v] = _mm512_aesenc_epi128(stream[v], key);
}

INLINE void stream_end(const struct run *run, __m512i stream[], unsigned vectors)
{
	const __m512i key = round_load(run->key, run->rounds);
#pragma GCC unroll 4
	for (unsigned v = 0; v < vectors; v++)
		stream[v] = _mm512_aesenclast_epi128(stream[v], key);
}

// One vector of the group before. The first, which waits for the hash, comes last.
INLINE void before_hash(struct run *run, struct product *product, unsigned turn)
{
	const unsigned v = (turn + 1) % VECTORS;
	__m512i blocks = run->blocks[v];
	if (v == 0)
		blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(run->hash));
	product_add(product, blocks, _mm512_loadu_si512(run->key->powers[v * LANES]));
}

INLINE void stream_make(struct run *run, __m512i stream[], unsigned vectors)
{
	stream_begin(run, stream, vectors);
#pragma GCC unroll 13
	for (unsigned round = 1; round < run->rounds; round++)
		stream_round(run, stream, vectors, round);
	stream_end(run, stream, vectors);
}

// While the group before is hashed: each half keeps the processor busy while the other waits for results.
INLINE void stream_make_hashing(struct run *run, __m512i stream[], unsigned vectors)
{
	struct product product = {0};
	stream_begin(run, stream, vectors);
#pragma GCC unroll 13
	for (unsigned round = 1; round < run->rounds; round++) {
		stream_round(run, stream, vectors, round);
		if (round % 2 == 1 && round / 2 < VECTORS)
			before_hash(run, &product, round / 2);
	}
	run->hash = product_reduce(&product);
	stream_end(run, stream, vectors);
}

// ---- groups ---------------------------------------------------------------------------------------

INLINE void sums_add(struct run *run, __m512i cipher)
{
	if (!run->seals)
		return;
	run->even = _mm512_dpbusd_epi32(run->even, cipher, constant_load(EVEN));
	run->odd = _mm512_dpbusd_epi32(run->odd, cipher, constant_load(ODD));
}

// One vector; returns the ciphertext.
INLINE __m512i vector_crypt(struct run *run, __m512i stream, unsigned v)
{
	__m512i in = _mm512_loadu_si512(run->in + v * VECTOR_BYTES);
	__m512i out = _mm512_xor_si512(in, stream);
	_mm512_storeu_si512(run->out + v * VECTOR_BYTES, out);
	__m512i cipher = run->seals ? out : in;
	sums_add(run, cipher);
	return cipher;
}

// One vector, of which only the bytes of `some` exist.
INLINE __m512i vector_crypt_some(struct run *run, __m512i stream, unsigned v, __mmask64 some)
{
	__m512i in = _mm512_maskz_loadu_epi8(some, run->in + v * VECTOR_BYTES);
	__m512i out = _mm512_maskz_mov_epi8(some, _mm512_xor_si512(in, stream));
	_mm512_mask_storeu_epi8(run->out + v * VECTOR_BYTES, some, out);
	__m512i cipher = run->seals ? out : in;
	sums_add(run, cipher);
	return cipher;
}

// Bytes of a vector that exist when `bytes` are left from the group's beginning on.
INLINE __mmask64 vector_bytes(unsigned v, size_t bytes)
{
	size_t before = v * VECTOR_BYTES;
	size_t used = bytes > before ? bytes - before : 0;
	return _bzhi_u64(~UINT64_C(0), used < VECTOR_BYTES ? (unsigned)used : 64);
}

INLINE void group_next(struct run *run)
{
	run->in += GROUP_BYTES;
	run->out += GROUP_BYTES;
	run->left -= GROUP_BYTES;
}

// What the first vector begins with: blocks that are only authenticated. The last of them has the place in the
// key stream that encrypts the tag.
struct front {
	__m512i blocks;
	__mmask64 bytes;
	unsigned used; // blocks
};

INLINE __m128i front_mask(const struct front *front, __m512i stream)
{
	__mmask8 last = (__mmask8)(3 << 2 * (front->used - 1));
	return _mm512_castsi512_si128(_mm512_maskz_compress_epi64(last, stream));
}

// Returns what encrypts the tag.
INLINE __m128i group_first(struct run *run, const struct front *front)
{
	__m512i stream[VECTORS];
	stream_make(run, stream, VECTORS);
	__m512i cipher = vector_crypt_some(run, stream[0], 0, ~front->bytes);
	run->blocks[0] = reverse_each(_mm512_or_si512(cipher, front->blocks));
#pragma GCC unroll 4
	for (unsigned v = 1; v < VECTORS; v++)
		run->blocks[v] = reverse_each(vector_crypt(run, stream[v], v));
	group_next(run);
	return front_mask(front, stream[0]);
}

INLINE void group_whole(struct run *run)
{
	__m512i stream[VECTORS];
	stream_make_hashing(run, stream, VECTORS);
#pragma GCC unroll 4
	for (unsigned v = 0; v < VECTORS; v++)
		run->blocks[v] = reverse_each(vector_crypt(run, stream[v], v));
	group_next(run);
}

// A vector of the last group: those before the last two exist as a whole.
INLINE __m512i vector_crypt_last(
	struct run *run, const struct front *front, __m512i stream, unsigned v, unsigned vectors)
{
	const bool begins = v == 0 && front;
	if (!begins && v + 2 < vectors)
		return vector_crypt(run, stream, v);
	__mmask64 some = v + 2 < vectors ? ~UINT64_C(0) : vector_bytes(v, run->left);
	__m512i cipher = vector_crypt_some(run, stream, v, begins ? some & ~front->bytes : some);
	return begins ? _mm512_or_si512(cipher, front->blocks) : cipher;
}

// What is left, less than a group, and behind it the block of lengths, which lies in the last of so many vectors
// unless it is `apart`. `front`: NULL when there was a group before. Returns what encrypts the tag, if there
// was none.
INLINE __m128i group_last(
	struct run *run, const struct front *front, __m128i lengths, unsigned vectors, bool apart)
{
	__m512i stream[VECTORS];
	struct product product = {0};
	const unsigned blocks = (unsigned)(run->left + GCM_BLOCK - 1) / GCM_BLOCK;
	const unsigned hashed = blocks + !apart;
	if (front)
		stream_make(run, stream, vectors);
	else
		stream_make_hashing(run, stream, vectors);
#pragma GCC unroll 4
	for (unsigned v = 0; v < vectors; v++) {
		__m512i all = reverse_each(vector_crypt_last(run, front, stream[v], v, vectors));
		if (v == vectors - 1 && !apart)
			all = _mm512_mask_broadcast_i64x2(
				all, (__mmask8)(3 << 2 * (blocks % LANES)), lengths);
		if (v == 0)
			all = _mm512_xor_si512(all, _mm512_zextsi128_si512(run->hash));
		product_add(&product, all,
			v == vectors - 1
				? powers_load(run->key, hashed, v * LANES)
				: _mm512_loadu_si512(run->key->powers[GROUP - hashed + v * LANES]));
	}
	run->hash = product_reduce(&product);
	if (apart)
		run->hash = hash_few(run->key, run->hash, _mm512_zextsi128_si512(lengths), 1);
	return front ? front_mask(front, stream[0]) : _mm_setzero_si128();
}

// No more of the key stream than is needed.
INLINE __m128i group_last_fitting(struct run *run, const struct front *front, __m128i lengths)
{
	switch ((run->left + GCM_BLOCK - 1) / VECTOR_BYTES) {
	case 0:
		return group_last(run, front, lengths, 1, false);
	case 1:
		return group_last(run, front, lengths, 2, false);
	case 2:
		return group_last(run, front, lengths, 3, false);
	case 3:
		return group_last(run, front, lengths, 4, false);
	default:
		return group_last(run, front, lengths, 4, true);
	}
}

// ---- messages -------------------------------------------------------------------------------------

// The sum as words. After an odd number of bytes those of the tag lie across.
INLINE uint64_t sums_fold(const struct run *run, __m128i tag, size_t bytes)
{
	uint64_t words[2], sum = 0;
	memcpy(words, &tag, sizeof(words));
	for (unsigned i = 0; i < 2; i++)
		sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
	sum = bytes % 2 ? sum << 8 : sum;
	return sum + (uint32_t)_mm512_reduce_add_epi32(
			     _mm512_add_epi32(run->even, _mm512_slli_epi32(run->odd, 8)));
}

INLINE struct front front_make(const uint8_t *clear, size_t bytes)
{
	struct front front = {.used = (unsigned)(bytes + GCM_BLOCK - 1) / GCM_BLOCK};
	if (bytes == 0)
		front.used = 1; // of zeros, which a hash that begins does not see
	front.bytes = _bzhi_u64(~UINT64_C(0), front.used * GCM_BLOCK);
	front.blocks = _mm512_maskz_loadu_epi8(_bzhi_u64(~UINT64_C(0), (unsigned)bytes), clear);
	return front;
}

INLINE uint64_t message_run(
	const struct gcm_key *key, const struct gcm_message *message, unsigned rounds, bool seals)
{
	const __m128i lengths =
		_mm_set_epi64x((long long)message->clear_bytes * 8, (long long)message->bytes * 8);
	struct run run = {
		.key = key, .rounds = rounds, .wide = message->bytes > NARROW_MAX, .seals = seals};
	const uint8_t *clear = message->clear;
	size_t clear_bytes = message->clear_bytes;
	run.hash = hash_clear(key, &clear, &clear_bytes);
	const struct front front = front_make(clear, clear_bytes);
	const size_t front_bytes = front.used * GCM_BLOCK;
	run.in = message->in - front_bytes;
	run.out = message->out - front_bytes;
	run.left = message->bytes + front_bytes;
	counters_begin(&run, message->iv, front.used);
	__m128i mask;
	if (run.left < GROUP_BYTES) {
		mask = group_last_fitting(&run, &front, lengths);
	} else {
		mask = group_first(&run, &front);
		while (run.left >= GROUP_BYTES)
			group_whole(&run);
		group_last_fitting(&run, NULL, lengths);
	}
	__m128i tag = _mm_xor_si128(reverse(run.hash), mask);
	_mm_storeu_si128((__m128i *)message->tag, tag);
	return seals ? sums_fold(&run, tag, message->bytes) : 0;
}

uint64_t gcm_encrypt(const struct gcm_key *key, bool is_256, const struct gcm_message *message)
{
	return is_256 ? message_run(key, message, 14, true) : message_run(key, message, 10, true);
}

void gcm_decrypt(const struct gcm_key *key, bool is_256, const struct gcm_message *message)
{
	if (is_256)
		message_run(key, message, 14, false);
	else
		message_run(key, message, 10, false);
}

// The hash key times x, so that products of reversed blocks need no shift.
static __m128i hash_key(const struct gcm_key *key, unsigned rounds)
{
	__m128i block = _mm_loadu_si128((const __m128i *)key->rounds[0]);
	for (unsigned round = 1; round < rounds; round++)
		block = _mm_aesenc_si128(
			block, _mm_loadu_si128((const __m128i *)key->rounds[round]));
	block = reverse(
		_mm_aesenclast_si128(block, _mm_loadu_si128((const __m128i *)key->rounds[rounds])));
	uint64_t words[2];
	memcpy(words, &block, sizeof(words));
	uint64_t carry = words[1] >> 63;
	words[1] = (words[1] << 1 | words[0] >> 63) ^ (carry ? UINT64_C(0xC200000000000000) : 0);
	words[0] = words[0] << 1 ^ carry;
	return _mm_set_epi64x((long long)words[1], (long long)words[0]);
}

void gcm_key_finish(struct gcm_key *key, bool is_256)
{
	__m128i first = hash_key(key, is_256 ? 14 : 10), power = first;
	for (unsigned i = GCM_POWERS; i-- > 0;) {
		struct product product = {0};
		_mm_storeu_si128((__m128i *)key->powers[i], power);
		product_add(&product, _mm512_zextsi128_si512(power), _mm512_zextsi128_si512(first));
		power = product_reduce(&product);
	}
}

#pragma GCC pop_options
#else
bool gcm_available(void)
{
	return false;
}

void gcm_key_finish(struct gcm_key *, bool)
{
}

uint64_t gcm_encrypt(const struct gcm_key *, bool, const struct gcm_message *)
{
	return 0;
}

void gcm_decrypt(const struct gcm_key *, bool, const struct gcm_message *)
{
}
#endif

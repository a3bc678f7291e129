// SPDX-License-Identifier: Apache-2.0
// The back end over intel-ipsec-mb. GCM packet by packet, by our own gcm.c where the CPU has what that takes and
// else through the library's direct functions; AES-CM with HMAC-SHA1 in bursts through the multi-buffer
// jobs, which hash many packets side by side. RTCP packet by packet: it is too rare to fill a burst.
//
// A manager belongs to one thread: it holds jobs under way. Each thread makes its own when it opens its
// first session; all are freed by stop(). Expanded keys belong to none: any thread may use them.
#include "gcm.h"
#include "prefetch.h"
#include "span.h"
#include "srtp_backend.h"
#include "srtp_derive.h"
#include "srtp_memory.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SALT_BYTES = 14,
	CM_TAG = 10,
	GCM_TAG = 16,
	ROC_BYTES = 4,
	SHA1_BLOCK = 64,
	SHA1_BYTES = 20,
	JOBS = 64, // under way at once
	LINE = 64,
	KEYS_AHEAD = 2, // jobs
};

enum transform { CM, GCM_OF_LIBRARY, GCM_OWN };

struct ipsec_mb_keys { // of RTP or of RTCP
	_Alignas(LINE) uint8_t salt[SALT_BYTES]; // 112 or 96 bits
	bool is_256;
	uint8_t transform;
	union {
		struct gcm_key own; // its powers begin a line
		_Alignas(16) struct {
			uint32_t rounds[11 * 4];
			uint32_t inner[5], outer[5]; // SHA-1 after the padded key's block
		} cm;
		struct {
			uint8_t gap[LINE - SALT_BYTES - 2];
			uint8_t bytes[sizeof(struct gcm_key_data)]; // begins a line
		} library;
	};
};

enum {
	KEYS_CM_BYTES =
		(offsetof(struct ipsec_mb_keys, cm.outer) + SHA1_BYTES + LINE - 1) / LINE * LINE,
	KEYS_OWN_BYTES = offsetof(struct ipsec_mb_keys, own) + sizeof(struct gcm_key),
};

static_assert(sizeof(struct ipsec_mb_keys) <= SRTP_MEMORY_MAX);
static_assert(offsetof(struct ipsec_mb_keys, own.powers) % LINE == 0 && KEYS_OWN_BYTES % LINE == 0);
static_assert(offsetof(struct ipsec_mb_keys, own.rounds[11]) % LINE == 0);
static_assert(offsetof(struct ipsec_mb_keys, library.bytes) % LINE == 0);

static struct gcm_key_data *library_key(const struct ipsec_mb_keys *keys)
{
	return (struct gcm_key_data *)keys->library.bytes;
}

static size_t keys_bytes(enum transform transform)
{
	static const size_t bytes[] = {[CM] = KEYS_CM_BYTES,
		[GCM_OF_LIBRARY] = sizeof(struct ipsec_mb_keys),
		[GCM_OWN] = KEYS_OWN_BYTES};
	return bytes[transform];
}

// What a thread works with.
struct ipsec_mb_thread {
	IMB_MGR *wide; // many slow lanes: costs the same however few are used
	unsigned lanes; // of it, for SHA-1
	IMB_MGR *narrow; // few fast lanes, of SHA instructions; wide where the CPU has none
	struct ipsec_mb_thread *next;
	uint8_t ivs[JOBS][16];
	uint8_t tags[JOBS][SHA1_BYTES];
};

static struct ipsec_mb_thread *threads; // under threads_lock
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static enum transform gcm_transform; // what GCM is done by
static unsigned life; // raised by start() and stop(): what threads keep from an earlier one is void
static char backend_name[32];

static _Thread_local struct ipsec_mb_thread *own;
static _Thread_local unsigned own_life;

// ---- managers -------------------------------------------------------------------------------------

static bool manager_good(IMB_MGR *manager)
{
	const uint64_t tested = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;
	return imb_get_errno(manager) == 0 && (manager->features & tested) != IMB_FEATURE_SELF_TEST;
}

static IMB_MGR *wide_open(IMB_ARCH *found)
{
	IMB_MGR *manager = alloc_mb_mgr(0);
	if (!manager)
		return NULL;
	init_mb_mgr_auto(manager, found);
	if (*found >= IMB_ARCH_AVX2 && manager_good(manager))
		return manager;
	free_mb_mgr(manager);
	return NULL;
}

static IMB_MGR *narrow_open(IMB_MGR *wide)
{
	if (!(wide->features & IMB_FEATURE_SHANI))
		return wide;
	IMB_MGR *manager = alloc_mb_mgr(0);
	if (!manager)
		return wide;
	init_mb_mgr_sse(manager); // the only code of the library with SHA instructions for SHA-1
	if (manager_good(manager))
		return manager;
	free_mb_mgr(manager);
	return wide;
}

static void thread_free(struct ipsec_mb_thread *thread)
{
	if (thread->narrow != thread->wide)
		free_mb_mgr(thread->narrow);
	free_mb_mgr(thread->wide);
	explicit_bzero(thread, sizeof(*thread));
	free(thread);
}

static struct ipsec_mb_thread *thread_make(IMB_ARCH *arch)
{
	struct ipsec_mb_thread *thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->wide = wide_open(arch);
	if (!thread->wide) {
		free(thread);
		return NULL;
	}
	thread->narrow = narrow_open(thread->wide);
	thread->lanes = *arch >= IMB_ARCH_AVX512 ? 16 : 8;
	pthread_mutex_lock(&threads_lock);
	thread->next = threads;
	threads = thread;
	pthread_mutex_unlock(&threads_lock);
	own = thread;
	own_life = life;
	return thread;
}

static inline struct ipsec_mb_thread *thread_get(void)
{
	IMB_ARCH arch;
	return own && own_life == life ? own : thread_make(&arch);
}

static int start(void)
{
	IMB_ARCH arch;
	life++;
	if (!thread_make(&arch))
		return -ENOTSUP;
	gcm_transform = gcm_available() ? GCM_OWN : GCM_OF_LIBRARY;
	snprintf(backend_name, sizeof(backend_name), "ipsec-mb %s (%s)", imb_get_version_str(),
		arch >= IMB_ARCH_AVX512 ? "AVX-512" : "AVX2");
	return 0;
}

static void stop(void)
{
	life++;
	while (threads) {
		struct ipsec_mb_thread *next = threads->next;
		thread_free(threads);
		threads = next;
	}
}

static const char *name(void)
{
	return backend_name;
}

// ---- keys -----------------------------------------------------------------------------------------

static void hmac_expand(IMB_MGR *manager, const uint8_t *auth_key, struct ipsec_mb_keys *keys)
{
	uint8_t inner[SHA1_BLOCK], outer[SHA1_BLOCK];
	memset(inner, 0x36, sizeof(inner)); // RFC 2104
	memset(outer, 0x5C, sizeof(outer));
	for (unsigned i = 0; i < SHA1_BYTES; i++) {
		inner[i] ^= auth_key[i];
		outer[i] ^= auth_key[i];
	}
	IMB_SHA1_ONE_BLOCK(manager, inner, keys->cm.inner);
	IMB_SHA1_ONE_BLOCK(manager, outer, keys->cm.outer);
	explicit_bzero(inner, sizeof(inner));
	explicit_bzero(outer, sizeof(outer));
}

// `labels`: 0 for RTP, SRTP_LABEL_RTCP for RTCP.
static int cm_expand(IMB_MGR *manager, const struct srtp_master *master, unsigned labels,
	struct ipsec_mb_keys *keys)
{
	_Alignas(16) uint32_t unused[11 * 4];
	uint8_t cipher_key[16], auth_key[SHA1_BYTES];
	int result = srtp_derive(
		manager, master, labels + SRTP_LABEL_CIPHER, cipher_key, sizeof(cipher_key));
	if (result == 0)
		result = srtp_derive(
			manager, master, labels + SRTP_LABEL_AUTH, auth_key, sizeof(auth_key));
	if (result == 0) {
		IMB_AES_KEYEXP_128(manager, cipher_key, keys->cm.rounds, unused);
		hmac_expand(manager, auth_key, keys);
	}
	explicit_bzero(unused, sizeof(unused));
	explicit_bzero(cipher_key, sizeof(cipher_key));
	explicit_bzero(auth_key, sizeof(auth_key));
	return result;
}

static void gcm_own_expand(IMB_MGR *manager, const uint8_t *cipher_key, struct ipsec_mb_keys *keys)
{
	_Alignas(16) uint8_t unused[GCM_ROUNDS_MAX][GCM_BLOCK];
	if (keys->is_256)
		IMB_AES_KEYEXP_256(manager, cipher_key, keys->own.rounds, unused);
	else
		IMB_AES_KEYEXP_128(manager, cipher_key, keys->own.rounds, unused);
	explicit_bzero(unused, sizeof(unused));
	gcm_key_finish(&keys->own, keys->is_256);
}

static int gcm_expand(IMB_MGR *manager, const struct srtp_master *master, unsigned labels,
	struct ipsec_mb_keys *keys)
{
	uint8_t cipher_key[32];
	int result = srtp_derive(
		manager, master, labels + SRTP_LABEL_CIPHER, cipher_key, master->key_bytes);
	if (result == 0 && keys->transform == GCM_OWN)
		gcm_own_expand(manager, cipher_key, keys);
	else if (result == 0 && keys->is_256)
		IMB_AES256_GCM_PRE(manager, cipher_key, library_key(keys));
	else if (result == 0)
		IMB_AES128_GCM_PRE(manager, cipher_key, library_key(keys));
	explicit_bzero(cipher_key, sizeof(cipher_key));
	return result;
}

static void keys_free(enum srtp_memory_lane lane, struct ipsec_mb_keys *keys)
{
	if (keys)
		srtp_memory_put(lane, keys, keys_bytes(keys->transform));
}

static struct ipsec_mb_keys *keys_make(IMB_MGR *manager, const struct srtp_session *session,
	const struct sluice_srtp_key *key, unsigned labels, enum transform gcm)
{
	const enum sluice_srtp_profile profile = session->profile;
	const enum srtp_memory_lane lane =
		labels == SRTP_LABEL_RTCP ? SRTP_MEMORY_OTHER : srtp_lane(session->direction);
	enum transform transform = profile == SLUICE_SRTP_AES128_CM_SHA1_80 ? CM : gcm;
	size_t bytes = keys_bytes(transform);
	struct ipsec_mb_keys *keys = srtp_memory_get(lane, bytes);
	if (!keys)
		return NULL;
	memset(keys, 0, bytes);
	keys->transform = (uint8_t)transform;
	keys->is_256 = profile == SLUICE_SRTP_AEAD_AES_256_GCM;
	struct srtp_master master = {.key = key->key,
		.key_bytes = keys->is_256 ? 32 : 16,
		.salt = key->salt,
		.salt_bytes = transform == CM ? SALT_BYTES : GCM_IV};
	int result = srtp_derive(
		manager, &master, labels + SRTP_LABEL_SALT, keys->salt, master.salt_bytes);
	if (result == 0)
		result = transform == CM ? cm_expand(manager, &master, labels, keys)
					 : gcm_expand(manager, &master, labels, keys);
	if (result == 0)
		return keys;
	keys_free(lane, keys);
	return NULL;
}

static void keys_close(struct srtp_session *session)
{
	keys_free(srtp_lane(session->direction), session->keys);
	keys_free(SRTP_MEMORY_OTHER, session->rtcp_keys);
	session->keys = session->rtcp_keys = NULL;
}

static bool keys_open_by(
	struct srtp_session *session, const struct sluice_srtp_key *key, enum transform gcm)
{
	struct ipsec_mb_thread *thread = thread_get();
	if (!thread)
		return false;
	session->keys = keys_make(thread->wide, session, key, 0, gcm);
	session->rtcp_keys = keys_make(thread->wide, session, key, SRTP_LABEL_RTCP, gcm);
	if (session->keys && session->rtcp_keys)
		return true;
	keys_close(session);
	return false;
}

static bool keys_open(struct srtp_session *session, const struct sluice_srtp_key *key)
{
	return keys_open_by(session, key, gcm_transform);
}

static bool keys_open_alone(struct srtp_session *session, const struct sluice_srtp_key *key)
{
	return keys_open_by(session, key, GCM_OF_LIBRARY);
}

// In constant time.
static bool tags_equal(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t difference = 0;
	for (uint32_t i = 0; i < n; i++)
		difference |= a[i] ^ b[i];
	__asm__("" : "+r"(difference)); // the compiler must not stop at the first
	return difference == 0;
}

// ---- AEAD_AES_GCM (RFC 7714) ----------------------------------------------------------------------

static void gcm_iv_make(
	const struct ipsec_mb_keys *keys, uint64_t first, uint32_t last, uint8_t iv[12])
{
	uint64_t salt;
	uint32_t salt_last;
	memcpy(&salt, keys->salt, sizeof(salt));
	memcpy(&salt_last, keys->salt + sizeof(salt), sizeof(salt_last));
	salt ^= __builtin_bswap64(first);
	salt_last ^= __builtin_bswap32(last);
	memcpy(iv, &salt, sizeof(salt));
	memcpy(iv + sizeof(salt), &salt_last, sizeof(salt_last));
}

// RFC 7714, 8.1: 00 00 SSRC ROC SEQ, xor salt; ROC and SEQ are the index
static void gcm_iv(const struct ipsec_mb_keys *keys, uint32_t ssrc, uint64_t index, uint8_t iv[12])
{
	gcm_iv_make(keys, (uint64_t)ssrc << 16 | index >> 32, (uint32_t)index, iv);
}

// RFC 7714, 9.1: 00 00 SSRC 00 00 index, xor salt
static void gcm_iv_rtcp(
	const struct ipsec_mb_keys *keys, const struct srtcp_packet *packet, uint8_t iv[12])
{
	gcm_iv_make(keys, (uint64_t)packet->ssrc << 16, packet->word & ~SRTCP_ENCRYPTED, iv);
}

// Returns what gcm_encrypt does, 0 when the library did it.
static inline uint64_t gcm_seal_message(
	IMB_MGR *manager, const struct ipsec_mb_keys *keys, const struct gcm_message *message)
{
	struct gcm_context_data context;
	if (keys->transform == GCM_OWN)
		return gcm_encrypt(&keys->own, keys->is_256, message);
	if (keys->is_256)
		IMB_AES256_GCM_ENC(manager, library_key(keys), &context, message->out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes,
			message->tag, GCM_TAG);
	else
		IMB_AES128_GCM_ENC(manager, library_key(keys), &context, message->out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes,
			message->tag, GCM_TAG);
	return 0;
}

// In place. False when `tag` is not the message's.
static bool gcm_open_message(IMB_MGR *manager, const struct ipsec_mb_keys *keys,
	struct gcm_message *message, const uint8_t *tag)
{
	struct gcm_context_data context;
	uint8_t right[GCM_TAG];
	message->out = (uint8_t *)message->in;
	message->tag = right;
	if (keys->transform == GCM_OWN)
		gcm_decrypt(&keys->own, keys->is_256, message);
	else if (keys->is_256)
		IMB_AES256_GCM_DEC(manager, library_key(keys), &context, message->out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes, right,
			GCM_TAG);
	else
		IMB_AES128_GCM_DEC(manager, library_key(keys), &context, message->out, message->in,
			message->bytes, message->iv, message->clear, message->clear_bytes, right,
			GCM_TAG);
	return tags_equal(right, tag, GCM_TAG);
}

static void gcm_seal(IMB_MGR *manager, const struct srtp_sealing *sealing)
{
	struct srtp_seal_job *job = sealing->job;
	const struct ipsec_mb_keys *keys = job->session->keys;
	uint8_t *out = job->data + sealing->header_bytes;
	uint32_t bytes = sealing->payload_bytes;
	struct gcm_message message = {.in = sealing->payload,
		.out = out,
		.bytes = bytes,
		.clear = job->data,
		.clear_bytes = sealing->header_bytes,
		.tag = out + bytes};
	gcm_iv(keys, sealing->stream->ssrc, job->index, message.iv);
	job->sum = gcm_seal_message(manager, keys, &message);
	job->summed = keys->transform == GCM_OWN ? bytes + GCM_TAG : 0;
	job->length = sealing->header_bytes + bytes + GCM_TAG;
	job->result = SRTP_OK;
}

static enum srtp_result gcm_open(IMB_MGR *manager, struct srtp_opening *opening)
{
	const struct ipsec_mb_keys *keys = opening->session->keys;
	uint8_t *payload = opening->data + opening->header_bytes;
	uint32_t bytes = opening->length - opening->header_bytes - GCM_TAG;
	struct gcm_message message = {.in = payload,
		.bytes = bytes,
		.clear = opening->data,
		.clear_bytes = opening->header_bytes};
	gcm_iv(keys, opening->ssrc, opening->index, message.iv);
	if (!gcm_open_message(manager, keys, &message, payload + bytes))
		return SRTP_AUTH_FAILED;
	opening->length -= GCM_TAG;
	return SRTP_OK;
}

// What is authenticated beside the ciphertext: the first header and the word with index and E bit.
enum { GCM_RTCP_CLEAR = SRTCP_HEADER_BYTES + SRTCP_INDEX_BYTES };

static void gcm_rtcp_clear(const struct srtcp_packet *packet, uint8_t clear[GCM_RTCP_CLEAR])
{
	memcpy(clear, packet->data, SRTCP_HEADER_BYTES);
	span_put_u32(clear + SRTCP_HEADER_BYTES, packet->word);
}

static enum srtp_result gcm_seal_rtcp(IMB_MGR *manager, struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	uint8_t clear[GCM_RTCP_CLEAR];
	uint8_t *body = packet->data + SRTCP_HEADER_BYTES, *end = packet->data + packet->length;
	struct gcm_message message = {.in = body,
		.out = body,
		.bytes = packet->length - SRTCP_HEADER_BYTES,
		.clear = clear,
		.clear_bytes = sizeof(clear),
		.tag = end};
	gcm_rtcp_clear(packet, clear);
	gcm_iv_rtcp(keys, packet, message.iv);
	gcm_seal_message(manager, keys, &message);
	span_put_u32(end + GCM_TAG, packet->word);
	packet->length += GCM_TAG + SRTCP_INDEX_BYTES;
	return SRTP_OK;
}

static enum srtp_result gcm_open_rtcp(IMB_MGR *manager, struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	uint8_t clear[GCM_RTCP_CLEAR], tag[GCM_TAG];
	uint32_t length = packet->length - GCM_TAG - SRTCP_INDEX_BYTES;
	uint8_t *body = packet->data + SRTCP_HEADER_BYTES, *end = packet->data + length;
	struct gcm_message message = {.in = body,
		.bytes = length - SRTCP_HEADER_BYTES,
		.clear = clear,
		.clear_bytes = sizeof(clear)};
	memcpy(tag, end, GCM_TAG);
	if (packet->word & SRTCP_ENCRYPTED) {
		gcm_rtcp_clear(packet, clear);
	} else { // RFC 7714, 9.3: all of it is in the clear, and the word moves up to it
		span_put_u32(end, packet->word);
		message.clear = packet->data;
		message.clear_bytes = length + SRTCP_INDEX_BYTES;
		message.bytes = 0;
	}
	gcm_iv_rtcp(keys, packet, message.iv);
	if (!gcm_open_message(manager, keys, &message, tag))
		return SRTP_AUTH_FAILED;
	packet->length = length;
	return SRTP_OK;
}

// ---- AES_CM_128_HMAC_SHA1_80 (RFC 3711) -----------------------------------------------------------

// RFC 3711, 4.1.1: (salt << 16) xor (SSRC << 64) xor (index << 16)
static void cm_iv(const struct ipsec_mb_keys *keys, uint32_t ssrc, uint64_t index, uint8_t iv[16])
{
	span_put_u32(iv, 0);
	span_put_u32(iv + 4, ssrc);
	span_put_u32(iv + 8, (uint32_t)(index >> 16));
	span_put_u16(iv + 12, (uint16_t)index);
	for (unsigned i = 0; i < SALT_BYTES; i++)
		iv[i] ^= keys->salt[i];
	span_put_u16(iv + 14, 0);
}

static void cipher_set(IMB_JOB *job, const struct ipsec_mb_keys *keys, const uint8_t *iv,
	const uint8_t *source, uint8_t *out, uint32_t bytes)
{
	job->cipher_mode = bytes > 0 ? IMB_CIPHER_CNTR : IMB_CIPHER_NULL;
	job->cipher_direction = IMB_DIR_ENCRYPT; // CTR has but one
	job->chain_order = IMB_ORDER_CIPHER_HASH;
	job->src = source;
	job->dst = out;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = bytes;
	job->enc_keys = keys->cm.rounds;
	job->dec_keys = keys->cm.rounds;
	job->key_len_in_bytes = 16;
	job->iv = iv;
	job->iv_len_in_bytes = 16;
}

// Hashes `bytes` from `data` on. The library counts from job->src, also when the cipher writes
// elsewhere; so the offset leads from there to the ciphertext, over the end of the numbers if need be.
static void hash_set(IMB_JOB *job, const struct ipsec_mb_keys *keys, const uint8_t *data,
	uint32_t bytes, uint8_t *tag)
{
	job->hash_alg = IMB_AUTH_HMAC_SHA_1;
	job->hash_start_src_offset_in_bytes = (uint64_t)((uintptr_t)data - (uintptr_t)job->src);
	job->msg_len_to_hash_in_bytes = bytes;
	job->u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)keys->cm.inner;
	job->u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)keys->cm.outer;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = SHA1_BYTES; // 10 is not a length it knows
}

// Takes what comes out of the manager: the tag goes where the ROC was hashed.
static void cm_done(const IMB_JOB *done)
{
	const struct srtp_sealing *sealing = done->user_data;
	struct srtp_seal_job *job = sealing->job;
	uint32_t bytes = sealing->header_bytes + sealing->payload_bytes;
	if (done->status != IMB_STATUS_COMPLETED) {
		job->result = SRTP_FAILED;
		return;
	}
	memcpy(job->data + bytes, done->auth_tag_output, CM_TAG);
	job->length = bytes + CM_TAG;
	job->result = SRTP_OK;
}

static void cm_submit(struct ipsec_mb_thread *thread, IMB_MGR *manager,
	struct srtp_sealing *sealing, unsigned slot)
{
	struct srtp_seal_job *job = sealing->job;
	const struct ipsec_mb_keys *keys = job->session->keys;
	uint8_t *out = job->data + sealing->header_bytes;
	uint32_t bytes = sealing->payload_bytes;
	cm_iv(keys, sealing->stream->ssrc, job->index, thread->ivs[slot]);
	span_put_u32(out + bytes, (uint32_t)(job->index >> 16));
	IMB_JOB *next = IMB_GET_NEXT_JOB(manager);
	cipher_set(next, keys, thread->ivs[slot], sealing->payload, out, bytes);
	hash_set(next, keys, job->data, sealing->header_bytes + bytes + ROC_BYTES,
		thread->tags[slot]);
	next->user_data = sealing;
	IMB_JOB *done = IMB_SUBMIT_JOB_NOCHECK(manager); // all of it was checked or made here
	for (; done; done = IMB_GET_COMPLETED_JOB(manager))
		cm_done(done);
}

static void cm_flush(IMB_MGR *manager)
{
	for (IMB_JOB *done = IMB_FLUSH_JOB(manager); done; done = IMB_FLUSH_JOB(manager))
		cm_done(done);
}

static void cm_seal(
	struct ipsec_mb_thread *thread, struct srtp_sealing *const *sealings, unsigned n)
{
	// What is left after full rounds goes to the fast lanes, unless it nearly makes another round.
	unsigned rest = n % thread->lanes;
	unsigned wide = rest < thread->lanes * 3 / 4 ? n - rest : n;
	for (unsigned i = 0; i < n; i++)
		cm_submit(thread, i < wide ? thread->wide : thread->narrow, sealings[i], i);
	if (wide > 0)
		cm_flush(thread->wide);
	if (wide < n)
		cm_flush(thread->narrow);
}

// The one job under way.
static bool job_run(IMB_MGR *manager)
{
	const IMB_JOB *done = IMB_SUBMIT_JOB(manager);
	if (!done)
		done = IMB_FLUSH_JOB(manager);
	return done && done->status == IMB_STATUS_COMPLETED;
}

struct cm_message { // to be opened in place
	uint8_t *data;
	uint32_t hashed_bytes; // from data on
	uint8_t *encrypted;
	uint32_t encrypted_bytes;
	const uint8_t *tag; // not within what is hashed
	uint8_t iv[16];
};

// Two jobs: nothing is decrypted before the tag was found right.
static enum srtp_result cm_decrypt(struct ipsec_mb_thread *thread, const struct ipsec_mb_keys *keys,
	const struct cm_message *message)
{
	IMB_JOB *job = IMB_GET_NEXT_JOB(thread->narrow);
	cipher_set(job, keys, message->iv, message->data, message->data, 0);
	hash_set(job, keys, message->data, message->hashed_bytes, thread->tags[0]);
	if (!job_run(thread->narrow))
		return SRTP_FAILED;
	if (!tags_equal(message->tag, thread->tags[0], CM_TAG))
		return SRTP_AUTH_FAILED;
	job = IMB_GET_NEXT_JOB(thread->wide);
	cipher_set(job, keys, message->iv, message->encrypted, message->encrypted,
		message->encrypted_bytes);
	job->hash_alg = IMB_AUTH_NULL;
	return job_run(thread->wide) ? SRTP_OK : SRTP_FAILED;
}

static enum srtp_result cm_open(struct ipsec_mb_thread *thread, struct srtp_opening *opening)
{
	const struct ipsec_mb_keys *keys = opening->session->keys;
	uint32_t bytes = opening->length - CM_TAG;
	uint8_t tag[CM_TAG];
	struct cm_message message = {.data = opening->data,
		.hashed_bytes = bytes + ROC_BYTES,
		.encrypted = opening->data + opening->header_bytes,
		.encrypted_bytes = bytes - opening->header_bytes,
		.tag = tag};
	memcpy(tag, opening->data + bytes, CM_TAG);
	span_put_u32(opening->data + bytes, (uint32_t)(opening->index >> 16));
	cm_iv(keys, opening->ssrc, opening->index, message.iv);
	enum srtp_result result = cm_decrypt(thread, keys, &message);
	if (result == SRTP_OK)
		opening->length = bytes;
	return result;
}

static enum srtp_result cm_seal_rtcp(struct ipsec_mb_thread *thread, struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	uint8_t *body = packet->data + SRTCP_HEADER_BYTES;
	uint32_t hashed = packet->length + SRTCP_INDEX_BYTES;
	cm_iv(keys, packet->ssrc, packet->word & ~SRTCP_ENCRYPTED, thread->ivs[0]);
	span_put_u32(packet->data + packet->length, packet->word);
	IMB_JOB *job = IMB_GET_NEXT_JOB(thread->narrow);
	cipher_set(job, keys, thread->ivs[0], body, body, packet->length - SRTCP_HEADER_BYTES);
	hash_set(job, keys, packet->data, hashed, thread->tags[0]);
	if (!job_run(thread->narrow))
		return SRTP_FAILED;
	memcpy(packet->data + hashed, thread->tags[0], CM_TAG);
	packet->length = hashed + CM_TAG;
	return SRTP_OK;
}

static enum srtp_result cm_open_rtcp(struct ipsec_mb_thread *thread, struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	uint32_t hashed = packet->length - CM_TAG;
	struct cm_message message = {.data = packet->data,
		.hashed_bytes = hashed,
		.encrypted = packet->data + SRTCP_HEADER_BYTES,
		.encrypted_bytes = hashed - SRTCP_INDEX_BYTES - SRTCP_HEADER_BYTES,
		.tag = packet->data + hashed};
	cm_iv(keys, packet->ssrc, packet->word & ~SRTCP_ENCRYPTED, message.iv);
	enum srtp_result result = cm_decrypt(thread, keys, &message);
	if (result == SRTP_OK)
		packet->length = hashed - SRTCP_INDEX_BYTES;
	return result;
}

// ---- both -----------------------------------------------------------------------------------------

static enum srtp_result rtp_open(struct srtp_opening *opening)
{
	const struct ipsec_mb_keys *keys = opening->session->keys;
	struct ipsec_mb_thread *thread = thread_get();
	if (!thread)
		return SRTP_NO_ROOM;
	return keys->transform == CM ? cm_open(thread, opening) : gcm_open(thread->wide, opening);
}

static enum srtp_result rtcp_open(struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	struct ipsec_mb_thread *thread = thread_get();
	if (!thread)
		return SRTP_NO_ROOM;
	return keys->transform == CM ? cm_open_rtcp(thread, packet)
				     : gcm_open_rtcp(thread->wide, packet);
}

static enum srtp_result rtcp_seal(struct srtcp_packet *packet)
{
	const struct ipsec_mb_keys *keys = packet->session->rtcp_keys;
	struct ipsec_mb_thread *thread = thread_get();
	if (!thread)
		return SRTP_NO_ROOM;
	return keys->transform == CM ? cm_seal_rtcp(thread, packet)
				     : gcm_seal_rtcp(thread->wide, packet);
}

// The keys of many receivers do not fit in the nearest caches. All of a key is asked for without a look
// at it, which would have to wait.
static void keys_prefetch(const struct srtp_session *session)
{
	const struct ipsec_mb_keys *keys = session->keys;
	const bool is_cm = session->profile == SLUICE_SRTP_AES128_CM_SHA1_80;
	if (is_cm || gcm_transform != GCM_OWN) {
		prefetch_lines(keys, keys_bytes(is_cm ? CM : gcm_transform));
		return;
	}
	prefetch_lines(keys, offsetof(struct ipsec_mb_keys, own.rounds[11]));
	prefetch_lines(keys->own.powers, sizeof(keys->own.powers));
	if (session->profile == SLUICE_SRTP_AEAD_AES_256_GCM)
		prefetch_lines(keys->own.rounds[11], LINE);
}

static void keys_prefetch_ahead(const struct srtp_sealing *sealings, unsigned n, unsigned at)
{
	if (at + KEYS_AHEAD >= n)
		return;
	const struct srtp_session *session = sealings[at + KEYS_AHEAD].job->session;
	if (session != sealings[at + KEYS_AHEAD - 1].job->session)
		keys_prefetch(session);
}

static void seal_some(struct ipsec_mb_thread *thread, struct srtp_sealing *sealings, unsigned n,
	const struct srtp_meanwhile *meanwhile)
{
	struct srtp_sealing *cm[JOBS];
	unsigned cm_used = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct ipsec_mb_keys *keys = sealings[i].job->session->keys;
		keys_prefetch_ahead(sealings, n, i);
		srtp_ask(meanwhile);
		if (keys->transform == CM)
			cm[cm_used++] = &sealings[i];
		else
			gcm_seal(thread->wide, &sealings[i]);
	}
	if (cm_used > 0)
		cm_seal(thread, cm, cm_used);
}

static void rtp_seal(
	struct srtp_sealing *sealings, unsigned n, const struct srtp_meanwhile *meanwhile)
{
	struct ipsec_mb_thread *thread = thread_get();
	for (unsigned i = 0; i < n && !thread; i++)
		sealings[i].job->result = SRTP_NO_ROOM;
	for (unsigned i = 0; i < n && thread; i += JOBS)
		seal_some(thread, sealings + i, n - i < JOBS ? n - i : JOBS, meanwhile);
}

const struct srtp_backend srtp_ipsec_mb = {
	.start = start,
	.stop = stop,
	.name = name,
	.keys_open = keys_open,
	.keys_close = keys_close,
	.keys_prefetch = keys_prefetch,
	.open = rtp_open,
	.seal = rtp_seal,
	.open_rtcp = rtcp_open,
	.seal_rtcp = rtcp_seal,
};

const struct srtp_backend srtp_ipsec_mb_alone = {
	.start = start,
	.stop = stop,
	.name = name,
	.keys_open = keys_open_alone,
	.keys_close = keys_close,
	.keys_prefetch = keys_prefetch,
	.open = rtp_open,
	.seal = rtp_seal,
	.open_rtcp = rtcp_open,
	.seal_rtcp = rtcp_seal,
};

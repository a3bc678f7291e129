// SPDX-License-Identifier: Apache-2.0
#include "srtp_derive.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { SALT_BYTES = 14, LABEL_AT = 7, ROUND_WORDS = 15 * 4 };

static int keystream(IMB_MGR *manager, const uint32_t *rounds, uint32_t key_bytes,
	const uint8_t *iv, uint8_t *out)
{
	static const uint8_t zeros[SRTP_DERIVED_MAX];
	IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
	job->cipher_mode = IMB_CIPHER_CNTR;
	job->hash_alg = IMB_AUTH_NULL;
	job->src = zeros;
	job->dst = out;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = SRTP_DERIVED_MAX;
	job->enc_keys = rounds;
	job->dec_keys = rounds;
	job->key_len_in_bytes = key_bytes;
	job->iv = iv;
	job->iv_len_in_bytes = 16;
	job = IMB_SUBMIT_JOB(manager);
	if (!job)
		job = IMB_FLUSH_JOB(manager);
	return job && job->status == IMB_STATUS_COMPLETED ? 0 : -EIO;
}

int srtp_derive(IMB_MGR *manager, const struct srtp_master *master, unsigned label, uint8_t *out,
	uint32_t n)
{
	_Alignas(16) uint32_t rounds[ROUND_WORDS], unused[ROUND_WORDS];
	_Alignas(16) uint8_t iv[16] = {0}, stream[SRTP_DERIVED_MAX];
	if (n > SRTP_DERIVED_MAX || master->salt_bytes > SALT_BYTES)
		return -EINVAL;
	// A salt of 96 bits counts as the upper ones of 112 (RFC 7714, 11).
	memcpy(iv, master->salt, master->salt_bytes);
	iv[LABEL_AT] ^= (uint8_t)label;
	if (master->key_bytes == 32)
		IMB_AES_KEYEXP_256(manager, master->key, rounds, unused);
	else
		IMB_AES_KEYEXP_128(manager, master->key, rounds, unused);
	int result = keystream(manager, rounds, master->key_bytes, iv, stream);
	if (result == 0)
		memcpy(out, stream, n);
	explicit_bzero(rounds, sizeof(rounds));
	explicit_bzero(unused, sizeof(unused));
	explicit_bzero(stream, sizeof(stream));
	explicit_bzero(iv, sizeof(iv));
	return result;
}

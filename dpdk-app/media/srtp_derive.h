// SPDX-License-Identifier: Apache-2.0
// Session keys from a master key (RFC 3711, 4.3; RFC 7714, 11), key derivation rate 0. For internal
// use of srtp*.c.
#pragma once

#include <intel-ipsec-mb.h>
#include <stdint.h>

// Those of RTP; SRTP_LABEL_RTCP is added for the same of RTCP.
enum srtp_label {
	SRTP_LABEL_CIPHER = 0,
	SRTP_LABEL_AUTH = 1,
	SRTP_LABEL_SALT = 2,
	SRTP_LABEL_RTCP = 3,
};

struct srtp_master {
	const uint8_t *key;
	uint32_t key_bytes; // 16 or 32
	const uint8_t *salt;
	uint32_t salt_bytes; // 14 or 12
};

enum { SRTP_DERIVED_MAX = 32 };

// Writes `n` bytes of the key `label` names, at most SRTP_DERIVED_MAX. 0 or -EIO: the crypto library
// failed. `manager` must have no job under way.
int srtp_derive(IMB_MGR *manager, const struct srtp_master *master, unsigned label, uint8_t *out,
	uint32_t n);

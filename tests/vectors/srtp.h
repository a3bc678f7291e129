// SPDX-License-Identifier: Apache-2.0
// Packets sealed by an independent program (RFC 3711 and RFC 7714 written out over plain AES, CTR, GCM
// and HMAC-SHA1) whose key derivation was checked against RFC 3711, B.3 and whose GCM against
// RFC 7714, 16.1.1. Master key and salt of the CM rows are those of RFC 3711, B.3; salt and text of
// the GCM rows those of RFC 7714, 16. The second index of a profile has ROC 2, the third ROC 0x80000.
#pragma once

#include <sluice/shm.h>

struct srtp_vector {
	enum sluice_srtp_profile profile;
	bool rtcp; // index is then the SRTCP index
	uint64_t index; // ROC << 16 | sequence
	const char *key, *salt;
	const char *plain, *sealed;
};

static const struct srtp_vector srtp_vectors[] = {
	{
		.profile = SLUICE_SRTP_AES128_CM_SHA1_80,
		.rtcp = false,
		.index = 0x1234,
		.key = "e1f97a0d3e018be0d64fa32c06de4139",
		.salt = "0ec675ad498afeebb6960b3aabe6",
		.plain = "80601234decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80601234decafbadcafebabea29f1b8b2553f316547b59d15258e6dabf74fa94dc3ec5ab"
			  "38c91744ce1df95b07c31315e9117d8d66ae6bf13e591fa1",
	},
	{
		.profile = SLUICE_SRTP_AES128_CM_SHA1_80,
		.rtcp = false,
		.index = 0x2F17B,
		.key = "e1f97a0d3e018be0d64fa32c06de4139",
		.salt = "0ec675ad498afeebb6960b3aabe6",
		.plain = "8060f17bdecafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "8060f17bdecafbadcafebabe6ee864ac3bb8f0d982f5a55acd1e58cb7976d4d1edc95850"
			  "c8e4ce2f5da1f05d8cadca7b4fd425ce954a8be7bffc9a2a",
	},
	{
		.profile = SLUICE_SRTP_AES128_CM_SHA1_80,
		.rtcp = false,
		.index = 0x800000001,
		.key = "e1f97a0d3e018be0d64fa32c06de4139",
		.salt = "0ec675ad498afeebb6960b3aabe6",
		.plain = "80600001decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80600001decafbadcafebabeaf179495a2a732dc7f3a98c0c4250242ba7db432941728bc"
			  "a47030bef991c3f08d964243630bf9b7124b2ecaa10ab509",
	},
	{
		.profile = SLUICE_SRTP_AES128_CM_SHA1_80,
		.rtcp = true,
		.index = 0x1,
		.key = "e1f97a0d3e018be0d64fa32c06de4139",
		.salt = "0ec675ad498afeebb6960b3aabe6",
		.plain = "81c9000700000001000000020000000300000004000000050000000600000007",
		.sealed = "81c9000700000001c1d1cff12c5ac7718a76f91af3be9235588f1c522c0417bb80000001"
			  "821698d6184c4745717d",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.rtcp = false,
		.index = 0x1234,
		.key = "000102030405060708090a0b0c0d0e0f",
		.salt = "517569642070726f2071756f",
		.plain = "80601234decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80601234decafbadcafebabea71a1e54d0102604ba748e324180b0bdc46651898958578c"
			  "dcdcb3c608298dfa0cc931806ce9e921d32bb23ff06c85dd2f67cbe4cdd7",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.rtcp = false,
		.index = 0x2F17B,
		.key = "000102030405060708090a0b0c0d0e0f",
		.salt = "517569642070726f2071756f",
		.plain = "8060f17bdecafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "8060f17bdecafbadcafebabed23b4470787f070b36229c948d80e25628d3dafa4f1afc63"
			  "6bb138073a47c753cae90565ffe53a46caf98503ef601ae8122953d79eca",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.rtcp = false,
		.index = 0x800000001,
		.key = "000102030405060708090a0b0c0d0e0f",
		.salt = "517569642070726f2071756f",
		.plain = "80600001decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80600001decafbadcafebabe00e035b60b67e67c0495f0974aa9e8b3f66ac7f9a35cc0d3"
			  "0e501b333bd33bce55f3b6a399ad86c5110e2c523bbb106da4db24687f65",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_128_GCM,
		.rtcp = true,
		.index = 0x1,
		.key = "000102030405060708090a0b0c0d0e0f",
		.salt = "517569642070726f2071756f",
		.plain = "81c9000700000001000000020000000300000004000000050000000600000007",
		.sealed = "81c9000700000001c3306113388d57110e3f0414b9426e60ffa83e9f77d891b92920dab0"
			  "3edb16588a5d3771050397bf80000001",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_256_GCM,
		.rtcp = false,
		.index = 0x1234,
		.key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.salt = "517569642070726f2071756f",
		.plain = "80601234decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80601234decafbadcafebabe46866524b60262be1f11f364c3ace65c70475dbe9f16b202"
			  "5eb99b43df70231b12887f4d3186277e2158f2445c1b1d22f4d2646a684d",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_256_GCM,
		.rtcp = false,
		.index = 0x2F17B,
		.key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.salt = "517569642070726f2071756f",
		.plain = "8060f17bdecafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "8060f17bdecafbadcafebabeb43b12561ed15b765a65bae5a58bc3dd623f446f8d600213"
			  "6c33f47fe42c3d7a899676b4f91bb1596e7773019de9e3fb5cc3dcd544de",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_256_GCM,
		.rtcp = false,
		.index = 0x800000001,
		.key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.salt = "517569642070726f2071756f",
		.plain = "80600001decafbadcafebabe47616c6c696120657374206f6d6e69732064697669736120"
			 "696e207061727465732074726573",
		.sealed = "80600001decafbadcafebabeba3ef8f61b2884591d11edad10c370750bc0a248c0a9e495"
			  "305b9d532ad30bfbd061664a9dc420118ddabc119993d0be3a21b30fc0f2",
	},
	{
		.profile = SLUICE_SRTP_AEAD_AES_256_GCM,
		.rtcp = true,
		.index = 0x1,
		.key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		.salt = "517569642070726f2071756f",
		.plain = "81c9000700000001000000020000000300000004000000050000000600000007",
		.sealed = "81c90007000000014e63aa0318a771afa54bc18b0dad62536b03bb652c3b430242985187"
			  "5a270715ad7d2b410df36e7f80000001",
	},
};

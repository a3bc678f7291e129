// SPDX-License-Identifier: Apache-2.0
// Any datagram as STUN, from an address of either family; every user exists, and every reply is to a check of ours.
#include "edge/stun.h"
#include "edge/stun_ask.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t password(void *, const char *, size_t, char copy[CORE_PASSWORD_MAX])
{
	strcpy(copy, "VOkJxbRl1RmTxUk/WvJxBt");
	return strlen(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stun_users users = {.password = password};
	struct core_address remote = {.ip = {[10] = 0xff, [11] = 0xff, [15] = 1}, .port = 9};
	struct stun_check check = {"a", "b", "VOkJxbRl1RmTxUk/WvJxBt", false, {0}};
	uint8_t reply[STUN_REPLY_MAX];
	struct stun_answer answer;

	stun_answer(&users, data, size, &remote, reply, &answer);
	if (answer.reply_length > sizeof(reply) || answer.ufrag_length > sizeof(answer.ufrag))
		__builtin_trap();
	remote.ip[0] = 0x20; // an IPv6 address
	stun_answer(&users, data, size, &remote, reply, &answer);
	if (stun_reply_id(data, size, check.id))
		stun_reply_judge(&check, data, size);
	return 0;
}

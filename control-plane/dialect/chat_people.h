// SPDX-License-Identifier: Apache-2.0
// Who is in a call of dialect 001: accounts, each with as many connections as it has devices.
#pragma once

#include "chat_message.h"
#include "dialect.h"

#include <stdbool.h>

struct chat_face { // a participant as it is shown; `person` points into it
	char account[CHAT_ACCOUNT_MAX];
	struct chat_person person;
};

uint64_t chat_unix_ms(void);

// Fills `face` from a participant, whose name must stay.
void chat_face(const struct dialect_host *host, const struct core_participant *participant,
	struct chat_face *face);

// True when a visible participant other than `except` is of the account.
bool chat_account_present(const struct core *core, const char *room, const char *account,
	struct core_participant_id except);

// Everybody visible, each account once, without `except` (may be empty).
json_t *chat_participants(const struct dialect_host *host, const char *room, const char *except);

// Finds the identity for one more connection of the account: that of a device whose socket was lost, whose
// media it takes over, else the first that is free: "ACCOUNT", "ACCOUNT#2", … Returns false when the
// account has CHAT_DEVICES_MAX connections already.
bool chat_identity(const struct core *core, const char *room, const char *account,
	char identity[CORE_NAME_MAX]);

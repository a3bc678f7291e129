// SPDX-License-Identifier: Apache-2.0
// Offers of ours that nobody has asked for: to members that pair, in the name of those who do not.
#pragma once

#include "model.h"

// Takes the answer to one. Events are reserved by the caller.
int invite_answer(
	struct core *core, struct transport *leg, const struct desc *answer, uint64_t now_ms);

// Notes on a leg that what its far peer publishes now has been told, after a description of either.
void invite_note(const struct core *core, struct transport *leg);

// Makes the offers that are due in all rooms.
void invite_tick(struct core *core, uint64_t now_ms);

// SPDX-License-Identifier: Apache-2.0
// The requests of dialect 003 by which peers come to a session with each other, or with the relay itself.
#pragma once

#include "jsonrpc_session.h"

// Each answers the request, and does or passes on what it asks for.
void jsonrpc_offer(const struct jsonrpc_request *request);
void jsonrpc_answer(const struct jsonrpc_request *request);
void jsonrpc_candidate(const struct jsonrpc_request *request);
void jsonrpc_disconnect(const struct jsonrpc_request *request);

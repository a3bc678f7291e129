// SPDX-License-Identifier: Apache-2.0
// RUNTIME_DIRECTORY/dataplane.sock, mode 0660: what sluicectl asks of the data plane, also while control is
// down. A packet socket (SOCK_SEQPACKET): one request, one reply, both text.
//
//   reload      → "reloaded KEY" and "restart KEY" lines, or "error WHY"
//   log LEVEL   → "ok", or "error WHY"
#pragma once

#include <sluice/config.h>

enum { COMMAND_REQUEST_MAX = 64, COMMAND_REPLY_MAX = 4096 };

#define COMMAND_SOCKET "dataplane.sock"

// Listens. Returns the descriptor to wait for, or -errno.
int command_open(const char *runtime_directory);

// What command_open returned, or -1.
int command_socket(void);

// From the main thread: takes and answers requests. `config` is the one in force. Never blocks.
void command_poll(struct config *config);

void command_close(void);

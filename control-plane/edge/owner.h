// SPDX-License-Identifier: Apache-2.0
// Who holds a port, for error messages that name the culprit.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes "pid 812 (janus)" for the process that listens on a TCP port, or has bound a UDP port, in the
// current network namespace; "another process" when it cannot be seen. Reads /proc; slow.
void owner_describe(bool tcp, uint16_t port, char *text, size_t size);

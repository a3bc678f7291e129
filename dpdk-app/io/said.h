// SPDX-License-Identifier: Apache-2.0
// What DPDK, its drivers and libbpf say becomes lines of our log.
#pragma once

// From now on; before, they write to stderr in forms of their own.
void said_open(void);

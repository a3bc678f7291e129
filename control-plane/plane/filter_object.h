// SPDX-License-Identifier: Apache-2.0
// The file with the XDP filter, looked at before anybody loads it. Takes no rights.
#pragma once

#include <stddef.h>

// Whether the BPF object `path` is the filter of this version: its program is there, and its maps have the shapes
// of sluice/xdp.h. Returns 0, or -1 with `why`.
int filter_object_check(const char *path, char *why, size_t why_size);

// SPDX-License-Identifier: Apache-2.0
// Listening UNIX stream sockets in the runtime directory.
#pragma once

#include <stddef.h>
#include <sys/types.h>

// Makes DIRECTORY/NAME anew (what a dead process left is removed), with `mode`, non-blocking. Returns the
// descriptor, or -1 with `why`.
int unix_listen(const char *directory, const char *name, mode_t mode, char *why, size_t why_size);

// Takes one waiting connection, non-blocking. Returns its descriptor, or -1 when there is none.
int unix_accept(int fd);

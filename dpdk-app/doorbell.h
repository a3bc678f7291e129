// SPDX-License-Identifier: Apache-2.0
// The data plane's end of the doorbell (sluice/doorbell.h): fetches control's eventfd and keeps it
// fresh over control's restarts.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Makes a descriptor that workers may write to from now on until the process ends: what it means is
// exchanged underneath, so that no worker ever writes to a closed or foreign file. Returns it or -errno.
int doorbell_open(const char *runtime_directory);

// From the main thread, a few times a second: connects, fetches the eventfd, notices control's end.
// Never blocks. Returns true when somebody listens.
bool doorbell_poll(void);

// Closes everything; after the workers have ended.
void doorbell_close(void);

// SPDX-License-Identifier: Apache-2.0
// Words to the service manager: sd_notify(3) without its library.
#pragma once

// Sends `state` ("READY=1", "STATUS=…", "WATCHDOG=1", "STOPPING=1") to NOTIFY_SOCKET. Does nothing when there
// is none.
void notify_send(const char *state);

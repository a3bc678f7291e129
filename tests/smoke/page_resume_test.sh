#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control is killed in the middle of a call of two pages: they see and hear each other without a lost
# packet, reconnect their sockets by themselves, and the call still runs afterwards (two minutes
# afterwards with CALL_SECONDS=120).
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_page.sh"

page_call control KILL "${CALL_SECONDS:-20}" --reconnects 1

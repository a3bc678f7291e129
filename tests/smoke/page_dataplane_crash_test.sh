#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The data plane is killed in the middle of a call of two pages: pictures move again by themselves,
# within the same connections.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_page.sh"

page_call dataplane KILL "${CALL_SECONDS:-12}" --loss 3000

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A client like the one that dialect 004's own server serves, in a call with our page, at the dialect's own port.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
node "$root/tests/peer/rooms_call.mjs" "http://$relay_ip:$rooms_port" "${CALL_SECONDS:-4}" chromium:a chromium:b --original \
	${SHOTS:+--shots "$SHOTS"}

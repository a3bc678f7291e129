#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Chromium, Firefox and aiortc in one room: everybody sees and hears everybody.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
add_host c 23
write_config xdp 1
start_relay
on c "$root/tests/peer/aiortc_peer.py" --secret "$secret" --seconds 90 >"$work/aiortc.log" 2>&1 &
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-8}" chromium:a firefox:b --others 1 \
	${SHOTS:+--shots "$SHOTS"}
last=$(tail -n 1 "$work/aiortc.log")
expect "publishers that aiortc receives" "$(jq '.received | length' <<<"$last")" == 2
expect "video frames aiortc decoded of the worse one" "$(jq '[.received[].video] | min' <<<"$last")" '>' 30
expect "of them different from the one before" "$(jq '[.received[].changed] | min' <<<"$last")" '>' 20
expect "audio frames aiortc decoded of the worse one" "$(jq '[.received[].audio] | min' <<<"$last")" '>' 100
expect "errors aiortc was told" "$(jq '.errors | length' <<<"$last")" == 0

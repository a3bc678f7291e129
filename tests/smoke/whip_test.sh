#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An aiortc publisher by WHIP, an aiortc viewer by WHEP and a page of dialect 002 in one room; control is killed
# in between, and the addresses of the sessions are as good as before.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
add_host c 23
write_config xdp 1
start_relay
base=http://$relay_ip:$http_port

on b "$root/tests/peer/whip_peer.py" view "$base/smoke/whep" --secret "$secret" --seconds 22 >"$work/viewer.log" 2>&1 &
viewer=$!
on a "$root/tests/peer/whip_peer.py" publish "$base/smoke/whip" --secret "$secret" --seconds 32 >"$work/publisher.log" 2>&1 &
publisher=$!

said() { # FILE FILTER: of the last line
	tail -n 1 "$work/$1.log" | jq -e "$2"
}
wait_for 30 said viewer '.video > 5'
node "$root/tests/peer/call.mjs" "$base" 4 chromium:c --others 1
kill_plane control
start_control
wait_for 5 relay_ready
wait "$viewer"
expect "video frames the viewer decoded" "$(said viewer .video)" '>' 100
expect "of them different from the one before" "$(said viewer .changed)" '>' 80
expect "packets the viewer got" "$(said viewer .packets)" '>' 600
expect "packets the viewer lost" "$(said viewer .lost)" == 0
expect "audio frames the viewer decoded" "$(said viewer .audio)" '>' 300
expect "requests of the viewer" "$(said viewer '[.statuses[] | select(.[0] == "POST")][-1][1]')" == 201
expect "DELETE of the viewer after control's restart" "$(said viewer '.statuses[-2][1]')" == 200
expect "DELETE once more" "$(said viewer '.statuses[-1][1]')" == 404
wait "$publisher"
expect "POST of the publisher" "$(said publisher '.statuses[0][1]')" == 201
expect "DELETE of the publisher" "$(said publisher '.statuses[1][1]')" == 200
expect "participants that are left" "$(metric sluice_participants)" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of peer rooms comes back by itself: control is killed and started anew, then a socket drops.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_dataplane
supervise_plane control
wait_for 15 relay_ready
node "$root/tests/peer/rooms_call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-4}" chromium:a chromium:b \
	--during "pkill -KILL -x sluice-control" ${SHOTS:+--shots "$SHOTS"}
expect "control's starts" "$(grep -c 'is up: http port' "$work/control.log")" == 2

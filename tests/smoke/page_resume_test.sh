#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control is killed in the middle of a call of two pages: they see and hear each other without a lost
# packet, reconnect their sockets by themselves, and the call still runs afterwards (two minutes
# afterwards with CALL_SECONDS=120).
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_dataplane
supervise_plane control
wait_for 15 relay_ready
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-20}" chromium:a chromium:b \
	--during "pkill -KILL -x sluice-control" --reconnects 1
expect "restarts of control" "$(metric sluice_control_restarts_total)" == 1

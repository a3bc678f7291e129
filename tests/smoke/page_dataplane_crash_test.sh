#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The data plane is killed in the middle of a call of two pages: pictures move again by themselves,
# within the same connections.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
supervise_plane dataplane
start_control
wait_for 15 relay_ready
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-12}" chromium:a chromium:b \
	--during "pkill -KILL -x sluice-dataplan" --loss 3000
expect "restarts of the data plane" "$(metric sluice_dataplane_restarts_total)" == 1

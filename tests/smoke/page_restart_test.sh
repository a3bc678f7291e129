#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control is restarted in order (SIGTERM, as an upgrade does) in the middle of a call of two pages: its
# closing of their sockets ends nobody's call.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_dataplane
supervise_plane control
wait_for 15 relay_ready
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-8}" chromium:a chromium:b \
	--during "pkill -TERM -x sluice-control" --reconnects 1
expect "restarts of control" "$(metric sluice_control_restarts_total)" == 1
expect "DTLS handshakes since" "$(metric 'sluice_dtls_results_total{result="connected"}')" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Both pages restart ICE in mid-call, as a browser does when its network changes: new credentials, the
# same keys and streams, not one packet lost.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-10}" chromium:a chromium:b --restart-ice yes
expect "DTLS handshakes" "$(metric 'sluice_dtls_results_total{result="connected"}')" == 4

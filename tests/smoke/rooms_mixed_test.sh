#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 004 with the relay in between: Chromium and Firefox at /webrtc/client see and hear each other and chat.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
node "$root/tests/peer/rooms_call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-5}" chromium:a firefox:b \
	${SHOTS:+--shots "$SHOTS"}
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The call: two Chromium pages on hosts of their own, 720p and sound both ways through XDP, AF_XDP and
# a DPDK worker, not one packet lost, the relay's counters equal to what the browsers counted, and
# control's UDP socket without a single RTP packet. CALL_SECONDS=60 for the long form.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-12}" chromium:a chromium:b \
	--bitrate 300000 \
	${SHOTS:+--shots "$SHOTS"} | tee "$work/call.log"

expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0
expect "packets dropped for a full port" "$(metric 'sluice_dropped_packets_total{reason="tx_full"}')" == 0
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
redirected=$(metric 'sluice_xdp_packets_total{class="media"}')
taken=$(metric 'sluice_port_packets_total{direction="in"}')
expect "packets the filter redirected and the workers took" "$redirected" == "$taken"

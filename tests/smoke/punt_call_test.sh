#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole call where no XDP filter splits the traffic: the data plane classifies, and STUN and DTLS
# travel through the punt and reply rings.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config packet 1
start_relay
# AF_PACKET loses packets under bursts by nature (docs/operations.md), so a few losses are no fault.
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-8}" chromium:a chromium:b --loss 200
expect "datagrams handed to control" "$(metric 'sluice_punted_datagrams_total{direction="in"}')" '>' 20
expect "datagrams sent for control" "$(metric 'sluice_punted_datagrams_total{direction="out"}')" '>' 20

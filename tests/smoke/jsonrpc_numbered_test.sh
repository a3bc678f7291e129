#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 003 with the relay in between: a peer of each family, numbered packets both ways, and a data channel through
# the relay and back; then a peer that calls the relay itself and is sent what is published.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"
source "$(dirname "$0")/_numbers.sh"

add_host relay 10
add_host a 21
add_host b 22
add_host c 23
write_pairs_config xdp 1
start_relay
start_peer anna a jsonrpc --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has anna '.open'
start_peer ben b jsonrpc-peer --numbers 200 --seconds-of-numbers 8 --call
expect_numbers anna ben
kill -TERM %3 %4
wait %3 %4 2>/dev/null || true

export SLUICE_CALL_SERVER=1
start_peer carl a jsonrpc-peer --room hall --numbers 80 --seconds-of-numbers 20 --messages 0 --call
wait_for 10 peer_has carl '.sessions["remotemedia-server"].state == "connected"'
start_peer dora b jsonrpc-peer --room hall --numbers 80 --seconds-of-numbers 4 --messages 0 --call
wait_for 20 peer_has dora '.sessions["remotemedia-server"].received.video.numbers >= 400'
wait_for 20 peer_has dora '.sessions["remotemedia-server"].received.audio.numbers >= 100'
expect "packets dora lost" "$(peer dora '[.sessions[].received[].lost] | add')" == 0
expect "packets dora got twice" "$(peer dora '[.sessions[].received[].doubled] | add')" == 0
expect "damaged packets dora got" "$(peer dora '[.sessions[].received[].damaged] | add')" == 0
expect "packets carl, who came first, got" "$(peer carl '[.sessions[].received[].numbers] | add')" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# node-datachannel, which is libdatachannel, calls werift by dialect 004, and at the same time werift calls it by
# dialect 003: numbered packets both ways, of which not one may be lost, doubled or damaged, and a data channel
# through the relay and back.
# alone: werift counts every packet in one thread of JavaScript; beside a test that takes both CPUs its socket overflows
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"
source "$(dirname "$0")/_numbers.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
export peer_program=node_peer.mjs
start_peer anna a rooms --library werift --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has anna '.open'
start_peer ben b rooms --library node-datachannel --numbers 200 --seconds-of-numbers 8 --call
start_peer carl b jsonrpc --room hall --library node-datachannel --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has carl '.open'
start_peer dora a jsonrpc --room hall --library werift --numbers 200 --seconds-of-numbers 8 --call
expect_numbers anna ben
expect_numbers carl dora

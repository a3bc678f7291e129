#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# werift, WebRTC in TypeScript, calls aiortc by dialect 004: numbered packets both ways, of which not one may be
# lost, doubled or damaged, and a data channel through the relay and back. Over dialect 002 it publishes to aiortc and
# subscribes to it, of which not one packet may be lost either.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"
source "$(dirname "$0")/_numbers.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
start_peer anna a rooms --numbers 200 --seconds-of-numbers 8
wait_for 10 peer_has anna '.open'
peer_program=node_peer.mjs start_peer ben b rooms --library werift --numbers 200 --seconds-of-numbers 8 --call
expect_numbers anna ben

on a "$root/tests/peer/numbered_peer.py" --secret "$secret" --room hall --user 1 --send 100 --receive --every 0.5 \
	--seconds 100 >"$work/numbered.log" 2>&1 &
on b "$root/tests/peer/node_peer.mjs" --dialect sfu --url "ws://$relay_ip:9000" --room hall --peer 7 --library werift \
	--numbers 100 --seconds-of-numbers 4 --call >"$work/sfu.log" 2>&1 &
wait_for 20 peer_has sfu '.sessions.up.sent.video == 400 and .sessions["1"].received.video.numbers >= 400'
wait_for 10 peer_has numbered '.received["7"].video.packets >= 300 and .received["7"].audio.packets >= 100'
expect "packets of aiortc that werift lost over 002" "$(peer sfu '[.sessions["1"].received[].lost] | add')" == 0
expect "doubled or damaged" "$(peer sfu '[.sessions["1"].received[] | .doubled + .damaged] | add')" == 0
expect "packets of werift that aiortc lost over 002" "$(peer numbered '[.received["7"][].lost] | add')" == 0
expect "doubled or damaged" "$(peer numbered '[.received["7"][] | .doubled + .damaged] | add')" == 0
expect "errors aiortc was told" "$(peer numbered '.errors | length')" == 0
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0

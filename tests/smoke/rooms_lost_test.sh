#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 004: sockets break in a running call without a close frame. Who keeps its connection goes on with it and not
# a packet is lost; who begins anew reaches the one who knows of nothing; who does not come back has left.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
printf 'limits:\n  grace: 3s\n' >>"$work/sluice.yaml"
start_relay
start_peer anna a rooms --numbers 200 --seconds-of-numbers 10 --messages 0
wait_for 10 peer_has anna '.open'
start_peer ben b rooms --numbers 200 --seconds-of-numbers 3 --messages 0 --call
wait_for 10 peer_has ben '.sessions.anna.sent.video >= 150'

kill -USR1 "$(peer anna .pid)" # who was called does nothing but open another socket
wait_for 10 peer_has anna '.sockets == 2 and .open'
wait_for 10 peer_has ben '.sessions.anna.sent.video == 600'
wait_for 10 peer_has anna '.sessions.ben.received.video.numbers >= 500'
expect "sessions that ben has ended" "$(peer ben '.past | length')" == 0
for name in anna ben; do
	expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
	expect "packets $name got twice" "$(peer "$name" '[.sessions[].received[].doubled] | add')" == 0
done

before=$(peer anna '.sessions.ben.received.video.packets')
kill -USR1 "$(peer ben .pid)" # who calls those who are there begins anew
wait_for 10 peer_has ben '.sockets == 2 and (.past | length) == 1'
wait_for 15 peer_has ben '.sessions.anna.received.video.numbers >= 200'
wait_for 15 peer_has anna ".sessions.ben.received.video.packets >= $((before + 500))"
expect "sessions that anna has ended" "$(peer anna '.past | length')" == 0
expect "anna's sockets" "$(peer anna .sockets)" == 2

kill -KILL "$(peer ben .pid)"
wait_for 10 peer_has anna '(.past | length) == 1 and .sessions == {}'
expect "participants" "$(metric sluice_participants)" == 1

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dialect 000 with the relay in between: a peer that only answers leaves its socket as soon as the call is there.
# Media goes on, and after the call it comes back as somebody new. First numbered packets, then a browser.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay

start_peer bass a plain --hang-up --numbers 200 --seconds-of-numbers 12 --room numbers
wait_for 10 peer_has bass .open
start_peer caller b plain --call --numbers 200 --seconds-of-numbers 12 --room numbers
wait_for 15 peer_has bass '.open == false and .sockets == 1'
sent_before=$(peer bass '.sessions[].sent.audio')
wait_for 30 peer_has caller '.sessions[].sent.video == 2400'
wait_for 30 peer_has bass '.sessions[].sent.video == 2400'
for name in bass caller; do
	wait_for 10 peer_has "$name" '.sessions[].received | .video.numbers > 2100 and .audio.numbers > 500'
	expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
	expect "packets $name got twice" "$(peer "$name" '[.sessions[].received[].doubled] | add')" == 0
	expect "damaged packets $name got" "$(peer "$name" '[.sessions[].received[].damaged] | add')" == 0
done
expect "sound sent without a socket" "$(peer bass "[.sessions[].sent.audio] | add - $sent_before")" '>' 500
expect "messages echoed without a socket" "$(peer caller '.sessions[].echoed')" == 100

start_peer studio a plain --hang-up --room studio
wait_for 20 peer_has studio '.open and .sockets == 1'
page="$(on b curl -s --max-time 3 "http://$relay_ip:$plain_port/")"
[[ $page == *'Active rooms: 2'* ]]
ends=(--hang-up --vanish)
for call in 1 2; do # the first is hung up, of the second one side vanishes: consent runs out
	wait_for 20 peer_has studio ".open and .sockets == $call"
	node "$root/tests/peer/plain_call.mjs" "http://$relay_ip:$http_port" "ws://$relay_ip:$plain_port/studio" b 520 \
		"${ends[call - 1]}"
	wait_for 45 peer_has studio ".past | length == $call"
	expect "packets lost in call $call" "$(peer studio ".past[$call - 1].received.audio.lost")" == 0
	expect "audio frames decoded in call $call" "$(peer studio ".past[$call - 1].received.audio.frames")" '>' 450
done
expect "RTP that reached control's socket" "$(metric sluice_udp_unexpected_datagrams_total)" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# Sourced after _pairs.sh: what two peers with --numbers 200 --seconds-of-numbers 8 must have come to.

# expect_numbers CALLEE CALLER
expect_numbers() {
	local name again
	for name in "$1" "$2"; do
		wait_for 40 peer_has "$name" '.sessions[].sent | .video == 1600 and .audio == 400'
	done
	wait_for 20 peer_has "$2" '.sessions[] | .echoed == 100'
	# Who asks for a packet twice gets it twice (werift asks every 5 ms, and asks for what is on its way); nothing else
	# may double one.
	again=$(metric sluice_retransmitted_packets_total)
	for name in "$1" "$2"; do
		wait_for 10 peer_has "$name" '[.sessions[].received[].numbers] | min >= 300'
		expect "packets $name lost" "$(peer "$name" '[.sessions[].received[].lost] | add')" == 0
		expect "packets $name got twice" "$(peer "$name" '[.sessions[].received[].doubled] | add')" '<=' "$again"
		expect "damaged packets $name got" "$(peer "$name" '[.sessions[].received[].damaged] | add')" == 0
		expect "video packets $name got" "$(peer "$name" '.sessions[].received.video.numbers')" '>=' 1400
		expect "and not more than were sent" "$(peer "$name" '.sessions[].received.video.numbers')" '<=' 1600
	done
	expect "messages echoed through the relay" "$(peer "$2" '.sessions[].echoed')" == 100
	expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
}

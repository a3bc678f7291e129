#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# Sourced after _init.sh: a call of two numbered peers, and questions about it.

# start_numbered SECONDS [RATE]: user 1 on host a sends, user 2 on host b receives. $sender_nat and
# $receiver_nat put them behind udp_nat.py, $consent says how many seconds of silence they bear.
start_numbered() {
	local seconds=$1 rate=${2:-200}
	on a "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 1 --send "$rate" --consent "${consent:-3}" \
		${sender_nat:+--nat "$sender_nat"} --seconds "$seconds" >"$work/sender.log" 2>&1 &
	on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 2 --receive --every 0.25 --consent "${consent:-3}" \
		${receiver_nat:+--nat "$receiver_nat"} --seconds "$seconds" >"$work/receiver.log" 2>&1 &
	wait_for 20 flows 100
}

receiver() { # JQ-EXPRESSION over the receiver's last report
	tail -n 1 "$work/receiver.log" | jq -r "$1"
}

sender() {
	tail -n 1 "$work/sender.log" | jq -r "$1"
}

flows() { # PACKETS: at least so many video packets have arrived
	[ "$(receiver '.received["1"].video.packets // 0')" -ge "$1" ]
}

# More packets arrive than have arrived up to now.
still_flows() {
	local before
	before=$(receiver '.received["1"].video.packets')
	wait_for "${1:-3}" flows $((before + 50))
}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluice-load against Janus: every packet arrives once and whole, and where the kernel counts in place of the
# clients it counts the same.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_janus.sh"

command -v janus >/dev/null || skip "Janus is not installed"
add_host relay 10
add_host a 21
start_janus

load() { # NAME OPTIONS...: leaves $status, and the figures in $work/NAME.json
	local name=$1
	shift
	status=0
	on a "$build/sluice-load" --janus "ws://$relay_ip:$janus_port/" --json "$work/$name.json" \
		--relay-pid "$janus_pid" --room-prefix "$name-" "$@" >"$work/$name.log" 2>&1 || status=$?
	[ $status != 3 ] || # too busy a machine: figures do not count, packets do
		echo "the tester was the bottleneck: $(figure "$name" '.tester.invalid_because | join("; ")')"
}

figure() { # NAME JQ-EXPRESSION
	jq -r "$2" "$work/$1.json"
}

load decrypted --publishers 2 --subscribers 10 --duration 3 --require-zero-loss
expect "exit status" $((status * (status - 3))) == 0
expect "clients that joined" "$(figure decrypted .joining.joined)" == 12
expect "streams received" "$(figure decrypted .packets.streams)" == 40
expect "packets expected" "$(figure decrypted .packets.expected)" '>' 3000
expect "packets lost" "$(figure decrypted .packets.lost)" == 0
expect "packets per CPU-second" "$(figure decrypted .steady.relay.packets_per_cpu_second)" '>' 0

# 3 of 4 subscribers only count.
load counted --publishers 2 --subscribers 8 --first-user 100 --no-audio --decrypt-one-in 4 --loads 200,400 \
	--duration 1
expect "steps" "$(figure counted '.steps | length')" == 2
expect "packets lost" "$(figure counted .packets.lost)" == 0
expect "packets counted in the kernel" "$(figure counted .counters.counted_packets)" '>' 300
expect "packets decrypted" "$(figure counted .counters.received_packets)" '>' 100
expect "packets of the second load" "$(figure counted '.steps[1].sent_per_second')" '>' 30
stop_janus

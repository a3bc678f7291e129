#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluice-load: 2 publishers and 50 subscribers in one room, every packet arrives once, whole and decrypted
# (by libsrtp2, whatever the relay uses), and the tester's count is the relay's own. Then, with packets
# dropped and damaged on the way, the tester finds exactly those: its zero means something.
# alone: a tester that is late, as beside a test that takes both CPUs, declares its run invalid
source "$(dirname "$0")/_init.sh"

load() { # NAME OPTIONS...: runs it on host a; leaves $status, and the figures in $work/NAME.json
	local name=$1
	shift
	status=0
	on a "$build/sluice-load" --url "ws://$relay_ip:9000/" --secret "$secret" --json "$work/$name.json" \
		--relay-pid "${plane_pid[dataplane]}" "$@" >"$work/$name.log" 2>&1 || status=$?
}

figure() { # NAME JQ-EXPRESSION
	jq -r "$2" "$work/$1.json"
}

add_host relay 10
add_host a 21
write_config xdp 1
start_relay

load clean --publishers 2 --subscribers 50 --ramp 25 --duration "${LOAD_SECONDS:-8}" --require-zero-loss \
	--portable-srtp
if [ $status = 3 ]; then
	# a machine too busy for the tester: its figures do not count, its packets do
	echo "the tester was the bottleneck: $(figure clean '.tester.invalid_because | join("; ")')"
else
	expect "exit status" $status == 0
fi
expect "clients that joined" "$(figure clean .joining.joined)" == 52
expect "streams received" "$(figure clean .packets.streams)" == 200
expect "packets expected" "$(figure clean .packets.expected)" '>' 20000
expect "packets lost" "$(figure clean .packets.lost)" == 0
expect "packets that failed to decrypt" "$(figure clean .counters.decrypt_failed)" == 0
expect "packets corrupt" "$(figure clean .counters.corrupt)" == 0
expect "packets doubled" "$(figure clean .counters.duplicates)" == 0
expect "first key frames" "$(figure clean .joining.stages.first_key_frame.count)" == 100
expect "latencies measured" "$(figure clean .steady.one_way_latency.count)" '>' 10000
expect "packets per CPU-second" "$(figure clean .steady.relay.packets_per_cpu_second)" '>' 0
expect "packets the relay sent" "$(metric 'sluice_packets_total{direction="out",kind="rtp"}')" \
	== "$(figure clean .packets.received)"

# Once all have joined: every 50th RTP packet to the clients is lost, every 40th of the others gets wrong
# bytes (and no UDP checksum that would give it away). RTP is what has no RTCP type in its second byte.
inject() {
	wait_for 15 grep -q steady "$work/faulty.log"
	local rtp="udp sport $media_port udp length > 150 @th,72,8 != 192-223"
	on a nft -f - <<-END
		table inet faults {
			counter lost {}
			counter damaged {}
			chain input {
				type filter hook prerouting priority 0;
				$rtp numgen inc mod 50 == 7 counter name lost drop
				$rtp numgen inc mod 40 == 7 counter name damaged \
					@th,320,64 set 0x5a5a5a5a5a5a5a5a udp checksum set 0
			}
		}
	END
}
counted() {
	on a nft -j list counter inet faults "$1" | jq '.nftables[] | select(.counter) | .counter.packets'
}
inject &
injection=$!
load faulty --first-user 100 --room-prefix faulty- --publishers 1 --subscribers 4 --duration 4 --require-zero-loss
wait $injection
lost=$(counted lost) damaged=$(counted damaged)
expect "packets the test dropped" "$lost" '>' 20
expect "packets the test damaged" "$damaged" '>' 20
expect "packets that never arrived" "$(figure faulty .packets.lost_by_cause.never_arrived)" == "$lost"
expect "packets that failed to decrypt" "$(figure faulty .counters.decrypt_failed)" == "$damaged"
expect "packets lost in all" "$(figure faulty .packets.lost)" == $((lost + damaged))
expect "exit status of a run with loss" $status '>=' 1

on a nft delete table inet faults

# A ladder of loads: most subscribers leave their packets to the kernel to count, and it counts the relay's number.
out_before=$(metric 'sluice_packets_total{direction="out",kind="rtp"}')
load ladder --first-user 200 --room-prefix ladder- --publishers 1 --subscribers 16 --no-audio \
	--loads 800,1600 --decrypt-one-in 4 --duration 1 --svg "$work/ladder.svg"
expect "loads held" "$(figure ladder '.steps | length')" == 2
expect "packets lost" "$(figure ladder .packets.lost)" == 0
expect "packets counted in the kernel" "$(figure ladder .counters.counted_packets)" '>' 1000
expect "packets the relay sent" "$(($(metric 'sluice_packets_total{direction="out",kind="rtp"}') - out_before))" \
	== "$(figure ladder .packets.received)"
expect "bytes of the drawing" "$(wc -c <"$work/ladder.svg")" '>' 2000

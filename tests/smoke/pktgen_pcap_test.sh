#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The data plane on DPDK's net_pcap: frames come out of one capture and go into another, no network in
# between, so every number is exact. Junk ends under the name of its drop; valid SRTP leaves for every
# subscriber, decrypts and is whole.
source "$(dirname "$0")/_init.sh"

frames=3000

dropped() {
	metric "sluice_dropped_packets_total{reason=\"$1\"}"
}

add_host relay 10
port_entry="{device: net_pcap0, driver: net_pcap, queues: 1, arguments: \"rx_pcap=$work/in.pcap,tx_pcap=$work/out.pcap\"}"
write_config packet 1 <<-END
	test:
	  sessions: true
END
grep -A4 '^ports:' "$work/sluice.yaml"

mac=(--relay-mac 02:00:00:00:00:0a --source-mac 02:00:00:00:00:15)
target=(--relay "$relay_ip:$media_port" "${mac[@]}")
"$build/sluice-pktgen" session -o "$work/session.json" "${target[@]}" --source 10.77.0.21 \
	--subscriber 10.77.0.128/25 --subscriber-mac 02:00:00:00:00:16 --publishers 2 --subscribers 20
"$build/sluice-pktgen" streams "$work/session.json" -o "$work/streams" --packets 500 --rate 100
"$build/sluice-pktgen" junk all -o "$work/junk" "${target[@]}" --source 198.18.0.0/24 --count $frames

# one capture of all: each further one without its file header of 24 bytes
cat "$work/streams/streams.pcap" >"$work/in.pcap"
for class in random rtp rtcp fragments malformed stun clienthello; do
	tail -c +25 "$work/junk/$class.pcap" >>"$work/in.pcap"
done

# the sessions must be there before the first frame, so control starts first
start_control
alive() {
	http /livez
}
wait_for 15 alive
"$build/sluicectl" -d /run/sluice test-session "$work/session.json" 300
start_dataplane
wait_for 15 relay_ready
taken=$((1500 + 7 * frames))
all_in() {
	[ "$(metric 'sluice_port_packets_total{direction="in"}')" = $taken ]
}
wait_for 20 all_in
settled() { # what went to control is answered, or did not fit its ring
	local full
	full=$(dropped punt_full)
	[ $(($(metric 'sluice_ice_results_total{result="unauthorized"}') + $(metric \
		'sluice_dtls_results_total{result="unknown"}') + full)) = $((2 * frames)) ]
}
wait_for 20 settled
expect "neither STUN, DTLS, RTP nor RTCP" "$(dropped not_media)" == $frames
expect "RTP and RTCP of unknown sources" "$(dropped no_transport)" == $((2 * frames))
expect "fragments" "$(dropped fragment)" == $frames
expect "lengths that contradict the frame" "$(dropped short)" == $frames
expect "packets of streams, taken" "$(metric 'sluice_packets_total{direction="in",kind="rtp"}')" == 1500
expect "packets of streams, forwarded" "$(metric 'sluice_packets_total{direction="out",kind="rtp"}')" == 30000
stop_relay
plane_pid=()
"$build/sluice-pktgen" receive "$work/session.json" --capture "$work/out.pcap" --packets 500 --rate 100 | tee "$work/received.json"
expect "packets decrypted and whole" "$(jq .received "$work/received.json")" == 30000
expect "packets that failed to decrypt" "$(jq .undecrypted "$work/received.json")" == 0

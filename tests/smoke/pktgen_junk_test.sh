#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Floods of each class, from captures, beside a call: the counters of filter, control, kernel and data
# plane account for every frame by its name, the call loses nothing, control stays alive.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

frames=4000 rate=4000

mac_of() { # by netlink: /sys is that of the first namespace
	on "$1" ip -j link show eth0 | jq -r '.[0].address'
}

filtered() {
	metric "sluice_xdp_packets_total{class=\"$1\"}"
}

dropped() {
	metric "sluice_dropped_packets_total{reason=\"$1\"}"
}

kernel() { # PROTOCOL FIELD: of the relay's /proc/net/snmp
	on relay cat /proc/net/snmp | awk -v p="$1:" -v f="$2" \
		'$1 == p && !n {for (i = 2; i <= NF; i++) if ($i == f) n = i; next} $1 == p {print $n}'
}

# What control made of STUN and DTLS, and what the kernel had no room for.
answered() {
	metric 'sluice_ice_results_total{result="unauthorized"}'
}
unknown() {
	metric 'sluice_dtls_results_total{result="unknown"}'
}
overrun() {
	kernel Udp RcvbufErrors
}

flood() { # CAPTURE: sends it; $sent frames have left
	sent=$(on a "$build/sluice-pktgen" replay "$1" --interface eth0 --rate $rate | jq .sent)
}

# Counters are published once a second: grew BEFORE COMMAND... : it has grown by $sent since, exactly
grew() {
	local before=$1
	shift
	[ $(($("$@") - before)) = "$sent" ]
}

counts() { # CLASS COMMAND...: the flood shows in what the command prints, frame by frame
	local class=$1 before
	shift
	before=$("$@")
	flood "$work/junk/$class.pcap"
	wait_for 10 grew "$before" "$@"
	echo "ok: $class: $sent frames, all counted by: $*"
}

# Control's share and the kernel's: together all of it.
answered_or_overrun() {
	echo $(($(answered) + $(overrun)))
}
unknown_or_overrun() {
	echo $(($(unknown) + $(overrun)))
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1 <<-END
	test:
	  sessions: true
END
start_relay
target=(--relay "$relay_ip:$media_port" --relay-mac "$(mac_of relay)" --source-mac "$(mac_of a)")
on a "$build/sluice-pktgen" session -o "$work/session.json" "${target[@]}" --source 10.77.0.21 \
	--subscriber 10.77.0.22 --no-audio
"$build/sluicectl" -d /run/sluice --json test-session "$work/session.json" 300 >"$work/sessions.json"
ufrag=$(jq -r '.[0].ufrag' "$work/sessions.json")
on a "$build/sluice-pktgen" junk all -o "$work/junk" "${target[@]}" --source 198.18.0.0/24 --count $frames --ufrag "$ufrag"
# sources of the relay's own network that nobody has: what control answers waits for ARP
on a "$build/sluice-pktgen" junk stun -o "$work/near" "${target[@]}" --source 10.77.0.64/26 --count $frames
cp "$work/near/stun.pcap" "$work/junk/near-stun.pcap"
on a "$build/sluice-pktgen" streams "$work/session.json" -o "$work/forged" --packets $frames --forge
cp "$work/forged/streams.pcap" "$work/junk/forged.pcap"
start_numbered 200

for class in random rtp rtcp malformed fragments; do
	case $class in
	random) counts $class filtered other ;;
	rtp | rtcp) counts $class filtered media_unknown_source ;;
	malformed) counts $class filtered malformed ;;
	fragments) counts $class filtered fragment ;;
	esac
done
expect "pieces that came to the kernel" "$(kernel Ip ReasmReqds)" == $frames
counts stun answered_or_overrun
counts near-stun answered_or_overrun
counts integrity answered_or_overrun
counts clienthello unknown_or_overrun
counts forged dropped auth_failed
expect "frames that the filter did not redirect for want of a data plane" "$(filtered media_no_socket)" == 0

# Everything the filter let through to control is accounted for: the call's own checks and handshakes too.
settled() {
	local results
	results=$(http /metrics | awk '/^sluice_ice_results_total/ {n += $2} END {print n}')
	[ "$(filtered stun)" = $((results + $(overrun))) ]
}
wait_for 10 settled
echo "ok: STUN that passed the filter: $(filtered stun), answered or overrun: all"

still_flows 5
expect "video packets lost by the call" "$(receiver '.received["1"].video.lost')" == 0
expect "audio packets lost by the call" "$(receiver '.received["1"].audio.lost')" == 0
expect "packets damaged" "$(receiver '.received["1"].video.damaged')" == 0
expect "RTP that reached control" "$(metric sluice_udp_unexpected_datagrams_total)" == 0
http /livez >/dev/null
relay_ready >/dev/null
echo "ok: control is alive"

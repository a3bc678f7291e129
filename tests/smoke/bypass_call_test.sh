#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole call through a full-bypass port: the kernel has no address on the card and drops what comes in by it, so
# that all the relay's peers find and hear is the data plane's: ARP and neighbour discovery, echo, STUN, DTLS and
# media. Then what a port says of itself: a cable that is pulled, and cards that cannot be had.
source "$(dirname "$0")/_init.sh"

media_ip=10.77.0.11
media_ip6=fd77::11
media_addresses=' ' # the port's own
# the interface is named for its link alone, which this driver does not tell
port_entry="{interface: media0, driver: net_af_packet, device: net_af_packet0, arguments: 'iface=media0,qpairs=1,framesz=2048,framecnt=2048',"
port_entry+=" address: $media_ip/24 $media_ip6/64}"

# The card: one end of a veth of which the kernel knows neither address nor neighbour.
add_card() {
	ip link add br-media type veth peer name media0 netns relay
	ethtool -K br-media tx off >/dev/null
	ip link set br-media master br0 up
	on relay ethtool -K media0 tx off >/dev/null
	on relay sysctl -qw net.ipv6.conf.media0.disable_ipv6=1
	on relay ip link set media0 arp off up
	on relay nft -f - <<-END
		table netdev deaf {
			chain in {
				type filter hook ingress device media0 priority 0; policy drop;
			}
		}
	END
}

# The data plane with this port in place of its own ends with status 2 and says TEXT.
refuses() { # PORT TEXT
	local status=0
	on relay "$build/sluice-dataplane" -c "$work/sluice.yaml" --set "ports=[$1]" >"$work/refused.txt" 2>&1 || status=$?
	grep -F "$2" "$work/refused.txt" >/dev/null || {
		cat "$work/refused.txt"
		return 1
	}
	expect "exit status: $2" $status == 2
}

add_host relay 10
add_host a 21
add_host b 22
add_card
write_config bypass 1

refuses "{driver: net_foo, device: net_foo0, address: $media_ip/24}" "DPDK has no driver net_foo"
refuses "${port_entry/address/queues: 2, address}" "2 queues are wanted, but the device has 1"
refuses "{driver: vfio-pci, device: 00ff:1f:1f.7, address: $media_ip/24}" "00ff:1f:1f.7: there is no such PCI device"

on b timeout 200 tcpdump -qnlei eth0 'arp or icmp6' >"$work/b.txt" 2>/dev/null &
wait_for 5 grep -q . "/proc/$!/stat"
start_relay
expect "what the kernel has of the media port" \
	"$(on relay ss -Hulpn "sport = :$media_port" | wc -l)" == 0
announced() {
	grep -F "$1" "$work/b.txt"
}
wait_for 5 announced "who-has $media_ip tell $media_ip,"
wait_for 5 announced "tgt is $media_ip6"
on a ping -qc 3 -i 0.2 $media_ip >/dev/null
on a ping -qc 3 -i 0.2 -s 1400 $media_ip6 >/dev/null
echo "ok: announced, found and echoing by both families"

# AF_PACKET loses packets under bursts by nature (docs/operations.md), so a few losses are no fault.
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-4}" chromium:a chromium:b --loss 200
on a "$build/sluice-load" --url "ws://$relay_ip:9000/" --secret "$secret" --json "$work/load.json" --publishers 1 \
	--subscribers 10 --ramp 20 --duration 3 >"$work/load.log" 2>&1 || true # loss or a busy tester, as above
expect "clients that joined" "$(jq .joining.joined "$work/load.json")" == 11
expect "packets that failed to decrypt" "$(jq .counters.decrypt_failed "$work/load.json")" == 0
expect "packets received, of a hundred" \
	"$(jq '.packets | 100 * .received / .expected | floor' "$work/load.json")" '>=' 95
expect "datagrams handed to control" "$(metric 'sluice_punted_datagrams_total{direction="in"}')" '>' 20
expect "datagrams sent for control" "$(metric 'sluice_punted_datagrams_total{direction="out"}')" '>' 20
expect "datagrams by control's own sockets" "$(metric 'sluice_udp_datagrams_total{direction="out",class="stun"}' || echo 0)" == 0
expect "neighbours that the kernel knows behind the card" "$(on relay ip neigh show dev media0 | wc -l)" == 0

ctl() {
	on relay "$build/sluicectl" -c "$work/sluice.yaml" "$@"
}
ctl status | grep -F "port media0           bypass, driver net_af_packet, 1 queue, link up"
ctl check | grep -E "^ok +media0 +open, driver net_af_packet, 1 queue, link up"
ip link set br-media down
link_is() {
	ctl status | grep -F "link $1"
}
wait_for 5 link_is DOWN
http /readyz >/dev/null && exit 1
ctl check >"$work/check.txt" && exit 1
grep -F "look at the cable" "$work/check.txt"
grep -F "port media0: link is down: look at the cable" "$work/dataplane.log"
seen=$(grep -cF "tell $media_ip," "$work/b.txt")
ip link set br-media up
wait_for 5 relay_ready
more_announced() {
	[ "$(grep -cF "tell $media_ip," "$work/b.txt")" -gt "$seen" ]
}
wait_for 5 more_announced
echo "ok: announced again with the link"

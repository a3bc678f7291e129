#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the filter does on a live interface: media of strangers is dropped and counted, everything that
# is not ours reaches the kernel as if we were not there.
source "$(dirname "$0")/_init.sh"

add_host relay 10
add_host a 21
write_config xdp 1
start_relay

# 24 bytes that look like RTP (version 2, payload type 96), and some that look like nothing
for _ in $(seq 20); do
	on a bash -c "printf '\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02abcdefghijkl' >/dev/udp/$relay_ip/$media_port"
	on a bash -c "printf '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff' >/dev/udp/$relay_ip/$media_port"
done
counted() {
	[ "$(metric 'sluice_xdp_packets_total{class="media_unknown_source"}')" -ge 20 ]
}
wait_for 5 counted
expect "media of strangers, dropped" "$(metric 'sluice_xdp_packets_total{class="media_unknown_source"}')" == 20
expect "junk, dropped" "$(metric 'sluice_xdp_packets_total{class="other"}')" == 20
expect "RTP that reached control" "$(metric sluice_udp_unexpected_datagrams_total)" == 0

# TCP and other UDP ports belong to the kernel: what SSH needs
on a curl -sf --max-time 3 "http://$relay_ip:$http_port/livez" >/dev/null
on relay node -e 'const s = require("dgram").createSocket("udp4");
s.on("message", (m) => { require("fs").writeFileSync(process.argv[1], m); process.exit(0); }).bind(6998);' "$work/heard" &
hears() {
	on a bash -c "printf '\x80\x60hello' >/dev/udp/$relay_ip/6998"
	[ -s "$work/heard" ]
}
wait_for 5 hears
echo "ok: TCP and other UDP ports pass"

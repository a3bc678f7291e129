#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A capture where the data plane has the port whole, so that STUN is in it too, with two workers and every
# packet at the wrong one first.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_capture.sh"

add_host relay 10
add_host a 21
port_entry="{device: net_af_packet0, driver: net_af_packet, arguments: \"iface=eth0\", queues: 1}"
write_config net_af_packet 2 <<-END
	  wrong_steering: true
END
start_relay
on a "$build/sluice-load" --url "ws://$relay_ip:9000/" --secret "$secret" --publishers 1 --subscribers 1 \
	--video-bitrate 600k --duration 60 --quiet >"$work/load.log" 2>&1 &
wait_for 15 flowing
[ "$(ctl status | jq -r '.dataplane.ports[0].mode')" = bypass ]

capture both 2 --seconds 5
read_packets both
expect "packets captured" "$(figure both .packets)" == "$(count both 1)"
expect "RTP to the viewer" "$(count both 'ssrc != "" && to')" '>' 200
# AF_PACKET loses packets under bursts by nature; what is missing did not come to the relay.
expect "sequence numbers missing" "$(missing both 2)" '<=' 20
expect "packets that could not be captured" "$(figure both .lost)" == 0
expect "RTCP from the viewer" "$(count both 'rtcp != "" && !to')" '>' 0
expect "STUN from the viewer" "$(count both 'stun != "" && !to')" '>' 0
expect "STUN to the viewer" "$(count both 'stun != "" && to')" '>' 0
expect "packets without a direction" "$(count both '!direction')" == 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Four workers, and every packet lands on a wrong one first: all arrive, in numbers and in order.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 4 <<-END
	  wrong_steering: true
END
start_relay
start_numbered 60 300
still_flows 3
expect "video packets lost" "$(receiver '.received["1"].video.lost')" == 0
expect "packets doubled" "$(receiver '.received["1"].video.doubled')" == 0
expect "packets handed over between workers" "$(metric sluice_handed_over_packets_total)" '>' 100

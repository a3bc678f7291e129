#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same over IPv6 alone: checks, handshakes, filter, forwarding with full checksums.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host a 21
add_host b 22
media_addresses="\"$relay_ip6\"" write_config xdp 1
start_relay
start_numbered 60 300
still_flows 3
"$build/sluicectl" -d /run/sluice peers | grep '\[fd77::21\]' >/dev/null
expect "video packets lost" "$(receiver '.received["1"].video.lost')" == 0
expect "audio packets lost" "$(receiver '.received["1"].audio.lost')" == 0

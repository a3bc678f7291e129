#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The WHIP and WHEP clients of npm in Chromium. One address: whip-whep 1.2.0 joins the candidates of an ICE
# restart by commas, which no browser reads when there are two.
source "$(dirname "$0")/_init.sh"

media_addresses=$relay_ip
add_host relay 10
add_host a 21
write_config xdp 1
start_relay
node "$root/tests/peer/whip_pages.mjs" "http://$relay_ip:$http_port" a
expect "participants that are left" "$(metric sluice_participants)" '<=' 1

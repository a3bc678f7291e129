#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control is restarted in order (SIGINT, as an upgrade does) in the middle of a call of two pages: its
# closing of their sockets ends nobody's call.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_page.sh"

page_call control INT "${CALL_SECONDS:-8}" --reconnects 1
expect "DTLS handshakes since" "$(metric 'sluice_dtls_results_total{result="connected"}')" == 0

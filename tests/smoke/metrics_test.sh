#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# /metrics is what Prometheus expects; the alert rules do what their tests say; every query of rules and
# dashboard asks for something that is there.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

command -v promtool >/dev/null || skip "promtool is missing: apt-get install prometheus"
rules=$root/packaging/prometheus
promtool check rules "$rules/sluice.rules.yml"
(cd "$rules" && promtool test rules sluice.rules.test.yml)

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered 10
http /metrics >"$work/metrics.txt"
promtool check metrics <"$work/metrics.txt"
echo "ok: promtool has nothing to say of $(wc -l <"$work/metrics.txt") lines"

# OpenMetrics is the same, spelt otherwise
on relay curl -sf -D "$work/headers.txt" -H 'Accept: application/openmetrics-text; version=1.0.0' \
	"http://$relay_ip:$http_port/metrics" >"$work/open.txt"
grep -i '^content-type: application/openmetrics-text; version=1.0.0' "$work/headers.txt" >/dev/null
expect "the last line of OpenMetrics" "$(tail -n 1 "$work/open.txt")" == '# EOF'
expect "its counters that are named as their series" "$(grep -c '^# TYPE .*_total ' "$work/open.txt" || true)" == 0

# every metric is explained to operators, and nothing else is
sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$work/metrics.txt" | sort -u >"$work/there.txt"
grep -oE '^[|] .(sluice|process)_[a-z_]*' "$root/docs/operations.md" | sed 's/^| .//' | sort -u >"$work/explained.txt"
if ! diff "$work/there.txt" "$work/explained.txt"; then
	echo "docs/operations.md does not explain just the metrics that are there"
	exit 1
fi
echo "ok: docs/operations.md explains all $(wc -l <"$work/there.txt") metrics"

sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$work/metrics.txt" | sort -u >"$work/known.txt"
{
	jq -r '.. | .expr? // empty' "$root/packaging/grafana/sluice.json"
	jq -r '.templating.list[].query' "$root/packaging/grafana/sluice.json"
	grep -v summary "$rules/sluice.rules.yml"
} | grep -o 'sluice_[a-z_]*' | sed 's/_bucket$//' | sort -u >"$work/asked.txt"
expect "metrics that are asked for" "$(wc -l <"$work/asked.txt")" '>' 20
if [ -n "$(comm -13 "$work/known.txt" "$work/asked.txt")" ]; then
	echo "asked for, but not there: $(comm -13 "$work/known.txt" "$work/asked.txt" | xargs)"
	exit 1
fi
# reasons named in the rules are reasons of the data plane
while read -r reason; do
	metric "sluice_dropped_packets_total{reason=\"$reason\"}" >/dev/null
done < <(grep -o 'reason=~"[^"]*"' "$rules/sluice.rules.yml" | sed 's/.*"\(.*\)"/\1/' | tr '|' '\n')
echo "ok: rules and dashboard ask for nothing that is not there"

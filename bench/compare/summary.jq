# SPDX-License-Identifier: Apache-2.0
# Figures of all rounds (an array of {system, round, run, join}) to ratios with their spread, and a table of them.

def nearest($load): min_by((.asked_per_second / $load | log | fabs));

def milliseconds: if .count > 0 then {p50: (.p50_ns / 1e6), p99: (.p99_ns / 1e6)} else {p50: null, p99: null} end;

# What one run says, by itself.
def figures:
	.run as $run | ($run.steps | map(select(.verdict != "invalid"))) as $steps |
	(if $run.knee.step >= 0 then $run.steps[$run.knee.step] else null end) as $knee |
	(if $knee then $steps | nearest($knee.asked_per_second / 2) else null end) as $half |
	{
		knee: $knee.offered_per_second,
		cpu: $knee.relay.packets_per_cpu_second,
		busy: $knee.relay.packets_per_busy_second,
		cpu_best: ($steps | map(.relay.packets_per_cpu_second) | max),
		half_p50: (if $half then $half.one_way_latency | milliseconds.p50 else null end),
		half_p99: (if $half then $half.one_way_latency | milliseconds.p99 else null end),
		join: .join.joining.per_second,
		memory: ($run.relay.memory_per_client_bytes / 1024),
		memory_before: ($run.relay.memory_before_bytes / 1048576)
	};

# Latency at the load that is half of Janus' knee in the same round.
def latency_at($load):
	if $load then (.run.steps | map(select(.verdict != "invalid")) | nearest($load) | .one_way_latency | milliseconds)
		| {equal_p50: .p50, equal_p99: .p99}
	else {equal_p50: null, equal_p99: null} end;

def spread: map(select(. != null)) | sort | if length == 0 then null else {min: .[0], median: ((.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2), max: .[-1], rounds: length} end;

def shown: if . == null then "-" elif fabs >= 1000 then round | tostring elif fabs >= 100 then round | tostring
	elif fabs >= 10 then . * 10 | round / 10 | tostring else . * 1000 | round / 1000 | tostring end;
def pad($n): " " * ([$n - length, 0] | max) + .;
def cell: [.min, .median, .max] | map(shown | pad(9)) | add;
def row($name): $name + " " * ([42 - ($name | length), 1] | max) + (.sluice | cell) + " |" + (.janus | cell) + " |" + (.ratio | cell);

def rows: [
	["knee", "knee, packets/s"],
	["cpu", "packets per CPU-second, at the knee"],
	["busy", "packets per second of the CPU, at the knee"],
	["cpu_best", "packets per CPU-second, at the best load"],
	["equal_p50", "p50 at half of Janus\u0027 knee, ms"],
	["equal_p99", "p99 at half of Janus\u0027 knee, ms"],
	["half_p50", "p50 at half of its own knee, ms"],
	["half_p99", "p99 at half of its own knee, ms"],
	["join", "clients that join per second"],
	["memory", "memory per client, KiB"],
	["memory_before", "memory without clients, MiB"]];

def remarks:
	[.[] | . as $round | .system as $system |
		(if .run.knee.step < 0 then "round \(.round), \($system): no load was passed: the round says nothing" else empty end),
		(if .run.knee.step >= 0 and (.run.knee.reached | not) then
			"round \(.round), \($system): the knee lies higher than the tester got" else empty end),
		(if .join.joining.failed > 0 then "round \(.round), \($system): \(.join.joining.failed) clients did not join" else empty end),
		(if .join.joining.tester_busiest_thread > 0.9 then
			"round \(.round), \($system): the tester was the limit of the join rate" else empty end)];

. as $all |
[group_by(.round)[] |
	(map(select(.system == "sluice"))[0]) as $sluice | (map(select(.system == "janus"))[0]) as $janus |
	($janus.run | if .knee.step >= 0 then .steps[.knee.step].asked_per_second / 2 else null end) as $equal |
	{sluice: (($sluice | figures) + ($sluice | latency_at($equal))),
	 janus: (($janus | figures) + ($janus | latency_at($equal)))}] as $rounds |
(reduce rows[] as [$key, $name] ({};
	.[$key] = {
		name: $name,
		sluice: ($rounds | map(.sluice[$key]) | spread),
		janus: ($rounds | map(.janus[$key]) | spread),
		ratio: ($rounds | map(if .sluice[$key] and .janus[$key] and .janus[$key] > 0 then .sluice[$key] / .janus[$key] else null end) | spread)
	})) as $figures |
{
	figures: $figures,
	remarks: ($all | remarks),
	table: ([
		"\(" " * 42)              Sluice         |               Janus         |      Sluice / Janus",
		"\(" " * 42)      min   median      max |      min   median      max |      min   median      max",
		(rows[] | . as [$key, $name] | $figures[$key] | row($name))
	] + ($all | remarks) | join("\n"))
}

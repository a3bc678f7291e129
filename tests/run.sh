#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs test kinds and prints one closing line. Usage: run.sh KIND... [ONLY-pattern]
# Kinds: lint unit talk replay sanitized xdp fuzz smoke. Exit status 77 or 125 of a test = skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
SANITIZED=${SANITIZED:-build-address}
LOGS=$BUILD/logs
mkdir -p "$LOGS"
passed=0 failed=0 skipped=0 failures=()

# A few tests run side by side: most of them wait more than they compute, and each smoke test has a machine of
# its own. One that says `# alone: WHY` in its file has this one to itself.
lanes=${LANES:-$(nproc)}
[ "$lanes" -le 4 ] || lanes=4
declare -A name_of=() begun_at=()
trap 'kill $(jobs -p) 2>/dev/null' EXIT

# Counts what a test came to. A cmocka program counts as many tests as it says.
judge() { # name, status, seconds
	local name=$1 status=$2 seconds=$3 log ok bad
	log=$LOGS/${name//\//_}.log
	ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n+=$1} END {print n+0}')
	bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n+=$1} END {print n+0}')
	case $status in
	0)
		[ "$ok" -gt 0 ] || ok=1
		passed=$((passed + ok))
		printf 'ok    %-44s %3ds\n' "$name" "$seconds"
		;;
	77 | 125)
		skipped=$((skipped + 1))
		printf 'skip  %-44s %s\n' "$name" "$(tail -n 1 "$log")"
		;;
	*)
		[ "$bad" -gt 0 ] || bad=1
		passed=$((passed + ok))
		failed=$((failed + bad))
		failures+=("$name")
		printf 'FAIL  %-44s status %d, log %s\n' "$name" "$status" "$log"
		tail -n 40 "$log" | sed 's/^/      | /'
		;;
	esac
}

# Waits until fewer than that many tests run. Not by `wait -n`: it forgets what ended during another command.
wait_below() {
	local pid status
	while [ ${#name_of[@]} -ge "$1" ]; do
		for pid in "${!name_of[@]}"; do
			kill -0 "$pid" 2>/dev/null && continue
			wait "$pid"
			status=$?
			judge "${name_of[$pid]}" $status $((SECONDS - begun_at[$pid]))
			unset "name_of[$pid]" "begun_at[$pid]"
		done
		[ ${#name_of[@]} -lt "$1" ] || sleep 0.05
	done
}

run_one() { # name, limit in seconds, command...
	local name=$1 limit=$2 alone=0
	shift 2
	grep -qs '^# alone: ' "$1" && alone=1
	wait_below "$([ $alone = 1 ] && echo 1 || echo "$lanes")"
	timeout --kill-after=10 "$limit" "$@" >"$LOGS/${name//\//_}.log" 2>&1 </dev/null &
	name_of[$!]=$name
	begun_at[$!]=$SECONDS
	[ $alone = 0 ] || wait_below 1
}

is_program() {
	[ -f "$1" ] && [ -x "$1" ]
}

wanted() { # name: does it match ONLY?
	[ -z "$only" ] || [[ $1 == *"$only"* ]]
}

run_kind() {
	local kind=$1 test name limit
	case $kind in
	lint) wanted lint && run_one lint 120 tests/lint.sh ;;
	unit)
		for test in "$BUILD"/unit/*/test_*; do
			is_program "$test" || continue
			name=unit/${test#"$BUILD"/unit/}
			wanted "$name" && run_one "$name" 60 "$test"
		done
		;;
	talk)
		for test in tests/talk/*/*.talk; do
			[ -e "$test" ] || continue
			name=${test#tests/}
			wanted "$name" && run_one "$name" 20 "$BUILD/talk" "$test"
		done
		;;
	replay)
		for test in tests/replay/*.cmd; do
			[ -e "$test" ] || continue
			name=${test#tests/}
			wanted "$name" && run_one "$name" 60 "$BUILD/replay" "$test"
		done
		;;
	sanitized)
		for test in "$SANITIZED"/unit/*/test_*; do
			is_program "$test" || continue
			name=sanitized/${test#"$SANITIZED"/unit/}
			wanted "$name" && run_one "$name" 120 "$test"
		done
		for test in tests/talk/*/*.talk; do
			[ -e "$test" ] || continue
			name=sanitized/${test#tests/}
			wanted "$name" && run_one "$name" 40 "$SANITIZED/talk" "$test"
		done
		for test in tests/replay/*.cmd; do
			[ -e "$test" ] || continue
			name=sanitized/${test#tests/}
			wanted "$name" && run_one "$name" 120 "$SANITIZED/replay" "$test"
		done
		;;
	xdp)
		for test in "$BUILD"/xdp/*; do
			[ -x "$test" ] || continue
			name=xdp/${test##*/}
			wanted "$name" && run_one "$name" 60 "$test" "$BUILD/steer.bpf.o"
		done
		;;
	fuzz)
		for test in "$BUILD"/fuzz/*; do
			[ -x "$test" ] || continue
			name=fuzz/${test##*/}
			corpus=tests/fuzz/corpus/${test##*/}
			[ -d "$corpus" ] || corpus=
			scratch=$LOGS/corpus-${test##*/}
			rm -rf "$scratch" && mkdir "$scratch"
			# shellcheck disable=SC2086
			wanted "$name" && run_one "$name" 120 "$test" -max_total_time="${FUZZ_SECONDS:-5}" \
				-rss_limit_mb=2048 -artifact_prefix="$LOGS/" "$scratch" $corpus
		done
		;;
	smoke)
		for test in tests/smoke/*_test.sh; do
			[ -e "$test" ] || continue
			name=smoke/$(basename "$test" _test.sh)
			limit=$(sed -n 's/^# seconds: //p' "$test") # for one that takes its time
			wanted "$name" && BUILD=$BUILD run_one "$name" "${limit:-300}" "$test"
		done
		;;
	esac
}

kinds=() only=
for word in "$@"; do
	case $word in
	lint | unit | talk | replay | sanitized | xdp | fuzz | smoke) kinds+=("$word") ;;
	*) only=$word ;;
	esac
done
for kind in "${kinds[@]}"; do
	run_kind "$kind"
done
wait_below 1
[ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[*]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]

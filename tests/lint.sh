#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The layout rules of the house (ARCHITECTURE.md): who may include whom, sizes,
# a test for each source, format, licence lines. Prints every fault with its place; silent when clean.
set -u
cd "$(dirname "$0")/.." || exit 1
said=$(mktemp) # a fault found inside a pipeline counts too
trap 'rm -f "$said"' EXIT

fault() {
	echo "lint: $*" | tee -a "$said"
}

mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' | while read -r f; do [ -e "$f" ] && echo "$f"; done)
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' packaging/sluice-run .ci/run | while read -r f; do [ -e "$f" ] && echo "$f"; done)

# ---- who may include whom: folder | own headers by prefix | system headers by prefix
# libc is what no prefix below names; a header of a named library is allowed only where it is listed.
libraries='rte_|intel-ipsec-mb|libwebsockets|lws|jansson|openssl/|stun/|nice/|glib|srtp2/|bpf/|xdp/|libmnl/|yaml|jwt|ev\.h|hiredis|cap-ng|curl/'
include_rules() {
	cat <<-END
		include/sluice|sluice/|-
		include|sluice/,-|yaml
		ebpf|sluice/demux.h,sluice/xdp.h|bpf/
		dpdk-app/media|sluice/row.h,sluice/shm.h|srtp2/,intel-ipsec-mb
		dpdk-app/pipeline|sluice/,media/,pipeline/|-
		dpdk-app/io|sluice/,pipeline/|rte_,bpf/
		dpdk-app|sluice/,io/,pipeline/,media/srtp.h|cap-ng
		control-plane/core|-|-
		control-plane/sdp|core/|-
		control-plane/dialect|core/,sdp/|jansson
		control-plane/edge|core/,sdp/sdp.h,dialect/dialect.h,dialect/request.h,plane/,sluice/|libwebsockets,openssl/,stun/,jansson,jwt,ev.h,curl/
		control-plane/plane|core/,edge/counters.h,sluice/|bpf/,libmnl/
		control-plane|core/,sdp/,edge/,dialect/,plane/,sluice/|jansson,openssl/,libwebsockets,cap-ng
	END
}

check_include() { # file line header-with-delimiters own libs
	local file=$1 line=$2 header=$3 own=$4 libs=$5 name prefix
	name=${header:1:-1}
	if [[ $header == '"'* && $name != */* ]]; then
		[ -e "$(dirname "$file")/$name" ] || fault "$file:$line: $header is not in its own folder"
		return
	fi
	if [[ $header == '"'* || $name == sluice/* ]]; then
		for prefix in ${own//,/ }; do
			[[ $name == "$prefix"* ]] && return
		done
		fault "$file:$line: may not include $header (ARCHITECTURE.md, who includes whom)"
		return
	fi
	grep -Eq "^($libraries)" <<<"$name" || return
	for prefix in ${libs//,/ }; do
		[[ $name == "$prefix"* ]] && return
	done
	fault "$file:$line: library header $header is not for this folder"
}

while IFS='|' read -r folder own libs; do
	for file in "${sources[@]}"; do
		[ "$(dirname "$file")" = "$folder" ] || continue
		while IFS=: read -r line header; do
			check_include "$file" "$line" "$header" "$own" "$libs"
		done < <(sed -n -E '/^#include/{=;s/^#include[[:space:]]*([<"][^>"]*[>"]).*/\1/p}' "$file" | paste -d: - -)
	done
done < <(include_rules)

grep -nE '\brte_[a-z]' dpdk-app/media/*.[ch] dpdk-app/pipeline/*.[ch] dpdk-app/*.[ch] 2>/dev/null |
	grep -vE ':[0-9]+:\s*//' | while read -r hit; do fault "rte_ outside dpdk-app/io: $hit"; done

# ---- sizes: file 900, header 200 (contract 350), function 120 lines; the median function below 20
for file in "${sources[@]}"; do
	lines=$(wc -l <"$file")
	limit=900
	case $file in
	include/sluice/*.h) limit=250 ;;
	control-plane/core/core.h) limit=520 ;;
	*.h) limit=200 ;;
	esac
	[ "$lines" -le $limit ] || fault "$file: $lines lines, at most $limit"
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || fault "$file: no SPDX line"
	awk -v file="$file" '/^\{/ {begin=NR} /^\}/ && begin {n=NR-begin-1; if (n>120) print file ":" begin ": function of " n " lines, at most 120"; begin=0}' "$file" |
		while read -r line; do fault "$line"; done
done
median=$(printf '%s\n' "${sources[@]}" | grep -v '^tests/' |
	xargs awk 'FNR==1 {begin=0} /^\{/ {begin=FNR} /^\}/ && begin {print FNR-begin-1; begin=0}' |
	sort -n | awk '{v[NR]=$1} END {print NR ? v[int((NR+1)/2)] : 0}')
[ "$median" -lt 20 ] || fault "the median function has $median lines, it should stay under 20"

# ---- a test for each source
while read -r folder tests; do
	for file in "$folder"/*.c; do
		[ -e "$file" ] || continue
		twin=$tests/test_$(basename "$file")
		[ -e "$twin" ] || fault "$file: no twin $twin"
	done
done <<-END
	dpdk-app/media tests/unit/media
	dpdk-app/pipeline tests/unit/pipeline
	control-plane/core tests/unit/core
	control-plane/sdp tests/unit/sdp
	control-plane/dialect tests/unit/dialect
	control-plane/plane tests/unit/plane
	control-plane/edge tests/unit/edge
	include tests/unit/contract
END

# ---- every drop reason is explained to operators
if [ -e docs/operations.md ]; then
	while read -r drop; do
		grep -q "\`$drop\`" docs/operations.md || fault "docs/operations.md: drop reason $drop is not explained"
	done < <(sed -n -E 's/^\s*X\(([a-z_]+), .*/\1/p' include/sluice/drops.h)
fi

# ---- metrics, verbs of sluicectl and configuration keys that the texts for operators name are there
texts=(README.md docs/operations.md docs/troubleshooting.md docs/performance.md docs/loadtest.md docs/dialects.md)
words() { # of files
	cat "$@" | tr -c 'a-z0-9_' '\n' | sort -u
}
while read -r name; do
	fault "$(grep -lw "sluice_$name" "${texts[@]}" | head -n 1): there is no sluice_$name"
done < <(grep -ohE '\bsluice_[a-z0-9_]+' "${texts[@]}" | sed -E 's/^sluice_//; s/_(bucket|sum|count)$//' | sort -u |
	comm -23 - <(words control-plane/plane/metrics.c include/sluice/*.h ebpf/*.c ansible/roles/sluice/defaults/*.yml |
		sed 's/^sluice_//' | sort -u))
# shellcheck disable=SC2016
while read -r verb; do
	grep -qE "(\(verb, |\{)\"$verb\"" control-plane/sluicectl.c ||
		fault "$(grep -lE "sluicectl.* $verb" "${texts[@]}" | head -n 1): sluicectl has no verb $verb"
done < <(grep -ohE '(^|`|sudo |build/)sluicectl( -[cd] [^ `]+| --json)* [a-z][a-z-]+' "${texts[@]}" |
	awk '{print $NF}' | sort -u)
while read -r key; do
	fault "$(grep -lF "\`$key" "${texts[@]}" | head -n 1): the configuration has no $key"
done < <(awk '/^[a-z_]+:$/ {section = substr($1, 1, length($1) - 1); print section}' packaging/sluice.yaml |
	while read -r section; do
		grep -ohE "\`$section\.[a-z_]+[\`: ]" "${texts[@]}" | tr -d '\`: ' |
			grep -vE '\.(sock|json|c|h)$'
	done | sort -u | comm -23 - <(awk '/^[a-z_]+:$/ {section = substr($1, 1, length($1) - 1)}
		/^  #?[a-z_]+:/ {key = $1; gsub(/[#:]/, "", key); print section "." key}' packaging/sluice.yaml | sort -u))

# ---- the tests that the table of docs/dialects.md names are there
# shellcheck disable=SC2016
while read -r name; do
	case $name in
	core/*) file=tests/unit/$name.c ;;
	*/*) file=tests/talk/$name.talk ;;
	*) file=tests/smoke/$name.sh ;;
	esac
	[ -e "$file" ] || fault "docs/dialects.md: there is no $file, which its table names"
done < <(sed -n '/^## What shows it/,$p' docs/dialects.md | grep '^|' |
	grep -oE '`([a-z]+/[a-z_-]+|[a-z_]+_test)`' | tr -d '`' | sort -u)

# ---- format, white space, shell, spelling
if command -v clang-format-14 >/dev/null; then
	clang-format-14 --dry-run --Werror "${sources[@]}" 2>&1 | grep -E 'error:' | sort -u | head -n 20 |
		while read -r line; do fault "$line"; done
fi
git grep -nIE '[[:space:]]+$' -- ':!*.md' ':!tests/vectors' ':!*.out' ':!*.talk' ':!*.svg' 2>/dev/null | cut -c1-120 | while read -r hit; do fault "trailing space: $hit"; done
if command -v shellcheck >/dev/null; then
	shellcheck "${scripts[@]}" || fault "shellcheck"
fi
if command -v codespell >/dev/null; then
	codespell -q 3 -L adress,ser,crate,te,inout,fo,ans,nd,unparseable -S './build*,./tests/node_modules,./.git,./tests/vectors,*.pcap,package-lock.json,./tests/fuzz/corpus' . || fault "spelling"
fi

[ ! -s "$said" ]

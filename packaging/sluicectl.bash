# SPDX-License-Identifier: Apache-2.0
# bash completion for sluicectl: verbs and flags as its own help names them, rooms and identities as they are now.

_sluicectl_verbs() {
	sluicectl --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\(, [a-z-]*\)*\)\( [[A-Z].*\|  .*\)$/\1/p' | tr -s ', ' '\n'
}

_sluicectl() {
	local word=${COMP_WORDS[COMP_CWORD]} verb='' place=0 room='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | -d) ((i++)) ;;
		-*) ;;
		*)
			[ -n "$verb" ] && ((place++))
			[ $place = 1 ] && room=${COMP_WORDS[i]}
			[ -n "$verb" ] || verb=${COMP_WORDS[i]}
			;;
		esac
	done
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
	-d) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
	--token-file) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
	esac
	local words=
	if [ "$verb" = token ]; then
		words='--room --identity --name --ttl --publish --subscribe --hidden --key --admin --list'
		case ${COMP_WORDS[COMP_CWORD - 1]} in
		--publish | --subscribe) words='yes no' ;;
		--room) words=$(sluicectl --json rooms 2>/dev/null | sed 's/{/\n{/g' | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p') ;;
		esac
	elif [[ $verb = pu[sl]* && $word == -* ]]; then
		words='--stop --token-file'
		[ "$verb" = push ] || words+=' --identity'
	elif [ "$verb" = top ]; then
		words='--interval --once --json'
	elif [[ $word == -* ]]; then
		words='-c -d --json -V --help'
	elif [ -z "$verb" ]; then
		words=$(_sluicectl_verbs)
	elif [ "$verb" = log ]; then
		words='error warn info debug'
	elif [[ $verb =~ ^(un)?mute$ ]] && [ $place = 2 ]; then
		words='audio video'
	elif [[ $verb =~ ^(kick|mute|unmute)$ ]] && [ $place = 0 ]; then
		words=$(sluicectl --json rooms 2>/dev/null | sed 's/{/\n{/g' | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p')
	elif [[ $verb =~ ^(kick|mute|unmute)$ ]] && [ $place = 1 ]; then
		words=$(sluicectl --json peers 2>/dev/null | sed 's/{/\n{/g' |
			grep "\"room\": *\"$room\"" | sed -n 's/.*"identity": *"\([^"]*\)".*/\1/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _sluicectl sluicectl

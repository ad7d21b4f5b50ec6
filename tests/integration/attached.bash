# Containers' networks without containers: network namespaces, and what netns/ does as a program (attach.c). Loaded after
# networks; a file's own prepare calls has_attach and make_machine.
#
#   container NAME...                  a network namespace, and a directory that owns what it is given
#   up NAME NETWORK[:OPTIONS]...       as attach.c has it
#   down NAME
#   in_container NAME COMMAND...
#   address NAME INTERFACE [FAMILY]    without its prefix length
#   define NAME BRIDGE SUBNET [FILTER] a network: the subnet's first three numbers; jq changes the rest

# Variables: $attach (the program).
attach=$(dirname "$FERRY")/tests/attach

has_attach() {
	[ -x "$attach" ] || { echo "no $attach: run make check-integration" >&2; return 1; }
}

attach() {
	there timeout --kill-after=2 300 "$attach" "$@"
}

container() {
	local name
	for name; do
		there sh -c 'ip netns add "$0" && mkdir -p "/run/ferry/$0"' "$name"
	done
}

up() {
	attach up "/run/ferry/$1" "/run/netns/$1" "${@:2}"
}

down() {
	attach down "/run/ferry/$1"
}

in_container() {
	there ip netns exec "$@"
}

address() {
	in_container "$1" ip -j "${3--4}" address show dev "$2" scope global | jq -r '.[].addr_info[0].local'
}

define() {
	there mkdir -p /var/lib/ferry/networks
	jq -n --arg name "$1" --arg bridge "$2" --arg subnet "$3" '{ name: $name, driver: "bridge",
		network_interface: $bridge, created: "2026-01-31T12:00:00Z", dns_enabled: true,
		subnets: [{ subnet: ($subnet + ".0/24"), gateway: ($subnet + ".1") }] }'" | ${4-.}" |
		there tee "/var/lib/ferry/networks/$1.json" >/dev/null
}

#!/usr/bin/env bats
# check, with a real criu: that it works here is proved by dumps, whatever locks the network.
load machine

setup() {
	baseline
	rm -rf /run/ferry/.cache
}

teardown() {
	umount /usr/sbin/criu 2>/dev/null || true
	ferry delete -f c 2>/dev/null || true
	clean
}

# Something else is in its place until the end of the test.
replace() { # PATH BY
	mount --bind "$(realpath "$2")" "$(realpath "$1")"
}

checked() { # JQ-FILTER: of what check says in JSON
	ferry check --format json "${@:2}" | jq -c "$1"
}

@test "this machine's criu and kernel understand each other" {
	run ferry check
	[ "$status" = 0 ]
	[[ "$output" == *"self-dump        works"* ]]
	[[ "$output" == *"network lock     nftables"* ]]
	[ "$(checked '[.ok, .host.criu, .host.lazyPages]')" = '[true,"/usr/sbin/criu",true]' ]
	[ -s /run/ferry/.cache/criu-* ]
	[ ! -e /run/ferry/.cache/self-dump ]
	! pgrep -x criu
}

@test "a criu that cannot use nftables: iptables lock the network" {
	printf '#!/bin/sh\ncase "$*" in *network_lock_nftables*) exit 1 ;; esac\nexec /usr/sbin/criu "$@"\n' >/var/tmp/criu
	chmod 755 /var/tmp/criu
	[ "$(checked '[.ok, .host.selfDump, .host.networkLock]' --criu /var/tmp/criu)" = '[true,"works","iptables"]' ]
}

@test "a criu that is no criu, and none" {
	replace /usr/sbin/criu /bin/false
	run ferry check
	[ "$status" = 1 ]
	[[ "$output" == *"error: criu-fails: this machine cannot use '/usr/sbin/criu'"* ]]
	run ferry check --criu /nowhere
	[ "$status" = 1 ]
	[[ "$output" == *"error: no-criu"* ]]
}

@test "an ordinary user is told that root can" {
	run as tester ferry check
	[ "$status" = 1 ]
	[[ "$output" == *"error: rights: "* ]]
	[[ "$output" == *"become root"* ]]
}

@test "in the middle of it killed, again and again" {
	local i
	for i in 1 2 3 4 5 6; do
		timeout -s KILL 0.$((i * 15)) ferry check >/dev/null 2>&1 || true
	done
	eventually bash -c '! pgrep -x criu'
	run ferry check
	[ "$status" = 0 ]
	[ ! -e /run/ferry/.cache/self-dump ]
	eventually eval "! pgrep -f 'ferry check'"
}

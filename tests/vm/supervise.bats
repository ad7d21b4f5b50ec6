#!/usr/bin/env bats
# Launched containers where there is systemd, and a memory controller.
load machine

setup() { baseline; }

teardown() {
	systemctl stop ferry-restart 2>/dev/null || true
	ferry rm -f one two three 2>/dev/null || true
	clean
}

status_of() { ferry inspect "$1" --format "$2"; }

dir=/var/lib/ferry/launch

@test "a container that was killed for want of memory says so" {
	ferry launch -d --name one --memory 20m --memory-swap 20m host -- sh -c 'tail /dev/zero; exit 9'
	ferry wait one
	[ "$(jq .oomKilled $dir/one/status.json)" = true ]
	[ "$(jq .exitCode $dir/one/status.json)" = 9 ]
	ferry launch -d --name two --memory 100m host -- true
	ferry wait two
	[ "$(jq .oomKilled $dir/two/status.json)" = false ]
}

@test "the supervisor stays below 1 MiB, after restarts and much output too" {
	ferry launch -d --name one host -- sh -c 'seq 1 100000; exec sleep 1000000'
	for i in 1 2 3; do
		ferry restart -t 0 one
	done
	pid=$(awk '/^PPid:/ { print $2 }' "/proc/$(jq .pid /run/ferry/one/state.json)/status")
	resident() { awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"; }
	eventually eval 'ferry logs one | tail -n 1 | grep -qx 100000 && [ "$(resident)" -lt 1024 ]' || { resident; return 1; }
	grep -E '^Rss' "/proc/$pid/status" | sed 's/^/# /' >&3
	echo "# resident: $(resident) KiB" >&3
}

@test "the unit starts those again that are to be, and ends them at its own end" {
	ferry launch -d --name one --restart always host -- sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
	ferry launch -d --name two --restart unless-stopped host -- sleep 1000000
	ferry launch -d --name three host -- sleep 1000000
	eventually eval 'ferry logs one | grep -q ready'
	ferry stop -t 0 two
	# As a machine that was switched off leaves it: nothing runs, and /run is empty.
	for name in one three; do
		pid=$(jq .pid /run/ferry/$name/state.json)
		kill -KILL "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"
		kill -KILL "$pid"
	done
	for name in one two three; do
		eventually eval 'find $unified -depth -type d -name $name -exec rmdir {} + 2>/dev/null'
	done
	rm -rf /run/ferry/one /run/ferry/two /run/ferry/three
	ferry network reload

	systemctl start ferry-restart
	[ "$(ferry state one | jq -r .status)" = running ]
	[ ! -e /run/ferry/two ]
	[ ! -e /run/ferry/three ]
	eventually eval '[ "$(ferry logs one | grep -c ready)" = 2 ]'
	ferry start two
	[ "$(ferry state two | jq -r .status)" = running ]

	systemctl stop ferry-restart
	eventually eval '[ "$(ferry state one | jq -r .status)" = stopped ]'
	[ "$(jq .exitCode $dir/one/status.json)" = 3 ] # it was asked, not killed
	[ "$(jq .stopped $dir/one/status.json)" = false ]
	systemctl start ferry-restart
	[ "$(ferry state one | jq -r .status)" = running ]
}

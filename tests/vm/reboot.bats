#!/usr/bin/env bats
# What the unit brings back after the machine was restarted. The containers were made by vm/reboot before.
load machine

setup() {
	[ "$BOOT" = 2 ] || { echo "the machine was not restarted"; return 1; }
}

teardown_file() {
	ferry rm -f always unless stopped always-stopped failure once saved
	ferry image prune -a
}

@test "the unit has started those that are to be" {
	[ "$(cat /var/tmp/boot)" != "$(cat /proc/sys/kernel/random/boot_id)" ]
	eventually systemctl is-active -q ferry-restart
	for name in always unless always-stopped; do
		same "$name running" "$name $(ferry state $name | jq -r .status)"
	done
}

@test "and no others" {
	local name
	for name in stopped failure once saved; do
		same "$name exited" "$name $(ferry inspect $name --format .State.Status)"
	done
}

@test "what a container wrote is there, its limits are set, and it was asked to end before" {
	eventually eval '[ "$(ferry exec always cat /said | xargs)" = "started asked started" ]'
	same 67108864 "$(ferry exec always cat /sys/fs/cgroup/memory.max)"
}

@test "its supervisor is the unit's, and all commands see it" {
	ferry stop -t 120 always
	same 3 "$(ferry inspect always --format .State.ExitCode)"
	ferry start always
	ferry logs always
	eventually eval '[ "$(ferry exec always cat /said | xargs)" = "started asked started asked started" ]'
	ferry restart -t 0 unless
	ferry start once
	same running "$(ferry state once | jq -r .status)"
}

@test "what was saved before goes on where it was" {
	ferry restore saved || { grep -E 'Error|Warn' /var/lib/ferry/launch/saved/checkpoint/restore.log; return 1; }
	local n
	n=$(ferry exec saved cat /n)
	[ "$n" -gt 20 ]
	eventually eval "[ \"\$(ferry exec saved cat /n)\" -gt $n ]"
	ferry kill saved TERM
	eventually eval '[ "$(ferry exec saved cat /said)" = asked ]'
}

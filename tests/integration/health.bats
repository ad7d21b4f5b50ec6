#!/usr/bin/env bats
# Health checks of launched containers.
load lib
load launched

# checked FILTER: a container in the background with this in its launch.json
checked() {
	echo "$id" >>"$WORK/made"
	quietly ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c '[ -e /etc/second ] || { touch /etc/second; exit; }; exec sleep 1000000' || complain launch
	jq ".health = { command: [], intervalMs: 50, timeoutMs: 300000, startPeriodMs: 0, startIntervalMs: 0, retries: 2 } | $1" \
		"$storage/$id/launch.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/launch.json"
	quietly ferry start "$id" || complain start
}

@test "health: starting, healthy, unhealthy after so many failures, healthy again" {
	checked '.health.command = ["sh", "-c", "cat /etc/ill && echo ill && exit 1; echo well"]'
	eventually '[ "$(member health)" = healthy ]'
	has_output "well"
	ferry exec "$id" touch /etc/ill
	eventually '[ "$(member health)" = unhealthy ]'
	[ "$(member failingStreak)" -ge 2 ]
	has_output ill
	ferry exec "$id" rm /etc/ill
	eventually '[ "$(member health)" = healthy ]'
	equal "$(member failingStreak)" 0
	run find "$WORK" -name .events -exec cat {} +
	has '"health_status"'
	has '"unhealthy"'
}

has_output() {
	eventually "member healthOutput | grep -qF '$1'"
}

@test "health: a restart begins with starting" {
	checked '.health.command = ["sh", "-c", "[ ! -e /etc/slow ] || exec sleep 1000001"] | .health.timeoutMs = 1000000'
	eventually '[ "$(member health)" = healthy ]'
	ferry exec "$id" touch /etc/slow
	quietly ferry restart -t 0 "$id" || complain restart
	equal "$(member health)" starting
}

@test "health: a container whose check is about to begin is removed" {
	checked '.health.command = ["true"]'
	local pid tracer
	pid=$(supervisor_pid)
	strace -q -f -p "$pid" -e trace=execve -e inject=execve:delay_enter=3000000 -o "$WORK/trace" 3>&- 4>&- &
	tracer=$!
	eventually 'grep -q execve "$WORK/trace"'
	ferry rm -f "$id"
	kill "$tracer" 2>/dev/null || :
	wait "$tracer" || :
}

@test "health: a check that takes too long is killed and has failed" {
	checked '.health.command = ["sleep", "1000001"] | .health.timeoutMs = 100'
	eventually '[ "$(member health)" = unhealthy ]'
	has_output "longer than 100 ms"
	local pid
	pid=$(supervisor_pid)
	kill -STOP "$pid"
	eventually '[ "$(ferry exec "$id" pgrep -c -x sleep)" = 1 ]' # its first process
	kill -CONT "$pid"
}

@test "health: failures in the start period do not count" {
	checked '.health.command = ["false"] | .health.startPeriodMs = 10000000'
	eventually '[ "$(member healthOutput)" != null ]'
	sleep 0.5
	equal "$(member health)" starting
	equal "$(member failingStreak)" 0
}

@test "health: a command that is not there is a failure that says so; a paused container is not checked" {
	checked '.health.command = ["/not/there"]'
	eventually '[ "$(member health)" = unhealthy ]'
	has_output /not/there
	run ferry pause "$id"
	succeeded
	local streak
	streak=$(($(member failingStreak) + 1)) # one may have been under way
	sleep 1
	[ "$(member failingStreak)" -le $streak ]
	run ferry resume "$id"
	succeeded
	eventually "[ \$(member failingStreak) -gt $streak ]"
}

#!/usr/bin/env bats
# A runtime that is killed in the middle: delete --force finds and removes what it had made.
load lib

# Kills the runtime COMMAND with SIGKILL after a delay that grows, until one comes through whole.
kill_at_many_moments() { # COMMAND...
	local i name pid ms=0
	for i in $(seq 60); do
		name=$id-$i
		"$FERRY" --root "$root" "$@" -b "$bundle" "$name" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.$(printf %04d $((i * 3)))" # 0.3 ms more each time
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		run ferry delete --force "$name"
		succeeded
		run ferry state "$name"
		failed "does not exist"
	done
	run ferry list -q
	is ""
}

@test "create, killed at sixty moments" {
	args /bin/sleep 1000000
	kill_at_many_moments create
}

@test "run, killed at sixty moments" {
	args /bin/sleep 1000000
	kill_at_many_moments run
}

@test "an id is free again after a create that was killed and deleted" {
	args /bin/sleep 1000000
	local i pid
	for i in 1 2 3 4 5; do
		"$FERRY" --root "$root" create -b "$bundle" "$id" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.00$i"
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		run ferry delete --force "$id"
		succeeded
	done
	created_container
	ferry start "$id"
	equal "$(status_of)" running
}

@test "list and state do not fail beside a create that is under way or was killed" {
	args /bin/sleep 1000000
	local i pid
	for i in $(seq 10); do
		"$FERRY" --root "$root" create -b "$bundle" "$id-$i" >/dev/null 2>&1 3>&- &
		pid=$!
		run ferry list -f json
		succeeded
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		run ferry list
		succeeded
		ferry delete --force "$id-$i"
	done
}

@test "the runtime of a foreground run is killed: the container is still known" {
	args /bin/sleep 1000000
	"$FERRY" --root "$root" run -b "$bundle" "$id" >/dev/null 2>&1 3>&- &
	local pid=$!
	echo "$id" >>"$WORK/made"
	eventually '[ "$(status_of 2>/dev/null)" = running ]'
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || :
	equal "$(status_of)" running
	ferry delete --force "$id"
}

@test "start and delete at the same time: one after the other, nothing left" {
	args /bin/true
	local i pid
	for i in $(seq 10); do
		quietly ferry create -b "$bundle" "$id-$i" || complain
		"$FERRY" --root "$root" start "$id-$i" >/dev/null 2>&1 3>&- &
		pid=$!
		ferry delete --force "$id-$i"
		wait "$pid" || :
		run ferry state "$id-$i"
		failed "does not exist"
	done
}

@test "8 deletes at the same time" {
	start_sleeper
	local i pids=()
	for i in $(seq 8); do
		"$FERRY" --root "$root" delete --force "$id" >"$WORK/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in $(seq 8); do
		wait "${pids[$((i - 1))]}" || { cat "$WORK/out.$i"; grep -q 'does not exist' "$WORK/out.$i"; }
	done
	run ferry state "$id"
	failed "does not exist"
}

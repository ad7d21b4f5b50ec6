#!/usr/bin/env bats
# run: create, start, wait and delete in one, as people do it at a shell.
load lib

@test "run prints what the program prints and leaves nothing" {
	inside_ok 'echo to-stdout; echo to-stderr >&2'
	has to-stdout
	has to-stderr
	run ferry list -q
	is ""
}

@test "the program's exit code is run's" {
	local code
	for code in 0 1 7 42 126 127 255; do
		script "exit $code"
		attempt ferry run -b "$bundle" "$id"
		exited "$code"
	done
}

@test "a program that dies of a signal: 128 + the signal" {
	local signal
	for signal in 9 15 6; do
		# as pid 1 it would be immune to its own signals
		config 'del(.linux.namespaces[] | select(.type == "pid"))'
		inside "kill -$signal \$\$; sleep 10"
		exited $((128 + signal))
	done
}

@test "standard input is the program's" {
	args /bin/cat
	run bash -c 'printf "one\ntwo\n" | timeout 300 "$0" --root "$1" run -b "$2" "$3"' "$FERRY" "$root" "$bundle" "$id"
	succeeded
	is $'one\ntwo'
}

@test "output longer than a pipe, binary, unchanged" {
	args /bin/cat
	head -c 300000 /dev/urandom >"$WORK/data"
	timeout 300 "$FERRY" --root "$root" run -b "$bundle" "$id" <"$WORK/data" >"$WORK/copy"
	cmp "$WORK/data" "$WORK/copy"
}

@test "signals to run reach the program" {
	config '.root.readonly = false'
	script 'trap "exit 33" TERM; trap "echo hup >/tmp/hup" HUP; echo >/tmp/ready; while :; do sleep 0.02; done'
	"$FERRY" --root "$root" run -b "$bundle" "$id" >"$WORK/out" 2>&1 3>&- &
	local pid=$! code=0
	eventually '[ -e "$bundle/rootfs/tmp/ready" ]'
	kill -HUP "$pid"
	eventually '[ -e "$bundle/rootfs/tmp/hup" ]'
	kill -TERM "$pid"
	wait "$pid" || code=$?
	equal "$code" 33
}

@test "--detach returns while the container runs" {
	start_sleeper
	equal "$(status_of)" running
}

@test "--detach with --pid-file" {
	args /bin/sleep 1000000
	echo "$id" >>"$WORK/made"
	quietly ferry run -d --pid-file "$WORK/pid" -b "$bundle" "$id"
	equal "$(cat "$WORK/pid")" "$(init_pid)"
}

@test "--keep keeps the stopped container" {
	args /bin/sh -c 'exit 3'
	echo "$id" >>"$WORK/made"
	run ferry run --keep -b "$bundle" "$id"
	exited 3
	equal "$(status_of)" stopped
	ferry delete "$id"
}

@test "a program that does not exist" {
	args nosuchprogram
	run ferry run -b "$bundle" "$id"
	failed nosuchprogram
	matches 'executable file .*not found'
	args /bin/nosuchprogram
	run ferry run -b "$bundle" "$id"
	failed
	matches '[Nn]o such file or directory|executable file .*not found'
	run ferry list -q
	is ""
}

@test "a program that may not be executed" {
	args /etc/passwd
	run ferry run -b "$bundle" "$id"
	failed
	matches '[Pp]ermission denied|[Oo]peration not permitted'
	args /etc
	run ferry run -b "$bundle" "$id"
	failed
	matches '[Pp]ermission denied|[Oo]peration not permitted|[Ii]s a directory'
}

@test "a program is found in the container's PATH" {
	mkdir "$bundle/rootfs/opt"
	printf '#!/bin/sh\necho found by PATH\n' >"$bundle/rootfs/opt/tool"
	chmod +x "$bundle/rootfs/opt/tool"
	args tool
	config '.process.env = ["PATH=/nowhere:/opt", "FT_TAG=" + $tag]' --arg tag "$tag"
	run ferry run -b "$bundle" "$id"
	succeeded
	is "found by PATH"
}

@test "a file on PATH that may not be executed is passed over" {
	mkdir "$bundle/rootfs/opt"
	echo data >"$bundle/rootfs/opt/true"
	args true
	config '.process.env = ["PATH=/opt:/bin", "FT_TAG=" + $tag]' --arg tag "$tag"
	run ferry run -b "$bundle" "$id"
	succeeded
}

@test "a terminal needs a terminal" {
	config '.process.terminal = true'
	args /bin/true
	run setsid --wait timeout 300 "$FERRY" --root "$root" run -b "$bundle" "$id"
	failed
	matches 'tty|ioctl|console'
	run ferry list -q
	is ""
}

@test "the program is pid 1 of an empty pid namespace" {
	inside_ok 'echo $$; echo /proc/[0-9]*'
	equal "${lines[0]}" 1
	equal "${lines[1]}" /proc/1
}

@test "children of the container are reaped by its own pid 1, and end with it" {
	config '.root.readonly = false'
	inside_ok 'sleep 1000000 & sleep 1000000 & exit 0'
}

@test "many one after another leave nothing" {
	local i
	args /bin/true
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ferry run -b "$bundle" "$id"
	done
}

@test "32 at once" {
	local i pids=() fails=0
	script 'echo "$(hostname)"; exit 5'
	for i in $(seq 32); do
		"$FERRY" --root "$root" run -b "$bundle" "$id-$i" >"$WORK/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in $(seq 32); do
		local code=0
		wait "${pids[$((i - 1))]}" || code=$?
		[ "$code" = 5 ] || { fails=$((fails + 1)); cat "$WORK/out.$i"; }
	done
	equal "$fails" 0
	run ferry list -q
	is ""
}

@test "32 creates with one id: one wins" {
	local i pids=() won=0
	args /bin/sleep 1000000
	echo "$id" >>"$WORK/made"
	for i in $(seq 32); do
		"$FERRY" --root "$root" create -b "$bundle" "$id" >"$WORK/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in $(seq 32); do
		if wait "${pids[$((i - 1))]}"; then
			won=$((won + 1))
		fi
	done
	equal "$won" 1
	equal "$(status_of)" created
}

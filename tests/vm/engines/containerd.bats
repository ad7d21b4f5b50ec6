#!/usr/bin/env bats
# containerd and its shim, by ctr, with the runtime under test as --runc-binary.
load ../machine

setup_file() {
	systemctl start containerd
	make_image /var/tmp/image.tar
	make_rootfs /var/tmp/rootfs
	export rootfs=/var/tmp/rootfs
	ctr run --rm --runc-binary "$runtime" --rootfs $rootfs warm /bin/true
	baseline
}

teardown_file() {
	systemctl stop containerd
}

teardown() {
	local c
	for c in $(ctr container ls -q); do
		ctr task kill -s KILL "$c" || true
		eventually eval "! ctr task ls | grep -qE '^$c .*RUNNING'" || true
		ctr task rm -f "$c" || true
		ctr container rm "$c"
	done
	clean
}

# create ID OPTION... -- ARG...: a container in the background
run_detached() {
	ctr run -d --runc-binary "$runtime" --rootfs "${@:2}" $rootfs "$1" /bin/sleep 1000
}

@test "no other runtime is there" {
	no_other_runtime
}

@test "run: output, standard input, status" {
	same "hello" "$(ctr run --rm --runc-binary "$runtime" --rootfs $rootfs c /bin/echo hello)"
	run -7 ctr run --rm --runc-binary "$runtime" --rootfs $rootfs c /bin/sh -c 'exit 7'
}

@test "run -t has a terminal" {
	[[ "$(pty ctr run --rm -t --runc-binary "$runtime" --rootfs $rootfs c /bin/tty)" == */dev/pts/0* ]]
}

@test "run of what is not there is an error that says so" {
	run ! ctr run --rm --runc-binary "$runtime" --rootfs $rootfs c /bin/nothing
	[[ ${output,,} == *"no such file or directory"* ]]
}

@test "detached: task ls, ps, exec, kill, delete" {
	run_detached c
	ctr task ls | grep -qE '^c +[0-9]+ +RUNNING'
	pid=$(ctr task ls | awk '$1 == "c" { print $2 }')
	ctr task ps c | grep -qw "$pid"
	same "inside" "$(ctr task exec --exec-id e c /bin/echo inside)"
	run -4 ctr task exec --exec-id f c /bin/sh -c 'exit 4'
	run ! ctr task exec --exec-id g c /bin/nothing
	ctr task kill -s TERM c || true
	ctr task kill -s KILL c
	eventually eval 'ctr task ls | grep -qE "^c .*STOPPED"'
	ctr task rm c || true
	ctr container rm c
}

@test "exec -t has a terminal" {
	run_detached c
	[[ "$(pty ctr task exec -t --exec-id e c /bin/tty)" == */dev/pts/* ]]
}

@test "pause and resume" {
	run_detached c
	ctr task pause c
	ctr task ls | grep -qE '^c .*PAUSED'
	ctr task resume c
	ctr task ls | grep -qE '^c .*RUNNING'
	ctr task exec --exec-id e c /bin/true
}

@test "limits, by cgroupfs" {
	run_detached c --memory-limit 67108864 --cpus 0.5
	cgroup=$unified$(cut -d: -f3 "/proc/$(ctr task ls | awk '$1 == "c" { print $2 }')/cgroup")
	same "67108864 50000 100000" "$(cat "$cgroup/memory.max" "$cgroup/cpu.max" | xargs)"
	ctr task metrics c | grep -q memory
}

@test "limits, by systemd" {
	run_detached c --memory-limit 67108864 --runc-systemd-cgroup --cgroup machine.slice:ctr:c
	cgroup=$unified$(cut -d: -f3 "/proc/$(ctr task ls | awk '$1 == "c" { print $2 }')/cgroup")
	cgroup=${cgroup%/container}
	[[ $cgroup == */machine.slice/ctr-c.scope ]]
	same "67108864" "$(cat "$cgroup/memory.max")"
}

@test "mounts, user, environment, hostname, read-only" {
	echo host >"$BATS_TEST_TMPDIR/file"
	same "host" "$(ctr run --rm --runc-binary "$runtime" --mount "type=bind,src=$BATS_TEST_TMPDIR,dst=/mnt,options=rbind:ro" \
		--rootfs $rootfs c /bin/cat /mnt/file)"
	same "33 value" "$(ctr run --rm --runc-binary "$runtime" --user 33 --env key=value --rootfs $rootfs c \
		/bin/sh -c 'echo $(id -u) $key')"
	run ! ctr run --rm --runc-binary "$runtime" --read-only --rootfs $rootfs c /bin/touch /x
	ctr run --rm --runc-binary "$runtime" --privileged --seccomp --rootfs $rootfs c /bin/true
}

@test "task checkpoint: the task goes on, or ends with it" {
	rm -f $rootfs/tmp/n
	ctr run -d --runc-binary "$runtime" --rootfs $rootfs c /bin/sh -c 'while :; do echo >>/tmp/n; sleep 0.1; done'
	eventually test -s $rootfs/tmp/n
	ctr task checkpoint --image-path "$BATS_TEST_TMPDIR/image" --work-path "$BATS_TEST_TMPDIR/work" c
	[ -s "$BATS_TEST_TMPDIR/image/descriptors.json" ] && [ -s "$BATS_TEST_TMPDIR/work/stats-dump" ]
	ctr task ls | grep -qE '^c +[0-9]+ +RUNNING'
	ctr task checkpoint --exit --image-path "$BATS_TEST_TMPDIR/second" c
	eventually eval "ctr task ls | grep -qE '^c +[0-9]+ +STOPPED'"
	rm -f $rootfs/tmp/n
}

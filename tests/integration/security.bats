#!/usr/bin/env bats
# Defects that other runtimes had, as regressions.
load lib

@test "the runtime's binary cannot be written from inside" { # CVE-2019-5736
	# the program re-executes the runtime by /proc/self/exe while a helper tries to write to it
	cp "$FERRY" "$WORK/runtime"
	config '.root.readonly = false | .process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"])'
	local sum
	sum=$(sha256sum <"$WORK/runtime")
	script 'while :; do for p in /proc/[0-9]*; do { echo overwritten >$p/exe; } 2>/dev/null && echo "wrote $p" >>/tmp/wrote; done; done'
	echo "$id" >>"$WORK/made"
	quietly timeout 300 "$WORK/runtime" --root "$root" run -d -b "$bundle" "$id"
	local i
	for i in 1 2 3 4 5; do
		timeout 300 "$WORK/runtime" --root "$root" exec "$id" /proc/self/exe --version </dev/null >/dev/null 2>&1 || :
		timeout 300 "$WORK/runtime" --root "$root" exec "$id" /bin/true </dev/null >/dev/null 2>&1 || :
	done
	ferry delete --force "$id"
	equal "$(sha256sum <"$WORK/runtime")" "$sum"
}

@test "args of /proc/self/exe do not run the runtime inside" {
	args /proc/self/exe --version
	run timeout 300 "$FERRY" --root "$root" run -b "$bundle" "$id"
	[ "$status" -ne 0 ] || has_not "overwritten"
	cmp "$FERRY" "/proc/self/root$FERRY"
}

@test "a cwd by way of a leaked descriptor" { # CVE-2024-21626
	local n
	for n in 3 4 5 6 7 8 9 10; do
		config '.process.cwd = "/proc/self/fd/\($n)"' --arg n "$n"
		script 'cat ../../../../../../../etc/hostname ../../../../../etc/os-release 2>/dev/null; pwd'
		run timeout 300 "$FERRY" --root "$root" run -b "$bundle" "$id"
		has_not PRETTY_NAME
		[ "$status" -ne 0 ] || matches '^/'
	done
	start_sleeper_with_cwd_of_root
	for n in 3 4 5 6 7 8 9 10; do
		run ferry exec --cwd "/proc/self/fd/$n" "$id" sh -c 'cat ../../../../../../../etc/os-release; true'
		has_not PRETTY_NAME
	done
}

start_sleeper_with_cwd_of_root() {
	config '.process.cwd = "/"'
	start_sleeper
}

@test "exec: a cwd that a symlink leads to a descriptor" { # CVE-2024-21626
	config '.root.readonly = false'
	start_sleeper
	local n
	for n in 5 6 7 8 9; do
		ln -sfn "/proc/self/fd/$n" "$bundle/rootfs/mnt/link"
		run ferry exec --cwd /mnt/link "$id" sh -c 'cat ../../../../../../../etc/os-release; true'
		has_not PRETTY_NAME
	done
}

@test "no descriptor of exec leaks in" {
	start_sleeper
	run bash -c 'exec 5</etc 7</ 12</sys/fs/cgroup; timeout 300 "$0" --root "$1" exec "$2" sh -c "ls /proc/\$\$/fd; true"' "$FERRY" "$root" "$id"
	succeeded
	is $'0\n1\n2'
}

@test "no descriptor of the runtime stays in the container's first process" {
	start_sleeper
	run ls "/proc/$(init_pid)/fd"
	is $'0\n1\n2'
}

@test "the runtime is not dumpable where the container could look" { # CVE-2016-9962
	config '.root.readonly = false | .process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	script 'for i in $(seq 400); do for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || ls -l $p/fd 2>/dev/null; done; done | grep -E "config.json|state.json|exec.fifo" >/tmp/saw; sleep 1000000'
	start_container
	local i
	for i in 1 2 3 4 5 6 7 8; do
		ferry exec "$id" /bin/true
	done
	[ ! -s "$bundle/rootfs/tmp/saw" ]
}

@test "/proc replaced by another file system is not written to" { # CVE-2019-16884, CVE-2025-52881
	config '.mounts |= map(if .destination == "/proc" then { destination: "/proc", type: "tmpfs", source: "tmpfs" } else . end) |
		.root.readonly = false'
	inside 'echo runs' # refused, or run without what /proc would give; never labelled or limited by a false file
	[ "$status" -ne 0 ] || has runs
	mkdir -p "$bundle/rootfs/fakeproc/self/attr"
	config '.mounts |= map(if .destination == "/proc" then { destination: "/proc", type: "bind", source: "'"$bundle"'/rootfs/fakeproc", options: ["bind"] } else . end)'
	inside 'echo runs'
	[ -z "$(find "$bundle/rootfs/fakeproc" -type f -size +0)" ]
}

@test "an apparmor profile in a container with a false /proc does not pass for set" {
	[ ! -d /sys/kernel/security/apparmor ] || skip "AppArmor is on here"
	config '.process.apparmorProfile = "some"'
	inside true
	failed
}

@test "the host's files are not reached by .. of the first process" {
	inside 'cd /; cd ../../../..; cat etc/os-release; [ ! -d root/.ssh ] || echo reached; cat /proc/1/root/etc/os-release; true'
	has_not PRETTY_NAME
	has_not reached
}

@test "a rootfs whose directories change while mounts are made" { # CVE-2021-30465
	local outside=$WORK/outside
	mkdir -p "$outside" "$bundle/rootfs/mnt/swap" "$WORK/data"
	touch "$outside/untouched"
	ln -s "$outside" "$bundle/rootfs/mnt/swap.link"
	config '.root.readonly = false | .mounts += [{ destination: "/mnt/swap/in", type: "tmpfs", source: "tmpfs" }]'
	args /bin/true
	( while [ ! -e "$WORK/stop" ]; do
		mv -T "$bundle/rootfs/mnt/swap" "$bundle/rootfs/mnt/swap.dir" 2>/dev/null && mv -T "$bundle/rootfs/mnt/swap.link" "$bundle/rootfs/mnt/swap" 2>/dev/null
		mv -T "$bundle/rootfs/mnt/swap" "$bundle/rootfs/mnt/swap.link" 2>/dev/null && mv -T "$bundle/rootfs/mnt/swap.dir" "$bundle/rootfs/mnt/swap" 2>/dev/null
	done ) 3>&- &
	local racer=$! i
	for i in $(seq 30); do
		ferry run -b "$bundle" "$id" >/dev/null 2>&1 || :
	done
	touch "$WORK/stop"
	wait "$racer" || :
	equal "$(ls -A "$outside")" untouched
}

@test "a runtime in a chroot: whoever joins the container's mount namespace is in the container" {
	touch "$bundle/rootfs/of-the-container"
	args /bin/sleep 1000000
	mkdir "$WORK/outer"
	echo "$id" >>"$WORK/made"
	# shellcheck disable=SC2016 # expanded by the inner shell
	attempt unshare --mount --propagation private sh -c '
		mount --rbind / "$1" && cd / && exec chroot "$1" sh -c "$2" sh "$3" "$4" "$5" "$6"' sh "$WORK/outer" '
		"$1" --root "$2" run --detach -b "$3" "$4" && "$1" --root "$2" exec "$4" ls /' "$FERRY" "$root" "$bundle" "$id"
	succeeded
	has of-the-container
}

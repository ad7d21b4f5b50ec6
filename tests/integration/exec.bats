#!/usr/bin/env bats
# exec: a further process in a running container.
load lib

prepare() {
	config '.root.readonly = false | .process.env += ["FROM_CONFIG=yes"] | .process.cwd = "/tmp"'
}

@test "the program runs inside, and its exit code is exec's" {
	start_sleeper
	run ferry exec "$id" /bin/hostname
	is "$(jq -r .hostname "$bundle/config.json")"
	local code
	for code in 0 1 42 255; do
		run ferry exec "$id" /bin/sh -c "exit $code"
		exited "$code"
	done
	run ferry exec "$id" /bin/sh -c 'kill -9 $$'
	exited 137
}

@test "all namespaces and the cgroup are the container's" {
	start_sleeper
	local ns pid
	pid=$(init_pid)
	for ns in pid net ipc uts mnt cgroup; do
		run ferry exec "$id" readlink "/proc/self/ns/$ns"
		is "$(readlink "/proc/$pid/ns/$ns")"
	done
	run ferry exec "$id" sh -c 'cat /proc/self/cgroup | grep ^0:; cat /proc/1/cgroup | grep ^0:'
	equal "${lines[0]}" "${lines[1]}"
}

@test "standard input, output and error" {
	start_sleeper
	run bash -c 'echo hello | timeout 300 "$0" --root "$1" exec "$2" sh -c "cat; echo err >&2"' "$FERRY" "$root" "$id"
	succeeded
	has hello
	has err
}

@test "environment and directory come from the configuration" {
	start_sleeper
	run ferry exec "$id" sh -c 'echo $FROM_CONFIG; pwd'
	is $'yes\n/tmp'
}

@test "-e adds and replaces, --cwd changes" {
	start_sleeper
	run ferry exec -e A=1 -e "B=two words" -e FROM_CONFIG=no --cwd /etc "$id" sh -c 'echo "$A|$B|$FROM_CONFIG|$PWD"'
	is "1|two words|no|/etc"
	run ferry exec --env A=long "$id" sh -c 'echo $A'
	is long
	run ferry exec -e NOVALUE "$id" true
	failed NOVALUE # runc's; crun takes it
}

@test "a directory that does not exist" {
	start_sleeper
	run ferry exec --cwd /no/such "$id" true
	failed /no/such
	run ferry exec --cwd relative "$id" true
	failed
}

@test "-u with uid, and uid:gid; HOME is the user's" {
	start_sleeper
	run ferry exec -u 33 "$id" id -u
	is 33
	run ferry exec --user 33:50 "$id" sh -c 'id -u; id -g; echo $HOME'
	is $'33\n50\n/var'
}

@test "-u is parsed strictly" { # CVE-2026-30892; runc 1.1 takes negative numbers
	start_sleeper
	local bad
	for bad in www 1:2:3 1: :1 -1 4294967296 99999999999 1x 0x1 ' 1' 1:-1 1:staff; do
		run ferry exec -u "$bad" "$id" true
		[ "$status" -ne 0 ] || { echo "'$bad' was taken"; return 1; }
	done
}

@test "-g adds groups" {
	start_sleeper
	run ferry exec -u 33:33 -g 4 -g 50 "$id" id -G
	is "33 4 50"
	run ferry exec --user 33 --additional-gids 4 "$id" id -G
	has 4
}

@test "-d leaves the program running; --pid-file has its pid" {
	start_sleeper
	quietly ferry exec -d --pid-file "$WORK/pid" "$id" sleep 1000000 || complain
	local pid
	pid=$(cat "$WORK/pid")
	equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000000 "
	run ferry ps -f json "$id"
	equal "$(jq -c sort <<<"$output")" "$(printf '%s\n' "$pid" "$(init_pid)" | jq -sc sort)"
}

@test "-p takes a process document" { # runc 1.1 ignores its umask
	start_sleeper
	jq -n '{ args: ["/bin/sh", "-c", "echo $A; id -u; id -G; pwd; umask; grep NoNewPrivs /proc/self/status"],
		env: ["PATH=/bin", "A=from-document"], cwd: "/etc", user: { uid: 33, gid: 33, additionalGids: [50], umask: 63 },
		noNewPrivileges: true }' >"$WORK/process.json"
	run ferry exec --process "$WORK/process.json" "$id"
	succeeded
	is $'from-document\n33\n33 50\n/etc\n0077\nNoNewPrivs:\t1'
}

@test "-p with a document that is missing, no JSON, or wrong" {
	start_sleeper
	run ferry exec -p "$WORK/none.json" "$id"
	failed "none.json"
	echo '{ "args": [' >"$WORK/bad.json"
	run ferry exec -p "$WORK/bad.json" "$id"
	failed
	echo '{ "args": [], "cwd": "/" }' >"$WORK/empty.json"
	run ferry exec -p "$WORK/empty.json" "$id"
	failed args
}

@test "--cap adds a capability to the process" {
	start_sleeper
	run ferry exec "$id" grep CapEff /proc/self/status
	is $'CapEff:\t0000000020000420'
	run ferry exec --cap CAP_SYS_TIME --cap CAP_SYS_NICE "$id" grep CapEff /proc/self/status
	is $'CapEff:\t0000000022800420'
}

@test "--cap gives no inheritable capabilities" { # CVE-2022-29162
	start_sleeper
	run ferry exec --cap CAP_SYS_TIME "$id" grep CapInh /proc/self/status
	is $'CapInh:\t0000000000000000'
}

@test "--no-new-privs" {
	config '.process.noNewPrivileges = false'
	start_sleeper
	run ferry exec "$id" grep NoNewPrivs /proc/self/status
	is $'NoNewPrivs:\t0'
	run ferry exec --no-new-privs "$id" grep NoNewPrivs /proc/self/status
	is $'NoNewPrivs:\t1'
}

@test "--preserve-fds passes descriptors, and only those" {
	start_sleeper
	echo through-three >"$WORK/three"
	echo through-four >"$WORK/four"
	run bash -c 'exec 3<"$3" 4<"$4" 5<"$4"; timeout 300 "$0" --root "$1" exec --preserve-fds 2 "$2" \
		sh -c "cat <&3; cat <&4; ls /proc/self/fd | tr \"\n\" \" \""' "$FERRY" "$root" "$id" "$WORK/three" "$WORK/four"
	succeeded
	equal "${lines[0]}" through-three
	equal "${lines[1]}" through-four
	matches '0 1 2 3 4 5 $' # 5 is ls reading the directory
}

@test "--preserve-fds of a descriptor that is not open" { # runc 1.1 sees its own
	start_sleeper
	run bash -c 'exec 3>&- 4>&- 5>&- 6>&-; timeout 300 "$0" --root "$1" exec --preserve-fds 3 "$2" true' "$FERRY" "$root" "$id"
	failed
}

@test "a program that is not there" {
	start_sleeper
	run ferry exec "$id" nosuchprogram
	failed nosuchprogram
	matches 'executable file .*not found'
	exited 255
	run ferry exec "$id" /bin/nosuchprogram
	failed
	matches '[Nn]o such file|executable file .*not found'
	run ferry exec "$id" /etc/passwd
	failed
	matches '[Pp]ermission denied|[Oo]peration not permitted'
}

@test "in a container that has stopped" {
	args /bin/true
	start_container
	wait_for_status stopped
	run ferry exec "$id" true
	failed "cannot exec in a stopped container"
}

@test "in a container that is created but not started" {
	args /bin/sleep 1000000
	created_container
	run ferry exec "$id" hostname
	succeeded
	is "$(jq -r .hostname "$bundle/config.json")"
}

@test "in a paused container: refused, unless --ignore-paused" {
	start_sleeper
	ferry pause "$id"
	run ferry exec "$id" true
	failed "cannot exec in a paused container"
	"$FERRY" --root "$root" exec --ignore-paused "$id" echo thawed >"$WORK/out" 2>&1 3>&- &
	local pid=$!
	sleep 0.3
	kill -0 "$pid" # waits with the others
	ferry resume "$id"
	wait "$pid"
	equal "$(cat "$WORK/out")" thawed
}

@test "--tty without a terminal" {
	start_sleeper
	run setsid --wait timeout 300 "$FERRY" --root "$root" exec -t "$id" true
	failed
	matches 'tty|ioctl|console'
}

@test "--detach --tty needs a console socket" {
	start_sleeper
	run ferry exec -d -t "$id" true
	failed
	matches 'console.socket'
}

@test "unknown apparmor profile or selinux label is an error, not ignored" {
	start_sleeper
	if [ ! -d /sys/kernel/security/apparmor ]; then
		run ferry exec --apparmor no-such-profile "$id" true
		failed
		matches '[Aa]pp[Aa]rmor'
	fi
	if [ ! -d /sys/fs/selinux ] ; then
		run ferry exec --process-label system_u:system_r:x:s0 "$id" true
		[ "$status" -ne 0 ] || skip "this runtime ignores labels without SELinux"
	fi
}

@test "--cgroup runs the program in a cgroup below the container's" { # crun 1.8 does not
	start_sleeper
	local above
	above=$(sed -n 's/^0:://p' "/proc/$(init_pid)/cgroup")
	mkdir "$(unified)$above/inner"
	quietly ferry exec -d --cgroup inner --pid-file "$WORK/pid" "$id" sleep 1000000 || complain
	run cat "/proc/$(cat "$WORK/pid")/cgroup"
	has "0::$above/inner"
	run ferry exec --cgroup nosuch "$id" true
	failed nosuch
	run ferry exec --cgroup ../.. "$id" true
	failed
}

@test "signals to exec reach its program" {
	start_sleeper
	"$FERRY" --root "$root" exec "$id" sh -c 'trap "exit 44" TERM; echo >/tmp/ready; while :; do sleep 0.02; done' \
		>"$WORK/out" 2>&1 3>&- &
	local pid=$! code=0
	eventually '[ -e "$bundle/rootfs/tmp/ready" ]'
	kill -TERM "$pid"
	wait "$pid" || code=$?
	equal "$code" 44
}

@test "seccomp, umask and rlimits are the container's" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 42 }] }
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 111, hard: 222 }]'
	start_sleeper
	run ferry exec "$id" sh -c 'grep Seccomp: /proc/self/status; mkdir /tmp/x; ulimit -n; ulimit -Hn'
	has $'Seccomp:\t2'
	has "No message of desired type"
	matches $'111\n222'
}

@test "16 at once" {
	start_sleeper
	local i pids=() fails=0
	for i in $(seq 16); do
		"$FERRY" --root "$root" exec "$id" sh -c "exit $i" >"$WORK/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in $(seq 16); do
		local code=0
		wait "${pids[$((i - 1))]}" || code=$?
		[ "$code" = "$i" ] || { fails=$((fails + 1)); cat "$WORK/out.$i"; }
	done
	equal "$fails" 0
}

with_userns() {
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$bundle"
}

@test "in a container with a user namespace" {
	with_userns
	start_sleeper
	run ferry exec -u 5:6 "$id" sh -c 'id -u; id -g; cat /proc/self/uid_map'
	succeeded
	equal "${lines[0]}" 5
	equal "${lines[1]}" 6
	matches '0 +100000 +65536'
}

@test "in a container with a user namespace, when the new process is ahead of the one that has cloned it" {
	command -v strace >/dev/null || skip "strace is not installed"
	with_userns
	start_sleeper
	run env ASAN_OPTIONS=detect_leaks=0 strace -f -o "$WORK/trace" -e trace=clone3 -e inject=clone3:delay_exit=300000 \
		"$FERRY" --root "$root" exec "$id" echo it runs
	succeeded
	is "it runs"
	equal "$(grep -c 'DELAYED' "$WORK/trace")" 2
}

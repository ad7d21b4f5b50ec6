#!/usr/bin/env bats
# process: who the program is, and what it may.
load lib

of_status() { # FIELD in /proc/self/status of the output
	sed -n "s/^$1:[[:space:]]*//p" <<<"$output"
}

@test "user: uid, gid, additionalGids, umask" {
	config '.process.user = { uid: 33, gid: 50, additionalGids: [4, 1234], umask: 63 }'
	inside_ok 'id -u; id -g; id -G; umask; grep -E "^(Uid|Gid|Groups)" /proc/self/status'
	equal "${lines[0]}" 33
	equal "${lines[1]}" 50
	equal "${lines[2]}" "50 4 1234"
	equal "${lines[3]}" 0077
	equal "$(of_status Uid)" $'33\t33\t33\t33'
	equal "$(of_status Gid)" $'50\t50\t50\t50'
}

@test "without additionalGids none are inherited, and the umask is 0022" {
	umask 027
	inside_ok 'grep ^Groups /proc/self/status; umask'
	equal "$(of_status Groups | tr -d ' ')" ""
	has 0022
}

@test "the five capability sets" {
	config '.process.capabilities = {
		bounding:    ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_NET_RAW"],
		permitted:   ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
		effective:   ["CAP_CHOWN", "CAP_KILL"],
		inheritable: ["CAP_KILL", "CAP_NET_RAW"],
		ambient:     ["CAP_KILL"] } | .process.user = { uid: 33, gid: 33 }'
	args grep ^Cap /proc/self/status
	run ferry run -b "$bundle" "$id"
	succeeded
	equal "$(of_status CapBnd)" 00000000000020e1
	equal "$(of_status CapInh)" 0000000000002020
	equal "$(of_status CapAmb)" 0000000000000020
	# after execve an ordinary user has what is ambient
	equal "$(of_status CapPrm)" 0000000000000020
	equal "$(of_status CapEff)" 0000000000000020
}

@test "root's capabilities are the bounding set; nothing is inheritable by default" {
	args grep ^Cap /proc/self/status
	run ferry run -b "$bundle" "$id"
	succeeded
	equal "$(of_status CapBnd)" 0000000020000420
	equal "$(of_status CapEff)" 0000000020000420
	equal "$(of_status CapInh)" 0000000000000000
}

@test "no capabilities at all" {
	config '.process.capabilities = { }'
	args grep ^Cap /proc/self/status
	run ferry run -b "$bundle" "$id"
	succeeded
	equal "$(of_status CapEff)" 0000000000000000
	equal "$(of_status CapBnd)" 0000000000000000
}

@test "a capability that is not known only warns" {
	config '.process.capabilities |= map_values(. + ["CAP_NO_SUCH"])'
	inside 'echo runs'
	succeeded
	has runs
}

@test "rlimits" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }, { type: "RLIMIT_CORE", soft: 0, hard: 0 },
		{ type: "RLIMIT_NPROC", soft: 50, hard: 60 }, { type: "RLIMIT_STACK", soft: 4194304, hard: 8388608 }]'
	inside_ok 'cat /proc/self/limits'
	matches 'Max open files +100 +200'
	matches 'Max core file size +0 +0'
	matches 'Max processes +50 +60'
	matches 'Max stack size +4194304 +8388608'
}

@test "rlimits: unknown, duplicate, soft above hard" {
	args /bin/true
	config '.process.rlimits = [{ type: "RLIMIT_NOSUCH", soft: 1, hard: 1 }]'
	run ferry run -b "$bundle" "$id"
	failed RLIMIT_NOSUCH
	config '.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }]'
	run ferry run -b "$bundle" "$id"
	failed
}

@test "rlimits: a duplicate is an error" { # runc and crun let the last one win
	args /bin/true
	config '.process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }, { type: "RLIMIT_CORE", soft: 0, hard: 0 }]'
	run ferry run -b "$bundle" "$id"
	failed RLIMIT_CORE
}

@test "env is exactly what was given, with HOME added" {
	config '.process.env = ["PATH=/bin", "A=1", "B=two words", "EMPTY=", "FT_TAG=" + $tag]' --arg tag "$tag"
	export LEAK=leaked
	args /bin/env
	run ferry run -b "$bundle" "$id"
	succeeded
	has "B=two words"
	has "EMPTY="
	has "HOME=/root"
	has_not LEAK
	equal "${#lines[@]}" 6
}

@test "HOME is left alone when given" {
	config '.process.env += ["HOME=/mnt"]'
	inside_ok 'echo $HOME'
	is /mnt
}

@test "cwd, made when missing" {
	config '.process.cwd = "/home"'
	inside_ok pwd
	is /home
	config '.process.cwd = "/tmp/made/here" | .root.readonly = false'
	inside_ok pwd
	is /tmp/made/here
}

@test "noNewPrivileges" {
	local value
	for value in true false; do
		config ".process.noNewPrivileges = $value"
		inside_ok 'grep NoNewPrivs /proc/self/status'
		is "NoNewPrivs:	$([ $value = true ] && echo 1 || echo 0)"
	done
}

@test "oomScoreAdj" {
	config '.process.oomScoreAdj = 321'
	inside_ok 'cat /proc/self/oom_score_adj'
	is 321
	config '.process.oomScoreAdj = 2000'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed
}

@test "scheduler" { # crun 1.8 and runc 1.1 ignore it
	config '.process.scheduler = { policy: "SCHED_BATCH", nice: 7 }'
	inside_ok 'cut -d" " -f19,41 /proc/self/stat' # nice and policy
	is "7 3"
	config '.process.scheduler = { policy: "SCHED_IDLE" }'
	inside_ok 'cut -d" " -f41 /proc/self/stat'
	is 5
	config '.process.scheduler = { policy: "SCHED_NOSUCH" }'
	inside true
	failed SCHED_NOSUCH
}

@test "ioPriority" { # crun 1.8 and runc 1.1 ignore it
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 }'
	inside_ok 'ionice -p $$'
	matches 'best-effort: prio 6'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_IDLE", priority: 0 }'
	inside_ok 'ionice -p $$'
	has idle
	config '.process.ioPriority = { class: "IOPRIO_CLASS_NONE", priority: 9 }'
	inside true
	failed
}

@test "personality" { # runc 1.1 ignores it
	config '.linux.personality = { domain: "LINUX32" }'
	inside_ok 'uname -m; cat /proc/self/personality'
	has_not x86_64
	has 00000008
	config '.linux.personality = { domain: "NOSUCH" }'
	inside true
	failed
}

@test "execCPUAffinity" { # crun 1.8 and runc 1.1 ignore it
	config '.process.execCPUAffinity = { initial: "0", final: "0" }'
	start_sleeper
	run ferry exec "$id" grep Cpus_allowed_list /proc/self/status
	is "Cpus_allowed_list:	0"
	[ "$(grep Cpus_allowed_list "/proc/$(init_pid)/status")" = "$(grep Cpus_allowed_list /proc/self/status)" ]
}

@test "memoryPolicy" { # of 1.3: crun 1.8 and runc 1.1 ignore it
	[ -e /proc/self/numa_maps ] || skip "a kernel without NUMA"
	config '.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0" }'
	inside_ok 'head -n 1 /proc/self/numa_maps'
	has bind
	config '.linux.memoryPolicy = { mode: "MPOL_NOSUCH", nodes: "0" }'
	inside true
	failed
}

@test "labels of a security module that the kernel lacks are refused" {
	args /bin/true
	if [ ! -d /sys/kernel/security/apparmor ]; then
		config '.process.apparmorProfile = "some-profile"'
		run ferry run -b "$bundle" "$id"
		failed
		matches '[Aa]pp[Aa]rmor'
	fi
	if [ ! -d /sys/fs/selinux ]; then
		config 'del(.process.apparmorProfile) | .process.selinuxLabel = "system_u:system_r:x:s0"'
		run ferry run -b "$bundle" "$id"
		[ "$status" -ne 0 ] || skip "this runtime ignores labels without SELinux"
		matches '[Ss][Ee][Ll]inux'
	fi
}

@test "--preserve-fds passes descriptors, and only those" {
	echo through-three >"$WORK/three"
	echo through-four >"$WORK/four"
	script 'cat <&3; cat <&4; ls /proc/self/fd | tr "\n" " "'
	export bundle
	run bash -c 'exec 3<"$3" 4<"$4" 5<"$4" 9<"$4"; timeout 300 "$0" --root "$1" run --preserve-fds 2 -b "$bundle" "$2"' \
		"$FERRY" "$root" "$id" "$WORK/three" "$WORK/four"
	succeeded
	equal "${lines[0]}" through-three
	equal "${lines[1]}" through-four
	matches '0 1 2 3 4 5 $' # 5 is ls reading the directory
}

@test "LISTEN_FDS is passed on, LISTEN_PID is the program's" {
	echo through-three >"$WORK/three"
	script 'cat <&3; echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; ls /proc/self/fd | tr "\n" " "'
	export bundle
	run bash -c 'exec 3<"$3"; export LISTEN_FDS=1 LISTEN_FDNAMES=name; LISTEN_PID=$$ exec "$0" --root "$1" run -b "$bundle" "$2"' \
		"$FERRY" "$root" "$id" "$WORK/three"
	succeeded
	equal "${lines[0]}" through-three
	[[ ${lines[1]} == "1 1"* ]]
	matches '0 1 2 3 4 $'
}

@test "descriptors of the caller do not leak in" { # CVE-2024-21626
	script 'ls -l /proc/self/fd | grep -v "/proc/.*/fd$"; ls /proc/1/fd | wc -l'
	export bundle
	run bash -c 'exec 3</etc 4</proc 7</ 8</sys/fs/cgroup 19</dev/null; "$0" --root "$1" run -b "$bundle" "$2"' "$FERRY" "$root" "$id"
	succeeded
	has_not /etc
	has_not cgroup
	equal "${lines[-1]}" 3
}

@test "the program starts with default signal actions and an empty mask" {
	args grep -E '^Sig(Blk|Ign)' /proc/self/status
	run bash -c 'trap "" USR1 HUP PIPE; exec "$0" --root "$1" run -b "$2" "$3"' "$FERRY" "$root" "$bundle" "$id"
	succeeded
	matches $'SigBlk:\t0000000000000000'
}

@test "the program has a session and a session keyring of its own" {
	inside_ok 'cut -d" " -f5,6 /proc/self/stat; cut -d" " -f6 /proc/1/stat'
	equal "${lines[1]}" 1
}

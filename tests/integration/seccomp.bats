#!/usr/bin/env bats
# linux.seccomp
load lib

seccomp() { # RULES [MORE MEMBERS], both jq expressions
	local more=${2:-null}
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], syscalls: '"$1"' }
		| .root.readonly = false | .linux.seccomp += '"$more"
	[ "$(uname -m)" = x86_64 ] || config 'del(.linux.seccomp.architectures)'
}

@test "an errno, with errnoRet and by default EPERM" {
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 42 }, { names: ["symlink", "symlinkat"], action: "SCMP_ACT_ERRNO" }]'
	inside_ok 'mkdir /tmp/d 2>&1; ln -s a /tmp/l 2>&1; echo x >/tmp/file && echo written; grep ^Seccomp: /proc/self/status'
	has "No message of desired type"
	has "Operation not permitted"
	has written
	has $'Seccomp:\t2'
}

@test "a default action of errno allows what is listed only; defaultErrnoRet" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW" } | .root.readonly = false'
	seccomp '[]'
	inside_ok 'echo without rules'
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ALLOW" }]' '{ defaultAction: "SCMP_ACT_LOG" }'
	inside_ok 'mkdir /tmp/d && echo made'
	is made
}

@test "kill: the process, and the thread" {
	local action
	for action in SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD; do
		seccomp "[{ names: [\"mkdir\", \"mkdirat\"], action: \"$action\" }]"
		config 'del(.linux.namespaces[] | select(.type == "pid"))'
		args mkdir /tmp/d
		run ferry run -b "$bundle" "$id"
		exited 159 # SIGSYS
	done
}

@test "trap sends SIGSYS" {
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_TRAP" }]'
	inside 'mkdir /tmp/d; echo "code $?"'
	has "code 159"
}

@test "log lets it pass" {
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_LOG" }]'
	inside_ok 'mkdir /tmp/d && echo made'
	is made
}

@test "arguments: equal, masked, greater; all of a rule's conditions must hold" {
	# kill(pid, signal): 10 is SIGUSR1, 12 SIGUSR2
	seccomp '[{ names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 42, args: [{ index: 1, value: 10, op: "SCMP_CMP_EQ" }] }]'
	inside_ok 'trap : USR1 USR2; kill -USR1 $$ 2>&1; kill -USR2 $$ && echo passed'
	has "No message"
	has passed
	seccomp '[{ names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 42, args: [{ index: 1, value: 11, op: "SCMP_CMP_GT" }] }]'
	inside_ok 'trap : USR1 USR2; kill -USR2 $$ 2>&1; kill -USR1 $$ && echo passed'
	has "No message"
	has passed
	seccomp '[{ names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 42, args: [{ index: 1, value: 6, valueTwo: 4, op: "SCMP_CMP_MASKED_EQ" }] }]'
	inside_ok 'trap : USR1 USR2; kill -USR2 $$ 2>&1; kill -USR1 $$ && echo passed' # 12 & 6 == 4
	has "No message"
	has passed
}

@test "names that the library does not know are passed over" {
	seccomp '[{ names: ["no_such_call", "mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }]'
	inside_ok 'mkdir /tmp/d 2>&1; true'
	has "Operation not permitted"
}

@test "an action, operator or architecture that does not exist" {
	seccomp '[{ names: ["mkdir"], action: "SCMP_ACT_NOSUCH" }]'
	inside true
	failed SCMP_ACT_NOSUCH
	seccomp '[{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op: "SCMP_CMP_NOSUCH" }] }]'
	inside true
	failed SCMP_CMP_NOSUCH
	seccomp '[]' '{ architectures: ["SCMP_ARCH_NOSUCH"] }'
	inside true
	failed SCMP_ARCH_NOSUCH
}

@test "an index past the last argument" { # runc 1.1 and crun 1.8 ignore or refuse it
	seccomp '[{ names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] }]'
	inside true
	failed
}

@test "flags" {
	seccomp '[{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }]' '{ flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] }'
	inside_ok 'echo runs'
	is runs
	seccomp '[]' '{ flags: ["SECCOMP_FILTER_FLAG_NOSUCH"] }'
	inside true
	failed SECCOMP_FILTER_FLAG_NOSUCH
}

@test "with noNewPrivileges and without" {
	local value
	for value in true false; do
		config ".process.noNewPrivileges = $value"
		seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }]'
		inside_ok 'mkdir /tmp/d 2>&1; id -u'
		has "Operation not permitted"
	done
}

@test "the filter does not hinder the runtime itself: calls it makes late are denied to the program" {
	seccomp '[{ names: ["capset", "setuid", "setresuid", "setgid", "setgroups", "prctl", "chdir", "close_range", "mount", "pivot_root", "unshare"], action: "SCMP_ACT_ERRNO" }]'
	inside_ok 'echo runs'
	is runs
}

@test "a listener gets the state and answers" {
	"$(program recvfd)" seccomp "$WORK/listener.sock" 1 39 >"$WORK/state.json" 2>&1 3>&- &
	local receiver=$!
	eventually '[ -S "$WORK/listener.sock" ]'
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }]' \
		'{ listenerPath: "'"$WORK"'/listener.sock", listenerMetadata: "the metadata" }'
	inside 'mkdir /tmp/d 2>&1'
	has "Directory not empty" # errno 39
	wait "$receiver"
	equal "$(jq -r .metadata "$WORK/state.json")" "the metadata"
	equal "$(jq -r .state.id "$WORK/state.json")" "$id"
	equal "$(jq -r '.fds | index("seccompFd")' "$WORK/state.json")" 0
	[ "$(jq -r .pid "$WORK/state.json")" -gt 0 ]
}

@test "a listener that is not there" {
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }]' '{ listenerPath: "'"$WORK"'/nobody.sock" }'
	inside true
	failed
	seccomp '[{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }]'
	inside true
	failed
}

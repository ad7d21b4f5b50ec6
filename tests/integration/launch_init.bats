#!/usr/bin/env bats
# launch --init: a small init is the container's first process, the command its child.
load lib
load launched

launch() { # OPTION... -- COMMAND...: in the foreground, deleted afterwards
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ferry launch --rm --init --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" host -- "$@"
}

detached() { # OPTION... -- COMMAND...
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --init --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" host -- "$@" ||
		complain launch
}

@test "launch --init: the first process is an init, the command its child" {
	run launch -- sh -c 'head -c 10 /proc/1/cmdline; echo; readlink /proc/1/exe; cut -d" " -f4 /proc/$$/stat; tr "\0" " " </proc/1/cmdline'
	succeeded
	equal "${lines[0]}" ferry-init
	equal "${lines[1]}" /.ferry-init
	equal "${lines[2]}" 1
	[[ "${lines[3]}" == "ferry-init 2 -- sh -c "* ]]
	run launch --privileged -- sh -c '(echo x >/proc/1/exe) || (echo x >/.ferry-init)'
	failed
	has "Read-only file system"
	eventually_empty "$storage"
}

@test "launch --init: ends as the command does" {
	run launch -- sh -c 'exit 42'
	exited 42
	run launch -- sh -c 'kill -KILL $$'
	exited 137
	run launch -- true
	succeeded
}

@test "launch --init: a command that cannot be run, in the same words" {
	local command expected
	printf 'no program' >"$WORK/text"
	chmod 755 "$WORK/text"
	for command in "no-such-command-$tag" /no/such/file /etc /etc/passwd "$WORK/text"; do
		run ferry launch --rm --storage "$storage" -e FT_TAG --name "$id" -v "$WORK/text:$WORK/text" host -- "$command"
		failed
		expected=$status$output
		run launch -v "$WORK/text:$WORK/text" -- "$command"
		equal "$status$output" "$expected"
		attempt ferry launch -d --rm --init --storage "$storage" -e FT_TAG --name "$id" -v "$WORK/text:$WORK/text" host -- "$command"
		equal "$status$output" "$expected"
	done
	eventually_empty "$storage"
}

@test "launch --init: orphans are reaped" {
	run launch -- sh -c '
		orphan=$(sh -c "sh -c : >/dev/null 2>&1 & echo \$!")
		for i in $(seq 2400); do [ -e /proc/$orphan ] || { echo reaped; exit 0; }; sleep 0.05; done
		cat /proc/$orphan/status'
	succeeded
	is reaped
}

@test "launch --init: signals reach the command, which need not heed them as a first process" {
	detached -- sleep 1000000
	run ferry kill "$id" TERM
	succeeded
	run ferry wait "$id"
	is 143
	quietly ferry rm "$id"
	detached -- sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done'
	eventually 'ferry logs $id | grep -q ready'
	run ferry kill "$id" USR1
	succeeded
	run ferry wait "$id"
	is 9
}

@test "launch --init: stop needs no KILL" {
	detached -- sleep 1000000
	run ferry stop -t 1000 "$id"
	succeeded
	equal "$(member exitCode)" 143
}

@test "launch --init: user, capabilities, no_new_privs and filter are the init's, too" {
	run launch -u 1234:5678 -- sh -c '
		for p in 1 self; do grep -E "^(Uid|Gid|CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/$p/status; done'
	succeeded
	equal "${#lines[@]}" 12
	equal "${lines[*]:0:6}" "${lines[*]:6:6}"
	has $'Uid:\t1234\t1234'
	has $'CapEff:\t0000000000000000'
	has $'NoNewPrivs:\t1'
	has $'Seccomp:\t2'
}

@test "launch --init: a filter that knows but the older way to execute" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["execveat"],"action":"SCMP_ACT_ERRNO"}]}' >"$WORK/profile"
	run launch --security-opt "seccomp=$WORK/profile" -- head -c 10 /proc/1/cmdline
	succeeded
	is ferry-init
}

@test "launch --init: the command has the terminal" {
	run timeout 300 script -q -e -c \
		"$FERRY --root $root launch --rm --init --storage $storage -e FT_TAG host -- sh -c 'tty; ps -o tpgid= -p \$\$; echo \$\$'" /dev/null
	succeeded
	has /dev/pts/0
	equal "$(tr -dc 0-9 <<<"${lines[1]}")" "$(tr -dc 0-9 <<<"${lines[2]}")"
	: >"$WORK/out"
	(eventually 'grep -q ready "$WORK/out"' && printf '\003'; eventually '[ -e "$WORK/over" ]') | timeout 300 script -q -e -c \
		"$FERRY --root $root launch --rm --init --storage $storage -e FT_TAG host -- sh -c 'echo ready; exec sleep 1000000'; code=\$?; : >$WORK/over; exit \$code" \
		/dev/null >"$WORK/out" && status=0 || status=$?
	exited 130
}

@test "launch --init: kept from start to start, exec is no child of it" {
	detached -- sh -c 'sleep 1000000'
	run ferry exec "$id" sh -c 'head -c 10 /proc/1/cmdline; echo; cut -d" " -f4 /proc/$$/stat'
	succeeded
	is $'ferry-init\n0'
	quietly ferry restart "$id" || complain restart
	run ferry exec "$id" head -c 10 /proc/1/cmdline
	is ferry-init
	run ferry inspect --format .HostConfig.Init "$id"
	is true
}

@test "launch --init with the machine's processes: orphans are the init's" {
	run launch --pid host -- sh -c '
		sh -c "sh -c \"while [ ! -e /tmp/seen ]; do sleep 0.05; done\" & echo \$! >/tmp/orphan"
		init=$(cut -d" " -f4 /proc/$$/stat)
		head -c 10 /proc/$init/cmdline; echo
		[ "$(cut -d" " -f4 /proc/$(cat /tmp/orphan)/stat)" = $init ] && echo its
		: >/tmp/seen'
	succeeded
	is $'ferry-init\nits'
}

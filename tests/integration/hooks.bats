#!/usr/bin/env bats
# hooks: all six, their order, where they run, what they are given, and what their failure does.
load lib

# A hook script that writes a line of facts and the state it was given.
prepare() {
	config '.root.readonly = false'
	cat >"$WORK/hook" <<-END
		#!/bin/sh
		cat >"$WORK/state.\$1"
		echo "\$1 \$(readlink /proc/self/ns/mnt) \$(readlink /proc/self/ns/net) \$HOOK_ENV \$#" >>"$WORK/log"
	END
	chmod +x "$WORK/hook"
	# the same for hooks that run inside
	cat >"$bundle/rootfs/hook" <<-'END'
		#!/bin/sh
		cat >"/tmp/state.$1"
		echo "$1 $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) $HOOK_ENV $#" >>/tmp/log
	END
	chmod +x "$bundle/rootfs/hook"
}

hook() { # KIND PATH ARGUMENT...
	local kind=$1 path=$2
	shift 2
	config '.hooks[$kind] += [{ path: $path, args: (["hook"] + $ARGS.positional), env: ["PATH=/usr/bin:/bin", "HOOK_ENV=set"] }]' \
		--arg kind "$kind" --arg path "$path" --args -- "$@"
}

# A hook on the host that runs shell text.
shell_hook() { # KIND TEXT [MORE MEMBERS as jq]
	config '.hooks[$kind] += [{ path: "/bin/sh", args: ["sh", "-c", $text] } + '"${3:-null}"']' --arg kind "$1" --arg text "$2"
}

@test "all six, in order, each once" { # runc 1.1 runs poststart in create
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "$WORK/hook" $kind
	done
	hook startContainer /hook startContainer
	script 'echo program >>/tmp/log; sleep 1000000'
	created_container
	run awk '{ print $1 }' "$WORK/log"
	is $'prestart\ncreateRuntime\ncreateContainer'
	[ ! -e "$bundle/rootfs/tmp/log" ]
	ferry start "$id"
	eventually 'grep -q program "$bundle/rootfs/tmp/log"'
	run awk '{ print $1 }' "$bundle/rootfs/tmp/log"
	is $'startContainer\nprogram'
	run awk '{ print $1 }' "$WORK/log"
	is $'prestart\ncreateRuntime\ncreateContainer\npoststart'
	ferry kill "$id" KILL
	wait_for_status stopped
	run grep -c poststop "$WORK/log"
	is 0
	ferry delete "$id"
	run grep -c poststop "$WORK/log"
	is 1
}

@test "several of a kind run in the order of the list" {
	hook createRuntime "$WORK/hook" first
	hook createRuntime "$WORK/hook" second
	hook createRuntime "$WORK/hook" third
	inside_ok true
	run awk '{ print $1 }' "$WORK/log"
	is $'first\nsecond\nthird'
}

@test "namespaces: createContainer and startContainer run in the container's, the others in the runtime's" {
	local kind pid
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "$WORK/hook" $kind
	done
	hook startContainer /hook startContainer
	start_sleeper
	pid=$(init_pid)
	local own_mnt own_net mnt net
	own_mnt=$(readlink /proc/self/ns/mnt) own_net=$(readlink /proc/self/ns/net)
	mnt=$(readlink "/proc/$pid/ns/mnt") net=$(readlink "/proc/$pid/ns/net")
	ferry delete --force "$id"
	for kind in prestart createRuntime poststart poststop; do
		run grep "^$kind " "$WORK/log"
		is "$kind $own_mnt $own_net set 1"
	done
	run grep ^createContainer "$WORK/log"
	is "createContainer $mnt $net set 1"
	run grep ^startContainer "$bundle/rootfs/tmp/log"
	is "startContainer $mnt $net set 1"
}

@test "the state on standard input: id, status, pid, bundle, annotations" { # runc 1.1 calls a running container created
	local kind
	config '.annotations = { "org.example": "v" }'
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "$WORK/hook" $kind
	done
	hook startContainer /hook startContainer
	args /bin/sleep 1000000
	created_container
	local pid
	pid=$(init_pid)
	ferry start "$id"
	ferry delete --force "$id"
	cp "$bundle/rootfs/tmp/state.startContainer" "$WORK/"
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		equal "$(jq -r .id "$WORK/state.$kind")" "$id"
		equal "$(jq -r .bundle "$WORK/state.$kind")" "$bundle"
		equal "$(jq -r '.annotations["org.example"]' "$WORK/state.$kind")" v
		[[ $(jq -r .ociVersion "$WORK/state.$kind") == 1.* ]]
	done
	equal "$(jq .pid "$WORK/state.prestart")" "$pid"
	equal "$(jq .pid "$WORK/state.createRuntime")" "$pid"
	equal "$(jq .pid "$WORK/state.poststart")" "$pid"
	matches='creating|created'
	[[ $(jq -r .status "$WORK/state.createRuntime") =~ $matches ]]
	equal "$(jq -r .status "$WORK/state.startContainer")" created
	equal "$(jq -r .status "$WORK/state.poststart")" running
	equal "$(jq -r .status "$WORK/state.poststop")" stopped
}

@test "createContainer runs after the mounts are made, before the root is the container's" {
	config '.mounts += [{ destination: "/mnt", type: "tmpfs", source: "tmpfs" }]'
	shell_hook createContainer "touch '$bundle/rootfs/mnt/from-hook'; stat -f -c %T '$bundle/rootfs/mnt' >'$WORK/type'"
	inside_ok 'ls /mnt'
	is from-hook
	equal "$(cat "$WORK/type")" tmpfs
	[ ! -e "$bundle/rootfs/mnt/from-hook" ]
}

@test "a prestart hook can give the container a network interface" {
	shell_hook prestart 'pid=$(sed "s/.*\"pid\": *\([0-9]*\).*/\1/" | tr -d "\n" | head -c 10); ip link add ftdummy type dummy && ip link set ftdummy netns "$pid"'
	ip link add ftprobe type dummy 2>/dev/null || skip "no dummy interfaces here"
	ip link del ftprobe
	inside_ok 'ip -o link'
	has ftdummy
}

@test "a failing hook before start aborts create, and nothing is left" {
	local kind
	for kind in prestart createRuntime createContainer; do
		config 'del(.hooks)'
		shell_hook $kind 'echo the reason >&2; exit 3'
		args /bin/sleep 1000000
		attempt ferry create -b "$bundle" "$id"
		failed hook
		run ferry state "$id"
		failed "does not exist"
	done
}

@test "a failing startContainer hook: the program never runs" {
	config '.hooks.startContainer = [{ path: "/bin/false" }]'
	script 'echo ran >/tmp/ran'
	inside 'echo ran >/tmp/ran'
	failed
	[ ! -e "$bundle/rootfs/tmp/ran" ]
}

@test "a failing poststart hook is fatal" { # since 1.3; crun 1.8 only warns
	shell_hook poststart 'exit 3'
	attempt ferry run -d -b "$bundle" "$id"
	failed hook
	echo "$id" >>"$WORK/made"
	[ "$(status_of 2>/dev/null)" != running ]
}

@test "a failing poststop hook only warns, and the others still run" { # runc 1.1 stops at it
	shell_hook poststop 'exit 3'
	shell_hook poststop "echo second >'$WORK/second'"
	start_sleeper
	run ferry delete --force "$id"
	succeeded
	equal "$(cat "$WORK/second")" second
	run ferry state "$id"
	failed "does not exist"
}

@test "poststop runs after a foreground run too" {
	shell_hook poststop "echo stopped >'$WORK/stopped'"
	inside_ok true
	equal "$(cat "$WORK/stopped")" stopped
}

@test "a hook that takes longer than its timeout is killed, and create fails" {
	shell_hook createRuntime 'exec sleep 1000000' '{ timeout: 1 }'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed "timed out after 1 s"
}

@test "a hook that is not there, or not absolute" {
	args /bin/true
	config '.hooks.createRuntime = [{ path: "/no/such/hook" }]'
	run ferry run -b "$bundle" "$id"
	failed /no/such/hook
	config '.hooks.createRuntime = [{ path: "relative" }]'
	run ferry run -b "$bundle" "$id"
	failed
}

@test "a hook has the environment of its own only" {
	export LEAK=leaked
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c", $text], env: ["ONLY=this"] }]' \
		--arg text "tr '\\0' '\\n' </proc/self/environ >'$WORK/environment'"
	inside_ok true
	equal "$(cat "$WORK/environment")" ONLY=this
}

@test "a hook that does not read its state does not matter" {
	config '.annotations = { "long": ("x" * 100000) } | .hooks.createRuntime = [{ path: "/bin/true" }]'
	inside_ok 'echo runs'
	is runs
}

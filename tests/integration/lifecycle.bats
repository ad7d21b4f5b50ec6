#!/usr/bin/env bats
# create, start, state, kill, delete: the commands an engine gives one after another.
load lib

@test "create, state, start, kill, delete" {
	script 'echo started >/tmp/it-runs; exec sleep 1000000'
	config '.root.readonly = false'
	created_container
	equal "$(status_of)" created
	[ ! -e "$bundle/rootfs/tmp/it-runs" ]
	ferry start "$id"
	eventually '[ -e "$bundle/rootfs/tmp/it-runs" ]'
	equal "$(status_of)" running
	kill -0 "$(init_pid)"
	ferry kill "$id" KILL
	wait_for_status stopped
	ferry delete "$id"
	run ferry state "$id"
	failed "does not exist"
}

@test "state has what the specification asks, and runc's members" {
	config '.annotations = { "org.example.key": "value" }'
	args /bin/sleep 1000000
	local before
	before=$(date +%s)
	created_container
	run ferry state "$id"
	succeeded
	equal "$(jq -r .id <<<"$output")" "$id"
	equal "$(jq -r .status <<<"$output")" created
	equal "$(jq -r .bundle <<<"$output")" "$bundle"
	equal "$(jq -r .rootfs <<<"$output")" "$bundle/rootfs"
	equal "$(jq -r '.annotations."org.example.key"' <<<"$output")" value
	[[ $(jq -r .ociVersion <<<"$output") == 1.* ]]
	local created
	created=$(date -d "$(jq -r .created <<<"$output")" +%s)
	[ "$created" -ge "$before" ] && [ "$created" -le "$(date +%s)" ]
	equal "$(readlink "/proc/$(jq -r .pid <<<"$output")/root")" /
	ferry start "$id"
	ferry kill "$id" KILL
	wait_for_status stopped
	equal "$(ferry state "$id" | jq .pid)" 0
}

@test "a program that ends leaves a stopped container" {
	args /bin/true
	created_container
	ferry start "$id"
	wait_for_status stopped
	ferry delete "$id"
}

@test "an id is used once" {
	args /bin/sleep 1000000
	created_container
	attempt ferry create -b "$bundle" "$id"
	failed exist
	run ferry run -b "$bundle" "$id"
	failed exist
	equal "$(status_of)" created
}

@test "bad ids are refused" {
	local bad
	for bad in '' . .. a/b ../x /x 'a b' 'a*b' $'a\nb' "$(printf 'x%.0s' {1..2000})"; do
		attempt ferry create -b "$bundle" "$bad"
		failed
		[ ! -d "$root" ] || equal "$(ls "$root")" ""
	done
}

@test "ids may have letters, digits and _ + - ." {
	start_sleeper "$id.A_b+c-0"
	equal "$(status_of "$id.A_b+c-0")" running
}

@test "an unknown container does not exist" {
	local command
	for command in state kill start delete pause resume ps "events --stats" "update --pids-limit 5"; do
		# shellcheck disable=SC2086
		run ferry $command nope
		failed "does not exist"
	done
	run ferry exec nope true
	failed "does not exist"
	run ferry delete --force nope
	succeeded
}

@test "start: only what was created" {
	args /bin/sleep 1000000
	created_container
	ferry start "$id"
	run ferry start "$id"
	failed "cannot start an already running container"
	ferry kill "$id" KILL
	wait_for_status stopped
	run ferry start "$id"
	failed "cannot start a container that has stopped"
}

@test "a running container is not deleted without --force" {
	start_sleeper
	run ferry delete "$id"
	failed "cannot delete container $id that is not stopped: running"
	equal "$(status_of)" running
	ferry delete --force "$id"
	run ferry state "$id"
	failed "does not exist"
}

@test "a created container is deleted, its process killed" {
	args /bin/sleep 1000000
	created_container
	local pid
	pid=$(init_pid)
	ferry delete "$id"
	eventually '[ ! -e "/proc/$pid" ]'
}

@test "kill of a stopped container" {
	args /bin/true
	start_container
	wait_for_status stopped
	run ferry kill "$id"
	failed "container not running"
	run ferry kill --all "$id" KILL
	succeeded
}

@test "kill by name, by number, with and without SIG, and TERM by default" {
	script 'for s in HUP USR1 USR2 WINCH TERM; do trap "echo $s >>/tmp/got" $s; done; echo ready >/tmp/ready
		while :; do sleep 0.02; done'
	config '.root.readonly = false'
	start_container
	eventually '[ -e "$bundle/rootfs/tmp/ready" ]'
	local got=$bundle/rootfs/tmp/got
	ferry kill "$id" HUP && eventually 'grep -q HUP "$got" 2>/dev/null'
	ferry kill "$id" SIGUSR1 && eventually 'grep -q USR1 "$got"'
	ferry kill "$id" 12 && eventually 'grep -q USR2 "$got"'
	ferry kill "$id" winch && eventually 'grep -q WINCH "$got"'
	ferry kill "$id" && eventually 'grep -q TERM "$got"'
	run ferry kill "$id" NOSUCH
	failed 'NOSUCH'
	run ferry kill "$id" 4711
	failed
	ferry kill "$id" 9
	wait_for_status stopped
}

@test "real-time signals by name" { # runc and crun know only some of them
	script 'trap "echo got >/tmp/got" 35; echo ready >/tmp/ready; while :; do sleep 0.02; done'
	config '.root.readonly = false'
	start_container
	eventually '[ -e "$bundle/rootfs/tmp/ready" ]'
	ferry kill "$id" RTMIN+1
	eventually '[ -e "$bundle/rootfs/tmp/got" ]'
}

@test "kill --all reaches every process of a container that shares the pid namespace" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	script 'sleep 1000001 & sleep 1000002 & echo $! >/tmp/pid; wait'
	config '.root.readonly = false'
	start_container
	eventually '[ -s "$bundle/rootfs/tmp/pid" ]'
	local pid
	pid=$(cat "$bundle/rootfs/tmp/pid")
	kill -0 "$pid"
	ferry kill --all "$id" KILL
	eventually "process_ended $pid"
	wait_for_status stopped
}

@test "delete --force kills all that is left without a pid namespace" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	script 'sleep 1000003 & echo $! >/tmp/pid; wait'
	config '.root.readonly = false'
	start_container
	eventually '[ -s "$bundle/rootfs/tmp/pid" ]'
	local pid
	pid=$(cat "$bundle/rootfs/tmp/pid")
	ferry delete --force "$id"
	eventually "process_ended $pid"
}

@test "--pid-file has the pid of the first process, without a newline" {
	args /bin/sleep 1000000
	echo "$id" >>"$WORK/made"
	quietly ferry create -b "$bundle" --pid-file "$WORK/pid" "$id"
	equal "$(cat "$WORK/pid")" "$(init_pid)"
	equal "$(wc -c <"$WORK/pid")" "$(init_pid | tr -d "\n" | wc -c)"
}

@test "--pid-file that is no file is written to, and stays" {
	mkfifo "$WORK/fifo"
	exec 5<>"$WORK/fifo"
	args /no/such/program
	attempt ferry run -b "$bundle" --pid-file "$WORK/fifo" "$id-b"
	failed "no such file"
	[ -p "$WORK/fifo" ]
	run timeout 300 head -c 1 <&5
	matches '^[0-9]$'
	exec 5>&-
}

@test "a pid file that cannot be written fails the create" {
	args /bin/sleep 1000000
	attempt ferry create -b "$bundle" --pid-file "$WORK/no/such/dir/pid" "$id"
	failed
	run ferry state "$id"
	failed "does not exist"
}

@test "--bundle: relative, with symlinks, and the current directory by default" {
	args /bin/sleep 1000000
	ln -s bundle "$WORK/link"
	cd "$WORK"
	created_container "$id-a" # absolute
	echo "$id-b" >>"$WORK/made"
	quietly ferry create --bundle link "$id-b"
	cd bundle
	echo "$id-c" >>"$WORK/made"
	quietly ferry create "$id-c"
	ferry start "$id-b"
	ferry start "$id-c"
	equal "$(ferry state "$id-c" | jq -r .bundle)" "$bundle"
}

@test "a bundle that is missing, or has no config.json" {
	attempt ferry create -b "$WORK/nope" "$id"
	failed
	matches '[Nn]o such file'
	mkdir "$WORK/empty"
	attempt ferry create -b "$WORK/empty" "$id"
	failed config.json
}

@test "--config names another document" { # crun has it; runc does not
	script 'echo other'
	mv "$bundle/config.json" "$WORK/other.json"
	run ferry run -b "$bundle" --config "$WORK/other.json" "$id"
	succeeded
	is other
	run ferry run -b "$bundle" -f "$WORK/other.json" "$id"
	is other
}

@test "too few and too many arguments" {
	run ferry create
	failed
	attempt ferry create -b "$bundle" "$id" more
	failed
	run ferry state
	failed
	run ferry start
	failed
	run ferry kill
	failed
	run ferry exec "$id"
	failed
}

@test "two containers from one bundle" {
	start_sleeper "$id-1"
	start_sleeper "$id-2"
	[ "$(init_pid "$id-1")" != "$(init_pid "$id-2")" ]
	ferry delete --force "$id-1"
	equal "$(status_of "$id-2")" running
}

@test "delete takes a directory of state whose process is gone" {
	start_sleeper
	kill -KILL "$(init_pid)"
	wait_for_status stopped
	ferry delete "$id"
	run ferry list -q
	is ""
}

@test "pause and resume" {
	config '.root.readonly = false'
	script 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; sleep 0.01; done'
	start_container
	eventually '[ -s "$bundle/rootfs/tmp/count" ]'
	ferry pause "$id"
	equal "$(status_of)" paused
	local before after
	before=$(cat "$bundle/rootfs/tmp/count")
	sleep 0.2
	after=$(cat "$bundle/rootfs/tmp/count")
	equal "$before" "$after"
	run ferry pause "$id"
	failed "container not running"
	ferry resume "$id"
	equal "$(status_of)" running
	eventually '[ "$(cat "$bundle/rootfs/tmp/count")" != "$after" ]'
	run ferry resume "$id"
	failed "container not paused"
}

@test "a paused container is killed by kill KILL and by delete --force" {
	start_sleeper "$id-1"
	ferry pause "$id-1"
	ferry kill "$id-1" KILL
	wait_for_status stopped "$id-1"
	start_sleeper "$id-2"
	ferry pause "$id-2"
	ferry delete --force "$id-2"
	run ferry state "$id-2"
	failed "does not exist"
}

@test "a created container can be paused and resumed" {
	args /bin/sleep 1000000
	created_container
	ferry pause "$id"
	equal "$(status_of)" paused
	ferry resume "$id"
	equal "$(status_of)" created
	ferry start "$id"
	equal "$(status_of)" running
}

@test "--root keeps containers apart" {
	start_sleeper
	run timeout 300 "$FERRY" --root "$WORK/tmp/other" state "$id"
	failed "does not exist"
	rmdir "$WORK/tmp/other" 2>/dev/null || :
}

@test "a cgroup named after the container, gone afterwards" {
	start_sleeper
	local cgroup
	cgroup=$(sed -n 's/^0:://p' "/proc/$(init_pid)/cgroup")
	[[ $cgroup == *"$id"* ]]
	[ -d "$(unified)$cgroup" ]
	ferry delete --force "$id"
	[ ! -d "$(unified)$cgroup" ]
}

@test "linux.cgroupsPath names a cgroup that another container is in: refused, and that one goes on" {
	config '.linux.cgroupsPath = "/\($tag)-shared"' --arg tag "$tag"
	start_sleeper
	for command in create run; do
		run ferry "$command" -b "$bundle" "$id-2"
		failed "cgroup is not empty"
	done
	equal "$(status_of)" running
	run ferry list -q
	is "$id"
}

@test "a stopped container's cgroup that another uses meanwhile is left alone" {
	local namespaces left
	for namespaces in own,made own,used shared,made shared,used; do
		left=${namespaces#*,}
		config '.linux.cgroupsPath = "/\($tag)-again"' --arg tag "$tag"
		[[ $namespaces = own,* ]] || config 'del(.linux.namespaces[] | select(.type == "pid"))'
		start_sleeper "$id-old"
		quietly ferry kill "$id-old" KILL
		wait_for_status stopped "$id-old"
		# Another by the same path, or the same that was left empty.
		[ $left = used ] || eventually 'rmdir "$(unified)/$tag-again"'
		start_sleeper "$id-new"
		run ferry kill -a "$id-old" KILL
		run ferry delete "$id-old"
		succeeded
		equal "$(status_of "$id-new")" running
		run ferry delete --force "$id-new"
		succeeded
		[ ! -d "$(unified)/$tag-again" ]
	done
}

@test "a stopped container without a pid namespace: what it left in its cgroup is killed" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	script 'setsid sleep 1000000 & echo $!; sleep 1000000'
	start_container
	local left
	eventually '[ -s "$WORK/out" ]'
	left=$(cat "$WORK/out")
	kill -KILL "$(init_pid)"
	wait_for_status stopped
	kill -0 "$left"
	run ferry delete "$id"
	succeeded
	eventually '! kill -0 '"$left"' 2>/dev/null'
}

@test "linux.cgroupsPath, absolute" {
	config '.linux.cgroupsPath = "/\($tag)-above/inner"' --arg tag "$tag"
	start_sleeper
	run cat "/proc/$(init_pid)/cgroup"
	has "0::/$tag-above/inner"
	ferry delete --force "$id"
	[ ! -d "$(unified)/$tag-above/inner" ]
	rmdir "$(unified)/$tag-above" 2>/dev/null || : # runtimes leave the cgroups above
}

#!/usr/bin/env bats
# checkpoint and restore as far as they are ferry's own, with criu.py in CRIU's place. What CRIU itself makes of it is seen in
# tests/vm/checkpoint.bats.
load lib

prepare() {
	export FERRY_CRIU=$here/criu.py CRIU_STARTS="/bin/busybox sleep 1000000"
	image=$WORK/image
	config '.linux.cgroupsPath = "/" + $id | .linux.namespaces += [{ type: "cgroup" }] | .linux.namespaces |= unique' --arg id "$id"
}

checkpoint() { attempt ferry checkpoint --image-path "$image" "$@"; }

restore() { # OPTION...
	echo "$id-new" >>"$WORK/made"
	attempt ferry restore --image-path "$image" --bundle "$bundle" "$@" "$id-new"
}

asked() { grep -qx -- "$1" "$image/asked" || { echo "CRIU was not asked '$1' but:"; cat "$image/asked"; return 1; }; }

@test "help, and what engines look for in it" {
	run ferry checkpoint --help
	succeeded
	run ferry restore --lsm-mount-context
	failed "flag needs an argument"
}

@test "a checkpoint ends and deletes the container, and is whole" {
	start_sleeper
	checkpoint "$id"
	succeeded
	equal "$(jq length "$image/descriptors.json")" 3
	run ferry state "$id"
	failed "does not exist"
	[ ! -e "$(unified)/$id" ]
}

@test "CRIU is told of the root, the cgroup, mounts, masked paths and standard descriptors" {
	mkdir -p "$WORK/source"
	ln -s mnt "$bundle/rootfs/lnk"
	config '.mounts += [{ destination: "/lnk/", type: "bind", source: $source, options: ["rbind"] }]' --arg source "$WORK/source"
	start_sleeper
	checkpoint --leave-running --tcp-established --file-locks --network-lock nftables "$id"
	succeeded
	asked "2 $(init_pid)"
	asked "13 $bundle/rootfs"
	asked "44 $(unified)/$id"
	asked "34 0"
	asked "3 1"
	asked "5 1"
	asked "8 1"
	asked "64 2"
	asked "23 /mnt /mnt"
	asked "23 /proc/keys /dev/null"
	run grep -q "/proc/acpi" "$image/asked"
	failed
	equal "$(status_of)" running
	[[ "$(jq -r '.[1]' "$image/descriptors.json")" == "file["* ]]
}

@test "what a program has opened in the place of its standard output meanwhile is not taken for it" {
	local printed
	script 'exec >/dev/shm/other; exec sleep 1000000'
	echo "$id" >>"$WORK/made"
	ferry run -d -b "$bundle" "$id" </dev/null >"$WORK/printed" 2>&1 3>&-
	eventually '[ "$(readlink "/proc/$(init_pid)/fd/1")" = /dev/shm/other ]'
	checkpoint "$id"
	succeeded
	printed=$(jq -r '.[1]' "$image/descriptors.json")
	[[ "$printed" == "file["*"]:$WORK/printed" ]]
	grep -qxF "37 ${printed%:/*}" "$image/asked"
	echo "$id-new" >>"$WORK/made"
	ferry restore --image-path "$image" --bundle "$bundle" --detach "$id-new" </dev/null >"$WORK/again" 2>&1 3>&-
	grep -qxF "27 ${printed%:/*} 2" "$image/asked"
	image=$WORK/second
	checkpoint --shell-job "$id-new"
	succeeded
	[[ "$(jq -r '.[1]' "$image/descriptors.json")" == "file["*"]:$WORK/again" ]]
}

@test "namespaces that are joined by path are external" {
	local neighbour
	unshare -n sleep 1000000 >/dev/null 2>&1 3>&- &
	neighbour=$!
	eventually "[ \$(cat /proc/$neighbour/comm) = sleep ]"
	config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/proc/$neighbour/ns/net"
	start_sleeper
	checkpoint "$id"
	succeeded
	asked "37 net\[$(stat -Lc %i "/proc/$neighbour/ns/net")\]:extRootNetNS"
	restore --detach
	succeeded
	grep -q "^27 extRootNetNS [0-9]" "$image/asked"
	kill -KILL $neighbour
}

@test "pre-dumps leave the container running, and the last one builds on them" {
	start_sleeper
	checkpoint --pre-dump "$id"
	succeeded
	equal "$(status_of)" running
	[ ! -e "$image/descriptors.json" ]
	image=$WORK/second
	checkpoint --parent-path ../image "$id"
	succeeded
	asked "14 ../image"
	asked "15 1"
}

@test "pre-dumps need a kernel that tracks memory" {
	start_sleeper
	CRIU_TRACKS=0 checkpoint --pre-dump "$id"
	failed "does not track which memory is written"
	CRIU_TRACKS=0 checkpoint --parent-path ../rootfs --image-path "$bundle/image" "$id"
	failed "--parent-path: this kernel does not track which memory is written"
	equal "$(status_of)" running
}

@test "an image does not build on what one before it in its directory built on" {
	start_sleeper
	checkpoint --pre-dump "$id"
	image=$WORK/second
	checkpoint --leave-running --parent-path ../image "$id"
	succeeded
	ln -s ../image "$image/parent" # as CRIU
	checkpoint --leave-running --parent-path . "$id"
	failed "--parent-path '.': is the directory of the image itself"
	[ -e "$image/descriptors.json" ]
	checkpoint "$id"
	succeeded
	[ ! -L "$image/parent" ]
	[ ! -e "$image/being-made" ]
}

@test "two containers do not become one image" {
	local other=$id-other
	start_sleeper
	hang hang --leave-running
	echo "$other" >>"$WORK/made"
	config '.linux.cgroupsPath = "/" + $id' --arg id "$other"
	ferry run -d -b "$bundle" "$other"
	checkpoint "$other"
	failed "--image-path '$image': another checkpoint is being written there"
	# What was cut short is put right without harm to what was made there since.
	kill -KILL $pid "$criu"
	wait $pid || true
	eventually "! kill -0 $criu 2>/dev/null"
	checkpoint "$other"
	succeeded
	equal "$(status_of)" running
	[ -e "$image/descriptors.json" ]
}

@test "what a checkpoint that fails has written of memory goes, and nothing else" {
	start_sleeper
	mkdir "$image"
	touch "$image/pages-7.img" "$image/disk-1.img"
	CRIU_WRITES="pages-1.img tmpfs-dev-1.tar.gz.img notes-1.img" CRIU_DOES=fail CRIU_LOG=no checkpoint "$id"
	failed
	equal "$(cd "$image" && echo *-*.img)" "disk-1.img notes-1.img pages-7.img"
	[ ! -e "$image/being-made" ]
}

@test "lazy pages are served at the address that was given, whatever else is set" {
	echo "ghost-limit 2000000" >"$WORK/criu.conf"
	config '.annotations["org.criu.config"] = $file' --arg file "$WORK/criu.conf"
	start_sleeper
	checkpoint --lazy-pages --page-server 127.0.0.1:2700 "$id"
	succeeded
	asked "setting address 127.0.0.1"
	asked "setting ghost-limit 2000000"
	start_sleeper
	checkpoint --lazy-pages --page-server '[::1]:2700' "$id"
	succeeded
	asked "setting address ::1"
}

@test "a checkpoint that fails leaves the container as it was, and says why" {
	start_sleeper
	CRIU_DOES=fail CRIU_LOG="Some thing is not dumpable" checkpoint "$id"
	failed "Some thing is not dumpable"
	has "$image/dump.log"
	equal "$(status_of)" running
	ferry pause "$id"
	CRIU_DOES=fail CRIU_LOG="Some thing is not dumpable" checkpoint "$id"
	failed
	equal "$(status_of)" paused
	run jq -e .dumping "$root/$id/state.json"
	failed
	[ ! -e "$image/descriptors.json" ]
	ferry resume "$id"
	CRIU_DOES=fail CRIU_LOG="No such process" CRIU_RUNS="kill -KILL $(init_pid)" checkpoint "$id"
	failed "container '$id' ended before it was saved"
	equal "$(status_of)" stopped
}

@test "a checkpoint to where there is no room fails before anything is frozen" {
	start_sleeper
	mkdir "$WORK/small"
	mount -t tmpfs -o size=64k none "$WORK/small"
	run dd if=/dev/zero of="$WORK/small/all" bs=4k
	attempt ferry checkpoint --image-path "$WORK/small/image" "$id"
	failed "--image-path '$WORK/small/image': write 'being-made': No space left on device"
	equal "$(ls "$WORK/small/image")" ""
	truncate -s -4k "$WORK/small/all"
	attempt ferry checkpoint --image-path "$WORK/small/image" "$id"
	umount "$WORK/small"
	failed "the file system of its log '$WORK/small/image/dump.log' is full: make room"
}

hang() { # HOW OPTION... : a checkpoint whose CRIU hangs, as $pid, and $criu
	rm -rf "$image"
	CRIU_DOES=$1 "$FERRY" --root "$root" checkpoint --image-path "$image" "${@:2}" "$id" >"$WORK/out" 2>&1 3>&- &
	pid=$!
	eventually '[ -e "$image/hangs" ] && [ "$(cat "$(unified)/$id/cgroup.freeze")" = 1 ]'
	criu=$(pgrep -P $pid -f criu.py)
}

@test "when ferry or CRIU is killed the next command has the container go on" {
	local victim
	start_sleeper
	for victim in ferry criu both; do
		hang hang
		case $victim in
		ferry) kill -KILL $pid ;;
		criu) kill -KILL "$criu" ;;
		both) kill -STOP "$criu" && kill -KILL $pid "$criu" ;;
		esac
		wait $pid || true
		eventually "! kill -0 $criu 2>/dev/null"
		equal "$(status_of)" running
		equal "$(cat "$(unified)/$id/cgroup.freeze")" 0
		[ ! -e "$image/descriptors.json" ]
	done
}

@test "when ferry is killed, and CRIU comes to its end, the container goes on by itself" {
	start_sleeper
	hang hang
	kill -KILL $pid
	wait $pid || true
	eventually '[ "$(cat "$(unified)/$id/cgroup.freeze")" = 0 ]'
	equal "$(status_of)" running
}

@test "nothing is put right before what CRIU has left at work has ended" {
	start_sleeper
	CRIU_RUNS="sleep 1000002" hang hang
	eventually "! no_process 'sleep 1000002' >/dev/null"
	kill -KILL "$criu"
	wait $pid || true
	no_process 'sleep 1000002'
	equal "$(status_of)" running
}

@test "one that was paused is so again" {
	start_sleeper
	ferry pause "$id"
	hang hang
	echo 0 >"$(unified)/$id/cgroup.freeze"	# as CRIU does
	kill -KILL "$criu"
	wait $pid || true
	equal "$(status_of)" paused
}

@test "CRIU is not ended by what ends its caller: it comes to an end itself" {
	local signal
	start_sleeper
	for signal in INT TERM HUP; do
		hang hang
		kill -$signal "$criu"
		[ "$(ps -o sid= -p "$criu")" -eq "$criu" ]
		kill -KILL $pid
		wait $pid || true
		eventually '[ -e "$image/gave-up" ]'
		eventually '[ "$(status_of)" = running ]'
	done
}

@test "an image that is whole ends the container, however CRIU does" {
	start_sleeper
	hang hang-saved
	kill -KILL "$criu"
	wait $pid
	equal "$(cat "$WORK/out")" ""
	[ -e "$image/descriptors.json" ]
	run ferry state "$id"
	failed "does not exist"
	[ ! -e "$(unified)/$id" ]
}

catches_traps() {
	((0x$(awk '/^SigCgt:/ { print $2 }' "/proc/$(init_pid)/status") & 1 << 5 - 1))
}

@test "what goes on has no image that its caller was not told of, and its breakpoints are its own" {
	start_sleeper
	hang hang-saved
	catches_traps
	kill -KILL $pid
	wait $pid || true
	eventually '[ -e "$image/gave-up" ]'
	eventually '[ "$(status_of)" = running ] && [ ! -e "$image/descriptors.json" ]'
	run ! catches_traps
	hang hang-saved --leave-running
	catches_traps
	kill -KILL "$criu"
	run ! wait $pid
	eventually '[ "$(status_of)" = running ] && [ ! -e "$image/descriptors.json" ]'
	run ! catches_traps
	run jq -e .dumpImage "$root/$id/state.json"
	failed
}

@test "as long as CRIU is at work, others wait" {
	start_sleeper
	CRIU_DOES=hang CRIU_STAYS=$WORK/go "$FERRY" --root "$root" checkpoint --image-path "$image" "$id" >"$WORK/out" 2>&1 3>&- &
	local pid=$! waits=yes
	eventually '[ -e "$image/hangs" ]'
	kill -KILL $pid
	wait $pid || true
	equal "$(status_of)" paused
	attempt ferry kill "$id" CONT
	ferry resume "$id" >"$WORK/out" 2>&1 3>&- &
	pid=$!
	sleep 0.5
	kill -0 $pid || waits=no
	touch "$WORK/go"
	wait $pid && waits=succeeded
	equal "$waits" yes
	grep "container not paused" "$WORK/out"
	no_process 'criu[.]py'
}

@test "restore makes the container anew: record, cgroup, hooks, pid file" {
	start_sleeper
	checkpoint "$id"
	succeeded
	config '.hooks = { prestart: [$h], createRuntime: [$h], poststop: [$h] }' --argjson h \
		"{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"jq -r .status >>$WORK/hooks\"]}"
	config '.linux.cgroupsPath = "/" + $id' --arg id "$id-cgroup"
	restore --detach --pid-file "$WORK/pid"
	succeeded
	equal "$(status_of "$id-new")" running
	equal "$(cat "$WORK/pid")" "$(init_pid "$id-new")"
	grep -qx "0::/$id-cgroup" "/proc/$(init_pid "$id-new")/cgroup"
	[ "$(readlink "/proc/$(init_pid "$id-new")/ns/cgroup")" != "$(readlink /proc/self/ns/cgroup)" ]
	equal "$(xargs <"$WORK/hooks")" "creating creating"
	run ferry restore --image-path "$image" --bundle "$bundle" "$id-new"
	failed "already exists"
	ferry delete --force "$id-new"
	equal "$(xargs <"$WORK/hooks")" "creating creating stopped"
}

@test "restore in the foreground waits, and exits as the program does" {
	start_sleeper
	checkpoint "$id"
	succeeded
	CRIU_STARTS="/bin/sh -c exit\${IFS}7" restore
	exited 7
	run ferry state "$id-new"
	failed "does not exist"
}

@test "what is mounted has its place, though the root file system is fresh" {
	echo text >"$WORK/file"
	config '.mounts += [{ destination: "/a/b", type: "bind", source: $dir, options: ["bind"] },
		{ destination: "/a/b/c", type: "tmpfs", source: "none" }, { destination: "/f", type: "bind", source: $file, options: ["bind"] },
		{ destination: "/dev/shm/x", type: "bind", source: $dir, options: ["bind"] }]' \
		--arg dir "$WORK/tmp" --arg file "$WORK/file"
	start_sleeper
	checkpoint "$id"
	succeeded
	rm -rf "$bundle/rootfs/a" "$bundle/rootfs/f" "$WORK/tmp/c"
	restore --detach
	succeeded
	[ -d "$bundle/rootfs/a/b" ] && [ -f "$bundle/rootfs/f" ] && [ -d "$WORK/tmp/c" ]
	asked "23 /a/b $WORK/tmp"
	asked "23 /f $WORK/file"
	asked "23 /dev/null /dev/null"
	rmdir "$WORK/tmp/c"
}

@test "a restore that fails leaves nothing" {
	start_sleeper
	checkpoint "$id"
	succeeded
	CRIU_DOES=fail CRIU_LOG="Some thing cannot be restored" restore --detach --pid-file "$WORK/pid"
	failed "Some thing cannot be restored"
	has "$image/restore.log"
	config '.hooks = { createRuntime: [{ path: "/bin/false" }] }'
	restore --detach --pid-file "$WORK/pid"
	failed "error running createRuntime hook"
	has_not "restore.log"
	config 'del(.hooks)'
	FERRY_CRIU=/nowhere restore --detach
	failed "FERRY_CRIU: '/nowhere': No such file or directory"
	run ferry state "$id-new"
	failed "does not exist"
	[ ! -e "$(unified)/$id" ] && [ ! -e "$WORK/pid" ]
	no_process 'sleep'
}

@test "an image that is damaged is an error before anything is made" {
	start_sleeper
	checkpoint "$id"
	succeeded
	truncate -s -1 "$image/files.img"
	restore --detach
	failed "'$image': 'files.img' is damaged"
	# As others make them.
	rm "$image/digests"
	restore --detach
	failed "'$image': 'files.img': an entry is cut short"
	rm "$image/files.img"
	restore --detach
	failed "'$image': 'files.img' is missing"
	[ ! -e "$image/restore.log" ]
	run ferry state "$id-new"
	failed "does not exist"
}

@test "a killed restore leaves nothing that the next command does not remove" {
	start_sleeper
	checkpoint "$id"
	succeeded
	CRIU_DOES=hang "$FERRY" --root "$root" restore -d --image-path "$image" -b "$bundle" "$id-new" >"$WORK/out" 2>&1 3>&- &
	local pid=$!
	eventually '[ -e "$image/hangs" ]'
	kill -KILL $pid
	wait $pid || true
	equal "$(ferry list -q)" ""
	[ ! -e "$(unified)/$id" ]
}

@test "what cannot be checkpointed or restored is said" {
	checkpoint nobody
	failed 'container "nobody" does not exist'
	created_container
	checkpoint "$id"
	failed "Container cannot be checkpointed in created state"
	ferry kill "$id" KILL
	wait_for_status stopped
	checkpoint "$id"
	failed "Container cannot be checkpointed in stopped state"
	restore
	failed
	ferry delete "$id"
	restore
	failed "--image-path: open '$image': No such file or directory"
	mkdir "$image"
	restore
	failed "'$image': there is no whole checkpoint: 'descriptors.json' is missing"
	echo '{}' >"$image/descriptors.json"
	restore
	failed "'descriptors.json': expected an array"
	start_sleeper
	checkpoint --criu /nowhere/criu "$id"
	failed "--criu: '/nowhere/criu': No such file or directory"
	equal "$(status_of)" running
}

@test "options that make no sense are refused" {
	local refused
	start_sleeper
	for refused in "--manage-cgroups-mode none" "--network-lock ebtables" "--empty-ns pid" "--page-server nobody" \
		"--page-server host:0" "--page-server []:9" "--lazy-pages" "--status-fd 1" "--status-fd 99 --lazy-pages" "--parent-path /absolute" "--parent-path nowhere"; do
		# shellcheck disable=SC2086 # words
		checkpoint $refused "$id"
		failed "${refused%% *}"
	done
	checkpoint --network-lock ebtables "$id"
	failed "--network-lock 'ebtables': expected iptables, nftables or skip"
	equal "$(status_of)" running
}

#!/usr/bin/env bats
# check: what would make a checkpoint fail. The proof by a real criu is in the test machine; what is made of its answers is
# here, with criu.py in its place.
load lib

prepare() {
	cp "$here/criu.py" "$WORK/criu"
	chmod 755 "$WORK/criu"
	export FERRY_CRIU=$WORK/criu CRIU_PROVED=$WORK/asked
	: >"$WORK/asked"
}

# What is found of the container, one kind a line.
kinds() { # [OPTION...]
	ferry check --format json "$@" "$id" | jq -r '.container.findings[].kind' | sort -u | xargs
}

@test "the machine, with a criu that works" {
	run ferry check
	succeeded
	has "version          4.1.1"
	has "self-dump        works"
	has "containers can be checkpointed"
	has_not "error"
	run ferry check --format json
	equal "$(jq -c '[.ok, .host.selfDump, .host.memoryTracking, .container]' <<<"$output")" '[true,"works",true,null]'
}

@test "what was proved is not proved again, but for another kernel or criu, or a file that is damaged" {
	ferry check
	equal "$(sort "$WORK/asked" | uniq -c | awk '{ print $2, $1 }' | xargs)" "check 1 dump 1 features 1 version 1"
	: >"$WORK/asked"
	ferry check
	equal "$(cat "$WORK/asked")" ""
	ferry check --no-cache
	equal "$(grep -c dump "$WORK/asked")" 1
	for damage in ': >"$proof"' 'truncate -s -5 "$proof"' 'sed -i "s/^[^ ]*/9.9.9/" "$proof"' 'rm "$proof"' \
		'head -c 4096 /dev/urandom >"$proof"' 'touch "$WORK/criu"' 'echo "# x" >>"$WORK/criu"'; do
		proof=$(echo "$root"/.cache/criu-*)
		eval "$damage"
		: >"$WORK/asked"
		ferry check
		equal "$damage $(grep -c dump "$WORK/asked")" "$damage 1"
		: >"$WORK/asked"
		ferry check
		equal "$damage $(cat "$WORK/asked")" "$damage "
	done
}

@test "a kernel on which criu cannot dump sockets" {
	CRIU_KERNEL=no-sockets run ferry check
	exited 1
	has "self-dump        no sockets"
	has "error: self-dump: this machine cannot dump sockets with criu 4.1.1"
	has "Can't get 1:16 opt"
	# It does not matter to a container that has none.
	start_sleeper
	CRIU_KERNEL=no-sockets run ferry check "$id"
	succeeded
	has "warning: self-dump"
	# A failure is not remembered.
	run ferry check
	succeeded
}

@test "a criu that does not start, and none at all" {
	CRIU_KERNEL=broken run ferry check
	exited 1
	has "error: criu-fails: this machine cannot use '$WORK/criu'"
	has "vdso: This kernel is strange"
	run ferry check --criu "$WORK/none"
	exited 1
	has "error: no-criu"
	has "'$WORK/none'"
	run ferry check --criu /bin/true
	exited 1
	has "error: criu-fails"
}

@test "nftables lock the network; where they do not work, iptables, if they are there" {
	CRIU_KERNEL=no-nftables run ferry check
	succeeded
	has "network lock     iptables"
	mkdir "$WORK/bin"
	ln -s "$(command -v python3)" "$WORK/bin/python3"
	: >"$WORK/asked"
	PATH=$WORK/bin run "$FERRY" --root "$root" check --no-cache
	succeeded
	has "network lock     nftables"
	equal "$(grep -c 'lock=1' "$WORK/asked")" 0
}

@test "images of another processor" {
	mkdir "$WORK/images"
	run ferry check --image-path "$WORK/images"
	exited 1
	has "no images of a checkpoint"
	touch "$WORK/images/inventory.img"
	# Where nothing was saved, nothing is compared.
	CRIU_KERNEL=processor run ferry check --image-path "$WORK/images"
	succeeded
	touch "$WORK/images/cpuinfo.img"
	CRIU_KERNEL=processor run ferry check --image-path "$WORK/images"
	exited 1
	has "error: cpu: this machine has another processor than the image needs (cpu: CPU is of another kind)"
	run ferry check --image-path "$WORK/images"
	succeeded
	equal "$(ls "$WORK/images" | xargs)" "asked cpuinfo.img inventory.img"
	# CRIU cannot write there.
	mkdir "$WORK/images/cpuinfo.log"
	run ferry check --image-path "$WORK/images"
	exited 1
	has "left no log that says why"
	has_not "another processor"
}

@test "a check that was killed leaves nothing that the next does not remove" {
	local pid left
	CRIU_KERNEL=hangs "$FERRY" --root "$root" check >/dev/null 2>&1 3>&- &
	pid=$!
	eventually 'grep -q dump "$WORK/asked"'
	[ -d "$root/.cache/self-dump" ]
	kill -KILL $pid
	wait $pid || :
	for left in $(processes_left | awk '/criu/ { print $2 }'); do
		kill -KILL "$left" || :
	done
	no_process "ferry.*check"
	ferry check
	[ ! -e "$root/.cache/self-dump" ]
}

@test "nothing is wrong with a plain container" {
	start_sleeper
	run ferry check "$id"
	succeeded
	has "container '$id' can be checkpointed"
	equal "$(kinds)" ""
	equal "$(status_of)" running
}

@test "established TCP connections" {
	script 'ip link set lo up; nc -l -p 8080 -e sleep 1000000 & while :; do nc 127.0.0.1 8080; sleep 0.1; done'
	start_container
	eventually '[ "$(kinds)" = tcp-established ]'
	run ferry check "$id"
	exited 1
	matches "error: tcp-established: process [0-9]+ \(nc\) has an established TCP connection, .*127.0.0.1:8080"
	has "give --tcp-established"
	equal "$(kinds --tcp-established)" ""
}

@test "a deleted file" {
	script 'exec 8>/tmp/big; dd if=/dev/zero of=/tmp/big bs=1M count=2 2>/dev/null; rm /tmp/big
		echo >/tmp/ready; exec sleep 1000000'
	config '.root.readonly = false'
	start_container
	eventually '[ -e "$bundle/rootfs/tmp/ready" ]'
	run ferry check "$id"
	exited 1
	has "'/tmp/big (deleted)' of 2048 KiB"
	equal "$(kinds --link-remap)" deleted-file
}

@test "what exec started is not in the tree" {
	local pid
	start_sleeper
	quietly ferry exec -d "$id" sleep 1000001
	run ferry check "$id"
	succeeded
	matches "warning: exec: process [0-9]+ \(sleep\) was put into the container by exec"
}

@test "a traced process, and a namespace of its own" {
	script 'unshare -u sleep 1000000 & exec sleep 1000000'
	config '.process.capabilities[] += ["CAP_SYS_ADMIN"] | del(.linux.seccomp)'
	start_container
	eventually '[ "$(kinds)" = namespace ]'
	run ferry check "$id"
	exited 1
	has "is in a uts namespace"
	strace -qq -o /dev/null -p "$(init_pid)" 3>&- &
	eventually '[ "$(kinds)" = "namespace traced" ]'
	kill $!
	wait $! || :
}

@test "mounts that are none of the configuration's" {
	script 'mkdir /tmp/a /tmp/b; mount -t tmpfs none /tmp/a; mkdir /tmp/a/part; mount --bind /tmp/a/part /tmp/b
		umount -l /tmp/a; echo >/home/ready; exec sleep 1000000'
	config '.root.readonly = false | .process.capabilities[] += ["CAP_SYS_ADMIN"] | del(.linux.seccomp)
		| .mounts += [{ destination: "/mnt", type: "bind", source: "/tmp", options: ["bind"] }]'
	start_container
	eventually '[ -e "$bundle/rootfs/home/ready" ]'
	run ferry check "$id"
	exited 1
	has "error: mount-root: the container has a mount at '/tmp/b' of a part, '/part'"
	has_not "'/mnt'"
}

@test "a launched container, by its name" {
	local storage=$WORK/storage
	mkdir "$storage"
	quietly ferry launch -d --name "$id" --storage "$storage" --network none host -- sleep 1000000
	echo "$id" >>"$WORK/made"
	run ferry check "$id"
	succeeded
	quietly ferry rm -f "$id"
}

@test "what cannot be checked" {
	run ferry check nobody
	exited 1
	has "nobody"
	run ferry check --format yaml
	exited 1
	has "invalid --format 'yaml': use text or json"
	args true
	start_container
	wait_for_status stopped
	run ferry check "$id"
	exited 1
	has "container '$id' is not running"
}

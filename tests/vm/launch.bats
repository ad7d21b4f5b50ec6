#!/usr/bin/env bats
# What launch asks of the cgroup, and of ids that an ordinary user may use.
load machine

setup_file() {
	make_rootfs /var/tmp/rootfs
	start_session tester
	baseline
}

setup() {
	export FERRY_IMAGE_STORE=$BATS_FILE_TMPDIR/images
	storage=$BATS_FILE_TMPDIR/storage
	root=$BATS_FILE_TMPDIR/state
}

teardown() {
	"$runtime" --root "$root" rm -f c >/dev/null 2>&1 || true
	clean
}

# launch OPTION...: a detached container "c"
launch() {
	"$runtime" --root "$root" launch -d --name c --storage "$storage" "$@" --rootfs /var/tmp/rootfs:O -- sleep 1000 \
		>"$BATS_FILE_TMPDIR/out" 2>&1 </dev/null || { cat "$BATS_FILE_TMPDIR/out"; return 1; }
	pid=$("$runtime" --root "$root" state c | jq .pid)
	cgroup=$unified$(cut -d: -f3 "/proc/$pid/cgroup")
}

value() { xargs <"$cgroup/$1"; }

@test "memory, swap, reservation, processors, shares, sets, processes" {
	launch --memory 64m --memory-swap 96m --memory-reservation 32m --cpus 1.5 --cpu-shares 1024 --cpuset-cpus 0 \
		--cpuset-mems 0 --pids-limit 20
	same "67108864 33554432 33554432" "$(value memory.max) $(value memory.swap.max) $(value memory.low)"
	same "150000 100000" "$(value cpu.max)"
	same "0 0 20" "$(value cpuset.cpus) $(value cpuset.mems) $(value pids.max)"
	[ "$(value cpu.weight)" -ge 39 ] && [ "$(value cpu.weight)" -le 100 ]
}

@test "--cgroup-parent" {
	launch --cgroup-parent /ferry-launch --memory 64m
	same "$unified/ferry-launch/c" "$cgroup"
	"$runtime" --root "$root" rm -f c
	rmdir $unified/ferry-launch
}

@test "a device that was not given cannot be opened, one that was can, for what was said" {
	local disk
	disk=$(stat -c '%Hr %Lr' /dev/vda)
	run "$runtime" launch --rm --storage "$storage" --rootfs /var/tmp/rootfs:O -- \
		sh -c "mknod /d b $disk && head -c 1 /d"
	[[ $output == *"not permitted"* ]]
	run "$runtime" launch --rm --storage "$storage" --device /dev/vda:/dev/disk:r --rootfs /var/tmp/rootfs:O -- \
		sh -c 'exec 3</dev/disk && echo open; exec 4>>/dev/disk'
	[[ $output == open*"not permitted"* ]]
}

@test "an image in a user namespace, with limits: files are stored unshifted" {
	tar -C /var/tmp/rootfs -cf "$BATS_FILE_TMPDIR/rootfs.tar" .
	"$runtime" image import "$BATS_FILE_TMPDIR/rootfs.tar" --name app >/dev/null 2>&1
	run -0 "$runtime" --root "$root" launch --name c --storage "$storage" --userns auto --memory 64m app \
		sh -c 'touch /mine; chown 33:33 /mine; stat -c %u:%g / /mine; cat /sys/fs/cgroup/memory.max'
	same "0:0 33:33 67108864" "$(xargs <<<"$output")"
	same 33:33 "$(stat -c %u:%g "$storage/c/upper/mine")"
}

@test "an ordinary user with subordinate ids: an image of his own, with its users" {
	chmod 755 /home/tester
	tar -C /var/tmp/rootfs -cf /home/tester/rootfs.tar .
	as tester "$runtime" image import rootfs.tar --name app >/dev/null 2>&1
	as tester "$runtime" launch --rm app sh -c 'touch /x; chown 33 /x; stat -c %u / /x' >"$BATS_FILE_TMPDIR/out"
	same "0 33" "$(xargs <"$BATS_FILE_TMPDIR/out")"
}

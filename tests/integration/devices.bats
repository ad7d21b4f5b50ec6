#!/usr/bin/env bats
# Default device nodes, linux.devices, and the device rules of the cgroup.
load lib

@test "the default devices, with their numbers and modes" {
	inside_ok 'for d in null zero full random urandom tty; do stat -c "%n %t:%T %a %F" /dev/$d; done'
	is "/dev/null 1:3 666 character special file
/dev/zero 1:5 666 character special file
/dev/full 1:7 666 character special file
/dev/random 1:8 666 character special file
/dev/urandom 1:9 666 character special file
/dev/tty 5:0 666 character special file"
}

@test "the default devices work" {
	inside_ok 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x 2>&1 >/dev/full; true'
	equal "${lines[0]} ${lines[1]}" "4 4"
	has "No space left"
}

@test "the links in /dev" {
	inside_ok 'for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done'
	equal "${lines[0]}" /proc/self/fd
	equal "${lines[1]}" /proc/self/fd/0
	equal "${lines[2]}" /proc/self/fd/1
	equal "${lines[3]}" /proc/self/fd/2
	matches '(/dev/)?pts/ptmx$'
}

@test "linux.devices: character, block, fifo; mode, uid, gid; in a directory that is new" {
	config '.linux.devices = [
		{ path: "/dev/test/zero", type: "c", major: 1, minor: 5, fileMode: 416, uid: 33, gid: 50 },
		{ path: "/dev/test/unbuffered", type: "u", major: 1, minor: 5 },
		{ path: "/dev/blk", type: "b", major: 7, minor: 99, fileMode: 384 },
		{ path: "/dev/fifo", type: "p", fileMode: 438 } ]'
	inside_ok 'for d in test/zero test/unbuffered blk fifo; do stat -c "%n %F %t:%T %a %u:%g" /dev/$d; done; head -c 3 /dev/test/unbuffered | wc -c'
	equal "${lines[0]}" "/dev/test/zero character special file 1:5 640 33:50"
	matches '/dev/test/unbuffered character special file 1:5'
	matches '/dev/blk block special file 7:63 600 0:0'
	matches '/dev/fifo fifo 0:0 666 0:0'
	matches $'\n3$'
}

@test "a device whose path is not absolute, or whose type is unknown" {
	args /bin/true
	config '.linux.devices = [{ path: "/dev/x", type: "x", major: 1, minor: 5 }]'
	run ferry run -b "$bundle" "$id"
	failed
	config '.linux.devices = [{ path: "/dev/x", type: "c" }]'
	run ferry run -b "$bundle" "$id"
	[ "$status" -ne 0 ] || skip "this runtime takes a missing number for 0"
}

@test "a device never leads out of the root" {
	mkdir "$WORK/outside"
	ln -s "$WORK/outside" "$bundle/rootfs/mnt/link"
	config '.root.readonly = false | .linux.devices = [{ path: "/mnt/link/zero", type: "c", major: 1, minor: 5 }]'
	inside true
	[ ! -e "$WORK/outside/zero" ]
}

@test "in a user namespace the devices are the host's, bound" {
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$bundle"
	inside_ok 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; stat -c "%t:%T" /dev/null /dev/tty'
	is $'4\n1:3\n5:0'
}

may_make_nodes='.process.capabilities |= map_values(. + ["CAP_MKNOD"]) | .root.readonly = false'

@test "device rules: what is not allowed is denied" {
	config "$may_make_nodes"' | .linux.resources.devices = [{ allow: false, access: "rwm" }]'
	inside_ok 'mknod /tmp/k c 1 11; head -c 1 /tmp/k; echo "exit $?"; head -c 2 /dev/zero | wc -c; mknod /tmp/d b 7 0; cat /tmp/d; true'
	has "exit 1"
	has "Operation not permitted"
	matches $'(^|\n)2\n'
}

@test "device rules: an allowed one is allowed, for the access that is named" {
	config "$may_make_nodes"' | .linux.devices = [{ path: "/dev/k", type: "c", major: 1, minor: 11, fileMode: 438 }] |
		.linux.resources.devices = [{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 1, minor: 11, access: "w" }]'
	inside_ok 'echo test of device rules >/dev/k && echo written; head -c 1 /dev/k 2>&1 | grep -o "not permitted"'
	is $'written\nnot permitted'
}

@test "device rules: the last that matches decides" {
	config "$may_make_nodes"' | .linux.resources.devices = [{ allow: false, access: "rwm" },
		{ allow: true, type: "c", major: 1, minor: 11, access: "rw" }, { allow: false, type: "c", major: 1, minor: 11, access: "rw" }]'
	inside 'mknod /tmp/k c 1 11 && echo x >/tmp/k'
	failed "not permitted"
}

@test "device rules: a wildcard allows all" {
	config "$may_make_nodes"' | .linux.resources.devices = [{ allow: true, access: "rwm" }]'
	inside_ok 'mknod /tmp/l c 1 11 && echo test of device rules >/tmp/l && echo written'
	is written
}

@test "device rules: mknod of any kind is what engines allow" {
	config "$may_make_nodes"' | .linux.resources.devices = [{ allow: false, access: "rwm" }, { allow: true, type: "c", access: "m" },
		{ allow: true, type: "b", access: "m" }]'
	inside_ok 'mknod /tmp/x c 10 200 && mknod /tmp/y b 8 0 && echo made; cat /tmp/y 2>&1; true'
	has made
	has "not permitted"
}

@test "device rules bind exec too" {
	config "$may_make_nodes"' | .linux.resources.devices = [{ allow: false, access: "rwm" }]'
	start_sleeper
	run ferry exec "$id" sh -c 'mknod /tmp/k c 1 11 && head -c 1 /tmp/k'
	failed "not permitted"
}

@test "device rules: a device that is denied is not mounted either" {
	truncate -s 4M "$WORK/disk"
	mke2fs -q "$WORK/disk"
	local loop refused
	loop=$(losetup --find --show "$WORK/disk") || skip "no loop devices here"
	mkdir -p "$bundle/rootfs/mnt"
	config --arg loop "$loop" '.mounts += [{ destination: "/mnt", type: "ext2", source: $loop, options: ["ro"] }] |
		.linux.resources.devices = [{ allow: false, access: "rwm" }]'
	inside 'ls /mnt'
	refused="$status $output"
	config '.linux.resources.devices = [{ allow: true, access: "rwm" }]'
	inside 'ls /mnt'
	losetup --detach "$loop"
	is lost+found
	[[ $refused =~ ^[1-9].*"not permitted" ]]
}

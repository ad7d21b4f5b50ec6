#!/usr/bin/env bats
# mounts, rootfs, maskedPaths, readonlyPaths: what a container sees in /proc/self/mountinfo.
load lib

prepare() {
	mkdir "$WORK/source" "$WORK/source/dir"
	echo content >"$WORK/source/file"
}

# add_mount DESTINATION SOURCE TYPE OPTION...
add_mount() {
	local to=$1 from=$2 type=$3
	shift 3
	config '.mounts += [{ destination: $to, source: $from, type: $type, options: $ARGS.positional } | if .type == "" then del(.type) else . end]' \
		--arg to "$to" --arg from "$from" --arg type "$type" --args -- "$@"
}

forget_mounts() {
	config '.mounts |= map(select(.destination | startswith("/mnt") | not))'
}

# Each option on a tmpfs: what mountinfo must then say of the mount (field 6) or the file system (last field), and
# what it must not say. "-" stands for nothing.
option_table() {
	cat <<-END
		ro          ro          rw
		rw          rw          ro
		nosuid      nosuid      -
		suid        -           nosuid
		nodev       nodev       -
		dev         -           nodev
		noexec      noexec      -
		exec        -           noexec
		noatime     noatime     relatime
		atime       relatime    noatime
		nodiratime  nodiratime  -
		diratime    -           nodiratime
		relatime    relatime    noatime
		norelatime  -           noatime
		strictatime -           relatime
		nostrictatime relatime  noatime
		defaults    rw          nosuid
		nosymfollow nosymfollow -
		symfollow   -           nosymfollow
		private     -           shared:
		rprivate    -           shared:
		shared      shared:     -
		rshared     shared:     -
		unbindable  unbindable  shared:
		runbindable unbindable  shared:
		slave       -           shared:
		rslave      -           shared:
		async       rw          sync
		sync        sync        -
		dirsync     dirsync     -
		loud        rw          -
		silent      rw          -
		noiversion  rw          -
		nolazytime  rw          lazytime
		lazytime    lazytime    -
		size=64k    size=64k    -
		mode=1710   mode=1710   -
		nr_inodes=99 nr_inodes=99 -
	END
}

@test "every option of the specification's table, on a tmpfs" { # runc 1.1 and crun 1.8 lack some: each is named
	local option want not n=0 line bad=
	while read -r option want not; do
		n=$((n + 1))
		add_mount "/mnt/$n" tmpfs tmpfs "$option"
	done < <(option_table)
	config '.root.readonly = false'
	inside_ok 'cat /proc/self/mountinfo'
	n=0
	while read -r option want not; do
		n=$((n + 1))
		line=$(awk -v at="/mnt/$n" '$5 == at { print "," $6 "," $7 "," $NF "," }' <<<"$output")
		[ -n "$line" ] || { bad+="$option: no mount"$'\n'; continue; }
		[ "$want" = - ] || [[ $line == *",$want"* ]] || bad+="$option: no $want in $line"$'\n'
		line=${line%,rw,} # the file system itself stays writable
		[ "$not" = - ] || [[ $line != *",$not"* ]] || bad+="$option: $not in $line"$'\n'
	done < <(option_table)
	equal "$bad" ""
}

@test "options that only bind mounts have, each" {
	local option want not n=0 line bad=
	while read -r option want not; do
		case $option in
		*=* | async | sync | dirsync | loud | silent | noiversion | nolazytime | lazytime) continue ;;
		esac
		n=$((n + 1))
		mkdir -p "$bundle/rootfs/mnt/$n"
		add_mount "/mnt/$n" "$WORK/source" bind bind "$option"
	done < <(option_table)
	inside_ok 'cat /proc/self/mountinfo'
	n=0
	while read -r option want not; do
		case $option in
		*=* | async | sync | dirsync | loud | silent | noiversion | nolazytime | lazytime) continue ;;
		esac
		n=$((n + 1))
		line=$(awk -v at="/mnt/$n" '$5 == at { print "," $6 "," $7 "," }' <<<"$output")
		[ -n "$line" ] || { bad+="$option: no mount"$'\n'; continue; }
		[ "$want" = - ] || [[ $line == *",$want"* ]] || bad+="bind,$option: no $want in $line"$'\n'
		[ "$not" = - ] || [[ $line != *",$not"* ]] || bad+="bind,$option: $not in $line"$'\n'
	done < <(option_table)
	equal "$bad" ""
}

@test "the last of two contrary options wins" {
	add_mount /mnt/a tmpfs tmpfs ro rw nosuid suid
	add_mount /mnt/b tmpfs tmpfs rw ro exec noexec
	config '.root.readonly = false'
	inside_ok 'cat /proc/self/mountinfo'
	matches ' /mnt/a rw,'
	has_not '/mnt/a rw,nosuid'
	matches ' /mnt/b ro,noexec'
}

@test "recursive attributes reach the mounts below" { # runc 1.1 and crun 1.8 know some of them
	local option
	mount -t tmpfs above "$WORK/source/dir"
	mkdir "$WORK/source/dir/sub"
	mount -t tmpfs below "$WORK/source/dir/sub"
	for option in rro rnosuid rnodev rnoexec rnoatime rnodiratime rnosymfollow; do
		forget_mounts
		mkdir -p "$bundle/rootfs/mnt/at"
		add_mount /mnt/at "$WORK/source/dir" bind rbind "$option"
		inside 'grep " /mnt/at/sub " /proc/self/mountinfo'
		[[ ${output%% - *} == *[\ ,]"${option#r}"[\ ,]* || $output == *",${option#r} "* ]] || break
	done
	umount "$WORK/source/dir/sub" "$WORK/source/dir"
	succeeded
	matches "[ ,]${option#r}[ ,]"
}

@test "ro without r leaves the mounts below writable" {
	mount -t tmpfs below "$WORK/source/dir"
	mkdir "$bundle/rootfs/mnt/at"
	add_mount /mnt/at "$WORK/source" bind rbind ro
	inside 'touch /mnt/at/x 2>/dev/null || echo refused; touch /mnt/at/dir/x && echo taken'
	umount "$WORK/source/dir"
	is $'refused\ntaken'
}

@test "bind does not bring the mounts below, rbind does" {
	mount -t tmpfs below "$WORK/source/dir"
	touch "$WORK/source/dir/in-below"
	mkdir "$bundle/rootfs/mnt/b" "$bundle/rootfs/mnt/r"
	add_mount /mnt/b "$WORK/source" bind bind
	add_mount /mnt/r "$WORK/source" bind rbind
	inside 'ls /mnt/b/dir; ls /mnt/r/dir'
	umount "$WORK/source/dir"
	is in-below
}

@test "bind of a file, with and without the file in the image; type bind, none, or left out" {
	config '.root.readonly = false'
	touch "$bundle/rootfs/mnt/there"
	add_mount /mnt/there "$WORK/source/file" bind bind
	add_mount /mnt/deep/er/file "$WORK/source/file" none rbind ro
	add_mount /mnt/untyped "$WORK/source/file" "" bind
	inside_ok 'cat /mnt/there /mnt/deep/er/file /mnt/untyped; echo x 2>/dev/null >/mnt/deep/er/file || echo read-only; echo new >/mnt/there'
	is $'content\ncontent\ncontent\nread-only'
	equal "$(cat "$WORK/source/file")" new
}

@test "a relative source is relative to the bundle" {
	mkdir "$bundle/data"
	echo beside >"$bundle/data/f"
	add_mount /mnt data bind bind
	inside_ok 'cat /mnt/f'
	is beside
}

@test "destinations are made where the image lacks them" {
	config '.root.readonly = false'
	add_mount /new/dir/here tmpfs tmpfs
	inside_ok 'stat -f -c %T /new/dir/here'
	is tmpfs
}

@test "a source that does not exist" {
	add_mount /mnt "$WORK/nope" bind bind
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed nope
	matches '[Nn]o such file'
}

@test "a file system that does not exist, or data it does not know" {
	add_mount /mnt x nosuchfs
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed
	has /mnt
	forget_mounts
	add_mount /mnt tmpfs tmpfs nosuchoption=1
	run ferry run -b "$bundle" "$id"
	failed
	has /mnt
}

@test "tmpcopyup copies what the image has" {
	config '.root.readonly = false'
	mkdir -p "$bundle/rootfs/mnt/d/sub"
	echo kept >"$bundle/rootfs/mnt/d/sub/f"
	ln -s sub/f "$bundle/rootfs/mnt/d/l"
	echo owned >"$bundle/rootfs/mnt/d/g"
	chmod 640 "$bundle/rootfs/mnt/d/g"
	chown 33:50 "$bundle/rootfs/mnt/d/g"
	add_mount /mnt/d tmpfs tmpfs tmpcopyup mode=0755
	inside_ok 'stat -f -c %T /mnt/d; cat /mnt/d/l; stat -c "%a %u %g" /mnt/d/g; readlink /mnt/d/l; echo new >/mnt/d/sub/f'
	is $'tmpfs\nkept\n640 33 50\nsub/f'
	equal "$(cat "$bundle/rootfs/mnt/d/sub/f")" kept
}

@test "remount changes a mount before it" {
	add_mount /mnt tmpfs tmpfs rw
	add_mount /mnt tmpfs tmpfs remount ro nosuid
	inside_ok 'grep " /mnt " /proc/self/mountinfo'
	matches ' /mnt ro,nosuid'
}

@test "mounts are made in order: a later one lies over an earlier one" {
	config '.root.readonly = false'
	add_mount /mnt/a tmpfs tmpfs
	add_mount /mnt/a/b "$WORK/source" bind bind
	inside_ok 'ls /mnt/a; cat /mnt/a/b/file'
	is $'b\ncontent'
}

@test "an idmapped bind mount" { # runc 1.1 does not
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings |
		.mounts += [{ destination: "/mnt", type: "bind", source: $from, options: ["bind"],
			uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
			gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }] }]' --arg from "$WORK/source"
	chown -R 100000:100000 "$bundle"
	inside_ok 'stat -c "%u %g" /mnt/file; touch /mnt/new'
	is "0 0"
	equal "$(stat -c %u "$WORK/source/new")" 0
}

@test "root.readonly" {
	inside_ok 'touch /x 2>&1; touch /mnt/x 2>&1; touch /dev/shm/x && echo shm'
	equal "$(grep -c 'Read-only file system' <<<"$output")" 2
	has shm
	config '.root.readonly = false'
	inside_ok 'touch /tmp/x && echo written'
	is written
}

@test "the read-only root does not make the host's directory read-only" {
	start_sleeper
	touch "$bundle/rootfs/tmp/host-writes"
}

@test "maskedPaths: files, directories, and what does not exist" {
	mkdir "$bundle/rootfs/mnt/secret"
	echo secret >"$bundle/rootfs/mnt/secret/f"
	echo secret >"$bundle/rootfs/mnt/file"
	config '.linux.maskedPaths += ["/mnt/secret", "/mnt/file", "/mnt/none/at/all"]'
	inside_ok 'ls -A /mnt/secret; cat /mnt/file; touch /mnt/secret/x 2>&1; wc -c </proc/keys; wc -c </proc/timer_list'
	has_not secret/f
	matches 'Read-only'
	matches $'0\n0$'
	has_not $'secret\n'
}

@test "readonlyPaths" {
	config '.root.readonly = false | .linux.readonlyPaths += ["/mnt/fixed", "/mnt/none"]'
	mkdir "$bundle/rootfs/mnt/fixed"
	inside_ok 'touch /mnt/fixed/x 2>&1; echo 1 2>&1 >/proc/sys/kernel/shm_rmid_forced; touch /mnt/x && echo written; grep -c " /proc/sys ro" /proc/self/mountinfo'
	equal "$(grep -c 'Read-only file system' <<<"$output")" 2
	has written
}

@test "rootfsPropagation" {
	local mode want
	while read -r mode want; do
		config '.linux.rootfsPropagation = $mode' --arg mode "$mode"
		inside_ok 'awk "\$5 == \"/\" { print \$7 }" /proc/self/mountinfo | tail -n 1'
		matches "^$want"
	done <<-END
		private -
		rprivate -
		slave (master:|-)
		rslave (master:|-)
		unbindable (unbindable|-)
	END
}

@test "mounts inside do not reach the host, and the host's do not reach inside" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) | .root.readonly = false'
	script 'mount -t tmpfs inside /mnt && echo mounted; sleep 1000000'
	start_container
	eventually 'grep -q " /mnt " "/proc/$(init_pid)/mountinfo"'
	run grep -c "inside" /proc/self/mountinfo
	is 0
	mount -t tmpfs outside "$WORK/source/dir"
	run ferry exec "$id" cat /proc/self/mountinfo
	umount "$WORK/source/dir"
	has_not outside
}

@test "with rslave the host's mounts reach inside" {
	mkdir "$bundle/rootfs/mnt/at"
	mount --bind "$WORK/source" "$WORK/source"
	mount --make-rshared "$WORK/source"
	add_mount /mnt/at "$WORK/source" bind rbind rslave
	start_sleeper
	mount -t tmpfs outside "$WORK/source/dir"
	run ferry exec "$id" cat /proc/self/mountinfo
	umount "$WORK/source/dir"
	umount "$WORK/source"
	has "/mnt/at/dir "
}

@test "the host's tree is gone" {
	inside_ok 'cat /proc/self/mountinfo; ls /'
	has_not "$WORK/source"
	has_not "/sys/fs/cgroup/unified"
	equal "$(awk '$5 == "/"' <<<"$output" | wc -l)" 1
}

@test "--no-pivot" {
	script 'ls /etc/passwd; cat /etc/passwd | wc -l'
	run ferry run --no-pivot -b "$bundle" "$id"
	succeeded
	equal "${lines[1]}" 3
}

@test "a cgroup mount shows the container's own cgroup" {
	inside_ok 'cat /sys/fs/cgroup/cgroup.procs; cat /proc/self/cgroup | grep ^0:; ls -d /sys/fs/cgroup/cgroup.controllers; mkdir /sys/fs/cgroup/x 2>&1; true'
	has $'1\n'
	has /sys/fs/cgroup/cgroup.controllers
	matches 'Read-only'
}

#-- images that lay traps: a destination is looked up inside the root, and never leads out of it

@test "a destination that is a symlink stays inside" {
	config '.root.readonly = false'
	mkdir "$WORK/outside"
	ln -s "$WORK/outside" "$bundle/rootfs/mnt/link"
	add_mount /mnt/link tmpfs tmpfs size=16k
	inside 'echo x >/mnt/link/written; true'
	[ ! -e "$WORK/outside/written" ]
	run cat /proc/self/mountinfo
	has_not "$WORK/outside"
}

@test "a destination below a symlink to the host, or with .., stays inside" {
	config '.root.readonly = false'
	mkdir "$WORK/outside"
	ln -s ../../../../../.. "$bundle/rootfs/mnt/up"
	add_mount "/mnt/up$WORK/outside/made" tmpfs tmpfs
	inside 'true'
	[ ! -e "$WORK/outside/made" ]
	forget_mounts
	add_mount "/../../../../$WORK/outside/made" tmpfs tmpfs
	inside 'true'
	[ ! -e "$WORK/outside/made" ]
}

@test "/dev as a symlink out does not put devices and links into the host's directory" { # runc 1.1 puts its links there
	mkdir "$WORK/outside"
	rm -rf "$bundle/rootfs/dev"
	ln -s "$WORK/outside" "$bundle/rootfs/dev"
	config '.root.readonly = false'
	inside true
	equal "$(ls -A "$WORK/outside")" ""
}

@test "/proc as a symlink is refused or replaced, never followed to another place" { # CVE-2019-19921
	rmdir "$bundle/rootfs/proc"
	mkdir "$bundle/rootfs/fake"
	ln -s fake "$bundle/rootfs/proc"
	inside 'stat -f -c %T /proc'
	[ "$status" -ne 0 ] || is proc
}

@test "a masked path that is a symlink out" { # CVE-2025-31133
	config '.root.readonly = false | .linux.maskedPaths += ["/mnt/link"]'
	echo precious >"$WORK/source/file"
	ln -s "$WORK/source/file" "$bundle/rootfs/mnt/link"
	inside 'echo x >/mnt/link; true'
	equal "$(cat "$WORK/source/file")" precious
}

@test "a read-only root with /dev/null replaced in the image masks with the real /dev/null" {
	rm -rf "$bundle/rootfs/dev"
	mkdir "$bundle/rootfs/dev"
	echo leak >"$bundle/rootfs/dev/null"
	echo secret >"$bundle/rootfs/mnt/file"
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths += ["/mnt/file"] | .root.readonly = false'
	inside 'cat /mnt/file; stat -c "%t:%T" /mnt/file'
	has_not secret
	has_not leak
	[ "$status" -ne 0 ] || matches '^(1:3|)$' # or the file is not to be seen at all
}

@test "a missing or bad root" {
	config '.root.path = "nosuchroot"'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed nosuchroot
	touch "$bundle/afile"
	config '.root.path = "afile"'
	run ferry run -b "$bundle" "$id"
	failed
}

@test "an absolute root, and one that is a symlink" {
	mv "$bundle/rootfs" "$WORK/elsewhere"
	config '.root.path = $path' --arg path "$WORK/elsewhere"
	inside_ok 'echo here'
	is here
	ln -s "$WORK/elsewhere" "$WORK/link"
	config '.root.path = $path' --arg path "$WORK/link"
	inside 'echo here' # runc refuses a symlink
	[ "$status" -ne 0 ] || is here
}

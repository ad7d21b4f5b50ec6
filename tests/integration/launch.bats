#!/usr/bin/env bats
# launch host: a container made from this machine. Its directories are kept in the test's own --storage, so that what
# others launch meanwhile does not matter.
load lib

prepare() {
	storage=$WORK/storage
	mkdir "$storage"
}

# launch OPTION... -- COMMAND...: in the foreground, deleted afterwards, marked as this test's
launch() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ferry launch --rm --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" host -- "$@"
}

nothing_stored() {
	eventually_empty "$storage"
}

start_launched() { # OPTION...: a detached sleeper
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" "$@" host -- sleep 1000000 ||
		complain launch
}

@test "launch host runs a command on this machine's root and leaves nothing" {
	run launch -- sh -c '. /etc/os-release; echo "$ID $$"'
	succeeded
	is "$(. /etc/os-release; echo "$ID") 1"
	nothing_stored
	run ferry list -q
	is ""
}

@test "launch: the command's exit code, and that of a command that is not there" {
	run launch -- sh -c 'exit 42'
	exited 42
	run -127 launch -- no-such-command-$tag
	has "executable file not found"
	nothing_stored
}

@test "launch: 125, 126 and 127 say whose failure it was" {
	mkdir "$WORK/x"
	printf '#!/no/interpreter\n' >"$WORK/x/script"
	printf 'neither a program nor a script' >"$WORK/x/text"
	chmod +x "$WORK/x/script" "$WORK/x/text"
	for command in /no/such/program "/x/script"; do
		run -127 launch -v "$WORK/x:/x" -- $command
	done
	for command in /etc /etc/passwd /etc/passwd/x /x/text; do
		run launch -v "$WORK/x:/x" -- $command
		exited 126
	done
	run -127 launch --init -- /no/such/program
	run launch -d -- /etc/passwd
	exited 126
	run launch -w /no/such/directory -u 65534 -v "$WORK/none:/x" -- true
	exited 125
	run launch --memory lots -- true
	exited 125
	run launch --no-such-option -- true
	exited 125
	run launch --name ../x -- true
	exited 125
	run ferry launch --storage "$storage" no-such-image
	exited 125
	run ferry --root '' launch host
	exited 125
	run launch -- sh -c 'exit 125'
	exited 125
	nothing_stored
}

@test "launch: namespaces of its own" {
	local kind
	run launch -- sh -c 'for n in pid mnt uts ipc cgroup net; do readlink /proc/self/ns/$n; done'
	succeeded
	for kind in pid mnt uts ipc cgroup net; do
		has "$kind:["
		has_not "$(readlink "/proc/self/ns/$kind")"
	done
}

@test "launch: the host name is the name, or --hostname" {
	run launch -- sh -c 'hostname; cat /etc/hostname; grep -c $(hostname) /etc/hosts'
	succeeded
	is "$id"$'\n'"$id"$'\n1'
	run launch --hostname other -- hostname
	is other
	for bad in '' 'a b' $'a\nb' a/b "$(printf 'x%.0s' $(seq 65))"; do
		run launch --hostname "$bad" -- true
		failed "--hostname '"
	done
	id=$tag-$(printf 'x%.0s' $(seq 100))
	run launch -- sh -c 'hostname; cat /etc/hostname; echo $HOSTNAME; grep -c $(hostname) /etc/hosts'
	is "${id:0:64}"$'\n'"${id:0:64}"$'\n'"${id:0:64}"$'\n1'
	run launch --uts host -- sh -c 'hostname; cat /etc/hostname; echo $HOSTNAME'
	is "$(hostname)"$'\n'"$(hostname)"$'\n'"$(hostname)"
}

@test "launch: a machine id of its own" {
	run launch -- cat /etc/machine-id
	succeeded
	matches '^[0-9a-f]{32}$'
	[ ! -s /etc/machine-id ] || has_not "$(cat /etc/machine-id)"
}

@test "launch: what is written, changed and removed stays in the container" {
	local file=/etc/$tag
	run launch -- sh -c "echo mine >$file && cat $file && echo '# $tag' >>/etc/passwd && rm /etc/group && ! ls /etc/group"
	succeeded
	has mine
	[ ! -e "$file" ]
	[ -e /etc/group ]
	run grep "$tag" /etc/passwd
	failed
	nothing_stored
}

@test "launch: secrets are hidden" {
	local secret="secret-$tag"
	run launch -- sh -c 'cat /etc/shadow /etc/gshadow /etc/shadow- /etc/gshadow-'
	failed "No such file"
	run launch -- sh -c 'ls -A /root /home /run/user /tmp /mnt /media /boot 2>/dev/null; cat /etc/ssh/ssh_host_*_key'
	has_not "PRIVATE KEY"
	run launch -- sh -c 'ls -A /root; ls -A /home; ls -A /tmp; ls -A /var/tmp'
	succeeded
	is ""
}

@test "launch: what others may not read in /etc is hidden, also deep below" {
	local dir=/etc/$tag
	mkdir -p "$dir/open/closed"
	echo seen >"$dir/open/readable"
	echo unseen >"$dir/open/unreadable"
	echo unseen >"$dir/open/closed/file"
	chmod 640 "$dir/open/unreadable"
	chmod 750 "$dir/open/closed"
	run launch -- sh -c "cat $dir/open/readable; ls $dir/open; ls -A $dir/open/closed; stat -c %a $dir/open/closed"
	rm -rf "$dir"
	succeeded
	is $'seen\nclosed\nreadable\n750'
}

@test "launch: hidden directories have the host's mode and can be written to" {
	run launch -- sh -c 'stat -c "%a %U" /root /tmp; echo x >/root/x; echo y >/tmp/y; cat /root/x /tmp/y'
	succeeded
	is "$(stat -c '%a %U' /root)"$'\n'"$(stat -c '%a %U' /tmp)"$'\nx\ny'
}

@test "launch: --share-home shows /root, as a copy" {
	local file=/root/.$tag
	echo hello >"$file"
	run launch --share-home -- sh -c "cat $file; echo changed >$file; cat $file"
	local left
	left=$(cat "$file")
	rm -f "$file"
	succeeded
	is $'hello\nchanged'
	equal "$left" hello
}

@test "launch: only its own processes, and interfaces of its own" {
	run launch -- sh -c 'ls -d /proc/[0-9]* | wc -l; ls /sys/class/net'
	succeeded
	[ "${lines[0]}" -le 3 ]
	equal "${lines[*]:1}" "eth0 lo"
	run launch --network none -- ls /sys/class/net
	is lo
}

@test "launch: fewer capabilities, no way to more, a filter" {
	run launch -- sh -c 'grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status'
	succeeded
	matches $'CapEff:\t00000000a80425fb'
	matches $'CapBnd:\t00000000a80425fb'
	matches $'NoNewPrivs:\t1'
	matches $'Seccomp:\t2'
	run launch -- unshare --user true
	failed
	run launch -- mount -t tmpfs none /mnt
	failed
}

@test "launch: kernel interfaces are masked or read-only" {
	run launch -- sh -c 'echo x >/proc/sysrq-trigger'
	failed
	run launch -- sh -c 'echo x >/proc/sys/kernel/hostname'
	failed
	run launch -- sh -c 'cat /proc/keys /proc/interrupts | wc -c; ls -A /sys/firmware'
	is 0
}

@test "launch -e sets, passes on, and leaves out" {
	export FT_PASSED=on-$tag
	unset FT_ABSENT
	run launch -e "A=b c=d" -e FT_PASSED -e FT_ABSENT -- sh -c 'echo "$A|$FT_PASSED|${FT_ABSENT-none}|$HOME|$container"'
	succeeded
	is "b c=d|on-$tag|none|/root|ferry"
	FT_OTHER=not-passed run launch -- env
	has_not not-passed
}

@test "launch -v shows a directory, for writing" {
	mkdir "$WORK/data"
	run launch -v "$WORK/data:/data" -- sh -c 'echo from-inside >/data/file'
	succeeded
	equal "$(cat "$WORK/data/file")" from-inside
}

@test "launch -v with ro, of a file, relative, and of a hidden place" {
	mkdir "$WORK/data"
	echo content >"$WORK/data/file"
	run launch -v "$WORK/data:/data:ro" -- sh -c 'cat /data/file; echo x >/data/file'
	failed content
	has "Read-only"
	cd "$WORK"
	run launch -v ./data/file:/etc/deep/down/file -- cat /etc/deep/down/file
	is content
	run launch -v /etc/passwd:/etc/shadow:ro -- sh -c 'cmp /etc/passwd /etc/shadow'
	succeeded
}

@test "launch from a directory that has been removed" {
	mkdir "$WORK/gone"
	cd "$WORK/gone"
	rmdir "$WORK/gone"
	run launch -- echo hello
	is hello
	run launch -v ./data:/data -- true
	failed "--volume './data:/data': the current directory has been removed"
}

@test "launch -v: what is wrong with a volume is said, and nothing stays" {
	run launch -v nonsense -- true
	failed "launch: --volume 'nonsense'"
	run launch -v "$WORK/not-there:/x" -- true
	failed not-there
	run launch -v /etc:/x:u -- true
	failed "unknown option 'u'"
	run launch -v /etc:/x:U -- true
	failed "would give the machine's own files away"
	nothing_stored
}

@test "launch -u: a user by name, with his groups" {
	run launch -u www-data -- sh -c 'id -un; id -gn; echo $HOME; grep CapEff /proc/self/status'
	succeeded
	has $'www-data\nwww-data\n/var/www'
	has 0000000000000000
	run launch -u 1234:56 -- id -u
	is 1234
	run launch -u "no-$tag" -- true
	failed "no user 'no-$tag'"
}

@test "launch -w: where it starts" {
	run launch -w /usr/share -- pwd
	is /usr/share
	run launch -w relative -- true
	failed "--workdir 'relative'"
}

@test "launch --read-only" {
	run launch --read-only -- sh -c 'echo x >/etc/x'
	failed "Read-only"
	run launch --read-only -v "$WORK:/w" -- sh -c 'echo x >/w/written && echo x >/run/x'
	succeeded
}

@test "launch: limits, or a clear word about the missing controller" {
	local controllers option file value
	controllers=" $(cat "$(unified)/cgroup.controllers") "
	while read -r option controller file value; do
		run launch ${option/=/ } -- cat "/sys/fs/cgroup/$file"
		if [[ "$controllers" == *" $controller "* ]]; then
			succeeded
			is "${value//_/ }"
		else
			failed "$controller"
		fi
	done <<-END
		--memory=64m memory memory.max 67108864
		--cpus=0.5 cpu cpu.max 50000_100000
		--pids=50 pids pids.max 50
	END
	nothing_stored
}

@test "launch: values that make no sense" {
	run launch --memory lots -- true
	failed --memory
	run launch --memory 0 -- true
	failed --memory
	run launch --cpus 0 -- true
	failed "--cpus '0'"
	run launch --cpus 1.2.3 -- true
	failed "--cpus '1.2.3'"
	run launch --pids 0 -- true
	failed "--pids-limit 0"
	run ferry launch --storage "$storage"
	failed "expected the name of an image, or 'host'"
	run ferry launch --storage "$storage" --name ../up host -- true
	failed "invalid"
	nothing_stored
}

@test "launch -d prints the name; exec works in it; delete removes all" {
	start_launched
	equal "$(cat "$WORK/out")" "$id"
	equal "$(status_of)" running
	run ferry exec "$id" sh -c 'echo in:$(hostname); cat /proc/1/comm; echo x >/etc/from-exec'
	succeeded
	has "in:$id"
	has sleep
	run ferry exec "$id" cat /etc/from-exec
	is x
	[ ! -e /etc/from-exec ]
	run ferry delete --force "$id"
	succeeded
	nothing_stored
}

@test "launch -d: standard input is /dev/null, what it prints is kept" {
	start_launched
	local pid
	pid=$(init_pid)
	equal "$(readlink "/proc/$pid/fd/0")" /dev/null
	equal "$(readlink "/proc/$pid/fd/1" "/proc/$pid/fd/2")" "$storage/$id/stdout"$'\n'"$storage/$id/stderr"
	ferry exec "$id" sh -c 'echo from-exec >/proc/1/fd/1'
	eventually '[ -s "$storage/$id/log" ]'
	run cat "$storage/$id/log"
	matches '^[-0-9]+T[0-9:.]+Z stdout F from-exec$'
}

@test "launch -d --rm: gone when the command ends" {
	quietly ferry launch -d --rm --storage "$storage" -e FT_TAG --name "$id" host -- sleep 0.3 || complain launch
	equal "$(cat "$WORK/out")" "$id"
	eventually '[ -z "$(ferry list -q)" ]'
	eventually '[ -z "$(ls -A "$storage")" ]'
}

@test "launch -d --rm: an error is still told" {
	run -127 launch -d -- no-such-command-$tag
	failed "executable file not found"
	nothing_stored
}

@test "launch without --rm: stopped and looked at, then deleted" {
	echo "$id" >>"$WORK/made"
	run ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- sh -c 'echo kept >/etc/kept; exit 3'
	exited 3
	equal "$(status_of)" stopped
	equal "$(cat "$storage/$id/upper/etc/kept")" kept
	run ferry delete "$id"
	succeeded
	nothing_stored
}

@test "launch: a name is used once; without one two words are chosen" {
	start_launched
	run ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- true
	failed "$id"
	equal "$(status_of)" running
	[ -d "$storage/$id" ]
	run ferry launch --rm --storage "$storage" -e FT_TAG host -- hostname
	succeeded
	matches '^[a-z]+-[a-z]+$'
}

@test "launch: standard input reaches the command" {
	run bash -c 'echo through | timeout 300 "$0" --root "$1" launch --rm --storage "$2" -e FT_TAG host -- cat' \
		"$FERRY" "$root" "$storage"
	succeeded
	is through
}

@test "launch: a terminal when there is one" {
	run timeout 300 script -q -e -c \
		"$FERRY --root $root launch --rm --storage $storage -e FT_TAG host -- sh -c 'tty; test -t 0 && echo yes'" /dev/null
	succeeded
	has /dev/pts/0
	has yes
	run launch -- tty
	failed "not a tty"
}

@test "launch: killed with SIGKILL, a container can be deleted and nothing stays" {
	echo "$id" >>"$WORK/made"
	"$FERRY" --root "$root" launch --rm --storage "$storage" -e FT_TAG --name "$id" host -- sleep 1000000 \
		>"$WORK/out" 2>&1 3>&- 4>&- &
	local pid=$!
	eventually '[ "$(status_of 2>/dev/null)" = running ]'
	kill -KILL "$pid"
	wait "$pid" || :
	run ferry delete --force "$id"
	succeeded
	nothing_stored
}

@test "launch --rm: what a machine that was restarted left is removed by the next launch" {
	quietly ferry launch -d --rm --network none --storage "$storage" -e FT_TAG --name "$id" host -- sh -c 'mkdir -p -m 0 /root/a/b; exec sleep 1000000' || complain launch
	eventually '[ -d "$storage/$id/upper/root/a/b" ]'
	kill_supervised "$(init_pid)"
	rm -r "${root:?}/$id" # /run is empty after a restart, and there are no cgroups
	find "$(unified)" -depth -type d -name "*$id*" -exec rmdir {} +
	[ -d "$storage/$id/upper/root/a" ]
	id=$id-2
	run launch -- true
	succeeded
	nothing_stored
}

@test "launch: killed at forty moments, the next launch removes what has no record" {
	local i name pid
	for i in $(seq 40); do
		name=$id-$i
		"$FERRY" --root "$root" launch --rm --storage "$storage" -e FT_TAG --name "$name" host -- true >"$WORK/out" 2>&1 3>&- &
		pid=$!
		sleep "0.$(printf %04d $((i * 3)))" # 0.3 ms more each time
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		ferry delete --force "$name" 2>/dev/null || :
	done
	run launch -- true
	succeeded
	nothing_stored
}

@test "launch: another state's containers and directories of others are left alone" {
	start_launched
	mkdir -p "$storage/mine/upper" "$storage/empty"
	run ferry --root "$WORK/other" launch --rm --storage "$storage" -e FT_TAG host -- true
	succeeded
	run ls "$storage"
	is $'empty\n'"$id"$'\nmine'
	run ferry exec "$id" true
	succeeded
}

@test "launch: several at once" {
	local i pids=()
	for i in 1 2 3 4; do
		ferry launch --rm --storage "$storage" -e FT_TAG host -- sh -c "echo $i >/etc/mine; sleep 0.2; cat /etc/mine" \
			>"$WORK/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in 1 2 3 4; do
		wait "${pids[i - 1]}"
		equal "$(cat "$WORK/out.$i")" "$i"
	done
	nothing_stored
}

# As an ordinary user: nobody, with a home of his own.
launch_rootless() { # OPTION... -- COMMAND...
	local options=() home=$WORK/home
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	mkdir -p "$home"
	cp "$FERRY" "$WORK/ferry"
	chown 65534:65534 "$home"
	timeout 300 setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$home" XDG_DATA_HOME= FT_TAG="$tag" \
		"$WORK/ferry" --root "$home/state" launch --rm --network none -e FT_TAG --name "$id" "${options[@]}" host -- "$@"
}

rootless_leaves_nothing() {
	eventually "! find '$WORK/home/.local/share/ferry/launch' '$WORK/home/state' -mindepth 1 -not -path '*/.cache*' \\
		-not -name .names -not -name .events | grep ."
}

@test "launch, rootless: root in it, the host's programs, files of its own" {
	run launch_rootless -- sh -c 'id -u; hostname; cat /etc/hostname; echo mine >/root/x; echo mine >/etc/x; cat /root/x /etc/x'
	succeeded
	is $'0\n'"$id"$'\n'"$id"$'\nmine\nmine'
	[ ! -e /etc/x ]
	rootless_leaves_nothing
}

@test "launch, rootless: secrets are hidden, and the host's files stay as they are" {
	run launch_rootless -- sh -c 'ls -A /root /home /tmp | grep -v : | tr -d "\n"; cat /etc/shadow'
	failed "No such file"
	run launch_rootless -- sh -c 'echo >>/etc/passwd'
	failed
	rootless_leaves_nothing
}

@test "launch, rootless: directories without rights are removed too" {
	run launch_rootless -- sh -c 'mkdir -p /tmp/a/b /root/c; touch /tmp/a/b/file; chmod 0 /tmp/a/b; chmod 555 /root/c /tmp/a'
	succeeded
	rootless_leaves_nothing
}

@test "launch: output that cannot be written is an error, unless nobody wants it" {
	run bash -c '"$@" >/dev/full' bash timeout 300 "$FERRY" --root "$root" launch --rm --storage "$storage" -e FT_TAG --name "$id" \
		host -- sh -c 'echo lost; exit 3'
	exited 125
	has "write what container '$id' has printed: No space left on device"
	run bash -c '"$@" | true; echo "${PIPESTATUS[0]}"' bash timeout 300 "$FERRY" --root "$root" launch --rm --storage "$storage" -e FT_TAG \
		host -- sh -c 'sleep 0.2; echo unwanted; exit 3'
	is 3
	nothing_stored
}

@test "launch, start: without standard descriptors" {
	closed() { "$FERRY" --root "$root" --log "$WORK/log" "$@" <&- >&- 2>&-; }
	closed launch --rm --storage "$storage" -e FT_TAG host -- true || complain "$(cat "$WORK/log")"
	echo "$id" >>"$WORK/made"
	closed launch -d --storage "$storage" -e FT_TAG --name "$id" host -- cat
	run ferry wait "$id"
	is 0
	closed start "$id"
	run ferry wait "$id"
	is 0
}

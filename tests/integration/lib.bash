# What every integration test stands on: a bundle in a temporary directory, the program under test, and a check after
# each test that nothing is left. Loaded at the top of each .bats file; setup and teardown are defined here.
#
#   FERRY=build/ferry     the program; /usr/sbin/runc or /usr/bin/crun show what a test expects of its peers
#
#   ferry COMMAND...      the program with this test's own --root, never longer than five minutes
#   config FILTER [...]   edits the bundle's config.json with jq
#   args WORD...          sets process.args; script TEXT sets it to /bin/sh -c TEXT
#   inside TEXT           runs TEXT in a fresh container with bats' run: $status, $output, $lines
#   start_container [ID]  a detached container that teardown deletes; created_container stops before start
#   attempt COMMAND...    bats' run for what might leave a container behind
#   quietly COMMAND...    output to $WORK/out and $WORK/err: what outlives the command holds no pipe of bats
#
# Variables: $id (a container id of this test alone), $bundle, $root (--root), $WORK (removed afterwards), $tag (in all
# names that the test gives to the outside).
bats_require_minimum_version 1.5.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
export FERRY
FERRY=$(realpath -m "${FERRY:-$top/build/ferry}")

ferry() {
	timeout --foreground --kill-after=2 "${FERRY_TIMEOUT_S:-300}" "$FERRY" --root "$root" "$@"
}

# The directory of the unified hierarchy, wherever this host has it.
unified() {
	awk '{ for (i = 7; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo
}

#-- before a test

setup_file() {
	[ -x "$FERRY" ] || { echo "no program at $FERRY: run make first" >&2; return 1; }
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
}

make_rootfs() {
	local applet
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,etc,root,home,mnt,var,run,usr}
	chmod 1777 "$1/tmp"
	ln -s ../bin "$1/usr/bin"
	cp /bin/busybox "$1/bin/busybox"
	for applet in $(busybox --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/var:/bin/sh\nlost:x:44:44::/:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nwww:x:33:\nadm:x:4:www\nstaff:x:50:\n' >"$1/etc/group"
}

setup() {
	exec </dev/null
	tag=ft$BATS_SUITE_TEST_NUMBER-$BASHPID
	WORK=$(mktemp -d "/tmp/$tag.XXXXXX")
	id=$tag
	root=$WORK/state
	bundle=$WORK/bundle
	mkdir -p "$bundle" "$WORK/tmp"
	chmod 755 "$WORK"
	export TMPDIR=$WORK/tmp FT_TAG=$tag
	: >"$WORK/made"
	what_there_is >"$WORK/before"
	cp -al "$BATS_FILE_TMPDIR/rootfs" "$bundle/rootfs"
	(cd "$bundle" && "$FERRY" spec)
	config '.process.terminal = false | .process.env += ["FT_TAG=" + $tag] | del(.linux.resources)' --arg tag "$tag"
	if declare -F prepare >/dev/null; then
		prepare
	fi
}

config() {
	jq "$@" <"$bundle/config.json" >"$bundle/config.json.new"
	mv "$bundle/config.json.new" "$bundle/config.json"
}

args() {
	config '.process.args = $ARGS.positional' --args -- "$@"
}

script() {
	args /bin/sh -c "$1"
}

inside() {
	script "$1"
	run ferry run -b "$bundle" "$id"
}

# As inside, and the container must succeed.
inside_ok() {
	inside "$1"
	succeeded
}

quietly() {
	"$@" >"$WORK/out" 2>"$WORK/err" 3>&- 4>&-
}

# As run, for what might leave a container behind: its processes would hold the pipe that run reads.
attempt() {
	status=0
	quietly "$@" || status=$?
	output=$(cat "$WORK/out" "$WORK/err")
}

# Says what a quiet command printed, and fails.
complain() {
	echo "failed: $*"
	cat "$WORK/out" "$WORK/err"
	return 1
}

# With a policy in /etc, for that command alone.
under_policy() { # JSON COMMAND...
	mkdir -p "$WORK/etc/upper/ferry" "$WORK/etc/work"
	printf '%s' "$1" >"$WORK/etc/upper/ferry/policy.json"
	unshare --mount bash -c 'mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work && cp -r "$0/etc/upper/ferry" /mnt/upper &&
		mount -t overlay -o "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work" none /etc && exec "$@"' \
		"$WORK" "${@:2}"
}

start_container() {
	local name=${1:-$id}
	echo "$name" >>"$WORK/made"
	quietly ferry run --detach -b "$bundle" "$name" || complain run "$name"
}

created_container() {
	local name=${1:-$id}
	echo "$name" >>"$WORK/made"
	quietly ferry create -b "$bundle" "$name" || complain create "$name"
}

# A container that sleeps until it is killed; most commands need one.
start_sleeper() {
	args /bin/sleep 1000000
	start_container "$@"
}

status_of() {
	ferry state "${1:-$id}" | jq -r .status
}

init_pid() {
	ferry state "${1:-$id}" | jq -r .pid
}

# The supervisor of a launched container, as the parent of its first process.
supervisor_pid() {
	parent_of "$(init_pid "$@")"
}

parent_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

# kill_supervised PID: a launched container's first process, but its supervisor first, so that nobody notes its end.
kill_supervised() {
	kill -KILL "$(parent_of "$1")"
	kill -KILL "$1"
	eventually "process_ended $1"
}

wait_for_status() { # STATUS [ID]
	local i
	for i in $(seq 2400); do
		[ "$(status_of "${2:-$id}")" = "$1" ] && return 0
		sleep 0.05
	done
	echo "status is $(status_of "${2:-$id}"), not $1"
	return 1
}

# Waits until a shell condition holds: eventually '[ -e file ]'
eventually() {
	local i
	for i in $(seq 2400); do
		eval "$1" && return 0
		sleep 0.05
	done
	echo "never came true: $1"
	return 1
}

# A process: it has ended, whether or not anybody here reaps it.
process_ended() { # PID
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# What was launched with --rm is unknown when the command returns, but its files may still be on their way out.
eventually_empty() { # DIRECTORY
	local dir=$1
	eventually '[ -z "$(ls -A "$dir")" ]'
}

#-- what a test asserts

succeeded() {
	[ "$status" -eq 0 ] || { echo "exit code $status: $output"; return 1; }
}

failed() { # [TEXT]: the last run failed, and its output has TEXT
	[ "$status" -ne 0 ] || { echo "succeeded: $output"; return 1; }
	[ "$status" -ne 124 ] || { echo "took too long: $output"; return 1; }
	[ $# -eq 0 ] || has "$1"
}

exited() { # CODE
	[ "$status" -eq "$1" ] || { echo "exit code $status, not $1: $output"; return 1; }
}

has() { # TEXT in $output
	[[ "$output" == *"$1"* ]] || { printf 'no "%s" in:\n%s\n' "$1" "$output"; return 1; }
}

has_not() {
	[[ "$output" != *"$1"* ]] || { printf '"%s" in:\n%s\n' "$1" "$output"; return 1; }
}

matches() { # REGULAR EXPRESSION
	[[ "$output" =~ $1 ]] || { printf 'nothing like /%s/ in:\n%s\n' "$1" "$output"; return 1; }
}

is() { # TEXT: $output is exactly that
	[ "$output" = "$1" ] || { printf 'expected: %s\ngot:      %s\n' "$1" "$output"; return 1; }
}

equal() { # A B
	[ "$1" = "$2" ] || { printf 'not equal: "%s" and "%s"\n' "$1" "$2"; return 1; }
}

#-- programs for tests, compiled once a run

program() { # NAME: prints the path of tests/integration/NAME.c compiled, static, so that a container can run it
	local out=$BATS_RUN_TMPDIR/$1
	[ -x "$out" ] || {
		"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -Wall -static -o "$out.$BASHPID" "$here/$1.c" && mv "$out.$BASHPID" "$out"
	} || return 1
	echo "$out"
}

#-- after a test

# Everything on the machine that a container could leave behind, but for what carries this test's tag (left_over).
what_there_is() {
	sed 's/^[0-9]* [0-9]* /mount: /' /proc/self/mountinfo
	ls /sys/class/net /run/netns /var/run/netns 2>/dev/null | sed 's/^/network: /'
	ip -o link 2>/dev/null | awk '{ print "link: " $2 }'
	# The default network stays once it has been made.
	find /var/lib/ferry -maxdepth 2 ! -path /var/lib/ferry/networks ! -path /var/lib/ferry/networks/ferry.json 2>/dev/null |
		sed 's/^/of this machine: /'
}

processes_left() {
	local environ pid
	for environ in $(env -u FT_TAG grep -l -s -z -F -x "FT_TAG=$tag" /proc/[0-9]*/environ); do
		pid=${environ#/proc/}
		pid=${pid%/environ}
		[ "$pid" = "$BASHPID" ] || [ ! -e "/proc/$pid/exe" ] ||
			echo "process: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
}

# No process of this test's has the pattern in its command line. Not a pipe: what looks would be seen.
no_process() { # PATTERN
	local left
	left=$(processes_left)
	! grep -E -e "$1" <<<"$left"
}

left_over() {
	find "$(unified)" -depth -type d -name "*$tag*" 2>/dev/null | sed 's/^/cgroup: /'
	[ ! -d "$root" ] || find "$root" -name "*$tag*" | sed 's/^/state: /'
	find "$WORK/tmp" -mindepth 1 | sed 's/^/file: /'
	find /run /tmp /dev/shm /var/tmp /var/run/netns -maxdepth 3 -name "*$tag*" -not -path "$WORK*" -not -path "$BATS_RUN_TMPDIR*" \
		2>/dev/null | sed 's/^/file: /'
	processes_left
	what_there_is | diff "$WORK/before" - | sed -n 's/^> /new /p; s/^< /gone /p'
}

after_test() {
	local name i left refused=
	while read -r name; do
		quietly ferry delete --force "$name" || refused+=$(complain delete "$name" || :)$'\n'
	done <"$WORK/made"
	for i in $(seq 300); do
		left=$(left_over)
		[ -n "$left" ] || break
		sleep 0.1
	done
	[ -z "$left" ] || clean_up_after
	rm -rf "$WORK"
	left=$refused$left
	[ -z "$left" ] || [ -z "${BATS_TEST_COMPLETED-}" ] || { printf 'left behind:\n%s\n' "$left"; return 1; }
}

teardown() {
	after_test
}

# A failed test, or a program that leaks, must not spoil the tests that follow.
clean_up_after() {
	local name pid
	[ ! -d "$root" ] || for name in $(ls "$root"); do
		quietly ferry delete --force "$name" || :
	done
	for pid in $(processes_left | awk '{ print $2 }'); do
		kill -KILL "$pid" 2>/dev/null || :
	done
	for name in $(awk -v tag="$tag" 'index($5, tag) { print $5 }' /proc/self/mountinfo | tac); do
		umount -l "$name" 2>/dev/null || :
	done
	sleep 0.1
	find "$(unified)" -depth -type d -name "*$tag*" -exec rmdir {} + 2>/dev/null || :
}

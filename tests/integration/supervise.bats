#!/usr/bin/env bats
# Launched containers from their start to their removal, and whoever is killed in between.
load lib
load launched

# detached OPTION... -- COMMAND...: a launched container in the background
detached() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" host -- "$@" ||
		complain launch
}

printed() { # LINE
	eventually "ferry logs '$id' | grep -qx '$1'"
}

nothing_stored() {
	eventually_empty "$storage"
	run ferry list -q
	is ""
}

# Who supervises it, as long as it runs.
supervisor_gone() {
	[ -z "$(pgrep -f -- "--root $root launch" || :)" ]
}

# Below 1 MiB resident, now or (VmHWM) at its most; a program with sanitizers has megabytes of their own.
is_small() { # PID [FIELD]
	grep -q libasan "/proc/$1/maps" || [ "$(awk -v field="${2-VmRSS}:" '$1 == field { print $2 }' "/proc/$1/status")" -lt 1024 ]
}

# Whether it is not woken once in half a second.
sleeps_on() { # PID
	local before
	before=$(grep ctxt_switches "/proc/$1/status")
	sleep 0.5
	[ "$(grep ctxt_switches "/proc/$1/status")" = "$before" ]
}

@test "the supervisor is below 1 MiB, and does nothing while nothing happens" {
	detached -- sleep 1000000
	local pid
	pid=$(supervisor_pid)
	eventually "is_small $pid"
	eventually "sleeps_on $pid" # it makes itself small once
	run ls "/proc/$pid/fd"
	[ "${#lines[@]}" -le 12 ]
}

@test "the supervisor is below 1 MiB while its container prints without pause" {
	detached --log-opt max-size=100k -- sh -c 'while :; do echo a line of what it prints; done'
	local pid
	pid=$(supervisor_pid)
	eventually "is_small $pid"
	echo 5 >"/proc/$pid/clear_refs" # the most begins anew
	timeout 0.5 "$FERRY" --root "$root" attach --no-stdin --sig-proxy=false "$id" >/dev/null || :
	eventually '[ -e "$storage/$id/log.2" ]'
	sleep 0.5 # it makes itself small again meanwhile
	is_small "$pid" VmHWM
}

@test "stop asks, and kills after its time" {
	detached -- sh -c 'trap "echo asked; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	printed ready
	run ferry stop -t 300 "$id"
	succeeded
	is "$id"
	run ferry wait "$id"
	is 7
	run ferry logs "$id"
	is $'ready\nasked'
	equal "$(member stopped)" true
	run ferry stop "$id"
	succeeded
	run ferry start "$id"
	succeeded
	run ferry stop -t 0 "$id"
	succeeded
	run ferry wait "$id"
	is 137
}

@test "stop -s sends another signal" {
	detached -- sh -c 'trap "exit 9" USR1; trap "" TERM; echo ready; while :; do sleep 0.05; done'
	printed ready
	run ferry stop -t 300 -s USR1 "$id"
	succeeded
	equal "$(member exitCode)" 9
}

@test "start: the same container again, with its files" {
	detached -- sh -c 'echo x >>/etc/count; wc -l </etc/count; exec sleep 1000000'
	local first
	first=$(init_pid)
	printed 1
	run ferry start "$id"
	failed "running"
	run ferry stop -t 0 "$id"
	run ferry start "$id"
	succeeded
	[ "$(init_pid)" != "$first" ]
	eventually '[ "$(ferry logs "$id" | tail -n 1)" = 2 ]'
	equal "$(status_of)" running
}

@test "start -a, -ai: its output, its input, its exit code; several at once" {
	detached -i -- sh -c 'echo begin; read -r line; echo "got $line"; exit 9'
	local name=$id
	id=$id-b detached -- sh -c 'exit 3'
	ferry stop -t 0 "$name"
	eventually '[ "$(ferry wait "$name-b")" = 3 ]'
	run ferry start -ai "$name" <<<word
	exited 9
	is $'begin\ngot word'
	run ferry start -a "$name-b"
	exited 3
	run ferry start -a "$name" "$name-b"
	failed "--attach and --interactive are for one container"
	run ferry start -a "$name-x"
	failed "no container \"$name-x\" that was launched: did you mean"
	run ferry start "$name" "$name-x" "$name-b"
	exited 1
	has "container \"$name-x\" does not exist"
	has "$name"$'\n'
	has "$name-b"
	equal "$(status_of "$name")" running
	ferry rm -f "$name" "$name-b"
}

@test "start of one that cannot: the whole error, and it stays" {
	detached -- sh -c 'exec sleep 1000000'
	ferry stop -t 0 "$id"
	jq '.process.args = ["/not/there"]' "$storage/$id/config.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/config.json"
	run ferry start "$id"
	failed "/not/there"
	eventually supervisor_gone
	[ -d "$storage/$id/upper" ]
	equal "$(member exitCode)" 127
	run ferry rm "$id"
	succeeded
	nothing_stored
}

@test "restart: another process, whoever is attached stays" {
	detached -- sh -c 'echo x >>/etc/count; while :; do echo life $(wc -l </etc/count); sleep 0.05; done'
	local first
	first=$(init_pid)
	ferry attach --sig-proxy=false "$id" >"$WORK/attached" 2>&1 3>&- &
	local attached=$!
	eventually 'grep -q "life 1" "$WORK/attached"'
	run ferry restart -t 0 "$id"
	succeeded
	is "$id"
	[ "$(init_pid)" != "$first" ]
	eventually 'grep -q "life 2" "$WORK/attached"'
	ferry stop -t 0 "$id"
	run wait "$attached"
	equal "$(member restartCount)" 0
	run ferry restart "$id"
	succeeded
	equal "$(status_of)" running
}

@test "rm: not while it runs, but with -f; by the beginning of its name" {
	detached -- sleep 1000000
	run ferry rm "$id"
	failed "stop it first"
	equal "$(status_of)" running
	run ferry rm -f "${id%?}"
	succeeded
	is "$id"
	nothing_stored
	eventually supervisor_gone
	run ferry rm "$id"
	failed "no container \"$id\""
	run ferry rm -f "$id"
	failed "no container \"$id\""
}

@test "wait: prints exit codes, once they have ended" {
	detached -- sh -c 'sleep 0.3; exit 3'
	run ferry wait "$id" "$id"
	succeeded
	is $'3\n3'
	run ferry wait "$id" "no-$id"
	failed "no container"
	has 3
}

@test "wait: asked again when the supervisor ends in that moment" {
	detached -- sh -c 'sleep 0.5; exit 7'
	run strace -qq -o /dev/null -e trace=sendmsg -e inject=sendmsg:error=EPIPE:when=1 "$FERRY" --root "$root" wait "$id"
	is 7
	quietly ferry start "$id" || complain
	run strace -qq -o /dev/null -e trace=sendmsg -e inject=sendmsg:error=ECONNRESET:when=1 "$FERRY" --root "$root" wait "$id"
	is 7
}

@test "bad input is said, and nothing happens" {
	detached -- sleep 1000000
	run ferry stop -s NONSENSE "$id"
	failed "--signal"
	run ferry stop -t x "$id"
	failed "--time"
	run ferry stop -t -7 "$id"
	failed "--time"
	run ferry attach --detach-keys ctrl-pp "$id"
	failed "--detach-keys"
	run ferry start
	failed "argument"
	run ferry start --boot "$id"
	failed "--boot"
	run ferry stop "${id}x"
	failed "did you mean"
	equal "$(status_of)" running
}

@test "the commands for all containers know it by its name's beginning" {
	detached -- sleep 1000000
	local short=${id%?}
	run ferry exec "$short" sh -c 'echo in:$(hostname)'
	is "in:$id"
	run ferry state "$short"
	has running
	run ferry pause "$short"
	succeeded
	run ferry resume "$short"
	succeeded
	run ferry kill "$short" KILL
	succeeded
	run ferry wait "$id"
	is 137
	equal "$(member stopped)" true
	run ferry exec "$short" true
	failed
	run ferry delete "$short"
	failed # what is deleted is not guessed at
	run ferry delete "$id"
	succeeded
	nothing_stored
}

@test "attach: output from now on, standard input to its end, the exit code" {
	echo "$id" >>"$WORK/made"
	mkfifo "$WORK/typed"
	ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- sh -c 'while read -r l; do echo "got $l"; done; exit 4' \
		<"$WORK/typed" >"$WORK/first" 2>&1 3>&- &
	local first=$!
	exec 8>"$WORK/typed"
	eventually '[ "$(status_of 2>/dev/null)" = running ]'
	echo one >&8
	eventually 'grep -q "got one" "$WORK/first"'
	run bash -c 'echo two | timeout 300 "$0" --root "$1" attach "$2"' "$FERRY" "$root" "$id"
	exec 8>&-
	exited 4
	is "got two"
	status=0
	wait "$first" || status=$?
	exited 4
}

@test "attach: control-P control-Q leaves it running, with a terminal" {
	echo "$id" >>"$WORK/made"
	: >"$WORK/typescript"
	(eventually 'grep -q "# " "$WORK/typescript"' && printf 'echo ty""ped\n'
		eventually 'grep -q typed "$WORK/typescript"' && printf '\020\021'; eventually '[ -e "$WORK/over" ]') | timeout 300 script -q -e -c \
		"$FERRY --root $root launch --storage $storage -e FT_TAG --name $id host -- sh; : >$WORK/over" /dev/null >"$WORK/typescript" 2>&1 3>&-
	equal "$(status_of)" running
	run cat "$WORK/typescript"
	has typed
	run ferry logs "$id"
	has typed
	run ferry stop -t 0 "$id"
	succeeded
}

@test "attach: the terminal's size, even if it was that before: what fills the screen draws it anew" {
	echo "$id" >>"$WORK/made"
	quietly ferry launch -dit --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done' || complain
	eventually 'ferry logs "$id" | grep -q ready'
	local i
	for i in 1 2; do
		: >"$WORK/typescript"
		(eventually 'grep -q "20 70" "$WORK/typescript"' && printf '\020\021'; eventually '[ -e "$WORK/over" ]') | timeout 300 script -q -e -c \
			"stty rows 20 cols 70; $FERRY --root $root attach $id; : >$WORK/over" /dev/null >"$WORK/typescript" 2>&1 3>&-
		rm "$WORK/over"
		run cat "$WORK/typescript"
		has "20 70"
	done
	run ferry stop -t 0 "$id"
	succeeded
}

@test "a signal to the launching command goes to the program; SIGKILL leaves it running" {
	local pid code=0
	echo "$id" >>"$WORK/made"
	"$FERRY" --root "$root" launch --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c 'trap "exit 5" HUP; echo ready; while :; do sleep 0.05; done' >"$WORK/first" 2>&1 3>&- &
	pid=$!
	eventually 'grep -q ready "$WORK/first"'
	kill -HUP "$pid"
	wait "$pid" || code=$?
	equal "$code" 5
	ferry rm "$id"

	"$FERRY" --root "$root" launch --storage "$storage" -e FT_TAG --name "$id" host -- sleep 1000000 >"$WORK/first" 2>&1 3>&- &
	pid=$!
	eventually '[ "$(status_of 2>/dev/null)" = running ]'
	kill -KILL "$pid"
	wait "$pid" || code=$?
	equal "$code" 137
	equal "$(status_of)" running
	run ferry stop -t 0 "$id"
	succeeded
	equal "$(member exitCode)" 137
}

@test "100 MB through a reader that is slow: not a byte is missing" {
	run bash -c '"$0" --root "$1" launch --rm --storage "$2" -e FT_TAG host -- \
		sh -c "seq 1 13000000 | head -c 100000000" | (sleep 1; sha256sum)' "$FERRY" "$root" "$storage"
	succeeded
	is "$(seq 1 13000000 | head -c 100000000 | sha256sum)"
	nothing_stored
}

@test "an attached reader that does not read is let go; the container does not wait" {
	detached -- sh -c 'until [ -e /etc/go ]; do echo tick; sleep 0.05; done; seq 1 400000; echo done; exec sleep 1000000'
	ferry attach --sig-proxy=false "$id" 3>&- 2>"$WORK/why" |
		(read -r _ && : >"$WORK/hears" && eventually '[ -e "$WORK/reads" ]'; grep -vx tick >"$WORK/read") &
	local reader=$!
	eventually '[ -e "$WORK/hears" ]'
	ferry exec "$id" touch /etc/go
	eventually 'ferry logs --tail 1 "$id" | grep -q done'
	: >"$WORK/reads"
	wait "$reader" || :
	run cat "$WORK/why"
	has "does not wait"
	run head -n 1 "$WORK/read"
	is 1
}

@test "the supervisor killed: the container runs on, nothing that it prints is lost, and its exit code is known" {
	detached -- sh -c 'echo before; while [ ! -e /etc/go ]; do sleep 0.05; done; echo after; exit 6'
	local pid
	pid=$(supervisor_pid)
	eventually '[ -s "$storage/$id/log" ]'
	kill -KILL "$pid"
	eventually "! kill -0 $pid 2>/dev/null"
	equal "$(status_of)" running
	ferry wait "$id" >"$WORK/code" 2>&1 3>&- & # adopts it
	local waiter=$!
	eventually 'grep -q ":$(stat -c %i "$storage/$id") " /proc/locks'
	ferry exec "$id" touch /etc/go || : # its end may be quicker than this one's
	wait "$waiter"
	equal "$(cat "$WORK/code")" 6
	run ferry logs "$id"
	is $'before\nafter'
	eventually supervisor_gone
}

@test "the supervisor killed: who lists containers sees to another" {
	detached -- sleep 1000000
	local pid other
	pid=$(supervisor_pid)
	kill -KILL "$pid"
	eventually "! kill -0 $pid 2>/dev/null"
	run ferry ls -q
	is "$id"
	other=$(pgrep -f -- "--root $root ls -q")
	eventually "is_small $other"
	run ferry stop -t 0 "$id"
	succeeded
	equal "$(member exitCode)" 137
	eventually "! kill -0 $other 2>/dev/null"
}

@test "the supervisor killed under the launching command: that goes on" {
	echo "$id" >>"$WORK/made"
	ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c 'until [ -e /etc/go ]; do echo before; sleep 0.05; done; echo after; exit 6' >"$WORK/first" 2>&1 3>&- &
	local first=$! code=0 lines
	eventually 'grep -q before "$WORK/first"'
	pgrep -f -- "--name $id host" >"$WORK/known"
	kill -KILL "$(supervisor_pid)"
	eventually 'is_small "$(pgrep -f -- "--name $id host" | grep -vxFf "$WORK/known")"'
	lines=$(wc -l <"$WORK/first")
	eventually '(($(wc -l <"$WORK/first") > '"$lines))" # it is heard again
	ferry exec "$id" touch /etc/go || : # its end may be quicker than this one's
	wait "$first" || code=$?
	equal "$code" 6
	equal "$(tail -n 1 "$WORK/first")" after
}

@test "the supervisor killed, and then the container: its end is noted as unknown" {
	detached -- sleep 1000000
	kill_supervised "$(init_pid)"
	run ferry wait "$id"
	is 255
	equal "$(member exitCode)" 255
	[[ "$(member error)" == *supervisor* ]]
	eventually supervisor_gone
	run ferry start "$id"
	succeeded
	equal "$(status_of)" running
}

@test "launch -d --rm: removed at its end, also when its supervisor was killed meanwhile" {
	detached --rm -- sh -c 'while [ ! -e /etc/go ]; do sleep 0.05; done'
	kill -KILL "$(supervisor_pid)"
	ferry wait "$id" >"$WORK/code" 2>&1 3>&- &
	local waiter=$!
	ferry exec "$id" touch /etc/go || : # its end may be quicker than this one's
	wait "$waiter" || :
	nothing_stored
}

@test "restarted by its policy: on-failure up to its number, with the code and the count" {
	detached -- sh -c 'echo x >>/etc/count; [ $(wc -l </etc/count) -lt 2 ] || exit 3; echo first; exec sleep 1000000'
	printed first
	ferry stop -t 0 "$id"
	jq '.restart = "on-failure" | .restartMax = 2' "$storage/$id/launch.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/launch.json"
	run ferry start "$id"
	succeeded
	run ferry wait "$id"
	is 3
	equal "$(member restartCount)" 2
	eventually supervisor_gone
}

@test "restarted by its policy: always, until it is stopped, also while it waits for the next time" {
	detached -- sh -c 'echo x >>/etc/count; [ $(wc -l </etc/count) -lt 2 ] || exit 0; echo first; exec sleep 1000000'
	printed first
	ferry stop -t 0 "$id"
	jq '.restart = "always"' "$storage/$id/launch.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/launch.json"
	ferry start "$id"
	eventually '[ "$(member restartCount)" -ge 3 ]'
	run ferry stop "$id"
	succeeded
	equal "$(member stopped)" true
	eventually supervisor_gone
	run ferry rm "$id"
	succeeded
	nothing_stored
}

@test "start --boot: those that are to be restarted" {
	detached -- sleep 1000000
	kill_supervised "$(init_pid)"
	rm -r "${root:?}/$id" # /run is empty after a restart
	find "$(unified)" -depth -type d -name "*$id*" -exec rmdir {} +
	run ferry start --boot
	succeeded
	run ferry list -q
	is ""
	jq '.restart = "unless-stopped"' "$storage/$id/launch.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/launch.json"
	run ferry start --boot
	succeeded
	equal "$(status_of)" running
	ferry stop -t 0 "$id"
	run ferry start --boot
	succeeded
	equal "$(status_of)" stopped
}

@test "what is on its way out when its remover is killed goes with the next launch, its name too" {
	detached -- sh -c 'mkdir -p /opt/a/b; echo x >/opt/a/b/c'
	ferry wait "$id"
	eventually supervisor_gone
	rm -r "${root:?}/$id"
	mv "$storage/$id" "$storage/.removed.1"
	mkdir -p "$storage/.removed.2/not/ours"
	run ferry ls -a -q
	is ""
	run ferry launch --rm --storage "$storage" --name "$id" host -- true
	succeeded
	eventually '[ ! -e "$storage/.removed.1" ]'
	[ -d "$storage/.removed.2/not/ours" ]
	rm -r "$storage/.removed.2"
	nothing_stored
}

@test "killed at any moment: launch, its supervisor, stop, rm; the next commands recover" {
	local i pid name
	for i in $(seq 30); do
		name=$id-$i
		"$FERRY" --root "$root" launch -d --storage "$storage" -e FT_TAG --name "$name" host -- sleep 1000000 >"$WORK/out" 2>&1 3>&- &
		pid=$!
		sleep "0.$(printf %04d $((i * 8)))"
		case $((i % 3)) in
		0) kill -KILL "$pid" 2>/dev/null || : ;;
		1) pkill -KILL -f -- "--name $name" || : ;;
		2)
			wait "$pid"
			"$FERRY" --root "$root" rm -f "$name" >"$WORK/out" 2>&1 3>&- &
			pid=$!
			sleep "0.$(printf %04d $((i * 2)))"
			kill -KILL "$pid" 2>/dev/null || :
			;;
		esac
		wait "$pid" 2>/dev/null || :
		[ ! -e "$storage/$name/launch.json" ] || ferry rm -f "$name" || ferry delete --force "$name"
		quietly ferry delete --force "$name"
	done
	run ferry launch --rm --storage "$storage" -e FT_TAG host -- true
	succeeded
	run ferry ls -a -q
	is ""
	nothing_stored
	eventually supervisor_gone
}

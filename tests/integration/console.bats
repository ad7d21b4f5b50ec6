#!/usr/bin/env bats
# Terminals: --console-socket as engines use it, and the relay of a foreground run.
load lib

prepare() {
	config '.process.terminal = true'
}

receive() { # the receiver in the background; its output in $WORK/tty, its name for the descriptor in $WORK/name
	"$(program recvfd)" tty "$WORK/console.sock" "$WORK/name" >"$WORK/tty" 2>&1 3>&- &
	receiver=$!
	eventually '[ -S "$WORK/console.sock" ]'
}

# A shell command under a terminal of its own, made by script(1).
on_a_terminal() {
	run timeout 300 script -q -e -c "$1" /dev/null
	output=${output//$'\r'/}
}

@test "create sends the terminal to --console-socket" {
	receive
	script 'tty; echo on the terminal; exit 0'
	echo "$id" >>"$WORK/made"
	quietly ferry create --console-socket "$WORK/console.sock" -b "$bundle" "$id" || complain
	ferry start "$id"
	wait "$receiver"
	run tr -d '\r' <"$WORK/tty"
	has /dev/
	has "on the terminal"
	[ ! -s "$WORK/err" ] || grep -q -i warn "$WORK/err"
}

@test "run --detach with --console-socket; what is typed reaches the program" {
	echo 'typed words' >"$WORK/typed"
	"$(program recvfd)" tty "$WORK/console.sock" "$WORK/name" <"$WORK/typed" >"$WORK/tty" 2>&1 3>&- &
	receiver=$!
	eventually '[ -S "$WORK/console.sock" ]'
	script 'read line; echo "got: $line"'
	echo "$id" >>"$WORK/made"
	quietly ferry run -d --console-socket "$WORK/console.sock" -b "$bundle" "$id" || complain
	wait "$receiver"
	run cat "$WORK/tty"
	has "got: typed words"
}

@test "the container has a controlling terminal, and /dev/console is it" {
	receive
	script 'echo x >/dev/tty && echo tty-opens; stat -c "%F" /dev/console; ls -l /proc/self/fd/0; ps -o pid,tty'
	echo "$id" >>"$WORK/made"
	quietly ferry run -d --console-socket "$WORK/console.sock" -b "$bundle" "$id" || complain
	wait "$receiver"
	run tr -d '\r' <"$WORK/tty"
	has tty-opens
	has "character special file"
	matches 'console|pts/0'
}

@test "consoleSize" {
	config '.process.consoleSize = { height: 31, width: 107 }'
	receive
	script 'stty size'
	echo "$id" >>"$WORK/made"
	quietly ferry run -d --console-socket "$WORK/console.sock" -b "$bundle" "$id" || complain
	wait "$receiver"
	run tr -d '\r' <"$WORK/tty"
	is "31 107"
}

@test "the terminal belongs to the container's user" {
	config '.process.user = { uid: 33, gid: 33 }'
	receive
	script 'stat -c %u /proc/self/fd/0 -L; echo x >/dev/stdout && echo opens'
	echo "$id" >>"$WORK/made"
	quietly ferry run -d --console-socket "$WORK/console.sock" -b "$bundle" "$id" || complain
	wait "$receiver"
	run tr -d '\r' <"$WORK/tty"
	equal "${lines[0]}" 33
	has opens
}

@test "create with a terminal needs a console socket, and a console socket a terminal" {
	script true
	attempt ferry create -b "$bundle" "$id"
	failed
	matches 'console.socket'
	attempt ferry run -d -b "$bundle" "$id"
	failed
	matches 'console.socket'
	attempt ferry create --console-socket "$WORK/nobody-listens" -b "$bundle" "$id"
	failed
	run ferry list -q
	is ""
}

@test "a foreground run relays between its terminal and the container's" {
	script 'tty; stty size; read line; echo "read: $line"; exit 9'
	: >"$WORK/tty"
	status=0
	(eventually 'grep -q "40 99" "$WORK/tty"' && echo typed; eventually '[ -e "$WORK/over" ]') | timeout 300 script -q -e -c \
		"stty rows 40 cols 99; '$FERRY' --root '$root' run -b '$bundle' '$id'; code=\$?; : >'$WORK/over'; exit \$code" \
		/dev/null >"$WORK/tty" 2>&1 || status=$?
	output=$(tr -d '\r' <"$WORK/tty")
	exited 9
	matches '/dev/(pts/0|console)'
	has "40 99"
	has "read: typed"
}

# Whoever is slow to pass it on must not be overtaken by the program.
@test "the terminal's size is there before the program is" {
	local slow="env ASAN_OPTIONS=detect_leaks=0 strace -o /dev/null -e trace=ioctl -e inject=ioctl:delay_enter=100000"
	script 'stty size'
	on_a_terminal "stty rows 40 cols 99; $slow '$FERRY' --root '$root' run -b '$bundle' '$id'"
	has "40 99"
	config '.process.terminal = false'
	start_sleeper
	on_a_terminal "stty rows 41 cols 98; $slow '$FERRY' --root '$root' exec -t '$id' stty size"
	has "41 98"
	ferry delete -f "$id"
}

@test "the terminal is left as it was found" {
	script 'stty raw -echo; exit 0'
	on_a_terminal "stty -a >'$WORK/a'; '$FERRY' --root '$root' run -b '$bundle' '$id'; stty -a >'$WORK/b'"
	succeeded
	diff "$WORK/a" "$WORK/b"
}

@test "exec --tty relays" {
	config '.process.terminal = false'
	start_sleeper
	on_a_terminal "stty rows 33 cols 88; '$FERRY' --root '$root' exec -t '$id' sh -c 'tty; stty size; exit 6'"
	exited 6
	has /dev/pts/
	has "33 88"
}

@test "exec --tty --detach with --console-socket" {
	config '.process.terminal = false'
	start_sleeper
	receive
	quietly ferry exec -d -t --console-socket "$WORK/console.sock" --pid-file "$WORK/pid" "$id" sh -c 'tty; echo from exec' || complain
	wait "$receiver"
	run tr -d '\r' <"$WORK/tty"
	has /dev/pts/
	has "from exec"
}

@test "an image that replaced /dev/ptmx or /dev/pts cannot lend its own terminal" { # CVE-2025-52565
	config '.root.readonly = false'
	rm -rf "$bundle/rootfs/dev"
	mkdir -p "$bundle/rootfs/dev/pts"
	echo fake >"$bundle/rootfs/dev/ptmx"
	echo fake >"$bundle/rootfs/dev/pts/0"
	ln -s /etc/passwd "$bundle/rootfs/dev/console"
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	script 'tty'
	local before
	before=$(sha256sum "$bundle/rootfs/etc/passwd")
	attempt timeout 300 "$FERRY" --root "$root" run -d --console-socket "$WORK/none.sock" -b "$bundle" "$id"
	failed
	equal "$(sha256sum "$bundle/rootfs/etc/passwd")" "$before"
	equal "$(stat -c %F "$bundle/rootfs/dev/ptmx")" "regular file"
}

@test "--pidfd-socket receives a pidfd of the first process" { # crun 1.8 and runc 1.1 have no such flag
	config '.process.terminal = false'
	args /bin/sleep 1000000
	"$(program recvfd)" pidfd "$WORK/pidfd.sock" >"$WORK/pidfd" 2>&1 3>&- &
	receiver=$!
	eventually '[ -S "$WORK/pidfd.sock" ]'
	echo "$id" >>"$WORK/made"
	quietly ferry create --pidfd-socket "$WORK/pidfd.sock" -b "$bundle" "$id" || { kill "$receiver"; complain; }
	wait "$receiver"
	equal "$(cat "$WORK/pidfd")" "$(init_pid)"
}

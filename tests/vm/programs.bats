#!/usr/bin/env bats
# Programs of which a lot must be kept, saved and restored by the real CRIU, while somebody uses them: services in Java and in
# Python with a client that checks every answer, and programs that fill a screen.
load machine

setup_file() {
	ferry launch --rm host true	# what stands as long as there were networks once
	baseline
	make_rootfs /var/tmp/rootfs
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	clients=()
}

teardown() {
	[ ${#clients[@]} = 0 ] || kill "${clients[@]}" 2>/dev/null || :
	tmux kill-server 2>/dev/null || :
	ferry rm -f $(ferry ls -aq) || :
	ferry delete -f c
	clean
}

# Says the log's errors when it fails.
logged() { # COMMAND...
	"$@" && return
	grep -rhE --include='*.log' 'Error|Warn' /var/lib/ferry/launch
	return 1
}

# With this machine's programs, but on a root file system of its own, of which there can be clones.
launch() { # NAME COMMAND...
	local dir binds=()
	for dir in /usr /lib /lib64 /etc/java-21-openjdk /opt; do
		binds+=(--mount type=bind,src=$dir,dst=$dir,readonly,bind-nonrecursive)
	done
	ferry launch -d --name "$1" --rootfs /var/tmp/rootfs:O "${binds[@]}" -- "${@:2}"
}

address_of() { ferry inspect -f .NetworkSettings.IPAddress "$1"; }

# Somebody uses it from now on: ask.py, whose last number is in the file of that name.
used() { # NAME
	python3 "$BATS_TEST_DIRNAME/ask.py" "$(address_of "$1")" "$1" 2>"$1.bad" 3>&- &
	clients+=($!)
}

served() { cat "$1" 2>/dev/null || echo 0; }

# It goes on answering, and nothing was wrong until now.
serves() { # NAME
	local was end=$((SECONDS + 300))
	was=$(served "$1")
	while [ ! -s "$1.bad" ] && [ $SECONDS -lt $end ]; do
		[ "$(served "$1")" -le $((was + 10)) ] || return 0
		sleep 0.1
	done
	echo "served $(served "$1")"
	cat "$1.bad"
	return 1
}

# The client may be about to connect, which no image can keep: that is said, and it goes on.
saved() { # NAME OPTION...
	local i
	for i in {1..50}; do
		ferry checkpoint --tcp-established "${@:2}" "$1" 2>why && return
		cat why
		grep -q tcp-skip-in-flight why || break
	done
	return 1
}

saved_and_restored() { # NAME OPTION...
	logged saved "$@"
	same exited "$(ferry inspect "$1" -f .State.Status)"
	logged ferry restore --tcp-established "${@:2}" "$1"
}

# Over a checkpoint and a snapshot; and a clone of that goes on from there by itself.
is_kept() { # NAME OPTION...
	local was
	used "$1"
	serves "$1"
	saved_and_restored "$@"
	serves "$1"
	was=$(served "$1")
	logged ferry snapshot create "$1" one
	serves "$1"
	logged ferry clone "$1/one" c
	used c
	serves c
	[ "$(served c)" -gt "$was" ]
	serves "$1"
}

@test "a JVM: no answer is lost or wrong, of itself and of its clone" {
	launch j /usr/lib/jvm/java-21-openjdk-amd64/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx48m \
		-Dwords=1000 -Drehearsals=10 -cp /opt/warm Warm
	is_kept j
	same warm "$(ferry logs j | awk '{ print $1 }')"
	same "" "$(ferry logs c)"
}

@test "a Python service with a database: no answer is lost or wrong, and file and memory agree" {
	cp "$BATS_TEST_DIRNAME/words.py" /var/tmp/rootfs
	launch p python3 /words.py /words.db
	is_kept p --file-locks
}

# The screen of tmux, a terminal of 91 columns and 23 rows, when what was there before has ended.
on_screen() { # COMMAND...
	screen_is_dark
	tmux new-session -d -x 91 -y 23 "$(printf '%q ' "$@")" 3>&-
	tmux set-option -g status off
}

screen_is_dark() { eventually eval '! tmux has-session 2>/dev/null'; }

screen() { tmux capture-pane -p; }

shows() { # REGULAR-EXPRESSION
	eventually eval "screen | grep -qE -- '$1'" || { screen; return 1; }
}

keys() { tmux send-keys "$@"; }

@test "an editor: its screen, its text, its undo, and the terminal's size" {
	seq -f 'line %g' 100 >text
	on_screen ferry launch -it --name c -v "$PWD/text:/text" host vim.tiny -u NONE -n -N /text
	shows '^line 22$'
	keys 50G ccchanged Escape :set Space number Enter
	shows '^ +50 changed$'
	screen | head -n 22 >before
	saved_and_restored c
	same "23 91" "$(ferry exec c stty -F /dev/pts/0 size)"
	on_screen ferry attach c
	shows '^ +50 changed$'
	eventually eval 'diff before <(screen | head -n 22)'
	keys u
	shows '^ +50 line 50$'
	keys ofresh Escape :wq Enter
	screen_is_dark
	same "line 50 fresh line 51" "$(sed -n 50,52p text | xargs)"
	same 0 "$(ferry inspect c -f .State.ExitCode)"
}

@test "top: it goes on by itself, and takes keys" {
	on_screen ferry launch -it --name c host top -d 1
	shows '^ +1 root .* top$'
	keys c
	shows '^ +1 root .* top -d 1$'
	saved_and_restored c
	same "23 91" "$(ferry exec c stty -F /dev/pts/0 size)"
	on_screen ferry attach c
	shows '^top - '
	local was
	was=$(screen | head -n 1)
	eventually eval '[ "$(screen | head -n 1)" != "$was" ]'
	shows '^ +1 root .* top -d 1$'
	keys c
	shows '^ +1 root .* top$'
	keys l
	eventually eval '[[ "$(screen)" == Tasks:* ]]'
	keys q
	screen_is_dark
	same 0 "$(ferry inspect c -f .State.ExitCode)"
}

@test "a pager in a bundle: where it was, over a console socket" {
	make_rootfs rootfs
	seq -f 'line %g' 1000 >rootfs/text
	ferry spec
	jq '.process.args = ["less", "/text"] | .process.env = ["TERM=screen", "PATH=/bin"] | .root.readonly = false' config.json >new
	mv new config.json
	on_screen ferry run c
	shows '^line 22$'
	keys /line Space 500 Enter
	shows '^line 500$'
	screen >before
	ferry checkpoint --image-path image c || { grep -E 'Error|Warn' image/dump.log; return 1; }
	on_screen python3 "$BATS_TEST_DIRNAME/console.py" "$PWD/socket"
	eventually test -S socket
	ferry restore -d --image-path image --console-socket socket c || { grep -E 'Error|Warn' image/restore.log; return 1; }
	same "23 91" "$(ferry exec c stty -F /dev/pts/0 size)"
	keys b
	shows '^line 478$'
	keys Space
	shows '^line 521$'
	eventually eval 'diff before <(screen)'
	keys q
	screen_is_dark
	ferry delete c
}

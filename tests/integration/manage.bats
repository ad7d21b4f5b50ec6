#!/usr/bin/env bats
# Looking at containers and working on them by their names: ls, inspect, stats, top, cp.
load lib

@test "ls: a container of run, with its command and what it does" {
	start_sleeper
	run ferry ls
	succeeded
	matches "^NAME +IMAGE +COMMAND +CREATED +STATUS +ADDRESS +PORTS +MEMORY"
	matches "$id +.*\"/bin/sleep 1000000\" +[^ ].* ago +Up [^ ]"
	ferry kill "$id" KILL
	wait_for_status stopped
	run ferry ls
	matches "$id .* Exited"
}

@test "ls: paused and created" {
	created_container "$id-c"
	start_sleeper
	ferry pause "$id"
	run ferry ls
	matches "$id .* Up .*\(Paused\)"
	matches "$id-c .* Created"
	ferry resume "$id"
}

@test "ls -q and filters" {
	start_sleeper "$id-a"
	start_sleeper "$id-b"
	created_container "$id-c"
	run ferry ls -q
	is "$id-a"$'\n'"$id-b"$'\n'"$id-c"
	run ferry ls -aq --filter status=running
	is "$id-a"$'\n'"$id-b"
	run ferry ls -q -f name="$id-b" -f name="$id-c"
	is "$id-b"$'\n'"$id-c"
	run ferry ls -q -f name="$id-b" -f status=created
	is ""
	run ferry ls -q -f label=x
	is ""
}

@test "ls --format json" {
	start_sleeper
	run ferry ls --format json
	succeeded
	equal "$(jq -r '.[0] | .Name, .State, .Command[1]' <<<"$output")" "$id"$'\nrunning\n1000000'
	equal "$(jq '.[0].Pid' <<<"$output")" "$(init_pid)"
	ferry delete -f "$id"
	run ferry ls --format json
	is "[]"
}

@test "ls: bad input" {
	run ferry ls --format xml
	failed 'invalid format option "xml": use table or json'
	run ferry ls -f status
	failed "--filter 'status': expected KEY=VALUE"
	run ferry ls -f colour=red
	failed "--filter 'colour=red': the keys are status, name"
	run ferry ls -f status=bogus
	failed "--filter 'status=bogus': expected created, running, paused, restarting or exited"
	run ferry ls -f health=
	failed "--filter 'health=': expected none, starting, healthy or unhealthy"
	for code in -1 256 x ''; do
		run ferry ls -f exited=$code
		failed "--filter 'exited=$code': expected an exit code"
	done
	run ferry ls -f name=none -f status=bogus
	failed "--filter 'status=bogus'"
	run ferry ls extra
	failed
}

@test "inspect: Docker's members, out of the configuration and the state" {
	config '.process.env += ["A=b"] | .annotations = {"team": "x"}'
	start_sleeper
	run ferry inspect "$id"
	succeeded
	equal "$(jq -r '.[0] | .Id, .Path, .Args[0], .State.Status, .Config.Labels.team' <<<"$output")" \
		"$id"$'\n/bin/sleep\n1000000\nrunning\nx'
	jq -e '.[0].Config.Env | index("A=b")' <<<"$output"
	run ferry inspect -f .State.Pid "$id"
	is "$(init_pid)"
	run ferry inspect -f '{{.Config.WorkingDir}}' "$id"
	is /
}

@test "inspect: several, of which one is not there" {
	start_sleeper "$id-a"
	start_sleeper "$id-b"
	run ferry inspect -f .Name "$id-a" "$id-x" "$id-b"
	exited 1
	has "no container \"$id-x\": did you mean \"$id-a\""
	has "$id-a"$'\n'
	has "$id-b"
}

@test "inspect: a path that leads nowhere names what there is" {
	start_sleeper
	run ferry inspect -f .State.Pud "$id"
	failed "no 'Pud': there is Status, Running"
	run ferry inspect -f Pid "$id"
	failed "expected a path such as .State.Pid"
	run ferry inspect
	failed "requires a minimum of 1"
}

@test "inspect: a volume that is read-only, with all below it" {
	launched "$id" -v "$WORK:/data:ro" -v "$WORK:/mnt" -- sleep 1000000
	run ferry inspect -f .Mounts "$id"
	equal "$(jq -c '.[] | select(.Source == $w) | [.Destination, .RW]' --arg w "$WORK" <<<"$output" | sort)" \
		$'["/data",false]\n["/mnt",true]'
	ferry rm -f "$id"
}

@test "inspect: mounts, without those that every container has" {
	mkdir "$WORK/data"
	config '.mounts += [{destination: "/data", source: $d, type: "bind", options: ["bind", "ro"]}]' --arg d "$WORK/data"
	start_sleeper
	run ferry inspect -f .Mounts "$id"
	equal "$(jq -c '.[] | [.Source, .Destination, .RW]' <<<"$output")" "[\"$WORK/data\",\"/data\",false]"
}

@test "stats --no-stream: a line for each that runs" {
	start_sleeper "$id-a"
	start_sleeper "$id-b"
	ferry kill "$id-b" KILL
	wait_for_status stopped "$id-b"
	run ferry stats --no-stream
	succeeded
	matches "^NAME +CPU %"
	matches "$id-a +[0-9.]+% "
	has_not "$id-b"
	run ferry stats --no-stream -a
	matches "$id-b +- "
}

@test "stats: a busy container uses its processor; numbers as JSON" {
	script 'while :; do :; done'
	start_container
	eventually 'ferry stats --no-stream --interval 300ms --format json "$id" | jq -e ".Running and .CpuPercent > 0"'
}

@test "stats goes on until the last of those named has ended" {
	start_sleeper
	ferry stats --interval 100ms --format json "$id" >"$WORK/stats" 3>&- &
	local pid=$!
	eventually '[ "$(wc -l <"$WORK/stats")" -gt 2 ]'
	ferry kill "$id" KILL
	wait "$pid"
	equal "$(tail -n 1 "$WORK/stats" | jq .Running)" false
}

@test "stats: bad input" {
	start_sleeper
	run ferry stats --no-stream "$id-x" "$id"
	exited 1
	has "no container \"$id-x\""
	has "$id "
	run ferry stats --interval 5 "$id"
	failed "--interval: invalid duration"
	run ferry stats --interval 0s "$id"
	failed "--interval must be more than nothing"
	run ferry stats --format xml
	failed "use table or json"
}

@test "top: the container's processes, with ps's options" {
	script 'sleep 1000000 & wait'
	start_container
	eventually '[ "$(ferry top "$id" | grep -c "sleep 1000000")" -ge 1 ]'
	run ferry top "$id" -o pid,comm
	succeeded
	has "$(init_pid) sh"
	run ferry top "$id-x"
	failed "no container \"$id-x\""
	ferry kill "$id" KILL
	wait_for_status stopped
	run ferry top "$id"
	failed "container '$id' is not running"
}

@test "diff, rename: not of a container that was not launched" {
	start_sleeper
	run ferry diff "$id"
	failed "container '$id' was not launched"
	run ferry rename "$id" "$id-b"
	failed "no container \"$id\""
	run ferry diff "$id-x"
	failed "no container \"$id-x\""
}

#-- launched containers

# launched NAME [OPTION...] -- COMMAND...: in the background, kept in the test's own storage
launched() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$name" >>"$WORK/made"
	quietly ferry launch --detach --storage "$WORK/storage" -e FT_TAG --name "$name" "${options[@]}" host -- "$@" ||
		complain launch
}

# Waits for the end of a launched container; ended NAME
ended() {
	eventually '[ "$(ferry inspect -f .State.Status '"$1"')" = exited ]'
}

@test "ls, inspect: launched containers, running and ended" {
	launched "$id-a" -- sleep 1000000
	launched "$id-b" -- sh -c 'exit 3'
	ended "$id-b"
	run ferry ls
	matches "$id-a +host +\"sleep 1000000\" .* Up "
	matches "$id-b +host .* Exited \(3\) "
	run ferry ls -q -f exited=3
	is "$id-b"
	run ferry ls -s --format json
	equal "$(jq '[.[] | .Size > 0] | all' <<<"$output")" true
	run ferry inspect -f .State.ExitCode "$id-a" "$id-b"
	is $'0\n3'
	run ferry inspect -f .GraphDriver.Data.UpperDir "$id-a"
	[ -d "$output" ]
}

@test "what is not there, in engines' words, with the names that are near" {
	start_sleeper "$id-web"
	launched "$id-db" -- sleep 1000000
	for command in state kill delete exec pause resume update ps events start; do
		local words=()
		[ $command != exec ] || words=(true)
		run ferry $command "$id-wbe" "${words[@]}"
		failed "container \"$id-wbe\" does not exist: did you mean \"$id-web\""
	done
	run ferry kill "$id-bd" KILL
	failed "container \"$id-bd\" does not exist: did you mean \"$id-db\""
	run ferry state nothing-of-the-kind
	failed 'container "nothing-of-the-kind" does not exist'
	has_not "did you mean"
	run ferry delete -f "$id-wbe"
	succeeded
	is ""
	ferry delete -f "$id-db"
}

@test "the beginning of a name is enough; that of two names them" {
	launched "$id-abc" -- sleep 1000000
	launched "$id-abd" -- sleep 1000000
	run ferry inspect -f .Name "$id-abc" "$id-ab"
	exited 1
	has "more than one container begins with \"$id-ab\": \"$id-abc\", \"$id-abd\""
	has $'\n'"$id-abc"
	run ferry start "$id-ab"
	failed "more than one container begins with \"$id-ab\""
	run ferry start "$id-nope"
	failed "container \"$id-nope\" does not exist"
	run ferry top "${id%??????}"
	failed
	ferry delete -f "$id-abd"
	run ferry inspect -f .Name "$id-ab"
	is "$id-abc"
}

@test "rename: the new name works everywhere, the old one nowhere" {
	launched "$id" -- sleep 1000000
	ferry rename "$id" "$id-new"
	run ferry ls -q
	is "$id-new"
	run ferry exec "$id-new" hostname
	is "$id"
	run ferry inspect -f .Name "$id-new"
	is "$id-new"
	run ferry rename "$id-new" "a/b"
	failed "invalid container ID format"
	run ferry rename "$id-new" "$id-new"
	failed "is its name already"
	ferry delete -f "$id-new"
	run ferry ls -q
	is ""
}

@test "rename: not to a name that another has" {
	launched "$id-a" -- sleep 1000000
	launched "$id-b" -- sleep 1000000
	start_sleeper "$id-c"
	run ferry rename "$id-a" "$id-b"
	failed "a container '$id-b' is there already"
	run ferry rename "$id-a" "$id-c"
	failed "a container '$id-c' is there already"
	run ferry ls -q
	is "$id-a"$'\n'"$id-b"$'\n'"$id-c"
}

@test "diff: added, changed and deleted, of a running and an ended container" {
	launched "$id" -- sh -c 'mkdir -p /opt/d/e; echo x >/opt/d/e/f; rm /etc/group; chmod 700 /srv; echo "#" >>/etc/passwd; sleep 1000000'
	eventually 'ferry exec "$id" grep -q "#" /etc/passwd'
	run ferry diff "$id"
	succeeded
	local line
	for line in "D /etc/group" "C /etc/passwd" "C /srv" "C /opt" "A /opt/d" "A /opt/d/e/f"; do
		grep -qxF "$line" <<<"$output" || { echo "no '$line' in $output"; return 1; }
	done
	has_not shadow
	has_not "C /root"
	has_not host
	has_not "/proc"
	local running=$output
	ferry kill "$id" KILL
	ended "$id"
	run ferry diff "$id"
	is "$running"
}

#-- cp

@test "cp: a file and a directory out of a running container, and in" {
	launched "$id" -- sh -c 'mkdir -p /opt/d/e; echo inside >/opt/d/e/f; ln -s /etc/passwd /opt/d/link; sleep 1000000'
	eventually 'ferry exec "$id" test -L /opt/d/link'
	mkdir "$WORK/there"
	ferry cp "$id:/opt/d/e/f" "$WORK/file"
	ferry cp "$id:opt/d" "$WORK/there"
	ferry cp "$id:/opt/d" "$WORK/new"
	ferry cp "$id:/opt/d/." "$WORK/there"
	equal "$(cat "$WORK"/{file,there/d/e/f,new/e/f,there/e/f} | sort -u)" inside
	equal "$(readlink "$WORK/new/link")" /etc/passwd
	ferry cp -L "$id:/opt/d/link" "$WORK/passwd"
	[ ! -L "$WORK/passwd" ]
	grep -q ^root: "$WORK/passwd"
	echo outside >"$WORK/file"
	ferry cp "$WORK/file" "$id:/opt/d"
	ferry cp "$WORK/file" "$id:/opt/other"
	ferry cp "$WORK/new" "$id:/opt/tree"
	run ferry exec "$id" cat /opt/d/file /opt/other /opt/tree/e/f
	is $'outside\noutside\ninside'
}

@test "cp: of a container that does not run; what is mounted for it goes" {
	mkdir "$WORK/data"
	launched "$id" -v "$WORK/data:/mnt" -- sh -c 'echo inside >/opt/f'
	ended "$id"
	ferry cp "$id:/opt/f" "$WORK/copy"
	equal "$(cat "$WORK/copy")" inside
	echo changed >"$WORK/copy"
	ferry cp "$WORK/copy" "$id:/opt/f"
	ferry cp "$WORK/copy" "$id:/mnt/volume"
	equal "$(cat "$WORK/data/volume")" changed
	ferry cp "$id:/opt/f" "$WORK/back"
	equal "$(cat "$WORK/back")" changed
	run ferry diff "$id"
	has "A /opt/f"
	has_not "/dev"
}

@test "cp: containers of run and create, running or not" {
	config '.root.readonly = false'
	created_container
	echo x >"$WORK/x"
	ferry cp "$WORK/x" "$id:/tmp/x"
	ferry delete -f "$id"
	start_sleeper
	ferry cp "$id:/tmp/x" "$WORK/y"
	ferry kill "$id" KILL
	wait_for_status stopped
	ferry cp "$id:/tmp/x" "$WORK/z"
	equal "$(cat "$WORK/y" "$WORK/z")" $'x\nx'
}

@test "cp: owners and set-user-id bits" {
	config '.root.readonly = false'
	script 'sleep 1000000'
	start_container
	cp "$bundle/rootfs/bin/busybox" "$WORK/tool"
	chown 33:33 "$WORK/tool"
	chmod 4755 "$WORK/tool"
	ferry cp "$WORK/tool" "$id:/tmp/a"
	ferry cp -a "$WORK/tool" "$id:/tmp/b"
	equal "$(ferry exec "$id" stat -c '%u %a' /tmp/a /tmp/b)" $'0 4755\n33 4755'
	ferry cp "$id:/tmp/b" "$WORK/c"
	ferry cp -a "$id:/tmp/b" "$WORK/d"
	equal "$(stat -c '%u %a' "$WORK/c" "$WORK/d")" $'0 755\n33 4755'
}

@test "cp: links in the container lead to the container's files, never to the host's" {
	mkdir "$WORK/secret"
	echo secret >"$WORK/secret/file"
	config '.root.readonly = false'
	script 'sleep 1000000'
	local tmp=$bundle/rootfs/tmp
	ln -s "$WORK/secret" "$tmp/absolute"
	ln -s ../../../../../../../../../../../../"$WORK/secret" "$tmp/up"
	ln -s "$WORK/secret/file" "$tmp/file"
	ln -s /proc/1/root "$tmp/magic"
	start_container
	echo new >"$WORK/new"
	local link
	for link in absolute up; do
		run ferry cp "$id:/tmp/$link/file" "$WORK/copy"
		failed "No such file"
		run ferry cp "$WORK/new" "$id:/tmp/$link/file"
		failed "No such file"
		run ferry cp "$id:/tmp/$link/." "$WORK/copy"
		failed
	done
	run ferry cp -L "$id:/tmp/file" "$WORK/copy"
	failed "No such file"
	run ferry cp "$WORK/new" "$id:/tmp/file"
	failed "No such file"
	run ferry cp "$id:/tmp/magic/etc/passwd" "$WORK/copy"
	failed
	run ferry cp "$id:/tmp/../../../../../..$WORK/secret/file" "$WORK/copy"
	failed "No such file"
	[ ! -e "$WORK/copy" ]
	equal "$(cat "$WORK/secret/file")" secret
	equal "$(ls "$WORK/secret")" file
	# and the same when it does not run
	ferry kill "$id" KILL
	wait_for_status stopped
	for link in absolute up; do
		run ferry cp "$WORK/new" "$id:/tmp/$link/file"
		failed "No such file"
	done
	equal "$(cat "$WORK/secret/file")" secret
}

@test "cp: not into what is no file, though a link leads there" {
	config '.root.readonly = false'
	script 'mkfifo /tmp/fifo; ln -s /tmp/fifo /tmp/a; ln -s /dev/null /tmp/b; sleep 1000000'
	start_container
	eventually 'ferry exec "$id" test -L /tmp/b'
	echo x >"$WORK/x"
	run ferry cp "$WORK/x" "$id:/tmp/a"
	failed "both must be files"
	run ferry cp "$WORK/x" "$id:/tmp/b"
	failed "both must be files"
	run ferry cp "$id:/dev/null" "$WORK/copy"
	failed "is a device or a socket: not copied"
}

@test "cp: bad input" {
	start_sleeper
	echo x >"$WORK/x"
	run ferry cp "$WORK/x" "$WORK/y"
	failed "one path must be in a container"
	run ferry cp "$id:/a" "$id:/b"
	failed "one path must be in a container"
	run ferry cp "$WORK/x" "$id-x:/tmp"
	failed "no container \"$id-x\": did you mean \"$id\"?"
	run ferry cp "$WORK/none" "$id:/tmp"
	failed "No such file"
	run ferry cp "$WORK/x" "$id:/none/"
	failed "directory '/none/' does not exist"
	run ferry cp "$WORK/x" "$id:/none/x"
	failed "No such file"
	run ferry cp "$WORK/x/" "$id:/tmp"
	failed "Not a directory"
	run ferry cp "$WORK/tmp" "$id:/bin/busybox"
	failed "is no directory, so a directory cannot be copied to it"
	run ferry exec "$id" ls -A /tmp
	is ""
}

@test "cp: a command that is killed leaves no mounts and no process" {
	launched "$id" -- true
	ended "$id"
	dd if=/dev/zero of="$WORK/big" bs=1M count=64 status=none
	local pid i
	for i in 1 2 3 4 5; do
		"$FERRY" --root "$root" cp "$WORK/big" "$id:/opt/big" 3>&- 4>&- &
		pid=$!
		sleep 0.0$i
		kill -KILL $pid 2>/dev/null || true
		wait $pid || true
	done
	ferry cp "$WORK/big" "$id:/opt/big"
	ferry cp "$id:/opt/big" "$WORK/back"
	cmp "$WORK/big" "$WORK/back"
}

@test "a renamed container's id may become another's name: the name is meant" {
	launched "$id" -- sleep 1000000
	ferry rename "$id" "$id-old"
	launched "$id" -- sleep 1000000
	run ferry ls -q
	is "$id"$'\n'"$id-old"
	run ferry inspect -f .Id "$id" "$id-old"
	is "$id-2"$'\n'"$id"
	equal "$(ferry state "$id" | jq -r .id)" "$id-2"
	equal "$(ferry state "$id-old" | jq -r .id)" "$id"
	run ferry launch --storage "$WORK/storage" --name "$id" host -- true
	failed "a container '$id' is there already"
	ferry delete -f "$id-old"
	run ferry ls -q
	is "$id"
}

#-- events

@test "events: what happened since, by filters" {
	launched "$id-a" -- sleep 1000000
	launched "$id-b" -- sleep 1000000
	ferry rename "$id-a" "$id-c"
	ferry rename "$id-b" "$id-d"
	run ferry events --since 1h --until 0s -f event=rename -f container="$id-c"
	succeeded
	matches "^[0-9-]+T[0-9:.]+Z container rename $id-a \(image=host, name=$id-c, oldName=$id-a\)$"
	run ferry events --since 1h --until 0s -f event=rename -f container="$id-c" -f container="$id-b" --format json
	equal "$(jq -r '.Actor.Attributes.name' <<<"$output")" "$id-c"$'\n'"$id-d"
	run ferry events --until 0s
	is ""
	run ferry events --since 2001-01-01 --until 2001-01-02
	is ""
}

@test "events: a life" {
	launched "$id" -- sh -c 'exit 3'
	ended "$id"
	ferry start "$id"
	ended "$id"
	ferry rm "$id"
	launched "$id" -- sleep 1000000
	ferry pause "$id"
	ferry resume "$id"
	ferry rm -f "$id"
	eventually 'ferry events --since 1h --until 0s -f event=destroy | grep -c . | grep -qx 2'
	run ferry events --since 1h --until 0s --format json
	equal "$(jq -r '.Action' <<<"$output" | tr '\n' ' ')" \
		"create start die start die destroy create start pause unpause die stop destroy "
	equal "$(jq -r 'select(.Action == "die").Actor.Attributes.exitCode' <<<"$output" | tr '\n' ' ')" "3 3 137 "
}

@test "events: of one that could not be started" {
	attempt ferry launch -d --storage "$WORK/storage" --name "$id" host -- /no/such/program
	exited 127
	run ferry events --since 1h --until 0s --format json
	equal "$(jq -r '.Action' <<<"$output" | tr '\n' ' ')" "create destroy "
}

@test "events: what happens, as it happens" {
	launched "$id" -- sleep 1000000
	"$FERRY" --root "$root" events -f event=rename >"$WORK/events" 3>&- 4>&- &
	local pid=$!
	eventually 'ferry events --until 0s' # it answers
	eventually 'ferry rename "$id" "$id-x" 2>/dev/null; ferry rename "$id-x" "$id"; [ -s "$WORK/events" ]'
	kill "$pid"
	grep -q "container rename $id " "$WORK/events"
}

@test "events: bad input" {
	start_sleeper
	run ferry events --since yesterday
	failed "--since: invalid time"
	run ferry events -f colour=red --until 0s
	failed "--filter 'colour=red': expected container="
	run ferry events --until 0s -f event=created
	failed "--filter 'event=created': the events are create, start, die"
	run ferry events --format xml
	failed "use text or json"
	run ferry events --stats
	failed "--stats and --interval need a CONTAINER"
	run ferry events --since 1h "$id"
	failed "say --filter container=$id"
}

#!/usr/bin/env bats
# What launched containers print, kept.
load lib
load launched

# printed COMMAND: a container that ran this and has ended
printed() {
	echo "$id" >>"$WORK/made"
	quietly ferry launch --storage "$storage" -e FT_TAG --name "$id" host -- sh -c "$1" || complain launch
}

# printing COMMAND: one that still runs; its command may wait for what tell makes
printing() {
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c "wait_for() { until [ -e /etc/\$1 ]; do sleep 0.05; done; }; $1" || complain launch
}

tell() { # WORD
	ferry exec "$id" touch "/etc/$1"
}

# What the log is to have before it is told of more.
logged() { # REGULAR EXPRESSION
	eventually "grep -q '$1' '$storage/$id/log'"
}

# again FILTER: the container started again with a launch.json that was changed
again() {
	jq "$1" "$storage/$id/launch.json" >"$WORK/changed"
	cp "$WORK/changed" "$storage/$id/launch.json"
	quietly ferry start "$id" || complain start
}

@test "logs: both streams, of one that has ended; one alone" {
	printed 'echo one; echo two >&2; printf three'
	run --separate-stderr ferry logs "$id"
	succeeded
	equal "$output" $'one\nthree'
	equal "$stderr" two
	run ferry logs --stderr "$id"
	is two
	run ferry logs --stdout "$id"
	is $'one\nthree'
}

@test "logs -t, and the format of the file" {
	printing 'echo whole; printf part; wait_for rest; echo " and rest"'
	logged 'stdout P part'
	tell rest
	ferry wait "$id"
	run ferry logs -t "$id"
	matches '^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z whole
[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z part and rest$'
	run cut -d ' ' -f 2- "$storage/$id/log"
	is $'stdout F whole\nstdout P part\nstdout F  and rest'
}

@test "logs --tail" {
	printed 'seq 1 100; printf "1"; sleep 0.1; echo 01'
	run ferry logs --tail 3 "$id"
	is $'99\n100\n101'
	run ferry logs -n 0 "$id"
	is ""
	run ferry logs --tail all "$id"
	equal "${#lines[@]}" 101
	run ferry logs --tail -1 "$id"
	failed "--tail"
	run ferry logs --tail x "$id"
	failed "--tail"
}

@test "logs --since, --until" {
	local between
	printing 'echo early; wait_for late; echo late'
	logged early
	tell late
	ferry wait "$id"
	between=$(awk 'NR == 2 { print $1 }' "$storage/$id/log")
	run ferry logs --since "$between" "$id"
	is late
	run ferry logs --until "${between%.*}.000000000Z" --since 2001-01-01T00:00:00Z "$id"
	has_not late
	run ferry logs --since 1h "$id"
	is $'early\nlate'
	run ferry logs --until 1h "$id"
	is ""
	run ferry logs --since yesterday "$id"
	failed "--since"
}

@test "logs: over the files that were begun anew" {
	printed 'seq 1 100'
	again '.logMaxBytes = 2000 | .logFiles = 3'
	ferry wait "$id"
	run ls "$storage/$id"
	has log.1
	has log.2
	has_not log.3
	[ "$(stat -c %s "$storage/$id/log")" -le 2000 ]
	[ "$(stat -c %s "$storage/$id/log.1")" -le 2000 ]
	run ferry logs --tail 60 "$id"
	is "$(seq 41 100)"
}

@test "logs: one file of the log is kept" {
	printed 'seq 1 100'
	again '.logMaxBytes = 1000 | .logFiles = 1'
	ferry wait "$id"
	[ ! -e "$storage/$id/log.1" ]
	run ferry logs --tail 1 "$id"
	is 100
}

@test "logs -f: until it has ended, over files begun anew, and over a restart" {
	# Prints all the while, so that it shows when somebody hears.
	printed '[ -e /etc/second ] || { echo first; touch /etc/second; exit; }
		until [ -e /etc/go ]; do echo tick; sleep 0.05; done
		i=0; while [ $i -lt 300 ]; do echo $i; i=$((i + 1)); [ $((i % 50)) -ne 0 ] || sleep 0.1; done'
	again '.logMaxBytes = 5000 | .logFiles = 5'
	ferry logs -f --tail 0 "$id" >"$WORK/followed" 2>&1 3>&- &
	local follower=$!
	eventually 'grep -q tick "$WORK/followed"'
	tell go
	wait "$follower"
	equal "$(grep -vx tick "$WORK/followed")" "$(seq 0 299)"
	run ferry logs -f --tail 1 "$id"
	is 299
}

@test "logs -f: the supervisor killed meanwhile" {
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --storage "$storage" -e FT_TAG --name "$id" host -- \
		sh -c 'echo one; while [ ! -e /etc/go ]; do sleep 0.05; done; echo two' || complain launch
	ferry logs -f "$id" >"$WORK/followed" 2>&1 3>&- &
	local follower=$!
	eventually 'grep -q one "$WORK/followed"'
	kill -KILL "$(supervisor_pid)"
	ferry exec "$id" touch /etc/go || :
	wait "$follower"
	equal "$(cat "$WORK/followed")" $'one\ntwo'
}

@test "logs: bytes that are no text, lines that are long" {
	printed 'head -c 100000 /dev/zero | tr "\0" x; echo; printf "\377\0\001\n"'
	ferry logs "$id" >"$WORK/read"
	equal "$(sha256sum <"$WORK/read")" "$( (head -c 100000 /dev/zero | tr '\0' x; echo; printf '\377\0\001\n') | sha256sum)"
}

@test "logs: of a container that is not there" {
	run ferry logs "no-$id"
	failed "no container \"no-$id\""
}

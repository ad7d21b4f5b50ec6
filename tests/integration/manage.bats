#!/usr/bin/env bats
# Looking at containers and working on them by their names: ls, inspect, stats, top, cp.
load lib

@test "ls: a container of run, with its command and what it does" {
	start_sleeper
	run ferry ls
	succeeded
	matches "^NAME +IMAGE +COMMAND +CREATED +STATUS +MEMORY"
	matches "$id +.*\"/bin/sleep 1000000\" +(Less than a|[0-9]+) seconds? ago +Up (Less than a|[0-9]+) second"
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
	run ferry stats --no-stream --interval 300ms --format json "$id"
	succeeded
	jq -e '.Running and .CpuPercent > 1' <<<"$output"
}

@test "stats goes on until the last of those named has ended" {
	script 'sleep 1'
	start_container
	run ferry stats --interval 100ms --format json "$id"
	succeeded
	[ "${#lines[@]}" -gt 2 ]
	equal "$(jq .Running <<<"${lines[-1]}")" false
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

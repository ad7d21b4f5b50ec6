#!/usr/bin/env bats
# The numbers of `stats` beside the files of the container's cgroup.
load machine

setup_file() {
	make_rootfs /var/tmp/rootfs
	baseline
}

teardown() {
	ferry rm -f load idle 2>/dev/null || :
	rm -rf /var/tmp/disk
	clean
}

# launch NAME COMMAND OPTION...: $cgroup is its cgroup then
launch() {
	ferry launch -d --name "$1" "${@:3}" --rootfs /var/tmp/rootfs:O -- sh -c "$2" >/dev/null
	cgroup=$unified$(cut -d: -f3 "/proc/$(ferry state "$1" | jq .pid)/cgroup")
}

# What stats should say, out of the files: as JSON, the pressure apart.
expected() {
	(cd "$cgroup" && awk '
		FILENAME == "cpu.stat" && $1 == "usage_usec" { cpu = $2 }
		FILENAME == "memory.current" { current = $1 }
		FILENAME == "memory.stat" && $1 == "inactive_file" { idle = $2 }
		FILENAME == "memory.max" { limit = $1 }
		FILENAME == "pids.current" { pids = $1 }
		FILENAME == "io.stat" { for (i = 2; i <= NF; i++) { split($i, word, "="); io[word[1]] += word[2] } }
		END {
			printf "{\"CpuUsec\": %d, \"MemoryUsage\": %d, \"MemoryLimit\": %d, ", cpu, current - idle, limit
			printf "\"IoRead\": %d, \"IoWritten\": %d, \"Pids\": %d}\n", io["rbytes"], io["wbytes"], pids
		}' cpu.stat memory.current memory.stat memory.max pids.current io.stat)
}

pressure() { (cd "$cgroup" && sed -n 's/^some avg10=\([^ ]*\) .*/\1/p' cpu.pressure memory.pressure io.pressure | jq -s -c .); }

# holds EXPRESSION: of jq, with the members of what stats said
holds() { jq -e "$1" "$BATS_TEST_TMPDIR/stats" >/dev/null || { echo "not so: $1"; cat "$BATS_TEST_TMPDIR/stats"; return 1; }; }

# Reclaim and write-back may still go on, and pressure rises and fades: looks again until it is as the files said before and
# after.
says_what_files_say() {
	local files pressure
	files=$(expected) pressure=$(pressure)
	ferry stats --no-stream --format json load >"$BATS_TEST_TMPDIR/stats"
	holds "contains($files) and contains($(expected))" &&
		holds "[[.Pressure | .Cpu, .Memory, .Io], $pressure, $(pressure)] | transpose | all(sort[1] == .[0])"
}

@test "all of it, after work of every kind" {
	local disk=/var/tmp/disk # /tmp is not on one
	mkdir "$disk"
	launch load 'dd if=/dev/zero of=/dev/shm/filler bs=1M count=20
		dd if=/dev/zero of=/disk/file bs=1M count=8 conv=fsync
		dd if=/disk/file of=/dev/null bs=1M iflag=direct
		for i in 1 2 3; do while :; do :; done & done
		touch /disk/done; wait' --memory 100m --pids-limit 20 -v "$disk:/disk" --shm-size 32m
	eventually test -e "$disk/done"
	eventually grep '^some avg10=[0-9.]*[1-9]' "$cgroup/cpu.pressure"
	eventually eval '[ "$(awk "/^usage_usec/ { print \$2 }" "$cgroup/cpu.stat")" -gt 500000 ]'
	ferry stats --no-stream --format json load >"$BATS_TEST_TMPDIR/stats"
	holds '.Pressure.Cpu > 0'
	ferry pause load # it uses nothing now, and pressure fades
	eventually says_what_files_say
	holds '.Running and .Name == "load" and .CpuPercent == 0 and .CpuUsec > 500000 and .Pids == 4'
	holds '.MemoryUsage > 20 * 1024 * 1024 and .MemoryLimit == 100 * 1024 * 1024'
	holds '.MemoryPercent - 100 * .MemoryUsage / .MemoryLimit | fabs < 0.01'
	holds '.IoWritten >= 8 * 1024 * 1024 and .IoRead >= 8 * 1024 * 1024'
	ferry resume load
}

# How much of its share it gets depends on the machine. A look comes a second after the one before or later, and all of them are
# within the time that is taken here.
@test "processors: what was used since the last look, as a stream" {
	launch load 'while :; do :; done' --cpus 0.2
	eventually grep -q '^nr_throttled [1-9]' "$cgroup/cpu.stat"
	launch idle 'exec sleep 1000000'
	local begun=${EPOCHREALTIME/./} took stats
	ferry stats --format json --interval 1s load idle >"$BATS_TEST_TMPDIR/lines" 3>&- &
	stats=$!
	eventually eval 'jq -s "map(select(.Name == \"load\").CpuUsec) | length > 3 and .[0] < .[-1]" "$BATS_TEST_TMPDIR/lines" | grep -q true'
	ferry stop -t 0 load idle
	wait $stats # of those that it was to show none runs
	took=$((${EPOCHREALTIME/./} - begun))
	grep '"Name":"load"' "$BATS_TEST_TMPDIR/lines" | jq -s 'map(select(.Running))' >"$BATS_TEST_TMPDIR/stats"
	local since='[range(1; length) as $i | { percent: .[$i].CpuPercent, used: (.[$i].CpuUsec - .[$i - 1].CpuUsec) }]'
	holds "$since | length > 2 and any(.percent > 0) and all(.percent <= .used / 10000 + 0.01)"
	holds "$since | map(select(.percent > 0) | .used / .percent * 100) | add <= $took * 1.05"
	grep '"Name":"idle"' "$BATS_TEST_TMPDIR/lines" | jq -s 'map(select(.Running))' >"$BATS_TEST_TMPDIR/stats"
	holds 'length > 2 and (.[-1] | .CpuPercent < 5 and .Pids == 1)'
}

@test "the table: memory without a limit is the machine's" {
	launch idle 'exec sleep 1000000'
	run -0 ferry stats --no-stream idle
	local total
	total=$(awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo)
	same "idle 1" "$(awk '$1 == "idle" { print $1, $(NF - 5) }' <<<"$output")"
	ferry stats --no-stream --format json >"$BATS_TEST_TMPDIR/stats"
	holds ".MemoryLimit == $total"
}

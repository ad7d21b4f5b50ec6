#!/usr/bin/env bats
# Snapshots with memory, by the real CRIU: whoever asks the program cannot tell that it went back but by what it says.
load machine

export BATS_TEST_TIMEOUT=300
snapshots=/var/lib/ferry/launch/c/snapshots

setup_file() {
	ferry launch --rm host true	# what stands as long as there were networks once
	baseline
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$BATS_TEST_DIRNAME/instant.py" .
}

teardown() {
	ferry rm -f c 2>/dev/null || :
	clean
}

up() { # OPTION... -- COMMAND...
	ferry launch -d --name c "$@"
	address=$(ferry inspect -f .NetworkSettings.IPAddress c)
}

# *word and *n: what instant.py says.
ask() {
	local answer i
	for i in $(seq 40); do
		answer=$({ exec 3<>"/dev/tcp/$address/7777" && head -n 1 <&3; } 2>/dev/null) || :
		[ -z "$answer" ] || break
		sleep 0.25
	done
	read -r word n <<<"$answer"
	[ -n "$n" ] || { ferry ps; ferry logs c | tail -n 3; return 1; }
}

up_instant() {
	up -v "$PWD/instant.py:/instant.py:ro" host python3 /instant.py /n 32
	ask
}

snapshot() {
	ferry snapshot create c "$@" && return
	grep -E 'Error|Warn' $snapshots/.log/dump.log
	return 1
}

rollback() {
	ferry snapshot rollback "$@" && return
	grep -E 'Error|Warn' $snapshots/.log/restore.log
	return 1
}

goes_on() {
	local was
	ask
	was=$n
	eventually eval "ask && [ \$n -gt $was ]"
}

@test "memory, files and connections go back to one instant, as often as one likes" {
	up_instant
	local first=$word was=$n at=$address later i
	snapshot one
	goes_on
	sleep 1
	ask
	later=$n
	for i in running running stopped; do
		[ $i = running ] || ferry stop -t 0 c
		rollback c/one
		ask
		same "$first $at" "$word $(ferry inspect -f .NetworkSettings.IPAddress c)"
		[ "$n" -ge "$was" ] && [ "$n" -lt "$later" ]
		goes_on
	done
}

#!/usr/bin/env bats
# Snapshots with memory, by the real CRIU: whoever asks the program cannot tell that it went back but by what it says.
load machine

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
	local answer end=$((SECONDS + 180))
	while [ $SECONDS -lt $end ]; do
		answer=$({ exec 3<>"/dev/tcp/$address/7777" && head -n 1 <&3; } 2>/dev/null) || :
		[ -z "$answer" ] || break
		sleep 0.1
	done
	read -r word n <<<"$answer"
	[ -n "$n" ] || { ferry ps; ferry logs c | tail -n 3; return 1; }
}

up_instant() {
	up -v "$PWD/instant.py:/instant.py:ro" host python3 /instant.py /n 4
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

# Nobody can tell that there was a snapshot.
is_untouched() { # LEAST
	run ! eval 'ferry snapshot ls -q | grep .'
	goes_on
	[ "$n" -gt "$1" ]
	same "$first" "$word"
	run ! nsenter -t "$(ferry inspect -f .State.Pid c)" -n sh -c 'nft list tables | grep CRIU || iptables-save | grep CRIU'
}

@test "memory, files and connections go back to one instant, as often as one likes" {
	up_instant
	local first=$word was=$n at=$address later i
	snapshot one
	goes_on
	ask
	later=$n
	# Damage is found before anything is ended.
	cp -p $snapshots/one/checkpoint/1/pages-1.img .
	printf damage | dd of=$snapshots/one/checkpoint/1/pages-1.img bs=1 seek=100000 conv=notrunc status=none
	run ! ferry snapshot rollback c/one
	[[ $output == *"it is damaged: 'checkpoint/1/pages-1.img' is not as it was when it was made"* ]]
	cp -p pages-1.img $snapshots/one/checkpoint/1/
	goes_on
	[ "$n" -ge "$later" ]
	for i in running stopped; do
		[ $i = running ] || ferry stop -t 0 c
		rollback c/one
		ask
		same "$first $at" "$word $(ferry inspect -f .NetworkSettings.IPAddress c)"
		[ "$n" -ge "$was" ] && [ "$n" -lt "$later" ]
		goes_on
	done
	# Elsewhere, and back.
	ferry snapshot export c/one | gzip -1 >one.tar.gz
	ferry snapshot rm c/one
	ferry snapshot import c one.tar.gz
	rollback c/one
	ask
	same "$first" "$word"
	[ "$n" -lt "$later" ]
	run ! eval 'ferry logs c | grep bad'
}

@test "SIGKILL of ferry or CRIU: no snapshot, and the container goes on, with its connections" {
	up_instant
	local first=$word at was whom file text
	# As soon as the file is there, with the text: in what is saved ahead, in the dump, in the copies of files.
	for at in "all .log/dump.log Dumping pages" "both .new/checkpoint/1/pages-1.img" "ferry .new/checkpoint/pages-1.img" \
		"both .new/checkpoint/mm-1.img" "criu .new/upper/n" "ferry .new/upper/n"; do
		ask
		was=$n
		echo "$at"
		rm -f $snapshots/.log/dump.log
		read -r whom file text <<<"$at"
		python3 "$BATS_TEST_DIRNAME/kill_at.py" "$whom" "$snapshots/$file" "$text" "$runtime" snapshot create c one \
			>killed 2>&1 </dev/null || { cat killed; return 1; }
		is_untouched "$was"
	done
	snapshot one
	rollback c/one
	goes_on
}

@test "a terminal" {
	up -it host sh -c 'n=0; while read -r word; do n=$((n + 1)); echo "$n $word $(stty size)"; done'
	# A terminal of so many rows: who is attached has given them to the container's. And then goes, by the keys for that.
	tell() { # ROWS WORD ANSWER
		local keys pid
		[ -p keys ] || mkfifo keys
		script -qec "stty rows $1 columns 80; ferry attach c" /dev/null <keys >/dev/null 3>&- &
		pid=$!
		exec {keys}>keys
		eventually eval "[ \"\$(ferry exec c stty -F /dev/pts/0 size)\" = '$1 80' ]"
		printf '%s\n' "$2" >&"$keys"
		eventually eval "ferry logs c | grep -q '^$3 $2 $1 80'"
		printf '\020\021' >&"$keys"
		wait $pid
		exec {keys}>&-
	}
	tell 30 first 1
	snapshot one
	tell 31 second 2
	rollback c/one
	tell 32 other 2
}

@test "redis: what is in memory and what is on the disk" {
	up --init host redis-server --protected-mode no --save "" --appendonly yes --dir /var/tmp --enable-debug-command yes
	r() { timeout 120 redis-cli -h "$address" "$@"; }
	eventually r ping
	r debug populate 20000 key 500
	r set word first
	snapshot one
	r set word second
	r del key:1
	rollback c/one
	same first "$(r get word)"
	same 20001 "$(r dbsize)"
	r incr count
	# The file goes on where memory does.
	r debug loadaof
	same "first 1" "$(r get word) $(r get count)"
}

@test "by themselves, by systemd's timer" {
	up_instant
	systemctl start ferry-snapshot.timer
	ferry snapshot schedule --memory c "* * * * *"
	sed -i 's/"last": "20../"last": "2000/' $snapshots/.schedule
	systemctl start ferry-snapshot.service || { journalctl -u ferry-snapshot.service | tail; return 1; }
	ferry snapshot schedule c never
	systemctl is-active ferry-snapshot.timer
	systemctl stop ferry-snapshot.timer
	same true "$(ferry snapshot show -f .Memory c/snap0)"
	local was=$word
	rollback c/snap0
	ask
	same "$was" "$word"
}

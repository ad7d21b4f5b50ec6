#!/usr/bin/env bats
# Snapshots with memory, with criu.py in CRIU's place: what is asked of it and when, and what becomes of the container.
load lib
load networks
load killed

prepare() {
	make_machine
	storage=$WORK/storage
	upper=$storage/$id/upper
	snapshots=$storage/$id/snapshots
	memory=$snapshots/one/checkpoint
	mkdir "$storage"
	export FERRY_CRIU=$here/criu.py CRIU_STARTS="/bin/busybox sleep 1000000"
}

up() { # OPTION...
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" --rootfs "$bundle/rootfs:O" "$@" -- \
		sh -c 'echo one >/file; exec sleep 1000000' || complain launch
	eventually '[ -s "$upper/file" ]'
}

create() { attempt ferry snapshot create "$id" "$@"; }
rollback() { attempt ferry snapshot rollback "$@" "$id/one"; }
member() { jq -r ".$1" "$storage/$id/status.json"; }
address() { ferry inspect -f .NetworkSettings.IPAddress "$id"; }
asked() { grep -qx "$2" "$1/asked" || { cat "$1/asked"; return 1; }; }

nothing_aside() { equal "$(find "$snapshots" -mindepth 1 -maxdepth 1 -name '.[!cl]*')" ""; }

# It runs as if nothing had been.
untouched() { # PID
	equal "$(init_pid) $(ferry ls --format json | jq -r '.[0].State')" "$1 running"
	nothing_aside
}

@test "create: most of the memory before, the rest with the files" {
	up --network none
	local pid
	pid=$(init_pid)
	create one
	is "$id/one"
	untouched "$pid"
	asked "$memory/1" "61 2"
	asked "$memory/1" "45 2"
	asked "$memory/1" "15 1"
	asked "$memory" "14 1"
	asked "$memory" "3 1"
	asked "$memory" "5 1"
	asked "$memory" "46 1"
	[ ! -e "$memory/2" ]
	[ -e "$memory/cpuinfo.img" ] && [ -e "$memory/descriptors.json" ]
	grep -q " checkpoint/1/asked$" "$snapshots/one/digests"
	equal "$(ferry snapshot show --format .Memory "$id/one")" true
	[ "$(ferry snapshot show --format .MemorySize "$id/one")" -gt 8000 ]
	ferry snapshot ls | grep -q "^$id/one .*KiB.*KiB"
	# What its memory takes is freed, too.
	sed -i.old 's/"created": ".*",/&"expires": "1999-01-01",/' "$snapshots/one/snapshot.json"
	equal "$(ferry snapshot prune -n | tail -n 1)" "Would free $(ferry snapshot show "$id/one" |
		jq '.[0].Size + .[0].MemorySize' | awk '{ printf "%.1fKiB", $1 / 1024 }'): 1 snapshot"
	mv "$snapshots/one/snapshot.json.old" "$snapshots/one/snapshot.json"
	# Without tracking all of it is saved at once; and of one that is paused, which stays so.
	export CRIU_TRACKS=0 FERRY_CRIU=$WORK/criu.py
	cp "$here/criu.py" "$FERRY_CRIU"
	create two
	[ ! -e "$snapshots/two/checkpoint/1" ]
	ferry pause "$id"
	create three
	succeeded
	equal "$(ferry ls --format json | jq -r '.[0].State')" paused
	ferry resume "$id"
}

@test "rollback: one that runs, and one that has ended, go on from there" {
	up
	local pid address i
	address=$(address)
	create one
	for i in running running ended; do
		[ $i = running ] || ferry stop -t 0 "$id"
		pid=$(init_pid)
		echo two >"$upper/file"
		rollback
		is "$id/one"
		[ "$(init_pid)" != "$pid" ]
		equal "$(cat "$upper/file") $(address) $(member started_at | wc -l)" "one $address 1"
		nothing_aside
	done
	equal "$(grep -c . "$snapshots/.current")" 1
	echo two >"$upper/file"
	rollback --no-memory
	failed "container '$id' runs: stop it, go back, and start it again"
	ferry stop -t 0 "$id"
	rollback --no-memory
	equal "$(cat "$upper/file") $(ferry ls -a --format json | jq -r '.[0].State')" "one exited"
}

@test "what would fail is said before anything is ended" {
	mkdir "$WORK/outside"
	up --network none -v "$WORK/outside:/outside"
	local pid
	pid=$(init_pid)
	create one
	echo two >"$upper/file"
	CRIU_KERNEL=processor rollback
	failed "roll back to snapshot '$id/one': this machine has another processor than the image needs"
	untouched "$pid"
	mv "$WORK/outside" "$WORK/elsewhere"
	rollback
	failed "roll back to snapshot '$id/one': '$WORK/outside', which is mounted in it: No such file or directory"
	mv "$WORK/elsewhere" "$WORK/outside"
	FERRY_CRIU=/nowhere rollback
	failed "roll back to snapshot '$id/one': FERRY_CRIU: '/nowhere'"
	echo x >>"$memory/1/asked"
	rollback
	failed "roll back to snapshot '$id/one': it is damaged: 'checkpoint/1/asked' is not as it was when it was made"
	rm -r "$memory"
	rollback
	failed "roll back to snapshot '$id/one': it is damaged: "
	untouched "$pid"
	equal "$(cat "$upper/file")" two
}

@test "a restore that fails leaves the snapshot's files, and says why" {
	up --network none
	create one
	echo two >"$upper/file"
	CRIU_DOES=fail CRIU_LOG="Some thing cannot be restored" rollback
	failed "roll back to snapshot '$id/one': its files are those of the snapshot, and it does not run: "
	has "Some thing cannot be restored"
	has "$snapshots/.log/restore.log"
	equal "$(cat "$upper/file") $(ferry ls -a --format json | jq -r '.[0].State')" "one exited"
	nothing_aside
	rollback
	succeeded
	ferry stop -t 0 "$id"
	ferry start "$id"
}

@test "memory that cannot be kept" {
	up --network none
	local pid
	pid=$(init_pid)
	CRIU_DOES=fail CRIU_LOG="Some thing is not dumpable" create one
	failed "Some thing is not dumpable"
	has "$snapshots/.log/dump.log"
	has "(--no-memory keeps its files alone)"
	FERRY_CRIU=/nowhere create one
	failed "(--no-memory keeps its files alone)"
	equal "$(ferry snapshot ls -q)" ""
	untouched "$pid"
	ferry rm -f "$id"
	up --network none --rm
	create one
	succeeded
	pid=$(init_pid)
	rollback
	failed "container '$id' is removed when it ends (--rm)"
	untouched "$pid"
}

@test "killed while CRIU is at work: no snapshot, and the container goes on" {
	up --network none
	local pid init does
	init=$(init_pid)
	for does in hang hang-saved; do
		CRIU_TRACKS=0 CRIU_DOES=$does nsenter --target "$machine" --mount --net -- "$FERRY" --root "$root" \
			snapshot create "$id" one >"$WORK/out" 2>&1 3>&- &
		pid=$!
		eventually '[ -n "$(find "$snapshots" -name hangs)" ]'
		kill -KILL $pid
		wait $pid || true
		equal "$(ferry snapshot ls -q)" ""
		eventually 'untouched "$init"'
	done
	create one
	succeeded
}

@test "rollback of one that runs, killed anywhere: it runs as it did, or it has ended, and all of it can go on" {
	up --network none
	create one
	local call n killed=0 status state
	for call in renameat renameat2 unlinkat sendmsg sendto clone3 flock openat2 syncfs; do
		for ((n = 1; n < 60; n++)); do
			killed_before "$call" "$n" snapshot rollback "$id/one"
			[ $status != 0 ] || break
			killed=$((killed + 1))
			quietly ferry snapshot ls || complain
			state=$(ferry ls -a --format json | jq -r '.[0].State')
			nothing_aside
			case $state in
			running) ;;
			exited) quietly ferry start "$id" || complain ;;
			*) echo "$state after $call $n"; return 1 ;;
			esac
		done
	done
	echo "killed $killed times"
	[ $killed -gt 10 ]
	rollback
	succeeded
}

@test "schedule: with memory, if that is asked for" {
	up --network none
	ferry snapshot schedule "$id" "* * * * *"
	past() { sed -i 's/"last": "20../"last": "2000/' "$snapshots/.schedule"; }
	past
	quietly ferry snapshot run || complain
	ferry snapshot schedule --memory "$id" "* * * * *"
	run ferry snapshot schedule "$id"
	matches "^\* \* \* \* \*, memory: next at "
	past
	quietly ferry snapshot run || complain
	equal "$(ferry snapshot ls --format json | jq -c 'map([.Snapshot, .Memory])')" '[["snap0",false],["snap1",true]]'
	run ferry snapshot schedule --memory "$id"
	failed "are for a new schedule: say which"
}

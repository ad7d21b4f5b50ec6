#!/usr/bin/env bats
# Clones by the real CRIU, of a service that takes long to start.
load machine

export MIB=64 launch=/var/lib/ferry/launch

setup_file() {
	ferry launch --rm host true	# what stands as long as there were networks once
	make_rootfs /var/tmp/rootfs
	echo 0123456789abcdef0123456789abcdef >/var/tmp/rootfs/etc/machine-id
	cp "$BATS_TEST_DIRNAME/warm.py" /var/tmp/rootfs
	printf '#!/bin/sh\nenv | grep ^FERRY_CLONE_ >/hook\n' >/var/tmp/rootfs/bin/hook
	chmod 755 /var/tmp/rootfs/bin/hook
	baseline
	local dir binds=()
	for dir in /usr /lib /lib64; do
		binds+=(--mount type=bind,src=$dir,dst=$dir,readonly,bind-nonrecursive)
	done
	ferry launch -d --name w --rootfs /var/tmp/rootfs:O "${binds[@]}" -- /usr/bin/python3 /warm.py $MIB
	ask w
	echo "$begun" >"$BATS_FILE_TMPDIR/begun"
	timeout 300 ferry snapshot create w one || { grep -E 'Error|Warn' $launch/w/snapshots/.log/dump.log; return 1; }
	timeout 300 ferry template create --hook /bin/hook w/one t
}

teardown_file() {
	ferry template rm t
	ferry rm -f w
	clean
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	ferry rm -f $(ferry ls -aq | grep -vx w) || :
}

# *begun, *whole, *host, *machine, *connection: what warm.py says; *address: where.
ask() {
	local answer='' end=$((SECONDS + 180))
	address=$(ferry inspect -f .NetworkSettings.IPAddress "$1")
	while [ $SECONDS -lt $end ]; do
		answer=$(timeout 60 bash -c "exec 3<>/dev/tcp/$address/7000 && head -n 1 <&3" 2>/dev/null) || :
		[ -z "$answer" ] || break
		sleep 0.1
	done
	read -r begun whole host machine connection <<<"$answer"
	[ -n "$connection" ] || { ferry ps "$1"; ferry logs "$1" | tail -n 3; return 1; }
}

clone() {
	ferry clone "$@" && return
	grep -E 'Error|Warn' $launch/*/criu/restore.log
	return 1
}

is_warm() {
	ask "$1"
	same "$(cat "$BATS_FILE_TMPDIR/begun") whole" "$begun $whole"
}

@test "three clones are warm, each is somebody else, and none has much for itself" {
	local c pid own
	clone -n 3 t c
	for c in w c-1 c-2 c-3; do
		is_warm $c
		same $c "$host" || [ $c = w ]
		echo "$machine" >>ids
		echo "$address" >>addresses
		pid=$(ferry state $c | jq .pid)
		nsenter -t "$pid" -n ip -j link show eth0 | jq -r '.[0].address' >>macs
		[ $c != w ] || { same open "$connection"; continue; }
		same closed "$connection"
		own=$(awk '/^Anonymous:/ { sum += $2 } END { print sum }' "/proc/$pid/smaps")
		echo "$own kB"
		((own < (MIB + 8) * 1024 / 20))
		ferry exec $c sh -c '. /.cloneenv; echo "$FERRY_CLONE_NAME $FERRY_CLONE_SOURCE $FERRY_CLONE_TEMPLATE"' >told
		same "$c w/one t" "$(cat told)"
		ferry exec $c sh -c '. /.cloneenv; grep -qx "FERRY_CLONE_GENERATION=$FERRY_CLONE_GENERATION" /hook'
		grep -q "/$c\$" "/proc/$pid/cgroup"
	done
	for c in ids addresses macs; do
		sort $c | uniq -d >double
		[ ! -s double ] || { echo "$c:"; cat $c; return 1; }
		same 4 "$(wc -l <$c)"
	done
	run ! ferry snapshot rm w/one
	[[ $output == *"template 't'"* && $output == *"container 'c-2'"* ]]
	run ! ferry rm -f w
}

@test "its own checkpoint has what it wrote, and itself can be restored, cloned, and started anew" {
	clone w/one c
	is_warm c
	ferry checkpoint c
	cat $launch/c/checkpoint/pages-*.img | wc -c >size
	echo "$(cat size) bytes"
	(($(cat size) < MIB * 1024 * 1024 / 12))
	ferry restore c
	is_warm c
	clone c d
	is_warm d
	same d "$host"
	ferry restart -t 0 c
	ask c
	[ "$begun" != "$(cat "$BATS_FILE_TMPDIR/begun")" ]
	same "whole c" "$whole $host"
	is_warm d
	ferry rm -f d
}

@test "in a user namespace: clones are warm, on their own addresses, and its memory comes back in place" {
	local binds=() dir
	for dir in /usr /lib /lib64; do
		binds+=(--mount type=bind,src=$dir,dst=$dir,readonly,bind-nonrecursive)
	done
	ferry launch -d --userns auto --name u --rootfs /var/tmp/rootfs:O "${binds[@]}" -- /usr/bin/python3 /warm.py 32
	ask u
	local was=$begun at=$address
	timeout 300 ferry snapshot create u one
	clone u/one d
	ask d
	same "$was whole d closed" "$begun $whole $host $connection"
	[ "$address" != "$at" ]
	timeout 300 ferry snapshot rollback u/one
	ask u
	same "$was whole $at" "$begun $whole $address"
	ferry rm -f d
}

# /usr/local is a file system of its own in this machine.
@test "of a view of this machine: each has parts of its own, too" {
	local c was
	mountpoint -q /usr/local
	ferry launch -d --name v host sh -c 'echo first >/usr/local/own; rm -r /usr/local/bin
		n=0; while :; do n=$((n + 1)); echo $n >/usr/local/n; sleep 0.1; done'
	eventually ferry exec v test -s /usr/local/n
	clone v a
	clone -n 2 a b
	for c in v a b-1 b-2; do
		ferry exec $c sh -c "echo $c >>/usr/local/who"
	done
	for c in v a b-1 b-2; do
		same "$c first" "$(ferry exec $c cat /usr/local/who /usr/local/own | xargs)"
		run ! ferry exec $c test -e /usr/local/bin
		was=$(ferry exec $c cat /usr/local/n)
		eventually eval "[ \$(ferry exec $c cat /usr/local/n) -gt $was ]"
	done
	ferry restart -t 0 b-1
	same b-1 "$(ferry exec b-1 cat /usr/local/who)"
	[ -d /usr/local/bin ]
	ferry rm -f b-1 b-2 a v
}

@test "sent elsewhere: of an archive comes a container, which can be cloned" {
	ferry snapshot export w/one | ferry snapshot import --create c
	clone c/one d
	is_warm d
	same d "$host"
	ferry rm -f d
}

# Kills so long after CRIU has begun; fails when the clone was made by then.
kill_after() { # WHOM SECONDS
	local log=$launch/c/criu/restore.log pid
	$runtime clone w/one c >killed 2>&1 </dev/null &
	pid=$!
	until [ -e $log ] || ! kill -0 $pid; do :; done
	sleep "$2"
	[ "$1" = criu ] || kill -KILL $pid || :
	[ "$1" = ferry ] || pkill -KILL -o -x criu || :
	! wait $pid
}

# One that was whole before that stays.
@test "SIGKILL of ferry or CRIU while a clone is restored: the next command finds nothing of it" {
	local at seconds found
	for at in "ferry 0" "both 0" "criu 0" "ferry 0.2" "criu 0.2" "both 0.4"; do
		seconds=${at#* }
		until kill_after ${at% *} $seconds 2>/dev/null; do
			ferry rm -f c
			seconds=$(jq -n "$seconds / 2") # a faster machine
		done
		found=$(ferry ls -aq)
		if [ "$found" = $'c\nw' ]; then
			[ ! -e $launch/c/cloning ]
			is_warm c
			ferry rm -f c
			found=w
		fi
		same w "$found"
		eventually eval '! pgrep -x criu'
		[ ! -e $launch/c ] || { echo "$at"; ls -a $launch/c; return 1; }
	done
	clone w/one c
	is_warm c
}

#!/usr/bin/env bats
# checkpoint and restore of launched containers, by the real CRIU.
load machine

dir=/var/lib/ferry/launch/c

setup_file() {
	make_image /var/tmp/image.tar
	ferry image import -q --name app /var/tmp/image.tar
	ferry launch --rm app true	# what stands as long as there were networks once
	baseline
}

teardown_file() {
	ferry image prune -a
}

teardown() {
	ferry rm -f c d 2>/dev/null || true
	clean
}

# Says the log's errors when it fails.
logged() { # COMMAND...
	"$@" && return
	grep -E 'Error|Warn' $dir/checkpoint/*.log
	return 1
}

state_of() { ferry inspect c --format .State.Status; }

n() { ferry exec c cat /n; }

goes_on() { # [AT-LEAST]
	local was
	was=$(n)
	[ "$was" -ge "${1:-0}" ] || { echo "at $was, not $1"; return 1; }
	eventually eval "[ \"\$(n)\" -gt $was ]"
}

counter='i=0; while :; do i=$((i + 1)); echo $i >/n.new; mv /n.new /n; sleep 0.05; done'

@test "its network, its connections, its output and its files go on where they were" {
	ferry launch -d --name c --restart always -p 8080:8080 app sh -c "nc -ll -p 8080 -e cat & echo begins; trap 'echo asked' USR1; $counter"
	eventually n
	local address talk answer was
	address=$(ferry inspect c --format .NetworkSettings.Networks.ferry.IPAddress)
	eventually eval 'exec {talk}<>"/dev/tcp/$address/8080"' 2>/dev/null
	echo one >&$talk
	read -r -t 120 answer <&$talk
	same one "$answer"
	was=$(n)
	logged ferry checkpoint --tcp-established c
	same exited "$(state_of)"
	same "" "$(ferry ps -q)"
	logged ferry restore --tcp-established c
	same running "$(state_of)"
	goes_on "$was"
	same "$address" "$(ferry inspect c --format .NetworkSettings.Networks.ferry.IPAddress)"
	echo two >&$talk
	read -r -t 120 answer <&$talk
	exec {talk}<&-
	same two "$answer"
	same three "$(echo three | timeout 120 busybox nc 127.0.0.1 8080)"
	ferry kill c USR1
	eventually eval '[ "$(ferry logs c | xargs)" = "begins asked" ]'
	ferry stop -t 0 c
}

@test "a terminal; what cannot be restored stays as it was; a start instead of a restore" {
	ferry launch -dt --init --userns auto --name c app sh -c "while :; do tty >/t; mv /t /tty; ${counter#*do }"
	eventually n
	logged ferry checkpoint --leave-running c
	goes_on
	logged ferry checkpoint c
	mv $dir/checkpoint/inventory.img $dir/kept
	run ! ferry restore c
	same exited "$(state_of)"
	mv $dir/kept $dir/checkpoint/inventory.img
	logged ferry restore c
	goes_on 1
	ferry exec c rm -f /tty
	eventually ferry exec c test -s /tty
	same /dev/pts/0 "$(ferry exec c cat /tty)"
	logged ferry checkpoint c
	ferry start c
	same running "$(state_of)"
}

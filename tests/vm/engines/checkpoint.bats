#!/usr/bin/env bats
# Checkpoints by podman, with the runtime under test, and from one runtime to the other.
load ../machine

counter='i=0; while :; do i=$((i + 1)); echo $i >/tmp/new; mv /tmp/new /tmp/n; sleep 0.1; done'

setup_file() {
	make_image /var/tmp/image.tar
	configure_podman
	podman import -q --change 'CMD ["/bin/sh"]' /var/tmp/image.tar image
	podman run --rm --network podman image true
	baseline
}

# use PROGRAM: as the runtime that podman knows by the name of the one under test, since it restores with the same name. By a
# script: podman keeps what a runtime supports by its path.
use() {
	printf '#!/bin/sh\nexec %s "$@"\n' "$1" >/var/tmp/chosen.new
	chmod 755 /var/tmp/chosen.new
	mv /var/tmp/chosen.new /var/tmp/chosen
}

teardown_file() {
	podman rmi -f image
}

teardown() {
	podman rm -fa -t 0 --volumes
	podman volume rm -fa
	[ ! -e "$BATS_TEST_TMPDIR/containers.conf" ] || cp "$BATS_TEST_TMPDIR/containers.conf" /etc/containers/containers.conf
	rm -f /var/tmp/c.tar* /var/tmp/c2.tar* /var/tmp/pre.tar* /var/tmp/chosen
	clean
}

n() { podman exec "$1" cat /tmp/n; }

goes_on() { # CONTAINER [AT-LEAST]
	local was
	was=$(n "$1")
	[ "$was" -ge "${2:-0}" ] || { echo "at $was, not $2"; return 1; }
	eventually eval "[ \"\$(n $1)\" -gt $was ]"
}

# Says the logs' errors when it fails.
podman_container() {
	podman container "$@" && return
	find /var/lib/containers/storage -name '*.log' -path '*userdata*' \( -name dump.log -o -name restore.log \) \
		-exec grep -E 'Error|Warn' {} +
	return 1
}

@test "podman container checkpoint and restore" {
	podman run -d --name c image sh -c "$counter"
	eventually n c
	podman_container checkpoint c
	same "exited" "$(podman inspect -f '{{.State.Status}}' c)"
	podman_container restore c
	same "running" "$(podman inspect -f '{{.State.Status}}' c)"
	goes_on c 1
	podman_container checkpoint --leave-running c
	goes_on c
	podman_container checkpoint c
	podman_container restore --keep c
	goes_on c
	podman stop -t 0 c
}

@test "podman: export with a volume, import under the name and under others" {
	podman run -d --name c -v vol:/vol image sh -c "echo kept >/vol/file; $counter"
	eventually n c
	podman_container checkpoint --export /var/tmp/c.tar.gz --compress gzip c
	podman rm c
	podman volume rm vol
	podman_container restore --import /var/tmp/c.tar.gz
	goes_on c 1
	same kept "$(podman exec c cat /vol/file)"
	podman rm -f -t 0 c
	podman_container restore --import /var/tmp/c.tar.gz --ignore-volumes --name d
	podman_container restore --import /var/tmp/c.tar.gz --ignore-volumes --name e
	goes_on d 1
	goes_on e 1
}

@test "podman: a network, and a connection from outside that goes on" {
	podman run -d --name c --network podman image sh -c "nc -ll -p 8080 -e cat & $counter"
	eventually n c
	local address talk answer
	address=$(podman inspect -f '{{.NetworkSettings.Networks.podman.IPAddress}}' c)
	eventually eval 'exec {talk}<>"/dev/tcp/$address/8080"' 2>/dev/null
	echo one >&$talk
	read -r -t 120 answer <&$talk
	same one "$answer"
	run ! podman container checkpoint c
	[[ $output == *--tcp-established* ]]
	goes_on c 1
	podman_container checkpoint --tcp-established c
	podman_container restore --tcp-established c
	goes_on c 1
	echo two >&$talk
	read -r -t 120 answer <&$talk
	exec {talk}<&-
	same two "$answer"
}

@test "podman: from runc to the runtime under test, and the other way round" {
	cp /etc/containers/containers.conf "$BATS_TEST_TMPDIR/containers.conf"
	sed -i "s,^$RUNTIME = .*,$RUNTIME = [\"/var/tmp/chosen\"]," /etc/containers/containers.conf
	use /opt/reference/runc
	podman run -d --name c image sh -c "$counter"
	eventually n c
	podman_container checkpoint --export /var/tmp/c.tar.gz c
	podman rm c
	use "$runtime"
	podman_container restore --import /var/tmp/c.tar.gz
	goes_on c 1
	podman_container checkpoint --export /var/tmp/c2.tar.gz c
	podman rm c
	use /opt/reference/runc
	podman_container restore --import /var/tmp/c2.tar.gz
	goes_on c 1
	podman rm -f -t 0 c
}

@test "podman: a pre-checkpoint, and one that builds on it" {
	podman run -d --name c image sh -c "$counter"
	eventually n c
	podman_container checkpoint --pre-checkpoint --export /var/tmp/pre.tar.gz c
	goes_on c
	podman_container checkpoint --with-previous --export /var/tmp/c.tar.gz c
	podman rm -f c
	podman_container restore --import-previous /var/tmp/pre.tar.gz --import /var/tmp/c.tar.gz
	goes_on c 1
}

@test "podman: a terminal" {
	podman run -dt --name c image sh -c 'while :; do tty >/tmp/t; mv /tmp/t /tmp/tty; '"${counter#*do }"
	eventually podman exec c test -s /tmp/tty
	podman_container checkpoint c
	podman_container restore c
	podman exec c rm -f /tmp/tty
	eventually podman exec c test -s /tmp/tty
	same "/dev/pts/0" "$(podman exec c cat /tmp/tty)"
}

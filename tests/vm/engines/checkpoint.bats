#!/usr/bin/env bats
# Checkpoints by podman, with the runtime under test.
load ../machine

export BATS_TEST_TIMEOUT=400
counter='i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.1; done'

setup_file() {
	make_image /var/tmp/image.tar
	configure_podman
	podman import -q --change 'CMD ["/bin/sh"]' /var/tmp/image.tar image
	podman run --rm --network podman image true
	baseline
}

teardown_file() {
	podman rmi -f image
}

teardown() {
	podman rm -fa -t 0 --volumes
	rm -f /var/tmp/c.tar* /var/tmp/pre.tar*
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

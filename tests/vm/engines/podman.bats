#!/usr/bin/env bats
# podman as root, with the runtime under test as its only one.
load ../machine

setup_file() {
	configure_podman
	make_image /var/tmp/image.tar
	podman import -q --change 'CMD ["/bin/sh"]' /var/tmp/image.tar image
	podman run --rm image true
	podman run --rm --cgroup-manager cgroupfs --network podman image true
	baseline
}

teardown_file() { podman rmi -f image; }

teardown() {
	podman rm -fa -t 0 --volumes
	[ -z "${pod:-}" ] || podman pod rm -f -t 0 "$pod"
	clean
}

@test "the runtime is the one under test, and no other is there" {
	no_other_runtime
	same "$RUNTIME $runtime" "$(podman info -f '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')"
	podman create --name c image true
	same "$RUNTIME" "$(podman inspect -f '{{.OCIRuntime}}' c)"
}

@test "run: output, standard input, exit status" {
	same "hello" "$(podman run --rm image echo hello)"
	same "through" "$(echo through | podman run --rm -i image cat)"
	run -7 podman run --rm image sh -c 'exit 7'
	run -137 podman run --rm image sh -c 'sleep 1000 & kill -9 $!; wait $!'
}

@test "run: 127 for what is not there, 126 for what cannot be executed" {
	run -127 podman run --rm image /bin/nothing
	run -127 podman run --rm image nothing
	run -126 podman run --rm image /etc/plain
	run -126 podman run --rm image /etc
}

@test "exec: output, status, 127 and 126, user, directory, environment" {
	podman run -d --name c image sleep 1000
	same "hello" "$(podman exec c echo hello)"
	run -9 podman exec c sh -c 'exit 9'
	run -127 podman exec c /bin/nothing
	run -126 podman exec c /etc/plain
	same "33 /var value" "$(podman exec -u www -w /var -e key=value c sh -c 'echo $(id -u) $(pwd) $key')"
	same "in" "$(echo in | podman exec -i c cat)"
	podman exec -d c touch /tmp/detached
	eventually podman exec c test -e /tmp/detached
}

@test "run -it and exec -it have a terminal" {
	same "/dev/pts/0" "$(pty podman run --rm -it image tty)"
	run -3 with_silent_input script -qec "podman run --rm -it image sh -c 'exit 3'" /dev/null
	podman run -d --name c image sleep 1000
	[[ "$(pty podman exec -it c sh -c 'test -t 0 && test -t 2 && tty; ls -l /proc/self/fd/0')" == */dev/pts/* ]]
	podman run -dt --name d image sh -c 'tty; sleep 1000'
	eventually eval '[[ "$(podman logs d)" == */dev/pts/0* ]]'
}

@test "logs, wait, ps, top" {
	podman run --name c image sh -c 'echo one; echo two >&2'
	same "one two" "$(podman logs c 2>&1 | sort | xargs)"
	same "0" "$(podman wait c)"
	podman run -d --name d image sleep 1000
	same "d" "$(podman ps --format '{{.Names}}')"
	podman top d args | grep -q 'sleep 1000'
}

@test "stop sends the signal, then kills; kill sends any" {
	podman run -d --name c image sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done'
	eventually eval 'podman logs c | grep -q ready'
	podman stop -t 120 c
	same "5" "$(podman inspect -f '{{.State.ExitCode}}' c)"
	podman run -d --name d image sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	eventually eval 'podman logs d | grep -q ready'
	podman stop -t 1 d
	same "137" "$(podman inspect -f '{{.State.ExitCode}}' d)"
	podman run -d --name e image sh -c 'trap "exit 6" USR1; echo ready; while :; do sleep 0.1; done'
	eventually eval 'podman logs e | grep -q ready'
	podman kill -s USR1 e
	same "6" "$(podman wait e)"
}

@test "rm -f of a running container; restart; start again" {
	podman run -d --name c image sleep 1000
	podman restart -t 0 c
	same "running" "$(podman inspect -f '{{.State.Status}}' c)"
	podman stop -t 0 c
	podman start c
	same "running" "$(podman inspect -f '{{.State.Status}}' c)"
	podman rm -f -t 0 c
	same "" "$(podman ps -aq)"
}

@test "pause and unpause" {
	podman run -d --name c image sleep 1000
	podman pause c
	same "paused" "$(podman inspect -f '{{.State.Status}}' c)"
	run ! podman exec c true
	podman unpause c
	podman exec c true
}

limits='cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.swap.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids.max'
limit_options=(--memory 64m --memory-swap 96m --cpus 0.5 --pids-limit 33)

@test "limits, by systemd" {
	same "67108864 33554432 50000 100000 33" \
		"$(podman run --rm "${limit_options[@]}" --cgroup-manager systemd image sh -c "$limits" | xargs)"
}

@test "limits, by cgroupfs" {
	same "67108864 33554432 50000 100000 33" \
		"$(podman run --rm "${limit_options[@]}" --cgroup-manager cgroupfs image sh -c "$limits" | xargs)"
}

@test "limits: cpu shares, cpuset, reservation, hugetlb by its own file" {
	run -0 podman run --rm --cpu-shares 512 --cpuset-cpus 0 --memory-reservation 32m image \
		sh -c 'cd /sys/fs/cgroup; cat cpu.weight cpuset.cpus memory.low'
	[ "${lines[0]}" -lt 100 ]
	same "0 33554432" "${lines[1]} ${lines[2]}"
}

@test "out of memory is told" {
	# conmon looks when the container has ended; a scope of systemd's may be gone by then.
	run -137 podman run --cgroup-manager cgroupfs --name c --memory 16m --memory-swap 16m image \
		sh -c 'head -c 64m /dev/zero | tail -c 64m | wc -c; sleep 2; exit 137'
	same "true" "$(podman inspect -f '{{.State.OOMKilled}}' c)"
}

@test "update changes a running container's limits" {
	podman run -d --name c --memory 64m image sleep 1000
	podman update --memory 96m --cpus 0.25 --pids-limit 44 c
	same "100663296 25000 100000 44" \
		"$(podman exec c sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max' | xargs)"
}

@test "stats --no-stream" {
	podman run -d --name c --memory 64m image sleep 1000
	run -0 podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' c
	[[ $output == 1\ *67.11MB ]]
}

@test "--cgroups=disabled leaves the cgroup alone" {
	run -0 podman run --rm --cgroups=disabled image cat /proc/self/cgroup
	[[ $output == 0::/* ]]
}

@test "--read-only, with a tmpfs that can be written" {
	run ! podman run --rm --read-only --read-only-tmpfs=false image touch /x
	podman run --rm --read-only --tmpfs /data:size=1m image touch /data/x
	podman run --rm --read-only image touch /tmp/x
}

@test "--user, --group-add, --workdir, --hostname, --env, --umask" {
	same "33 33 4 33" "$(podman run --rm --user www image sh -c 'echo $(id -u) $(id -g) $(id -G | tr " " "\n" | sort -n | xargs)')"
	same "1234 5678" "$(podman run --rm --user 1234:5678 image sh -c 'echo $(id -u) $(id -g)')"
	podman run --rm --user www --group-add 77 image sh -c 'id -G | grep -qw 77'
	same "/var box value 0077" "$(podman run --rm -w /var -h box -e key=value --umask 0077 image \
		sh -c 'echo $(pwd) $(hostname) $key $(umask)')"
}

@test "volumes: named, bind, read-only, mount" {
	podman volume create data
	podman run --rm -v data:/data image sh -c 'echo kept >/data/file'
	same "kept" "$(podman run --rm -v data:/data:ro image cat /data/file)"
	run ! podman run --rm -v data:/data:ro image touch /data/x
	podman volume rm data
	mkdir -p "$BATS_TEST_TMPDIR/host"
	echo host >"$BATS_TEST_TMPDIR/host/file"
	same "host" "$(podman run --rm -v "$BATS_TEST_TMPDIR/host:/mnt:ro,z" image cat /mnt/file)"
	same "host" "$(podman run --rm -v "$BATS_TEST_TMPDIR/host/file:/etc/one" image cat /etc/one)"
	podman run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m image sh -c 'df /t | grep -q 1024'
}

@test "--userns=auto, keep-id's sort of mapping, and bind mounts in them" {
	run -0 podman run --rm --userns=auto image cat /proc/self/uid_map
	[[ ${lines[0]} =~ ^\ +0\ +1[0-9]+\ +[0-9]+$ ]]
	podman run --rm --userns=auto image touch /root/mine
	run -0 podman run --rm --uidmap 0:100000:5000 --gidmap 0:100000:5000 image sh -c 'id -u; cat /proc/self/uid_map'
	same "0" "${lines[0]}"
	podman run --rm --userns=auto -v "$BATS_TEST_TMPDIR:/mnt:ro" image ls /mnt
}

@test "pods share what they should" {
	pod=p
	podman pod create --name p --infra-image image --infra-command 'sleep 1000' --share ipc,uts,net --hostname podbox
	podman run -d --pod p --name c image sleep 1000
	same "podbox" "$(podman run --rm --pod p image hostname)"
	same "$(podman exec c readlink /proc/self/ns/ipc)" "$(podman run --rm --pod p image readlink /proc/self/ns/ipc)"
	podman pod stop -t 0 p
	podman pod start p
	podman exec c true
}

@test "health checks" {
	podman run -d --name c --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1 image sleep 1000
	run ! podman healthcheck run c
	podman exec c touch /tmp/well
	podman healthcheck run c
	same "healthy" "$(podman inspect -f '{{.State.Health.Status}}' c)"
}

@test "capabilities, seccomp, no new privileges, masked paths" {
	status() { podman run --rm "$@" image grep -E '^(CapEff|Seccomp|NoNewPrivs):' /proc/self/status | awk '{ print $2 }' | xargs; }
	same "00000000800405fb 0 2" "$(status)"
	same "0000000000000000 1 2" "$(status --cap-drop all --security-opt no-new-privileges)"
	same "0000000000001000 0 0" "$(status --cap-drop all --cap-add net_admin --security-opt seccomp=unconfined)"
	podman run --rm image sh -c '! cat /proc/kcore && ! ls /sys/firmware | grep . && ! echo 1 >/proc/sysrq-trigger'
	[ "$(podman run --rm --privileged image sh -c 'ls /dev | wc -l')" -gt 20 ]
}

@test "devices, ulimits, sysctl, shared memory, oom score" {
	podman run --rm --device /dev/fuse image test -c /dev/fuse
	podman run --rm --cap-add mknod image sh -c 'mknod /tmp/m c 10 237 && ! (: </tmp/m)'
	podman run --rm --device-cgroup-rule 'c 10:237 rmw' --cap-add mknod image sh -c 'mknod /tmp/m c 10 237 && : </tmp/m'
	same "77" "$(podman run --rm --ulimit nofile=77:77 image sh -c 'ulimit -n')"
	same "1" "$(podman run --rm --sysctl net.ipv4.ip_forward=1 image cat /proc/sys/net/ipv4/ip_forward)"
	podman run --rm --shm-size 2m image sh -c 'df /dev/shm | grep -q 2048'
	same "300" "$(podman run --rm --oom-score-adj 300 image cat /proc/self/oom_score_adj)"
}

@test "namespaces of the host and of other containers" {
	same "$(readlink /proc/self/ns/pid)" "$(podman run --rm --pid host image readlink /proc/self/ns/pid)"
	same "$(readlink /proc/self/ns/uts)" "$(podman run --rm --uts host image readlink /proc/self/ns/uts)"
	same "$(readlink /proc/self/ns/net)" "$(podman run --rm --network host image readlink /proc/self/ns/net)"
	podman run -d --name c image sleep 1000
	podman run --rm --pid container:c image ps | grep -q 'sleep 1000'
	podman run --rm --network container:c --ipc container:c image true
}

@test "bridge: an address, published ports, names of the neighbours" {
	podman network create net
	podman run -d --name web --network net -p 127.0.0.1:8088:80 image \
		sh -c 'mkdir /tmp/w; echo page >/tmp/w/index.html; httpd -f -p 80 -h /tmp/w'
	eventually busybox wget -qO- http://127.0.0.1:8088/
	same "page" "$(podman run --rm --network net image wget -qO- http://web/)"
	podman rm -f -t 0 web
	podman network rm -f net
}

@test "no network but loopback" {
	same "lo" "$(podman run --rm --network none image ls /sys/class/net)"
}

@test "a root file system as it is" {
	make_rootfs "$BATS_TEST_TMPDIR/root"
	same "hi" "$(podman run --rm --rootfs "$BATS_TEST_TMPDIR/root" echo hi)"
}

@test "preserve-fds, annotations, cp" {
	same "carried" "$(podman run --rm --preserve-fds 1 image sh -c 'cat <&3' 3< <(echo carried))"
	podman run -d --name c --annotation key=value image sleep 1000
	echo copied >"$BATS_TEST_TMPDIR/f"
	podman cp "$BATS_TEST_TMPDIR/f" c:/tmp/f
	same "copied" "$(podman exec c cat /tmp/f)"
}

@test "five containers at once leave nothing" {
	for i in $(seq 5); do podman run -d --name "c$i" image sleep 1000; done
	same "5" "$(podman ps -q | wc -l)"
	podman rm -fa -t 0
}

#!/usr/bin/env bats
# dockerd with the runtime under test as its default. Its image builder looks up `runc` by name, so that is the same program.
load ../machine
load ../trees
load ../outside

setup_file() {
	mkdir -p /etc/docker
	printf '{"default-runtime":"%s","runtimes":{"%s":{"path":"%s"}}}\n' "$RUNTIME" "$RUNTIME" "$runtime" >/etc/docker/daemon.json
	[ "$RUNTIME" != runc ] || rm /etc/docker/daemon.json	# Docker keeps this name to itself
	ln -sfn "$runtime" /usr/sbin/runc
	sysctl -qw net.ipv4.ip_forward=0	# or Docker lets through what it does not know
	systemctl start docker || { journalctl -u docker --no-pager | tail -20; return 1; }
	make_image /var/tmp/image.tar
	docker import --change 'CMD ["/bin/sh"]' /var/tmp/image.tar image
	docker run --rm image true
	# What stands as long as there were networks once.
	[ "$RUNTIME" != ferry ] || ferry launch --rm -p 9999:9 host -- true
	baseline
}

teardown_file() {
	systemctl stop docker docker.socket containerd
	ip link del docker0
	iptables -P FORWARD ACCEPT
	rm -f /usr/sbin/runc
}

teardown() {
	ferry rm -f web near 2>/dev/null || :
	disconnect_outside
	docker ps -aq | xargs -r docker rm -f -v
	clean
}

# Docker's own network takes it a long time, and no runtime has part in that: most have none.
drun() { docker run --network none "$@"; }

@test "the runtime is the one under test, and no other is there" {
	no_other_runtime
	same "$RUNTIME" "$(docker info -f '{{.DefaultRuntime}}')"
	docker create --name box image true
	same "$RUNTIME" "$(docker inspect -f '{{.HostConfig.Runtime}}' box)"
}

@test "run: output, standard input, status, 126, 127" {
	same "hello" "$(drun --rm image echo hello)"
	same "through" "$(echo through | drun --rm -i image cat)"
	run -7 drun --rm image sh -c 'exit 7'
	run -127 drun --rm image /bin/nothing
	run -127 drun --rm image nothing
	run -126 drun --rm image /etc/plain
}

@test "run -it and exec -it have a terminal" {
	same "/dev/pts/0" "$(pty docker run --network none --rm -it image tty)"
	drun -d --name box image sleep 1000
	[[ "$(pty docker exec -it box tty)" == */dev/pts/* ]]
}

@test "exec: output, status, user, directory, environment" {
	drun -d --name box image sleep 1000
	same "33 /var value" "$(docker exec -u www -w /var -e key=value box sh -c 'echo $(id -u) $(pwd) $key')"
	run -9 docker exec box sh -c 'exit 9'
	# This Docker's exec ends with 126 whatever the cause of a failed start, so the text is what is asked for.
	run -126 docker exec box /bin/nothing
	[[ $output == *'"/bin/nothing": stat /bin/nothing: no such file or directory'* ]]
	run -126 docker exec box /etc/plain
	same "in" "$(echo in | docker exec -i box cat)"
}

@test "logs, top, ps, wait" {
	drun -d --name box image sh -c 'echo one; echo two >&2; sleep 1000'
	eventually eval '[ "$(docker logs box 2>&1 | sort | xargs)" = "one two" ]'
	docker top box | grep -q 'sleep 1000'
	same "box" "$(docker ps --format '{{.Names}}')"
	docker kill box
	same "137" "$(docker wait box)"
}

@test "stop, start, restart, rm -f" {
	drun -d --name box image sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done'
	eventually eval 'docker logs box | grep -q ready'
	docker stop -t 120 box
	same "5" "$(docker inspect -f '{{.State.ExitCode}}' box)"
	docker start box
	docker restart -t 0 box
	same "true" "$(docker inspect -f '{{.State.Running}}' box)"
	docker rm -f box
}

@test "restart policies" {
	drun -d --name box --restart on-failure:2 image sh -c 'exit 1'
	eventually eval '[ "$(docker inspect -f "{{.RestartCount}} {{.State.Running}}" box)" = "2 false" ]'
}

limits='cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max pids.max'

@test "limits and update" {
	drun -d --name box --memory 64m --memory-swap 96m --cpus 0.5 --pids-limit 33 image sleep 1000
	same "67108864 33554432 50000 100000 33" "$(docker exec box sh -c "$limits" | xargs)"
	docker update --memory 128m --memory-swap 192m --cpus 0.25 --pids-limit 44 box
	same "134217728 67108864 25000 100000 44" "$(docker exec box sh -c "$limits" | xargs)"
}

@test "out of memory is told" {
	# The first process outlives the one that is killed: Docker hears of that by another way than of the end, and may be late.
	drun -d --name box --memory 16m --memory-swap 16m image \
		sh -c 'trap "exit 137" USR1; head -c 64m /dev/zero | tail -c 64m | wc -c; while :; do sleep 0.1; done'
	eventually eval '[ "$(docker inspect -f "{{.State.OOMKilled}}" box)" = true ]'
	docker kill -s USR1 box
	same 137 "$(docker wait box)"
	same "137 true" "$(docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' box)"
}

@test "stats, pause, unpause" {
	drun -d --name box --memory 64m image sleep 1000
	run -0 docker stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' box
	[[ $output == 1\ */\ 64MiB ]]
	docker pause box
	same "paused" "$(docker inspect -f '{{.State.Status}}' box)"
	docker unpause box
	docker exec box true
}

@test "health checks" {
	drun -d --name box --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 image sleep 1000
	eventually eval '[ "$(docker inspect -f "{{.State.Health.Status}}" box)" = unhealthy ]'
	docker exec box touch /tmp/well
	eventually eval '[ "$(docker inspect -f "{{.State.Health.Status}}" box)" = healthy ]'
}

@test "two services on a network find each other by name" {
	docker network create net
	docker run -d --name web --network net -p 127.0.0.1:8089:80 image \
		sh -c 'mkdir /tmp/w; echo page >/tmp/w/index.html; httpd -f -p 80 -h /tmp/w'
	eventually docker exec web wget -qO- http://127.0.0.1/
	eventually busybox wget -qO- http://127.0.0.1:8089/
	same "page" "$(docker run --rm --network net image wget -qO- http://web/)"
	docker rm -f web
	docker network rm net
}

@test "volumes, tmpfs, read-only, user, init-less shm, devices" {
	drun --rm -v data:/data image sh -c 'echo kept >/data/file'
	same "kept" "$(drun --rm -v data:/data:ro image cat /data/file)"
	docker volume rm data
	run ! drun --rm --read-only image touch /x
	drun --rm --read-only --tmpfs /t image touch /t/x
	same "33 77" "$(drun --rm --user www --group-add 77 image sh -c 'echo $(id -u) $(id -G | tr " " "\n" | grep 77)')"
	drun --rm --shm-size 2m --ulimit nofile=77:77 --sysctl net.ipv4.ip_forward=1 --device /dev/fuse image \
		sh -c 'df /dev/shm | grep -q 2048 && test "$(ulimit -n)" = 77 && test -c /dev/fuse'
}

@test "capabilities, seccomp, privileged" {
	same "00000000a80425fb 2" "$(drun --rm image grep -E '^(CapEff|Seccomp):' /proc/self/status | awk '{ print $2 }' | xargs)"
	same "0000000000000000 0" "$(drun --rm --cap-drop ALL --security-opt seccomp=unconfined image \
		grep -E '^(CapEff|Seccomp):' /proc/self/status | awk '{ print $2 }' | xargs)"
	drun --rm --privileged image sh -c 'test $(ls /dev | wc -l) -gt 20 && mount -t tmpfs t /mnt'
	same "docker-default (enforce)" "$(drun --rm image cat /proc/self/attr/current)"
}

@test "build runs commands" {
	printf 'FROM image\nRUN echo built >/built\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	DOCKER_BUILDKIT=0 docker build -q -t built "$BATS_TEST_TMPDIR"
	same "built" "$(drun --rm built cat /built)"
	docker rmi built
}

@test "save: imported by ferry, and launched" {
	[ "$RUNTIME" = ferry ] || skip "for ferry"
	cd "$BATS_TEST_TMPDIR"
	docker tag image saved:1
	docker save -o saved.tar saved:1
	docker rmi saved:1
	ferry image import -q saved.tar
	same "text" "$(ferry launch --rm saved:1 cat /etc/plain)"
	ferry image verify -q
	ferry image prune -a
}

docker_tree() { # IMAGE
	docker run -d --name tree --network none "$1" >/dev/null
	tree_of "$(docker inspect -f '{{.State.Pid}}' tree)"
	docker rm -f tree >/dev/null
}

@test "save and load: every file as Docker has it, and Docker as ferry" {
	[ "$RUNTIME" = ferry ] || skip "for ferry"
	local format
	cd "$BATS_TEST_TMPDIR"
	mkdir context
	make_context context
	DOCKER_BUILDKIT=0 docker build -q -t tree:1 -f context/Containerfile context
	docker_tree tree:1 >docker-tree
	is_whole docker-tree
	docker save -o saved.tar tree:1
	docker rmi tree:1
	ferry image import -q saved.tar
	ferry_tree tree:1 >ferry-tree
	diff docker-tree ferry-tree
	for format in oci docker-archive; do
		ferry image export -f $format -o out.tar tree:1
		docker load -q -i out.tar
		docker_tree tree:1 >loaded-tree
		docker rmi tree:1
		diff docker-tree loaded-tree
	done
	ferry image prune -a
}

@test "load: what ferry exports" {
	[ "$RUNTIME" = ferry ] || skip "for ferry"
	local format
	cd "$BATS_TEST_TMPDIR"
	ferry image import -q --name loaded:1 /var/tmp/image.tar
	for format in oci docker-archive; do
		ferry image export -f $format -o out.tar loaded:1
		docker load -i out.tar
		same "text" "$(docker run --rm --network none loaded:1 cat /etc/plain)"
		docker rmi loaded:1
	done
	ferry image prune -a
}

# Docker drops what it does not know. The manual has the way out, and that is what is run here.
@test "beside it: networks of ferry's own" {
	[ "$RUNTIME" = ferry ] || skip "for ferry"
	local advice=/usr/local/share/man/man7/ferry-networks.7 port
	connect_outside
	docker run -d --name box -p 8089:80 image httpd -f -p 80 -h /etc
	ferry launch -d --name web -p 8088:80 host -- busybox httpd -f -p 80 -h /etc
	ferry launch -d --name near --network ferry host -- sleep 1000000
	fetch() { curl -fsS --max-time 120 -o /dev/null "$@"; }
	eventually fetch http://127.0.0.1:8088/hostname
	eventually fetch http://127.0.0.1:8089/hostname
	run ! outside curl -fsS --max-time 3 http://198.51.100.1:8088/hostname
	run ! ferry exec web ping -c 1 -W 2 198.51.100.2

	[ "$(grep -c ^iptables $advice)" = 2 ]
	grep ^iptables $advice | sh -e
	for port in 8088 8089; do
		outside curl -fsS --max-time 120 -o /dev/null http://198.51.100.1:$port/hostname
		fetch http://127.0.0.1:$port/hostname
		ferry exec near curl -fsS --max-time 120 -o /dev/null http://198.51.100.1:$port/hostname
	done
	ferry exec web ping -c 1 -W 60 198.51.100.2
	ferry exec near curl -fsS --max-time 120 -o /dev/null http://web/hostname
	docker exec box wget -qO /dev/null http://198.51.100.1:8088/hostname
	docker exec box ping -c 1 -W 60 198.51.100.2
	grep ^iptables $advice | sed 's/ -I / -D /' | sh -e
}

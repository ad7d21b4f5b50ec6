#!/usr/bin/env bats
# dockerd of an ordinary user, by rootlesskit, with the runtime under test as its default.
load ../machine

setup_file() {
	start_session tester
	make_image /var/tmp/image.tar
	install -d -o tester -g tester /home/tester/.config /home/tester/.config/docker
	printf '{"default-runtime":"%s","runtimes":{"%s":{"path":"%s"}}}\n' "$RUNTIME" "$RUNTIME" "$runtime" \
		>/home/tester/.config/docker/daemon.json
	[ "$RUNTIME" != runc ] || rm /home/tester/.config/docker/daemon.json	# Docker keeps this name to itself
	ln -sfn "$runtime" /usr/sbin/runc
	systemd-run --quiet --user -M tester@ --unit dockerd --collect -p Delegate=yes -p KillMode=mixed \
		--working-directory=/home/tester -E "PATH=$PATH" -E DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns \
		/usr/share/docker.io/contrib/dockerd-rootless.sh
	eventually eval 'docker info >/dev/null 2>&1'
	docker import /var/tmp/image.tar image || { journalctl --no-pager | grep -i rootless | tail -30; return 1; }
	docker run --rm --network none image true
	baseline
}

teardown_file() {
	systemctl --user -M tester@ stop dockerd
	rm -f /usr/sbin/runc
}

teardown() {
	docker ps -aq | xargs -r docker rm -f -v
	clean
}

docker() { DOCKER_HOST=unix:///run/user/1000/docker.sock command docker "$@"; }

@test "the daemon is rootless and the runtime is the one under test" {
	no_other_runtime
	same "$RUNTIME" "$(docker info -f '{{.DefaultRuntime}}')"
	docker info -f '{{.SecurityOptions}}' | grep -q rootless
}

@test "run, status, exec, logs, stop" {
	same "hello" "$(docker run --rm image echo hello)"
	run -7 docker run --rm --network none image sh -c 'exit 7'
	run -127 docker run --rm --network none image /bin/nothing
	docker run -d --name box image sh -c 'echo out; exec sleep 1000'
	same "inside" "$(docker exec box echo inside)"
	eventually eval '[ "$(docker logs box)" = out ]'
	docker pause box
	docker unpause box
	docker stop -t 1 box
}

@test "limits by the user's own systemd" {
	same "67108864 33" "$(docker run --rm --network none --memory 64m --pids-limit 33 image \
		sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max' | xargs)"
}

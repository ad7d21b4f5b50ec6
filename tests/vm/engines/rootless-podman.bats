#!/usr/bin/env bats
# podman and buildah of an ordinary user with a systemd session.
load ../machine

setup_file() {
	configure_podman
	start_session tester
	make_image /var/tmp/image.tar
	as tester podman import -q --change 'CMD ["/bin/sh"]' /var/tmp/image.tar image
	as tester podman run --rm image true
	baseline
}

teardown() {
	as tester podman rm -fa -t 0 --volumes
	clean
}

# One session for several commands: each costs seconds in an emulated machine.
script() { as tester bash -euc "$1"; }

@test "the runtime is the one under test" {
	no_other_runtime
	same "$RUNTIME true" "$(as tester podman info -f '{{.Host.OCIRuntime.Name}} {{.Host.Security.Rootless}}')"
}

@test "run: output, status, 127, 126" {
	script '
		test "$(podman run --rm image echo hello)" = hello
		test "$(echo in | podman run --rm -i image cat)" = in
		rc=0; podman run --rm image sh -c "exit 7" || rc=$?; test $rc = 7
		rc=0; podman run --rm image /bin/nothing || rc=$?; test $rc = 127
		rc=0; podman run --rm image /etc/plain || rc=$?; test $rc = 126'
}

@test "detached: exec, logs, pause, stop, start, rm" {
	script '
		podman run -d --name c image sh -c "echo out; exec sleep 1000"
		test "$(podman exec c echo hello)" = hello
		until [ "$(podman logs c)" = out ]; do sleep 0.2; done
		podman pause c
		podman unpause c
		podman stop -t 1 c
		podman start c
		podman rm -f -t 0 c'
}

@test "a terminal" {
	same "/dev/pts/0" "$(with_silent_input as tester script -qec 'podman run --rm -it image tty' /dev/null | plain_text)"
}

@test "limits by the user's own systemd" {
	same "67108864 33" "$(as tester podman run --rm --memory 64m --pids-limit 33 image \
		sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max' | xargs)"
	as tester podman run --rm --cgroup-manager cgroupfs image true
	as tester podman run --rm --cgroups=disabled image true
}

@test "stats and update" {
	script '
		podman run -d --name c --memory 64m image sleep 1000
		podman stats --no-stream --format "{{.PIDs}} {{.MemUsage}}" c | grep "^1 .*67.11MB"
		podman update --memory 96m c
		podman exec c cat /sys/fs/cgroup/memory.max
		test "$(podman exec c cat /sys/fs/cgroup/memory.max)" = 100663296'
}

@test "users: keep-id, mapped ranges, --user, volumes" {
	script '
		test "$(podman run --rm --userns=keep-id image id -u)" = 1000
		test "$(podman run --rm --user www image id -u)" = 33
		mkdir -p v; podman run --rm -v ./v:/v image touch /v/file; test -O v/file
		podman run --rm --read-only image touch /tmp/x
		! podman run --rm --read-only image touch /x'
}

@test "a network of one's own" {
	script '
		podman run -d --name web --network pasta -p 127.0.0.1:8090:80 image \
			sh -c "mkdir /tmp/w; echo page >/tmp/w/index.html; httpd -f -p 80 -h /tmp/w"
		for i in $(seq 300); do test "$(busybox wget -qO- http://127.0.0.1:8090/)" = page && exit 0; sleep 0.2; done
		busybox wget -O- http://127.0.0.1:8090/ || true
		podman logs web
		exit 1'
}

@test "buildah run and build" {
	script '
		w=$(buildah from --name w image)
		test "$(buildah run --isolation oci --runtime '"$runtime"' w echo hello)" = hello
		buildah run --isolation oci --runtime '"$runtime"' w sh -c "echo kept >/kept"
		test "$(buildah run --isolation oci --runtime '"$runtime"' w cat /kept)" = kept
		buildah rm w
		mkdir -p b; printf "FROM image\nRUN test \$(id -u) = 0\n" >b/Containerfile
		buildah build -q --isolation oci --runtime '"$runtime"' -t built b
		buildah rmi -f built'
}

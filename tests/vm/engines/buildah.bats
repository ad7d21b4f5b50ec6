#!/usr/bin/env bats
# buildah as root: run from scratch, and build.
load ../machine

setup_file() {
	configure_podman
	make_image /var/tmp/image.tar
	buildah from --name base scratch
	buildah add base /var/tmp/image.tar /
	buildah run --runtime "$runtime" base true
	baseline
}

teardown_file() { buildah rm -a; }

teardown() { clean; }

brun() { buildah run --runtime "$runtime" "$@"; }

@test "no other runtime is there" {
	no_other_runtime
}

@test "run: output, status, standard input, what is not there" {
	same "hello" "$(brun base echo hello)"
	run -7 brun base sh -c 'exit 7'
	same "in" "$(echo in | brun base cat)"
	run ! brun base /bin/nothing
}

@test "run: terminal, user, directory, environment, volume, hostname" {
	[[ "$(pty buildah run --runtime "$runtime" -t base tty)" == */dev/pts/0* ]]
	same "33 /var value" "$(brun --user www --workingdir /var --env key=value base sh -c 'echo $(id -u) $(pwd) $key')"
	echo host >"$BATS_TEST_TMPDIR/file"
	same "host" "$(brun -v "$BATS_TEST_TMPDIR:/mnt:ro" base cat /mnt/file)"
	same "box" "$(brun --hostname box base hostname)"
}

@test "what a run writes is kept" {
	brun base sh -c 'echo kept >/kept'
	same "kept" "$(brun base cat /kept)"
}

@test "build: RUN of a Containerfile" {
	buildah commit -q base image
	printf 'FROM image\nRUN echo built >/built && test $(cat /built) = built\n' >"$BATS_TEST_TMPDIR/Containerfile"
	buildah build -q --runtime "$runtime" --isolation oci -t built "$BATS_TEST_TMPDIR"
	buildah from --name b built
	same "built" "$(buildah run --runtime "$runtime" b cat /built)"
	buildah rm b
	buildah rmi -f built image
}

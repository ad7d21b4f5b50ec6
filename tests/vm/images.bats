#!/usr/bin/env bats
# Images between ferry and others: what umoci, buildah, podman and skopeo write is imported and launched, and what ferry
# exports is loaded and run by them. Docker has its own in engines/docker.bats.
load machine
load trees

setup_file() {
	configure_podman
	make_image /var/tmp/image.tar
	# Three layers: a file that is changed, one that is removed, a directory that is replaced.
	cat >/var/tmp/Containerfile <<-'EOF2'
		FROM scratch
		ADD image.tar /
		RUN echo first >/file; echo gone >/gone; mkdir /dir; echo old >/dir/old; chown 5:6 /dir
		RUN echo second >/file; rm /gone; rm -r /dir; mkdir /dir; echo new >/dir/new
		ENV FROM=containerfile
		CMD ["/bin/sh", "-c", "cat /file; ls / /dir; echo $FROM"]
	EOF2
	buildah build -q --layers --runtime "$runtime" --isolation oci -t localhost/made:1 -f /var/tmp/Containerfile /var/tmp
	mkdir /var/tmp/context
	make_context /var/tmp/context
	buildah build -q --layers --runtime "$runtime" --isolation oci -t localhost/tree:1 /var/tmp/context
	podman_tree localhost/tree:1 >/var/tmp/tree
	baseline
}

teardown_file() {
	buildah rmi -f localhost/made:1 localhost/tree:1
	rm -rf /var/lib/ferry/images /var/tmp/Containerfile /var/tmp/context /var/tmp/tree
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	/usr/local/bin/ferry image prune -a >/dev/null || :
	clean
}

ferry() { /usr/local/bin/ferry "$@"; }

podman_tree() { # IMAGE
	podman run -d -q --name tree "$1" >/dev/null
	tree_of "$(podman inspect -f '{{.State.Pid}}' tree)"
	podman rm -f -t 0 tree >/dev/null
}

launch() { ferry launch --rm "$@"; }

# The image does what its Containerfile says.
is_made() { # NAME
	local said
	ferry image verify -q "$1"
	said=$(launch "$1")
	[[ "$said" == second$'\n'* && "$said" == *new* && "$said" == *containerfile ]]
	[[ "$said" != *gone* && "$said" != *old* ]]
}

@test "podman save: docker-archive, OCI archive, OCI directory" {
	local format
	for format in docker-archive oci-archive oci-dir; do
		podman save -q --format $format -o saved-$format localhost/made:1
		ferry image import -q saved-$format
		is_made localhost/made:1
		ferry image rm localhost/made:1
	done
}

@test "podman export: a root file system" {
	podman create --name c localhost/made:1
	podman export -o rootfs.tar c
	podman rm c
	ferry image import -q rootfs.tar
	[ "$(launch rootfs cat /file)" = second ]
}

@test "buildah push: a layout with zstd" {
	buildah push -q --compression-format zstd localhost/made:1 oci:layout:tagged
	ferry image import -q --name made layout
	is_made made
}

@test "umoci: a layout that it changed" {
	buildah push -q localhost/made:1 oci:layout:made
	umoci unpack --image layout:made bundle
	echo umoci >bundle/rootfs/by
	umoci repack --image layout:made bundle
	ferry image import -q --name made layout
	[ "$(launch made cat /by)" = umoci ]
}

@test "every file as podman has it: saved by podman, copied by skopeo and changed by umoci, pushed by buildah" {
	is_whole /var/tmp/tree
	grep -q '^files/random .* user.text=612076616c7565007769' /var/tmp/tree	# which Docker's builder drops
	local how
	podman save -q --format docker-archive -o saved localhost/tree:1
	skopeo copy -q containers-storage:localhost/tree:1 oci:changed:localhost/tree:1
	umoci config --image changed:localhost/tree:1 --config.label a=b
	buildah push -q --compression-format zstd:chunked localhost/tree:1 oci:pushed:localhost/tree:1
	for how in saved changed pushed; do
		ferry image import -q $how
		ferry image verify -q localhost/tree:1
		ferry_tree localhost/tree:1 >tree
		diff /var/tmp/tree tree || { echo "$how differs"; return 1; }
		launch --user www localhost/tree:1 /files/ping -c 1 127.0.0.1
		ferry image rm localhost/tree:1
	done
}

@test "export: podman has every file as ferry has it" {
	local format
	podman save -q --format oci-archive -o saved localhost/tree:1
	ferry image import -q --name localhost/back:1 saved
	for format in oci docker-archive; do
		ferry image export -f $format -o out.tar localhost/back:1
		podman load -q -i out.tar
		podman_tree localhost/back:1 >tree
		podman rmi -f localhost/back:1
		diff /var/tmp/tree tree || { echo "$format differs"; return 1; }
	done
}

@test "export: podman loads and runs it" {
	podman save -q --format oci-archive -o saved localhost/made:1
	ferry image import -q --name localhost/again:1 saved
	local format
	for format in oci docker-archive; do
		ferry image export -f $format -o out.tar localhost/again:1
		podman load -q -i out.tar
		[[ "$(podman run --rm localhost/again:1)" == second*containerfile ]]
		podman rmi -f localhost/again:1
	done
}

@test "export: skopeo and umoci read it" {
	podman save -q --format oci-archive -o saved localhost/made:1
	ferry image import -q --name made:1 saved
	ferry image export -o out.tar made:1
	skopeo copy -q oci-archive:out.tar oci:copied:made
	umoci unpack --image copied:made bundle
	[ "$(cat bundle/rootfs/file)" = second ]
	ferry image export -f docker-archive made:1 >docker.tar
	[ "$(skopeo inspect --config docker-archive:docker.tar | jq -r '.config.Env[-1]')" = FROM=containerfile ]
}

#!/usr/bin/env bats
# image build-from: what launched containers wrote as layers.
load lib
load killed

prepare() {
	export FERRY_IMAGE_STORE=$WORK/images
	storage=$WORK/storage
	cd "$WORK"
	echo old >bundle/rootfs/etc/old
	tar -C bundle/rootfs -cf base.tar .
	quietly ferry image import base.tar || complain import
}

launch() { # as ferry launch, marked as this test's
	ferry launch --storage "$storage" -e FT_TAG "$@"
}

wrote() { # TEXT [OPTION...]: a container $id of the base that ran the text
	local text=$1
	shift
	echo "$id" >>"$WORK/made"
	quietly launch --name "$id" "$@" base sh -c "$text" || complain launch
}

config_of() { # IMAGE FILTER
	local id
	id=$(ferry image inspect "$1" | jq -r '.[0].Id // .[0].id')
	jq -c "$2" "images/blobs/sha256/${id#sha256:}"
}

@test "build-from: files, changes and deletions are in the new image" {
	wrote 'echo new >/etc/new; echo changed >/etc/passwd; rm /etc/old; rm -r /home; mkdir /home; touch /home/own'
	run ferry image build-from "$id" built:1
	succeeded
	matches '^built:1 sha256:[0-9a-f]{64}$'
	run ferry image verify built:1
	succeeded
	run launch --rm built:1 sh -c 'cat /etc/new /etc/passwd; ls /etc/old; ls /home'
	has $'new\nchanged\n'
	has "/etc/old: No such file"
	has own
	run launch --rm base cat /etc/old
	is old
}

@test "build-from: the layers below are shared, the archive has both" {
	wrote 'echo new >/etc/new'
	run ferry image build-from -q "$id" built
	succeeded
	matches '^sha256:[0-9a-f]{64}$'
	equal "$(ls images/layers | wc -l)" 2
	run ferry image export -o out.tar built
	succeeded
	rm -rf images
	run ferry image import out.tar
	succeeded
	run launch --rm built cat /etc/new /etc/old
	is $'new\nold'
}

@test "build-from: message, author and changes" {
	wrote true
	run ferry image build-from -m "a message" -a "an author" -c 'CMD ["/bin/sh","-c","echo $A; pwd"]' -c 'ENV A="b c"' \
		-c 'WORKDIR /var' -c 'LABEL x=y' -c 'EXPOSE 80' -c 'VOLUME /data' -c 'STOPSIGNAL QUIT' "$id" built
	succeeded
	equal "$(config_of built '[.author, .history[-1].comment, .history[-1].author]')" '["an author","a message","an author"]'
	equal "$(config_of built '[.config.Labels.x, (.config.ExposedPorts | keys[0]), .config.StopSignal]')" '["y","80/tcp","QUIT"]'
	equal "$(config_of built '.rootfs.diff_ids | length')" 2
	run launch --rm built
	succeeded
	is $'b c\n/var'
}

@test "build-from: a container that runs" {
	echo "$id" >>"$WORK/made"
	quietly launch -d --name "$id" base sh -c 'echo early >/early; exec sleep 1000000' || complain launch
	eventually '[ -e "$storage/$id/upper/early" ]'
	run ferry image build-from "$id" built
	succeeded
	equal "$(status_of)" running
	run launch --rm built cat /early
	is early
}

@test "build-from: what cannot be" {
	wrote true
	run ferry image build-from "$id" UPPER
	failed "lower case"
	run ferry image build-from -c 'RUN true' "$id" built
	failed "change 'RUN true'"
	run ferry image build-from nobody-$tag built
	failed 'no container "nobody'
	run ferry image build-from "$id"
	failed "requires exactly 2"
	equal "$(ls images/names)" base:latest
	equal "$(find images/ingest -mindepth 1)" ""
}

@test "build-from: a container made from the host is refused" {
	echo "$id" >>"$WORK/made"
	quietly launch --name "$id" host true || complain launch
	run ferry image build-from "$id" built
	failed "not made from an image but from host"
}

@test "build-from: killed before each change of the store" {
	wrote 'echo new >/etc/new; rm /etc/old'
	at_each_change '[ -e images/names/built:1 ] && ferry image verify -q built:1' image build-from -q "$id" built:1
}

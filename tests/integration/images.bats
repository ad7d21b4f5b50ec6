#!/usr/bin/env bats
# What lies in the image store: image ls, rm, tag, inspect, history, prune. Images are written there by hand.
load lib

prepare() {
	export FERRY_IMAGE_STORE=$WORK/images
}

image() {
	ferry image "$@"
}

# store_image NAME TEXT [NAME...]: an image of two layers, the second with TEXT alone, as an interrupted command leaves it
# once it has been committed. Sets $digest and $config_digest.
store_image() {
	[ -d "$FERRY_IMAGE_STORE" ] || {
		mkdir -p -m 700 "$FERRY_IMAGE_STORE" "$FERRY_IMAGE_STORE"/{names,layers,uses,ingest,blobs/sha256}
		touch "$FERRY_IMAGE_STORE/lock"
	}
	python3 - "$(mktemp -u "$FERRY_IMAGE_STORE/ingest/made-XXXXXX")" "$@" <<-'EOF' >"$WORK/digests"
		import hashlib, json, os, sys
		top, name, text, *more = sys.argv[1:]
		for folder in "parts", "blobs", "layers", "modes", "names":
		    os.makedirs(f"{top}/{folder}")
		def blob(data):
		    digits = hashlib.sha256(data).hexdigest()
		    with open(f"{top}/blobs/{digits}", "wb") as f:
		        f.write(data)
		    return "sha256:" + digits
		def layer(text):
		    digits = hashlib.sha256(b"unpacked " + text).hexdigest()
		    os.makedirs(f"{top}/layers/{digits}", exist_ok=True)
		    with open(f"{top}/layers/{digits}/file", "wb") as f:
		        f.write(text)
		    return "sha256:" + digits
		texts = [b"base", text.encode()]
		config = json.dumps({
		    "created": "2020-01-02T03:04:05Z", "architecture": "amd64", "os": "linux",
		    "config": {"Env": ["A=" + text, "PATH=/bin"], "Cmd": ["/bin/sh"], "Labels": {"a.b": "c"}, "OnBuild": ["RUN x"]},
		    "rootfs": {"type": "layers", "diff_ids": [layer(t) for t in texts]},
		    "history": [{"created_by": "ADD base"}, {"created_by": "ENV A", "empty_layer": True}, {"created_by": "RUN " + text}],
		}).encode()
		config_digest = blob(config)
		manifest = json.dumps({
		    "schemaVersion": 2,
		    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": len(config)},
		    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": blob(t), "size": len(t)} for t in texts],
		}).encode()
		digest = blob(manifest)
		for file in [n.replace("/", "%2f") for n in [name, *more] if n] or ["@" + digest]:
		    with open(f"{top}/names/{file}", "w") as f:
		        f.write(digest)
		with open(f"{top}/commit", "w") as f:
		    f.write(digest)
		print(digest, config_digest)
	EOF
	read -r digest config_digest <"$WORK/digests"
	image ls -q >/dev/null
}

# use_image CONTAINER: what launch notes of a container that is made from the image that was stored last.
use_image() {
	mkdir -p "$WORK/containers/$1"
	ln -s "${digest:7}:$WORK/containers/$1" \
		"$FERRY_IMAGE_STORE/uses/$(printf %s "$WORK/containers/$1" | sha256sum | cut -c 1-32)"
}

files_in() {
	ls "$FERRY_IMAGE_STORE/$1" | wc -l
}

@test "ls: table, json, names, ids; without a store" {
	run image ls
	is "NAME   TAG   IMAGE ID   CREATED   SIZE"
	[ ! -e "$FERRY_IMAGE_STORE" ]
	run image ls --format json
	is "[]"
	store_image db.example/team/app:1 one app:latest
	local first=$digest first_id=$config_digest
	store_image "" two
	run image ls
	succeeded
	matches "app +latest +${first_id:7:12} +[0-9]+ years ago +7B"
	matches "db.example/team/app +1 +${first_id:7:12} "
	matches "<none> +<none> +${config_digest:7:12} "
	run image ls --digests --no-trunc
	matches "app +latest +$first +$first_id "
	run image ls --format names
	is "app:latest
db.example/team/app:1"
	run image ls -q --no-trunc
	is "$first_id
$config_digest"
	run image ls --format json
	equal "$(jq -c '.[0] | [.Id, .Digest, .RepoTags, .RepoDigests, .Created, .Size]' <<<"$output")" \
		"[\"$first_id\",\"$first\",[\"app:latest\",\"db.example/team/app:1\"],[\"app@$first\",\"db.example/team/app@$first\"],\"2020-01-02T03:04:05Z\",7]"
	equal "$(jq -c '.[1].RepoTags' <<<"$output")" "[]"
	run image ls --format xml
	failed "use table, json or names"
}

@test "inspect: Docker's members, and a path" {
	store_image app:1 one
	run image inspect app:1
	succeeded
	equal "$(jq -c '.[0] | [.Id, .Os, .Architecture, .Config.Cmd, .Config.OnBuild, .RootFS.Type, (.RootFS.Layers | length), .Containers]' <<<"$output")" \
		"[\"$config_digest\",\"linux\",\"amd64\",[\"/bin/sh\"],[\"RUN x\"],\"layers\",2,[]]"
	equal "$(cat "$(jq -r '.[0].Layers[1].Path' <<<"$output")/file")" one
	run image inspect --format .Config.Env app:1
	is '["A=one","PATH=/bin"]'
	run image inspect --format '{{ .Config.Labels["a.b"] }}' "${config_digest:7:8}"
	is c
	run image inspect --format .Config.Nothing app:1
	failed Nothing
	store_image app:2 two
	run image inspect -f .Id nosuch app:2
	exited 1
	has "$config_digest"
	has 'no image "nosuch"'
}

@test "a wrong name lists near ones, a missing image says how to get it" {
	run image inspect app
	failed "'ferry image import' adds one"
	[ ! -e "$FERRY_IMAGE_STORE" ]
	store_image db.example/team/app:1 one
	run image history team/ap:1
	failed 'did you mean "db.example/team/app:1"?'
	run image history mail
	failed "'ferry image pull' from a registry"
	store_image other.example/app:1 two
	run image history app:1
	failed "db.example/team/app:1, other.example/app:1"
	run image history ../../etc/passwd
	failed "invalid image name"
	run image lss
	exited 1
	has 'did you mean "image ls"?'
}

@test "history: the last step first" {
	store_image app:1 one
	run image history app:1
	succeeded
	matches "${config_digest:7:12} .* RUN one +3B"
	matches "<missing> .* ENV A +0B"
	matches "<missing> .* ADD base +4B"
	run image history --format json app:1
	equal "$(jq -c 'map([.CreatedBy, .Size])' <<<"$output")" '[["RUN one",3],["ENV A",0],["ADD base",4]]'
}

@test "tag: further names, and names that move" {
	store_image app:1 one
	local one=$config_digest
	store_image app:2 two
	run image tag app:1 db.example:5000/app:x stable
	succeeded
	run image ls --format names
	is "app:1
db.example:5000/app:x
stable:latest
app:2"
	image tag app:2 stable
	equal "$(image inspect -f .Id stable)" "$config_digest"
	run image tag app:1 other Upper
	failed "must be in lower case"
	run image inspect other
	failed "no image"
	run image tag app:1 "x@$digest"
	failed "a digest belongs to one image"
	equal "$(image inspect -f .Id db.example:5000/app:x)" "$one"
}

@test "rm: a name, the image with the last one, and what others share stays" {
	store_image app:1 one app:one
	local one=$config_digest
	store_image app:2 two
	equal "$(files_in layers)" 3
	run image rm app:1
	is "Untagged: app:1"
	run image rm "${one:7:12}"
	is "Untagged: app:one
Deleted: $one"
	equal "$(files_in layers) $(files_in blobs/sha256) $(files_in names)" "2 4 1"
	run image rm nosuch app:2
	exited 1
	has "Deleted: $config_digest"
	has 'no image "nosuch"'
	equal "$(files_in layers) $(files_in blobs/sha256) $(files_in names)" "0 0 0"
}

@test "rm: an id with several names, by force; an image without a name" {
	store_image app:1 one app:one
	run image rm "${digest:7:12}"
	failed "has 2 names"
	run image rm -f "${digest:7:12}"
	succeeded
	store_image "" two
	run image rm "${config_digest:7:12}"
	is "Deleted: $config_digest"
	equal "$(files_in names) $(files_in layers)" "0 0"
}

@test "rm: what a container uses is kept, by force without its name" {
	store_image app:1 one app:one
	use_image web
	equal "$(image inspect -f .Containers app:1)" '["web"]'
	run image rm app:one
	is "Untagged: app:one"
	run image rm app:1
	exited 1
	has 'used by the container "web"'
	run image rm -f app:1
	is "Untagged: app:1"
	equal "$(files_in layers) $(files_in blobs/sha256) $(files_in names)" "2 4 0"
	rmdir "$WORK/containers/web"
	run image prune
	succeeded
	equal "$(files_in layers) $(files_in blobs/sha256)" "0 0"
}

@test "prune: what has no name; with --all, what no container uses" {
	store_image app:1 one
	use_image web
	store_image app:2 two
	store_image "" three
	run image prune --dry-run
	succeeded
	has "Deleted: $config_digest"
	matches "Would free .*: 3 blobs, 1 layers"
	equal "$(files_in layers) $(files_in blobs/sha256)" "4 10"
	run image prune
	matches "Freed .*: 3 blobs, 1 layers"
	equal "$(files_in layers) $(files_in blobs/sha256)" "3 7"
	run image prune --all --format json
	succeeded
	equal "$(jq -c '[(.ImagesDeleted | map(.RepoTags)), .Blobs, .Layers, (.SpaceReclaimed > 0)]' <<<"$output")" \
		'[[["app:2"]],3,1,true]'
	run image ls --format names
	is app:1
	run image prune -a -f
	matches "0 blobs, 0 layers"
}

@test "prune: what launched containers use, whatever their state root and storage" {
	mkdir -p "$WORK/root/bin"
	cp /bin/busybox "$WORK/root/bin/"
	succeeding() { run "$@"; succeeded; }
	succeeding image import -q --name app "$WORK/root"
	echo "$id" >>"$WORK/made"
	quietly ferry launch --storage "$WORK/storage" --name "$id" app /bin/busybox true || complain launch
	run "$FERRY" --root "$WORK/elsewhere" image rm app
	failed "used by the container \"$id\""
	run "$FERRY" --root "$WORK/elsewhere" image prune --all
	matches "0 blobs, 0 layers"
	quietly ferry delete --force "$id" || complain delete
	run "$FERRY" --root "$WORK/elsewhere" image prune --all
	matches "2 blobs, 1 layers|3 blobs, 1 layers"
}

@test "a damaged image hides no other, and can be removed" {
	store_image app:1 one
	local one=$digest
	echo damaged >>"$FERRY_IMAGE_STORE/blobs/sha256/${config_digest:7}"
	store_image app:2 two
	run image ls
	succeeded
	matches "app +1 .*damaged"
	matches "app +2 .*years ago"
	has "the image app:1 is damaged"
	run image inspect app:1
	failed "is damaged"
	run image rm app:1
	succeeded
	equal "$(files_in blobs/sha256)" 4
}

@test "a store that is none, another's, or read-only" {
	mkdir -p "$WORK/other"
	echo x >"$WORK/other/letter"
	run ferry --image-store "$WORK/other" image inspect app
	failed "there are no images"
	store_image app:1 one
	chown 12345 "$FERRY_IMAGE_STORE"
	run image ls
	failed "belongs to user 12345"
	chown 0 "$FERRY_IMAGE_STORE"
	read_only() {
		run unshare -m sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && "$@"' sh \
			"$FERRY_IMAGE_STORE" "$FERRY" --root "$root" "$@"
	}
	read_only image ls --format names
	is app:1
	read_only image tag app:1 app:2
	failed "Read-only file system"
}

@test "the store of the option, of the environment, of the user" {
	store_image app:1 one
	run env -u FERRY_IMAGE_STORE "$FERRY" --root "$root" --image-store "$FERRY_IMAGE_STORE" image ls --format names
	is app:1
	export XDG_DATA_HOME=$WORK/data
	mkdir -p "$XDG_DATA_HOME/ferry"
	cp -a "$FERRY_IMAGE_STORE" "$XDG_DATA_HOME/ferry/images"
	run env -u FERRY_IMAGE_STORE "$FERRY" --root "$root" --rootless true image ls --format names
	is app:1
	cd "$WORK"
	run ferry --image-store images image ls --format names
	is app:1
}

@test "an ordinary user after su, with a home and nothing else" {
	chmod 755 "$WORK" "$WORK/bundle"
	mkdir -p "$WORK/root/bin" "$WORK/home"
	echo x >"$WORK/root/bin/x"
	chown -R 65534:65534 "$WORK/home"
	cp "$FERRY" "$WORK/program" # where he may read it
	as_nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH="$PATH" HOME="$WORK/home" "$WORK/program" "$@"
	}
	run as_nobody image import -q --name app "$WORK/root"
	succeeded
	run as_nobody image ls --format names
	is app:latest
	[ -d "$WORK/home/.local/share/ferry/images/layers" ]
	run ferry --image-store "$WORK/home/.local/share/ferry/images" image ls
	failed "belongs to user 65534"
	run as_nobody image rm app
	succeeded
	equal "$(find "$WORK/home" -type f | wc -l)" 1
	run env -i "$WORK/program" --rootless true image ls
	failed "HOME is not set"
}

@test "completions know the members of a family and the names of images" {
	store_image db.example:5000/app:1 one
	image tag app:1 web
	local words=$WORK/complete
	ferry completion bash >"$words"
	complete_line() { # WORD...: what bash offers for the last one
		bash -c 'source "$1"; shift; ferry() { "$FERRY" "$@"; }
			COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ferry
			echo "${COMPREPLY[*]}"' - "$words" "$@"
	}
	export FERRY
	equal "$(complete_line ferry image his)" history
	equal "$(complete_line ferry image ls --fo)" --format
	equal "$(complete_line ferry image ls --format '')" "table json names"
	equal "$(complete_line ferry image rm w)" web:latest
	equal "$(complete_line ferry --image-store /nothing image rm w)" ""
	# Bash takes the text after a colon for a word of its own.
	equal "$(complete_line ferry image rm db.example:50)" 5000/app:1
}

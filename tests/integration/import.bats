#!/usr/bin/env bats
# image import, image export: archives of every kind into a store of the test's own, and out of it; hostile ones; and
# what is left when an import is killed.
load lib
load killed

prepare() {
	export FERRY_IMAGE_STORE=$WORK/images
	cd "$WORK"
	mkdir -p one/bin one/etc two/etc two/deep/down
	echo first >one/etc/file
	echo gone >one/etc/gone
	ln -s etc/file one/link
	ln one/etc/file one/hard
	head -c 100000 /dev/urandom >one/bin/big
	chmod 4755 one/bin/big
	chown 1234:567 one/etc/file
	echo second >two/etc/file
	: >two/etc/.wh.gone
	make_tar one
	make_tar two
}

make_tar() { # DIR: DIR.tar of what is in it
	tar -C "$1" --sort=name -cf "$1.tar" .
}

image() { # see image.py
	python3 "$here/image.py" "$@"
}

blob() { # LAYOUT FILTER: the path of the blob whose digest jq finds in the first manifest
	local manifest
	manifest=$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")
	echo "$1/blobs/sha256/$(jq -r "$2[7:]" "$manifest")"
}

import() {
	run ferry image import "$@"
}

# Every layer's directory has what the test's two layers have.
layers_are_right() {
	local one two
	one=images/layers/$(sha256sum <one.tar | cut -d' ' -f1)
	two=images/layers/$(sha256sum <two.tar | cut -d' ' -f1)
	diff -r one "$one"
	equal "$(stat -c '%a %u:%g %Y' one/bin/big one/etc/file)" "$(stat -c '%a %u:%g %Y' "$one/bin/big" "$one/etc/file")"
	equal "$(stat -c %i "$one/hard")" "$(stat -c %i "$one/etc/file")"
	equal "$(cat "$two/etc/file")" second
	equal "$(stat -c '%F %t:%T' "$two/etc/gone")" "character special file 0:0"
}

names_are() { # NAME...
	equal "$(ls images/names 2>/dev/null)" "$(printf '%s\n' "$@")"
}

# Nothing but what there was: no name, no blob, no layer, nothing half-made.
nothing_added() {
	equal "$(find images -mindepth 2 -not -path images/blobs/sha256 2>/dev/null)" ""
}

refused() { # TEXT: the import failed for that reason, and nothing is there
	failed "$1"
	nothing_added
}

@test "import: an OCI layout as a directory, a tar, compressed, and from a pipe" {
	local how
	image layout layout app:1 one.tar two.tar:zstd
	tar -C layout -cf layout.tar .
	gzip -k layout.tar
	xz -k layout.tar
	zstd -q layout.tar
	for how in layout layout.tar layout.tar.gz layout.tar.xz layout.tar.zst; do
		rm -rf images
		import "$how"
		succeeded
		matches 'app:1 sha256:[0-9a-f]{64}$'
		names_are app:1
		layers_are_right
		equal "$(find images/ingest -mindepth 1)" ""
		diff -r layout/blobs/sha256 images/blobs/sha256
	done
	rm -rf images
	run bash -c 'timeout 300 "$FERRY" image import - <layout.tar' # a file
	succeeded
	rm -rf images
	run bash -c 'cat layout.tar.gz | timeout 300 "$FERRY" image import -'
	succeeded
	layers_are_right
	diff -r layout/blobs/sha256 images/blobs/sha256
}

@test "import: layers that take much memory to decompress, beside others; and one that takes too much" {
	local i
	head -c 3000000 /dev/urandom >two/random
	for i in 3 4 5 6; do
		echo $i >two/etc/number
		make_tar two
		mv two.tar $i.tar
	done
	image layout layout app:1 one.tar:zstd 3.tar:wide 4.tar:zstd 5.tar:wide 6.tar:wide
	import layout
	succeeded
	run ferry image verify -q app:1
	succeeded
	rm -rf images
	head -c 40000000 /dev/zero >two/zeros
	make_tar two
	xz -k -c --lzma2=preset=0,dict=64MiB two.tar >two.tar.xz
	zstd -q --long=27 <two.tar >two.tar.zst
	for i in two.tar.xz:64 two.tar.zst:128; do
		import "${i%:*}"
		refused "takes ${i#*:} MiB of memory, and 32 MiB is the limit"
	done
	run bash -c 'xz -dc two.tar.xz | timeout 300 "$FERRY" image import --name two -'
	succeeded
}

@test "import: a docker-archive, with a layer that is there twice" {
	image docker archive app one.tar two.tar one.tar
	tar -C archive -cf archive.tar .
	gzip -k archive.tar
	for how in archive archive.tar archive.tar.gz; do
		rm -rf images
		import "$how"
		succeeded
		names_are app:latest
		layers_are_right
		[ -e "images/blobs/sha256/$(sha256sum <one.tar | cut -d' ' -f1)" ]
		equal "$(ls images/layers | wc -l)" 2
	done
	import archive
	has "there already"
}

@test "import: root file systems, by the file's name or --name, always the same" {
	import one.tar
	succeeded
	names_are one:latest
	local first=$output
	gzip -k one.tar
	import --quiet --name other:tag one.tar.gz
	succeeded
	has_not done
	matches '^sha256:[0-9a-f]{64}$'
	names_are one:latest other:tag
	[[ "$first" == *"$output" ]] # one content, one configuration
	run bash -c 'cat one.tar.gz | timeout 300 "$FERRY" image import -'
	failed "give it one by --name"
	run bash -c 'cat one.tar.gz | timeout 300 "$FERRY" image import --name piped -'
	succeeded
	names_are one:latest other:tag piped:latest
	equal "$(find images/ingest -mindepth 1)" ""
}

@test "import: a root file system was made when its newest file was, whoever asks and whenever" {
	find one -exec touch -h -d @1000000000 {} +
	touch -d @1234567890.5 one/bin/big
	make_tar one
	import one.tar --name x
	succeeded
	run ferry image inspect -f .Created x
	is 2009-02-13T23:31:30.000000000Z
	gzip -k one.tar
	import one.tar.gz --name y
	succeeded
	equal "$(ferry image inspect -f .Id x)" "$(ferry image inspect -f .Id y)"
	find one -exec touch -h -d @0 {} +
	make_tar one
	import one.tar --name z
	succeeded
	run ferry image inspect -f .Created z
	is 1970-01-01T00:00:00.000000000Z
}

@test "import: what is there already is not unpacked again" {
	image layout layout app:1 one.tar
	import layout
	succeeded
	image layout layout app:2 one.tar two.tar
	import layout
	succeeded
	has "there already"
	names_are app:1 app:2
	layers_are_right
}

@test "import: a platform of several" {
	local other=linux/riscv64
	[ "$(uname -m)" != riscv64 ] || other=linux/s390x
	image index layout many "linux/amd64=one.tar" "linux/arm64=one.tar" "$other=two.tar"
	import --platform "$other" --name other layout
	succeeded
	[ -e "images/layers/$(sha256sum <two.tar | cut -d' ' -f1)" ]
	[ ! -e "images/layers/$(sha256sum <one.tar | cut -d' ' -f1)" ]
	import --platform linux/none layout
	failed "no platform linux/none, only linux/amd64, linux/arm64, $other"
	import --platform arm64 layout
	failed "expected OS/ARCHITECTURE"
}

@test "import: names" {
	image layout layout registry.example:5000/team/app one.tar
	import layout
	succeeded
	has "registry.example:5000/team/app:latest sha256:"
	import --name a --name b:2 --name a:latest layout
	succeeded
	names_are a:latest b:2 "registry.example:5000%2fteam%2fapp:latest"
	import --name UPPER layout
	failed "lower case"
	image layout layout app:2 two.tar
	import --name c layout
	failed "2 images are in it"
	image layout tagged v1 one.tar
	import tagged
	succeeded
	has tagged:v1
	image layout nameless "" one.tar
	import nameless
	succeeded
	has nameless:latest
}

@test "import: a layer that is not what its digest says" {
	image layout layout app:latest one.tar two.tar
	local layer
	layer=$(blob layout .layers[1].digest)
	printf x | dd of="$layer" bs=1 seek=9 conv=notrunc status=none
	import layout
	refused "layer sha256:${layer##*/}"
	tar -C layout -cf layout.tar .
	import layout.tar
	refused "layer sha256:${layer##*/}"
	gzip layout.tar
	import layout.tar.gz
	refused "layer sha256:${layer##*/}"
}

@test "import: a layer that is longer or shorter than the manifest says" {
	image layout layout app:latest one.tar:plain
	local layer size
	layer=$(blob layout .layers[0].digest)
	size=$(stat -c %s "$layer")
	echo more >>"$layer"
	import layout
	refused "has $((size + 5)) bytes, the manifest says $size"
	truncate -s 100 "$layer"
	import layout
	refused "has 100 bytes, the manifest says $size"
	rm "$layer"
	import layout
	refused "no file 'blobs/sha256/${layer##*/}'"
}

# edit LAYOUT CONFIG-FILTER: changes the configuration of the one image of a layout, with all digests after it right.
edit_config() {
	local config manifest
	config=$(blob "$1" .config.digest)
	manifest=$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")
	jq -c "$2" "$config" >config
	replace "$1" config
	jq -c --arg d "sha256:$hex" --argjson s "$(stat -c %s config)" '.config.digest = $d | .config.size = $s' "$manifest" >manifest
	replace "$1" manifest
	jq -c --arg d "sha256:$hex" --argjson s "$(stat -c %s manifest)" \
		'.manifests[0].digest = $d | .manifests[0].size = $s' "$1/index.json" >index
	mv index "$1/index.json"
}

replace() { # LAYOUT FILE: as a blob; sets $hex
	hex=$(sha256sum <"$2" | cut -d' ' -f1)
	cp "$2" "$1/blobs/sha256/$hex"
}

@test "import: a layer whose content is not what the configuration says" {
	image layout layout app:latest one.tar two.tar
	edit_config layout '.rootfs.diff_ids[0] = "sha256:" + ("0" * 64)'
	import layout
	refused "the configuration says sha256:0000"
	edit_config layout '.rootfs.diff_ids |= .[0:1]'
	import layout
	refused "rootfs.diff_ids"
	edit_config layout '.os = "windows" | .rootfs.diff_ids += [.rootfs.diff_ids[0]]'
	import layout
	refused "for windows"
	edit_config layout '.os = "linux" | .rootfs.diff_ids[1] = "sha256:../../../../etc/passwd"'
	import layout
	refused "diff_ids"
}

@test "import: documents that are not what their digests say" {
	local document
	for document in config manifest; do
		rm -rf layout
		image layout layout app:latest one.tar
		local file
		file=$(blob layout .config.digest)
		[ $document = config ] || file=layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' layout/index.json)
		sed -i 's/amd64/arm64/; s/v1+json/v2+json/' "$file"
		import layout
		refused "the file of sha256:${file##*/} is sha256:"
		echo >>"$file"
		import layout
		refused "its descriptor says"
		rm "$file"
		import layout
		refused "no file"
	done
}

@test "import: an index.json that is none" {
	image layout layout app:latest one.tar
	cp layout/index.json good
	local text
	for text in '' '[]' '{}' '{"schemaVersion":1,"manifests":[]}' '{"schemaVersion":2,"manifests":[]}' \
		'{"schemaVersion":2,"manifests":[{"digest":"sha256:12","size":1}]}'; do
		echo "$text" >layout/index.json
		import layout
		refused "index.json"
	done
	jq -c '.manifests[0].digest = "sha512:" + ("0" * 128)' good >layout/index.json
	import layout
	refused sha512
	jq -c '.manifests[0].size = -1' good >layout/index.json
	import layout
	refused size
	jq -c '.manifests[0].mediaType = "text/plain"' good >layout/index.json
	import layout
	refused "names no image"
	cp good layout/index.json
	echo '{"imageLayoutVersion":"2.0.0"}' >layout/oci-layout
	import layout
	refused imageLayoutVersion
}

@test "import: a docker-archive that is none" {
	image docker archive app one.tar
	cp archive/manifest.json good
	local filter
	for filter in '{}' '[]' '[1]' 'map(del(.Config))' 'map(del(.Layers))' 'map(.Layers = [1])' 'map(.RepoTags = 1)' \
		'map(.Layers = [])' 'map(.Layers += .Layers)' 'map(.Layers = ["../../../../../../etc/passwd"])' \
		'map(.Config = "../../etc/passwd")' 'map(.Layers = ["."])'; do
		jq -c "$filter" good >archive/manifest.json
		import archive
		refused "import 'archive'"
		tar -C archive -cf archive.tar .
		import archive.tar
		refused "import 'archive.tar'"
	done
}

@test "import: links do not lead out of a directory" {
	image docker archive app one.tar
	local layer
	layer=$(jq -r '.[0].Layers[0]' archive/manifest.json)
	rm "archive/$layer"
	ln -s "$WORK/one.tar" "archive/$layer"
	import archive
	refused "no file"
	ln -sf ../../one.tar "archive/$layer"
	import archive
	refused "no file"
	rm "archive/$layer"
	mkfifo "archive/$layer"
	import archive
	refused "is not a file"
}

@test "import: a file that is twice in the tar" {
	image layout layout app:latest one.tar
	tar -C layout -cf layout.tar .
	tar -C layout -rf layout.tar ./index.json
	import layout.tar
	refused "'index.json' is there twice"
}

@test "import: what is no archive" {
	head -c 5000 /dev/urandom >noise
	import noise
	refused "import 'noise'"
	: >empty
	import empty
	refused "import 'empty'"
	import not-there
	failed "open 'not-there'"
	import /dev/null
	refused "it is no file, no directory and no pipe"
	run ferry --image-store /proc/none image import one.tar
	failed "create directory '/proc/none'"
	head -c 20000 one.tar >short.tar
	import short.tar
	refused "import 'short.tar'"
	gzip -c one.tar | head -c 20000 >short.tar.gz
	import short.tar.gz
	refused "import 'short.tar.gz'"
}

@test "import: archives in archives lead nowhere out of their layer" {
	mkdir evil
	ln -s "$WORK" evil/out
	tar -C evil -cf evil.tar out
	rm evil/out
	mkdir evil/out
	echo x >evil/out/written
	tar -C evil -rf evil.tar out/written
	import evil.tar
	[ ! -e "$WORK/written" ]
	tar -cf up.tar --transform 's,^one,../../../../../up,' -P one
	import up.tar
	[ -z "$(find "$WORK" -maxdepth 3 -name up)" ]
}

@test "import: killed at any moment, nothing is left and nothing is lost" {
	local i delay whole=0 from
	image layout first first:latest one.tar
	quietly ferry image import first || complain import
	cp -a images kept
	find images | sort >was
	head -c 3000000 /dev/urandom >one/random
	make_tar one
	image layout layout app:latest one.tar two.tar one.tar:plain
	tar -C layout -cf layout.tar .
	gzip -1k layout.tar
	for i in $(seq 40); do
		from=layout.tar
		[ $((i % 2)) = 0 ] || from=layout.tar.gz
		delay=$(printf '0.%03d' $((i * 3)))
		timeout -s KILL "$delay" "$FERRY" image import -q "$from" >/dev/null 2>&1 3>&- 4>&- || :
		eventually '! processes_are_left'
		run ferry image export -o /dev/null no-such-image # any command recovers
		failed
		equal "$(find images/ingest -mindepth 1)" ""
		if [ -e images/names/app:latest ]; then
			layers_are_right
			whole=$((whole + 1))
			rm -rf images
			cp -a kept images
			continue
		fi
		find images | sort | diff was -
	done
	echo "$whole were whole"
	import layout
	succeeded
	names_are app:latest first:latest
}

@test "import: killed before each change of the store" {
	image layout first first:latest one.tar
	quietly ferry image import first || complain import
	image layout layout app:latest one.tar two.tar
	at_each_change '[ -e images/names/app:latest ] && names_are app:latest first:latest && layers_are_right' image import -q layout
}

@test "prune, rm, tag: killed before each change of the store" {
	image layout layout app:latest one.tar
	image layout layout other:latest one.tar two.tar
	quietly ferry image import layout || complain import
	names_left() { equal "$(find images/names -type f | wc -l)" "$1"; }
	at_each_change '! [ -e images/names/other:latest ] && names_are app:latest' image rm other:latest
	at_each_change '[ -e images/names/new:1 ] && names_left 3' image tag app:latest new:1
	at_each_change '! [ -e images/names/app:latest ] || ! [ -e images/names/other:latest ]' image prune -a
}

# Workers end with the one that they work for; and timeout may end before what it killed.
processes_are_left() {
	local environ
	for environ in $(grep -l -s -z -F -x "FT_TAG=$tag" /proc/[0-9]*/environ); do
		[[ "$(cat "${environ%environ}comm" 2>/dev/null)" != ferry* ]] || return 0
	done
	return 1
}

@test "import: a directory with a root file system" {
	import one
	succeeded
	names_are one:latest
	diff -r one images/layers/*
	equal "$(stat -c '%a %u:%g %Y' one/etc/file)" "$(stat -c '%a %u:%g %Y' images/layers/*/etc/file)"
	equal "$(find images/ingest -mindepth 1)" ""
	run ferry image verify
	succeeded
	has "one:latest: ok"
}

@test "verify: what was changed is named" {
	image layout layout app:1 one.tar two.tar
	import layout
	run ferry image verify -q app:1
	succeeded
	is ""
	local layer file
	layer=images/layers/$(sha256sum <one.tar | cut -d' ' -f1)
	for change in 'echo x >>$layer/etc/file' 'rm $layer/link' 'chmod 700 $layer/etc' 'chown 5:5 $layer/etc/gone' \
		'touch $layer/more' 'rm $layer/hard && cp -a $layer/etc/file $layer/hard' 'ln -sfT /elsewhere $layer/link'; do
		rm -rf images
		import -q layout
		succeeded
		eval "$change"
		run ferry image verify -q
		exited 1
		has "app:1: layer sha256:"
	done
	for file in .layers[0].digest .config.digest; do
		rm -rf images
		import -q layout
		local blob
		blob=images/blobs/sha256/$(basename "$(blob layout "$file")")
		chmod +w "$blob"
		printf '\1' | dd of="$blob" bs=1 seek=20 conv=notrunc status=none
		run ferry image verify -q
		exited 1
		has "$(basename "$blob")"
	done
}

@test "verify: all images, and one that is not there" {
	image layout layout app:1 one.tar
	image layout layout app:2 two.tar
	import layout
	run ferry image verify
	succeeded
	has "app:1: ok"
	has "app:2: ok"
	run ferry image verify app:1 app:3
	failed 'no image "app:3"'
	rm -rf images/layers/"$(sha256sum <one.tar | cut -d' ' -f1)"
	run ferry image verify
	exited 1
	has "app:1: "
	has_not "app:1: ok"
	has "app:2: ok"
}

@test "export: what is imported again is the same image" {
	image layout layout app:1 one.tar two.tar:zstd
	import layout
	run ferry image export -o out.tar app:1
	succeeded
	is ""
	mkdir out
	tar -C out -xf out.tar
	diff -r layout/blobs out/blobs
	equal "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' out/index.json)" app:1
	equal "$(jq -r .imageLayoutVersion out/oci-layout)" 1.0.0
	equal "$(jq -c '.[0].RepoTags' out/manifest.json)" '["app:1"]' # for docker load
	local before
	before=$(cat images/names/app:1)
	rm -rf images
	import out.tar
	succeeded
	equal "$(cat images/names/app:1)" "$before"
	layers_are_right
	ferry image export app:1 | cmp - out.tar
}

@test "export: as a docker-archive, of several images" {
	image layout layout app:1 one.tar
	image layout layout app:2 one.tar two.tar
	import layout
	run ferry image export -f docker-archive -o out.tar app:1 app:2
	succeeded
	mkdir out
	tar -C out -xf out.tar
	equal "$(jq -c 'map(.RepoTags)' out/manifest.json)" '[["app:1"],["app:2"]]'
	equal "$(jq -r '.[1].Layers | length' out/manifest.json)" 2
	equal "$(tar -tf out.tar | sort | uniq -d)" ""
	rm -rf images
	import out.tar
	succeeded
	names_are app:1 app:2
	layers_are_right
}

@test "export: what cannot be" {
	image layout layout app:latest one.tar
	import layout
	run ferry image export -o out.tar nope
	failed 'no image "nope"'
	[ ! -e out.tar ]
	run ferry image export --format zip -o out.tar app
	failed "use oci or docker-archive"
	run ferry image export -o "$WORK/no/dir/out.tar" app
	failed "no/dir"
	echo kept >out.tar
	rm images/blobs/sha256/"$(basename "$(blob layout .layers[0].digest)")"
	run ferry image export -o out.tar app
	failed
	equal "$(cat out.tar)" kept
	equal "$(ls | grep -c ferry-export)" 0
	ln -s out.tar link.tar
	mkfifo fifo
	cat fifo >through &
	run ferry image export -o fifo app
	failed
	wait $!
	[ -p fifo ]
	import layout
	ferry image export -o link.tar app
	[ -L link.tar ]
	cat fifo >through &
	ferry image export -o fifo app
	wait $!
	[ -p fifo ]
	cmp through out.tar
	rm fifo link.tar
	mkdir dir
	run ferry image export -o dir app
	failed "open 'dir': Is a directory"
	run timeout 300 script -q -e -c "$FERRY image export app" /dev/null
	failed "standard output is a terminal"
}

#-- the policy

@test "a policy: only with a signature of its manifest, and under no name that is refused" {
	local policy
	minisign -G -W -p key.pub -s key.sec >/dev/null
	policy='{ "default": "reject", "images": { "team": { "signedBy": ["'$(tail -1 key.pub)'"] }, "free": "accept" } }'
	run under_policy "$policy" "$FERRY" image import --name team/app:1 one.tar
	failed "image 'team/app:1' is refused: '/etc/ferry/policy.json' wants it signed"
	has --signature
	nothing_added
	run under_policy "$policy" "$FERRY" image import --name free --name other one.tar
	failed "image 'other:latest' is refused"
	nothing_added

	ferry image import --name free one.tar
	ferry image inspect --manifest free >manifest
	equal "sha256:$(sha256sum <manifest | cut -d' ' -f1)" "$(ferry image inspect -f .Digest free)"
	minisign -S -W -s key.sec -m manifest >/dev/null
	run under_policy "$policy" "$FERRY" image import --name team/app:1 --signature manifest.minisig one.tar
	succeeded
	run under_policy "$policy" "$FERRY" image import --name team/app:2 --signature manifest.minisig two.tar
	failed "not of this image"
	run under_policy "$policy" "$FERRY" image import --name team/app:2 --signature nowhere two.tar
	failed "'nowhere'"
	names_are free:latest team%2fapp:1
}

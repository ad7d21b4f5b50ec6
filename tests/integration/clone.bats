#!/usr/bin/env bats
# clone, template: with criu.py in CRIU's place, and images of nothing, which no process shares anything of (that is for
# vm/clone.bats): what a clone is made of, who depends on what, and what a killed command leaves.
load lib
load networks
load killed

prepare() {
	make_machine
	storage=$WORK/storage
	snap=$storage/$id/snapshots/one
	shared=$storage/$id/snapshots/.clones/one
	mkdir "$storage"
	export FERRY_CRIU=$here/criu.py CRIU_STARTS="/bin/busybox sleep 1000000"
}

# A container with a snapshot, of which there is already what its clones share.
up() { # OPTION...
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" --uts host "$@" -- \
		sh -c 'echo one >/file; exec sleep 1000000' || complain launch
	eventually '[ -s "$storage/$id/upper/file" ]'
	attempt ferry snapshot create "$id" one
	succeeded
	mkdir -p "$shared"
	cp -r "$snap/checkpoint" "$shared/warm"
	rm -rf "$shared/warm/1"
}

overlay() { up --rootfs "$bundle/rootfs:O" "$@"; }

# Clones go before what they are clones of.
clone() { # ARGUMENT...
	cp "$WORK/made" "$WORK/made.old"
	{ printf '%s\n' "$tag-c" "$tag-c-1" "$tag-c-2"; cat "$WORK/made.old"; } >"$WORK/made"
	attempt ferry clone "$@"
}

inspected() { ferry inspect -f ".$1" "$2"; }

@test "what a clone is: its own name, files, address and MAC, with the files of the snapshot below" {
	overlay --restart always -l role=web -p 8080:80 -v "$bundle/rootfs:/outside"
	mkdir -p "$snap/upper/etc"
	echo 0123456789abcdef0123456789abcdef >"$snap/upper/etc/machine-id"
	clone "$id/one" "$tag-c"
	succeeded
	is "$tag-c"
	local own=$storage/$tag-c
	equal "$(ferry ls -q | sort | xargs)" "$(printf '%s\n' "$id" "$tag-c" | sort | xargs)"
	equal "$(jq -r '.rootOptions | map(select(startswith("lower")))[0]' "$own/launch.json")" "lowerdir+=$snap/upper"
	equal "$(jq -r '.restart, .labels.role, .rm, .clonedFrom, (.network.ports | length)' "$own/launch.json" | xargs)" \
		"always web false $snap 0"
	equal "$(jq -r '.mounts[] | select(.destination == "/etc/hosts").source' "$own/config.json")" "$own/hosts"
	equal "$(jq -r '.mounts[] | select(.destination == "/outside").source' "$own/config.json")" "$bundle/rootfs"
	[ "$(inspected NetworkSettings.IPAddress "$id")" != "$(inspected NetworkSettings.IPAddress "$tag-c")" ]
	grep -q "^$(inspected NetworkSettings.IPAddress "$tag-c")" "$own/hosts"
	# What its programs are told, and which machine they are on.
	equal "$(sh -c '. "$1/upper/.cloneenv"; echo "$FERRY_CLONE_NAME $FERRY_CLONE_SOURCE ${#FERRY_CLONE_GENERATION}"' sh "$own")" \
		"$tag-c $id/one 32"
	grep -qxE '[0-9a-f]{32}' "$own/upper/etc/machine-id"
	run ! cmp "$own/upper/etc/machine-id" "$snap/upper/etc/machine-id"
	# Connections are closed in it: what CRIU was asked.
	grep -qx "52 1" "$own/criu/asked"
	[ -s "$own/criu/restore.log" ] && [ ! -e "$own/cloning" ]
	equal "$(inspected ClonedFrom "$tag-c")" "$snap"
	jq '.imageDigest = "sha256:0"' "$own/launch.json" >"$WORK/json" && cp "$WORK/json" "$own/launch.json"
	run ferry image build-from "$tag-c" new
	failed "is a clone"
	# It is a launched container like any other, and the same after a start.
	eventually 'ferry ls | grep -q "$tag-c .*Up "'
	run ferry restart -t 0 "$tag-c"
	succeeded
	equal "$(ferry exec "$tag-c" cat /file)" one
	run ferry rm -f "$tag-c"
	succeeded
}

# Of this machine's own "/", which holds the snapshot.
@test "of a view of this machine the files are copied" {
	there umount /var/lib
	up --network none host
	clone "$id/one" "$tag-c"
	succeeded
	equal "$(cat "$storage/$tag-c/upper/file")" one
	equal "$(jq -r '.rootOptions[0]' "$storage/$tag-c/launch.json")" "lowerdir=/"
	equal "$(jq -r .root.path "$storage/$tag-c/config.json")" "$storage/$tag-c/root"
	[ "$(cat "$storage/$tag-c/upper/etc/machine-id")" != "$(cat "$storage/$id/upper/etc/machine-id")" ]
	run ferry snapshot rm "$id/one"
	failed "container '$tag-c' depends on it"
}

@test "of a view of this machine whose parts are file systems of their own these are copied, too" {
	up --network none host
	mkdir "$snap/upper-var-lib/part"
	clone "$id/one" "$tag-c"
	succeeded
	[ -d "$storage/$tag-c/upper-var-lib/part" ]
	equal "$(jq -c '[.mounts[] | select(.type == "overlay") | .destination, .options[1:3][]]' "$storage/$tag-c/config.json")" \
		"[\"/var/lib\",\"upperdir=$storage/$tag-c/upper-var-lib\",\"workdir=$storage/$tag-c/work-var-lib\"]"
	run ferry restart -t 0 "$tag-c"
	succeeded
	ferry exec "$tag-c" ls -d /var/lib/part
}

@test "-n, --publish" {
	overlay
	clone -n 2 "$id/one" "$tag-c"
	succeeded
	is "$tag-c-1"$'\n'"$tag-c-2"
	ferry rm -f "$tag-c-1" "$tag-c-2" >"$WORK/out"
	clone --publish 8081:80 "$id/one" "$tag-c"
	succeeded
	has "$tag-c"
	run ferry port "$tag-c"
	has "8081"
	clone -n 0 "$id/one" x
	failed "--count 0: expected a number from 1 to 10000"
	clone -p nonsense "$id/one" x
	failed "--publish"
}

@test "a snapshot with clones stays, and so do its container and they that depend on it" {
	overlay --network none
	attempt ferry template create "$id/one" "$tag-t"
	succeeded
	clone "$tag-t" "$tag-c"
	succeeded
	ferry rename "$tag-c" "$tag-r" >"$WORK/out"
	echo "$tag-r" | cat - "$WORK/made" >"$WORK/new" && mv "$WORK/new" "$WORK/made"
	run ferry snapshot rm "$id/one"
	failed "snapshot '$id/one' cannot be removed, since "
	has "template '$tag-t'"
	has "container '$tag-r'"
	run ferry rm -f "$id"
	failed "container '$id' cannot be removed, since "
	mv "$snap/snapshot.json" "$WORK"
	run ferry rm -f "$id"
	failed "container '$id' cannot be removed, since "
	mv "$WORK/snapshot.json" "$snap"
	eventually 'ferry ls | grep -q "$id .*Up "'
	attempt ferry snapshot create --no-memory "$id" two
	run ferry snapshot prune --keep-last 1 --dry-run
	has "keep: there are clones of it"
	attempt ferry snapshot prune --keep-last 1
	succeeded
	run ferry template ls
	has "$tag-t "
	has "$id/one"
	run ferry template rm "$tag-t"
	is "$tag-t"
	run ferry snapshot rm "$id/one"
	failed "since container '$tag-r' depends on it"
	# Of those that are gone nothing stays.
	equal "$(ls "$shared/users" | wc -l)" 2
	attempt ferry template create "$id/one" "$tag-u"
	equal "$(ls "$shared/users" | wc -l)" 2
	ferry template rm "$tag-u" >"$WORK/out"
	ferry rm -f "$tag-r" >"$WORK/out"
	# Another of that name is no clone.
	quietly ferry launch -d --storage "$storage" --name "$tag-c" --network none --rootfs "$bundle/rootfs:O" -- sleep 1000000
	run ferry snapshot rm "$id/one"
	succeeded
	run ferry rm -f "$tag-c" "$id"
	succeeded
}

@test "a snapshot cannot be removed while it becomes a template" {
	overlay --network none
	there strace -qq -o /dev/null -e trace=linkat -e inject=linkat:delay_enter=2000000 "$FERRY" --root "$root" \
		template create "$id/one" "$tag-t" >"$WORK/out" 2>&1 3>&- 4>&- &
	eventually '[ -e "$shared/users" ] && [ -n "$(ls "$shared/users")" ]'
	run ferry snapshot rm "$id/one"
	failed "since template '$tag-t' depends on it"
	wait $!
	ferry template rm "$tag-t" >"$WORK/out"
}

@test "--rm: a clone goes at its end, and what it is a clone of not before it" {
	overlay --network none --rm
	clone "$id/one" "$tag-c"
	succeeded
	equal "$(inspected HostConfig.AutoRemove "$tag-c")" true
	ferry stop -t 0 "$id" >"$WORK/out"
	eventually 'ferry ls -a | grep -q "$id .*Exited"'
	run ferry rm "$id"
	failed "since container '$tag-c' depends on it"
	equal "$(cat "$snap/upper/file")" one
	ferry stop -t 0 "$tag-c" >"$WORK/out"
	eventually '[ -z "$(ferry ls -a -q)" ]'
	equal "$(ls "$storage")" ""
	# What removes it does not wait for what ends it, nor the other way round.
	overlay --network none --rm
	attempt ferry rm --force "$id"
	succeeded
	is "$id"
	equal "$(ls "$storage")" ""
	overlay --network none --restart always
	clone --rm "$id/one" "$tag-c"
	succeeded
	equal "$(inspected HostConfig.RestartPolicy.Name "$tag-c")" no
	ferry kill "$tag-c" >"$WORK/out"
	eventually '[ "$(ls "$storage")" = "$id" ]'
}

@test "hooks: all of them, or no clone" {
	overlay --network none
	attempt ferry template create --hook /bin/true --description "as warm as can be" "$id/one" "$tag-t"
	equal "$(ferry template ls -f json | jq -r '.[0] | .Name, .Hook, .Description' | xargs)" "$tag-t /bin/true as warm as can be"
	clone "$tag-t" "$tag-c"
	succeeded
	ferry rm -f "$tag-c" >"$WORK/out"
	# What criu.py restores has this machine's files.
	printf '#!/bin/sh\necho "$# arguments"\n' >"$WORK/hook"
	chmod 755 "$WORK/hook"
	clone --hook "$WORK/hook" "$id/one" "$tag-c"
	is "$(printf '0 arguments\n%s' "$tag-c")"
	ferry rm -f "$tag-c" >"$WORK/out"
	clone --hook /bin/false "$tag-t" "$tag-c"
	failed "clone '$tag-c': hook '/bin/false' ended with exit code 1"
	clone --hook /no/such "$id/one" "$tag-c"
	failed "hook '/no/such'"
	equal "$(ferry ls -a -q)" "$id"
	CRIU_DOES=fail CRIU_LOG="Some thing cannot be restored" clone "$tag-t" "$tag-c"
	failed "Some thing cannot be restored; see '$storage/$id/snapshots/.log/clone.log'"
	CRIU_DOES=fail CRIU_LOG="Another thing cannot be" clone "$tag-t" "$tag-c"
	failed "Another thing cannot be; see "
	grep -q "Another thing cannot be" "$storage/$id/snapshots/.log/clone.log"
	equal "$(ls "$storage")" "$id"
	ferry template rm "$tag-t" >"$WORK/out"
}

@test "what cannot be cloned is said, and nothing is left" {
	run ferry clone nobody "$tag-c"
	failed '"nobody" is no template and no container'
	run ferry clone nobody/one "$tag-c"
	failed 'no container "nobody"'
	run ferry template rm nothing
	failed 'no template "nothing"'
	overlay --network none
	run ferry clone "$id/nothing" "$tag-c"
	failed "has no snapshot \"nothing\""
	run ferry clone "$id/one" "a/b"
	failed "invalid container ID format"
	run ferry clone "$id/one" "$id"
	failed "is there already"
	attempt ferry snapshot create --no-memory "$id" files
	run ferry clone "$id/files" "$tag-c"
	failed "snapshot '$id/files' has no memory"
	run ferry template create "$id/files" "$tag-t"
	failed "snapshot '$id/files' has no memory"
	# Nobody depends on it then.
	run ferry template create "$id/one" "$(printf '%0251d' 0)"
	failed "is no name for a template"
	run ferry rm -f "$id"
	succeeded
	overlay --network none
	run ferry clone -p 80 "$id/one" "$tag-c"
	failed "--publish: container '$id' is on no network"
	CRIU_DOES=fail CRIU_LOG="Some thing cannot be dumped" clone "$id" "$tag-c"
	failed "Some thing cannot be dumped"
	has_not "--no-memory"
	ferry stop -t 0 "$id" >"$WORK/out"
	run ferry clone "$id" "$tag-c"
	failed "container '$id' does not run"
	equal "$(ferry ls -a -q)" "$id"
	equal "$(ls "$storage")" "$id"
}

@test "completions of what is cloned: templates, snapshots and containers" {
	overlay --network none
	attempt ferry template create "$id/one" "$tag-t"
	succeeded
	local words=$WORK/complete offered
	ferry completion bash >"$words"
	export FERRY root
	offered=$(nsenter --target "$machine" --mount --net -- bash -c 'source "$1"; ferry() { "$FERRY" --root "$root" "$@"; }
		COMP_LINE="ferry clone "; COMP_POINT=12; COMP_WORDS=(ferry clone ""); COMP_CWORD=2; _ferry
		printf "%s\n" "${COMPREPLY[@]}"' - "$words")
	equal "$(sort <<<"$offered")" "$(printf '%s\n' "$tag-t" "$id" "$id/one" | sort)"
	attempt ferry template rm "$tag-t"
}

@test "a damaged snapshot becomes nothing that clones share" {
	overlay --network none
	rm -r "$shared"
	printf x | dd of="$snap/checkpoint/files.img" bs=1 seek=8 conv=notrunc status=none
	clone "$id/one" "$tag-c"
	failed "clone '$tag-c': snapshot '$id/one': it is damaged: 'checkpoint/files.img' is not as it was when it was made"
	attempt ferry template create "$id/one" warm
	failed "it is damaged: 'checkpoint/files.img'"
	[ ! -e "$shared/warm" ]
	equal "$(ferry ls -a -q)" "$id"
}

@test "SIGKILL of clone at any moment: the next command finds it whole, or nothing of it" {
	overlay --network none
	local call n killed=0 status
	for call in mkdir openat linkat symlinkat renameat flock unlink clone3; do
		for ((n = 1; n < 1000; n += 1 + (n > 5) * 6)); do
			killed_before "$call" "$n" clone --hook /bin/true "$id/one" "$tag-c"
			[ $status != 0 ] || { ferry rm -f "$tag-c" >"$WORK/out"; break; }
			killed=$((killed + 1))
			eventually 'no_process criu.py'
			equal "$(ferry ls -a -q | xargs)" "$id" || { echo "killed before $call $n"; return 1; }
			equal "$(ls "$storage")" "$id" || { echo "killed before $call $n"; return 1; }
		done
	done
	echo "killed $killed times"
	[ $killed -gt 20 ]
	run ferry snapshot rm "$id/one"
	succeeded
}

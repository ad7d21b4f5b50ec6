#!/usr/bin/env bats
# Snapshots of launched containers' files.
load lib
load launched
load killed
load user

# launched OPTION... -- COMMAND...: a container on an overlay of the bundle's root, in the background
launched() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" \
		--rootfs "$bundle/rootfs:O" -- "$@" || complain launch
}

# One that has written what TEXT says, and has ended.
written() { # TEXT
	launched -- /bin/sh -c "$1"
	quietly ferry wait "$id"
}

# The next start runs TEXT instead.
runs() { # TEXT
	quietly ferry start --attach "$id" || :
	equal "$(cat "$WORK/out")" "$1"
}

snapshot() {
	quietly ferry snapshot create "$id" "$@" || complain snapshot create
}

# All that a directory has, times and attributes too.
content() { # DIRECTORY
	tar -C "$1" --xattrs --xattrs-include='*' --sort=name --format=posix \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf - . | sha256sum
}

attribute() { # NAME=VALUE FILE
	python3 -c 'import os, sys; os.setxattr(sys.argv[2], *[x.encode() for x in sys.argv[1].split("=")])' "$@"
}

no_remains() {
	equal "$(find "$storage/$id/snapshots" -mindepth 1 -maxdepth 1 -name '.[!c]*')" ""
}

@test "a container that has ended: create, ls, show, rm" {
	written 'echo one >/file'
	run ferry snapshot ls "$id"
	succeeded
	equal "${#lines[@]}" 1
	run ferry snapshot create "$id"
	is "$id/snap0"
	run ferry snapshot create --description "before the change" --expire "1d 2w" "$id" before
	is "$id/before"
	run ferry snapshot create "$id"
	is "$id/snap1"
	run ferry snapshot ls -q
	is "$id/snap0"$'\n'"$id/before"$'\n'"$id/snap1"
	run ferry snapshot ls "$id"
	matches "^SNAPSHOT +CREATED +EXPIRES +SIZE +MEMORY +DESCRIPTION"
	matches "$id/before +[^ ].* ago +in 2 weeks +[0-9.]+KiB +no +before the change"
	run ferry snapshot show -f .Parent "$id/snap1"
	is before
	run ferry snapshot show "$id/snap0" "$id/before"
	equal "$(jq -r '.[] | .Name, .Description, .Memory' <<<"$output")" \
		"$id/snap0"$'\n\nfalse\n'"$id/before"$'\nbefore the change\nfalse'
	equal "$(jq '.[1] | (.Expires[:19] + "Z" | fromdate) - (.Created[:19] + "Z" | fromdate)' <<<"$output")" 1296000
	run ferry snapshot ls --format json "$id"
	equal "$(jq -r '.[2].Snapshot' <<<"$output")" snap1
	run ferry snapshot rm "$id/before" "$id/snap1"
	is "$id/before"$'\n'"$id/snap1"
	run ferry snapshot ls -q
	is "$id/snap0"
	no_remains
	ferry rm "$id"
	eventually_empty "$storage"
}

@test "rollback: files of every kind are as they were" {
	written 'mkdir /dir; echo one >/dir/file; ln /dir/file /again; ln -s /dir /link; mkfifo /fifo; rm /etc/group
		dd if=/dev/zero of=/sparse bs=1 count=1 seek=20M 2>/dev/null; chown 1:2 /link -h; chmod 4711 /dir/file
		rm -r /home; mkdir /home; touch -d "2001-02-03 04:05:06" /dir/file; chmod 1700 /dir'
	attribute user.own=value "$storage/$id/upper/dir/file"
	local was blocks
	was=$(content "$storage/$id/upper")
	blocks=$(du -s "$storage/$id/upper")
	snapshot one
	equal "$(content "$storage/$id/snapshots/one/upper")" "$was"
	equal "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.overlay.opaque"))' \
		"$storage/$id/snapshots/one/upper/home")" "b'y'"
	equal "$(stat -c %t:%T "$storage/$id/snapshots/one/upper/etc/group")" 0:0
	equal "$(stat -c %h "$storage/$id/snapshots/one/upper/again")" 2
	equal "$(du -s "$storage/$id/snapshots/one/upper" | cut -f1)" "$(cut -f1 <<<"$blocks")"
	rm -r "$storage/$id/upper/dir" "$storage/$id/upper/etc"
	echo other >"$storage/$id/upper/other"
	snapshot two
	run ferry snapshot rollback "$id/one"
	is "$id/one"
	equal "$(content "$storage/$id/upper")" "$was"
	run ferry snapshot show -f .Parent "$id/two"
	is one
	snapshot three
	run ferry snapshot show -f .Parent "$id/three"
	is one
	run ferry snapshot rollback "$id/two"
	succeeded
	equal "$(ls "$storage/$id/upper")" "$(ls "$storage/$id/snapshots/two/upper")"
	no_remains
	ferry rm "$id"
}

@test "the container starts again from what it went back to" {
	written 'echo "${RANDOM}" >>/lines; wc -l </lines; sync'
	equal "$(ferry logs "$id")" 1
	snapshot one
	runs 2
	runs 3
	quietly ferry snapshot rollback "$id/one" || complain
	runs 2
	ferry rm "$id"
}

@test "diff: since a snapshot, and from one to another" {
	written 'mkdir /dir; echo one >/dir/file; echo two >/dir/second; echo x >/same; ln -s a /link; rm /etc/group'
	snapshot one
	run ferry snapshot diff "$id/one"
	is ""
	succeeded
	local upper=$storage/$id/upper
	echo on2 >"$upper/dir/file"
	touch -r "$storage/$id/snapshots/one/upper/dir/file" "$upper/dir/file"
	rm "$upper/dir/second"
	mkdir "$upper/new"
	echo three >"$upper/new/file"
	ln -sfn b "$upper/link"
	rm "$upper/etc/group"
	snapshot two
	run ferry snapshot diff "$id/one"
	is "C /dir"$'\n'"C /dir/file"$'\n'"D /dir/second"$'\n'"C /etc"$'\n'"A /etc/group"$'\n'"C /link"$'\nA /new\nA /new/file'
	echo four >"$upper/four"
	equal "$(ferry snapshot diff "$id/one" "$id/two")" "$output"
	run ferry snapshot diff "$id/two"
	is "A /four"
	run ferry snapshot diff "$id/two" "$id/one"
	is "C /dir"$'\n'"C /dir/file"$'\n'"A /dir/second"$'\n'"C /etc"$'\n'"D /etc/group"$'\n'"C /link"$'\nD /new'
	run ferry snapshot diff "$id/two" "$id/none"
	failed 'has no snapshot "none"'
	ferry rm "$id"
}

# It was made then, as its record says.
made_at() { # NAME TIME
	snapshot "$1"
	sed -i "s/\"created\": \"[^\"]*\"/\"created\": \"$2\"/" "$storage/$id/snapshots/$1/snapshot.json"
}

@test "prune: what has expired, and what none of the options keeps" {
	written true
	made_at a 2026-09-30T00:00:00.000000000Z
	made_at b 2026-10-31T10:00:00.000000000Z
	made_at c 2026-11-01T10:00:00.000000000Z
	made_at d 2026-11-01T11:00:00.000000000Z
	run ferry snapshot prune
	is "Freed 0B: 0 snapshots"
	run ferry snapshot prune -n --keep-daily 2 --keep-monthly 2 "$id"
	succeeded
	has "SNAPSHOT"
	matches "$id/d .* ago +keep: daily, monthly"
	matches "$id/c .* ago +remove"
	matches "$id/b .* ago +keep: daily, monthly"
	matches "$id/a .* ago +remove"
	has "Would free "
	has ": 2 snapshots"
	run ferry snapshot ls -q
	equal "${#lines[@]}" 4
	run ferry snapshot prune --keep-daily 2 --keep-monthly 2
	equal "${lines[*]:0:2}" "$id/c $id/a"
	matches "Freed [0-9.]+[KM]iB: 2 snapshots"
	run ferry snapshot ls -q
	is "$id/b"$'\n'"$id/d"
	snapshot --expire 1y e
	sed -i 's/"expires": "[0-9]*/"expires": "1999/' "$storage/$id/snapshots/e/snapshot.json"
	run ferry snapshot ls "$id"
	matches "$id/e .* ago +now"
	run ferry snapshot prune --dry-run --keep-last 1
	matches "$id/e .* ago +remove: it has expired"
	matches "$id/d .* ago +keep: last"
	matches "$id/b .* ago +remove"
	run ferry snapshot prune "$id"
	equal "${lines[0]}" "$id/e"
	run ferry snapshot ls -q
	is "$id/b"$'\n'"$id/d"
	local value
	for value in 0 -1; do
		run ferry snapshot prune --keep-last $value
		failed "--keep-last $value: expected a number from 1 on"
	done
	run ferry snapshot prune --keep-daily x
	failed
	run ferry snapshot prune nobody
	failed 'no container "nobody"'
	equal "$(ferry snapshot ls -q | wc -l)" 2
	no_remains
	# One that cannot be looked at is in nobody's way.
	local broken=$storage/$id/snapshots other=$id-b
	mv "$broken" "$WORK/aside"
	touch "$broken"
	id=$other written true
	id=$other snapshot --expire 1y e
	sed -i 's/"expires": "[0-9]*/"expires": "1999/' "$storage/$other/snapshots/e/snapshot.json"
	run ferry snapshot prune
	failed "open '$broken'"
	has "$other/e"
	has ": 1 snapshot"
	rm "$broken"
	mv "$WORK/aside" "$broken"
	ferry rm "$id" "$other"
}

# What the schedule knows of as the last was then.
last_at() { # TIME
	sed -i "s/\"last\": \"[^\"]*\"/\"last\": \"$1\"/" "$storage/$id/snapshots/.schedule"
}

@test "schedule: snapshots are made when they are due, and pruned" {
	launched -- /bin/sh -c 'echo x >/file; sleep 1000000'
	eventually '[ -e "$storage/$id/upper/file" ]'
	run ferry snapshot schedule "$id"
	is never
	run ferry snapshot schedule --expire "1d 2w" --keep-last 2 "$id" @yearly
	succeeded
	run ferry snapshot schedule "$id"
	matches "^@yearly, expire 1d 2w, keep-last 2: next at 2[0-9]+-01-01T00:00:00Z$"
	run ferry snapshot run
	is ""
	succeeded
	local n
	for n in 0 1 2; do
		last_at 2025-06-01T00:00:00.000000000Z
		run ferry snapshot run
		is "$id/snap$n"
		run ferry snapshot run
		is ""
	done
	run ferry snapshot ls -q
	is "$id/snap1"$'\n'"$id/snap2"
	run ferry snapshot show "$id/snap2"
	equal "$(jq '.[0] | (.Expires[:19] + "Z" | fromdate) - (.Created[:19] + "Z" | fromdate) | . / 100 | round' <<<"$output")" 12960
	# What has expired goes, whenever the next is due.
	sed -i 's/"expires": "[0-9]*/"expires": "1999/' "$storage/$id/snapshots/snap1/snapshot.json"
	run ferry snapshot run
	is ""
	run ferry snapshot ls -q
	is "$id/snap2"
	# One that does not run writes nothing.
	last_at 2025-06-01T00:00:00.000000000Z
	ferry stop -t 0 "$id"
	run ferry snapshot run
	is ""
	succeeded
	quietly ferry start "$id" || complain start
	run ferry snapshot run
	is "$id/snap3"
	# Said while one is made.
	last_at 2025-06-01T00:00:00.000000000Z
	strace -qq -o /dev/null -e trace=flock -e inject=flock:delay_enter=700000 "$FERRY" --root "$root" snapshot run \
		>"$WORK/out" 2>&1 3>&- 4>&- &
	eventually '[ -e "$storage/$id/snapshots/snap4" ]'
	run ferry snapshot schedule "$id" never
	succeeded
	wait $!
	run ferry snapshot schedule "$id"
	is never
	no_remains
	ferry rm -f "$id"
}

@test "schedule: bad input" {
	written true
	run ferry snapshot schedule "$id" "61 * * * *"
	failed "invalid schedule '61 * * * *': its minute makes no sense"
	run ferry snapshot schedule "$id" "0 0 30 2 *"
	failed "invalid schedule '0 0 30 2 *': there is no such day"
	run ferry snapshot schedule "$id" @never
	failed "invalid schedule '@never': expected @hourly"
	run ferry snapshot schedule --expire x "$id" @daily
	failed "--expire: invalid time 'x'"
	run ferry snapshot schedule --keep-daily 0 "$id" @daily
	failed "--keep-daily 0: expected a number from 1 on"
	run ferry snapshot schedule --keep-daily 1 "$id"
	failed "--expire, --memory and --keep-... are for a new schedule: say which"
	run ferry snapshot schedule --expire 1d "$id" never
	failed "--expire, --memory and --keep-... are for a new schedule: say which"
	run ferry snapshot schedule nobody @daily
	failed 'no container "nobody"'
	run ferry snapshot schedule "$id" never
	succeeded
	[ ! -e "$storage/$id/snapshots" ]
	quietly ferry snapshot schedule "$id" @daily || complain
	last_at nonsense
	run ferry snapshot run
	failed "the schedule of container '$id': its time makes no sense"
	echo '{}' >"$storage/$id/snapshots/.schedule"
	run ferry snapshot schedule "$id"
	failed "the schedule of container '$id': "
	ferry rm "$id"
}

@test "a container that runs: its files are those of one moment, and it goes on" {
	launched -- /bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i >/first; echo $i >/second; done'
	eventually '[ -e "$storage/$id/upper/second" ]'
	local name a b
	for name in 1 2 3 4 5; do
		snapshot --no-memory $name
		a=$(cat "$storage/$id/snapshots/$name/upper/first") b=$(cat "$storage/$id/snapshots/$name/upper/second")
		# Of one that is just being written nothing is there.
		[ -z "$a" ] || [ -z "$b" ] || [ "$a" = "$b" ] || [ "$a" = $((b + 1)) ]
	done
	equal "$(ferry ls --format json | jq -r '.[0].State')" running
	a=$(cat "$storage/$id/upper/second")
	eventually '[ "$(cat "$storage/$id/upper/second")" != "'"$a"'" ]'
	run ferry snapshot rollback "$id/1"
	failed "container '$id' runs: stop it, go back, and start it again"
	run ferry snapshot ls -q
	equal "${#lines[@]}" 5
	no_remains
	ferry rm -f "$id"
	eventually_empty "$storage"
}

@test "one that is paused stays paused" {
	launched -- /bin/sleep 1000000
	ferry pause "$id"
	snapshot --no-memory one
	equal "$(status_of)" paused
	ferry resume "$id"
	ferry rm -f "$id"
}

@test "a damaged snapshot is named, and nothing is changed" {
	local damage
	written 'mkdir /dir; echo one >/dir/file; echo three >"/dir/an odd name"; echo two >/other'
	snapshot one
	cp -a "$storage/$id/snapshots/one" "$WORK/one"
	for damage in 'echo x >>upper/dir/file' 'chmod 777 upper/other' 'rm upper/other' 'touch "upper/a new one"' \
		'chown 7 upper/dir' 'echo >>digests' 'rm digests' 'attribute user.x=y upper/other' 'rm -r upper'; do
		(cd "$storage/$id/snapshots/one" && eval "$damage")
		run ferry snapshot rollback "$id/one"
		failed "roll back to snapshot '$id/one': it is damaged: "
		run ferry snapshot export -o "$WORK/one.tar" "$id/one"
		failed "export snapshot '$id/one': it is damaged: "
		[ ! -e "$WORK/one.tar" ]
		no_remains
		equal "$(cat "$storage/$id/upper/dir/file")" one
		rm -r "$storage/$id/snapshots/one"
		cp -a "$WORK/one" "$storage/$id/snapshots/one"
	done
	echo x >"$storage/$id/snapshots/one/upper/dir/an odd name"
	run ferry snapshot rollback "$id/one"
	failed "'upper/dir/an odd name' is not as it was when it was made"
	sed -i 's/"created": "2/"created": "3333/' "$storage/$id/snapshots/one/snapshot.json"
	run ferry snapshot prune --keep-last 1
	has "snapshot '$id/one': snapshot.json: a time in it makes no sense"
	has "Freed 0B: 0 snapshots"
	echo nonsense >"$storage/$id/snapshots/one/snapshot.json"
	run ferry snapshot ls -q
	has "snapshot '$id/one': snapshot.json: "
	run ferry snapshot rollback "$id/one"
	failed "snapshot '$id/one': snapshot.json: "
	# Its name is not another's.
	mv "$storage/$id/snapshots/one" "$storage/$id/snapshots/snap3"
	run ferry snapshot create "$id"
	has "$id/snap4"
	mv "$storage/$id/snapshots/snap3" "$storage/$id/snapshots/one"
	run ferry snapshot rm "$id/one"
	is "$id/one"
	ferry rm "$id"
}

@test "bad input" {
	written true
	run ferry snapshot create nobody
	failed 'no container "nobody"'
	local name
	for name in '' . .. .x a/b 'a b' ä; do
		run ferry snapshot create "$id" "$name"
		failed "\"$name\" is no name for a snapshot: use letters, digits and _+-., with no dot in front"
	done
	run ferry snapshot create --expire 1h "$id"
	failed "--expire: invalid time '1h': expected numbers with M, H, d, w, m or y"
	run ferry snapshot create --description $'a\nb' "$id"
	failed "--description: expected one line"
	run ferry snapshot create "$id" "$(printf 'x%.0s' {1..300})"
	failed "is no name for a snapshot: use 255 characters at most"
	equal "$(ferry snapshot ls -q)" ""
	snapshot one
	run ferry snapshot create "$id" one
	failed "container '$id' has a snapshot \"one\" already"
	run ferry snapshot show "$id/oen"
	failed "container '$id' has no snapshot \"oen\": did you mean \"one\"?"
	for name in "$id" "$id/" /one; do
		run ferry snapshot show "$name"
		failed "\"$name\" is no snapshot: expected CONTAINER/SNAPSHOT"
	done
	run ferry snapshot rollback "$id/../one"
	failed "has no snapshot \"../one\""
	run ferry snapshot rm "$id/none" "$id/one"
	failed "has no snapshot \"none\""
	has "$id/one"
	run ferry snapshot ls --format xml
	failed "invalid --format 'xml': use table, json or names"
	no_remains
	ferry rm "$id"
}

@test "a root that is not ferry's own has no snapshots" {
	echo "$id" >>"$WORK/made"
	quietly ferry launch --storage "$storage" --name "$id" --rootfs "$bundle/rootfs" -- /bin/true
	run ferry snapshot create "$id"
	failed "container '$id' writes into '$bundle/rootfs' itself"
	run ferry snapshot schedule "$id" @daily
	failed "container '$id' writes into '$bundle/rootfs' itself"
	[ ! -e "$storage/$id/snapshots" ]
	ferry rm "$id"
}

#-- archives

@test "export and import: all of it is as it was" {
	written 'mkdir /dir; echo one >/dir/file; ln /dir/file /again; ln -s /dir /link; mkfifo /fifo; rm /etc/group
		dd if=/dev/zero of=/sparse bs=1 count=1 seek=20M 2>/dev/null; chown 1:2 /link -h; chmod 4711 /dir/file
		rm -r /home; mkdir /home; touch -d "2001-02-03 04:05:06" /dir/file; chmod 1700 /dir; echo x >/dir/.wh.name'
	local upper=$storage/$id/upper snapshots=$storage/$id/snapshots
	attribute user.own=value "$upper/dir/file"
	mknod "$upper/device" c 1 3
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$upper/socket"
	snapshot --description "a word" one
	run ferry snapshot export -o "$WORK/one.tar" "$id/one"
	is ""
	[ "$(stat -c %b "$WORK/one.tar")" -lt 4000 ]
	rm "$upper/socket"
	run ferry snapshot import "$id" "$WORK/one.tar" two
	is "$id/two"
	rm "$snapshots/one/upper/socket"
	touch -d "$(stat -c %y "$snapshots/two/upper")" "$snapshots/one/upper"
	equal "$(content "$snapshots/two/upper")" "$(content "$snapshots/one/upper")"
	equal "$(stat -c %a:%h "$snapshots/two") $(du "$snapshots/two/upper/sparse" | cut -f1)" "700:3 4"
	run ferry snapshot show "$id/two"
	equal "$(jq -r '.[0] | .Description, .Parent' <<<"$output")" "a word"
	run ferry snapshot import "$id" "$WORK/one.tar"
	failed "has a snapshot \"one\" already"
	run ferry snapshot import "$id" "$WORK/one.tar" two
	failed "has a snapshot \"two\" already"
	ferry snapshot rm "$id/one"
	gzip -k "$WORK/one.tar"
	run ferry snapshot import "$id" <"$WORK/one.tar.gz"
	is "$id/one"
	quietly ferry snapshot rollback "$id/one" || complain
	equal "$(content "$upper")" "$(content "$snapshots/two/upper")"
	run ferry snapshot export "$id/two"
	succeeded
	no_remains
	ferry rm "$id"
}

@test "import --create: the container as it was, where there is none" {
	export FERRY_VOLUME_STORE=$WORK/volumes
	mkdir "$WORK/outside"
	launched --rm --init -l role=web -v "$WORK/outside:/outside" -v "$tag-v:/data" -- \
		/bin/sh -c 'echo one >/file; rm -r /home; exec sleep 1000000'
	eventually '[ -s "$storage/$id/upper/file" ]'
	ferry snapshot create --no-memory "$id" one >"$WORK/out"
	run ferry snapshot export -o "$WORK/one.tar" "$id/one"
	succeeded
	equal "$(tar -xOf "$WORK/one.tar" config.dump | jq -r '.name, .runtime' | xargs)" "$id ferry"
	equal "$(tar -xOf "$WORK/one.tar" spec.dump | jq -r '.mounts[] | select(.destination == "/outside").source')" "$WORK/outside"
	run ferry snapshot import --create --storage "$storage" "$id" "$WORK/one.tar"
	failed "a container '$id' is there already"
	run ferry snapshot import "$id-x" "$WORK/one.tar"
	failed "(--create makes it, too)"
	local was
	was=$(jq -Sc '.mounts, .process, .linux' "$storage/$id/config.json" | sed "s,/$id/,/$id-x/,g")
	ferry stop -t 0 "$id" >"$WORK/out"
	eventually '[ -z "$(ls "$storage")" ]'
	echo "$id-x" >>"$WORK/made"
	run ferry snapshot import --create --storage "$storage" "$id-x" "$WORK/one.tar" two
	is "$id-x/two"
	equal "$(jq -Sc '.mounts, .process, .linux' "$storage/$id-x/config.json")" "$was"
	equal "$(ferry inspect -f .Config.Labels.role "$id-x") $(ferry inspect -f .State.Status "$id-x")" "web created"
	run ! ferry volume rm "$tag-v"
	run ferry snapshot import --create --storage "$storage" "$id-x" "$WORK/one.tar"
	failed "a container '$id-x' is there already"
	run ferry start "$id-x"
	succeeded
	equal "$(ferry exec "$id-x" sh -c 'cat /file; head -c 10 /proc/1/cmdline; [ -e /home ] || echo " none"')" $'one\nferry-init none'
	quietly ferry rm -f "$id-x" || complain
	# What must be here.
	ferry volume rm "$tag-v" >"$WORK/out"
	run ferry snapshot import --create --storage "$storage" "$id-x" "$WORK/one.tar"
	failed "no volume \"$tag-v\""
	equal "$(ls "$storage")" ""
	quietly ferry volume create "$tag-v"
	mv "$bundle/rootfs" "$bundle/other"
	run ferry snapshot import --create --storage "$storage" "$id-x" "$WORK/one.tar"
	failed "what it was launched from, '$bundle/rootfs:O', is not here"
	mv "$bundle/other" "$bundle/rootfs"
	# Whoever made the archive.
	mkdir "$WORK/tree"
	tar -C "$WORK/tree" --xattrs --xattrs-include='*' -xf "$WORK/one.tar"
	local damage
	for damage in 'echo >>launch.json' 'rm spec.dump' 'rm launch.json; ln -s /etc/passwd launch.json' 'rm launch.json; mkfifo launch.json' \
		'sed -i "s,\"upper\",&\, \"..\"," snapshot.json'; do
		rm -rf "$WORK/bad"
		cp -a "$WORK/tree" "$WORK/bad"
		(cd "$WORK/bad" && eval "$damage")
		tar -C "$WORK/bad" --xattrs --xattrs-include='*' --format=posix -cf "$WORK/bad.tar" .
		run ferry snapshot import --create --storage "$storage" "$id-x" "$WORK/bad.tar"
		failed "import a snapshot of container '$id-x': "
		equal "$(ls "$storage")$(ferry ls -aq)" ""
	done
}

# tampered COMMAND: an archive of the snapshot `one`, on whose files COMMAND was run, with digests that are right
tampered() {
	rm -rf "$WORK/tree"
	cp -a "$storage/$id/snapshots/one" "$WORK/tree"
	(cd "$WORK/tree" && eval "$1")
	tar -C "$WORK/tree" --xattrs --xattrs-include='*' --format=posix -cf "$WORK/tampered.tar" .
	run ferry snapshot import "$id" "$WORK/tampered.tar" two
}

@test "import: what is no snapshot, is damaged, or leads elsewhere" {
	written 'echo one >/file; mkdir /dir'
	snapshot one
	local damage
	for damage in 'echo x >>upper/file' 'rm upper/file' 'chmod 777 upper/dir' 'echo >>digests' 'rm digests' 'rm -r upper' \
		'attribute user.x=y upper/file'; do
		tampered "$damage"
		failed "import a snapshot of container '$id': "
		no_remains
	done
	tampered 'echo x >>upper/file'
	failed "it is damaged: 'upper/file' is not as it was when it was made"
	tampered 'echo x >other'
	failed "it has 'other', which no snapshot has"
	tampered 'rm -r upper; ln -s / upper'
	failed "it has 'upper', which no snapshot has"
	tampered 'rm digests; ln -s /etc/passwd digests'
	failed "it has 'digests', which no snapshot has"
	tampered 'sed -i "s/\"upper\"/\"..\"/" snapshot.json'
	failed "it has other directories than the container"
	tampered 'sed -i "s/\"name\": \"one\"/\"name\": \"..\/x\"/" snapshot.json'
	succeeded
	run ferry snapshot import "$id" "$WORK/tampered.tar"
	failed "\"../x\" is no name for a snapshot"
	ferry snapshot rm "$id/two"
	tampered 'sed -i "s/\"layers\"/\"description\": \"a\\\\u001bc\", &/" snapshot.json'
	failed "its description: expected one line, without control characters"
	tampered 'sed -i "s/\"layers\"/\"expires\": \"1999-01-01\", &/" snapshot.json'
	succeeded
	ferry snapshot run
	equal "$(ferry snapshot show -f .Expires "$id/two")" ""
	ferry snapshot rm "$id/two"
	tampered 'sed -i "s/\"layers\": \[\]/\"layers\": [\"sha256:x\"]/" snapshot.json'
	failed "it lies over another image or snapshot than container '$id'"
	tampered 'sed -i "s,\"layers\",\"clonedFrom\": \"/elsewhere\"\, &," snapshot.json'
	failed "it lies over another image or snapshot than container '$id'"
	tampered 'rm snapshot.json'
	failed "it is no archive of a snapshot"
	head -c 1000 "$WORK/tampered.tar" >"$WORK/short.tar"
	run ferry snapshot import "$id" "$WORK/short.tar"
	failed "the archive: it is cut short"
	# Memory: CRIU would follow links.
	for damage in 'ln -s /etc/passwd checkpoint/core-1.img' 'ln -s ../../x checkpoint/parent' 'mkdir -p checkpoint/1/2' 'mkfifo checkpoint/1'; do
		tampered "sed -i 's/\"memory\": false/\"memory\": true/' snapshot.json; mkdir checkpoint; $damage"
		failed ", which no snapshot has"
	done
	# Names that lead out.
	mkdir "$WORK/out.d"
	ln -s "$WORK/out.d" "$WORK/link"
	tar -C "$WORK" -P -cf "$WORK/evil.tar" --transform='s,link,upper/link,' link
	echo x >"$WORK/file"
	tar -C "$WORK" -P -rf "$WORK/evil.tar" --transform='s,file,upper/link/file,' file
	run ferry snapshot import "$id" "$WORK/evil.tar"
	failed "upper/link/file: 'upper/link': No such file or directory"
	equal "$(ls "$WORK/out.d")" ""
	tar -C "$WORK" -P -cf "$WORK/evil.tar" --transform='s,file,../file,' file
	run ferry snapshot import "$id" "$WORK/evil.tar"
	failed "may lead out of the directory"
	run ferry snapshot import "$id" /dev/null
	failed "it is no archive of a snapshot"
	run ferry snapshot import "$id" "$WORK/none"
	failed "open '$WORK/none': No such file"
	head -c 100000 /dev/urandom >"$WORK/noise"
	run ferry snapshot import "$id" "$WORK/noise"
	failed "the archive: "
	run ferry snapshot import nobody "$WORK/tampered.tar"
	failed 'no container "nobody"'
	run ferry snapshot export "$id/none"
	failed "has no snapshot \"none\""
	run ferry snapshot export -o /nowhere/x "$id/one"
	failed "create '/nowhere/x"
	run ferry snapshot export -o /dev/full "$id/one"
	failed "No space left on device"
	no_remains
	equal "$(ferry snapshot ls -q)" "$id/one"
	ferry rm "$id"
}

#-- who is killed

# Kills `ferry COMMAND` right before each call of $changing, LEAST times or more in all, and then evaluates CHECK behind RECOVER.
killed_at_each() { # LEAST RECOVER CHECK RESTORE COMMAND...
	local least=$1 recover=$2 check=$3 restore=$4 call n status killed=0
	shift 4
	for call in "${changing[@]}"; do
		for ((n = 1; n < 400; n++)); do
			killed_before "$call" "$n" "$@"
			[ $status != 0 ] || break
			killed=$((killed + 1))
			eventually 'no_process "ferry"'	# what unpacks ends with it, but not at once, and has its lock
			eval "$recover" && eval "$check" || { echo "killed before $call $n"; return 1; }
			eval "$restore"
		done
		eval "$restore"
	done
	echo "killed $killed times"
	[ $killed -ge $least ]
}

@test "create, killed anywhere: the snapshot is whole, or there is none" {
	written 'mkdir /dir; echo one >/dir/file; ln /dir/file /again; ln -s x /link; rm /etc/group'
	changing=(mkdirat renameat renameat2 mknodat linkat symlinkat fchownat utimensat syncfs fsync ftruncate)
	whole() {
		no_remains
		[ -z "$(ferry snapshot ls -q)" ] || {
			cp -a "$storage/$id/upper" "$WORK/was"
			quietly ferry snapshot rollback "$id/one" || complain
			equal "$(content "$storage/$id/upper")" "$(content "$WORK/was")"
			rm -r "$WORK/was"
		}
	}
	killed_at_each 20 'quietly ferry snapshot ls' whole 'rm -rf "$storage/$id/snapshots"' snapshot create "$id" one
	ferry rm "$id"
}

@test "import, killed anywhere: the snapshot is whole, or there is none" {
	written 'mkdir /dir; echo one >/dir/file; ln -s x /link'
	snapshot one
	ferry snapshot export -o "$WORK/one.tar" "$id/one"
	changing=(mkdirat renameat renameat2 syncfs fsync recvmsg)
	whole() {
		no_remains
		[ "$(ferry snapshot ls -q)" = "$id/one" ] || quietly ferry snapshot rollback "$id/two" || complain
	}
	killed_at_each 6 'quietly ferry snapshot ls' whole 'rm -rf "$storage/$id/snapshots/two"' snapshot import "$id" "$WORK/one.tar" two
	ferry rm "$id"
}

@test "import --create, killed anywhere: the container is whole, or there is none" {
	written 'mkdir /dir; echo one >/dir/file; ln -s x /link'
	snapshot one
	ferry snapshot export -o "$WORK/one.tar" "$id/one"
	ferry rm "$id"
	local storage=/var/lib/ferry/launch
	changing=(mkdirat mkdir renameat renameat2 symlinkat syncfs recvmsg)
	whole() {
		[ -n "$(ls "$storage")" ] || { [ -z "$(ferry ls -aq)" ]; return; }
		equal "$(ferry ls -aq)" "$id-x"
		quietly ferry snapshot rollback "$id-x/one" || complain
		ferry rm "$id-x"
	}
	killed_at_each 10 'quietly ferry ls -a' whole 'quietly ferry rm -f "$id-x" || :' \
		snapshot import --create "$id-x" "$WORK/one.tar"
	rmdir "$storage"
}

@test "rollback, killed anywhere: the files are those of before or those of the snapshot" {
	written 'echo old >/file; ln -s x /link'
	snapshot one
	echo new >"$storage/$id/upper/file"
	rm "$storage/$id/upper/link"
	local before after
	before=$(content "$storage/$id/upper")
	after=$(content "$storage/$id/snapshots/one/upper")
	cp -a "$storage/$id" "$WORK/kept"
	changing=(mkdirat renameat renameat2 unlinkat symlinkat fchownat utimensat syncfs)
	either() {
		local is
		is=$(content "$storage/$id/upper")
		no_remains
		[ "$is" = "$before" ] || equal "$is" "$after"
	}
	again() {
		rm -rf "$storage/$id/upper" "$storage/$id/snapshots"
		cp -a "$WORK/kept/upper" "$WORK/kept/snapshots" "$storage/$id"
	}
	killed_at_each 20 'quietly ferry snapshot ls' either again snapshot rollback "$id/one"
	ferry rm "$id"
}

@test "rollback, killed while it renames: a start carries it on" {
	written 'cat /file; echo old >/file'
	snapshot one
	local n
	for n in 1 2 3 4; do
		echo new >"$storage/$id/upper/file"
		run strace -qq -o /dev/null -e trace=renameat -e "inject=renameat:signal=KILL:when=$n" \
			"$FERRY" --root "$root" snapshot rollback "$id/one"
		failed
		local pending=
		[ ! -e "$storage/$id/snapshots/.rollback" ] || pending=yes
		quietly ferry start --attach "$id" || :
		equal "$n $(cat "$WORK/out")" "$n $([ -n "$pending" ] && echo old || echo new)"
		[ ! -e "$storage/$id/snapshots/.rollback" ]
	done
	ferry rm "$id"
}

@test "rm, killed anywhere" {
	written 'echo one >/file; mkdir /dir; echo two >/dir/file'
	snapshot one
	cp -a "$storage/$id" "$WORK/kept"
	there_or_not() {
		no_remains
		[ -z "$(ferry snapshot ls -q)" ] || quietly ferry snapshot rollback "$id/one" || complain
	}
	again() {
		rm -rf "$storage/$id/snapshots"
		cp -a "$WORK/kept/snapshots" "$storage/$id"
	}
	changing=(renameat2 unlinkat)
	killed_at_each 8 'quietly ferry snapshot ls' there_or_not again snapshot rm "$id/one"
	ferry rm "$id"
}

@test "killed while the container is paused: the next command lets it go on" {
	launched -- /bin/sh -c 'echo x >/file; while :; do :; done'
	eventually '[ -e "$storage/$id/upper/file" ]'
	local n killed=0
	for n in 1 2 3 4 5 6; do
		run strace -qq -o /dev/null -e trace=fchownat -e "inject=fchownat:signal=KILL:when=$n" \
			"$FERRY" --root "$root" snapshot create --no-memory "$id" one
		[ "$status" != 0 ] || break
		killed=$((killed + 1))
		equal "$(status_of)" running
		equal "$(ferry snapshot ls -q)" ""
		no_remains
	done
	[ $killed -gt 0 ]
	ferry rm -f "$id"
	eventually_empty "$storage"
}

@test "interrupted while the container is paused: it goes on at once" {
	launched -- /bin/sh -c 'echo x >/file; while :; do :; done'
	eventually '[ -e "$storage/$id/upper/file" ]'
	local frozen
	frozen=$(find "$(unified)" -path "*$id*" -name cgroup.freeze | head -n 1)
	equal "$(cat "$frozen")" 0
	run strace -qq -o /dev/null -e trace=fchownat -e inject=fchownat:signal=INT:when=1 \
		"$FERRY" --root "$root" snapshot create --no-memory "$id" one
	exited 130
	equal "$(cat "$frozen")" 0
	# By itself, too, when nobody could let it go on.
	run strace -qq -o /dev/null -e trace=fchownat -e inject=fchownat:signal=KILL:when=1 \
		"$FERRY" --root "$root" snapshot create --no-memory "$id" one
	failed
	eventually '[ "$(cat "$frozen")" = 0 ]'
	equal "$(ferry snapshot ls -q)" ""
	no_remains
	ferry rm -f "$id"
}

#-- an ordinary user

@test "an ordinary user's container, with files of others" {
	make_user
	give_subids
	cp -a "$bundle/rootfs" "$WORK/home/rootfs"
	chown -R $uid:$uid "$WORK/home/rootfs"
	quietly as_user launch --name "$id" --rootfs "$WORK/home/rootfs:O" -- /bin/sh -c \
		'mkdir /dir; echo one >/dir/file; chown 7:8 /dir/file /dir; rm /etc/group; chmod 700 /dir' || complain
	local dir=$WORK/home/.local/share/ferry/launch/$id
	quietly as_user snapshot create "$id" one || complain
	equal "$(stat -c %u:%g "$dir/snapshots/one/upper/dir/file")" 200006:300007
	rm -r "$dir/upper/dir"
	quietly as_user snapshot rollback "$id/one" || complain
	equal "$(stat -c %u:%g:%a "$dir/upper/dir")" 200006:300007:700
	quietly as_user snapshot rm "$id/one" || complain
	quietly as_user snapshot create "$id" two || complain
	quietly as_user snapshot export -o "$WORK/home/two.tar" "$id/two" || complain
	quietly as_user snapshot import "$id" "$WORK/home/two.tar" three || complain
	equal "$(stat -c %u:%g:%a "$dir/snapshots/three/upper/dir")" 200006:300007:700
	quietly as_user rm "$id" || complain
	[ ! -e "$dir" ]
	# Memory is for root.
	quietly as_user launch -d --name "$id" --network none --rootfs "$WORK/home/rootfs:O" -- /bin/sleep 1000000 || complain
	attempt as_user snapshot create "$id" one
	failed "(--no-memory keeps its files alone)"
	attempt as_user snapshot schedule --memory "$id" @daily
	failed "--memory: criu, by which it is saved, needs this machine's root"
	quietly as_user snapshot schedule "$id" @daily || complain
	quietly as_user rm -f "$id" || complain
}

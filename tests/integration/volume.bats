#!/usr/bin/env bats
# Volumes: directories with names, which containers mount and which outlive them.
load lib
load user

# launch OPTION... -- COMMAND...: of the tests' rootfs, in the foreground, deleted afterwards
launch() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ferry launch --rm --storage "$storage" -e FT_TAG "${options[@]}" --rootfs "$bundle/rootfs:O" -- "$@"
}

detached() { # OPTION... -- COMMAND...
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" --rootfs "$bundle/rootfs:O" -- "$@" ||
		complain launch
}

prepare() {
	storage=$WORK/storage
	mkdir "$storage"
	export XDG_DATA_HOME=$WORK/data FERRY_VOLUME_STORE=$WORK/volumes
	rootfs=$bundle/rootfs
	mkdir -p "$rootfs/data/sub" "$rootfs/empty"
	echo content >"$rootfs/data/file"
	echo deep >"$rootfs/data/sub/deep"
	ln -s file "$rootfs/data/link"
	chown 33:44 "$rootfs/data" "$rootfs/data/sub/deep"
	chmod 4711 "$rootfs/data/sub/deep"
	chmod 751 "$rootfs/data"
	touch -d @1000000000 "$rootfs/data/file"
	chown 33:44 "$rootfs/empty"
}

data() { # NAME
	echo "$FERRY_VOLUME_STORE/$1/_data"
}

@test "launch -v NAME: what is written stays, and is another's to read" {
	run launch -v kept:/mnt -- sh -c 'echo hello >/mnt/f'
	succeeded
	run launch --mount source=kept,target=/other,ro -- sh -c 'cat /other/f; echo x >/other/g'
	failed "Read-only file system"
	has hello
	run ferry volume ls -q
	is kept
	run ferry volume inspect -f .Mountpoint kept
	is "$(data kept)"
}

@test "launch -v NAME: filled by the first from the image, with owners, modes and times" {
	run launch -v new:/data -- sh -c 'cat /data/file /data/sub/deep; stat -c "%u:%g %a" /data /data/sub/deep; stat -c %Y /data/file; readlink /data/link; rm /data/file'
	succeeded
	is $'content\ndeep\n33:44 751\n33:44 4711\n1000000000\nfile'
	[ -e "$rootfs/data/file" ]
	# Once: what is gone stays gone.
	run launch -v new:/data -- ls /data
	is $'link\nsub'
	run launch -v owned:/empty -- stat -c %u:%g /empty
	is 33:44
	run launch -v elsewhere:/not/there -- ls -A /not/there
	succeeded
	is ""
	# Empty still: the next that uses it alone is the first again.
	run launch -v elsewhere:/data -- cat /data/file
	is content
	run ls -A "$FERRY_VOLUME_STORE/new"
	is $'_data\nusers\nvolume.json'
}

@test "launch -v NAME: not filled with nocopy, nor what another uses, nor what has something" {
	run launch -v a:/data:nocopy -- ls -A /data
	is ""
	run launch --mount source=b,dst=/data,volume-nocopy -- ls -A /data
	is ""
	detached -v c:/mnt -- sleep 1000000
	run launch -v c:/data -- ls -A /data
	is ""
	ferry volume create d
	touch "$(data d)/mine"
	run launch -v d:/data -- ls -A /data
	is mine
}

@test "launch -v NAME --userns: what is filled belongs to the container's users" {
	run launch --userns 0:500000:65536 -v u:/data -- sh -c 'stat -c "%u:%g %a" /data /data/sub/deep; touch /data/sub/x'
	succeeded
	is $'33:44 751\n33:44 4711'
	equal "$(stat -c %u:%g "$(data u)" "$(data u)/sub/deep" "$(data u)/sub/x")" $'500033:500044\n500033:500044\n500000:500000'
	run launch --userns 0:500000:65536 -v v:/nowhere -- touch /nowhere/x
	succeeded
	run launch --userns 0:500000:65536 -v m:/data:idmap -- sh -c 'stat -c "%u:%g %a" /data /data/sub/deep'
	succeeded
	is $'33:44 751\n33:44 4711'
	equal "$(stat -c %u:%g "$(data m)" "$(data m)/sub/deep")" $'33:44\n33:44'
}

@test "launch -v ...:U: the container's user gets it" {
	mkdir -p "$WORK/mine/sub"
	touch "$WORK/mine/sub/f"
	ln -s /etc/passwd "$WORK/mine/link"
	run launch -u 33:44 -v "$WORK/mine:/mnt:U" -- sh -c 'echo x >/mnt/sub/f'
	succeeded
	equal "$(stat -c %u:%g "$WORK"/mine{,/sub,/sub/f,/link})" $'33:44\n33:44\n33:44\n33:44'
	equal "$(stat -c %u /etc/passwd)" 0
	run launch -u 33:44 --userns 0:500000:65536 --mount source=vol,dst=/data,U -- sh -c 'echo x >>/data/file'
	succeeded
	equal "$(stat -c %u:%g "$(data vol)/file")" 500033:500044
	run launch -v "$WORK/none:/mnt:U" -- true
	failed "No such file"
	run launch -v a:/mnt -v b:/mnt/ --tmpfs /x -- true
	failed "two mounts on '/mnt'"
	run launch -v a:/mnt --tmpfs //x/./ --mount dst=/x,type=tmpfs -- true
	failed "two mounts on '/x'"
	run launch -v /usr/:/mnt:U -- true
	failed "would give the machine's own files away"
}

@test "volume create, ls, inspect" {
	run ferry volume ls
	is "NAME   CREATED   USED BY"
	run ferry volume create --label a=b -l c data
	is data
	run ferry volume create data
	is data
	run ferry volume create
	matches '^[0-9a-f]{64}$'
	local unnamed=$output
	detached -v data:/mnt -- sleep 1000000
	run ferry volume ls
	matches "data +[^ ].* ago +$id"
	quietly ferry rename "$id" "$id-new"
	run ferry volume inspect -f .UsedBy data
	is "[\"$id-new\"]"
	run ferry volume inspect data
	equal "$(jq -c '.[0] | [.Name, .Driver, .Labels, .Scope, .Anonymous, .Mountpoint]' <<<"$output")" \
		"[\"data\",\"local\",{\"a\":\"b\",\"c\":\"\"},\"local\",false,\"$(data data)\"]"
	run ferry volume ls -q --filter label=a=b
	is data
	run ferry volume ls -q --filter dangling=true
	is "$unnamed"
	run ferry volume ls --format json --filter name=dat
	equal "$(jq -r '.[].Name' <<<"$output")" data
	run ferry inspect -f .Mounts "$id-new"
	equal "$(jq -c '.[] | select(.Type == "volume") | [.Name, .Source, .Destination, .RW]' <<<"$output")" \
		"[\"data\",\"$(data data)\",\"/mnt\",true]"
	quietly ferry rm -f "$id-new"
}

@test "volume rm: never what a container uses" {
	detached -v data:/mnt -- sleep 1000000
	run ferry volume rm data
	failed "the volume \"data\" is used by the container $id: remove that before"
	quietly ferry stop -t 0 "$id"
	run ferry volume rm -f data
	failed "is used by the container $id"
	run ferry volume prune -a
	is "Freed 0B: 0 volumes"
	quietly ferry rm "$id"
	run ferry volume rm data
	is data
	run ls -A "$FERRY_VOLUME_STORE"
	is ""
	run ferry volume rm data
	failed 'no volume "data"'
	run ferry volume rm -f data
	succeeded
}

@test "volume prune: without a name; with --all all that nobody uses" {
	ferry volume create named
	ferry volume create -l keep kept
	run ferry volume create
	local unnamed=$output
	echo x >"$(data "$unnamed")/file"
	run ferry volume prune -n
	has "$unnamed"
	has "Would free 4.00KiB: 1 volume"
	run ferry volume prune -f
	has "Freed 4.00KiB: 1 volume"
	run ferry volume prune --all --filter label!=keep
	has named
	run ferry volume ls -q
	is kept
}

@test "volumes: what is killed leaves nothing" {
	local i pid
	head -c 3000000 /dev/zero >"$rootfs/data/large"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		"$FERRY" --root "$root" launch --rm --storage "$storage" -e FT_TAG -v "v$i:/data" --rootfs "$rootfs:O" -- true \
			>"$WORK/out" 2>&1 3>&- 4>&- &
		pid=$!
		sleep "0.0$i"
		kill -KILL $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
	done
	# Whoever is next finds each empty, or whole.
	eventually '! pgrep -f -- "--root $root launch" >/dev/null'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		run launch -v "v$i:/data" -- sh -c 'cat /data/file; stat -c "%u %s" /data/large /data; ls /data/sub'
		succeeded
		has content
		has "0 3000000"
		has deep
		run ls -A "$FERRY_VOLUME_STORE/v$i"
		is $'_data\nusers\nvolume.json'
	done
	# And a removal that was begun
	mkdir -p "$FERRY_VOLUME_STORE/.gone/_data" "$FERRY_VOLUME_STORE/.new"
	ferry volume create another
	ferry volume prune -a >"$WORK/out"
	run ls -A "$FERRY_VOLUME_STORE"
	is ""
}

@test "volumes: two at once, one of them fills it" {
	local i
	for i in 1 2 3 4; do
		launch -v "both$i:/data" -- cat /data/file >"$WORK/a" 2>&1 3>&- 4>&- &
		launch -v "both$i:/data" -- cat /data/file >"$WORK/b" 2>&1 3>&- 4>&- &
		wait
		equal "$(cat "$WORK/a" "$WORK/b")" $'content\ncontent'
	done
}

@test "volumes: bad names" {
	local name
	for name in ../x .x -x a/b 'a b' "$(printf 'a%.0s' $(seq 300))"; do
		run ferry volume create -- "$name"
		failed "is no name for a volume"
		run launch -v "$name:/mnt" -- true
		failed
	done
	run ferry volume create x
	ferry volume create data
	run ferry volume inspect date
	failed "no volume \"date\": did you mean \"data\"?"
	run ferry volume ls --filter nonsense
	failed "--filter 'nonsense'"
	run ferry volume create --driver nfs y
	failed "volumes are directories of this machine"
}

@test "volumes: a link in the image does not lead out of it" {
	mkdir "$WORK/outside"
	echo secret >"$WORK/outside/file"
	ln -s "$WORK/outside" "$rootfs/way"
	ln -s "../../../../../../..$WORK/outside" "$rootfs/up"
	run launch -v a:/way -- true
	run launch -v b:/up -- true
	run find "$FERRY_VOLUME_STORE" -name file
	is ""
}

@test "volumes: without root" {
	make_user
	give_subids
	chown -R $uid:$uid "$bundle"
	chown 200032:300043 "$rootfs/data/file"
	mkdir "$WORK/home/storage"
	chown $uid "$WORK/home/storage"
	unset FERRY_VOLUME_STORE
	local options=(--root "$WORK/run/state" launch --rm --storage "$WORK/home/storage" -e FT_TAG)
	run as_user "${options[@]}" -v mine:/data --rootfs "$rootfs:O" -- sh -c 'stat -c %u:%g /data/file; touch /data/new; chown 7:7 /data/new'
	succeeded
	is 33:44
	equal "$(stat -c %u:%g "$WORK/home/.local/share/ferry/volumes/mine/_data/"{file,new})" $'200032:300043\n200006:300006'
	run as_user "${options[@]}" -u 5:5 -v mine:/mnt:U --rootfs "$rootfs:O" -- sh -c 'stat -c %u:%g /mnt/file /mnt'
	succeeded
	is $'5:5\n5:5'
	run as_user --root "$WORK/run/state" volume rm mine
	succeeded
	run ls -A "$WORK/home/.local/share/ferry/volumes"
	is ""
}

@test "a launch that fails takes the volumes along that it has made, and no other" {
	run -127 launch -v new:/data -v other:/mnt -- /no/such/program
	run ferry volume ls -q
	is ""
	run launch -v old:/data -- true
	succeeded
	run launch -v old:/data -v new:/mnt -v "$WORK/none:/x" -- true
	exited 125
	run ferry volume ls -q
	is old
	equal "$(cat "$(data old)/file")" content
	detached -v shared:/mnt -- sleep 1000000
	run launch -v shared:/mnt -v new:/data:nocopy --memory 1x -- true
	failed "--memory"
	run launch -v shared:/mnt -v new:/data:nocopy -- /etc
	exited 126
	run ferry volume ls -q
	is $'old\nshared'
	ferry rm -f "$id"
}

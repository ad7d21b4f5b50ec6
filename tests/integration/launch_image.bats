#!/usr/bin/env bats
# launch IMAGE and launch --rootfs: containers of images. Store and storage are the test's own.
load lib

prepare() {
	export FERRY_IMAGE_STORE=$WORK/images
	storage=$WORK/storage
	image=$tag-app
	mkdir "$storage"
}

# make_image CONFIG DIRECTORY...: an image of these layers, the lowest first, named $image; whiteouts as in layer.md
make_image() {
	local layout=$WORK/layout config=$1 layers=() dir file
	shift
	mkdir -p "$layout/blobs/sha256"
	blob() { # FILE: moves it to where its digest says, and prints "DIGEST SIZE"
		local sum
		sum=$(sha256sum <"$1")
		sum=${sum%% *}
		echo "$sum $(stat -c %s "$1")"
		mv "$1" "$layout/blobs/sha256/$sum"
	}
	for dir in "$@"; do
		tar --numeric-owner --owner=0 --group=0 -C "$dir" -cf "$WORK/blob" .
		layers+=("$(blob "$WORK/blob")")
	done
	printf '%s\n' "${layers[@]}" | jq -Rn --argjson config "$config" '{ architecture: "amd64", os: "linux", $config,
		rootfs: { type: "layers", diff_ids: [inputs | "sha256:" + split(" ")[0]] } }' >"$WORK/blob"
	config=$(blob "$WORK/blob")
	printf '%s\n' "$config" "${layers[@]}" | jq -Rn '
		def it(kind): split(" ") | { mediaType: "application/vnd.oci.image.\(kind)",
			digest: "sha256:\(.[0])", size: .[1] | tonumber };
		{ schemaVersion: 2, config: input | it("config.v1+json"), layers: [inputs | it("layer.v1.tar")] }' >"$WORK/blob"
	blob "$WORK/blob" | jq -R 'split(" ") | { schemaVersion: 2, manifests: [{
		mediaType: "application/vnd.oci.image.manifest.v1+json", digest: "sha256:\(.[0])",
		size: .[1] | tonumber }] }' >"$layout/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
	quietly ferry image import "$layout" --name "$image" || complain import
}

# The rootfs of all tests as a single layer.
plain_image() { # [CONFIG]
	make_image "${1:-"{}"}" "$bundle/rootfs"
}

# launch OPTION... -- WORD...: in the foreground, deleted afterwards
launch() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ferry launch --rm --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" "$image" -- "$@"
}

nothing_stored() {
	eventually_empty "$storage"
	eventually_empty "$FERRY_IMAGE_STORE/uses"
}

upper_of() {
	echo "$storage/$id/upper"
}

@test "launch IMAGE runs a command in it and leaves nothing" {
	plain_image
	run launch -- sh -c 'echo $$ $HOSTNAME $HOME; cat /etc/hostname; ls /lib64 2>&1'
	has "1 $id /root"$'\n'"$id"
	has "No such file"
	run launch -- sh -c 'exit 42'
	exited 42
	run launch -- true
	succeeded
	nothing_stored
	run ferry list -q
	is ""
}

@test "launch IMAGE: an image that is not there: near names, and how to get one" {
	plain_image
	run ferry launch --storage "$storage" "${image%?}" -- true
	failed "did you mean \"$image:latest\""
	run ferry launch --storage "$storage" nothing-like-it -- true
	failed "no image \"nothing-like-it\""
	has "ferry image"
	nothing_stored
}

@test "launch IMAGE: what is written stays in the container, not in the image" {
	plain_image
	run launch -- sh -c 'echo changed >/etc/passwd; rm -r /etc/group; echo new >/new; cat /new'
	succeeded
	is new
	run launch -- sh -c 'cat /etc/passwd; ls /etc/group /new'
	has root:x:0:0
	has /etc/group
	has "/new: No such file"
}

@test "launch IMAGE: layers upon each other, whiteouts, opaque directories" {
	local one=$WORK/one two=$WORK/two
	mkdir -p "$bundle/rootfs/d/gone" "$one/d/opaque" "$two/d/opaque"
	echo low >"$bundle/rootfs/d/file"
	echo high >"$one/d/file"
	touch "$one/d/.wh.gone" "$one/d/opaque/below" "$two/d/opaque/.wh..wh..opq" "$two/d/opaque/above"
	make_image '{}' "$bundle/rootfs" "$one" "$two"
	run launch -- sh -c 'cat /d/file; ls /d /d/opaque'
	succeeded
	is $'high\n/d:\nfile\nopaque\n\n/d/opaque:\nabove'
}

@test "launch IMAGE: a hundred layers" {
	local i dirs=("$bundle/rootfs")
	for i in $(seq 99); do
		mkdir "$WORK/layer$i"
		echo "$i" >"$WORK/layer$i/file"
		touch "$WORK/layer$i/file$i"
		dirs+=("$WORK/layer$i")
	done
	make_image '{}' "${dirs[@]}"
	run launch -- sh -c 'cat /file; ls / | grep -c "^file[0-9]"'
	succeeded
	is $'99\n99'
	run launch --userns auto -- cat /file
	succeeded
	is 99
}

@test "launch IMAGE: entrypoint, command, and what takes their place" {
	plain_image '{ "Entrypoint": ["echo", "from"], "Cmd": ["cmd"] }'
	run launch --
	is "from cmd"
	run launch -- words "that follow"
	is "from words that follow"
	run launch --entrypoint /bin/echo -- only
	is only
	run launch --entrypoint id --
	has "uid=0(root)"
	run launch --entrypoint "" -- echo alone
	is alone
	run launch --entrypoint "" --
	failed "does not say what to run"
}

@test "launch IMAGE: environment: defaults, the image, a file, the command line" {
	plain_image '{ "Env": ["PATH=/bin:/opt", "A=image", "B=image", "C=image"] }'
	printf '# comment\n\nB=file\nC=file\n  D=with blanks \nFT_TAG\nNOT_SET_ANYWHERE\n' >"$WORK/env"
	run launch --env-file "$WORK/env" -e C=option -- env
	succeeded
	has PATH=/bin:/opt
	has A=image
	has B=file
	has C=option
	has "D=with blanks "
	has "FT_TAG=$tag"
	has_not NOT_SET_ANYWHERE
	has_not LANG=
	echo "NO NAME=x" >"$WORK/env"
	run launch --env-file "$WORK/env" -- env
	failed "NO NAME=x"
}

@test "launch IMAGE: users are the image's, also where a layer changes them" {
	mkdir -p "$WORK/users/etc"
	printf 'root:x:0:0::/root:/bin/sh\napp:x:50:51::/home/app:/bin/sh\n' >"$WORK/users/etc/passwd"
	printf 'root:x:0:\napp:x:51:\nextra:x:60:app\nmore:x:70:\n' >"$WORK/users/etc/group"
	make_image '{ "User": "app", "WorkingDir": "/made/here" }' "$bundle/rootfs" "$WORK/users"
	run launch -- sh -c 'id; pwd; echo $HOME'
	succeeded
	is $'uid=50(app) gid=51(app) groups=60(extra)\n/made/here\n/home/app'
	run launch -u root --group-add more --group-add 80 -- sh -c 'id; ls -ld /made/here'
	succeeded
	has "groups=70(more),80"
	run launch -u www -- true
	failed "no user 'www'"
	run launch -u app:nogroup -- true
	failed "no group 'nogroup'"
}

@test "launch IMAGE: no link of an image leads to the machine's files" {
	mkdir -p "$WORK/bad/etc"
	ln -s /etc/shadow "$WORK/bad/etc/passwd.target"
	ln -s ../../../../../../../../etc/machine-id "$WORK/bad/etc/up"
	rm "$bundle/rootfs/etc/passwd"
	ln -s "$WORK/outside" "$bundle/rootfs/etc/passwd"
	echo 'evil:x:66:66::/:/bin/sh' >"$WORK/outside"
	make_image '{}' "$bundle/rootfs" "$WORK/bad"
	run launch -u evil -- id
	failed "no user 'evil'"
	run launch -u 66 -- id -u
	is 66
}

@test "launch IMAGE: volumes lie in the container, with what the image has there" {
	mkdir -p "$bundle/rootfs/data"
	echo kept >"$bundle/rootfs/data/file"
	chmod 751 "$bundle/rootfs/data"
	plain_image '{ "Volumes": { "/data": {}, "/var/new/volume": {} } }'
	run launch -v /another -- sh -c 'cat /data/file; ls -d /var/new/volume /another; stat -c %a /data; touch /var/new/volume/x'
	succeeded
	is $'kept\n/another\n/var/new/volume\n751'
}

@test "launch IMAGE: hosts, hostname and resolv.conf are its own" {
	plain_image
	run launch --network none --add-host db:10.1.2.3 --dns 10.9.9.9 --hostname web -- sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf'
	succeeded
	has $'10.1.2.3\tdb'
	has $'127.0.1.1\tweb'
	has $'\nweb\n'
	has "nameserver 10.9.9.9"
	run launch --add-host nonsense -- true
	failed "--add-host 'nonsense'"
	run launch --dns here -- true
	failed "--dns 'here'"
	nothing_stored
}

@test "launch -v: what was shown can be unmounted as soon as the command has ended" {
	plain_image
	mkdir "$WORK/shown"
	for _ in 1 2 3 4 5; do
		mount -t tmpfs none "$WORK/shown"
		run launch -v "$WORK/shown:/a" -- true
		umount "$WORK/shown"
		succeeded
	done
}

@test "launch -v, --mount, --tmpfs" {
	plain_image
	mkdir "$WORK/shown"
	echo seen >"$WORK/shown/file"
	run launch -v "$WORK/shown:/a:ro,z" --mount "type=bind,src=$WORK/shown,dst=/a/b/../b" -- true
	failed "absolute path"
	mkdir "$WORK/shown/b"
	run launch --mount "type=bind,src=$WORK/shown,dst=/x/b,ro" -v "$WORK/shown:/x" -- sh -c 'cat /x/b/file; touch /x/b/n; touch /x/n'
	has "Read-only"
	has seen
	[ -e "$WORK/shown/n" ]
	run launch --tmpfs /t:size=1m,exec --mount type=tmpfs,target=/u,tmpfs-size=64k,tmpfs-mode=700 -- sh -c '
		grep " /[tu] " /proc/mounts; stat -c %a /u'
	succeeded
	has "size=1024k"
	has "size=64k"
	has_not "/t tmpfs rw,nosuid,nodev,noexec"
	is_last=${lines[-1]}
	equal "$is_last" 700
	run launch --mount type=bind,src=/etc,dst=/e,nonsense=1 -- true
	failed "'nonsense=1' makes no sense"
	run launch -v /etc:/e --tmpfs /e -- true
	failed "two mounts on '/e'"
	nothing_stored
}

@test "launch --read-only: the image cannot be written to, volumes and memory can" {
	plain_image
	mkdir "$WORK/shown"
	run launch --read-only -v "$WORK/shown:/v" --tmpfs /t -- sh -c 'touch /v/x /t/x /dev/shm/x && ! touch /x && ! touch /etc/hosts'
	succeeded
	[ -e "$WORK/shown/x" ]
}

@test "launch --cap-add, --cap-drop, --privileged" {
	plain_image
	run launch -- grep CapBnd /proc/self/status
	has 00000000a80425fb
	run launch --cap-drop all --cap-add chown --cap-add CAP_KILL -- grep CapBnd /proc/self/status
	has 0000000000000021
	run launch --cap-add SYS_ADMIN -- sh -c 'mount -t tmpfs none /mnt && grep -c " /mnt " /proc/mounts'
	succeeded
	is 1
	run launch --cap-add NET_ADMNI -- true
	failed "did you mean"
	has CAP_NET_ADMIN
	run launch --privileged -- sh -c 'grep Seccomp: /proc/self/status; ls -l /dev/kmsg; grep -c "^proc /proc/" /proc/mounts'
	has $'Seccomp:\t0'
	has /dev/kmsg
	equal "${lines[-1]}" 0
}

@test "launch --security-opt" {
	plain_image
	run launch -- grep -E 'NoNewPrivs|Seccomp:' /proc/self/status
	is $'NoNewPrivs:\t0\nSeccomp:\t2'
	run launch --security-opt no-new-privileges --security-opt seccomp=unconfined -- grep -E 'NoNewPrivs|Seccomp:' /proc/self/status
	is $'NoNewPrivs:\t1\nSeccomp:\t0'
	run launch --security-opt mask=/etc/group:/home -- sh -c 'wc -c </etc/group; touch /home/x'
	failed Read-only
	has 0
	run launch --security-opt unmask=ALL -- sh -c 'grep -c "^proc /proc/" /proc/mounts'
	is 0
	echo '{ "defaultAction": "SCMP_ACT_ALLOW", "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [] }],
		"syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
		{ "names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "includes": { "minKernel": "99.0" } }] }' >"$WORK/profile"
	run launch --security-opt seccomp="$WORK/profile" -- mkdir /tmp/x
	failed "not implemented"
	run launch --security-opt seccomp="$WORK/profile" --cap-add SYS_ADMIN -- sh -c 'mkdir /tmp/x && rmdir /tmp/x'
	succeeded
	echo '[]' >"$WORK/profile"
	run launch --security-opt seccomp="$WORK/profile" -- true
	failed "no seccomp profile"
	run launch --security-opt nonsense -- true
	failed "--security-opt 'nonsense'"
	nothing_stored
}

@test "launch --device" {
	plain_image
	run launch --device /dev/fuse:/dev/other:rw -- sh -c 'stat -c "%t:%T" /dev/other; ls /dev/fuse'
	has "$(stat -c %t:%T /dev/fuse)"
	has "/dev/fuse: No such file"
	run launch --device /dev/not-there -- true
	failed "/dev/not-there"
	run launch --device /etc/passwd -- true
	failed "not a device"
}

@test "launch --ulimit, --oom-score-adj, --sysctl, --shm-size, --label-file" {
	plain_image
	run launch --ulimit nofile=100:200 --ulimit core=-1 --oom-score-adj 500 --shm-size 1m --sysctl net.ipv4.ip_forward=1 -- sh -c '
		ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward; grep shm /proc/mounts'
	succeeded
	has $'100\n200\nunlimited\n500\n1\n'
	has size=1024k
	run launch --ulimit nofile=2:1 -- true
	failed "--ulimit 'nofile=2:1'"
	run launch --ulimit nofile=100:200 --ulimit NOFILE=50 -- sh -c 'ulimit -n; ulimit -Hn'
	is $'50\n50'
	run launch --ulimit nonsense=1 -- true
	failed "--ulimit 'nonsense=1': unknown limit: there are as, core, cpu"
	run launch --ulimit nofiles=1 -- true
	failed "--ulimit 'nofiles=1': unknown limit: did you mean \"nofile\"?"
	run launch --sysctl kernel.panic=1 -- true
	failed kernel.panic
	nothing_stored
}

@test "launch --pid host, --uts host, --ipc host, --network host" {
	plain_image
	run launch --pid host --uts host --ipc host --network host -- sh -c 'for n in pid uts ipc net mnt; do readlink /proc/self/ns/$n; done; hostname'
	succeeded
	for ns in pid uts ipc net; do
		has "$(readlink /proc/self/ns/$ns)"
	done
	has_not "$(readlink /proc/self/ns/mnt)"
	has "$(hostname)"
	run launch --pid container:x -- true
	failed "--pid 'container:x'"
	nothing_stored
}

@test "launch --userns: other ids outside, the same in the files" {
	plain_image
	run ferry launch --storage "$storage" --name "$id" --userns 0:100000:65536 "$image" -- sh -c '
		cat /proc/self/uid_map; stat -c "%u:%g %n" / /bin/busybox; touch /mine; chown 33:50 /mine; stat -c %u:%g /mine'
	succeeded
	has "0     100000      65536"
	has "0:0 /"
	has "33:50"
	equal "$(stat -c %u:%g "$(upper_of)/mine")" 33:50
	ferry delete "$id"
	nothing_stored
	run launch --userns auto -- id -u
	is 0
	run launch --userns keep-id -- true
	failed "--userns keep-id: it is for ordinary users"
	run launch --userns 0:0 -- true
	failed "--userns '0:0'"
	nothing_stored
}

@test "launch --rootfs: the directory itself, and an overlay of it" {
	run ferry launch --rm --storage "$storage" --rootfs "$bundle/rootfs:O" -- sh -c 'touch /new; cat /etc/hostname'
	succeeded
	[ ! -e "$bundle/rootfs/new" ]
	run ferry launch --rm --storage "$storage" --name "$id" -u www --rootfs "$bundle/rootfs" -- sh -c 'id -un; cat /etc/hostname'
	succeeded
	is $'www\n'"$id"
	run ferry launch --rm --storage "$storage" --rootfs "$bundle/rootfs" -- touch /new
	succeeded
	[ -e "$bundle/rootfs/new" ]
	run ferry launch --rm --storage "$storage" --userns auto --rootfs "$bundle/rootfs" -- true
	failed ":O' for an overlay"
	run ferry launch --rm --storage "$storage" --rootfs "$WORK/not-there" -- true
	failed "--rootfs"
	nothing_stored
}

@test "launch IMAGE: an image that a container was launched from can be pruned away only after it" {
	plain_image
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" "$image" -- sleep 1000000
	echo "$id" >>"$WORK/made"
	run ferry exec "$id" cat /etc/hostname
	is "$id"
	run ferry delete --force "$id"
	succeeded
	nothing_stored
}

@test "launch IMAGE needs neither libarchive nor libcurl" {
	plain_image
	command -v strace >/dev/null || skip "strace is not installed"
	run env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=execve,openat -o "$WORK/trace" "$FERRY" --root "$root" launch --rm --storage "$storage" "$image" -- true
	succeeded
	run grep -E 'libarchive|libcurl|ferry-layer|ferry-registry' "$WORK/trace"
	failed
}

@test "launch --restart: started again with its root and what it wrote" {
	plain_image
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --restart on-failure:2 --storage "$storage" -e FT_TAG --name "$id" "$image" -- sh -c '
		echo x >>/count; cat /count | wc -l; exit 3' || complain launch
	eventually '[ "$(cut -d" " -f4 "$storage/$id/log" | tr "\n" " ")" = "1 2 3 " ]'
	eventually 'ferry inspect "$id" | grep -q exited'
	equal "$(cat "$(upper_of)/count" | wc -l)" 3
	for bad in sometimes on-failure:x always:3; do
		run launch --restart "$bad" -- true
		failed "--restart '$bad'"
	done
	run ferry launch --rm --storage "$storage" --restart always "$image" -- true
	failed "--rm and --restart contradict each other"
}

@test "launch --restart: a start that fails leaves what the container wrote" {
	mkdir -p "$bundle/rootfs/data"
	plain_image
	mkdir "$WORK/shown"
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --restart on-failure:1 --storage "$storage" -e FT_TAG --name "$id" -v "$WORK/shown:/v" "$image" -- sh -c '
		echo kept >/data/file; until [ -e /v/go ]; do sleep 0.05; done; exit 1' || complain launch
	mv "$WORK/shown" "$WORK/gone"
	touch "$WORK/gone/go"
	eventually 'grep -q "no such file" "$storage/$id/status.json"'
	equal "$(cat "$(upper_of)/data/file")" kept
	ferry rm "$id"
}

@test "launch: health, stop signal and log options reach the container's supervisor" {
	plain_image '{ "StopSignal": "SIGQUIT", "Healthcheck": { "Test": ["CMD-SHELL", "test -e /ok"], "Interval": 1000000000 } }'
	echo "$id" >>"$WORK/made"
	quietly ferry launch -d --storage "$storage" -e FT_TAG --name "$id" --health-retries 1 --health-interval 100ms \
		--stop-timeout 3 --log-opt max-size=1k --log-opt max-file=2 "$image" -- sleep 1000000 || complain launch
	run jq -c '[.stopSignal, .stopTimeoutMs, .logMaxBytes, .logFiles, .health.intervalMs, .health.retries]' "$storage/$id/launch.json"
	is '[3,3000,1024,2,100,1]'
	eventually 'grep -q unhealthy "$storage/$id/status.json"'
	ferry exec "$id" touch /ok
	eventually 'grep -q "\"healthy" "$storage/$id/status.json"'
	id+=-2
	run launch --health-interval soon -- true
	failed "--health-interval"
	run launch --no-healthcheck --health-cmd true -- true
	failed "--no-healthcheck"
	run launch --stop-signal NOSIGNAL -- true
	failed "--stop-signal"
	run launch --log-opt max-file=0 -- true
	failed "--log-opt 'max-file=0'"
}

@test "launch IMAGE without root: its own store, root in it, files of its own" {
	local home=$WORK/home
	mkdir "$home"
	cp "$FERRY" "$WORK/ferry"
	tar -C "$bundle/rootfs" -cf "$home/rootfs.tar" .
	chown -R 65534:65534 "$home"
	unprivileged() {
		timeout 300 setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$home" XDG_DATA_HOME= FERRY_IMAGE_STORE= \
			"$WORK/ferry" --root "$home/state" "$@"
	}
	run unprivileged image import "$home/rootfs.tar" --name "$image"
	succeeded
	run unprivileged launch --rm --network none --name "$id" -e FT_TAG="$tag" "$image" -- sh -c 'id -u; echo x >/etc/passwd; cat /etc/hostname; cat /etc/passwd'
	succeeded
	is $'0\n'"$id"$'\nx'
	run unprivileged launch --rm --network none -e FT_TAG="$tag" "$image" -- cat /etc/passwd
	has root:x:0
	run unprivileged launch --rm --network none -e FT_TAG="$tag" --userns 0:1:2 "$image" -- true
	failed subuid
	eventually_empty "$home/.local/share/ferry/launch"
}

#!/usr/bin/env bats
# An ordinary user's images: with ids of /etc/subuid their files have the owners that the archive says, without they are
# all the user's own. Whatever commands leave can be removed by commands.
load lib
load user

prepare() {
	make_user
	mkdir -p "$WORK/own/bin" "$WORK/own/etc" "$WORK/own/closed/deep"
	cp /bin/busybox "$WORK/own/bin"
	for name in sh cat ls rm stat; do
		ln -s busybox "$WORK/own/bin/$name"
	done
	echo root:x:0:0::/:/bin/sh >"$WORK/own/etc/passwd"
	echo content >"$WORK/own/closed/deep/file"
	: >"$WORK/own/etc/.wh.gone"
	mknod "$WORK/own/null" c 1 3
	chown -R 5:6 "$WORK/own/closed"
	chmod 700 "$WORK/own/closed/deep" "$WORK/own/closed"
	tar -C "$WORK/own" -cf "$WORK/own.tar" .
	chmod 644 "$WORK/own.tar"
	store=$WORK/home/.local/share/ferry/images
}

launch() {
	as_user --cgroup-manager disabled launch -e FT_TAG "$@"
}

nothing_stored() {
	equal "$(find "$store" -mindepth 2 -not -path '*/sha256')" ""
}

# All that one can do with an image. $1: how the owner of /closed is seen inside.
use_image() {
	run as_user image import "$WORK/own.tar"
	succeeded
	run as_user image verify -q
	succeeded
	is ""
	run launch --rm own sh -c 'stat -c %u:%g /closed/deep; cat /closed/deep/file; ls /etc'
	succeeded
	has "$1"$'\ncontent'
	has_not gone
	echo "$id" >>"$WORK/made"
	quietly launch --name "$id" own sh -c 'echo new >/closed/deep/new; rm /closed/deep/file' || complain launch
	run as_user image build-from "$id" built
	succeeded
	run as_user image verify -q built
	succeeded
	quietly as_user rm "$id" || complain rm
	run launch --rm built ls /closed/deep
	is new
	run as_user image export -o "$WORK/home/out.tar" built
	succeeded
	run as_user image rm own built
	succeeded
	nothing_stored
	run as_user image import "$WORK/home/out.tar"
	succeeded
	run as_user image prune --all
	succeeded
	nothing_stored
}

@test "images with subordinate ids" {
	give_subids
	run as_user image import "$WORK/own.tar"
	succeeded
	equal "$(stat -c %u:%g "$store"/layers/*/closed/deep/file)" 200004:300005
	use_image 5:6
}

@test "images without subordinate ids" {
	use_image 0:0
}

@test "a killed import of a user is removed by the next command" {
	give_subids
	local delay
	head -c 5000000 /dev/urandom >"$WORK/own/closed/big"
	tar -C "$WORK/own" -cf "$WORK/own.tar" .
	for delay in 0.02 0.04 0.06 0.08 0.1; do
		(as_user image import -q "$WORK/own.tar" >/dev/null 2>&1 3>&- 4>&- &
		sleep "$delay"
		local left
		left=$(processes_left)
		kill -KILL $(awk '/runtime image import/ { print $2 }' <<<"$left") 2>/dev/null || :
		wait)
		eventually 'no_process "runtime|ferry-layer"'
		run as_user image rm nothing
		equal "$(find "$store/ingest" -mindepth 1 2>/dev/null)" ""
	done
}

@test "a user is bound by the policy of the host" {
	local policy='{ "default": "accept", "images": { "bad": "reject" } }'
	give_subids
	export WORK uid
	export -f as_user
	run under_policy "$policy" bash -c 'as_user "$@"' as_user image import --name bad "$WORK/own.tar"
	failed "image 'bad:latest' is refused by"
	nothing_stored
	run under_policy "$policy" bash -c 'as_user "$@"' as_user image import --name good "$WORK/own.tar"
	succeeded
}

@test "launch --userns keep-id: who he is outside, and an image's users who they are" {
	give_subids
	run as_user image import "$WORK/own.tar"
	succeeded
	mkdir "$WORK/home/mine"
	chown $uid:$uid "$WORK/home/mine"
	run launch --rm --userns keep-id -v "$WORK/home/mine:/mine" own sh -c 'stat -c %u:%g /closed /etc /mine /proc/self/; : >/mine/f; : >/new'
	succeeded
	is $'5:6\n'$uid:$uid$'\n'$uid:$uid$'\n'$uid:$uid
	equal "$(stat -c %u:%g "$WORK/home/mine/f")" $uid:$uid
	run launch --rm --userns keep-id -u 0 -v "$WORK/home/mine:/mine" own sh -c 'cat /closed/deep/file; : >/mine/root; : >/etc/root; rm /closed/deep/file'
	succeeded
	is content
	equal "$(stat -c %u:%g "$WORK/home/mine/root")" $((200000 + uid - 1)):$((300000 + uid - 1))
	run launch -d --name "$id" --userns keep-id -v data:/closed own busybox sleep 1000000
	succeeded
	run as_user exec "$id" stat -c %u:%g /closed /proc/self/
	is $'5:6\n'$uid:$uid
	run as_user rm -f "$id"
	succeeded
	run as_user volume rm data
	succeeded
	rm -f "$WORK/home/mine/root"
}

@test "launch that fails: the volume that it has filled goes again, whoever the files belong to" {
	give_subids
	run as_user image import "$WORK/own.tar"
	succeeded
	run -127 launch --rm -v data:/closed own /no/such
	run as_user volume ls -q
	is ""
	equal "$(ls -A "$WORK/home/.local/share/ferry/volumes")" ""
	run launch --rm -v data:/closed own cat /closed/deep/file
	is content
	# It is closed to him outside, and not empty.
	run -127 launch --rm -v data:/closed own /no/such
	run launch --rm -v data:/closed own cat /closed/deep/file
	is content
	run as_user volume rm data
	is data
}

@test "launch --userns keep-id without ids, and for root" {
	run as_user image import "$WORK/own.tar"
	succeeded
	run launch --rm --userns keep-id own true
	failed "a range each for user $uid in /etc/subuid and /etc/subgid"
	run ferry launch --rm --storage "$WORK/storage" --userns keep-id --rootfs "$WORK/own:O" -- true
	failed "it is for ordinary users"
}

@test "launch, where /etc is not his to read: he is alone, and it works" {
	give_subids
	# shellcheck disable=SC2016
	as_closed() { # COMMAND...: as as_user, but with such an /etc
		export WORK uid
		export -f as_user
		unshare --mount --propagation private bash -c '
			mount -t tmpfs none /mnt && cp -a /etc /mnt/etc && mount --bind /mnt/etc /etc && chmod 700 /etc && as_user "$@"' bash "$@"
	}
	run as_closed image import "$WORK/own.tar"
	failed "which images may be had is said in '/etc/ferry/policy.json', which you may not read"
	run as_user image import "$WORK/own.tar"
	succeeded
	run as_closed --cgroup-manager disabled launch --rm -e FT_TAG own sh -c 'stat -c %u:%g /etc; ls /etc'
	succeeded
	has "without them there is but one user"
	has "'/etc/resolv.conf' cannot be read"
	has 0:0
	run as_closed --cgroup-manager disabled launch --rm -e FT_TAG host ls -A /etc
	succeeded
	has hostname
	has_not passwd
}

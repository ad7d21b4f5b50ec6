# An ordinary user, who exists only in these tests' own view of /etc. To be loaded after lib.
#
#   make_user           his home, and copies of the files of /etc that know him; no entries in /etc/subuid
#   give_subids         a range of 65536 ids each: 200000 of users, 300000 of groups
#   as_user COMMAND...  ferry with the arguments, as the user; pasta is not installed, but for a test's own in $PATH
uid=54321

make_user() {
	cp "$FERRY" "$WORK/runtime"
	mkdir "$WORK/home" "$WORK/run"
	chown -R $uid:$uid "$WORK/home" "$WORK/run" "$WORK/tmp"
	chmod 700 "$WORK/run"
	(umask 022
	{ cat /etc/passwd; echo "ftuser:x:$uid:$uid::$WORK/home:/bin/sh"; } >"$WORK/passwd"
	{ cat /etc/group; echo "ftuser:x:$uid:"; } >"$WORK/group"
	: >"$WORK/subuid"
	: >"$WORK/subgid")
}

give_subids() {
	command -v newuidmap >/dev/null || skip "newuidmap is not installed"
	echo "ftuser:200000:65536" >"$WORK/subuid"
	echo "ftuser:300000:65536" >"$WORK/subgid"
}

# In a mount namespace where /etc knows the user, as the user: the runtime with its arguments.
as_user() {
	# shellcheck disable=SC2016
	timeout --foreground --kill-after=5 300 unshare --mount --propagation private sh -e -c '
		work=$1
		shift
		for f in passwd group subuid subgid; do
			[ -e "/etc/$f" ] || : >"/etc/$f"
			mount --bind "$work/$f" "/etc/$f"
		done
		[ ! -e /usr/bin/pasta ] || mount --bind /dev/null /usr/bin/pasta
		exec setpriv --reuid='$uid' --regid='$uid' --clear-groups --inh-caps=-all env -i PATH="$PATH" FT_TAG="$FT_TAG" \
			HOME="$work/home" XDG_RUNTIME_DIR="$work/run" "$work/runtime" "$@"' \
		sh "$WORK" "$@"
}

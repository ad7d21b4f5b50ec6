# For tests of networks: each has a machine of its own, that is a network namespace and a mount namespace with an empty
# /run and /var/lib, and ferry runs there. Loaded after lib.
#
#   there COMMAND...     runs it in the machine
#   nothing_attached     no link, lease, name, port or record is left of any container ("parent" is a test's own link)
#
# Variables: $machine (the pid of a process that is in it). A file's own prepare calls make_machine.

make_machine() {
	# shellcheck disable=SC2016
	unshare --mount --net sh -e -c '
		mount -t tmpfs none /run
		mount -t tmpfs none /var/lib
		mkdir /run/ferry /run/netns /var/lib/ferry
		ip link set lo up
		: >"$1"
		exec sleep infinity' sh "$WORK/machine" >/dev/null 2>&1 3>&- 4>&- &
	machine=$!
	disown
	eventually '[ -e "$WORK/machine" ]'
}

prepare() {
	make_machine
}

there() {
	nsenter --target "$machine" --mount --net --wdns="$PWD" -- "$@"
}

ferry() {
	timeout --foreground --kill-after=2 "${FERRY_TIMEOUT_S:-300}" \
		nsenter --target "$machine" --mount --net --wdns="$PWD" -- "$FERRY" --root "$root" "$@"
}

# What others may want is given back at once; links, and a network that nobody is in any more, go a moment later.
nothing_attached() {
	local left
	left=$(given)
	[ -z "$left" ] || { printf 'left of networks:\n%s\n' "$left"; return 1; }
	eventually '[ -z "$(remains)" ]' || { remains; return 1; }
}

given() {
	there bash -c 'cd /run/ferry/.networks 2>/dev/null || exit 0
		find endpoints ports networks/*/{attached,leases,names,pointers} -mindepth 1 2>/dev/null' || :
}

remains() {
	there sh -c 'find /run/ferry/.networks/leaving -mindepth 1 2>/dev/null
		ip -o link | awk "\$2 !~ /^(lo|parent):/ { print \"link \" \$2 }"'
}

# Containers go before the machine that they are in.
teardown() {
	local name
	while read -r name; do
		quietly ferry delete --force "$name" || :
	done <"$WORK/made"
	: >"$WORK/made"
	[ -z "${machine-}" ] || kill -KILL "$machine" || :
	after_test
}

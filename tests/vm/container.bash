# For tests of one container "c" whose cgroup is looked at. The file that loads this sets $cgroups_path and, for the
# driver, $driver, an array of global options; and defines finish, which removes the container.
load machine

setup_file() {
	make_rootfs /var/tmp/rootfs
	if declare -F prepare >/dev/null; then
		prepare
	fi
	make_bundle
	start
	finish
	baseline
}

setup() { make_bundle; }

teardown() {
	finish
	clean
}

make_bundle() {
	root=$BATS_FILE_TMPDIR/state
	bundle=$BATS_FILE_TMPDIR/bundle
	rm -rf "$bundle"
	mkdir -p "$bundle"
	(cd "$bundle" && "$runtime" spec)
	config '.root.path = "/var/tmp/rootfs" | .process.terminal = false | .process.args = ["sleep", "1000"]
		| .linux.cgroupsPath = $path | del(.linux.resources)' --arg path "$cgroups_path"
}

config() {
	jq "$@" "$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"
}

r() { "$runtime" --root "$root" "${driver[@]}" "$@"; }

# start [RESOURCES]: a detached container with these linux.resources
start() {
	[ $# = 0 ] || config ".linux.resources = ${1}"
	r run -d -b "$bundle" c >"$BATS_FILE_TMPDIR/out" 2>&1 </dev/null || { cat "$BATS_FILE_TMPDIR/out"; return 1; }
	cgroup=$unified$(cut -d: -f3 "/proc/$(r state c | jq .pid)/cgroup" 2>/dev/null || true)
	cgroup=${cgroup%/container}	# where crun puts the processes of a scope
}

# value FILE: the words of a file of the container's cgroup
value() { xargs <"$cgroup/$1"; }

# What the tests inside the machine stand on. They run as root in a throwaway system that nobody else uses.
#
#   RUNTIME=ferry        the runtime under test; crun and runc (moved out of PATH) show what a test expects of its peers
#
#   $runtime             its path
#   make_rootfs DIR      a root file system with busybox; make_image FILE.tar the same as an archive
#   configure_podman     makes $runtime the only one that podman and buildah know
#   baseline             remembers what there is; clean fails when there is more after a test
#   eventually COMMAND   tries until it is true; pty COMMAND... runs with a terminal; as USER COMMAND... in a session
#
# A machine may be emulated, on a host that has other things to do, and then is a hundred times slower than another one: what is
# awaited gets minutes, and no test knows how long anything takes.
bats_require_minimum_version 1.5.0
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-900}
RUNTIME=${RUNTIME:-ferry}
case $RUNTIME in
ferry) runtime=/usr/local/bin/ferry ;;
*) runtime=/opt/reference/$RUNTIME ;;
esac
unified=/sys/fs/cgroup

make_rootfs() {
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,etc,root,home,mnt,var,run,usr}
	chmod 755 "$1"
	chmod 1777 "$1/tmp"
	cp /bin/busybox "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s /bin
	ln -sfn ../bin "$1/usr/bin"
	printf 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/var:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nwww:x:33:\nadm:x:4:www\n' >"$1/etc/group"
	echo text >"$1/etc/plain"	# present, and cannot be executed
}

make_image() {
	local tree
	[ ! -e "$1" ] || return 0
	tree=$(mktemp -d)
	make_rootfs "$tree"
	tar -C "$tree" -cf "$1.tmp" .
	chmod 644 "$1.tmp"
	mv "$1.tmp" "$1"
	rm -rf "$tree"
}

configure_podman() {
	mkdir -p /etc/containers
	cat >/etc/containers/containers.conf <<-EOF
		[containers]
		netns = "none"
		log_driver = "k8s-file"
		[engine]
		runtime = "$RUNTIME"
		events_logger = "file"
		runtime_supports_json = ["$RUNTIME"]
		runtime_supports_nocgroup = ["$RUNTIME"]
		runtime_supports_nocgroup = ["$RUNTIME"]
		[engine.runtimes]
		$RUNTIME = ["$runtime"]
	EOF
	grep -q ^containers: /etc/subuid || {
		echo containers:1000000:1048576 >>/etc/subuid
		echo containers:1000000:1048576 >>/etc/subgid
	}
}

# No engine can fall back on another runtime: none is in PATH.
no_other_runtime() {
	local other
	for other in crun runc youki kata-runtime runsc; do
		[ "$(realpath "$(command -v $other)" 2>/dev/null)" = "$runtime" ] || ! command -v $other || return 1
	done
}

# Everything that a container may leave behind. Services, slices and the pauses that engines keep are systemd's or theirs.
residue() {
	awk '{ print "mount", $5 }' /proc/self/mountinfo
	find $unified -mindepth 1 -type d ! -name '*.service' ! -name '*.mount' ! -name '*.slice' ! -name '*.socket' \
		! -name '*.swap' ! -name init.scope ! -name 'podman-pause*.scope' ! -name libpod_parent -printf 'cgroup %P\n' || true
	find /run/$RUNTIME /run/user/*/$RUNTIME /run/containerd/runc /run/docker/runtime-$RUNTIME \
		/run/user/*/docker/runtime-$RUNTIME -mindepth 1 -maxdepth 2 ! -path '*/.cache*' ! -path '*/.networks*' \
		-printf 'state %p\n' || true
	find /run/$RUNTIME/.networks \( -type l ! -path '*/settings/*' -o -path '*/leaving/*' \) -printf 'network %P\n' || true
	ip -o link | awk -F': ' '{ sub(/@.*/, "", $2); print "link", $2 }'
	{ ls /run/netns || true; } | sed 's/^/netns /'
	{ cat /proc/[0-9]*/comm || true; } | awk -v runtime="$RUNTIME" '$1 == runtime || /^conmon/ || /^containerd-shim/ { print "process", $0 }'
} 2>/dev/null

baseline() { residue | sort >"$BATS_FILE_TMPDIR/baseline"; }

clean() {
	local end=$((SECONDS + 60))
	while :; do
		residue | sort >"$BATS_FILE_TMPDIR/now"
		comm -13 "$BATS_FILE_TMPDIR/baseline" "$BATS_FILE_TMPDIR/now" >"$BATS_FILE_TMPDIR/left"
		[ -s "$BATS_FILE_TMPDIR/left" ] || return 0
		[ $SECONDS -lt $end ] || break
		sleep 0.25
	done
	echo "left behind:"
	cat "$BATS_FILE_TMPDIR/left"
	baseline	# the next test is not to blame
	return 1
}

eventually() {
	local end=$((SECONDS + 180))
	while :; do
		"$@" && return 0
		[ $SECONDS -lt $end ] || break
		sleep 0.1
	done
	echo "never came true: $*"
	return 1
}

pty() {
	local line
	printf -v line '%q ' "$@"
	TERM=xterm with_silent_input script -qec "$line" /dev/null | plain_text
}

# Standard input that says nothing and does not end. script would pass its end on as ^D, which the terminal shows, and on
# which podman may hang up before all output has come.
with_silent_input() { # COMMAND...
	local silent status=0
	[ -p "$BATS_TEST_TMPDIR/silent" ] || mkfifo "$BATS_TEST_TMPDIR/silent"
	exec {silent}<>"$BATS_TEST_TMPDIR/silent"
	"$@" <&"$silent" || status=$?
	exec {silent}<&-
	return "$status"
}

plain_text() { tr -d '\r\b' | sed 's/\^[@D]//g; /^$/d'; }

# A command in USER's own systemd session, from USER's home.
as() {
	local user=$1
	shift
	systemd-run --quiet --user -M "$user@" --pipe --wait --collect --expand-environment=no -p KillMode=process --working-directory="/home/$user" -- \
		env PATH="$PATH" HOME="/home/$user" "$@"
}

start_session() {
	loginctl enable-linger "$1"
	eventually test -S "/run/user/$(id -u "$1")/bus"
}

# same EXPECTED ACTUAL
same() {
	[ "$1" = "$2" ] || { printf 'expected: %s\nactual:   %s\n' "$1" "$2"; return 1; }
}

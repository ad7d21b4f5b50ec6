#!/usr/bin/env bats
# checkpoint and restore by the real CRIU, of ferry's own bundles.
load machine

export BATS_TEST_TIMEOUT=$((900 + ${ROUNDS:-100} * 20))
counter='i=0; while :; do i=$((i + 1)); echo "round $i" >/out/new; mv /out/new /out/rounds; sleep 0.05; done'

setup_file() {
	make_rootfs /var/tmp/rootfs
	ip netns add rounds
	baseline
}

teardown_file() {
	ip netns del rounds
}

setup() {
	work=$BATS_TEST_TMPDIR
	bundle=$work/bundle
	image=$work/image
	mkdir -p "$bundle"
	(cd "$bundle" && "$runtime" spec)
	config '.root = { path: "/var/tmp/rootfs", readonly: false } | .process.terminal = false | .linux.cgroupsPath = "/checkpoint"
		| .linux.namespaces += [{ type: "cgroup" }] | .linux.namespaces |= unique
		| .mounts += [("/usr", "/lib", "/lib64") | { destination: ., type: "bind", source: ., options: ["bind", "ro"] }]
		| .mounts += [{ destination: "/out", type: "bind", source: $work, options: ["bind"] }]' --arg work "$work"
}

teardown() {
	local c
	for c in $(r list -q); do
		r delete -f "$c"
	done
	clean
}

config() {
	jq "$@" <"$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"
}

args() { config '.process.args = $ARGS.positional' --args -- "$@"; }

r() { "$runtime" --root "$BATS_FILE_TMPDIR/state" "$@"; }

start() { # ID [GLOBAL OPTION...]
	r "${@:2}" run -d -b "$bundle" "$1" >"$work/stdout" 2>&1 </dev/null || { cat "$work/stdout"; return 1; }
}

# Says the log's errors when it fails.
checkpoint() {
	r checkpoint --image-path "$image" "$@" && return
	grep -E 'Error|Warn' "$image/dump.log"
	return 1
}

restore() {
	r restore -d --image-path "$image" -b "$bundle" "$@" >>"$work/stdout" 2>&1 </dev/null && return
	cat "$work/stdout"
	grep -E 'Error|Warn' "$image/restore.log"
	return 1
}

round() {
	local n=0
	read -r _ n 2>/dev/null <"$work/rounds" || :
	echo "$n"
}

# The program goes on, and nothing of it was lost.
goes_on() {
	local was
	was=$(round)
	eventually eval "[ \$(round) -gt $((was + 1)) ]" || return 1
	[ ! -e "$work/rounds.bad" ] || { cat "$work/rounds.bad"; return 1; }
}

start_everything() { # [MIB]
	args /usr/bin/python3 /out/everything.py /out/rounds "$@"
	cp "$BATS_TEST_DIRNAME/everything.py" "$work"
	start c
	eventually eval '[ "$(round)" -gt 2 ]' || { cat "$work/stdout"; return 1; }
}

# Kills when the log has the text: see kill_at.py.
kill_at() { # WHOM LOG TEXT COMMAND...
	echo "$1 at '$3'"
	rm -f "$2"
	python3 "$BATS_TEST_DIRNAME/kill_at.py" "${@:1:3}" "$runtime" --root "$BATS_FILE_TMPDIR/state" "${@:4}" >"$work/killed" 2>&1 </dev/null ||
		{ cat "$work/killed"; return 1; }
}

# Nobody can tell that there was a checkpoint: neither the program, nor CRIU the next time.
is_untouched() {
	goes_on || { tail -5 "$work/stdout"; grep -E 'Error|Warn' "$image/dump.log"; tail -3 "$image/dump.log"; return 1; }
	run ! nsenter -t "$(r state c | jq .pid)" -n sh -c 'nft list tables | grep CRIU || iptables-save | grep CRIU'
	[ ! -e "$image/descriptors.json" ]
	image=$work/again checkpoint --tcp-established --leave-running c
	goes_on
	rm -r "$work/again"
}

# What it does of SIGTRAP: "ignored caught", a bit that is 16 each.
traps() {
	awk '/^Sig(Ign|Cgt):/ { print $2 }' "/proc/$(r state "$1" | jq .pid)/status" | while read -r bits; do echo $((0x$bits & 16)); done | xargs
}

@test "a counter goes on where it was, again and again, under other names" {
	args sh -c "trap '' TRAP; $counter"
	start c0
	local i was
	goes_on
	checkpoint --leave-running c0
	same "16 0" "$(traps c0)"
	rm -r "$image"
	for i in 1 2 3; do
		goes_on
		checkpoint "c$((i - 1))"
		run ! r state "c$((i - 1))"
		was=$(round)
		sleep 0.3
		same "$was" "$(round)"
		restore "c$i"
		goes_on
		[ "$(round)" -ge "$was" ]
		same running "$(r state "c$i" | jq -r .status)"
	done
	same "0::/" "$(r exec c3 cat /proc/self/cgroup)"
	same "0::/checkpoint" "$(cat "/proc/$(r state c3 | jq .pid)/cgroup")"
	r exec c3 sh -c 'echo 1000 >/proc/self/oom_score_adj; ls /sys/fs/cgroup/cgroup.procs'
	same "0 0" "$(traps c3)" # CRIU forgets that it was ignored
}

@test "threads, children, pipes, unix and TCP sockets, shared memory, a deleted file, a timer" {
	start_everything
	# Without the option nothing is lost either.
	run ! checkpoint c
	[[ $output == *--tcp-established* ]]
	goes_on
	checkpoint --tcp-established --leave-running c
	goes_on
	image=$work/second
	checkpoint --tcp-established c
	restore --tcp-established d
	goes_on
}

@test "a unix socket whose other end is outside, and a deleted file that is too large, are named before anything is frozen" {
	cat >"$work/outside.py" <<-'EOF2'
		import os, socket, sys, time
		s = socket.socket(socket.AF_UNIX)
		if sys.argv[1] == "listen":
		    s.bind("/out/socket" if os.path.isdir("/out") else sys.argv[2])
		    s.listen(1)
		    accepted = s.accept()
		    time.sleep(1000)
		s.connect("/out/socket")
		big = open("/tmp/big", "wb")
		big.write(bytes(2 << 20))
		big.flush()
		os.unlink("/tmp/big")
		n = 0
		while True:
		    n += 1
		    with open("/out/new", "w") as f:
		        f.write("round %d\n" % n)
		    os.rename("/out/new", "/out/rounds")
		    time.sleep(0.1)
	EOF2
	python3 "$work/outside.py" listen "$work/socket" 3>&- &
	local outside=$!
	eventually test -S "$work/socket"
	args /usr/bin/python3 /out/outside.py connect
	start c
	eventually eval '[ "$(round)" -gt 2 ]' || { cat "$work/stdout"; return 1; }
	run ! checkpoint c
	[[ $output == *"'/tmp/big (deleted)' of 2048 KiB"* ]]
	[ ! -e "$image/dump.log" ]
	run ! r check c
	[[ $output == *"unix-socket: "*"connected to a process outside"* ]]
	goes_on
	kill $outside
}

@test "what a unix socket has sent before it is accepted is named; a process in vfork(2) is waited for" {
	cat >"$work/waits.py" <<-'EOF2'
		import os, socket, time
		listening, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
		listening.bind("/tmp/socket")
		listening.listen(1)
		client.connect("/tmp/socket")
		client.sendall(b"word")
		accepted = None
		# What is executed opens a fifo first, which this one lets it do late.
		os.mkfifo("/tmp/fifo")
		if os.fork() == 0:
		    while True:
		        time.sleep(0.2)
		        open("/tmp/fifo", "w").close()
		n = 0
		while True:
		    pid = os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/tmp/fifo", os.O_RDONLY, 0)])
		    os.waitpid(pid, 0)
		    if os.path.exists("/out/go") and not accepted:
		        accepted = listening.accept()[0]
		        print(accepted.recv(10), flush=True)
		    n += 1
		    with open("/out/new", "w") as f:
		        f.write("round %d\n" % n)
		    os.rename("/out/new", "/out/rounds")
	EOF2
	args /usr/bin/python3 /out/waits.py
	start c
	eventually eval '[ "$(round)" -gt 2 ]' || { cat "$work/stdout"; return 1; }
	run ! checkpoint c
	[[ $output == *"has sent data by a unix socket"*"not accepted"* ]]
	[ ! -e "$image/dump.log" ]
	touch "$work/go"
	eventually grep -q word "$work/stdout"
	checkpoint c
	restore d
	goes_on
}

# For each file system in memory, and for the rules of a network of its own, CRIU runs programs, which take half of the time.
@test "a hundred rounds of all that lose nothing" {
	ip -n rounds link set lo up
	config '(.linux.namespaces[] | select(.type == "network")).path = "/run/netns/rounds"
		| del(.linux.maskedPaths) | .mounts |= map(select(.destination != "/dev/shm"))'
	start_everything 1
	local i n was
	for ((i = 0; i < ${ROUNDS:-100}; i++)); do
		checkpoint --tcp-established c
		restore --tcp-established c
		read -r _ was <"$work/rounds"
		until read -r _ n <"$work/rounds" && [ "$n" -gt "$was" ] || [ -e "$work/rounds.bad" ]; do
			sleep 0.02
		done
		[ ! -e "$work/rounds.bad" ] || { cat "$work/rounds.bad"; return 1; }
		rm -rf "$image"
	done
}

@test "with systemd's cgroups, and with limits" {
	config '.linux.cgroupsPath = "system.slice:ferry:checkpoint" | .linux.resources.memory.limit = 268435456'
	args sh -c "$counter"
	start c --systemd-cgroup
	goes_on
	checkpoint c
	r --systemd-cgroup restore -d --image-path "$image" -b "$bundle" d >>"$work/stdout" 2>&1 </dev/null
	goes_on
	same "0::/system.slice/ferry-checkpoint.scope" "$(cat "/proc/$(r state d | jq .pid)/cgroup")"
	same 268435456 "$(cat /sys/fs/cgroup/system.slice/ferry-checkpoint.scope/memory.max)"
	same "0::/" "$(r exec d cat /proc/self/cgroup)"
}

@test "in a user namespace" {
	args sh -c "$counter"
	# CRIU binds the host's directories as who that is, too: none that lead through others' own, or have mounts in them.
	config '.linux.namespaces += [{ type: "user" }] | .mounts |= map(select(.destination | test("^/(usr|lib|lib64)$") | not))
		| (.mounts[] | select(.destination == "/out")).source = "/var/tmp/out"
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
	mkdir -p -m 777 /var/tmp/rootfs/{proc,dev,sys,out} /var/tmp/out
	ln -s /var/tmp/out/rounds "$work/rounds"
	: >"$work/stdout"	# which a restored process opens again, as who it is
	chmod 666 "$work/stdout"
	start c
	goes_on
	checkpoint c
	restore d
	goes_on
	same 100000 "$(ps -o uid= "$(r state d | jq .pid)" | tr -d ' ')"
}

@test "pre-dumps make a chain" {
	args sh -c "$counter"
	start c
	goes_on
	image=$work/1
	checkpoint --pre-dump c
	goes_on
	image=$work/2
	checkpoint --pre-dump --parent-path ../1 c
	goes_on
	image=$work/3
	checkpoint --parent-path ../2 c
	restore d
	goes_on
	image=$work/1
	r delete -f d
	run ! restore e
	[[ $output == *"no whole checkpoint"* ]]
}

@test "memory by a page server; lazy pages, from where they were left" {
	args sh -c "$counter"
	start c
	goes_on
	mkdir "$image"
	criu page-server -D "$image" --address 127.0.0.1 --port 2700 -d -o page-server.log 3>&-
	checkpoint --page-server 127.0.0.1:2700 c
	restore d
	goes_on
	image=$work/lazy
	mkdir "$image" "$work/fetching"
	checkpoint --lazy-pages --page-server 127.0.0.1:2701 --status-fd 9 d 9>"$work/status" 3>&- &
	local pid=$!
	eventually [ -s "$work/status" ]
	same 127.0.0.1:2701 "$(ss -Hltn 'sport = 2701' | awk '{ print $4 }')"
	criu lazy-pages -D "$image" -W "$work/fetching" --page-server --address 127.0.0.1 --port 2701 -d -o lazy-pages.log 3>&-
	config '.linux.cgroupsPath = "/elsewhere"'
	restore --work-path "$work/fetching" --lazy-pages e
	goes_on
	wait $pid
	goes_on
}

@test "in the foreground: output by pipes, signals, the exit code" {
	args sh -c 'trap "exit 7" TERM; echo before; while :; do sleep 0.1; done'
	start c
	eventually grep -q before "$work/stdout"
	checkpoint c
	"$runtime" --root "$BATS_FILE_TMPDIR/state" restore --image-path "$image" -b "$bundle" d >>"$work/stdout" 2>&1 </dev/null &
	local pid=$! code=0
	eventually eval '[ "$(r state d | jq -r .status)" = running ]'
	kill -TERM $pid
	wait $pid || code=$?
	same 7 $code
	run ! r state d
}

# Not in the instant of which CAVEATS of ferry-checkpoint(1) tells.
@test "SIGKILL of ferry or CRIU before all is saved: the container goes on, and its connections" {
	start_everything
	local at
	for at in "both Version" "ferry Seized task" "ferry Dumping task" "ferry Turning repair on" "criu Dumping pages" \
		"both Dumping pages" "ferry Dumping mountpoints" "criu Dumping mountpoints" "both Dumping mountpoints"; do
		kill_at "${at%% *}" "$image/dump.log" "${at#* }" checkpoint --tcp-established --image-path "$image" c
		run ! r resume c	# waits for a CRIU that is still at it
		is_untouched
	done
	kill_at criu "$image/dump.log" "Unlock network" checkpoint --tcp-established --leave-running --image-path "$image" c
	is_untouched
}

# Of the calls by which CRIU has the processes run its code.
@test "SIGKILL of CRIU at one call of many: the container goes on, with all of its processes" {
	local kind calls at processes
	printf '#!/bin/sh\nLD_PRELOAD=/ferry/build/tests/die_at.so exec criu "$@"\n' >"$work/criu"
	chmod +x "$work/criu"
	start_everything
	processes=$(r ps c | awk '{ print $2 }')
	for kind in --pre-dump "--leave-running --tcp-established"; do
		# shellcheck disable=SC2086 # words
		DIE_COUNT=$work/calls checkpoint --criu "$work/criu" $kind c
		calls=$(cat "$work/calls")
		rm -r "$image"
		for at in $(seq $((calls % 7 + 3)) $((calls / 9 | 1)) $((calls - calls / 9))); do
			echo "$kind: $at of $calls"
			# shellcheck disable=SC2086 # words
			DIE_AT=$at run ! r checkpoint --image-path "$image" --criu "$work/criu" $kind c
			same "$processes" "$(r ps c | awk '{ print $2 }')"
			goes_on
		done
	done
	is_untouched
}

@test "SIGKILL in the middle of a pre-dump: the container goes on, and its connections" {
	start_everything
	local at
	for at in "worker Version" "worker Seized task" "all Seized task" "worker Putting tsock" "worker Dumping pages" "all Dumping pages" \
		"criu Dumping pages" "ferry Dumping pages" "worker Pre-dumping tasks" "all Pre-dumping tasks"; do
		kill_at "${at%% *}" "$image/dump.log" "${at#* }" checkpoint --pre-dump --image-path "$image" c
		run ! r resume c	# waits for a CRIU that is still at it
		is_untouched
	done
}

@test "SIGKILL when all is saved: the container goes on, or is whole in its image" {
	start_everything
	local whom
	for whom in ferry criu both; do
		kill_at $whom "$image/dump.log" "Running post-dump" checkpoint --tcp-established --image-path "$image" c
		run r resume c	# waits for a CRIU that is still at it
		if [ "$(r state c | jq -r .status)" = running ]; then
			is_untouched
		else
			[ -e "$image/descriptors.json" ]
			[ -z "$(r list -q)" ] || r delete c
			restore --tcp-established c
			goes_on
		fi
	done
}

@test "SIGKILL in the middle of a restore: nothing is left, and the image is as good as it was" {
	start_everything
	checkpoint --tcp-established c
	local at
	for at in "criu Forking task" "ferry Forking task" "both Restoring resources" "ferry Running post-restore"; do
		kill_at "${at%% *}" "$image/restore.log" "${at#* }" restore -d --tcp-established --image-path "$image" -b "$bundle" d
		[ -z "$(r list -q)" ] || r delete -f d
		same "" "$(r list -q)"
		run ! pgrep -f everything.py
		[ ! -e "$unified/checkpoint" ]
	done
	restore --tcp-established d
	goes_on
}

#!/usr/bin/env bats
# linux.namespaces, user namespaces and their mappings, time offsets, hostname, domainname, sysctl.
load lib

all='[("pid", "network", "ipc", "uts", "mount", "cgroup") | { type: . }]'

namespace_of() { # PID KIND
	readlink "/proc/$1/ns/$2"
}

# A process in new namespaces whose files can be joined: prints its pid. It ends with the test.
neighbour() { # UNSHARE OPTION...
	unshare "$@" sleep 1000000 >/dev/null 2>&1 3>&- &
	echo $! >>"$WORK/neighbours"
	eventually '[ "$(cat /proc/'$!'/comm 2>/dev/null)" = sleep ]' >/dev/null
	echo $!
}

teardown() {
	local pid
	if [ -f "$WORK/neighbours" ]; then
		while read -r pid; do
			kill -KILL "$pid" || :
		done <"$WORK/neighbours"
	fi
	after_test
}

@test "each namespace is new when listed, and the host's when not" {
	local kind file pid
	while read -r kind file; do
		config ".linux.namespaces = $all"
		args /bin/sleep 1000000
		start_container "$id-$kind"
		pid=$(init_pid "$id-$kind")
		[ "$(namespace_of "$pid" "$file")" != "$(namespace_of self "$file")" ]
		ferry delete --force "$id-$kind"
		[ "$kind" != mount ] || continue
		config ".linux.namespaces |= map(select(.type != \"$kind\"))"
		# mqueue and sysfs need namespaces of their own, cgroup a cgroup that is the root
		config '.mounts |= map(select(.type == "proc" or .destination == "/dev"))'
		[ "$kind" != uts ] || config 'del(.hostname)'
		start_container "$id-$kind-not"
		pid=$(init_pid "$id-$kind-not")
		equal "$(namespace_of "$pid" "$file")" "$(namespace_of self "$file")"
		ferry delete --force "$id-$kind-not"
		(cd "$bundle" && rm config.json && "$FERRY" spec)
		config '.process.terminal = false | del(.linux.resources)'
	done <<-END
		pid pid
		network net
		ipc ipc
		uts uts
		mount mnt
		cgroup cgroup
	END
}

@test "joined by path: network, ipc, uts" {
	local pid
	pid=$(neighbour --net --ipc --uts)
	config ".linux.namespaces = $all"' | del(.hostname) | .linux.namespaces |= map(
		if .type == "network" then .path = "/proc/\($pid)/ns/net"
		elif .type == "ipc" then .path = "/proc/\($pid)/ns/ipc"
		elif .type == "uts" then .path = "/proc/\($pid)/ns/uts" else . end)' --arg pid "$pid"
	start_sleeper
	local ns
	for ns in net ipc uts; do
		equal "$(namespace_of "$(init_pid)" $ns)" "$(namespace_of "$pid" $ns)"
	done
}

@test "joined by path: the pid namespace of another container" {
	start_sleeper "$id-a"
	config '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($pid)/ns/pid" else . end)' \
		--arg pid "$(init_pid "$id-a")"
	start_sleeper "$id-b"
	equal "$(namespace_of "$(init_pid "$id-b")" pid)" "$(namespace_of "$(init_pid "$id-a")" pid)"
	run ferry exec "$id-b" ps
	has "1 root"
	matches '[2-9][0-9]* root .*sleep'
}

@test "a namespace that is not there, is of another kind, or is listed twice" {
	args /bin/true
	config '.linux.namespaces |= map(if .type == "network" then .path = "/no/such/ns" else . end)'
	run ferry run -b "$bundle" "$id"
	failed /no/such/ns
	config '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
	run ferry run -b "$bundle" "$id"
	failed
	config '.linux.namespaces |= map(if .type == "network" then .path = "/etc/passwd" else . end)'
	run ferry run -b "$bundle" "$id"
	failed
	config '.linux.namespaces |= (map(del(.path)) + [{ type: "ipc" }])'
	run ferry run -b "$bundle" "$id"
	failed
}

@test "a user namespace with mappings" {
	config '.linux.namespaces += [{ type: "user" }] |
		.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }, { containerID: 1000, hostID: 200000, size: 1 }] |
		.linux.gidMappings = [{ containerID: 0, hostID: 300000, size: 65536 }]'
	chown -R 100000:300000 "$bundle"
	inside_ok 'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; ls -n -d /dev/null /bin/busybox; cat /proc/self/setgroups'
	equal "${lines[0]}" 0
	equal "${lines[1]}" 0
	matches '0 +100000 +1000
 +1000 +200000 +1
 +0 +300000 +65536'
	matches 'rw-rw-rw-.* /dev/null'
	has allow
}

@test "in a user namespace: root sees the host's files of others as nobody's, and host ids are the mapped ones" {
	config '.linux.namespaces += [{ type: "user" }] | .root.readonly = false |
		.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$bundle"
	touch "$bundle/rootfs/tmp/hosts"
	inside_ok 'stat -c %u /tmp/hosts; touch /tmp/mine; stat -c %u /tmp/mine'
	is $'65534\n0'
	equal "$(stat -c %u "$bundle/rootfs/tmp/mine")" 100000
}

@test "a user namespace joined by path" { # runc 1.1 asks for mappings then too
	local pid
	pid=$(neighbour --user)
	echo 0 100000 65536 >"/proc/$pid/uid_map"
	echo 0 100000 65536 >"/proc/$pid/gid_map"
	config '.linux.namespaces += [{ type: "user", path: "/proc/\($pid)/ns/user" }]' --arg pid "$pid"
	chown -R 100000:100000 "$bundle"
	start_sleeper
	equal "$(namespace_of "$(init_pid)" user)" "$(namespace_of "$pid" user)"
	run ferry exec "$id" id -u
	is 0
}

@test "mappings without a user namespace are refused" { # runc 1.1 ignores them
	config '.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }] | .linux.gidMappings = .linux.uidMappings'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed
	matches 'user namespace|uidMappings'
}

@test "time offsets" { # runc 1.1 and crun 1.8 know no time namespace, or no offsets
	config '.linux.namespaces += [{ type: "time" }] |
		.linux.timeOffsets = { monotonic: { secs: 172800, nanosecs: 0 }, boottime: { secs: 864000, nanosecs: 500000000 } }'
	local before after
	before=$(cut -d. -f1 /proc/uptime)
	inside_ok 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time'
	after=$(cut -d. -f1 /proc/uptime)
	[ "${lines[0]}" -ge $((before + 864000)) ]
	[ "${lines[0]}" -le $((after + 864001)) ]
	matches 'monotonic +172800 +0'
	matches 'boottime +864000 +500000000'
	has_not "$(readlink /proc/self/ns/time)"
}

@test "hostname and domainname" { # crun 1.8 and runc 1.1 have no domainname
	config '.hostname = "host-of-test" | .domainname = "domain.test"'
	inside_ok 'hostname; cat /proc/sys/kernel/domainname'
	is $'host-of-test\ndomain.test'
}

@test "a hostname needs a uts namespace" {
	config '.linux.namespaces |= map(select(.type != "uts"))'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed
	matches '[Hh]ostname|uts|UTS'
	equal "$(hostname)" "$(cat /proc/sys/kernel/hostname)"
}

@test "the loopback interface is up in a new network namespace, and alone" {
	inside_ok 'ip -o link'
	has "lo:"
	has "UP"
	equal "$(grep -c '^[0-9]*: ' <<<"$output")" "$(unshare --net ip -o link | wc -l)" # some kernels add tunnels
}

@test "sysctl" {
	config '.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1", "net.ipv4.ping_group_range": "0 7" }'
	inside_ok 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced; tr "\t" " " </proc/sys/net/ipv4/ping_group_range'
	is $'1\n1\n0 7'
	[ "$(cat /proc/sys/kernel/shm_rmid_forced)" = 0 ]
}

@test "sysctl of the host is refused" {
	local bad before
	before=$(cat /proc/sys/vm/swappiness)
	for bad in vm.swappiness kernel.panic fs.file-max ../vm.swappiness net/../vm/swappiness kernel.hostname.x; do
		config '.linux.sysctl = { ($name): "11" }' --arg name "$bad"
		args /bin/true
		run ferry run -b "$bundle" "$id"
		failed
	done
	equal "$(cat /proc/sys/vm/swappiness)" "$before"
}

@test "sysctl of a namespace that is not the container's own is refused" {
	config '.linux.namespaces |= map(select(.type != "network")) | .mounts |= map(select(.type != "sysfs" and .type != "cgroup")) |
		.linux.sysctl = { "net.ipv4.ip_forward": "1" }'
	args /bin/true
	run ferry run -b "$bundle" "$id"
	failed
}

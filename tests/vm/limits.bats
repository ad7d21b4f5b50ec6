#!/usr/bin/env bats
# linux.resources, one member after the other: the configuration goes in, the cgroup's files are read.
load container

cgroups_path=/ferry-limits/c
driver=()

finish() {
	r delete -f c 2>/dev/null || true
	rmdir $unified/ferry-limits 2>/dev/null || true
}

@test "cgroupsPath names the cgroup" {
	start
	same "$unified/ferry-limits/c" "$cgroup"
}

@test "memory: limit, swap, reservation" {
	start '{"memory":{"limit":67108864,"swap":100663296,"reservation":33554432}}'
	same "67108864 33554432 33554432" "$(value memory.max) $(value memory.swap.max) $(value memory.low)"
}

@test "memory: without limit" {
	start '{"memory":{"limit":-1,"swap":-1}}'
	same "max max" "$(value memory.max) $(value memory.swap.max)"
}

@test "memory: swap below the limit is refused" {
	run ! start '{"memory":{"limit":67108864,"swap":33554432}}'
}

@test "cpu: shares become a weight" {
	start '{"cpu":{"shares":1024}}'
	[ "$(value cpu.weight)" -ge 39 ] && [ "$(value cpu.weight)" -le 100 ]
}

@test "cpu: quota and period, burst" {
	start '{"cpu":{"quota":50000,"period":200000,"burst":20000}}'
	same "50000 200000" "$(value cpu.max)"
	same "20000" "$(value cpu.max.burst)"
}

@test "cpu: quota without period, period without quota, no quota" {
	start '{"cpu":{"quota":30000}}'
	same "30000 100000" "$(value cpu.max)"
	finish
	start '{"cpu":{"period":50000}}'
	same "max 50000" "$(value cpu.max)"
	finish
	start '{"cpu":{"quota":-1,"period":50000}}'
	same "max 50000" "$(value cpu.max)"
}

@test "cpu: idle" {
	start '{"cpu":{"idle":1}}'
	same "1" "$(value cpu.idle)"
}

@test "cpu: cpus and mems" {
	start '{"cpu":{"cpus":"0","mems":"0"}}'
	same "0 0" "$(value cpuset.cpus) $(value cpuset.mems)"
}

@test "pids: a limit, none, and zero" {
	start '{"pids":{"limit":33}}'
	same "33" "$(value pids.max)"
	finish
	start '{"pids":{"limit":-1}}'
	same "max" "$(value pids.max)"
}

@test "pids: the limit holds" {
	config '.process.args = ["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1000 & done"] | .linux.resources.pids.limit = 4'
	run r run -b "$bundle" c
	[[ $output == *"fork"* ]]
}

@test "blockIO: throttling and weights" {
	device=$(stat -c '%Hr:%Lr' /dev/vda)
	read -r major minor <<<"${device/:/ }"
	start "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":$major,\"minor\":$minor,\"rate\":1048576}],
		\"throttleWriteIOPSDevice\":[{\"major\":$major,\"minor\":$minor,\"rate\":100}]}}"
	same "$device rbps=1048576 wbps=max riops=max wiops=100" "$(value io.max)"
}

@test "blockIO: a weight" {
	modprobe bfq 2>/dev/null || true
	start '{"blockIO":{"weight":500}}'
	if [ -e "$cgroup/io.bfq.weight" ]; then same "default 500" "$(value io.bfq.weight)"
	else [ "$(value io.weight)" != "default 100" ]; fi
}

@test "hugepageLimits" {
	start '{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}'
	same "4194304" "$(value hugetlb.2MB.max)"
}

@test "unified writes files as they are" {
	start '{"unified":{"memory.high":"50331648","pids.max":"21","cpu.weight":"250"}}'
	same "50331648 21 250" "$(value memory.high) $(value pids.max) $(value cpu.weight)"
}

@test "unified: a file that is not there is an error that names it" {
	run ! start '{"unified":{"memory.nothing":"1"}}'
	[[ $output == *memory.nothing* ]]
}

@test "devices: denied, then allowed" {
	config '.process.args = ["sh", "-c", "mknod /tmp/k c 10 237; (: </tmp/k); mknod /tmp/z c 1 5 && head -c 1 /tmp/z >/dev/null && echo zero"]
		| .process.capabilities[] += ["CAP_MKNOD"] | .root.readonly = false
		| .mounts += [{"destination":"/tmp","type":"tmpfs","source":"tmpfs","options":["mode=1777"]}]
		| .linux.resources.devices = [{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":5,"access":"rwm"}]'
	run r run -b "$bundle" c
	echo "$output"
	[[ $output == *"not permitted"*zero* ]]
}

@test "out of memory kills, and the cgroup says so" {
	config '.process.args = ["tail", "/dev/zero"]'
	config '.linux.resources.memory = {"limit":16777216,"swap":16777216}'
	run -137 r run -b "$bundle" c
}

@test "update: every flag" {
	start '{"memory":{"limit":67108864}}'
	r update --memory 100663296 --memory-reservation 16777216 --memory-swap 134217728 --pids-limit 44 --cpu-quota 20000 \
		--cpu-period 50000 --cpuset-cpus 0 c
	same "100663296 16777216 33554432 44" "$(value memory.max) $(value memory.low) $(value memory.swap.max) $(value pids.max)"
	same "20000 50000 0" "$(value cpu.max) $(value cpuset.cpus)"
	r update --cpu-share 512 c
	[ "$(value cpu.weight)" -lt 100 ]
}

@test "update -r reads linux.resources from a file and from standard input" {
	start
	echo '{"memory":{"limit":67108864},"pids":{"limit":12}}' >"$BATS_TEST_TMPDIR/r.json"
	r update -r "$BATS_TEST_TMPDIR/r.json" c
	same "67108864 12" "$(value memory.max) $(value pids.max)"
	echo '{"pids":{"limit":13}}' | r update -r - c
	same "67108864 13" "$(value memory.max) $(value pids.max)"
}

@test "update never kills a container that uses more than the new limit" {
	config '.process.args = ["sh", "-c", "head -c 40m /dev/zero >/shm/file; sleep 1000"] |
		.mounts += [{"destination":"/shm","type":"tmpfs","source":"tmpfs"}]'
	[ "$RUNTIME" = ferry ] || skip "ferry's own promise"
	start '{"memory":{"limit":134217728,"swap":134217728}}'
	eventually eval '[ "$(value memory.current)" -gt 40000000 ]'
	run r update --memory 16777216 --memory-swap 16777216 c
	same "running" "$(r state c | jq -r .status)"
}

@test "events --stats" {
	[ "$RUNTIME" != crun ] || skip "crun has no events"
	start '{"memory":{"limit":67108864}}'
	run -0 r events --stats c
	same "stats c 67108864" "$(jq -r '"\(.type) \(.id) \(.data.memory.usage.limit)"' <<<"$output")"
	[ "$(jq .data.pids.current <<<"$output")" -ge 1 ]
	[ "$(jq .data.cpu.usage.total <<<"$output")" -gt 0 ]
}

@test "pause, resume, and a paused container can be deleted" {
	start
	r pause c
	same "1 paused" "$(value cgroup.freeze) $(r state c | jq -r .status)"
	r resume c
	same "0 running" "$(value cgroup.freeze) $(r state c | jq -r .status)"
	r pause c
	r delete -f c
}

@test "kill -a reaches every process" {
	config '.process.args = ["sh", "-c", "sleep 1000 & sleep 1000 & wait"]'
	start
	eventually eval '[ "$(wc -l <"$cgroup/cgroup.procs")" -ge 3 ]'
	r kill -a c KILL
	eventually eval '[ ! -s "$cgroup/cgroup.procs" ]'
}

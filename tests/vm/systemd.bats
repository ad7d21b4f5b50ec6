#!/usr/bin/env bats
# The systemd driver: a scope for each container, its limits as properties that survive a daemon-reload.
load container

cgroups_path=machine.slice:ferrytest:c
driver=(--systemd-cgroup)

prepare() { start_session tester; }

finish() { r delete -f c 2>/dev/null || true; }

property() { systemctl show -P "$1" ferrytest-c.scope; }

@test "a scope in the slice that cgroupsPath names" {
	start
	[[ $cgroup == $unified/machine.slice/ferrytest-c.scope* ]]
	same "active yes" "$(property ActiveState) $(property Delegate)"
}

@test "a scope that another container has: refused, and that one goes on" {
	start
	run r run -d -b "$bundle" other
	[ "$status" != 0 ]
	same running "$(r state c | jq -r .status)"
	same active "$(property ActiveState)"
	! r state other
}

@test "the scope goes with the container, also after its process died" {
	config '.process.args = ["true"]'
	start
	eventually eval '[ "$(r state c | jq -r .status)" = stopped ]'
	r delete c
	eventually eval '! systemctl is-active -q ferrytest-c.scope'
	run ! systemctl is-failed -q ferrytest-c.scope
}

@test "limits are properties and values" {
	start '{"memory":{"limit":67108864,"swap":100663296,"reservation":33554432},"cpu":{"quota":50000,"period":100000,"shares":1024},"pids":{"limit":33}}'
	same "67108864 33554432 33554432 33" "$(property MemoryMax) $(property MemorySwapMax) $(property MemoryLow) $(property TasksMax)"
	same "500ms" "$(property CPUQuotaPerSecUSec)"
	same "67108864 33 50000 100000" "$(value memory.max) $(value pids.max) $(value cpu.max)"
}

@test "limits and devices survive a daemon-reload" {
	config '.linux.devices = [{"path":"/dev/loops","type":"c","major":10,"minor":237}]'
	start '{"memory":{"limit":67108864},"pids":{"limit":33},"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":3,"access":"rwm"}]}'
	r exec c sh -c 'echo >/dev/null && ! (: </dev/loops)'
	systemctl daemon-reload
	same "67108864 33" "$(value memory.max) $(value pids.max)"
	r exec c sh -c 'echo >/dev/null && ! (: </dev/loops)'
}

@test "update changes properties too" {
	start '{"memory":{"limit":67108864}}'
	r update --memory 100663296 --memory-swap 134217728 --pids-limit 44 --cpu-quota 25000 --cpu-period 100000 c
	same "100663296 44 250ms" "$(property MemoryMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)"
	same "100663296 44" "$(value memory.max) $(value pids.max)"
	systemctl daemon-reload
	same "100663296 44" "$(value memory.max) $(value pids.max)"
}

@test "annotations become properties of the unit" {
	config '.annotations["org.systemd.property.TimeoutStopUSec"] = "uint64 7000000"'
	start
	same "7s" "$(property TimeoutStopUSec)"
}

@test "exec joins the scope, pause and kill work" {
	start
	same "$(cut -d: -f3 "/proc/$(r state c | jq .pid)/cgroup" | xargs basename)" \
		"$(r exec -d --pid-file "$BATS_TEST_TMPDIR/pid" c sleep 100 </dev/null >/dev/null 2>&1;
		   cut -d: -f3 "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup" | xargs basename)"
	r pause c
	r resume c
	r kill c KILL
	eventually eval '[ "$(r state c | jq -r .status)" = stopped ]'
}

@test "systemctl stop ends the container" {
	config '.process.args = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]'
	start
	systemctl stop ferrytest-c.scope
	eventually eval '[ "$(r state c | jq -r .status)" = stopped ]'
}

@test "an ordinary user's systemd makes the scope" {
	bundle=/home/tester/bundle
	rm -rf $bundle
	install -d -o tester $bundle
	as tester bash -euc "cd bundle && $runtime spec --rootless"
	config '.root.path = "/var/tmp/rootfs" | .process.terminal = false | .process.args = ["sleep", "1000"]
		| .linux.cgroupsPath = "user.slice:ferrytest:u" | .linux.resources = {"memory":{"limit":67108864},"pids":{"limit":33}}'
	as tester bash -euc "
		$runtime --systemd-cgroup run -d -b bundle u </dev/null >out 2>&1 || { cat out; exit 1; }
		systemctl --user show -P MemoryMax ferrytest-u.scope
		$runtime --systemd-cgroup delete -f u" >"$BATS_TEST_TMPDIR/out"
	same "67108864" "$(cat "$BATS_TEST_TMPDIR/out")"
}

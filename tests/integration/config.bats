#!/usr/bin/env bats
# Configurations that are wrong: what the error says, and that nothing is left. Peers word most of these otherwise, or
# take what is wrong; the texts are ferry's, with the JSON path first.
load lib

# One line each: a jq edit, a tab or more, the text that the error must have.
wrong() {
	local edit text bad=
	cp "$bundle/config.json" "$WORK/good.json"
	while IFS='|' read -r text edit; do
		text=${text%"${text##*[![:space:]]}"}
		[ -n "$text" ] || continue
		cp "$WORK/good.json" "$bundle/config.json"
		config "$edit"
		attempt ferry create -b "$bundle" "$id"
		[ "$status" -ne 0 ] || { bad+="taken: $edit"$'\n'; quietly ferry delete --force "$id"; continue; }
		[[ $output == *"$text"* ]] || bad+="no \"$text\": $output"$'\n'
		run ferry state "$id"
		[ "$status" -ne 0 ] || { bad+="left: $edit"$'\n'; quietly ferry delete --force "$id"; }
	done
	equal "$bad" ""
}

@test "wrong types name the path" {
	wrong <<-'END'
		process.args                    | .process.args = "sh"
		process.args[1]                 | .process.args = ["sh", 1]
		process.cwd                     | .process.cwd = 1
		process.terminal                | .process.terminal = "yes"
		process.user.uid                | .process.user.uid = "root"
		process.user.uid                | .process.user.uid = -1
		process.user.uid                | .process.user.uid = 4294967296
		process.env[0]                  | .process.env = [null]
		process.rlimits[0].soft         | .process.rlimits = [{ type: "RLIMIT_CORE", hard: 1, soft: "x" }]
		process.capabilities.bounding   | .process.capabilities.bounding = "all"
		process.oomScoreAdj             | .process.oomScoreAdj = "1"
		root.path                       | .root.path = 1
		root.readonly                   | .root.readonly = "true"
		mounts                          | .mounts = {}
		mounts[0].destination           | .mounts[0].destination = 1
		mounts[1].options               | .mounts[1].options = "ro"
		hostname                        | .hostname = 1
		annotations                     | .annotations = { a: 1 }
		linux.namespaces                | .linux.namespaces = {}
		linux.maskedPaths               | .linux.maskedPaths = "/x"
		linux.sysctl                    | .linux.sysctl = { a: 1 }
		linux.resources.pids.limit      | .linux.resources.pids.limit = "x"
		linux.resources.memory.limit    | .linux.resources.memory.limit = "1G"
		linux.resources.cpu.quota       | .linux.resources.cpu.quota = true
		linux.resources.devices[0].allow| .linux.resources.devices = [{ allow: "yes" }]
		hooks.prestart                  | .hooks.prestart = {}
		hooks.poststop[0].timeout       | .hooks.poststop = [{ path: "/bin/true", timeout: "1" }]
		linux.seccomp.syscalls[0].names | .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: "x", action: "SCMP_ACT_ALLOW" }] }
	END
}

@test "what is required and missing is named" {
	wrong <<-'END'
		ociVersion                      | del(.ociVersion)
		root                            | del(.root)
		root.path                       | del(.root.path)
		process.cwd                     | del(.process.cwd)
		process                         | del(.process)
		process.args                    | del(.process.args)
		mounts[0].destination           | del(.mounts[0].destination)
		linux.namespaces[0].type        | del(.linux.namespaces[0].type)
		linux.seccomp.defaultAction     | .linux.seccomp = { syscalls: [] }
		hooks.prestart[0].path          | .hooks.prestart = [{ args: ["x"] }]
		linux.devices[0].path           | .linux.devices = [{ type: "c", major: 1, minor: 3 }]
		process.rlimits[0].type         | .process.rlimits = [{ hard: 1, soft: 1 }]
		gidMappings                     | .mounts[0].uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
	END
}

@test "values that cannot be" {
	wrong <<-'END'
		ociVersion                      | .ociVersion = "2.0.0"
		ociVersion                      | .ociVersion = "newest"
		process.args                    | .process.args = []
		process.cwd                     | .process.cwd = "relative"
		process.cwd                     | .process.cwd = ""
		linux.namespaces                | .linux.namespaces += [{ type: "nosuch" }]
		linux.namespaces                | .linux.namespaces += [{ type: "pid" }]
		linux.rootfsPropagation         | .linux.rootfsPropagation = "nosuch"
		RLIMIT_NOSUCH                   | .process.rlimits = [{ type: "RLIMIT_NOSUCH", hard: 1, soft: 1 }]
		linux.personality               | .linux.personality = { domain: "NOSUCH" }
		linux.resources.memory.swap     | .linux.resources.memory = { limit: 200000000, swap: 100000000 }
		process.oomScoreAdj             | .process.oomScoreAdj = 1001
		uidMappings                     | .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
		user namespace                  | .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }] | .linux.gidMappings = .linux.uidMappings
		process.env                     | .process.env += ["NOVALUE"]
	END
}

@test "what ferry knows and cannot do is refused by name" {
	wrong <<-'END'
		linux.intelRdt                  | .linux.intelRdt = { closID: "x", l3CacheSchema: "L3:0=f" }
		linux.resources.network         | .linux.resources.network = { classID: 1 }
	END
}

@test "a limit whose controller version 2 lacks on this host is an error that names it" {
	local controller edit have
	have=" $(cat "$(unified)/cgroup.controllers") "
	while read -r controller edit; do
		[[ $have != *" $controller "* ]] || continue
		config "del(.linux.resources) | $edit"
		args /bin/true
		run ferry run -b "$bundle" "$id"
		failed "$controller"
	done <<-'END'
		memory .linux.resources.memory.limit = 100000000
		pids   .linux.resources.pids.limit = 10
		cpu    .linux.resources.cpu.quota = 10000
		cpuset .linux.resources.cpu.cpus = "0"
		io     .linux.resources.blockIO.weight = 100
		rdma   .linux.resources.rdma = { mlx5_1: { hcaHandles: 3 } }
	END
}

@test "no JSON, half of it, an empty file, and the same key twice" {
	echo 'this is not JSON' >"$bundle/config.json"
	attempt ferry create -b "$bundle" "$id"
	failed
	echo '{ "ociVersion": "1.0.0", "root": {' >"$bundle/config.json"
	attempt ferry create -b "$bundle" "$id"
	failed
	: >"$bundle/config.json"
	attempt ferry create -b "$bundle" "$id"
	failed
	rm "$bundle/config.json"
	mkdir "$bundle/config.json"
	attempt ferry create -b "$bundle" "$id"
	failed
}

@test "members that are unknown are ignored" {
	config '.nosuch = { a: 1 } | .process.nosuch = [1] | .linux.nosuch = "x" | .mounts[0].nosuch = true'
	inside_ok 'echo runs'
	is runs
}

@test "null stands for absent" {
	config '.hooks = null | .annotations = null | .linux.seccomp = null | .linux.resources = null | .process.rlimits = null'
	inside_ok 'echo runs'
	is runs
}

@test "the smallest configuration" {
	jq -n '{ ociVersion: "1.0.0", root: { path: "rootfs" }, process: { args: ["/bin/echo", "small"], cwd: "/" },
		linux: { namespaces: [{ type: "mount" }] } }' >"$bundle/config.json"
	run ferry run -b "$bundle" "$id"
	succeeded
	is small
}

@test "the example of the specification decodes as far as this host can go" {
	local example=${OCI_EXAMPLES-}
	[ -n "$example" ] && [ -e "$example/spec-example.json" ] || skip "OCI_EXAMPLES does not name the specification's examples"
	cp "$example/spec-example.json" "$bundle/config.json"
	attempt ferry create -b "$bundle" "$id"
	failed
	has_not "expected"
}

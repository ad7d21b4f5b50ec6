#!/usr/bin/env bats
# What programs read: list, ps, events, features, update, spec, the log, --version and --help.
load lib

@test "list: table, json, quiet" {
	start_sleeper "$id-a"
	args /bin/true
	created_container "$id-b"
	run ferry list
	succeeded
	matches '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
	matches "$id-a +$(init_pid "$id-a") +running +$bundle +20[0-9-]+T"
	matches "$id-b +[0-9]+ +created "
	run ferry list -q
	is "$id-a
$id-b"
	run ferry list --format json
	succeeded
	equal "$(jq length <<<"$output")" 2
	equal "$(jq -r 'map(.id) | sort | join(" ")' <<<"$output")" "$id-a $id-b"
	equal "$(jq -r '.[] | select(.id == "'"$id-a"'") | [.status, .pid, .bundle, .rootfs] | map(tostring) | join(" ")' <<<"$output")" \
		"running $(init_pid "$id-a") $bundle $bundle/rootfs"
	equal "$(jq -r 'map(has("ociVersion") and has("created") and has("owner")) | all' <<<"$output")" true
	run ferry list -f nosuch
	failed
	matches '[Ff]ormat'
}

@test "list of nothing" {
	run ferry list
	succeeded
	matches '^ID +PID +STATUS +BUNDLE +CREATED +OWNER *$'
	run ferry list -f json
	succeeded
	matches '^(null|\[\])$'
	run ferry list -q
	is ""
}

@test "list passes over what is not a container's state" {
	start_sleeper
	mkdir "$root/half" "$root/empty"
	echo garbage >"$root/half/state.json"
	run ferry list -q
	rm -rf "$root/half" "$root/empty"
	succeeded
	has "$id"
}

@test "ps: table and json" {
	script 'sleep 1000001 & exec sleep 1000002'
	start_container
	eventually '[ "$(ferry ps -f json "$id" | jq length)" = 2 ]'
	run ferry ps "$id"
	succeeded
	matches '^UID +PID'
	has "sleep 1000001"
	has "sleep 1000002"
	equal "${#lines[@]}" 3
	run ferry ps --format json "$id"
	equal "$(jq "index($(init_pid)) != null" <<<"$output")" true
	run ferry ps "$id" -o pid,comm
	succeeded
	matches 'PID +COMMAND'
	run ferry ps -f nosuch "$id"
	failed
}

@test "events --stats" { # crun has no events
	config '.linux.resources.devices = [{ allow: true, access: "rwm" }]'
	start_sleeper
	run ferry events --stats "$id"
	succeeded
	equal "$(jq -r .type <<<"$output")" stats
	equal "$(jq -r .id <<<"$output")" "$id"
	equal "$(jq -r '.data | has("cpu") and has("memory") and has("pids") and has("blkio") and has("hugetlb")' <<<"$output")" true
	equal "$(jq -r '.data.cpu.usage.total | type' <<<"$output")" number
	ferry delete --force "$id"
	run ferry events --stats "$id"
	failed "does not exist"
}

@test "events prints again and again, and ends with the container" {
	start_sleeper
	timeout 300 "$FERRY" --root "$root" events --interval 1s "$id" >"$WORK/events" 2>&1 3>&- &
	local pid=$!
	eventually '[ "$(wc -l <"$WORK/events")" -ge 2 ]'
	equal "$(jq -s -r 'map(.type) | unique | join(" ")' "$WORK/events")" stats
	ferry kill "$id" KILL
	wait "$pid"
}

@test "events of a stopped container" {
	args /bin/true
	start_container
	wait_for_status stopped
	run ferry events --stats "$id"
	failed "not running"
}

@test "update: a limit that version 2 cannot set on this host names the controller" {
	start_sleeper
	local controller flags have
	have=" $(cat "$(unified)/cgroup.controllers") "
	while read -r controller flags; do
		[[ $have != *" $controller "* ]] || continue
		# shellcheck disable=SC2086
		run ferry update $flags "$id"
		failed "$controller"
	done <<-END
		pids --pids-limit 10
		memory --memory 100000000
		cpu --cpu-share 512
		cpu --cpu-quota 10000 --cpu-period 100000
		cpuset --cpuset-cpus 0
		io --blkio-weight 100
	END
	equal "$(status_of)" running
}

@test "update --resources from standard input and from a file" {
	start_sleeper
	echo '{ "unified": { "cgroup.max.descendants": "3" } }' >"$WORK/resources.json"
	run ferry update --resources "$WORK/resources.json" "$id"
	[ "$status" -ne 0 ] || equal "$(cat "$(unified)$(sed -n 's/^0:://p' "/proc/$(init_pid)/cgroup")/cgroup.max.descendants")" 3
	run bash -c 'echo "{ \"pids\": { \"limit\": " | timeout 300 "$0" --root "$1" update -r - "$2"' "$FERRY" "$root" "$id"
	failed
	run ferry update -r "$WORK/none.json" "$id"
	failed none.json
}

@test "update of a stopped container" {
	args /bin/true
	start_container
	wait_for_status stopped
	run ferry update --pids-limit 10 "$id"
	failed
}

@test "linux.resources.unified writes files of the cgroup" {
	config '.linux.resources.unified = { "cgroup.max.descendants": "7", "cgroup.max.depth": "4" }'
	start_sleeper
	local dir
	dir=$(unified)$(sed -n 's/^0:://p' "/proc/$(init_pid)/cgroup")
	equal "$(cat "$dir/cgroup.max.descendants") $(cat "$dir/cgroup.max.depth")" "7 4"
}

@test "what cannot be written to standard output is an error of every command" {
	start_sleeper
	for words in --help --version "ls --help" "image" "features" "state $id" "list" "ls" "completion bash"; do
		run bash -c '"$@" >/dev/full' bash timeout 300 "$FERRY" --root "$root" $words
		failed "write to standard output: "
	done
}

@test "descriptors that are closed are not taken for others" {
	printf 'x%.0s' $(seq 100000) >"$WORK/file"
	mkdir "$WORK/tree"
	cp "$WORK/file" "$WORK/tree"
	for closed in '<&-' '>&-' '2>&-' '<&- >&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		eval "'$FERRY' --image-store '$WORK/store' image import --name app '$WORK/tree' $closed"
		run ferry --image-store "$WORK/store" image verify -q
		succeeded
		rm -r "$WORK/store"
	done
}

@test "kill -s: the signal before the container; not two of them" {
	start_sleeper
	run ferry kill -s KILL "$id" TERM
	failed "say one of them"
	run ferry kill -s NONSENSE "$id"
	failed NONSENSE
	ferry kill -s KILL "$id"
	wait_for_status stopped
}

@test "linux.resources.unified: no file outside the cgroup, none that does not exist" {
	local bad
	for bad in ../cgroup.procs a/b nosuch.file; do
		config '.linux.resources.unified = { ($bad): "1" }' --arg bad "$bad"
		args /bin/true
		run ferry run -b "$bundle" "$id"
		failed
	done
}

@test "features" { # crun 1.8 has none
	run ferry features
	succeeded
	matches '^\{'
	local member
	for member in ociVersionMin ociVersionMax hooks mountOptions linux; do
		equal "$(jq "has(\"$member\")" <<<"$output")" true
	done
	equal "$(jq -c '.hooks | sort' <<<"$output")" \
		'["createContainer","createRuntime","poststart","poststop","prestart","startContainer"]'
	for member in bind rbind ro rro nosymfollow tmpcopyup idmap ridmap rslave; do
		equal "$(jq ".mountOptions | index(\"$member\") != null" <<<"$output")" true || echo "mount option $member"
	done
	equal "$(jq -c '.linux.namespaces | sort' <<<"$output")" '["cgroup","ipc","mount","network","pid","time","user","uts"]'
	equal "$(jq '.linux.capabilities | index("CAP_SYS_ADMIN") != null' <<<"$output")" true
	equal "$(jq -r '.linux.cgroup.v2' <<<"$output")" true
	equal "$(jq -r '.linux.seccomp.enabled' <<<"$output")" true
	equal "$(jq '.linux.seccomp.actions | index("SCMP_ACT_NOTIFY") != null' <<<"$output")" true
	equal "$(jq '.linux.seccomp.archs | index("SCMP_ARCH_X86_64") != null' <<<"$output")" true
}

@test "features is what the schema says" {
	local schema=${OCI_SCHEMA:-/usr/share/oci/features-schema.json}
	[ -e "$schema" ] || skip "OCI_SCHEMA does not name features-schema.json"
	python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
	ferry features >"$WORK/features.json"
	(cd "$(dirname "$schema")" && python3 -m jsonschema -i "$WORK/features.json" --base-uri "file://$PWD/" "$schema")
}

@test "spec writes a configuration that runs, and overwrites none" {
	mkdir "$WORK/new"
	(cd "$WORK/new" && ferry spec)
	equal "$(jq -r '.process.args | join(" ")' "$WORK/new/config.json")" sh
	equal "$(jq -r .process.terminal "$WORK/new/config.json")" true
	equal "$(jq -r .root.path "$WORK/new/config.json")" rootfs
	run ferry spec -b "$WORK/new"
	failed config.json
	matches '[Ee]xist'
	mkdir "$WORK/other"
	run ferry spec --bundle "$WORK/other"
	succeeded
	cmp "$WORK/new/config.json" "$WORK/other/config.json"
	run ferry spec -b "$WORK/nosuch"
	failed
}

@test "spec --rootless" {
	mkdir "$WORK/new"
	ferry spec --rootless -b "$WORK/new"
	equal "$(jq -r '.linux.namespaces | map(.type) | index("user") != null' "$WORK/new/config.json")" true
	equal "$(jq -r '.linux.namespaces | map(.type) | index("network") == null' "$WORK/new/config.json")" true
	equal "$(jq -c '.linux.uidMappings' "$WORK/new/config.json")" '[{"containerID":0,"hostID":0,"size":1}]'
	equal "$(jq -r '.linux.resources' "$WORK/new/config.json")" null
}

@test "--log and --log-format json: one object a line, the last of level error" {
	config '.process.args = ["nosuchprogram"]'
	run ferry --log "$WORK/log" --log-format json run -b "$bundle" "$id"
	failed
	run tail -n 1 "$WORK/log"
	equal "$(jq -r .level <<<"$output")" error
	[[ $(jq -r .msg <<<"$output") == *nosuchprogram* ]]
	[[ $(jq -r .time <<<"$output") == 20*T* ]]
	jq -e . "$WORK/log" >/dev/null
}

@test "the error goes to standard error too when there is a log" {
	run --separate-stderr ferry --log "$WORK/log" --log-format json state nope
	[ "$status" -ne 0 ]
	[[ $stderr == *"does not exist"* ]]
	is ""
	run jq -r .msg "$WORK/log"
	has "does not exist"
}

@test "--log-format text" {
	run ferry --log "$WORK/log" --log-format text state nope
	failed
	run cat "$WORK/log"
	has level=error
	has "does not exist"
	run ferry --log-format nosuch state nope
	failed
	has_not "does not exist"
}

@test "an error is one line, without what a terminal would obey" {
	run ferry state $'a\nb\e[2J'
	failed "'a b [2J'"
	equal "${#lines[@]}" 1
}

@test "a failed command prints nothing on standard output" {
	run --separate-stderr ferry state nope
	[ "$status" -ne 0 ]
	is ""
}

@test "--debug logs more" {
	args /bin/true
	run --separate-stderr ferry --debug --log "$WORK/log" run -b "$bundle" "$id"
	succeeded
	grep -q level=debug "$WORK/log"
}

@test "--version" {
	run ferry --version
	succeeded
	matches "^$(basename "$FERRY") version [0-9]"
	matches 'spec: 1\.[0-9]+'
	run ferry -v
	succeeded
	matches 'version [0-9]'
}

@test "--help and help name every command" {
	local form command
	for form in --help -h help; do
		run ferry $form
		succeeded
		for command in create delete events exec features kill list pause ps resume run spec start state update; do
			matches "(^|[[:space:],])$command([[:space:],]|\$)"
		done
	done
}

@test "help of each command names its flags" {
	run ferry help create
	succeeded
	local flag
	for flag in --bundle --console-socket --pid-file --no-pivot --no-new-keyring --preserve-fds; do
		has "$flag"
	done
	run ferry exec --help
	succeeded
	for flag in --console-socket --cwd --env --tty --user --additional-gids --process --detach --pid-file --process-label \
		--apparmor --no-new-privs --cap --preserve-fds --cgroup --ignore-paused; do
		has "$flag"
	done
}

@test "unknown commands and flags" {
	run ferry nosuchcommand
	failed nosuchcommand
	run ferry --nosuchflag list
	failed nosuchflag
	run ferry list --nosuchflag
	failed nosuchflag
	attempt ferry create --bundle
	failed
	[ "$status" -ne 139 ]
}

@test "flags with = and without, one dash long" { # as Go's and GNU's parsers take them
	script 'echo runs'
	run ferry run --bundle="$bundle" "$id"
	is runs
	run ferry run -bundle "$bundle" "$id"
	is runs
}

@test "--systemd-cgroup without systemd is a clear error" {
	[ ! -d /run/systemd/system ] || skip "systemd runs here"
	args /bin/true
	run ferry --systemd-cgroup run -b "$bundle" "$id"
	failed
	matches '[Ss]ystemd|[Dd][-]?[Bb]us'
}

@test "--cgroup-manager disabled makes no cgroup" { # crun's, which podman gives
	args /bin/sleep 1000000
	echo "$id" >>"$WORK/made"
	quietly timeout 300 "$FERRY" --root "$root" --cgroup-manager disabled run -d -b "$bundle" "$id" || complain
	equal "$(cut -d: -f3 <<<"$(grep ^0: "/proc/$(init_pid)/cgroup")")" "$(cut -d: -f3 <<<"$(grep ^0: /proc/self/cgroup)")"
	find "$(unified)" -name "*$id*" | { ! grep .; }
}

@test "--root that has other directories: they are no containers, and stay" {
	mkdir -p "$root/docs/deep" "$root/empty" "$root/closed"
	chmod 700 "$root/closed"
	echo text >"$root/docs/deep/file"
	run ferry list -q
	succeeded
	is ""
	for name in docs empty closed; do
		run ferry state "$name"
		failed "does not exist"
		run ferry delete "$name"
		failed "does not exist"
		run ferry delete --force "$name"
		succeeded
		run ferry create -b "$bundle" "$name"
		failed "already exists"
	done
	run find "$root" -mindepth 1 -printf '%P\n'
	equal "$(sort <<<"$output")" $'closed\ndocs\ndocs/deep\ndocs/deep/file\nempty'
}

@test "--root without a name" {
	run "$FERRY" --root "" list
	failed --root
}

#!/usr/bin/env bats
# An ordinary user's containers: tester has subordinate ids, plain has none.
load machine

setup_file() {
	make_rootfs /var/tmp/rootfs
	for user in tester plain; do
		start_session $user
		chmod 755 /home/$user
		as $user bash -euc "rm -rf bundle; mkdir bundle; cd bundle; $runtime spec --rootless
			jq '.root.path = \"/var/tmp/rootfs\" | .process.terminal = false' config.json >new; mv new config.json"
	done
	jq ".linux.uidMappings = [{containerID:0,hostID:1001,size:1}] | .linux.gidMappings = .linux.uidMappings" \
		/home/plain/bundle/config.json >/var/tmp/unmapped.json
	as plain sh -c 'cp /var/tmp/unmapped.json bundle/config.json'
	ids=$(awk -F: '$1 == "tester" { print $2 }' /etc/subuid)
	jq ".linux.uidMappings = [{containerID:0,hostID:1000,size:1},{containerID:1,hostID:$ids,size:65536}]
		| .linux.gidMappings = .linux.uidMappings" /home/tester/bundle/config.json >/var/tmp/mapped.json
	as tester sh -c 'cp /var/tmp/mapped.json bundle/config.json'
	baseline
}

teardown() { clean; }

# inside USER TEXT: a shell in a fresh container of USER's
inside() {
	as "$1" env text="$2" bash -euc "jq '.process.args = [\"sh\", \"-c\", env.text]' bundle/config.json >bundle/new
		mv bundle/new bundle/config.json; exec $runtime run -b bundle c"
}

@test "with subordinate ids: root inside, the user outside, 65537 ids" {
	run -0 inside tester 'id -u; cat /proc/self/uid_map'
	same "0" "${lines[0]}"
	[[ ${lines[1]} =~ ^\ +0\ +1000\ +1$ ]]
	[[ ${lines[2]} =~ ^\ +1\ +[0-9]+\ +65536$ ]]
}

@test "with subordinate ids: another user inside" {
	as tester bash -euc "jq '.process.user = {uid:33,gid:33} | .process.args = [\"sh\",\"-c\",\"id -u; id -g\"]' \
		bundle/config.json >bundle/new; mkdir -p other; mv bundle/new other/config.json; $runtime run -b other o" \
		>"$BATS_TEST_TMPDIR/out"
	same "33 33" "$(xargs <"$BATS_TEST_TMPDIR/out")"
}

@test "without subordinate ids: root inside, and nobody else" {
	run -0 inside plain 'id -u; cat /proc/self/uid_map'
	same "0" "${lines[0]}"
	[[ ${lines[1]} =~ ^\ +0\ +1001\ +1$ ]]
	same 2 "${#lines[@]}"
}

@test "pid 1, hostname, own /dev, no host mounts to write" {
	for user in tester plain; do
		run -0 inside $user 'echo $$; hostname; ls /dev/null /dev/pts/ptmx; mkdir /newdir 2>&1 || echo read-only'
		same "1" "${lines[0]}"
		[[ $output == */dev/pts/ptmx* ]] && [[ $output == *read-only* ]]
	done
}

@test "status comes through" {
	run -7 inside plain 'exit 7'
}

@test "detached: list, exec, ps, kill, delete" {
	for user in tester plain; do
		as $user bash -euc "
			jq '.process.args = [\"sleep\", \"1000\"]' bundle/config.json >bundle/new; mv bundle/new bundle/config.json
			$runtime run -d -b bundle c </dev/null >out 2>&1 || { cat out; exit 1; }
			test \"\$($runtime list -q)\" = c
			test \"\$($runtime exec c echo hello)\" = hello
			$runtime kill c KILL
			until [ \"\$($runtime state c | jq -r .status)\" = stopped ]; do sleep 0.1; done
			$runtime delete c
			test ! -e \$XDG_RUNTIME_DIR/$RUNTIME/c"
	done
}

@test "a terminal" {
	with_silent_input as tester bash -euc "jq '.process.args = [\"tty\"] | .process.terminal = true' bundle/config.json >bundle/new
		mv bundle/new bundle/config.json
		script -qec '$runtime run -b bundle c' /dev/null" | tr -d '\r' >"$BATS_TEST_TMPDIR/out"
	as tester bash -euc "jq '.process.terminal = false' bundle/config.json >bundle/new; mv bundle/new bundle/config.json"
	same /dev/pts/0 "$(cat "$BATS_TEST_TMPDIR/out")"
}

@test "one user does not see the other's containers" {
	as tester bash -euc "
		jq '.process.args = [\"sleep\", \"1000\"]' bundle/config.json >bundle/new; mv bundle/new bundle/config.json
		$runtime run -d -b bundle c </dev/null >out 2>&1"
	same "" "$(as plain "$runtime" list -q)"
	as tester "$runtime" delete -f c
}

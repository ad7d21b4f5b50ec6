#!/usr/bin/env bats
# An ordinary user runs containers: without entries in /etc/subuid he maps himself alone, with them a range, by way of
# newuidmap and newgidmap. The user exists only in this test's own view of /etc.
load lib
load user

prepare() {
	make_user
	rm "$bundle/config.json"
	chown -R $uid:$uid "$bundle"
	as_user spec --rootless -b "$bundle" || skip "$FERRY spec --rootless"
	config '.process.terminal = false | .process.env += ["FT_TAG=" + $tag]' --arg tag "$tag"
	chown $uid "$bundle/config.json"
}

inside_as_user() {
	script "$1"
	chown $uid "$bundle/config.json"
	run as_user run -b "$bundle" "$id"
}

subids() {
	give_subids
	config '.linux.uidMappings = [{ containerID: 0, hostID: $uid, size: 1 }, { containerID: 1, hostID: 200000, size: 65536 }] |
		.linux.gidMappings = [{ containerID: 0, hostID: $uid, size: 1 }, { containerID: 1, hostID: 300000, size: 65536 }]' --argjson uid $uid
}

@test "run, without entries in /etc/subuid" {
	inside_as_user 'id -u; id -g; cat /proc/self/uid_map; echo $$'
	succeeded
	equal "${lines[0]} ${lines[1]}" "0 0"
	matches "0 +$uid +1"
	equal "${lines[-1]}" 1
}

@test "what is written inside belongs to the user" {
	config '.root.readonly = false'
	inside_as_user 'echo x >/tmp/mine && stat -c %u /tmp/mine'
	succeeded
	is 0
	equal "$(stat -c %u "$bundle/rootfs/tmp/mine")" $uid
}

@test "devices, /proc and the exit code are as for root" {
	inside_as_user 'echo x >/dev/null; head -c 3 /dev/zero | wc -c; ls -d /proc/1 /dev/fd; exit 21'
	exited 21
	has /proc/1
	equal "${lines[0]}" 3
}

@test "detached: state, exec, kill, delete, under XDG_RUNTIME_DIR" {
	args /bin/sleep 1000000
	chown $uid "$bundle/config.json"
	quietly as_user run -d -b "$bundle" "$id" || complain
	run as_user state "$id"
	succeeded
	equal "$(jq -r .status <<<"$output")" running
	[ -n "$(find "$WORK/run" -mindepth 1 -name "$id")" ]
	run as_user exec "$id" id -u
	is 0
	run as_user list -q
	is "$id"
	as_user kill "$id" KILL
	eventually '[ "$(as_user state "$id" | jq -r .status)" = stopped ]'
	as_user delete "$id"
	[ -z "$(find "$WORK/run" -mindepth 1 -name "$id")" ]
}

@test "delete --force of a running one" {
	args /bin/sleep 1000000
	chown $uid "$bundle/config.json"
	quietly as_user run -d -b "$bundle" "$id" || complain
	run as_user delete --force "$id"
	succeeded
	run as_user state "$id"
	failed "does not exist"
}

@test "with entries in /etc/subuid: a range is mapped, and setgroups works" {
	subids
	inside_as_user 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups'
	succeeded
	matches "1 +200000 +65536"
	matches "1 +300000 +65536"
	has allow
}

@test "with entries in /etc/subuid: other users inside" { # runc 1.1 gives no groups
	subids
	config '.process.user = { uid: 33, gid: 33, additionalGids: [50] }'
	inside_as_user 'id -u; id -G'
	succeeded
	is $'33\n33 50'
}

@test "a mapping that /etc/subuid does not give" {
	subids
	config '.linux.uidMappings[1].hostID = 900000'
	inside_as_user true
	failed
	run as_user list -q
	is ""
}

@test "another user than root inside, mapped alone" {
	config '.linux.uidMappings = [{ containerID: 1000, hostID: $uid, size: 1 }] | .linux.gidMappings = .linux.uidMappings |
		.process.user = { uid: 1000, gid: 1000 }' --argjson uid $uid
	inside_as_user 'id -u'
	# runc and crun want 0 to be mapped
	[ "$status" -ne 0 ] || is 1000
}

@test "a user has no rights on root's containers" {
	config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
	inside_as_user true
	failed
}

@test "a limit that the user may not set is an error, not ignored" {
	config '.linux.resources = { unified: { "cgroup.max.depth": "3" } }'
	inside_as_user true
	failed
}

@test "cp, ls, inspect: a user's own containers, with files of other users inside" {
	subids
	config '.root.readonly = false'
	chown $uid "$bundle/config.json"
	script 'mkdir /tmp/d; echo x >/tmp/d/f; chown -R 33:33 /tmp/d; chmod 700 /tmp/d; sleep 1000000'
	chown $uid "$bundle/config.json"
	attempt as_user run --detach -b "$bundle" "$id"
	succeeded
	eventually '[ "$(stat -c %a "$bundle/rootfs/tmp/d")" = 700 ]'
	mkdir "$WORK/home/there"
	chown $uid "$WORK/home/there"
	run as_user cp "$id:/tmp/d" "$WORK/home/there"
	succeeded
	equal "$(stat -c %u "$WORK/home/there/d/f")" $uid
	run as_user cp "$WORK/home/there/d/f" "$id:/tmp/d/g"
	succeeded
	equal "$(stat -c %u "$bundle/rootfs/tmp/d/g")" $uid
	run as_user cp /etc/shadow "$id:/tmp"
	failed "Permission denied"
	run as_user inspect -f .State.Status "$id"
	is running
	run as_user kill "$id" KILL
	eventually '[ "$(as_user ls -q -f status=exited)" = "$id" ]'
	run as_user cp "$id:/tmp/d/f" "$WORK/home/there/last"
	succeeded
	equal "$(cat "$WORK/home/there/last")" x
	as_user delete "$id"
}

@test "launch --rm: what other users inside own is removed after a restart too" {
	subids
	attempt as_user launch -d --rm -e FT_TAG --name "$id" host -- \
		sh -c 'mkdir -p /root/a/b; touch /root/a/b/c; chown -R 7:7 /root/a; chmod 700 /root/a; echo done; exec sleep 1000000'
	succeeded
	eventually '[ -s "$WORK/home/.local/share/ferry/launch/$id/log" ]'
	kill_supervised "$(jq .pid "$WORK/run/ferry/$id/state.json")"
	rm -r "${WORK:?}/run/ferry/$id"
	find "$(unified)" -depth -type d -name "*$id*" -exec rmdir {} +
	run find "$WORK/home/.local/share/ferry/launch/$id" -uid 200006
	has /a/b/c
	run as_user launch --rm -e FT_TAG --name "$id-2" host -- true
	succeeded
	eventually '[ -z "$(ls "$WORK/home/.local/share/ferry/launch")" ]'
}

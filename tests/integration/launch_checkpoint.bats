#!/usr/bin/env bats
# checkpoint and restore of launched containers, with criu.py in CRIU's place: what its supervisor makes of it, and its networks.
load lib
load networks

prepare() {
	make_machine
	storage=$WORK/storage
	image=$storage/$id/checkpoint
	mkdir "$storage"
	export FERRY_CRIU=$here/criu.py CRIU_STARTS="/bin/busybox sleep 1000000"
}

up() { # NAME OPTION...
	echo "$1" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$1" --rootfs "$bundle/rootfs:O" "${@:2}" -- sleep 1000000 ||
		complain launch
}

checkpoint() { attempt ferry checkpoint "$@" "$id"; }
restore() { attempt ferry restore "$@" "$id"; }
member() { jq -r ".$1" "$storage/$id/status.json"; }
address() { ferry inspect -f .NetworkSettings.IPAddress "$1"; }

@test "one that was launched ends by its checkpoint, whatever its restart policy, and goes on by a restore" {
	up "$id" --network none --restart always
	checkpoint
	succeeded
	is ""
	equal "$(jq length "$image/descriptors.json")" 3
	equal "$(member stopped)" true
	run ferry ls -a
	has "Exited (137)"
	restore
	succeeded
	is ""
	run ferry ls
	has "Up "
	run ferry restore "$id"
	failed "container '$id' is running already"
	run ferry stop -t 0 "$id"
	succeeded
	run ferry start "$id"
	succeeded
}

@test "a restore is at the addresses that it had" {
	local address other=$tag-other
	up "$id"
	address=$(address "$id")
	checkpoint
	succeeded
	equal "$(jq -r '.[0] | .network, .ip' "$image/addresses.json" | xargs)" "ferry $address"
	equal "$(ferry network inspect ferry | jq '.[0].containers | length')" 0
	up "$other"
	# One that is refused leaves those of an image that is there.
	attempt ferry checkpoint --image-path "$image" --criu /none "$other"
	failed "no criu where it is said to be"
	equal "$(jq -r '.[0].ip' "$image/addresses.json")" "$address"
	ferry delete -f "$other"
	restore
	succeeded
	equal "$(address "$id")" "$address"
	run nsenter -t "$(init_pid)" -n ip -4 -o addr
	has " $address/"
	has "127.0.0.1/8"
	ferry stop -t 0 "$id"
	up "$other" --network "ferry:ip=$address"
	restore
	failed "$address"
	ferry delete -f "$other"
	restore
	succeeded
}

@test "no packet reaches what is restored before its connections are there" {
	up "$id"
	checkpoint
	echo "nft list tables >$WORK/tables" >"$WORK/look"
	CRIU_RUNS="sh $WORK/look" restore
	succeeded
	equal "$(cat "$WORK/tables")" "table inet CRIU-restore"
	run nsenter -t "$(init_pid)" -n nft list tables
	is ""
}

@test "a restore that fails leaves it ended, to be started anew" {
	up "$id"
	restore
	failed "container '$id' is running already"
	checkpoint
	succeeded
	CRIU_DOES=fail CRIU_LOG="Some thing cannot be restored" restore
	failed "Some thing cannot be restored"
	run ferry ls -a
	has "Exited (137)"
	equal "$(ferry network inspect ferry | jq '.[0].containers | length')" 0
	rm "$image/descriptors.json"
	restore
	failed "there is no whole checkpoint"
	run ferry start "$id"
	succeeded
}

@test "one that goes on after a checkpoint is supervised as before" {
	up "$id" --network none --restart always
	checkpoint --leave-running --image-path "$WORK/image"
	succeeded
	[ -e "$WORK/image/descriptors.json" ]
	kill -KILL "$(init_pid)"
	eventually '[ "$(member restartCount)" = 1 ] && ferry ls | grep -q "Up "'
	CRIU_DOES=fail CRIU_LOG="Some thing is not dumpable" checkpoint
	failed "Some thing is not dumpable"
	CRIU_DOES=hang nsenter --target "$machine" --mount --net -- "$FERRY" --root "$root" checkpoint "$id" >"$WORK/out" 2>&1 3>&- &
	local pid=$!
	eventually '[ -e "$image/hangs" ]'
	kill -KILL $pid
	wait $pid || true
	eventually '[ -e "$image/gave-up" ]'
	run ferry ls
	has "Up "
	kill -KILL "$(init_pid)"
	eventually '[ "$(member restartCount)" = 2 ]'
}

@test "what cannot be checkpointed of launched containers is said" {
	up "$id" --network none --rm
	checkpoint
	failed "--rm"
	checkpoint --leave-running
	succeeded
	run ferry restore --pid-file "$WORK/pid" "$id"
	failed "--pid-file: not for container '$id'"
	ferry delete -f "$id"
	up "$id" --network none --init
	checkpoint
	succeeded
	ferry start "$id"
	ferry stop -t 0 "$id"
	checkpoint
	failed "container '$id' is not running"
}

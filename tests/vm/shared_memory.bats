#!/usr/bin/env bats
# Images whose memory is shared, and CRIU: what a warm process becomes that is restored from them, many times. The process is of
# tests/integration/warm.c, and in no container.
load machine

export MIB=96

setup_file() {
	export work=/var/tmp/warm warm=$BATS_TEST_DIRNAME/../../build/tests/warm
	rm -rf $work
	mkdir -p $work/img
	warm_process
	pid=$(pgrep -o -x warm)
	kill -USR1 "$pid"
	eventually grep -q child $work/answers
	grep -v ready $work/answers >$work/expected
	criu dump -t "$pid" -D $work/img -o dump.log || { grep Error $work/img/dump.log; return 1; }
	read -r regions bytes left < <($warm share $work/img shared)
	echo "regions $regions, bytes $bytes, left out $left"
	((regions == 4 && bytes > MIB << 21 && left == 0))
	for file in $work/shared/memory-*.img; do
		name=${file##*/memory-}
		echo "ferry-memory-${name%.img} $file"
	done >$work/shared.keys
}

teardown_file() {
	rm -rf $work
}

gone() { ! pgrep -x warm; }

teardown() {
	ferry delete -f one 2>/dev/null || true
	ferry delete -f two 2>/dev/null || true
	pkill -9 -x warm || true
	eventually gone
}

# In a session of its own, with nothing of the test's open.
warm_process() (
	cd $work
	for fd in /proc/$BASHPID/fd/*; do
		fd=${fd##*/}
		((fd < 3)) || eval "exec $fd>&-"
	done
	setsid $warm serve $MIB $work/answers </dev/null >/dev/null 2>&1 &
	for _ in {100..0}; do
		! grep -q ready answers 2>/dev/null || break
		sleep 0.1
	done
)

# restored DIR COMMAND: restores in a PID namespace of its own, and runs COMMAND there with $pid, all that was restored in $pids.
# DIR.keys has a line for each file of memory: how CRIU calls it, and where it is.
restored() {
	: >$work/answers
	DIR=$work/$1 COMMAND=$2 unshare -p -f --mount-proc --kill-child bash -euc '
		options=() fd=5
		while read -r key file; do
			eval "exec $fd<$file"
			options+=(--inherit-fd "fd[$fd]:$key")
			((++fd))
		done <"$DIR.keys"
		criu restore -d -D "$DIR" -o restore.log "${options[@]}" 3>&- 4>&- || { grep Error "$DIR/restore.log"; exit 1; }
		while ((--fd >= 5)); do eval "exec $fd<&-"; done
		pid=$(pgrep -o -x warm) pids=$(pgrep -x warm)
		eval "$COMMAND"'
}

answered() {
	eventually grep -q "$1" $work/answers
}

# kB that these processes have for themselves alone
own() {
	local p
	for p; do cat /proc/"$p"/smaps; done | awk '/^(Private_Dirty|Private_Clean):/ { sum += $2 } END { print sum }'
}
export -f answered own eventually

@test "what is restored has the same memory, and hardly any for itself" {
	restored shared '
		own=$(own $pids)
		echo "$own kB"
		((own < MIB * 2 * 1024 / 20))
		kill -USR1 $pid; answered child'
	same "$(sort $work/expected)" "$(sort $work/answers)"
}

@test "what one writes no other sees" {
	restored shared 'kill -USR2 $pid; answered wrote; kill -USR1 $pid; answered child'
	restored shared 'kill -USR1 $pid; answered child'
	same "$(sort $work/expected)" "$(sort $work/answers)"
}

@test "two at once" {
	restored shared 'until [ -e $work/over ]; do sleep 0.1; done' &
	local first=$!
	eventually pgrep -x warm
	restored shared 'kill -USR1 $pid; answered child'
	same "$(sort $work/expected)" "$(sort $work/answers)"
	touch $work/over
	wait $first
}

@test "a region that grows finds zeros" {
	restored shared 'kill -WINCH $pid; answered grown; kill -USR1 $pid; answered child'
	same "$( (cat $work/expected; echo grown) | sort)" "$(sort $work/answers)"
}

@test "its own checkpoint has what was written since, and can be restored" {
	mkdir $work/again
	# shellcheck disable=SC2016 # by the other shell
	restored shared '
		kill -USR2 $pid; answered wrote
		external=()
		while read -r key file; do
			key=$($warm external $file)
			external+=(--external "$key")
			echo "$key $file"
		done <$DIR.keys >$work/again.keys
		criu dump -t $pid -D $work/again -o dump.log "${external[@]}" 3>&- 4>&- ||
			{ grep Error $work/again/dump.log; exit 1; }'
	local before after
	before=$(cat $work/shared/pages-*.img | wc -c)
	after=$(cat $work/again/pages-*.img | wc -c)
	echo "before $before, after $after"
	((after - before >= 16 * 4096 && after - before <= 64 * 4096))
	restored again 'kill -USR1 $pid; answered child'
	same "$(sort $work/expected)" "$(sort $work/answers)"
}

@test "a container is restored from what others share" {
	local bundle=$work/bundle answers=$work/bundle/rootfs/answers pid before
	make_rootfs $bundle/rootfs
	cp $warm $bundle/rootfs/bin/warm
	ferry spec --bundle $bundle
	jq '.process.terminal = false | .root.readonly = false | .process.args = ["/bin/warm", "serve", env.MIB, "/answers"]' \
		$bundle/config.json >$bundle/new
	mv $bundle/new $bundle/config.json
	ferry run -d -b $bundle one </dev/null >$work/out 2>&1
	eventually grep -q ready $answers
	kill -USR1 "$(ferry state one | jq .pid)"
	eventually grep -q child $answers
	before=$(grep -v ready $answers | sort)
	ferry checkpoint --image-path $work/image --work-path $work/log one
	$warm share $work/image template
	rm -r $work/image
	: >$answers
	ferry restore -d --image-path $work/template --work-path $work/log -b $bundle two </dev/null >$work/out 2>&1
	pid=$(ferry state two | jq .pid)
	# shellcheck disable=SC2046 # several
	(($(own $pid $(pgrep -P $pid)) < MIB * 2 * 1024 / 20))
	kill -USR1 $pid
	eventually grep -q child $answers
	same "$before" "$(sort $answers)"
}

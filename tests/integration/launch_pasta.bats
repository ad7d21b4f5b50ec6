#!/usr/bin/env bats
# launch --network pasta, and an ordinary user's launch that says nothing: how an ordinary user's container comes by that program, and loses it. What stands in for it goes into
# the background as it does; tests/vm has the real one.
load lib
load user

prepare() {
	make_user
	mkdir "$WORK/bin"
	PATH=$WORK/bin:$PATH
}

# pasta COMMAND: what it does before it goes into the background. Its words are in $WORK/home/words.
pasta() {
	cat >"$WORK/bin/pasta" <<-END
		#!/bin/sh
		echo "\$@" >"$WORK/home/words"
		$1
		setsid sleep 1000000 </dev/null >/dev/null 2>&1 &
	END
	chmod 755 "$WORK/bin/pasta"
}

helpers() {
	pgrep -u 54321 -f 'ferry: keeper|sleep 1000000' || :
}

@test "it stands before the program runs, knows the container and its ports, and ends with it" {
	pasta ''
	quietly as_user launch -d -e FT_TAG --name "$id" --network pasta -p 8080:80 -p 127.0.0.1:5300-5301:53-54/udp host -- \
		sleep 1234567 || complain launch
	local words
	words=$(cat "$WORK/home/words")
	[[ "$words" == *" --tcp-ports 8080-8080:80-80 --udp-ports 127.0.0.1/5300-5301:53-54 "* ]]
	equal "${words##* }" "$(as_user inspect -f .State.Pid "$id")"
	[ -n "$(helpers)" ]
	run as_user exec "$id" true
	succeeded
	quietly as_user restart -t 0 "$id" || complain restart
	eventually '[ "$(helpers | wc -l)" = 2 ]'
	quietly as_user rm -f "$id" || complain rm
	eventually '[ -z "$(helpers)" ]'
}

@test "without ports it passes none on" {
	pasta ''
	run as_user launch --rm --name "$id" --network pasta host -- true
	succeeded
	run cat "$WORK/home/words"
	has "--tcp-ports none --udp-ports none "
	eventually '[ -z "$(helpers)" ]'
}

@test "what goes wrong comes back, and nothing is left" {
	pasta 'echo first >&2; echo it is so >&2; exit 3'
	run as_user launch --rm --name "$id" --network pasta host -- true
	failed "'pasta' failed: it is so"
	[ -z "$(helpers)" ]
	run as_user launch --rm --network pasta -p 80 host -- true
	failed "expected HOST:CONTAINER"
	run as_user launch --rm --network some host -- true
	failed "say --network pasta"
	run as_user ls -q
	is ""
}

@test "without --network it is taken where it is there and works" {
	pasta ''
	run as_user launch --rm --name "$id" host -- true
	succeeded
	is ""
	run cat "$WORK/home/words"
	has "--tcp-ports none --udp-ports none "
	run as_user launch --rm --name "$id" -p 8080:80 host -- true
	succeeded
	run cat "$WORK/home/words"
	has "--tcp-ports 8080-8080:80-80 "
	rm "$WORK/home/words"
	run as_user launch --rm --network none host -- true
	succeeded
	[ ! -e "$WORK/home/words" ]
	pasta 'echo no way out >&2; exit 1'
	run as_user launch --rm --name "$id" host -- ls /sys/class/net
	succeeded
	has "warning: no network: 'pasta' failed: no way out"
	equal "$(grep -v warning <<<"$output")" lo
	run as_user launch --rm --name "$id" -p 8080:80 host -- true
	failed "no way out"
	rm "$WORK/bin/pasta"
	run as_user launch --rm --name "$id" host -- ls /sys/class/net
	succeeded
	is lo
	run as_user launch --rm -p 8080:80 host -- true
	failed "say --network pasta"
	run as_user ls -q
	is ""
	eventually '[ -z "$(helpers)" ]'
}

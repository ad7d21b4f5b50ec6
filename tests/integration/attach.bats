# Containers' networks beneath containers: what netns/ does, by a program of its own (attach.c) and plain network namespaces.
load lib
load networks
load attached

prepare() {
	has_attach
	make_machine
	define web ferry1 10.90.1
	define dual ferry2 10.90.2 '.subnets += [{ subnet: "fd00:90::/64", gateway: "fd00:90::1" }]'
}

nothing_is_left() {
	nothing_attached && [ -z "$(there find /run/ferry/.networks -path '*/attached*' -o -name bridge)" ] &&
		[ -z "$(there nft list ruleset)" ]
}

@test "a container has addresses, routes and names, and nothing of them afterwards" {
	container one
	up one dual:alias=www --name one
	in_container one ip -j link show eth0 | jq -e '.[0] | .operstate == "UP" and .address == "02:00:0a:5a:02:02"'
	[ "$(address one eth0)" = 10.90.2.2 ]
	[ "$(address one eth0 -6)" = fd00:90::2 ]
	in_container one ip -j -6 address show dev eth0 scope global | jq -e '.[].addr_info[0] | .tentative != true'
	[ "$(in_container one ip -j route show default | jq -r '.[0].gateway')" = 10.90.2.1 ]
	[ "$(in_container one ip -6 -j route show default | jq -r '.[0].gateway')" = fd00:90::1 ]
	in_container one ping -q -c 1 -w 60 10.90.2.1
	in_container one ping -q -c 1 -w 60 fd00:90::1
	in_container one ping -q -c 1 -w 60 127.0.0.1
	there test -L /run/ferry/.networks/networks/dual/names/www/10.90.2.2
	down one
	[ -z "$(in_container one ip -o link show eth0 2>/dev/null)" ]
	nothing_is_left
	down one
}

@test "a container whose namespace has ended" {
	container one two
	up one web
	up two web
	there ip netns del one
	down one
	eventually '[ "$(there ip -o link show master ferry1 | wc -l)" = 1 ]'
	# The same container again, before and after the kernel has removed what it had.
	local i
	for i in 1 2 3; do
		container one
		up one web
		in_container one ping -q -c 1 -w 60 "$(address two eth0)"
		there ip netns del one
		down one
	done
	down two
	nothing_is_left
}

@test "without an IPv6 subnet there is no IPv6, and none is needed" {
	container one
	define small ferry4 10.90.4 '.options = { mtu: "1000" }'
	up one web small
	[ -z "$(in_container one ip -6 -o address show dev eth0)" ]
	in_container one ip -j link show eth1 | jq -e '.[0].mtu == 1000'
	in_container one ping -q -c 1 -w 60 10.90.4.1
	down one
	nothing_is_left
}

@test "a network stands from its first container to its last" {
	container one two
	up one web
	there ip link show ferry1
	up two web
	in_container two ping -q -c 1 -w 60 "$(address one eth0)"
	down one
	there ip link show ferry1
	in_container two ping -q -c 1 -w 60 10.90.1.1
	down two
	nothing_is_left
}

@test "a bridge that was there before stays" {
	container one
	there ip link add ferry1 type bridge
	up one web
	down one
	there ip link show ferry1
	there ip link del ferry1
	nothing_is_left
}

@test "several networks, one more and one less" {
	container one
	up one web dual
	[ "$(address one eth0)" = 10.90.1.2 ]
	[ "$(address one eth1)" = 10.90.2.2 ]
	[ "$(in_container one ip -j route get 192.0.2.1 | jq -r '.[0].gateway')" = 10.90.1.1 ]
	run attach connect /run/ferry/one /run/netns/one web
	[ "$status" = 1 ]
	[[ $output == *'"web"'*already* ]]
	attach disconnect /run/ferry/one /run/netns/one web
	run in_container one ip link show eth0
	[ "$status" != 0 ]
	[ "$(address one eth1)" = 10.90.2.2 ]
	[ "$(in_container one ip -j route get 192.0.2.1 | jq -r '.[0].gateway')" = 10.90.2.1 ]
	run attach disconnect /run/ferry/one /run/netns/one web
	[ "$status" = 1 ]
	attach connect /run/ferry/one /run/netns/one web:ip=10.90.1.77,mac=02:11:22:33:44:55,interface=back
	[ "$(address one back)" = 10.90.1.77 ]
	in_container one ip -j link show back | jq -e '.[0].address == "02:11:22:33:44:55"'
	in_container one ping -q -c 1 -w 60 10.90.1.1
	down one
	nothing_is_left
}

@test "what cannot be is refused, and leaves nothing" {
	container one two
	up two web:ip=10.90.1.9
	local bad
	for bad in nowhere web:ip=10.90.2.1 web:ip=10.90.1.1 web:ip=10.90.1.9 web:ip6=fd00::2 web:mac=01:00:00:00:00:01 \
		web:interface=lo web:interface=a/b 'web web' 'web:interface=eth1 dual:interface=eth1' 'dual web:ip=10.90.1.9'; do
		# shellcheck disable=SC2086 # two words are two networks
		run up one $bad
		[ "$status" = 1 ] || { echo "accepted: $bad"; return 1; }
		[ "${#lines[@]}" = 1 ]
	done
	[ "$(in_container one ip -o link | wc -l)" = 1 ]
	down two
	nothing_is_left
}

@test "a network that cannot be connected takes nothing away" {
	container one two
	up one web --name one --publish 8080:80
	up two dual:ip=10.90.2.9
	there find /run/ferry/.networks ! -name 'last.*' -printf '%P %l\n' | sort >"$WORK/connected"
	there nft list ruleset >"$WORK/ruleset"
	run attach connect /run/ferry/one /run/netns/one dual:ip=10.90.2.9
	[ "$status" = 1 ]
	[[ $output == *10.90.2.9*taken* ]]
	there find /run/ferry/.networks ! -name 'last.*' -printf '%P %l\n' | sort | diff "$WORK/connected" -
	there nft list ruleset | diff "$WORK/ruleset" -
	in_container one ping -q -c 1 -w 60 10.90.1.1
	down one
	down two
	nothing_is_left
}

@test "what a failing step leaves is undone" {
	container one
	in_container one ip link add eth0 type dummy || in_container one ip link add eth0 type bridge
	run up one web --publish 8080:80
	[ "$status" = 1 ]
	[[ $output == *"fv"*"File exists"* ]]
	nothing_is_left
}

@test "one that was killed is attached anew" {
	container one
	up one web:ip=10.90.1.5 --name one
	up one web:ip=10.90.1.6 --name one
	[ "$(address one eth0)" = 10.90.1.6 ]
	there test ! -e /run/ferry/.networks/networks/web/leases/10.90.1.5
	down one
	nothing_is_left
}

@test "32 at once on one network" {
	local i pids=()
	for i in $(seq 32); do
		container "c$i"
	done
	for i in $(seq 32); do
		up "c$i" web --name "c$i" >"$WORK/up.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$WORK"/up.*; return 1; }
	done
	[ "$(cat "$WORK"/up.* | sort -u | wc -l)" = 32 ]
	for i in $(seq 32); do
		in_container "c$i" ping -q -c 1 -w 60 10.90.1.1 >/dev/null
	done
	pids=()
	for i in $(seq 32); do
		down "c$i" >"$WORK/down.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$WORK"/down.*; return 1; }
	done
	nothing_is_left
}

@test "the first and the last of a network, again and again at once" {
	local i pids=()
	container a b c d
	for i in a b c d; do
		attach time 15 "/run/ferry/$i" "/run/netns/$i" web dual >"$WORK/time.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$WORK"/time.*; return 1; }
	done
	nothing_is_left
}

# Kills a command on the way into each system call that leaves something, or that tells the kernel to, one after the
# other, and each time runs what comes before and behind. strace counts each call by its name.
calls="sendto sendmsg symlinkat renameat unlinkat mkdirat write"

killed_anywhere() { # BEFORE BEHIND ATTACH-COMMAND...
	local call n before=$1 behind=$2 killed=0
	shift 2
	for call in $calls; do
		for ((n = 1; n < 100; n++)); do
			"$before" >/dev/null
			status=0
			# Leaks cannot be looked for under strace.
			ASAN_OPTIONS=detect_leaks=0 there timeout --kill-after=2 300 strace -o /dev/null -e trace="$call" \
				-e "inject=$call:signal=KILL:when=$n" "$attach" "$@" >"$WORK/out" 2>&1 || status=$?
			"$behind" >"$WORK/behind" 2>&1 || { echo "killed in $call $n:"; cat "$WORK/behind"; return 1; }
			[ "$status" != 0 ] || break
			[ "$status" = 137 ] || { echo "$call $n: $status"; cat "$WORK/out"; return 1; }
			killed=$((killed + 1))
		done
		[ "$n" -lt 100 ]
	done
	echo "killed $killed times"
	[ "$killed" -gt 10 ]
}

down_and_nothing() {
	down one && nothing_is_left
}

@test "attaching killed anywhere: detaching leaves nothing" {
	container one
	killed_anywhere true down_and_nothing up /run/ferry/one /run/netns/one web:alias=www dual --name one --publish 8080:80
}

owner_gone_and_reload() {
	there rmdir /run/ferry/one && attach reload && nothing_is_left && there mkdir /run/ferry/one
}

@test "attaching killed anywhere, and the owner gone: reloading leaves nothing" {
	container one
	killed_anywhere true owner_gone_and_reload \
		up /run/ferry/one /run/netns/one web:alias=www dual --name one --publish 8080:80
}

again() {
	up one web dual --name one --publish 8080:80 && in_container one ping -q -c 1 -w 60 "$two" && down one
}

@test "attaching killed anywhere: it can be done again, beside another" {
	container one two
	up two web
	two=$(address two eth0)
	killed_anywhere true again up /run/ferry/one /run/netns/one web dual --name one --publish 8080:80
	down two
	nothing_is_left
}

attached() {
	up one web:alias=www dual --name one --publish 8080:80
}

@test "detaching killed anywhere: detaching again leaves nothing" {
	container one
	killed_anywhere attached down_and_nothing down /run/ferry/one
}

attached_to_one() {
	up one web
}

attached_to_two() {
	up one web dual
}

@test "connecting and disconnecting killed anywhere: detaching leaves nothing" {
	container one
	killed_anywhere attached_to_one down_and_nothing connect /run/ferry/one /run/netns/one dual
	killed_anywhere attached_to_two down_and_nothing disconnect /run/ferry/one /run/netns/one dual
}

alone_in_its_namespace() {
	down_and_nothing && [ "$(in_container one ip -o link | wc -l)" = 1 ]
}

@test "attaching to a parent, and with a rate, killed anywhere: detaching leaves nothing, in the container neither" {
	container one
	there ip link add parent type bridge
	there ip link set parent up
	define wire parent 10.90.4 '.driver = "macvlan" | .dns_enabled = false'
	killed_anywhere true alone_in_its_namespace up /run/ferry/one /run/netns/one wire web --rate 8000000
}

broken() {
	attached && container two && up two web && there ip link del ferry1 && there nft flush ruleset
}

made_again() {
	attach reload && in_container one ping -q -c 1 -w 60 "$(address two eth0)" && there nft list ruleset | grep -q 8080 &&
		down two && there ip netns del two && down_and_nothing
}

@test "reloading killed anywhere: reloading again makes all of it" {
	container one
	killed_anywhere broken made_again reload
}

@test "reloading makes again what others have taken away" {
	container one two
	up one web --name one
	up two web
	there ip link del ferry1
	there rm -r /run/ferry/.networks/networks/web/names
	attach reload
	in_container one ping -q -c 1 -w 60 10.90.1.1
	in_container one ping -q -c 1 -w 60 "$(address two eth0)"
	there test -L "/run/ferry/.networks/networks/web/names/one/$(address one eth0)"
	there ip address del 10.90.1.1/24 dev ferry1
	attach reload
	in_container one ping -q -c 1 -w 60 10.90.1.1
	down one
	down two
	nothing_is_left
}

@test "a bridge that others have taken away is there again, and sends back by the port that published ports lead to" {
	container one two
	up one web --publish 8080:80
	up two web
	there ip link del ferry1
	attach reload
	there ip -j -d link show master ferry1 | jq -e 'length == 2 and ([.[] | select(.linkinfo.info_slave_data.hairpin)] | length == 1)'
	down one
	down two
	nothing_is_left
}

@test "a bridge that others have taken away is there again with the next container" {
	container one two
	up one web
	there ip link del ferry1
	up two web
	in_container one ping -q -c 1 -w 60 10.90.1.1
	in_container two ping -q -c 1 -w 60 "$(address one eth0)"
	down one
	down two
	nothing_is_left
}

@test "an address that a killed container left is had again" {
	container one
	define tiny ferry3 10.90.3 '.subnets[0] |= { subnet: "10.90.3.0/30", gateway: "10.90.3.1" }'
	there mkdir -p /run/ferry/.networks/networks/tiny/leases
	there ln -s 0123456789ab /run/ferry/.networks/networks/tiny/leases/10.90.3.2
	up one tiny
	[ "$(address one eth0)" = 10.90.3.2 ]
	down one
	nothing_is_left
}

@test "rules that others have flushed are there again with the next container, and by a reload" {
	container one two
	up one web --publish 8080:80
	there nft list ruleset | grep -q 8080
	there nft flush ruleset
	up two web
	there nft list ruleset | grep -q 8080
	there nft flush ruleset
	attach reload
	there nft list ruleset | grep -q 8080
	there nft flush ruleset
	down one
	down two
	nothing_is_left
}

@test "macvlan: the container's interface is on the parent, with another's name there" {
	container one
	there ip link add eth0 type bridge
	there ip link set eth0 up
	define wire eth0 10.90.4 '.driver = "macvlan" | .dns_enabled = false'
	up one wire web
	in_container one ip -j -d link show eth0 | jq -e '.[0].linkinfo.info_kind == "macvlan" and .[0].operstate != "DOWN"'
	[ "$(address one eth0)" = 10.90.4.2 ]
	attach disconnect /run/ferry/one /run/netns/one wire
	run in_container one ip link show eth0
	[ "$status" != 0 ]
	attach connect /run/ferry/one /run/netns/one wire
	[ "$(address one eth0)" = 10.90.4.3 ]
	run up one web --publish 8080:80 web
	[ "$status" = 1 ]
	run up one wire --publish 8080:80
	[ "$status" = 1 ]
	[[ $output == *published* ]]
	up one wire
	down one
	[ "$(in_container one ip -o link | wc -l)" = 1 ]
	# Its namespace's number is another's afterwards, who has an interface of the same name.
	container two
	up one wire
	there ip netns del one
	up two wire
	down one
	in_container two ip link show eth0
	down two
	[ "$(in_container two ip -o link | wc -l)" = 1 ]
	there ip link del eth0
	nothing_is_left
}

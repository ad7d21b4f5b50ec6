#!/usr/bin/env bats
# The commands of `ferry network`: definitions of networks. What they do to packets is tested elsewhere.
load lib
load networks

network() {
	ferry network "$@"
}

# What a network's definition has: defined NAME FILTER prints it.
defined() {
	there jq -r "$2" "/var/lib/ferry/networks/$1.json"
}

definitions() {
	there sh -c 'cd /var/lib/ferry/networks && sha256sum .[!.]* * 2>/dev/null' || :
}

# refused TEXT ARGUMENTS...: `network create` fails with that text, and changes nothing.
refused() {
	local before
	before=$(definitions)
	run network create "${@:2}"
	failed "$1"
	equal "$(definitions)" "$before"
}

@test "the default network is made on first use" {
	run network ls
	succeeded
	is "NAME    DRIVER   INTERFACE   SUBNETS        CONTAINERS
ferry   bridge   ferry0      10.88.0.0/16   0"
	[ "$(defined ferry .dns_enabled)" = true ]
	run there ip -o link
	[ ${#lines[@]} = 1 ]
}

@test "the default network goes round what this machine has routes to" {
	there ip link add up0 type veth peer name up1
	there ip link set up1 up
	there ip addr add 10.88.3.4/24 dev up0
	there ip link set up0 up
	there ip link add ferry0 type bridge
	[ "$(network inspect ferry --format .subnets[0].subnet)" = 10.89.0.0/16 ]
	[ "$(defined ferry .network_interface)" = ferry1 ]
	network create web
	[ "$(defined web .subnets[0].subnet)" = 10.90.0.0/24 ]
	[ "$(defined web .network_interface)" = ferry2 ]
}

@test "where everything private has a route, a subnet must be said" {
	there ip link add up0 type veth peer name up1
	there ip link set up1 up
	there ip addr add 192.0.2.7/24 dev up0
	there ip link set up0 up
	there ip route add 10.0.0.0/8 dev up0
	[ "$(network inspect ferry --format .subnets[0].subnet)" = 172.16.0.0/16 ]
	network create web
	[ "$(defined web .subnets[0].subnet)" = 172.17.0.0/24 ]
	network rm ferry web
	there ip route add 172.16.0.0/12 dev up0
	[ "$(network inspect ferry --format .subnets[0].subnet)" = 192.168.0.0/20 ]
	network rm ferry
	there ip route add 192.168.0.0/16 dev up0
	run network ls -q
	is ""
	succeeded
	run network inspect ferry
	failed "make the default network: no private IPv4 subnet is free: 'ferry network create ferry --subnet' says"
	network create ferry --subnet 198.18.0.0/24
	run network ls -q
	is ferry
}

@test "create: what is not said is chosen" {
	run network create web
	is web
	network create web2
	[ "$(defined web '.subnets[0] | .subnet + " " + .gateway')" = "10.89.0.0/24 10.89.0.1" ]
	[ "$(defined web2 .subnets[0].subnet)" = 10.89.1.0/24 ]
	[ "$(defined web '.driver + " " + .network_interface')" = "bridge ferry1" ]
	[ "$(defined web2 .network_interface)" = ferry2 ]
	[ "$(defined web '[.internal, .ipv6_enabled, .dns_enabled | tostring] | join(" ")')" = "false false true" ]
	network rm web
	network create web3
	[ "$(defined web3 '.subnets[0].subnet + " " + .network_interface')" = "10.89.0.0/24 ferry1" ]
}

@test "create: subnets, gateways and ranges" {
	network create --subnet 10.1.0.77/24 --gateway 10.1.0.254 --ip-range 10.1.0.128/25 a
	[ "$(defined a '.subnets[0] | [.subnet, .gateway, .lease_range.start_ip, .lease_range.end_ip] | join(" ")')" = \
		"10.1.0.0/24 10.1.0.254 10.1.0.128 10.1.0.254" ]
	network create --subnet fd00:1::/64 --subnet 10.2.0.0/24 --gateway fd00:1::9 --ip-range 10.2.0.10-10.2.0.19 b
	[ "$(defined b '.subnets[0] | .subnet + " " + .gateway')" = "fd00:1::/64 fd00:1::9" ]
	[ "$(defined b '.subnets[1] | [.gateway, .lease_range.start_ip, .lease_range.end_ip] | join(" ")')" = \
		"10.2.0.1 10.2.0.10 10.2.0.19" ]
	[ "$(defined b .ipv6_enabled)" = true ]
	network create --subnet fd00:2::/64 c
	[ "$(defined c '.subnets | length')" = 1 ]
	network create --subnet 10.3.0.0/30 d
	network create --subnet 10.3.0.4/31 e
	[ "$(defined e .subnets[0].gateway)" = 10.3.0.4 ]
}

@test "create: --ipv6 gives a free subnet of fd00::/8" {
	network create --ipv6 a
	[ "$(defined a .subnets[0].subnet)" = 10.89.0.0/24 ]
	output=$(defined a .subnets[1].subnet)
	matches '^fd[0-9a-f:]+::/64$'
	network create --ipv6 --subnet 10.1.0.0/24 b
	[ "$(defined b .subnets[0].subnet)" = 10.1.0.0/24 ]
	[ "$(defined b .subnets[1].subnet)" != "$output" ]
	network create --ipv6 --subnet fd00:1::/64 c
	[ "$(defined c '.subnets | length')" = 1 ]
}

@test "create: options" {
	network create --internal --isolate --mtu 1400 --vlan 7 --label a=b --label c --interface-name br-web web
	[ "$(defined web '.options | tojson')" = '{"mtu":"1400","vlan":"7","isolate":"true"}' ]
	[ "$(defined web '.labels | tojson')" = '{"a":"b","c":""}' ]
	[ "$(defined web '.internal')" = true ]
	[ "$(defined web '.network_interface')" = br-web ]
	network create -o mtu=9000 --opt isolate=true --mtu 9000 -o vlan=4094 b
	[ "$(defined b '.options | tojson')" = '{"mtu":"9000","isolate":"true","vlan":"4094"}' ]
	network create -o com.docker.network.driver.mtu=1300 -o com.docker.network.bridge.name=br-c c
	[ "$(defined c .network_interface)" = br-c ]
	network create --disable-dns d
	[ "$(defined d .dns_enabled)" = false ]
	network create --dns 192.0.2.1 --dns 2001:db8::1 e
	[ "$(defined e '.network_dns_servers | join(" ")')" = "192.0.2.1 2001:db8::1" ]
}

@test "create: macvlan and ipvlan" {
	there ip link add up0 type veth peer name up1
	there ip link set up1 up
	there ip addr add 10.1.0.7/24 dev up0
	there ip link set up0 up
	network create -d macvlan -o parent=up0 --subnet 10.1.0.0/24 --gateway 10.1.0.1 mac
	[ "$(defined mac '.driver + " " + .network_interface + " " + (.dns_enabled | tostring)')" = "macvlan up0 false" ]
	network create --driver macvlan --interface-name up0 -o mode=private bare
	[ "$(defined bare '.subnets | length')" = 0 ]
	network create -d ipvlan -o parent=up0 -o mode=l3 --subnet 10.5.0.0/24 ip
	[ "$(defined ip .subnets[0].gateway)" = null ]
	network create -d ipvlan -o parent=up0 --internal --subnet 10.6.0.0/24 inside
	[ "$(defined inside .subnets[0].gateway)" = null ]
	refused 'option mode: invalid mode "l4": ipvlan has l2, l3 and l3s' -d ipvlan -o parent=up0 -o mode=l4 x
	refused "macvlan needs an interface of this machine: --opt parent=" -d macvlan x
	refused 'this machine has no interface "up7"' -d macvlan -o parent=up7 x
	refused "--dns: names are resolved on networks of the driver bridge alone" -d macvlan -o parent=up0 --dns 192.0.2.1 x
	refused 'option vlan: a network of the driver macvlan has no such option' -d macvlan -o parent=up0 --vlan 2 x
	refused 'the interface is "up0" already' -d macvlan -o parent=up1 --interface-name up0 x
}

@test "create: what is there already" {
	network create --subnet 10.1.0.0/24 web
	refused 'a network "web" is there already' web
	run network create --ignore --subnet 10.2.0.0/24 web
	is web
	[ "$(defined web .subnets[0].subnet)" = 10.1.0.0/24 ]
	refused 'the subnet 10.1.0.128/25 overlaps that of the network "web"' --subnet 10.1.0.128/25 b
	refused 'the subnet 10.0.0.0/8 overlaps that of the network "web"' --subnet 10.0.0.0/8 b
	refused 'the interface "ferry1" is of the network "web" already' --interface-name ferry1 b
	refused 'the interface "ferry1" is of the network "web" already' --ignore --interface-name ferry1 b
	there ip link add up0 type veth peer name up1
	there ip link set up1 up
	there ip addr add 10.7.3.4/24 dev up0
	there ip link set up0 up
	refused 'this machine has an interface "up0" already: choose another name' --interface-name up0 b
	refused "the subnet 10.7.0.0/16 overlaps 10.7.3.0/24, which this machine has a route to" --subnet 10.7.0.0/16 b
}

@test "create: bad input" {
	network create good
	refused '"network create" requires exactly 1 argument(s)'
	refused '"network create" requires exactly 1 argument(s)' a b
	refused "flag provided but not defined: -subnett" --subnett 10.1.0.0/24 a
	refused 'invalid name "a/b"' a/b
	refused 'invalid name ".."' ..
	refused 'invalid name ""' ""
	refused 'invalid name "host": it means something else behind --network' host
	refused "longer than 128 letters" "$(printf '%0200d' 0)"
	refused "'10.1.0.0': expected an address with its prefix length" --subnet 10.1.0.0 a
	refused "the prefix length is 0 to 32" --subnet 10.1.0.0/33 a
	refused "is no IP address" --subnet 10.1.0/24 a
	refused "0.0.0.0/0 cannot be a container's" --subnet 0.0.0.0/0 a
	refused "127.0.0.0/8 is the loopback's" --subnet 127.1.0.0/16 a
	refused "for groups" --subnet 224.0.0.0/24 a
	refused "ff00::/8 is for groups" --subnet ff02::/64 a
	refused "more than one subnet of IPv4" --subnet 10.1.0.0/24 --subnet 10.1.0.0/25 a
	refused "more than one subnet of IPv6" --subnet fd00::/64 --subnet fd01::/64 a
	refused "gateway 10.2.0.1 is outside of the subnet 10.1.0.0/24" --subnet 10.1.0.0/24 --gateway 10.2.0.1 a
	refused "gateway 10.1.0.0 is the network's own address" --subnet 10.1.0.0/24 --gateway 10.1.0.0 a
	refused "gateway 10.1.0.255 is the broadcast address" --subnet 10.1.0.0/24 --gateway 10.1.0.255 a
	refused "--gateway 10.1.0.1: say its --subnet, too" --gateway 10.1.0.1 a
	refused "--gateway fd00::1: say its --subnet, too" --subnet 10.1.0.0/24 --gateway fd00::1 a
	refused "its subnet has one already" --subnet 10.1.0.0/24 --gateway 10.1.0.1 --gateway 10.1.0.2 a
	refused "--gateway: 'x' is no IP address" --subnet 10.1.0.0/24 --gateway x a
	refused "--ip-range: the range 10.2.0.0/25 is outside of the subnet" --subnet 10.1.0.0/24 --ip-range 10.2.0.0/25 a
	refused "the range begins at 10.1.0.9, behind its end 10.1.0.8" --subnet 10.1.0.0/24 --ip-range 10.1.0.9-10.1.0.8 a
	refused "--ip-range 10.1.0.0/25: say its --subnet, too" --ip-range 10.1.0.0/25 a
	refused "--ip-range: '10.1.0.9': expected an address with its prefix" --subnet 10.1.0.0/24 --ip-range 10.1.0.9 a
	refused "besides the gateway, no address of 10.1.0.0/32 is left" --subnet 10.1.0.0/32 a
	for mtu in 0 67 65536 -1 1e3 "" x 99999999999999999999 " 1500"; do
		refused "option mtu: invalid value \"$mtu\": expected 68 to 65535" --mtu "$mtu" a
	done
	refused "option mtu: invalid value \"1279\": expected 1280 to 65535" --mtu 1279 --ipv6 a
	refused "mtu is both \"1400\" and \"1500\"" -o mtu=1400 --mtu 1500 a
	refused "option vlan: invalid value \"4095\": expected 1 to 4094" --vlan 4095 a
	refused "option isolate: invalid value \"perhaps\"" -o isolate=perhaps a
	refused 'option mut: unknown option: did you mean "mtu"?' -o mut=1400 a
	refused "--opt 'mtu': expected KEY=VALUE" -o mtu a
	refused "--label '=b': expected KEY=VALUE" --label =b a
	refused "--label: a is both" --label a=b --label a=c a
	refused 'unknown driver "overlay": use bridge, macvlan or ipvlan' -d overlay a
	refused 'launch containers with --network none' -d none a
	refused "'dns.example' is no IP address" --dns dns.example a
	refused "contradict each other" --dns 192.0.2.1 --disable-dns a
	refused 'a/b' --interface-name a/b a
	refused 'sixteen-letters-' --interface-name sixteen-letters- a
	refused "interface 'all': the kernel lets none be called so" --interface-name all a
	refused 'this machine has an interface "lo" already' --interface-name lo a
}

@test "ls: table, names, json, filters" {
	network create --label tier=front web
	network create --label tier=back --internal db
	run network ls -q
	is "db
ferry
web"
	run network ls --noheading --filter name=web
	is "web   bridge   ferry1   10.89.0.0/24   0"
	[ "$(network ls --format json | jq -r '.[2] | .name + " " + .subnets[0].subnet')" = "web 10.89.0.0/24" ]
	run network ls -q --filter label=tier
	is "db
web"
	run network ls -q -f label=tier=back -f driver=bridge
	is db
	run network ls -q --filter name=web --filter name=db
	is "db
web"
	run network ls -q --filter dangling=false
	is ""
	run network ls -q --filter driver=macvlan
	is ""
	run network ls --filter size=1
	failed "--filter 'size=1': expected KEY=VALUE, with name, driver, label or dangling"
	run network ls --format yaml
	failed "invalid --format 'yaml': use table or json"
}

@test "inspect: the definition, and one part of it" {
	network create --subnet 10.1.0.0/24 web
	run network inspect web
	succeeded
	[ "$(jq -r '.[0] | .name + " " + .subnets[0].gateway + " " + (.containers | tojson)' <<<"$output")" = "web 10.1.0.1 {}" ]
	run network inspect --format .subnets[0].subnet web ferry
	is "10.1.0.0/24
10.88.0.0/16"
	run network inspect --format '{{.Name}}' web
	failed
	run network inspect wbe
	failed 'no network "wbe": did you mean "web"?'
	run network inspect web nothing
	failed 'no network "nothing": '
	has '"name": "web"'
}

@test "rm and prune" {
	network create a
	network create b
	network create c
	run network rm a nothing b
	exited 1
	has 'no network "nothing": '
	[ "$(network ls -q | tr '\n' ' ')" = "c ferry " ]
	run network rm --force nothing
	is ""
	succeeded
	run network prune -f
	is c
	run network ls -q
	is ferry
	network rm ferry
	run there ls -A /var/lib/ferry/networks
	is ""
	run network rm ferry
	failed 'no network "ferry"'
	network create ferry --subnet 10.1.0.0/24
	[ "$(network inspect ferry --format .subnets[0].subnet)" = 10.1.0.0/24 ]
}

launched() { # NAME OPTION...
	echo "$id-$1" >>"$WORK/made"
	quietly ferry launch -e FT_TAG --name "$id-$1" --rootfs "$bundle/rootfs:O" "${@:2}" || complain launch "$1"
}

@test "rm: what launched containers use, running or not" {
	network create web
	network create idle
	network create free
	launched up --detach --network web -- sleep 1000000
	launched ended --network web --network idle -- true
	[ "$(network inspect web | jq -c '.[0].containers | keys')" = "[\"$id-up\"]" ]
	run network rm web idle
	exited 1
	has "the network \"web\" is used by "
	has "\"$id-up\""
	has "the network \"idle\" is used by \"$id-ended\": remove these containers, or give --force, which does"
	run network prune
	is free
	run network rm --force idle
	is idle
	run ferry ls -q
	is "$id-up"
	run network rm --force web
	is web
	run ferry ls -q
	is ""
	nothing_attached
}

@test "what is left of a container that is gone keeps no network" {
	network create web
	network create other
	launched up --detach --network web -- sleep 1000000
	[ "$(network inspect web | jq -r --arg id "$id-up" '.[0].containers[$id].interfaces.eth0.subnets[0].ipnet')" = 10.89.0.2/24 ]
	[ "$(network inspect other --format .containers)" = "{}" ]
	run network ls -n -f name=web
	is "web   bridge   ferry1   10.89.0.0/24   1"
	run network ls -q -f dangling=false
	is web
	kill_supervised "$(init_pid "$id-up")"
	there rm -rf "/var/lib/ferry/launch/$id-up" "$root/$id-up"
	find "$(unified)" -depth -type d -name "*$tag*" -exec rmdir {} +
	[ "$(network inspect web --format .containers)" = "{}" ]
	run network prune
	is "other
web"
	nothing_attached
}

@test "definitions that people wrote" {
	network create web
	there sh -c 'cat >/var/lib/ferry/networks/hand.json' <<-'EOF'
		{ "name": "hand", "id": "0123", "driver": "bridge", "network_interface": "br-hand",
		  "subnets": [ { "subnet": "10.5.0.0/24", "gateway": "10.5.0.1" } ], "ipam_options": { "driver": "host-local" } }
	EOF
	[ "$(network inspect hand --format .network_interface)" = br-hand ]
	refused 'overlaps that of the network "hand"' --subnet 10.5.0.0/25 x
	there sed -i s/10.5.0.1/10.6.0.1/ /var/lib/ferry/networks/hand.json
	run network inspect hand
	failed 'network "hand": hand.json: subnets[0].gateway: gateway 10.6.0.1 is outside of the subnet 10.5.0.0/24'
	refused 'hand.json: subnets[0].gateway' x
	[ "$(network inspect web --format .name)" = web ]
	there sh -c 'echo "{" >/var/lib/ferry/networks/hand.json'
	run network ls
	failed 'network "hand": hand.json: '
	there cp /var/lib/ferry/networks/web.json /var/lib/ferry/networks/hand.json
	run network ls
	failed 'hand.json: name: "web" is not the file'
}

@test "many at once" {
	local i n
	for i in $(seq 12); do
		network create "n$i" >>"$WORK/names" 2>>"$WORK/errors" 3>&- &
		network create same >>"$WORK/same" 2>>"$WORK/same" 3>&- &
		network ls >/dev/null 2>>"$WORK/errors" 3>&- &
	done
	wait
	[ ! -s "$WORK/errors" ] || { cat "$WORK/errors"; return 1; }
	[ "$(wc -l <"$WORK/names")" = 12 ]
	[ "$(grep -c '^same$' "$WORK/same")" = 1 ]
	[ "$(grep -c 'is there already' "$WORK/same")" = 11 ]
	n=$(network ls -q | wc -l)
	[ "$n" = 14 ]
	[ "$(network ls --format json | jq -r '.[].subnets[0].subnet' | sort -u | wc -l)" = 14 ]
	[ "$(network ls --format json | jq -r '.[].network_interface' | sort -u | wc -l)" = 14 ]
}

# killed_at N COMMAND...: the command is killed at its Nth system call that changes files or asks the kernel; false when it
# ends before.
killed_at() {
	status=0
	strace -f -qq -o /dev/null -e inject=openat,mkdirat,mkdir,linkat,unlinkat,fsync,flock,sendto,sendmsg,write:signal=KILL:when="$1" \
		nsenter --target "$machine" --mount --net -- "$FERRY" --root "$root" "${@:2}" >"$WORK/out" 2>&1 || status=$?
	[ "$status" = 137 ]
}

@test "create and rm that are killed at any moment" {
	local n=1
	export ASAN_OPTIONS=detect_leaks=0
	while killed_at $n network create web; do
		run network ls -q
		succeeded
		[[ "$output" = ferry || "$output" = $'ferry\nweb' ]]
		network create --ignore web >/dev/null
		[ "$(network inspect web --format .network_interface)" = ferry1 ]
		run there ls -A /var/lib/ferry/networks
		is $'ferry.json\nweb.json'
		network rm web
		n=$((n + 1))
	done
	[ "$status" = 0 ]
	[ "$n" -gt 8 ]
	n=1
	while killed_at $n network rm web; do
		run network ls -q
		succeeded
		[[ "$output" = ferry || "$output" = $'ferry\nweb' ]]
		network rm --force web
		network create web
		n=$((n + 1))
	done
	[ "$status" = 0 ]
	run network ls -q
	is ferry
	nothing_attached
}

@test "without the rights for it" {
	run there setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$FERRY" --root "$root" network ls
	failed "networks need the right CAP_NET_ADMIN: become root"
}

@test "help and names of commands" {
	run ferry network
	succeeded
	has "prune       Remove the networks that no container uses"
	run ferry network lss
	failed 'did you mean "network ls"'
	run ferry network create --help
	has "--ip-range RANGE"
}

#!/usr/bin/env bats
# Launched containers on networks: addresses, names, published ports, and whoever is killed in between.
load lib
load networks

# name NAME: what a container of this test is called
name() {
	echo "$tag-$1"
}

# up NAME OPTION... -- COMMAND...: a container in the background, of the tests' root file system
up() {
	local name options=()
	name=$(name "$1")
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$name" >>"$WORK/made"
	quietly ferry launch --detach -e FT_TAG --name "$name" --rootfs "$bundle/rootfs:O" "${options[@]}" -- "$@" ||
		complain "launch $name"
}

# One that waits, and answers at port 80 with its name.
web() { # NAME OPTION...
	up "$@" -- sh -c "mkdir /www && echo $(name "$1") >/www/index.html && exec httpd -f -p 80 -h /www"
	eventually "ferry exec $(name "$1") wget -q -O /dev/null http://127.0.0.1/ 2>/dev/null"
}

in_container() { # NAME COMMAND...
	local name
	name=$(name "$1")
	shift
	ferry exec "$name" "$@"
}

address() { # NAME [NETWORK]
	ferry inspect "$(name "$1")" | jq -r --arg network "${2:-ferry}" '.[0].NetworkSettings.Networks[$network].IPAddress'
}

get() { # URL: from the machine itself
	there busybox wget -q -O - "$1"
}

create_network() { # NAME OPTION...
	quietly ferry network create "$@" || complain network create
}

gone() { # NAME...
	local name
	for name; do
		quietly ferry delete --force "$(name "$name")" || complain delete
	done
}

@test "without options a container is on the default network" {
	web a
	up b -- sleep 1000000
	there ip -o link show ferry0
	run in_container b ip -o -4 addr show eth0
	has "$(address b)/"
	run in_container b wget -q -O - "http://$(name a)/"
	is "$(name a)"
	run ferry ls
	has "   $(address a)   "
	run ferry launch --rm --network none --name "$(name c)" --rootfs "$bundle/rootfs:O" -- ip -o link
	succeeded
	equal "${#lines[@]}" 1
	run ferry launch --rm --name "$(name c)" host -- cat /proc/net/fib_trie
	has "$(there ip -j -4 addr show ferry0 | jq -r '.[0].addr_info[0].local | sub("[0-9]+$"; "")')"
	quietly ferry restart -t 0 "$(name b)" || complain restart
	run in_container b wget -q -O - "http://$(name a)/"
	is "$(name a)"
	gone a b
	nothing_attached
}

@test "the same name again and again, and then the network is removed" {
	local i bridge
	create_network "$tag-n"
	for i in 1 2 3 4 5; do
		run ferry launch --rm --network "$tag-n" --name "$(name a)" --rootfs "$bundle/rootfs:O" -- ip -o -4 addr show eth0
		succeeded
		has eth0
	done
	bridge=$(ferry network inspect "$tag-n" --format .network_interface)
	up a --network "$tag-n" -- sleep 1000000
	there ip link show "$bridge"
	quietly ferry stop -t 0 "$(name a)" || complain stop
	quietly ferry start "$(name a)" || complain start
	gone a
	run ferry network rm "$tag-n"
	succeeded
	run there ip link show "$bridge"
	failed
	nothing_attached
}

@test "where there can be no networks, the word is --network" {
	run there setpriv --bounding-set=-net_admin "$FERRY" --root "$root" launch --rm --name "$(name a)" --rootfs "$bundle/rootfs:O" -- true
	failed "--network host, none"
	run there setpriv --bounding-set=-net_admin "$FERRY" --root "$root" launch --rm --network host --name "$(name a)" \
		--rootfs "$bundle/rootfs:O" -- true
	succeeded
	run there strace -f -qq -o /dev/null -e trace=socket -e inject=socket:error=EPROTONOSUPPORT:when=2+ "$FERRY" --root "$root" \
		launch --rm --name "$(name a)" --rootfs "$bundle/rootfs:O" -- true
	failed "--network none"
	nothing_attached
}

@test "tables go, and settings of the kernel become what they were, unless others may need them" {
	forwarding() {
		there cat /proc/sys/net/ipv4/ip_forward
	}
	there sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	up a -- sleep 1000000
	equal "$(forwarding)" 1
	gone a
	nothing_attached
	equal "$(forwarding)" 0
	equal "$(there nft list tables)" ""
	there ip link add br0 type bridge
	up a -- sleep 1000000
	gone a
	eventually '! there ip link show ferry0 2>/dev/null && [ -z "$(there find /run/ferry/.networks/leaving -mindepth 1)" ]'
	equal "$(forwarding)" 1
	there ip link del br0
	nothing_attached
}

@test "on a network a container has an interface, an address, a way out, and files that say so" {
	up a --network ferry --hostname box -- sleep 1000000
	local ip gateway
	ip=$(address a)
	gateway=$(ferry inspect -f .NetworkSettings.Gateway "$(name a)")
	run in_container a ip -o -4 addr show eth0
	succeeded
	has "$ip/"
	run in_container a ip route
	has "default via $gateway dev eth0"
	run in_container a cat /etc/hosts
	has "$ip"$'\tbox'
	has "localhost"
	run in_container a cat /etc/resolv.conf
	has "nameserver $gateway"
	run in_container a ip -o link show eth0
	has "$(ferry inspect -f .NetworkSettings.MacAddress "$(name a)")"
	there busybox ping -c 1 -W 5 "$ip"
	in_container a ping -c 1 -W 5 "$gateway"
	gone a
	nothing_attached
}

@test "the view of this machine has its own hosts and resolv.conf, too" {
	local name
	name=$(name host)
	echo "$name" >>"$WORK/made"
	quietly ferry launch -d -e FT_TAG --name "$name" --network ferry --add-host me:host-gateway host -- sleep 1000000 ||
		complain launch
	run ferry exec "$name" cat /etc/hosts /etc/hostname /etc/resolv.conf
	succeeded
	has "$(address host)"$'\t'"$name"
	has "$(ferry inspect -f .NetworkSettings.Gateway "$name")"$'\tme'
	has $'\n'"$name"$'\n'
	run ferry stop -t 0 "$name"
	run ferry start "$name"
	succeeded
	run ferry exec "$name" cat /etc/hosts
	has "$(address host)"$'\t'"$name"
	gone host
	nothing_attached
}

@test "two containers reach each other by address, by name and by alias" {
	web a --network-alias alias-of-a
	up b --network ferry -- sleep 1000000
	run in_container b wget -q -O - "http://$(address a)/"
	is "$(name a)"
	run in_container b wget -q -O - "http://$(name a)/"
	is "$(name a)"
	run in_container b wget -q -O - http://alias-of-a/
	is "$(name a)"
	quietly ferry rename "$(name a)" "$(name c)"
	echo "$(name c)" >>"$WORK/made"
	run in_container b wget -q -O - "http://$(name c)/"
	is "$(name a)"
	gone c b
	nothing_attached
}

@test "a published port is reached from this machine, from others, and through its address" {
	web a -p 8080:80 -p 127.0.0.1:8081:80
	there ip link add outside type veth peer name inside
	there ip addr add 192.0.2.1/24 dev outside
	there ip link set outside up
	run get http://127.0.0.1:8080/
	is "$(name a)"
	run get http://192.0.2.1:8080/
	is "$(name a)"
	run get http://127.0.0.1:8081/
	is "$(name a)"
	there ip netns add other
	there ip link set inside netns other
	there ip -n other addr add 192.0.2.2/24 dev inside
	there ip -n other link set inside up
	run there ip netns exec other busybox wget -q -O - http://192.0.2.1:8080/
	is "$(name a)"
	run there ip netns exec other busybox wget -q -O - http://192.0.2.1:8081/
	failed
	there ip link del outside
	there ip netns del other
	gone a
	run get http://127.0.0.1:8080/
	failed
	nothing_attached
}

@test "what is published is shown by port, ls and inspect" {
	up a -p 8080:80 -p 127.0.0.1:5300-5301:53-54/udp -p 90 --expose 100 -- sleep 1000000
	run ferry port "$(name a)"
	succeeded
	has $'80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080'
	has $'53/udp -> 127.0.0.1:5300\n54/udp -> 127.0.0.1:5301'
	matches '90/tcp -> 0\.0\.0\.0:[0-9]+'
	run ferry port "$(name a)" 54/udp
	is 127.0.0.1:5301
	run ferry port "$(name a)" 54
	failed "not published its port 54/tcp"
	run ferry port "$(name a)" nonsense
	failed "expected PORT"
	run ferry ls
	has "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:5300-5301->53-54/udp"
	has "100/tcp"
	run ferry inspect "$(name a)"
	succeeded
	equal "$(jq -c '.[0].NetworkSettings.Ports["80/tcp"]' <<<"$output")" \
		'[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"}]'
	equal "$(jq -c '.[0].NetworkSettings.Ports["54/udp"]' <<<"$output")" '[{"HostIp":"127.0.0.1","HostPort":"5301"}]'
	equal "$(jq -c '.[0].NetworkSettings.Ports["100/tcp"]' <<<"$output")" null
	equal "$(jq -c '.[0].HostConfig.PortBindings["80/tcp"]' <<<"$output")" '[{"HostIp":"","HostPort":"8080"}]'
	equal "$(jq -r '.[0].HostConfig.NetworkMode' <<<"$output")" ferry
	gone a
	nothing_attached
}

@test "launch -P publishes what is exposed" {
	up a -P --expose 80 --expose 53/udp -- sleep 1000000
	run ferry port "$(name a)"
	matches '80/tcp -> 0\.0\.0\.0:[1-9][0-9]*'
	matches '53/udp -> 0\.0\.0\.0:[1-9][0-9]*'
	gone a
	nothing_attached
}

@test "a container that ends gives back at once what it had" {
	up a -p 8080:80 -- sleep 0.1
	quietly ferry wait "$(name a)"
	nothing_attached
	up b -p 8080:80 -- sleep 1000000
	run ferry launch --rm --name "$(name c)" -p 8080:80 --rootfs "$bundle/rootfs:O" -- true
	failed "8080"
	has "$(name b)"
	run ferry start "$(name a)"
	failed "8080"
	gone a b
	nothing_attached
}

@test "what was asked for is there again after each restart" {
	create_network "$tag-n" --subnet 10.77.0.0/24
	up a --network "$tag-n:ip=10.77.0.9,mac=02:00:00:00:77:09" -p 8080:80 -- sleep 1000000
	for action in restart "stop -t 0" start; do
		# shellcheck disable=SC2086
		quietly ferry $action "$(name a)" || complain "$action"
	done
	equal "$(address a "$tag-n")" 10.77.0.9
	equal "$(ferry inspect -f .NetworkSettings.MacAddress "$(name a)")" 02:00:00:00:77:09
	run ferry port "$(name a)" 80
	has 0.0.0.0:8080
	run in_container a ip -o -4 addr
	has 10.77.0.9/24
	gone a
	nothing_attached
}

# Between its lives others may have it, as anything else of the network.
@test "with a restart policy each life has the port again" {
	up a -p 8080:80 --restart always -- sh -c 'echo >>/lives; [ $(wc -l </lives) -lt 3 ] || exec sleep 1000000'
	eventually 'ferry exec "$(name a)" sh -c "[ \$(wc -l </lives) = 3 ]" 2>/dev/null'
	run ferry launch --rm --name "$(name c)" -p 8080:80 --rootfs "$bundle/rootfs:O" -- true
	failed "8080"
	quietly ferry stop -t 0 "$(name a)" || complain stop
	nothing_attached
	gone a
}

@test "network connect and disconnect: at once, and at every start" {
	create_network "$tag-n" --subnet 10.77.0.0/24
	up a --network ferry -- sleep 1000000
	run ferry network connect --ip 10.77.0.5 --alias second "$tag-n" "$(name a)"
	succeeded
	run in_container a ip -o -4 addr
	has 10.77.0.5/24
	run in_container a cat /etc/hosts
	has $'10.77.0.5\t'
	run ferry network connect "$tag-n" "$(name a)"
	failed "already"
	quietly ferry restart -t 0 "$(name a)" || complain restart
	run in_container a ip -o -4 addr
	has 10.77.0.5/24
	run ferry network disconnect "$tag-n" "$(name a)"
	succeeded
	run in_container a ip -o -4 addr
	has_not 10.77.0.5
	has eth0
	run in_container a cat /etc/hosts
	has_not 10.77.0.5
	run ferry network disconnect "$tag-n" "$(name a)"
	failed "not in network"
	run ferry network disconnect --force "$tag-n" "$(name a)"
	succeeded
	quietly ferry stop -t 0 "$(name a)"
	run ferry network connect --ip 10.78.0.5 "$tag-n" "$(name a)"
	failed "the address 10.78.0.5 is outside of the subnet 10.77.0.0/24"
	run ferry network connect --ip6 fd00::5 "$tag-n" "$(name a)"
	failed "it has no IPv6 subnet"
	run ferry network connect "$tag-n" "$(name a)"
	succeeded
	quietly ferry start "$(name a)" || complain start
	matches_address 10.77.0 "$(address a "$tag-n")"
	run ferry network connect no-such "$(name a)"
	failed "no-such"
	run ferry network connect "$tag-n" nobody
	failed "nobody"
	gone a
	nothing_attached
}

matches_address() { # PREFIX ADDRESS
	[[ "$2" == "$1".* ]] || { echo "$2 does not begin with $1"; return 1; }
}

@test "a container without a network can be connected to one" {
	up a --network none -- sleep 1000000
	run ferry network connect ferry "$(name a)"
	succeeded
	there busybox ping -c 1 -W 5 "$(address a)"
	run ferry network disconnect ferry "$(name a)"
	succeeded
	run in_container a ip -o -4 addr
	has_not eth0
	gone a
	nothing_attached
	up b --network host -- sleep 1000000
	run ferry network connect ferry "$(name b)"
	failed "--network host"
	gone b
}

@test "launch --network container: and ns:" {
	web a --network ferry
	run ferry launch --rm --name "$(name b)" --network "container:$(name a)" --rootfs "$bundle/rootfs:O" -- \
		wget -q -O - http://127.0.0.1/
	succeeded
	is "$(name a)"
	run ferry launch --rm --name "$(name b)" --network "container:$(name a)" --rootfs "$bundle/rootfs:O" -- cat /etc/hosts
	is "$(in_container a cat /etc/hosts)"
	run ferry launch --rm --name "$(name b)" --network "container:$(name a)" host -- cat /etc/resolv.conf
	is "$(in_container a cat /etc/resolv.conf)"
	quietly ferry stop -t 0 "$(name a)"
	run ferry launch --rm --name "$(name b)" --network "container:$(name a)" --rootfs "$bundle/rootfs:O" -- true
	failed "does not run"
	run ferry launch --rm --name "$(name b)" --network container:nobody --rootfs "$bundle/rootfs:O" -- true
	failed "nobody"
	there ip netns add "$tag"
	there ip -n "$tag" link add d0 type bridge
	run ferry launch --rm --name "$(name b)" --network "ns:/run/netns/$tag" --rootfs "$bundle/rootfs:O" -- ip -o link
	succeeded
	has d0
	there ip netns del "$tag"
	run ferry launch --rm --name "$(name b)" --network "ns:/run/netns/$tag" --rootfs "$bundle/rootfs:O" -- true
	failed "/run/netns/$tag"
	gone a
	nothing_attached
}

@test "several networks, a name for the interface, and none at all" {
	create_network "$tag-m" --subnet 10.78.0.0/24
	create_network "$tag-n" --subnet 10.77.0.0/24
	up a --network "$tag-m" --network "$tag-n:interface=back0" -- sleep 1000000
	run in_container a ip -o -4 addr
	has 10.78.0.
	matches 'back0 +inet 10\.77\.0\.'
	run in_container a ip route
	has "default via 10.78.0.1"
	gone a
	nothing_attached
	run ferry launch --rm --network none --name "$(name b)" --rootfs "$bundle/rootfs:O" -- ip -o link
	succeeded
	has_not eth0
}

@test "in a user namespace" {
	up a --network ferry --userns auto -- sleep 1000000
	there busybox ping -c 1 -W 5 "$(address a)"
	run in_container a cat /etc/hosts
	has "$(address a)"
	gone a
	nothing_attached
}

@test "launch in the foreground, and a program that is not there" {
	run ferry launch --rm --name "$(name a)" -p 8080:80 --rootfs "$bundle/rootfs:O" -- ip -o -4 addr show eth0
	succeeded
	has eth0
	nothing_attached
	run -127 ferry launch --rm --name "$(name a)" -p 8080:80 --rootfs "$bundle/rootfs:O" -- /no/such
	failed "/no/such"
	nothing_attached
	run -127 ferry launch --name "$(name a)" -p 8080:80 --rootfs "$bundle/rootfs:O" -- /no/such
	failed "/no/such"
	nothing_attached
	run ferry list -q
	is ""
}

@test "32 launches at once on one network have 32 addresses" {
	local i
	for i in $(seq 32); do
		echo "$(name "$i")" >>"$WORK/made"
		quietly_at "$i" ferry launch -d -e FT_TAG --name "$(name "$i")" --network ferry -p 80 --rootfs "$bundle/rootfs:O" -- \
			sleep 1000000 &
	done
	wait $(jobs -p | grep -vx "$machine")
	for i in $(seq 32); do
		address "$i"
	done >"$WORK/addresses"
	equal "$(sort -u "$WORK/addresses" | grep -c '^1')" 32
	for i in $(seq 32); do
		gone "$i" &
	done
	wait $(jobs -p | grep -vx "$machine")
	nothing_attached
}

quietly_at() { # NUMBER COMMAND...
	local number=$1
	shift
	"$@" >"$WORK/out.$number" 2>"$WORK/err.$number" 3>&- 4>&-
}

@test "killed at any moment: the next command removes what is left" {
	local i pid left
	up first --network ferry -- sleep 1000000
	for i in 001 002 003 004 005 006 007 008 010 012 014 016 018 020 025 030 040; do
		setsid bash -c 'exec "$0" "$@"' nsenter --target "$machine" --mount --net --wdns="$PWD" -- "$FERRY" --root "$root" \
			launch -d --rm --name "$(name "k$i")" -p "9$i:80" --network ferry --rootfs "$bundle/rootfs:O" -- \
			sleep 1000000 >/dev/null 2>&1 3>&- 4>&- &
		pid=$!
		sleep "0.$i"
		pkill -KILL -s "$pid" 2>/dev/null || :
		for left in $(pgrep -f -- "--name $(name "k$i") " || :); do
			kill -KILL "$left" 2>/dev/null || :
		done
		wait "$pid" 2>/dev/null || :
	done
	quietly ferry ls
	for i in $(ferry ls -q | grep -- -k || :); do
		quietly ferry rm -f "$i" || complain "rm $i"
	done
	gone first
	quietly ferry network reload || complain reload
	nothing_attached
}

@test "one whose supervisor was killed gives back its port once somebody looks" {
	up a -p 8080:80 -- sleep 1000000
	kill_supervised "$(init_pid "$(name a)")"
	quietly ferry ls
	eventually nothing_attached
	gone a
}

@test "what one whose supervisor was killed had is had by the next that asks for it" {
	create_network "$tag-n" --subnet 10.77.0.0/24
	up a --network "$tag-n:ip=10.77.0.9" -p 8080:80 -- sleep 1000000
	up b --network "$tag-n" -p 8081:80 -- sleep 1000000
	kill -KILL "$(parent_of "$(init_pid "$(name b)")")"
	kill_supervised "$(init_pid "$(name a)")"
	up c --network "$tag-n:ip=10.77.0.9" -p 8080:80 -- sleep 1000000
	equal "$(address c "$tag-n")" 10.77.0.9
	# One that still runs keeps what it has, whether it is watched over or not.
	run ferry launch --rm --name "$(name d)" --network "$tag-n" -p 8081:80 --rootfs "$bundle/rootfs:O" -- true
	failed "8081"
	has "$(name b)"
	gone a b c
	nothing_attached
}

@test "without a resolver it has those of this machine's name servers that it can reach" {
	there sh -c 'printf "nameserver 127.0.0.53\nnameserver fe80::1%%eth0\nnameserver 192.0.2.53\n" >/run/resolv.conf
		mount --bind /run/resolv.conf "$(realpath /etc/resolv.conf)"'
	create_network "$tag-n" --subnet 10.77.0.0/24 --disable-dns
	up a --network "$tag-n" -- sleep 1000000
	run in_container a cat /etc/resolv.conf
	is "nameserver 192.0.2.53"
	gone a
	nothing_attached
}

@test "what makes no sense is refused, and leaves nothing" {
	local options
	while read -r options; do
		# shellcheck disable=SC2086
		run ferry launch --rm --name "$(name a)" $options --rootfs "$bundle/rootfs:O" -- true
		[ "$status" -ne 0 ] || { echo "taken: $options"; return 1; }
		[ "${#lines[@]}" -eq 1 ] || { echo "$options: $output"; return 1; }
	done <<-END
		--network no-such
		--network ferry:ip=10.1.2.3.4
		--network ferry:ip=203.0.113.1
		--network ferry:mac=nonsense
		--network ferry --network ferry
		--network ferry --network host
		--network host -p 80
		--network none --ip 10.0.0.1
		-p 70000
		-p 80:80 -p 80:81
		-p 1-3:1-2
		-p 198.51.100.1.1:80:80
		-p 224.0.0.1:80:80
		-p 255.255.255.255:80:80
		-p [ff02::1]:80:80
		-p [::ffff:127.0.0.1]:80:80
		--network ns:/etc/passwd
		--network ns:/
		--network container:nobody
		--network slirp4netns
		--network ferry:interface=all
		--ip 203.0.113.1
		--network-rate fast
		--network-loss 200%
		--network none --add-host x:host-gateway
		--network ferry:interface=averyveryverylongname
	END
	nothing_attached
	run ferry list -q
	is ""
}

@test "a network is slowed down as asked" {
	up a --network-rate 10mbit --network-burst 32k -- sleep 1000000
	run in_container a tc qdisc show dev eth0
	[ "$status" -ne 0 ] || has tbf
	run nsenter --target "$(init_pid "$(name a)")" --net tc qdisc show dev eth0
	has "tbf"
	has "rate 10Mbit"
	gone a
	nothing_attached
}

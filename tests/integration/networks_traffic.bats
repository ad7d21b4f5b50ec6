#!/usr/bin/env bats
# Who reaches whom: launched containers, the machine they are on, and one outside, by real packets. The rules themselves
# have tests/unit/test_firewall_traffic.c.
load lib
load networks

# Answers everybody by TCP and UDP, of both families, with a name and whom it sees.
server='
import os, select, socket, sys
name, ports, sockets = sys.argv[1], sys.argv[2:], []
for port in ports:
    for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, int(port)))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            sockets.append(s)
print("ready", os.getpid(), flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        if s.type == socket.SOCK_STREAM:
            c, peer = s.accept()
            c.sendall(("%s sees %s" % (name, peer[0])).encode())
            c.close()
        else:
            data, peer = s.recvfrom(100)
            s.sendto(("%s sees %s" % (name, peer[0])).encode(), peer)
'

# Prints the answer, or "nobody".
client='
import socket, sys, time
protocol, address, port, patience = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
end = time.monotonic() + patience
# What goes by UDP may be lost, for instance right after a link is up.
while True:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                      socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(patience if protocol == "tcp" else min(patience, 2))
    try:
        s.connect((address, port))
        if protocol == "udp":
            s.send(b"x")
        print(s.recv(100).decode())
        break
    except OSError:
        if time.monotonic() >= end:
            print("nobody")
            break
        time.sleep(0.05)
'

# Itself, not what looks for it each time.
python=$(python3 -c 'import sys; print(sys.executable)')

# at WHERE COMMAND...: WHERE is a container, "machine" or "outside"
at() {
	local where=$1
	shift
	case $where in
	machine) there "$@" ;;
	outside) there ip netns exec outside "$@" ;;
	*) there nsenter --net="/proc/$(ferry inspect -f .State.Pid "$tag-$where")/ns/net" -- "$@" ;;
	esac
}

serve() { # WHERE PORT...
	at "$1" "$python" -c "$server" "$@" >"$WORK/serves.$1" 2>&1 3>&- 4>&- &
	disown
	eventually "grep -q ready '$WORK/serves.$1'"
}

reaches() { # WHERE ADDRESS PORT EXPECTED: by both protocols
	local protocol
	for protocol in tcp udp; do
		equal "$1 $protocol $2 $3: $(at "$1" "$python" -c "$client" "$protocol" "$2" "$3" 100)" "$1 $protocol $2 $3: $4"
	done
}

closed() { # WHERE ADDRESS PORT
	local protocol
	for protocol in tcp udp; do
		equal "$1 $protocol $2 $3: $(at "$1" "$python" -c "$client" "$protocol" "$2" "$3" 0.3)" "$1 $protocol $2 $3: nobody"
	done
}

up() { # NAME OPTION...
	echo "$tag-$1" >>"$WORK/made"
	quietly ferry launch --detach -e FT_TAG --name "$tag-$1" --rootfs "$bundle/rootfs:O" "${@:2}" -- sleep 1000000 ||
		complain "launch $1"
	serve "$1" 80 81
}

# All that nft prints; elements have no order.
rules() {
	there nft list ruleset | sed 's/^[ \t]*//; s/^elements = {//; s/[ },]*$//; s/^ //; /^$/d' | sort
}

# The machine has a cable to another one, which has a route to everything that containers have.
prepare() {
	make_machine
	there sh -e -c '
		ip netns add outside
		ip link add cable type veth peer name eth0 netns outside
		ip address add 192.0.2.1/24 dev cable
		ip address add 2001:db8::1/64 dev cable nodad
		ip link set cable up
		ip -n outside address add 192.0.2.2/24 dev eth0
		ip -n outside address add 2001:db8::2/64 dev eth0 nodad
		ip -n outside link set eth0 up
		ip -n outside link set lo up
		ip -n outside route add default via 192.0.2.1
		ip -n outside -6 route add default via 2001:db8::1'
	quietly ferry network create --subnet 10.1.0.0/24 --subnet fd00:1::/64 one || complain create
	quietly ferry network create --subnet 10.2.0.0/24 --subnet fd00:2::/64 two || complain create
}

eval "of_networks_$(declare -f teardown)"
teardown() {
	# Servers are in the namespaces of containers: they end before these.
	sed -n 's/^ready //p' "$WORK"/serves.* 2>/dev/null | xargs -r kill || :
	of_networks_teardown
}

@test "out, in, among one another, and through ports: as whom, by TCP and UDP, IPv4 and IPv6" {
	up web --network one:ip=10.1.0.10,ip6=fd00:1::10 -p 8080-8081:80-81 -p 8080-8081:80-81/udp \
		-p 127.0.0.1:9000:80 -p 127.0.0.1:9000:80/udp
	up near --network one
	up far --network two
	serve outside 80

	reaches web 192.0.2.2 80 "outside sees 192.0.2.1"
	reaches web 2001:db8::2 80 "outside sees 2001:db8::1"
	reaches machine 10.1.0.10 80 "web sees 10.1.0.1"
	reaches machine fd00:1::10 80 "web sees fd00:1::1"
	reaches machine 127.0.0.1 8080 "web sees 10.1.0.1"
	reaches machine 127.0.0.1 9000 "web sees 10.1.0.1"
	reaches machine 192.0.2.1 8081 "web sees 192.0.2.1"
	reaches outside 192.0.2.1 8080 "web sees 192.0.2.2"
	reaches outside 192.0.2.1 8081 "web sees 192.0.2.2"
	reaches outside 2001:db8::1 8080 "web sees 2001:db8::2"
	reaches near 10.1.0.10 80 "web sees $(at near ip -4 -br address show eth0 | awk '{ sub("/.*", "", $3); print $3 }')"
	reaches web 192.0.2.1 8080 "web sees 10.1.0.1"
	reaches web 10.1.0.1 8080 "web sees 10.1.0.1"
	reaches web 2001:db8::1 8080 "web sees fd00:1::1"
	reaches far 192.0.2.1 8080 "web sees $(at far ip -4 -br address show eth0 | awk '{ sub("/.*", "", $3); print $3 }')"

	closed far 10.1.0.10 80
	closed far fd00:1::10 80
	closed outside 10.1.0.10 80
	closed outside fd00:1::10 80
	closed outside 192.0.2.1 9000
	eventually 'at web busybox ping -c 1 -W 5 192.0.2.2'
	eventually 'at web busybox ping -c 1 -W 5 2001:db8::2'
	eventually 'at outside busybox ping -c 1 -W 5 192.0.2.1'
}

@test "internal and isolated networks" {
	quietly ferry network create --internal --subnet 10.3.0.0/24 inner || complain create
	quietly ferry network create --isolate --subnet 10.4.0.0/24 lab || complain create
	up inner --network inner:ip=10.3.0.10
	up inner2 --network inner:ip=10.3.0.11
	up lab --network lab:ip=10.4.0.10 -p 8090:80 -p 8090:80/udp
	up one --network one:ip=10.1.0.10 -p 8080:80 -p 8080:80/udp
	serve outside 80
	serve machine 7000

	reaches inner2 10.3.0.10 80 "inner sees 10.3.0.11"
	reaches machine 10.3.0.10 80 "inner sees 10.3.0.1"
	closed inner 192.0.2.2 80
	closed inner 10.1.0.10 80
	closed inner 10.3.0.1 7000
	closed inner 192.0.2.1 8080
	closed one 10.3.0.10 80
	closed outside 10.3.0.10 80
	reaches lab 192.0.2.2 80 "outside sees 192.0.2.1"
	reaches outside 192.0.2.1 8090 "lab sees 192.0.2.2"
	reaches lab 192.0.2.1 8090 "lab sees 10.4.0.1"
	closed lab 192.0.2.1 8080
	closed one 192.0.2.1 8090
	reaches one 10.1.0.1 7000 "machine sees 10.1.0.10"
}

@test "after nft flush ruleset: network reload, or the next container, makes the rules again" {
	up web --network one:ip=10.1.0.10 -p 8080:80 -p 8080:80/udp
	up far --network two
	local before
	before=$(rules)
	for again in "network reload" "launch --rm --network one --rootfs $bundle/rootfs:O -- true"; do
		there nft flush ruleset
		closed outside 192.0.2.1 8080
		# shellcheck disable=SC2086 # words
		quietly ferry $again || complain "$again"
		eventually '[ "$(rules)" = "$before" ]' # the interface of one that has ended goes a moment later
		reaches outside 192.0.2.1 8080 "web sees 192.0.2.2"
		closed far 10.1.0.10 80
	done
	# What others have stays.
	there nft add table inet mine
	quietly ferry network reload || complain reload
	equal "$(there nft list tables)" $'table inet ferry\ntable bridge ferry\ntable inet mine'
}

@test "the rules of ten containers with ports are an element each, and no more rules than of one" {
	local i first
	up 0 --network one -p 8000:80
	first=$(there nft list ruleset | grep -c -e accept -e drop -e masquerade -e dnat -e jump)
	for i in 1 2 3 4 5 6 7 8 9; do
		up "$i" --network one -p "800$i:80"
	done
	equal "$(there nft list ruleset | grep -c -e accept -e drop -e masquerade -e dnat -e jump)" "$first"
	equal "$(there nft list map inet ferry ports4 | grep -c 'tcp \. ')" 10
	equal "$(there nft list set bridge ferry links | grep -c '"fv')" 10
	[ "$(there nft list ruleset | wc -l)" -lt 200 ]
	for i in 0 5 9; do
		equal "$(at outside "$python" -c "$client" tcp 192.0.2.1 "800$i" 100)" "$i sees 192.0.2.2"
	done
}

@test "a container cannot speak as another, whatever rights it has over its own interface" {
	up web --network one:ip=10.1.0.10
	up bad --network one:ip=10.1.0.11 --cap-add NET_ADMIN
	reaches bad 10.1.0.10 80 "web sees 10.1.0.11"
	at bad ip address add 10.1.0.12/24 dev eth0
	run at bad "$python" -c 'import socket
s = socket.create_connection(("10.1.0.10", 80), 1, ("10.1.0.12", 0))'
	[ "$status" -ne 0 ]
	reaches bad 10.1.0.10 80 "web sees 10.1.0.11"
	at bad ip link set eth0 address 02:00:00:00:00:99
	closed bad 10.1.0.10 80
}

#!/usr/bin/env bats
# Networks of launched containers with real programs, and with what only this machine's kernel has: vlan, ipvlan, netem.
load machine
load outside

setup_file() {
	systemctl stop nginx 2>/dev/null || true
	start_session tester
	# What stands as long as there were networks once: directories, the tables, and the default network's definition.
	"$runtime" --root "$BATS_FILE_TMPDIR/state" launch --rm -p 9999:9 --storage "$BATS_FILE_TMPDIR/storage" host -- true
	baseline
}

setup() {
	storage=$BATS_FILE_TMPDIR/storage
	root=$BATS_FILE_TMPDIR/state
}

teardown() {
	local name
	for name in $(f ls -q); do
		f rm -f "$name" >/dev/null 2>&1 || true
	done
	for name in web lan back; do
		f network rm "$name" >/dev/null 2>&1 || true
	done
	ip link del parent 2>/dev/null || true
	disconnect_outside
	[ -z "${served-}" ] || kill $served
	clean
}

f() {
	"$runtime" --root "$root" "$@"
}

# up NAME OPTION... -- COMMAND...: a view of this machine, in the background
up() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	f launch -d --name "$name" --storage "$storage" "${options[@]}" host -- "$@" >"$BATS_FILE_TMPDIR/out" 2>&1 </dev/null ||
		{ cat "$BATS_FILE_TMPDIR/out"; return 1; }
}

address() {
	f inspect -f .NetworkSettings.IPAddress "$1"
}

# scan WHERE ADDRESS...: the open ones of its first ports, of each. WHERE is "outside" or a container.
scan() {
	local at=(outside)
	[ "$1" = outside ] || at=(nsenter "--net=/proc/$(f inspect -f .State.Pid "$1")/ns/net")
	"${at[@]}" python3 "$BATS_TEST_DIRNAME/scan.py" "${@:2}"
}

@test "nginx behind a published port: curl from here, from its neighbour, and through the port again" {
	up web -p 8080:80 -- nginx -g 'daemon off;'
	up client --network ferry -- sleep 1000000
	eventually curl -fsS -o /dev/null http://127.0.0.1:8080/
	f exec client curl -fsS -o /dev/null http://web/
	f exec client curl -fsS -o /dev/null "http://$(f inspect -f .NetworkSettings.Gateway client):8080/"
	f exec web curl -fsS -o /dev/null "http://$(f inspect -f .NetworkSettings.Gateway web):8080/"
	run f port web 80
	[[ $output == *0.0.0.0:8080* ]]
}

@test "IPv6: an address, a name, a published port" {
	f network create --subnet 10.77.0.0/24 --subnet fd00:77::/64 web
	up web --network web -p 8080:80 -- nginx -g 'daemon off;'
	up client --network web -- sleep 1000000
	eventually f exec client curl -6 -fsS -o /dev/null http://web/
	f exec client ping -6 -c 1 -W 60 fd00:77::1
	run f exec client dig +short AAAA web
	same "$(f inspect -f .NetworkSettings.GlobalIPv6Address web)" "$output"
}

@test "a machine outside: nginx and iperf3 by TCP and UDP, IPv4 and IPv6; its address is seen" {
	connect_outside
	f network create --subnet 10.77.0.0/24 --subnet fd00:77::/64 web
	up web --network web -p 8080:80 -p 5201:5201 -p 5201:5201/udp -- sh -c 'iperf3 -s & exec nginx -g "daemon off;"'
	eventually outside curl -fsS -o /dev/null http://198.51.100.1:8080/
	outside curl -fsS -o /dev/null 'http://[2001:db8::1]:8080/'
	same "198.51.100.2 2001:db8::2" "$(f exec web awk '{ print $1 }' /var/log/nginx/access.log | xargs)"
	local at
	eventually outside iperf3 -c 198.51.100.1 -n 1k
	for at in 198.51.100.1 2001:db8::1; do
		outside iperf3 -c $at -u -b 1m -l 1000 -n 20k -J >"$BATS_FILE_TMPDIR/json"
		jq -e '.end.sum.packets >= 20 and .end.sum.lost_percent < 50' "$BATS_FILE_TMPDIR/json"
	done
	f exec web ping -c 1 -W 60 198.51.100.2
	f exec web ping -c 1 -W 60 2001:db8::2
}

@test "what should be closed is: every port, from outside, from another network, from an internal one" {
	connect_outside
	busybox httpd -f -p 127.0.0.1:81 -h / 3>&- & served=$!
	busybox httpd -f -p 82 -h / 3>&- & served+=" $!"
	f network create --subnet 10.77.0.0/24 --subnet fd00:77::/64 web
	f network create --internal --subnet 10.78.0.0/24 back
	up web --network web -p 200:80 -p 127.0.0.1:201:80 -- nginx -g 'daemon off;'
	up near --network web -- sleep 1000000
	up far --network ferry -- sleep 1000000
	up back --network back -- busybox httpd -f -p 80 -h /
	eventually curl -fsS -o /dev/null http://127.0.0.1:201/
	local web web6 back at
	web=$(address web) web6=$(f inspect -f .NetworkSettings.GlobalIPv6Address web) back=$(address back)
	for at in 127.0.0.1:81 127.0.0.1:82 "$back"; do
		eventually curl -sS -o /dev/null "http://$at/"
	done
	same "80 | 53 82 200 | none" "$(scan near "$web" 10.77.0.1 "$back")"
	same "82 200 | 82 200 | none | none | none" "$(scan outside 198.51.100.1 2001:db8::1 "$web" "$web6" "$back")"
	same "82 200 | none | none" "$(scan far 198.51.100.1 "$web" "$back")"
	same "53 | none | none" "$(scan back 10.78.0.1 198.51.100.1 "$web")"
}

@test "dig: addresses, pointers, aliases, what is not there" {
	up web --network ferry --network-alias other -- sleep 1000000
	up client --network ferry -- sleep 1000000
	same "$(address web)" "$(f exec client dig +short web)"
	same "$(address web)" "$(f exec client dig +short other)"
	same "web." "$(f exec client dig +short -x "$(address web)")"
	f rename web renamed
	same "$(address renamed)" "$(f exec client dig +short renamed)"
	f rm -f renamed
	same "" "$(f exec client dig +short +tries=1 +time=60 other)"
}

# However slow a machine is, so many bytes take their time.
@test "iperf3: no faster than asked" {
	up server --network ferry -- iperf3 -s
	up client --network-rate 20mbit --network-burst 64k -- sleep 1000000
	eventually f exec client iperf3 -c server -n 1k
	local begun=${EPOCHREALTIME/./} took
	f exec client iperf3 -c server -n 5000000 -J >"$BATS_FILE_TMPDIR/json"
	took=$((${EPOCHREALTIME/./} - begun))
	jq -e '.end.sum_sent.bytes >= 5000000' "$BATS_FILE_TMPDIR/json"
	echo "$took us"
	[ "$took" -gt 1900000 ]	# 5 MB less what there may be at once, at 2.5 MB a second
	[[ "$(f exec client tc qdisc show dev eth0)" == *"rate 20Mbit burst 64"* ]]
}

@test "netem: delay and loss" {
	up web --network-delay 100ms --network-jitter 1ms --network-loss 1% -- sleep 1000000
	run f exec web tc qdisc show dev eth0
	[[ $output == *netem*"delay 100ms  1ms"*"loss 1%"* ]]
	f exec web ping -c 3 -W 60 "$(f inspect -f .NetworkSettings.Gateway web)" >"$BATS_FILE_TMPDIR/ping"
	awk -F/ '/^rtt|^round-trip/ { found = 1; if ($4 < 95) exit 1 } END { exit !found }' "$BATS_FILE_TMPDIR/ping"
}

@test "vlan: the ports of a bridge" {
	f network create --subnet 10.77.0.0/24 --opt vlan=7 web
	up a --network web -- sleep 1000000
	up b --network web -- sleep 1000000
	f exec a ping -c 1 -W 60 "$(address b)"
	bridge vlan show | grep -qw 7
}

@test "ipvlan and macvlan: neighbours on an interface, and on a VLAN of it" {
	local options
	ip link add parent type dummy
	ip link set parent up
	ip link add link parent parent.7 type vlan id 7
	ip link set parent.7 up
	for options in "ipvlan -o parent=parent" "ipvlan -o parent=parent.7" "ipvlan -o parent=parent -o mode=l3" \
		"macvlan -o parent=parent" "macvlan -o parent=parent.7"; do
		# shellcheck disable=SC2086 # words
		f network create -d $options --subnet 10.78.0.0/24 lan
		up a --network lan -- sleep 1000000
		up b --network lan:ip=10.78.0.77 -- sleep 1000000
		same 10.78.0.77 "$(address b)"
		f exec a ping -c 1 -W 60 10.78.0.77
		f rm -f a b
		f network rm lan
	done
}

@test "pasta: an ordinary user's program is reached at a published port" {
	as tester "$runtime" launch -d --name p --network pasta -p 8081:80 host -- \
		sh -c 'mkdir /tmp/w && echo there >/tmp/w/index.html && exec busybox httpd -f -p 80 -h /tmp/w'
	eventually curl -fsS -o /dev/null http://127.0.0.1:8081/
	as tester "$runtime" rm -f p
	eventually sh -c '! pgrep -u tester pasta'
}

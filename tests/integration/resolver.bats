# Names between containers, and beyond: the resolver, asked by glibc, busybox and dig.
load lib
load networks
load attached

# joined NAME NETWORK[:OPTIONS]...: a container of that name that is in them, and asks their resolver.
joined() {
	local name=$1 network
	shift
	container "$name"
	echo "$name" >>"$WORK/joined"
	up "$name" "$@" --name "$name" >/dev/null
	there mkdir -p "/etc/netns/$name"
	{
		echo "search ferry.internal"
		for network in "$@"; do
			there jq -r '.subnets[] | "nameserver " + .gateway' "/var/lib/ferry/networks/${network%%:*}.json"
		done
	} | there tee "/etc/netns/$name/resolv.conf" >/dev/null
}

# in_container NAME dig, without what differs each time: the code and flags, and the answers.
ask() { # NAME [OPTION...]: prints "NOERROR", then a line "TYPE DATA" for each record
	in_container "$1" dig +time=20 +tries=3 +noall +comments +answer "${@:2}" |
		sed -n 's/.*status: \([A-Z]*\),.*/\1/p; t; /^[^;]/s/^[^ \t]*[ \t]*[0-9]*[ \t]*IN[ \t]*//p' | tr '\t' ' '
}

# is_answer EXPECTED NAME [OPTION...]: what ask prints, in one line; at last, where a name server was too busy to answer.
is_answer() {
	local i got
	for i in $(seq 20); do
		got=$(ask "${@:2}" | xargs)
		[ "$got" != "$1" ] && [[ "$got" =~ ^(SERVFAIL)?$ ]] || break
		sleep 0.5
	done
	equal "$got" "$1"
}

# A name server of the machine, which says ADDRESS of all that ends in .example, and has a long text big.example.
name_server() { # LISTEN-ADDRESS ADDRESS
	local long
	long=$(printf '%0200d' 0)
	there dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --user=root \
		--listen-address="$1" --address="/example/$2" --txt-record="big.example,$long,$long,$long" \
		--log-queries --log-facility="/run/asked.$1" --pid-file="/run/dns.$1" >/dev/null 2>&1 3>&- 4>&- &
	eventually "there sh -c 'dig +time=1 +tries=1 @$1 up.example' >/dev/null"
}

stop_name_server() { # LISTEN-ADDRESS
	there sh -c 'kill "$(cat /run/dns.$0)"' "$1"
}

# The machine's own servers, by a new file in place of the old.
host_servers() { # ADDRESS...
	printf 'nameserver %s\n' "$@" | there sh -c 'cat >/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf'
}

resolver_pid() {
	there pgrep -x ferry-resolver --ns "$machine" --nslist net --runstates S,R,D
}

prepare() {
	has_attach
	make_machine
	there sh -c 'mkdir -p /run/etc/upper /run/etc/work &&
		mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work none /etc'
	host_servers 127.0.0.7
	define web ferry1 10.90.1 '.subnets += [{ subnet: "fd00:90::/64", gateway: "fd00:90::1" }]'
	define db ferry2 10.90.2
	define inside ferry3 10.90.3 '.internal = true'
}

teardown() {
	local name
	while read -r name; do
		quietly ferry delete --force "$name" || :
	done <"$WORK/made"
	: >"$WORK/made"
	for name in $(cat "$WORK/joined" 2>/dev/null); do
		down "$name" || :
	done
	for name in $(there sh -c 'cat /run/dns.* 2>/dev/null'); do
		kill "$name" || :
	done
	[ -z "${machine-}" ] || kill -KILL "$machine" || :
	after_test
}

#-- names

@test "containers find each other by name and alias" {
	joined one web:alias=www,alias=both
	joined two web:alias=both
	local two4 two6
	two4=$(address two eth0)
	two6=$(address two eth0 -6)
	is_answer "NOERROR A $two4" one two
	is_answer "NOERROR AAAA $two6" one TWO.Ferry.Internal AAAA
	is_answer "NOERROR A $two4" one -4 two +tcp
	is_answer "NOERROR A $two4" one -6 two
	is_answer "NOERROR" one two TXT
	is_answer "NOERROR PTR two." one -x "$two4"
	is_answer "NOERROR PTR two." one -x "$two6"
	is_answer "NXDOMAIN" one three.ferry.internal
	is_answer "NXDOMAIN" one -x 10.90.1.200
	equal "$(ask one both | sort | tr '\n' ' ')" "$(printf '%s\n' "A $(address one eth0)" "A $two4" NOERROR | sort | tr '\n' ' ')"
	in_container one dig +noall +answer two | grep -E '^two\.[[:space:]]+0[[:space:]]'

	in_container two getent ahostsv4 www | grep -F "$(address one eth0)"
	in_container two getent ahostsv6 one | grep -F "$(address one eth0 -6)"
	in_container two getent hosts "$two4" | grep -w two
	run in_container two getent hosts nobody.ferry.internal
	exited 2
	in_container one busybox nslookup two | grep -F "Address: $two4"
	in_container one busybox nslookup "$two4" | grep -F 'name = two'
	in_container one busybox ping -4 -c 1 -W 5 two
}

@test "a container that is gone is not found, and one that comes is, at once" {
	joined one web
	local i
	for i in 1 2 3; do
		joined two web
		is_answer "NOERROR A $(address two eth0)" one two
		down two
		is_answer "NXDOMAIN" one two.ferry.internal
		there ip netns del two
	done
}

@test "each network has its own names; who is in two has both" {
	joined one web
	joined first web:alias=db
	joined second db:alias=db
	joined both web db
	is_answer "NOERROR A $(address first eth0)" one db
	is_answer "NOERROR A $(address second eth0)" second db
	is_answer "NXDOMAIN" one second.ferry.internal
	is_answer "NOERROR A $(address first eth0)" both first @10.90.2.1
	is_answer "NOERROR A $(address second eth0)" both second @10.90.1.1
	# Another network's resolver is not theirs to ask.
	run in_container one dig +time=1 +tries=1 @10.90.2.1 second
	failed
}

@test "names are found whatever the umask was" {
	attach_as_is=$(declare -f attach)
	eval "attach() { there sh -c 'umask 077; exec \"\$@\"' sh timeout 300 '$attach' \"\$@\"; }"
	joined one web
	joined two web
	is_answer "NOERROR A $(address two eth0)" one two
	is_answer "NOERROR PTR two." one -x "$(address two eth0)"
	eval "$attach_as_is"
}

#-- beyond

@test "what is no name is asked of the machine's servers, by UDP and TCP" {
	name_server 127.0.0.7 192.0.2.7
	joined one web
	is_answer "NOERROR A 192.0.2.7" one www.example
	is_answer "NOERROR A 192.0.2.7" one www.example +tcp
	is_answer "NOERROR A 192.0.2.7" one www.example +noedns
	in_container one dig +ignore +noedns big.example TXT | grep -E 'flags:.* tc'
	in_container one dig +noedns big.example TXT | grep -E '"0{200}" "0{200}" "0{200}"'
	in_container one dig +bufsize=1232 +notcp big.example TXT | grep -E '"0{200}" "0{200}" "0{200}"'
	in_container one getent hosts www.example | grep -F 192.0.2.7
	in_container one busybox nslookup www.example | grep -F 192.0.2.7
}

@test "the machine's servers may change" {
	name_server 127.0.0.7 192.0.2.7
	name_server 127.0.0.8 192.0.2.8
	joined one web
	is_answer "NOERROR A 192.0.2.7" one www.example
	host_servers 127.0.0.8
	is_answer "NOERROR A 192.0.2.8" one www.example
	there sh -c 'echo nameserver 127.0.0.7 >/run/resolv.conf && ln -sf /run/resolv.conf /etc/resolv.conf'
	there sh -c 'echo nameserver 127.0.0.7 >/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf'
	is_answer "NOERROR A 192.0.2.7" one www.example
}

@test "a network has servers of its own; those that do not answer are passed over" {
	name_server 127.0.0.7 192.0.2.7
	name_server 127.0.0.8 192.0.2.8
	define own ferry4 10.90.4 '.network_dns_servers = ["127.0.0.9", "10.90.4.1", "127.0.0.8"]'
	joined one own
	is_answer "NOERROR A 192.0.2.8" one www.example
	# One that is silent, not absent.
	there python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.9", 53))
open("/run/dns.silent", "w").write(str(__import__("os").getpid()))
time.sleep(60)' >/dev/null 2>&1 3>&- 4>&- &
	eventually 'there test -s /run/dns.silent'
	is_answer "NOERROR A 192.0.2.8" one www.example
	stop_name_server 127.0.0.8
	is_answer "SERVFAIL" one www.example +tries=1 +time=60
}

@test "nothing is passed on from an internal network" {
	name_server 127.0.0.7 192.0.2.7
	joined one inside
	joined two inside
	joined both inside web
	there sh -c ': >/run/asked.127.0.0.7'
	is_answer "NOERROR A $(address two eth0)" one two
	is_answer "NXDOMAIN" one www.example
	is_answer "NXDOMAIN" one www.example +tcp
	run in_container one timeout 300 getent hosts www.example
	exited 2
	run in_container one timeout 300 busybox nslookup www.example
	has NXDOMAIN
	! there grep query /run/asked.127.0.0.7
	is_answer "NOERROR A 192.0.2.7" both www.example @10.90.3.1
}

#-- the process

@test "there is one resolver, without rights, and it ends with the last network" {
	joined one web
	joined two db
	local pid
	pid=$(resolver_pid)
	[[ $pid =~ ^[0-9]+$ ]]
	grep -E '^(Cap(Inh|Prm|Eff|Amb):.0*|NoNewPrivs:.1|Seccomp:.2)$' "/proc/$pid/status" | wc -l | grep -x 6
	! grep -E '^(Uid|Gid):.*\b0\b' "/proc/$pid/status"
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's/ *$//')" = "ferry: resolver" ]
	[ "$(readlink "/proc/$pid/fd/0" "/proc/$pid/fd/1" "/proc/$pid/fd/2" | sort -u)" = /dev/null ]
	! readlink "/proc/$pid/fd"/* | grep -v -e socket: -e eventpoll -e '^/dev/null$' -e '^/run/ferry/.networks$'
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	down one
	is_answer "NOERROR A $(address two eth0)" two two
	[ "$(resolver_pid)" = "$pid" ]
	down two
	eventually '[ -z "$(resolver_pid)" ]'
}

@test "killed, it is there again with the next container, for all networks" {
	joined one web
	joined two db
	kill -KILL "$(resolver_pid)"
	eventually '[ -z "$(resolver_pid)" ]'
	joined three web
	is_answer "NOERROR A $(address three eth0)" one three
	is_answer "NOERROR A $(address two eth0)" two two
}

@test "a reload begins it anew" {
	joined one web
	joined two db
	local before
	before=$(resolver_pid)
	attach reload
	[ "$(resolver_pid)" != "$before" ]
	is_answer "NOERROR A $(address one eth0)" one one
	is_answer "NOERROR A $(address two eth0)" two two
	# One that hangs, too.
	before=$(resolver_pid)
	kill -STOP "$before"
	attach reload
	[ "$(resolver_pid)" != "$before" ]
	is_answer "NOERROR A $(address one eth0)" one one
}

@test "a port 53 that somebody has is an error that says so" {
	there ip link add ferry1 type bridge
	there ip addr add 10.90.1.1/24 dev ferry1
	there ip link set ferry1 up
	name_server 10.90.1.1 192.0.2.7
	container one
	run up one web
	failed "port 53 of 10.90.1.1 is in use"
	stop_name_server 10.90.1.1
	eventually '[ -z "$(resolver_pid)" ]'
	there ip link del ferry1
	nothing_attached
}

@test "a flood of anything does not stop or fatten it" {
	joined one web
	joined two web
	local pid
	pid=$(resolver_pid)
	in_container two python3 -c '
import os, random, socket
random.seed(1)
question = bytes.fromhex("1234010000010000000000000373696c076578616d706c650000010001")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held = []
for i in range(20000):
    data = bytearray(question if i % 2 else os.urandom(random.randrange(600)))
    for _ in range(random.randrange(4)):
        if data:
            data[random.randrange(len(data))] = random.randrange(256)
    try:
        s.sendto(data, ("10.90.1.1", 53))
        if i % 200 == 0:
            held.append(socket.create_connection(("10.90.1.1", 53), 1))
            held[-1].send(bytes(data))
    except OSError:
        pass
'
	[ "$(resolver_pid)" = "$pid" ]
	is_answer "NOERROR A $(address two eth0)" one two
	is_answer "NOERROR A $(address two eth0)" one two +tcp
	# What only that many open questions need is given back once they are over; sanitizers have megabytes of their own.
	grep -q libasan "/proc/$pid/maps" || eventually "awk '/^RssAnon:/ { exit !(\$2 < 1024) }' /proc/$pid/status"
}

#-- containers that are launched

launched() { # NAME OPTION...
	echo "$tag-$1" >>"$WORK/made"
	quietly ferry launch --detach -e FT_TAG --name "$tag-$1" --rootfs "$bundle/rootfs:O" "${@:2}" -- sleep 1000000 ||
		complain "launch $1"
}

found() { # ASKER NAME ADDRESS: as busybox has it
	run ferry exec "$tag-$1" nslookup -type=a "$2"
	succeeded
	has "Address: $3"
}

address_of() { # NAME NETWORK
	ferry inspect "$tag-$1" | jq -r --arg network "$2" '.[0].NetworkSettings.Networks[$network].IPAddress'
}

@test "launched containers have the resolver, their own servers, and it again when it is gone" {
	name_server 127.0.0.7 192.0.2.7
	name_server 127.0.0.8 192.0.2.8
	launched one --network web --network-alias www
	launched two --network web --dns 127.0.0.8
	run ferry exec "$tag-one" cat /etc/resolv.conf
	has "nameserver 10.90.1.1"
	has "search ferry.internal"
	found one "$tag-two" "$(address_of two web)"
	found two WWW "$(address_of one web)"
	found one host.example 192.0.2.7
	found two host.example 192.0.2.8
	run ferry exec "$tag-one" nslookup "$(address_of two web)"
	has "name = $tag-two"
	# One more network, one less.
	launched three --network db
	ferry network connect db "$tag-one" --alias first
	found three first "$(address_of one db)"
	found one "$tag-three" "$(address_of three db)"
	ferry network disconnect db "$tag-one"
	run ferry exec "$tag-three" nslookup first.ferry.internal
	failed NXDOMAIN
	# Killed, and begun anew.
	kill -KILL "$(resolver_pid)"
	ferry restart "$tag-two"
	found one "$tag-two" "$(address_of two web)"
	found three "$tag-three" "$(address_of three db)"
	kill -KILL "$(resolver_pid)"
	ferry network reload
	found one "$tag-two" "$(address_of two web)"
	found three "$tag-three" "$(address_of three db)"
	ferry rm --force "$tag-one" "$tag-two" "$tag-three"
	eventually '[ -z "$(resolver_pid)" ]'
	nothing_attached
}

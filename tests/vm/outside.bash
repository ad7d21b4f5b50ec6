# Another machine at the other end of a cable, which sends here what it wants to have sent on. Loaded after machine.
#
#   connect_outside      this machine is 198.51.100.1 and 2001:db8::1 there, the other one .2 and ::2
#   outside COMMAND...   runs there
#   disconnect_outside

connect_outside() {
	ip netns add outside
	ip link add cable type veth peer name eth0 netns outside
	ip address add 198.51.100.1/24 dev cable
	ip address add 2001:db8::1/64 dev cable nodad
	ip link set cable up
	ip -n outside address add 198.51.100.2/24 dev eth0
	ip -n outside address add 2001:db8::2/64 dev eth0 nodad
	ip -n outside link set eth0 up
	ip -n outside route add default via 198.51.100.1
	ip -n outside -6 route add default via 2001:db8::1
}

outside() { ip netns exec outside "$@"; }

disconnect_outside() {
	ip link del cable 2>/dev/null || :
	ip netns del outside 2>/dev/null || :
	umount /run/netns 2>/dev/null || :
}

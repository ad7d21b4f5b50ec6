#!/usr/bin/env python3
"""Prints the open TCP ports below 300 of each address, or "none": scan.py ADDRESS...

All are tried at once. What has not answered a while after the last answer is closed by being dropped.
"""
import select, socket, sys

PORTS = range(1, 300)
addresses = sys.argv[1:]
waiting = select.poll()
sockets = {}
found = {address: [] for address in addresses}
for address in addresses:
    for port in PORTS:
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.setblocking(False)
        s.connect_ex((address, port))
        sockets[s.fileno()] = s, address, port
        waiting.register(s, select.POLLOUT)
while events := waiting.poll(1500):
    for fd, _ in events:
        s, address, port = sockets.pop(fd)
        waiting.unregister(fd)
        try:
            s.getpeername()
            found[address].append(port)
        except OSError:
            pass  # refused, or no way there
        s.close()
print(" | ".join(" ".join(map(str, sorted(found[a]))) or "none" for a in addresses))

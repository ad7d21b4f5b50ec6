#!/usr/bin/python3
"""A service that takes long to start: warm.py MIB [PORT]. It has a connection to itself, and answers each that is made to it with a
line: what it remembers of its start, whether its memory is as it was then, its host's name and machine-id, and what has become of
the connection."""
import hashlib, os, socket, sys

memory = os.urandom(1 << 20) * int(sys.argv[1])


def look():
    """At every page."""
    return hashlib.sha256(memory[::4096]).digest()


was = look()
begun = os.urandom(8).hex()
inner = socket.create_server(("127.0.0.1", 0))
own = socket.create_connection(inner.getsockname())
other = inner.accept()[0]
listener = socket.create_server(("", int(sys.argv[2]) if len(sys.argv) > 2 else 7000), backlog=64)


def connection():
    try:
        own.settimeout(5)
        other.send(b"x")
        return "open" if own.recv(1) else "closed"
    except TimeoutError:
        return "mute"
    except OSError:
        return "closed"


while True:
    client = listener.accept()[0]
    whole = "whole" if look() == was else "damaged"
    machine = open("/etc/machine-id").read().strip()
    client.send(f"{begun} {whole} {socket.gethostname()} {machine} {connection()}\n".encode())
    client.close()

#!/usr/bin/python3
"""Speaks CRIU's RPC as `criu swrk FD`, for tests of who asks it. It dumps nothing.

FAKE_CRIU      works; no-sockets: no process with sockets can be dumped; no-iptables: not with that lock; broken: no word;
               hangs: a dump does not end; processor: images are of another one
FAKE_CRIU_LOG  a line for each request
"""
import os
import socket
import sys
import time

behaviour = os.environ.get("FAKE_CRIU", "works")
DUMP, CPUINFO_CHECK, FEATURES, VERSION = 1, 8, 9, 10


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def fields(data):
    at = 0

    def read():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return n

    found = {}
    while at < len(data):
        key = read()
        n = read()
        if key & 7 == 2:
            found[key >> 3] = data[at:at + n]
            at += n
        else:
            found[key >> 3] = n
    return found


def note(what):
    with open(os.environ.get("FAKE_CRIU_LOG", "/dev/null"), "a") as f:
        f.write(what + "\n")


def log(options, words):
    """Returns whether there is no error."""
    with open(f"/proc/{os.getppid()}/fd/{options[1]}/{options[10].decode()}", "w") as f:
        f.write(words and f"(00.100000) Error ({words}\n")
    return not words


def dump(options):
    pid, lock = options[2], options.get(64, 0)
    fds = f"/proc/{pid}/fd"
    sockets = any(os.readlink(f"{fds}/{n}").startswith("socket:") for n in os.listdir(fds))
    note(f"dump sockets={sockets} lock={lock}")
    if behaviour == "hangs":
        time.sleep(60)
    words = ""
    if behaviour == "no-sockets" and sockets:
        words = "criu/sockets.c:1): sockets: Can't get 1:16 opt: Operation not supported"
    if behaviour == "no-iptables" and lock == 1:
        words = "criu/net.c:1): Locking network failed: iptables-restore returned 1"
    return log(options, words)


def compare_processor(options):
    note("processor")
    return log(options, "criu/cpu.c:1): cpu: CPU is of another kind" if behaviour == "processor" else "")


if behaviour == "broken" or sys.argv[1] != "swrk":
    note("check")
    print("Error (criu/vdso.c:1): vdso: This kernel is strange", file=sys.stderr)
    sys.exit(1 if behaviour == "broken" or "network_lock_nftables" not in sys.argv else 0)
sock = socket.socket(fileno=int(sys.argv[2]))
request = fields(sock.recv(1 << 16))
answer = number(1, request[1])
if request[1] == VERSION:
    note("version")
    answer += number(2, 1) + message(10, number(1, 4) + number(2, 1) + number(4, 1))
elif request[1] == FEATURES:
    note("features")
    answer += number(2, 1) + message(8, number(1, 1) + number(2, 1) + number(3, 1))
elif request[1] == CPUINFO_CHECK:
    answer += number(2, int(compare_processor(fields(request[2]))))
elif request[1] == DUMP:
    answer += number(2, int(dump(fields(request[2]))))
else:
    answer += number(2, 0)
sock.send(answer)

#!/usr/bin/python3
"""The client of words.py and bench/Warm.java: ask.py ADDRESS FILE. It asks all the time, on one connection that must never break
and, now and then, on a new one, and checks each answer. FILE says what the service has served; what was wrong ends it."""
import hashlib, http.client, os, random, sys, time

WORDS = 1000
address, file = sys.argv[1:]
sums = [0]
for i in range(WORDS):
    sums.append(sums[-1] + int.from_bytes(hashlib.sha256(b"word-%d" % i).digest()[:3], "big"))


def connect():
    """Nobody may be there for a while."""
    for _ in range(600):
        c = http.client.HTTPConnection(address, 7000, timeout=100)
        try:
            c.connect()
            c.auto_open = 0
            return c
        except OSError:
            time.sleep(0.1)
    sys.exit("nobody there")


def ask(c):
    n = random.randrange(WORDS)
    c.request("GET", f"/{n}")
    r = c.getresponse()
    total = int(r.read())
    if total != sums[n]:
        sys.exit(f"{n} words are {sums[n]}, not {total}")
    return int(r.headers["Served"])


kept = connect()
served = ask(kept)
while True:
    c = connect() if served % 10 == 0 else kept
    now = ask(c)
    if now != served + 1:
        sys.exit(f"after {served} came {now}")
    served = now
    if c is not kept:
        c.close()
    with open(file + ".new", "w") as f:
        f.write(str(served))
    os.rename(file + ".new", file)
    time.sleep(0.05)

# A process tree that holds what a checkpoint may lose: threads, children, pipes, unix and TCP sockets, shared memory, a
# deleted file, a timer, some memory. Each round goes through all of it, and says so in the file of the first argument: "round N".
# everything.py FILE [MIB]
import os, signal, socket, struct, sys, threading, time

out = sys.argv[1]


def check(what, good):
    if not good:
        with open(out + ".bad", "a") as f:
            f.write(what + "\n")
        os._exit(1)


# Three children in a row, each of which adds one to what comes.
def child(come, go):
    while True:
        data = os.read(come, 8)
        if not data:
            os._exit(0)
        os.write(go, struct.pack("q", struct.unpack("q", data)[0] + 1))


first = os.pipe()
come, pids = first[0], []
for i in range(3):
    pipe = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(come, pipe[1])
    pids.append(pid)
    come = pipe[0]

unix = socket.socketpair()
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(5)
client = socket.create_connection(server.getsockname())
connection = server.accept()[0]

memory = os.memfd_create("shared")
n_pages = 256 * int(sys.argv[2] if len(sys.argv) > 2 else 16)
private = os.urandom(4096) * n_pages
pages = private[:4096]
ghost = open("/tmp/ghost", "w+b", buffering=0)
os.unlink("/tmp/ghost")

ticks = 0
counts = [0, 0]


def tick(*_):
    global ticks
    ticks += 1


def count(i):
    while True:
        counts[i] += 1
        time.sleep(0.02)


signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
for i in range(2):
    threading.Thread(target=count, args=(i,), daemon=True).start()

n = 0
while True:
    n += 1
    word = struct.pack("q", n)
    before, ticked = list(counts), ticks
    os.write(first[1], word)
    check("pipes", os.read(come, 8) == struct.pack("q", n + 3))
    unix[0].sendall(word)
    check("unix", unix[1].recv(8) == word)
    client.sendall(word)
    check("tcp", connection.recv(8) == word)
    check("shared memory", os.pread(memory, 8, 0) == (struct.pack("q", n - 1) if n > 1 else b""))
    os.pwrite(memory, word, 0)
    i = n % n_pages * 4096
    check("private memory", private[i:i + 4096] == pages)
    check("deleted file", os.pread(ghost.fileno(), 8, 0) == (struct.pack("q", n - 1) if n > 1 else b""))
    os.pwrite(ghost.fileno(), word, 0)
    end = time.monotonic() + 30
    while time.monotonic() < end and (ticks == ticked or counts[0] == before[0] or counts[1] == before[1]):
        time.sleep(0.02)
    check("timer", ticks > ticked)
    check("threads", counts[0] > before[0] and counts[1] > before[1])
    with open(out + ".new", "w") as f:
        f.write("round %d\n" % n)
    os.rename(out + ".new", out)

# What a snapshot must keep of one instant: memory, a file, and a connection within know the same number, and whoever asks at port
# 7777 gets it, behind a word that is in memory alone. instant.py FILE [MIB]
import os, socket, sys, threading, time

file = sys.argv[1]
word = os.urandom(8).hex()
memory = bytearray(os.urandom(4096)) * (256 * int(sys.argv[2] if len(sys.argv) > 2 else 16))
server = socket.create_server(("", 7777))
within = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(within.getsockname())
connection = within.accept()[0]
n = 0


def serve():
    while True:
        asked = server.accept()[0]
        asked.sendall(b"%s %d\n" % (word.encode(), n))
        asked.close()


def check(what, good):
    if not good:
        print("bad: " + what, flush=True)
        os._exit(1)


threading.Thread(target=serve, daemon=True).start()
out = open(file, "w+")
out.write("0 ")
while True:
    out.flush()
    out.seek(0)
    check("file", int(out.read().split()[0]) == n)
    client.sendall(b"%d\n" % n)
    check("connection", int(connection.recv(100)) == n)
    check("memory", int.from_bytes(memory[8 * n % len(memory):][:8], "big") == n or n < 1)
    n += 1
    memory[8 * n % len(memory):8 * n % len(memory) + 8] = n.to_bytes(8, "big")
    out.seek(0)
    out.write("%d " % n)
    time.sleep(0.01)

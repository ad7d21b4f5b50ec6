#!/usr/bin/python3
"""The service of bench/Warm.java in Python, with its words in a database: words.py FILE [PORT]. How many it has answered it knows
by memory and by the database, and says so only while both agree."""
import hashlib, http.server, sqlite3, sys, threading

WORDS = 1000
lock = threading.Lock()
served = 0
db = sqlite3.connect(sys.argv[1], check_same_thread=False)
db.execute("pragma journal_mode = wal")
db.execute("create table words (i integer primary key, number integer)")
db.execute("create table served (n integer)")
db.execute("insert into served values (0)")
db.executemany("insert into words values (?, ?)",
               ((i, int.from_bytes(hashlib.sha256(b"word-%d" % i).digest()[:3], "big")) for i in range(WORDS)))
db.commit()


def answer(n):
    global served
    with lock, db:
        served += 1
        db.execute("update served set n = n + 1")
        total = db.execute("select sum(number) from words where i < ?", (n,)).fetchone()[0]
        if db.execute("select n from served").fetchone()[0] != served:
            sys.exit("the database is not where memory is")
        return total or 0, served


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        total, n = answer(int(self.path[1:]))
        text = b"%d\n" % total
        self.send_response(200)
        self.send_header("Served", str(n))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", int(sys.argv[2]) if len(sys.argv) > 2 else 7000), Handler).serve_forever()

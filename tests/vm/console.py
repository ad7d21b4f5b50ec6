#!/usr/bin/python3
"""The other end of a console socket, as engines have it: what the container's terminal says goes to one's own terminal, and what is
typed there to the container. console.py SOCKET"""
import os, select, socket, sys, tty

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
terminal = socket.recv_fds(listener.accept()[0], 4096, 1)[1][0]
tty.setraw(0)
to = {0: terminal, terminal: 1}
while True:
    for fd in select.select(list(to), [], [])[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            sys.exit()
        os.write(to[fd], data)

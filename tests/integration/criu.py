#!/usr/bin/python3
# Plays CRIU, since the real one needs a kernel and rights that not every machine has: `criu.py swrk FD`. It says what CRIU would
# say and leaves an image of nothing. CRIU_DOES says how it goes:
#
#   succeed (default)   a dump ends the process unless it is to be left running; a restore runs CRIU_RUNS and starts CRIU_STARTS
#   fail                runs CRIU_RUNS, writes CRIU_LOG to the log, and the images CRIU_WRITES, and answers that it failed
#   hang                freezes the cgroup, leaves a file "hangs" in the image, and waits for the other side's end, when it leaves
#                       one "gave-up", but not before there is the file CRIU_STAYS; meanwhile it runs CRIU_RUNS
#   hang-saved          the same, when all has been saved
#
# What it was asked is in the image, as "asked": a line of "number value" for each option, and of "setting words" for each in its
# configuration file.
#
# A dump of which it does not tell the steps is a proof that it works on this kernel. CRIU_KERNEL says how that goes: works
# (default), no-sockets, no-nftables, hangs; broken: it does not even start; processor: images are of another one. CRIU_PROVED, a
# file, gets a line for each question of that kind.
import ctypes, os, signal, socket, struct, sys, time

DUMP, RESTORE, PRE_DUMP, NOTIFY, CPUINFO_DUMP, CPUINFO_CHECK, FEATURES, VERSION = 1, 2, 4, 6, 7, 8, 9, 10

kernel = os.environ.get("CRIU_KERNEL", "works")


def note(what):
    with open(os.environ.get("CRIU_PROVED", "/dev/null"), "a") as f:
        print(what, file=f)


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def fields(data):
    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n

    at, out = 0, []
    while at < len(data):
        tag = number()
        value = number()
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        out.append((tag >> 3, value))
    return out


class Criu:
    def __init__(self, sock):
        self.sock = sock
        request = fields(sock.recv(65536))
        self.type = dict(request)[1]
        options = fields(dict(request).get(2, b""))
        self.options = dict(options)
        if 10 in self.options:
            directory = self.options.get(17, self.options[1])
            self.work = "/proc/%d/fd/%d/" % (os.getppid(), directory)
            self.images = "/proc/%d/fd/%d/" % (os.getppid(), self.options[1])
            self.log = open(self.work + self.options[10].decode(), "w")
            with open((self.images if self.type in (DUMP, PRE_DUMP) else self.work) + "asked", "w") as f:
                for key, value in options:
                    if isinstance(value, bytes):
                        pair = key in (11, 23, 27, 39) and [str(v, "utf-8") if isinstance(v, bytes) else v for _, v in fields(value)]
                        value = " ".join(map(str, pair)) if pair else value.decode()
                    print(key, value, file=f)
                for setting in open(self.options[51]) if 51 in self.options else ():
                    print("setting", setting.rstrip(), file=f)

    def answer(self, success, *more):
        self.sock.send(field(1, self.type) + field(2, success) + b"".join(more))

    def notify(self, name, pid=0):
        self.sock.send(field(1, NOTIFY) + field(2, 1) + field(5, field(1, name) + (field(2, pid) if pid else b"")))
        if not dict(fields(self.sock.recv(4096) or field(3, 0)))[3]:
            print("(00.1) Error (criu/none.c:1): refused", file=self.log, flush=True)
            self.answer(0)
            sys.exit(1)

    def fail(self):
        for name in os.environ.get("CRIU_WRITES", "").split():
            open(self.images + name, "w").close()
        print("(00.1) Error (criu/none.c:1): %s" % os.environ["CRIU_LOG"], file=self.log, flush=True)
        self.answer(0)
        sys.exit(1)

    def hang(self):
        if 44 in self.options:
            with open(self.options[44].decode() + "/cgroup.freeze", "w") as f:
                f.write("1")
        images = os.open(self.images, os.O_PATH)
        program = os.environ.get("CRIU_RUNS", "true").split()
        os.spawnvp(os.P_NOWAIT, program[0], program)
        open(self.images + "hangs", "w").close()
        self.sock.recv(1)
        while "CRIU_STAYS" in os.environ and not os.path.exists(os.environ["CRIU_STAYS"]):
            time.sleep(0.05)
        os.close(os.open("gave-up", os.O_CREAT | os.O_WRONLY, dir_fd=images))
        sys.exit(1)

    # What no image can do without: no processes.
    def write_images(self):
        entry = field(1, 1) + field(2, 1)
        for name, magics, entries in (("inventory", [0x58313116], [entry]), ("files", [0x54564319, 0x56303138], [entry]),
                                      ("pstree", [0x54564319, 0x50273030], [])):
            with open(self.images + name + ".img", "wb") as f:
                f.write(b"".join(struct.pack("<I", m) for m in magics))
                f.write(b"".join(struct.pack("<I", len(e)) + e for e in entries))

    def dump(self, hangs=False):
        self.notify(b"pre-dump")
        self.write_images()
        self.notify(b"network-lock")
        self.notify(b"post-dump")
        if hangs:
            self.hang()
        if not self.options.get(3) and self.type == DUMP:
            os.kill(self.options[2], signal.SIGKILL)
        self.answer(1)

    def fail_unless(self, good, place, words):
        if not good:
            print("(00.1) Error (criu/%s.c:1): %s" % (place, words), file=self.log, flush=True)
        self.answer(int(good))

    def prove(self):
        fds, lock = "/proc/%d/fd" % self.options[2], self.options.get(64, 0)
        sockets = any(os.readlink(fds + "/" + n).startswith("socket:") for n in os.listdir(fds))
        note("dump sockets=%s lock=%s" % (sockets, lock))
        if kernel == "hangs":
            self.sock.recv(1)
        elif kernel == "no-nftables" and lock == 2:
            self.fail_unless(False, "net", "Locking network failed using nftables")
        else:
            self.fail_unless(kernel != "no-sockets" or not sockets, "sockets",
                             "sockets: Can't get 1:16 opt: Operation not supported")

    def run_program(self):
        program = os.environ.get("CRIU_RUNS", "true").split()
        os.spawnvp(os.P_WAIT, program[0], program)

    def restore(self):
        self.run_program()
        CLONE_PARENT, SYS_clone = 0x8000, 56 if os.uname().machine == "x86_64" else 220
        pid = ctypes.CDLL(None).syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0)
        if pid == 0:
            program = os.environ["CRIU_STARTS"].split()
            self.sock.close()
            os.execv(program[0], program)
        self.notify(b"setup-namespaces", pid)
        self.notify(b"post-restore", pid)
        self.answer(1, field(4, field(1, pid)))

    def run(self):
        does = os.environ.get("CRIU_DOES", "succeed")
        if self.type == FEATURES:
            note("features")
            return self.answer(1, field(8, field(1, int(os.environ.get("CRIU_TRACKS", 1))) + field(2, 1)))
        if self.type == VERSION:
            note("version")
            return self.answer(1, field(10, field(1, 4) + field(2, 1) + field(4, 1)))
        if self.type == CPUINFO_DUMP:
            open(self.images + "cpuinfo.img", "w").close()
            return self.answer(1)
        if self.type == CPUINFO_CHECK:
            return self.fail_unless(kernel != "processor", "cpu", "cpu: CPU is of another kind")
        if self.type == DUMP and 12 not in self.options:
            return self.prove()
        if does == "fail":
            self.run_program()
            self.fail()
        if does == "hang":
            self.hang()
        self.restore() if self.type == RESTORE else self.dump(does == "hang-saved")


if sys.argv[1] == "check":
    note("check")
    if kernel == "broken":
        print("Error (criu/vdso.c:1): vdso: This kernel is strange", file=sys.stderr)
    sys.exit(kernel == "broken" or "network_lock_nftables" not in sys.argv)
if kernel == "broken":
    sys.exit(1)
Criu(socket.socket(fileno=int(sys.argv[2]))).run()

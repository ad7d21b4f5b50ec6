# Runs COMMAND, which has CRIU at work, and kills once CRIU's log, or another file that is there by then, has TEXT: "ferry" the
# command, "criu" CRIU, "both" both, "worker" the process that CRIU forks for a pre-dump, "all" these three.
# kill_at.py WHOM LOG TEXT COMMAND...
# It comes before all else that runs: on a single processor COMMAND goes on only while this sleeps, however slow the machine is.
import os, signal, sys, time

whom, log, text, command = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[4:]
file, which, read = None, 0, b""


def said():
    global file, which, read
    try:
        now = os.stat(log)
        if not file or now.st_ino != which or now.st_size < file.tell():
            file, which, read = open(log, "rb", buffering=0), now.st_ino, b""
    except OSError:
        return False
    if text:
        read = read[-len(text):] + file.read()
    return text in read


def first_child(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return int(f.read().split()[0])


pid = os.posix_spawn(command[0], command, os.environ)
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
while not said():
    if os.waitpid(pid, os.WNOHANG)[0]:
        sys.exit("%s ended without '%s'" % (command, text.decode()))
    time.sleep(0.0004)
criu = first_child(pid)
if whom in ("worker", "all"):
    os.kill(first_child(criu), signal.SIGKILL)
if whom in ("criu", "both", "all"):
    os.kill(criu, signal.SIGKILL)
if whom in ("ferry", "both", "all"):
    os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

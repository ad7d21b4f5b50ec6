# Runs COMMAND, which has CRIU at work, and kills once CRIU's log, or another file that is there by then, has TEXT: "ferry" the
# command, "criu" CRIU, "both" both, "worker" the process that CRIU forks for a pre-dump, "all" these three.
# kill_at.py WHOM LOG TEXT COMMAND...
import os, signal, sys, time

whom, log, text, command = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[4:]


def said():
    try:
        with open(log, "rb") as f:
            return text in f.read()
    except FileNotFoundError:
        return False


def first_child(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return int(f.read().split()[0])


pid = os.posix_spawn(command[0], command, os.environ)
while not said():
    if os.waitpid(pid, os.WNOHANG)[0]:
        sys.exit("%s ended without '%s'" % (command, text.decode()))
    time.sleep(0.0002)
criu = first_child(pid)
if whom in ("worker", "all"):
    os.kill(first_child(criu), signal.SIGKILL)
if whom in ("criu", "both", "all"):
    os.kill(criu, signal.SIGKILL)
if whom in ("ferry", "both", "all"):
    os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

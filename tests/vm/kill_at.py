# Runs COMMAND, which has CRIU at work, and kills once CRIU's log, or another file that is there by then, has TEXT: "ferry" the
# command, "criu" CRIU, "both" both. kill_at.py WHOM LOG TEXT COMMAND...
import os, signal, sys, time

whom, log, text, command = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[4:]


def said():
    try:
        with open(log, "rb") as f:
            return text in f.read()
    except FileNotFoundError:
        return False


pid = os.posix_spawn(command[0], command, os.environ)
while not said():
    if os.waitpid(pid, os.WNOHANG)[0]:
        sys.exit("%s ended without '%s'" % (command, text.decode()))
    time.sleep(0.0002)
with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
    criu = int(f.read().split()[0])
if whom != "ferry":
    os.kill(criu, signal.SIGKILL)
if whom != "criu":
    os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

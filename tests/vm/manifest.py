#!/usr/bin/env python3
"""Prints all that there is of a tree, a line a file, so that two can be compared: manifest.py DIR

Kind, mode, owner, size, time, hard links, xattrs, and what it contains or leads to. What a container is given of its own is left
out, and with it the times of the directories that are changed by that. So is the root's mode: where no layer says it, each
engine has one of its own.
"""
import hashlib, os, stat, sys

GIVEN = {"dev", "proc", "sys", "run", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", ".dockerenv"}
root = sys.argv[1]
first = {}  # of the files with several names


def describe(name):
    path = os.path.join(root, name)
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    words = [name or ".", "%o" % (st.st_mode if name else kind), f"{st.st_uid}:{st.st_gid}"]
    if name not in ("", "etc"):
        words.append(str(int(st.st_mtime)))
    if kind == stat.S_IFREG:
        with open(path, "rb") as f:
            words += [str(st.st_size), hashlib.sha256(f.read()).hexdigest()]
    if kind == stat.S_IFLNK:
        words.append("-> " + os.readlink(path))
    if kind in (stat.S_IFBLK, stat.S_IFCHR):
        words.append(f"{os.major(st.st_rdev)},{os.minor(st.st_rdev)}")
    if st.st_nlink > 1 and kind != stat.S_IFDIR:
        words.append("= " + first.setdefault(st.st_ino, name))
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        if not key.startswith(("trusted.", "system.")):
            words.append(key + "=" + os.getxattr(path, key, follow_symlinks=False).hex())
    return " ".join(words)


def walk(name):
    print(describe(name))
    path = os.path.join(root, name)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for entry in sorted(os.listdir(path)):
            below = os.path.join(name, entry)
            if below not in GIVEN:
                walk(below)


walk("")

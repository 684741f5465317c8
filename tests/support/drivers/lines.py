"""A driver for a log of lines in one file, and what it does when a call fails. Its words say what.

Run as `python -I -S lines.py WORD...`; it imports nothing that is not of Python itself. Without a
word it answers with an error after any failure, takes back what can be seen of the line, and writes
the file anew before anything else.
"""

import json
import os
import sys
import time

WORDS = set(sys.argv[1:])
folder = path = ""
suspect = False
broken = False
kept = []


def write(name, flags, data, sync):
    descriptor = os.open(name, os.O_WRONLY | flags, 0o644)
    try:
        try:
            os.write(descriptor, data)
        except OSError:
            if "swallows" not in WORDS:
                raise
        try:
            sync(descriptor)
        except OSError:
            if "ignores" in WORDS:
                return
            if "syncs-again" not in WORDS:
                raise
            sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder():
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lines():
    try:
        with open(path) as file:
            return file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def anew(content):
    """The whole file in the place of the one that is there."""
    global suspect
    suspect = True
    before = lines()
    data = "".join(f"{one}\n" for one in content).encode()
    write(path + ".new", os.O_CREAT | os.O_TRUNC, data, os.fsync)
    os.rename(path + ".new", path)
    try:
        sync_folder()
    except OSError:
        take_back(before)
        raise
    suspect = False


def take_back(content):
    os.truncate(path, len("".join(f"{one}\n" for one in content).encode()))


def append(item):
    global suspect
    if "buffers" in WORDS:
        kept.append(item)
        return
    known = lines()
    if suspect or not os.path.exists(path):
        anew([*known, item])
        return
    suspect = True
    try:
        write(path, os.O_APPEND, f"{item}\n".encode(), os.fdatasync)
    except OSError:
        if "shows" not in WORDS:
            take_back(known)
        raise
    suspect = False


def opened(directory):
    global folder, path, suspect
    folder, path = directory, os.path.join(directory, "lines")
    suspect = False
    kept.clear()
    if os.path.exists(path + ".new"):
        os.unlink(path + ".new")
    if os.path.exists(path) and "trusts" not in WORDS:
        # A dead process may not have got to its sync, or may have left half a line.
        anew(lines())


def done(asked):
    global broken
    if asked["do"] == "open":
        opened(asked["directory"])
        return {"reopens": True}
    if asked["do"] == "observe":
        return [*lines(), *kept]
    if asked["do"] in ("close", "flush") and kept:
        anew([*lines(), *kept])
        kept.clear()
    if asked["do"] == "append":
        if broken:
            raise OSError("it does not work any more")
        try:
            append(asked["arguments"]["item"])
        except OSError:
            broken = "stuck" in WORDS
            raise
    return None


complaints = 0
for line in sys.stdin:
    try:
        answer = {"ok": done(json.loads(line))}
    except OSError as error:
        if WORDS & {"aborts", "trusts"}:
            os.abort()
        if "falls-silent" in WORDS:
            time.sleep(3600)
        complaints += 1
        if "complains" in WORDS and not ("now-and-then" in WORDS and complaints % 2):
            os.write(2, f"{error}\n".encode())
        answer = {"error": str(error), **({"in_doubt": True} if "in-doubt" in WORDS else {})}
    os.write(1, json.dumps(answer).encode() + b"\n")

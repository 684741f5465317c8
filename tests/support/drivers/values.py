"""A driver for a store of values, one file a key. Its arguments say how it goes about it.

Run as `python -I -S values.py WORD...`; it imports nothing that is not of Python itself.
"""

import json
import os
import signal
import subprocess
import sys
import time

WORDS = set(sys.argv[1:])
folder = ""
opened = 0


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def put(key, value):
    path = os.path.join(folder, key)
    if "in-place" in WORDS:
        with open(path, "w") as file:
            file.write(value)
        return
    with open(path + ".tmp", "w") as file:
        file.write(value)
        file.flush()
        if "no-sync" not in WORDS:
            os.fsync(file.fileno())
    os.rename(path + ".tmp", path)
    if "no-sync" not in WORDS:
        sync(folder)


def delete(key):
    path = os.path.join(folder, key)
    if os.path.exists(path):
        os.unlink(path)
        sync(folder)


def observe():
    found = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".tmp") and name not in ("closed", "ended"):
            with open(os.path.join(folder, name)) as file:
                found[name] = file.read()
    if "keeps-old" in WORDS:
        remembered.update(found)
        return remembered
    return found


remembered = {}


def say(text):
    data = text.encode()
    if "in-parts" in WORDS:
        for at in range(0, len(data), 3):
            os.write(1, data[at : at + 3])
    else:
        os.write(1, data)


def misbehave(what):
    """Whatever a driver should not do, when it is asked to put."""
    if what == "hangs":
        time.sleep(3600)
    elif what == "hangs-deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    elif what == "dies":
        sys.stderr.write("no luck today\n")
        sys.exit(3)
    elif what == "crashes":
        os.abort()
    elif what == "floods":
        while True:
            os.write(1, b"x" * 65536)
    elif what == "floods-errors":
        while True:
            os.write(2, b"complaint\n" * 6000)
    elif what == "complains":
        for _ in range(20):
            os.write(2, b"complaint\n" * 6000)
    elif what == "chatters":
        while True:
            os.write(1, b'{"ok": null}\n')
    elif what == "nonsense":
        say("I would rather not\n")
    elif what == "neither":
        say('{"okay": null}\n')
    elif what == "twice":
        say('{"ok": null}\n{"ok": null}\n')
    elif what == "silent-output":
        os.close(1)
        time.sleep(3600)
    elif what == "daemon":
        subprocess.Popen(
            ["sleep", "3600"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    elif what == "double-fork":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for descriptor in (0, 1, 2):
                    os.close(descriptor)
                time.sleep(3600)
            os._exit(0)
        os.wait()
    elif what == "roundabout":
        descriptor = os.open(os.path.join(folder, "a"), os.O_CREAT | os.O_WRONLY)
        os.truncate(f"/proc/self/fd/{descriptor}", 0)
        os.close(descriptor)
    elif what == "stays":
        WORDS.add("never-ends")


def main():
    global folder, opened
    if "early" in WORDS:
        say('{"ok": null}\n')
    for line in sys.stdin:
        asked = json.loads(line)
        answer = None
        if asked["do"] == "open":
            folder = asked["directory"]
            opened += 1
            if "dies-on-tmp" in WORDS and any(n.endswith(".tmp") for n in os.listdir(folder)):
                os.abort()
            if "hangs-on-tmp" in WORDS and any(n.endswith(".tmp") for n in os.listdir(folder)):
                time.sleep(3600)
            if "tires" in WORDS and opened > 5:
                os.abort()
            for name in os.listdir(folder):
                if name.endswith(".tmp"):
                    os.unlink(os.path.join(folder, name))
            answer = {"reopens": "warm" in WORDS}
        elif asked["do"] == "put":
            if "answers-first" in WORDS:
                say('{"ok": null}\n')
            for word in sorted(WORDS):
                misbehave(word)
            if "refuses" in WORDS:
                say('{"error": "not today"}\n')
                continue
            put(**asked["arguments"])
            if "logs" in WORDS:
                with open(os.environ["ELSEWHERE"], "a") as log:
                    log.write("put\n")
            if "answers-first" in WORDS or WORDS & {"nonsense", "neither", "twice"}:
                continue
        elif asked["do"] == "delete":
            delete(**asked["arguments"])
        elif asked["do"] == "observe":
            answer = observe()
        elif asked["do"] == "close" and "dies-closing" in WORDS:
            sys.exit(4)
        elif asked["do"] == "close" and "notes-closing" in WORDS:
            put("closed", "yes")
        say(json.dumps({"ok": answer}) + "\n")
    if "notes-ending" in WORDS:
        put("ended", "yes")
    if "never-ends" in WORDS:
        time.sleep(3600)


main()

"""A driver for a store of values in one log, which a thread syncs for whoever waits.

Run as `python -I -S group_commit.py WORD`. With "joins" whoever has written takes the sync that is
under way for theirs; with "waits" they wait for one that began after they had written.
"""

import json
import os
import sys
import threading

JOINS = sys.argv[1] == "joins"
NAME = "log"


class Log:
    def __init__(self, folder):
        self.file = os.open(os.path.join(folder, NAME), os.O_RDWR | os.O_CREAT, 0o644)
        content = os.pread(self.file, 1 << 20, 0)
        self.values, self.end = {}, 0
        for line in content.split(b"\n")[:-1]:
            key, equals, value = line.partition(b"=")
            if not equals or b"\0" in line:
                break
            self.values[key.decode()] = value.decode()
            self.end += len(line) + 1
        os.ftruncate(self.file, self.end)
        os.fsync(self.file)
        directory = os.open(folder, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        self.turn = threading.Condition()
        self.wanted = self.done = 0
        self.syncer = threading.Thread(target=self.sync, daemon=True)
        self.syncer.start()

    def sync(self):
        while True:
            with self.turn:
                self.turn.wait_for(lambda: self.wanted > self.done)
            os.fsync(self.file)
            with self.turn:
                self.done += 1
                self.turn.notify_all()

    def ask(self):
        with self.turn:
            self.wanted += 1
            self.turn.notify_all()
            return self.wanted

    def until(self, number):
        with self.turn:
            self.turn.wait_for(lambda: self.done >= number)

    def put(self, key, value):
        under_way = self.ask()  # somebody else's
        while self.done < under_way and not self.is_in_fsync():
            pass
        record = f"{key}={value}\n".encode()
        os.pwrite(self.file, record, self.end)
        self.end += len(record)
        self.until(under_way if JOINS else self.ask())
        self.values[key] = value

    def is_in_fsync(self):
        """Whether the thread is held in a call, as it is under strace when that delays one."""
        with open(f"/proc/self/task/{self.syncer.native_id}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] in "tD"


def main():
    log = None
    for line in sys.stdin:
        asked = json.loads(line)
        answer = None
        if asked["do"] == "open":
            log = Log(asked["directory"])
            answer = {"reopens": False}
        elif asked["do"] == "put":
            log.put(**asked["arguments"])
        elif asked["do"] == "observe":
            answer = log.values
        os.write(1, json.dumps({"ok": answer}).encode() + b"\n")


main()

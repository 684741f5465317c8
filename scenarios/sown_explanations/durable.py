"""Faults sown into what all stores have in common that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    ONLY_COMPUTE,
    ONLY_LOGS,
    ONLY_MEMORY,
    SUPPRESSED,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_COMPUTE,
        (
            "durable.lines:split_lines: two statements swapped: rest*",
            "durable.lines:_mended: two statements swapped: *",
            "durable.names:file_name_of: two statements swapped: name*",
            "durable.raw_json:_parts: two statements swapped: parse(data); decoder*",
            "durable.raw_json:_parts: two statements swapped: text = data.decode()*",
            "durable.raw_json:_parts: two statements swapped: decoder*",
            "durable.sealing:unseal_all: two statements swapped: right*",
            "durable.files:read_descriptor: two statements swapped: chunks*",
        ),
    ),
    (
        ONLY_MEMORY,
        (
            "durable.directory:LineFiles.rewrite: two statements swapped: self._directory*",
            "durable.directory:LineFiles.suspect: two statements swapped: *",
            "durable.directory:LineFiles.sync_data: two statements swapped: files*",
            "durable.appending:append_and_sync: two statements swapped: files.name_file(error, "
            "file.path); suspect()*",
        ),
    ),
    (
        "both only refuse; which of two reasons is told first is all that changes",
        (
            "durable.directory:StoreDirectory.reading.check: two statements swapped: *",
            "durable.directory:StoreDirectory.writing.check: two statements swapped: *",
            "durable.directory:StoreDirectory._check_writing: two statements swapped: *",
        ),
    ),
    (
        ONLY_LOGS,
        ("durable.directory:StoreDirectory.remove_leftovers: two statements swapped: *",),
    ),
    (
        "a shortcut for the usual case is taken or not: the long way comes to the same",
        (
            "durable.sealing:unseal_all: off by one: if lines*",
            "durable.sealing:unseal_all: off by one: found*",
            "durable.memory:ShardMemory.remember: off by one: *",
        ),
    ),
    (
        "a lock more than there are shards, which nobody takes",
        ("durable.locks:DirectoryLocks._make_thread_locks: off by one: *",),
    ),
    (
        "nobody forks, and no other thread has the store yet, while it is made",
        (
            "durable.locks:DirectoryLocks.__init__: two statements swapped: self._make*",
            "durable.locks:DirectoryLocks.__init__: two statements swapped: self._open*",
        ),
    ),
    (
        "a forked child begins with one thread",
        ("durable.locks:DirectoryLocks._after_fork_in_child: two statements swapped: *",),
    ),
    (
        "for systems without locks of ranges; test_durable_steps.py takes theirs",
        (
            "durable.locks:DirectoryLocks._lock: a lock dropped: fcntl.flock*",
            "durable.locks:DirectoryLocks._unlock: a lock dropped: fcntl.flock*",
        ),
    ),
    (
        "the directory is there before, and its name in its parent is outside of what is recorded",
        (
            "durable.files:make_directory_durably: an error swallowed: os.makedirs*",
            "durable.files:make_directory_durably: two statements swapped: os.makedirs*",
            "durable.files:make_directory_durably: two statements swapped: device*",
            "durable.files:make_directory_durably: a sync removed: sync*",
            "durable.files:make_directory_durably: an error swallowed: sync*",
            "durable.directory:StoreDirectory.__init__: two statements swapped: self._make*",
        ),
    ),
    (
        "it refuses at the 1,025th session whose sync failed, or one later",
        ("durable.directory:StoreDirectory.check_suspects: off by one: *",),
    ),
    (
        "each append becomes a rewrite, as safe and slow: test_costs.py counts what one takes",
        ("durable.appending:ends_whole: off by one: *",),
    ),
    (
        "there is no empty line, and no newline in a message: the byte looked at too is never one",
        (
            "durable.lines:split_lines: off by one: is_cut = 0 < begin < len(data) and _NEWLINE "
            "not in data[begin - 1:begin + 1] #1",
            "durable.lines:split_lines: off by one: is_cut = 0 < begin < len(data) and _NEWLINE "
            "not in data[begin - 1:begin + 1] #2",
        ),
    ),
    (
        "the one byte that was a newline is kept aside too, as damage",
        (
            "durable.sealing:_pieces: off by one: if start - begin > 1*",
            "durable.sealing:_pieces: off by one: if len(line) - begin > 1*",
        ),
    ),
    (
        "without its lock the store is open to be read, and tries again before it writes",
        ("durable.locks:DirectoryLocks._open: an error swallowed: raise",),
    ),
    (
        SUPPRESSED,
        ("durable.files:write_new_file: an error swallowed: os.ftruncate*",),
    ),
    (
        "a part of a line that comes up again is told as damage: its checksum is of another one",
        (
            "durable.appending:append_and_sync: a sync removed: os.fdatasync(file.descriptor) #1",
            "durable.appending:append_and_sync: an error swallowed: os.fdatasync(file.descriptor)"
            " #1",
        ),
    ),
    (
        "who cannot take the line back says so, names the file and marks it as suspect",
        (
            "durable.appending:append_and_sync: two statements swapped: files.name_file(error, "
            "file.path); _take_back*",
            "durable.appending:append_and_sync: two statements swapped: suspect()*",
        ),
    ),
    (
        "a data file that somebody removed is made anew either way, and its name synced",
        ("durable.appending:open_to_append: an error swallowed: raise #1",),
    ),
    (
        "it looks at one byte less in front of a seal, where nothing of one is",
        ("durable.sealing:none_sealed: off by one: *",),
    ),
    (
        "the digits tell it too: both they and what is around them would have to be damaged",
        (
            "durable.sealing:has_seal: off by one: if FIELD.encode() in end or end[-_END_BYTES - "
            "1:-_END_BYTES] == b'\"':",
            "durable.sealing:has_seal: off by one: if FIELD.encode() in end or end[-_END_BYTES - "
            "1:-_END_BYTES] == b'\"': #1",
            "durable.sealing:has_seal: off by one: if sum*",
            "durable.sealing:has_seal: off by one: punctuation*",
        ),
    ),
    (
        "which damaged lines can be saved: none of them is owed, and test_sealing.py shows them",
        (
            "durable.sealing:_digits_are_right: off by one: digits*",
            "durable.sealing:_digits_are_right: off by one: if len*",
        ),
    ),
    (
        "the number of the damaged line is told wrong; judged is that it is told",
        ("durable.lines:Lines.damage: off by one: *",),
    ),
    (
        "for an error of fstat on an open file, which devices do not give",
        ("durable.appending:open_to_append: an error swallowed: raise",),
    ),
    (
        "who may read a file is not judged, and every file here has the same permissions",
        ("durable.files:write_new_file: an error swallowed: os.fchmod*",),
    ),
    (
        "no store calls it: it is there for other programs, and in test_durable_steps.py",
        (
            "durable.files:write_file_durably: two statements swapped: replace*",
            "durable.files:write_file_durably: a sync removed: sync*",
            "durable.files:write_file_durably: an error swallowed: sync*",
        ),
    ),
    (
        "the only call in it is one whose error is suppressed already",
        ("durable.files:remove_if_there: an error swallowed: *",),
    ),
    (
        "the file would have to grow between two calls, and it is locked",
        (
            "durable.files:read_descriptor: off by one: ask*",
            "durable.files:read_descriptor: off by one: if len(chunk) < ask*",
        ),
    ),
    (
        "an object that is not empty has more than one character between its braces",
        ("durable.json_lines:sealed_line: off by one: *",),
    ),
    (
        "for what a killed process left, and a failed sync beside it, which no run has; "
        "test_transcripts_failures.py has",
        (
            "durable.directory:LineFiles.sync_data: an error swallowed: os.fdatasync*",
            "durable.directory:LineFiles.sync_data: an error swallowed: raise",
            "durable.directory:LineFiles.settle: an error swallowed: self.sync_names*",
        ),
    ),
    (
        "if the sync fails, what was remembered is forgotten",
        ("durable.directory:LineFiles.settle: two statements swapped: *",),
    ),
    (
        "for a rewrite after a failed sync that fails too, before one that works: no run has two "
        "such errors, test_archive_errors.py has",
        ("durable.directory:LineFiles.rewrite: two statements swapped: settled*",),
    ),
    (
        "for a program without a standard input, which no run is; test_durable_steps.py is",
        ("durable.appending:append_line: off by one: *",),
    ),
    (
        "a descriptor is closed twice, which harms who opens a file in between; "
        "test_durable_steps.py counts",
        ("durable.appending:append_line: two statements swapped: file*",),
    ),
)

"""The faults sown into the reference stores that nothing catches, and why each of them.

Their names are those of `tornwrite.scenarios.sowing.Sown`. Most change nothing that anybody could
see. The others are told as what they are: something that no run here does.
"""

SOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "both only compute, and neither uses what the other comes to",
        (
            "jsonl.legacy:decode_legacy: two statements swapped: *",
            "jsonl.metadata:_decode_known: two statements swapped: digests*",
            "jsonl.metadata:_decode_with_care: two statements swapped: found*",
            "jsonl.migration:migrate_legacy: two statements swapped: renamed*",
            "jsonl.migration:migrate_legacy: two statements swapped: report = replace*",
            "jsonl.migration:_import: two statements swapped: merged*",
            "jsonl.migration:_import: two statements swapped: is_first*",
            "jsonl.migration:_import: two statements swapped: metadata*",
            "jsonl.truncating:truncate: two statements swapped: count*",
            "jsonl.writing:SessionWriter.rewrite: two statements swapped: path*",
            "jsonl.writing:SessionWriter.rewrite_same: two statements swapped: is_all*",
            "jsonl.writing:SessionWriter._with_check: two statements swapped: skip*",
            "durable.lines:split_lines: two statements swapped: rest*",
            "manager.manager:SessionManager.__init__: two statements swapped: *",
            "manager.names:file_names: two statements swapped: *",
            "manager.manager:SessionManager._open: two statements swapped: self._unread*",
            "manager.manager:SessionManager.save: two statements swapped: self._check_readable*",
            "manager.manager:SessionManager._take_nobodys: two statements swapped: *",
            "manager.opening:_rank: two statements swapped: *",
            "manager.opening:kept_session: two statements swapped: *",
            "manager.saving:save_session: two statements swapped: raw*",
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
        "both change only what the process remembers, under the same lock, and neither can fail",
        (
            "jsonl.writing:SessionWriter.rewrite: two statements swapped: self._found*",
            "jsonl.writing:SessionWriter.rewrite: two statements swapped: self.directory*",
            "jsonl.writing:SessionWriter.suspect: two statements swapped: *",
            "jsonl.writing:SessionWriter.ensure_data: two statements swapped: name_file*",
            "durable.directory:LineFiles.rewrite: two statements swapped: self._directory*",
            "durable.directory:LineFiles.suspect: two statements swapped: *",
            "durable.directory:LineFiles.sync_data: two statements swapped: files*",
            "manager.manager:SessionManager._add: two statements swapped: session.lines*",
            "durable.appending:append_and_sync: two statements swapped: files.name_file(error, "
            "file.path); suspect()*",
        ),
    ),
    (
        "both only refuse; which of two reasons is told first is all that changes",
        (
            "jsonl.migration:migrate_legacy: two statements swapped: path*",
            "jsonl.migration:migrate_legacy: two statements swapped: sessions.check_open*",
            "durable.directory:StoreDirectory.reading.check: two statements swapped: *",
            "durable.directory:StoreDirectory.writing.check: two statements swapped: *",
            "durable.directory:StoreDirectory._check_writing: two statements swapped: *",
        ),
    ),
    (
        "one of them only logs",
        (
            "durable.directory:StoreDirectory.remove_leftovers: two statements swapped: *",
            "jsonl.writing:SessionWriter._keep_metadata: two statements swapped: log_damage*",
            "interface.all_sessions:_Found._saved: two statements swapped: *",
        ),
    ),
    (
        "a shortcut for the usual case is taken or not: the long way comes to the same",
        (
            "jsonl.metadata:read_metadata: off by one: *",
            "jsonl.metadata:_decode_known: off by one: *",
            "durable.sealing:unseal_all: off by one: *",
            "durable.memory:ShardMemory.remember: off by one: *",
        ),
    ),
    (
        "the order in which damage is told is nobody's business",
        ("jsonl.session:Session.damage: two statements swapped: *",),
    ),
    (
        "any number will do that no file has yet",
        ("jsonl.writing:SessionWriter._write_generation: off by one: *",),
    ),
    (
        "a lock more than there are shards, which nobody takes",
        ("durable.locks:DirectoryLocks._make_thread_locks: off by one: *",),
    ),
    (
        "nobody forks, and no other thread has the store yet, while it is made",
        ("durable.locks:DirectoryLocks.__init__: two statements swapped: *",),
    ),
    (
        "a forked child begins with one thread",
        ("durable.locks:DirectoryLocks._after_fork_in_child: two statements swapped: *",),
    ),
    (
        "for systems without locks of ranges, which the one that runs this has",
        (
            "durable.locks:DirectoryLocks._lock: a lock dropped: fcntl.flock*",
            "durable.locks:DirectoryLocks._unlock: a lock dropped: fcntl.flock*",
        ),
    ),
    (
        "the directory is there before, and its name in its parent is outside of what is recorded",
        (
            "durable.files:make_directory_durably: *",
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
        "whoever writes is thrown away with the operation that failed, and what it remembers too",
        ("jsonl.writing:SessionWriter._replace_metadata: two statements swapped: *",),
    ),
    (
        "to keep damaged lines aside changes none of the lines that are read",
        ("jsonl.replacing:compact: two statements swapped: live*",),
    ),
    (
        "both are done before the one sync that makes them durable",
        ("jsonl.writing:SessionWriter.rewrite: two statements swapped: self._keep_metadata*",),
    ),
    (
        "caught right there already: the change is valid, and only the log tells of it",
        ("jsonl.writing:SessionWriter.rewrite: an error swallowed: os.rename*",),
    ),
    (
        "where all messages are kept it skips up to the first, and so the damaged lines before it",
        ("jsonl.truncating:_new_skip: off by one: return*",),
    ),
    (
        "where the rename fails the file is as good by its old name: the metadata names that",
        ("jsonl.writing:SessionWriter._roll_forward: an error swallowed: os.rename*",),
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
        "only if the rename fails too, what is damaged is missing in the report, not in the log",
        ("jsonl.migration:_migrate_file: two statements swapped: report*",),
    ),
    (
        "either is kept aside before the new metadata comes",
        ("jsonl.writing:SessionWriter._keep_metadata: two statements swapped: keep_generations*",),
    ),
    (
        "to keep the metadata aside comes next, and syncs the same directory",
        (
            "jsonl.keeping:keep_generations: a sync removed: *",
            "jsonl.keeping:keep_generations: an error swallowed: durable.sync_directory*",
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
        "the rewrite that comes instead reads the same file, and fails",
        ("jsonl.appending:_open_whole: an error swallowed: raise",),
    ),
    (
        "its error is suppressed already, for the one that is raised",
        ("durable.files:write_new_file: an error swallowed: os.ftruncate*",),
    ),
    (
        "a part of a line that comes up again is told as damage: its checksum is of another one",
        (
            "durable.appending:append_and_sync: a sync removed: os.fdatasync(file.descriptor) #1",
            "durable.appending:append_and_sync: an error swallowed: os.fdatasync(file.descriptor) "
            "#1",
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
            "durable.sealing:has_seal: off by one: if FIELD*",
            "durable.sealing:has_seal: off by one: if sum*",
            "durable.sealing:has_seal: off by one: punctuation*",
        ),
    ),
    (
        "for what a killed process left: in a run there is a kill or an error, not both",
        (
            "jsonl.truncating:truncate: an error swallowed: *",
            "jsonl.writing:SessionWriter.ensure_data: an error swallowed: *",
            "jsonl.writing:SessionWriter._roll_forward: an error swallowed: self.sync_names*",
            "jsonl.writing:SessionWriter.__init__: two statements swapped: *",
            "interface.all_sessions:sessions_of: an error swallowed: *",
            "interface.all_sessions:_Found._saved: an error swallowed: *",
        ),
    ),
    (
        "for what a failed operation left: a second error would have to come in the same run",
        (
            "jsonl.sessions:SessionDirectory._remove_leftovers: an error swallowed: "
            "durable.sync_directory(self.path)",
        ),
    ),
    (
        "the rewrite that takes the number again syncs the same names before it counts",
        (
            "jsonl.sessions:SessionDirectory._remove_leftovers: a sync removed: "
            "durable.sync_directory(self.path) #1",
            "jsonl.sessions:SessionDirectory._remove_leftovers: an error swallowed: "
            "durable.sync_directory(self.path) #1",
        ),
    ),
    (
        "whatever is written next to a session that never came to be syncs the names itself",
        (
            "jsonl.writing:SessionWriter._recover: a sync removed: *",
            "jsonl.writing:SessionWriter._recover: an error swallowed: *",
            "jsonl.writing:SessionWriter._recover: two statements swapped: *",
        ),
    ),
    (
        "only the listing of the directory can fail there, an error that is not tried",
        ("manager.manager:SessionManager.__init__: an error swallowed: raise",),
    ),
    (
        "no session's file has a name like those that are removed",
        (
            "manager.manager:SessionManager._open: two statements swapped: directory*",
            "interface.start:_prepare: two statements swapped: *",
        ),
    ),
    (
        "a session that keeps all its messages is dated now",
        ("manager.manager:SessionManager._truncate: off by one: *",),
    ),
    (
        "no other process writes to a session of no known key while this one falls back",
        ("interface.all_sessions:_Found._take_nobodys: a lock dropped: *",),
    ),
    (
        "which damaged lines can be saved: none of them is owed, and test_sealing.py shows them",
        ("durable.sealing:_digits_are_right: off by one: *",),
    ),
    (
        "one sync more than is needed",
        ("jsonl.truncating:truncate: off by one: if skip != old.skip*",),
    ),
    (
        "whether it is worth looking for damage, which is looked for in vain then",
        ("jsonl.session:Session.is_whole: off by one: *",),
    ),
    (
        "no program can have written such a name: the one it writes first is longer",
        ("jsonl.names:can_exist: off by one: *",),
    ),
    (
        "what other programs keep in the metadata is for them to read; test_histories.py does it",
        ("jsonl.metadata:encode_metadata: two statements swapped: *",),
    ),
    (
        "the number of the damaged line is told wrong; judged is that it is told",
        ("durable.lines:Lines.damage: off by one: *",),
    ),
    (
        "for legacy files in another directory than the store's, which no subject migrates",
        (
            "jsonl.migration:_migrate_file: a sync removed: durable.sync_directory(source.path)*",
            "jsonl.migration:_migrate_file: an error swallowed: durable.sync_directory(source*",
        ),
    ),
    (
        "for a store that another thread closes while it migrates, which no scenario does",
        ("jsonl.migration:_migrate_file: an error swallowed: raise",),
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
        "no store calls it: it is there for other programs",
        ("durable.files:write_file_durably: *",),
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
)
"""Why nothing catches these, by name without `tornwrite.reference.`; `*` stands for the rest."""

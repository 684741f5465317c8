"""Faults sown into the JSONL session store that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    KILLED,
    ONLY_COMPUTE,
    ONLY_LOGS,
    ONLY_MEMORY,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_COMPUTE,
        (
            "jsonl.legacy:decode_legacy: two statements swapped: key*",
            "jsonl.legacy:decode_legacy: two statements swapped: updated*",
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
        ),
    ),
    (
        ONLY_MEMORY,
        (
            "jsonl.writing:SessionWriter.rewrite: two statements swapped: self._found*",
            "jsonl.writing:SessionWriter.rewrite: two statements swapped: self.directory*",
            "jsonl.writing:SessionWriter.suspect: two statements swapped: self.directory.suspects*",
            "jsonl.writing:SessionWriter.suspect: two statements swapped: self.directory.synced*",
            "jsonl.writing:SessionWriter.ensure_data: two statements swapped: name_file*",
        ),
    ),
    (
        "both only refuse; which of two reasons is told first is all that changes",
        (
            "jsonl.migration:migrate_legacy: two statements swapped: path*",
            "jsonl.migration:migrate_legacy: two statements swapped: sessions.check_open*",
        ),
    ),
    (
        ONLY_LOGS,
        ("jsonl.writing:SessionWriter._keep_metadata: two statements swapped: log_damage*",),
    ),
    (
        "a shortcut for the usual case is taken or not: the long way comes to the same",
        (
            "jsonl.metadata:read_metadata: off by one: *",
            "jsonl.metadata:_decode_known: off by one: *",
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
        "the rewrite that comes instead reads the same file, and fails",
        ("jsonl.appending:_open_whole: an error swallowed: raise",),
    ),
    (
        KILLED,
        (
            "jsonl.truncating:truncate: an error swallowed: *",
            "jsonl.writing:SessionWriter.ensure_data: an error swallowed: os.fdatasync*",
            "jsonl.writing:SessionWriter.ensure_data: an error swallowed: raise",
            "jsonl.writing:SessionWriter._roll_forward: an error swallowed: self.sync_names*",
            "jsonl.writing:SessionWriter.__init__: two statements swapped: *",
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
        "for legacy files in another directory than the store's, which no subject migrates; "
        "test_durable_steps.py does",
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
        "for messages that another process adds to what one that fell back holds already: no run "
        "has two processes there, test_interface_holding.py has",
        ("jsonl.merging:merge: off by one: *",),
    ),
    (
        "one place more, after which there are fewer messages than are held",
        ("jsonl.merging:_where_held: off by one: for begin*",),
    ),
)

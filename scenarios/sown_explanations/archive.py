"""Faults sown into the archiving store that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    ONLY_COMPUTE,
    SUPPRESSED,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_COMPUTE,
        (
            "archive.sessions:SessionDirectory.__init__: two statements swapped: *",
            "archive.session:read_session: two statements swapped: part*",
            "archive.session:read_session: two statements swapped: archived*",
            "archive.session:read_session: two statements swapped: active*",
            "archive.superseding:_common_mode: two statements swapped: *",
        ),
    ),
    (
        "a reader that does not wait sees what may fail still, and no run fails a write beside a "
        "reader; test_archive_sharing.py does",
        ("archive.store:ArchivingStore.exists: a lock dropped: *",),
    ),
    (
        "one byte more, of a line that is not whole, makes no message of it",
        ("archive.session:_holds: off by one: *",),
    ),
    (
        "the session is an error all the same, for its messages cannot be read; "
        "test_unreadable.py holds what else is said of it",
        ("archive.session:_holds: an error swallowed: raise",),
    ),
    (
        "a change takes the longer way of two files, as safe; test_archive_steps.py counts the "
        "calls",
        (
            "archive.session:is_there: an error swallowed: *",
            "archive.changing:delete: off by one: *",
        ),
    ),
    (
        "both go on from what was left behind: each syncs the names first, and what one clears "
        "away the other has no need to write anew",
        (
            "archive.changing:save: two statements swapped: *",
            "archive.changing:archive: two statements swapped: finish*",
            "archive.changing:delete: two statements swapped: finish*",
        ),
    ),
    (
        "to write a file anew changes neither its lines nor which files there are",
        (
            "archive.changing:archive: two statements swapped: writer.recover*",
            "archive.changing:delete: two statements swapped: writer.recover*",
        ),
    ),
    (
        "the model lets an archiving that finds nothing pass for none; test_archive_steps.py and "
        "test_archive_errors.py hold that it is durable then",
        (
            "archive.changing:archive: a sync removed: writer.sync_names()",
            "archive.changing:archive: an error swallowed: writer.sync_names()",
        ),
    ),
    (
        "for what a killed process left, and a failed sync beside it, which no run has; "
        "test_archive_errors.py has",
        (
            "archive.changing:delete: an error swallowed: raise",
            "archive.changing:_rename: an error swallowed: writer.sync_active()",
            "archive.session_writer:SessionWriter.sync_active: an error swallowed: *",
            "archive.session_writer:SessionWriter.settle_archived: an error swallowed: *",
            "archive.superseding:finish: an error swallowed: writer.sync_names() #1",
        ),
    ),
    (
        "if the sync fails the session is suspect, and its names are synced before anything is "
        "written",
        ("archive.session_writer:SessionWriter.settle_archived: two statements swapped: *",),
    ),
    (
        "for another process that goes on from what was taken back after an error, which no run "
        "has; test_archive_errors.py counts the calls",
        (
            "archive.changing:_rename: a sync removed: writer.try_to_sync_names()",
            "archive.superseding:_commit: a sync removed: writer.try_to_sync_names()",
            "archive.session_writer:SessionWriter.try_to_sync_names: a sync removed: *",
        ),
    ),
    (
        SUPPRESSED,
        (
            "archive.changing:_rename: an error swallowed: writer.try_to_sync_names()",
            "archive.superseding:_commit: an error swallowed: writer.try_to_sync_names()",
            "archive.session_writer:SessionWriter.try_to_sync_names: an error swallowed: *",
        ),
    ),
    (
        "what is remembered is an older look of the file, which costs a sync more",
        ("archive.superseding:_put_in_place: two statements swapped: os.rename*",),
    ),
    (
        "the others are gone durably by then; what is remembered does not depend on the file that"
        " said so",
        ("archive.superseding:_remove_all: two statements swapped: os.unlink*",),
    ),
    (
        "for damage to more than one of the files, which no run has but at the highest effort; "
        "test_archive_damage.py has it",
        (
            "archive.piecing:pieced_together: off by one: *",
            "archive.piecing:_gone_on_with: off by one: *",
            "archive.piecing:_gone_on_with: two statements swapped: *",
        ),
    ),
    (
        "what is read already is kept aside too: no harm; test_archive_damage.py has it",
        ("archive.piecing:missing: off by one: *",),
    ),
    (
        "for errors that are not of one file, as of a process that may open no more files, which "
        "no run makes; test_archive_errors.py does",
        ("archive.listing:_is_active: an error swallowed: raise",),
    ),
)

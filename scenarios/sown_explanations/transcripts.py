"""Faults sown into the transcript store that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    ONLY_COMPUTE,
    ONLY_MEMORY,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_COMPUTE,
        (
            "transcripts.scanning:_read_on: two statements swapped: *",
            "transcripts.scanning:scan: two statements swapped: *",
            "transcripts.listing:list_transcripts: two statements swapped: *",
            "transcripts.index:write_index: two statements swapped: *",
            "transcripts.index:fingerprint: two statements swapped: *",
        ),
    ),
    (
        ONLY_MEMORY,
        (
            "transcripts.directory:TranscriptFiles.removed: two statements swapped: *",
            "transcripts.directory:TranscriptFiles.replaced: two statements swapped: *",
        ),
    ),
    (
        "a reader that does not wait sees what may fail still, and no run fails a write beside a "
        "reader; test_transcripts_sharing.py does",
        (
            "transcripts.store:TranscriptStore.get: a lock dropped: *",
            "transcripts.store:TranscriptStore.inspect: a lock dropped: *",
            "transcripts.transcript:Transcript._contents: a lock dropped: *",
        ),
    ),
    (
        "for errors that are not of one file, as of a process that may open no more files, which "
        "no run makes; test_transcripts_failures.py does",
        ("transcripts.listing:list_transcripts: an error swallowed: raise",),
    ),
    (
        "the index is a cache: a mixture of two has a wrong checksum, and costs reading",
        ("transcripts.remembering:_replace: a lock dropped: *",),
    ),
    (
        "whether an index is written that spares the next list just what it costs",
        ("transcripts.remembering:remember: off by one: *",),
    ),
    (
        "only the last line of what this store writes can lack its sync, and that is never "
        "remembered; for files that other programs write test_transcripts_index.py has it",
        (
            "transcripts.remembering:_made_durable: a sync removed: *",
            "transcripts.remembering:_made_durable: an error swallowed: *",
        ),
    ),
    (
        "the file that is left goes when the store is opened; test_transcripts_index.py holds "
        "that none is",
        ("transcripts.index:write_index: an error swallowed: os.rename*",),
    ),
    (
        "who calls it passes every error by but an interruption, which no run makes; "
        "test_transcripts_index.py does",
        ("transcripts.index:write_index: an error swallowed: raise",),
    ),
    (
        "for an edit in place by another program, and the runs' index is without times; "
        "test_transcripts_index.py has them",
        ("transcripts.index:still_holds: off by one: has_grown*",),
    ),
    (
        "for a last line that another program takes back; test_transcripts_index.py holds that it"
        " is not remembered",
        ("transcripts.scanning:_last_line: off by one: while*",),
    ),
    (
        "one read more, which gives nothing",
        ("transcripts.scanning:_read_on: off by one: *",),
    ),
    (
        "it is dated before what was there is kept aside, and not after",
        ("transcripts.directory:TranscriptDirectory._create: two statements swapped: *",),
    ),
    (
        "it was taken back, so the next look at it fails instead; test_transcripts_failures.py "
        "holds that the sync is told",
        ("transcripts.directory:TranscriptDirectory._create: an error swallowed: raise",),
    ),
    (
        "an error is raised all the same, which then says that something went; "
        "test_transcripts_failures.py holds that it does not",
        ("transcripts.directory:TranscriptDirectory.delete: an error swallowed: raise",),
    ),
    (
        "either makes it durable before it is acknowledged; test_transcripts_syncs.py holds the "
        "order",
        ("transcripts.directory:TranscriptFiles.settle_whole: two statements swapped: *",),
    ),
    (
        "for what a killed process left, and a failed sync beside it, which no run has; "
        "test_transcripts_failures.py has",
        ("transcripts.directory:TranscriptFiles.settle_whole: an error swallowed: *",),
    ),
)

"""What a transcript store should list, worked out without its list or its index."""

from pathlib import Path

from tornwrite.reference.transcripts import TranscriptInfo
from tornwrite.reference.transcripts.contents import read_contents, title_in
from tornwrite.reference.transcripts.names import id_of_file


def listed_whole(directory: Path) -> list[TranscriptInfo]:
    """The list as it is when every file is read whole."""
    found = []
    for name in sorted(path.name for path in directory.glob("*.jsonl")):
        identifier = id_of_file(name)
        assert identifier is not None
        contents = read_contents(str(directory), name, identifier)
        if contents.exists:
            title = title_in(contents.messages) or "New Session..."
            count = len(contents.messages)
            found.append(TranscriptInfo(identifier, title, contents.created_at, count))
    return sorted(found, key=lambda info: info.id)

"""Legacy files are imported once, however often and from wherever the import is repeated."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, MigrationReport, migrate_legacy, published
from tornwrite.reference.durable.json_lines import sealed_line

MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "x": 1}]


def legacy(directory: Path, name: str = "a_b.json", **fields: Any) -> Path:
    content = {
        "key": "a:b",
        "messages": MESSAGES,
        "summary": "old",
        "created": "2025-01-02T03:04:05.5+01:00",
        "updated": "2025-01-02T03:04:06Z",
        **fields,
    }
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(json.dumps(content, indent=2))
    return directory / name


def test_a_legacy_file_becomes_a_session_and_a_backup(store: JSONLStore, directory: Path) -> None:
    path = legacy(directory)
    raw = path.read_bytes()
    report = migrate_legacy(store)
    assert report == MigrationReport(migrated=("a_b.json",))
    assert store.get_history("a:b") == MESSAGES
    assert store.get_summary("a:b") == "old"
    assert (directory / "a_b.json.migrated").read_bytes() == raw
    assert not path.exists()
    metadata = json.loads((directory / "a_b.meta.json").read_bytes())
    assert metadata["created_at"] == "2025-01-02T02:04:05.500000000Z"
    assert metadata["updated_at"] == "2025-01-02T03:04:06.000000000Z"


def test_migrating_again_changes_nothing(store: JSONLStore, directory: Path) -> None:
    legacy(directory)
    migrate_legacy(store)
    store.add_message("a:b", "user", "new")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert migrate_legacy(store) == MigrationReport()
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_a_file_that_was_imported_but_not_renamed_is_only_renamed(
    store: JSONLStore, directory: Path
) -> None:
    path = legacy(directory)
    raw = path.read_bytes()
    migrate_legacy(store)
    store.add_message("a:b", "user", "new")
    store.truncate_history("a:b", 1)
    store.compact("a:b")
    store.set_summary("a:b", "newer")
    path.write_bytes(raw)
    report = migrate_legacy(store)
    assert (report.migrated, report.already) == ((), ("a_b.json",))
    assert store.get_history("a:b") == [{"role": "user", "content": "new"}]
    assert store.get_summary("a:b") == "newer"
    assert (directory / "a_b.json.migrated").read_bytes() == raw
    assert (directory / "a_b.json.migrated.1").read_bytes() == raw


def test_a_backup_is_never_overwritten(store: JSONLStore, directory: Path) -> None:
    raws = []
    for number in range(3):
        path = legacy(directory, messages=[{"n": number}], summary=f"s{number}")
        raws.append(path.read_bytes())
        migrate_legacy(store)
    backups = ["a_b.json.migrated", "a_b.json.migrated.1", "a_b.json.migrated.2"]
    assert [(directory / name).read_bytes() for name in backups] == raws
    assert store.get_history("a:b") == [{"n": 2}, {"n": 1}, {"n": 0}]
    assert store.get_summary("a:b") == "s0"


def test_newer_messages_stay_after_the_imported_ones(store: JSONLStore, directory: Path) -> None:
    for number in range(3):
        store.add_full_message("a:b", {"n": number})
    store.truncate_history("a:b", 2)
    legacy(directory)
    migrate_legacy(store)
    assert store.get_history("a:b") == [*MESSAGES, {"n": 1}, {"n": 2}]
    assert store.get_summary("a:b") == "old"
    legacy(directory, "b.json", key="b", summary="")
    store.set_summary("b", "own")
    migrate_legacy(store)
    assert store.get_summary("b") == "own"


def test_an_import_by_the_original_that_was_cut_off_is_recognised(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    path = legacy(directory)
    raw = path.read_bytes()
    messages = [{name: message[name] for name in ("role", "content")} for message in MESSAGES]
    path = legacy(directory, messages=messages)
    raw = path.read_bytes()
    published.migrate_from_json(directory, published.JSONLStore(directory))
    (directory / "a_b.json").write_bytes(raw)
    with reopen() as store:
        store.add_message("a:b", "user", "new")
        store.truncate_history("a:b", 1)
        assert migrate_legacy(store).already == ("a_b.json",)
        assert store.get_history("a:b") == [{"role": "user", "content": "new"}]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"key": "k"}',
        '{"messages": []}',
        '{"key": 1, "messages": []}',
        '{"key": "k", "messages": {}}',
        '{"key": "k", "messages": null}',
        '{"key": "k", "messages": [1]}',
        '{"key": "k", "messages": [{}, "x"]}',
        '{"key": "k", "messages": [{"n": NaN}]}',
        '{"key": "k", "messages": [], "summary": 5}',
        '{"key": "k", "messages": [], "skip": 0, "count": 0}',
    ],
    ids=repr,
)
def test_other_files_are_left_alone_and_reported(
    store: JSONLStore, directory: Path, content: str
) -> None:
    path = directory / "other.json"
    path.write_text(content)
    report = migrate_legacy(store)
    assert [name for name, _ in report.not_legacy] == ["other.json"]
    assert (report.migrated, report.failed) == ((), ())
    assert path.read_text() == content
    assert store.list_sessions() == []


def test_metadata_files_are_neither_imported_nor_reported(
    store: JSONLStore, directory: Path
) -> None:
    store.add_message("k", "user", "0")
    store.set_summary("k", "s")
    assert migrate_legacy(store).not_legacy == ()
    assert len(store.get_history("k")) == 1
    assert (directory / "k.meta.json").exists()


def test_a_file_without_a_key_is_named_by_its_file(store: JSONLStore, directory: Path) -> None:
    legacy(directory, "stem.json", key="")
    migrate_legacy(store)
    assert store.get_history("stem") == MESSAGES


def test_a_session_whose_name_ends_in_meta_is_imported(store: JSONLStore, directory: Path) -> None:
    legacy(directory, "x.meta.json", key="x.meta")
    store.add_full_message("x", {"n": 1})
    migrate_legacy(store)
    assert store.get_history("x.meta") == MESSAGES
    assert store.get_history("x") == [{"n": 1}]
    store.add_full_message("x", {"n": 2})
    assert store.get_history("x") == [{"n": 1}, {"n": 2}]


def test_messages_keep_what_the_store_does_not_know(store: JSONLStore, directory: Path) -> None:
    message = (
        '{ "n" : 123456789012345678901234567890, "f": 1.10 ,\n'
        ' "s": "\\ud800 \\u003c \\" ", "e": [ ] }'
    )
    (directory / "k.json").write_text(f'{{"key": "k", "messages": [ {message} ]}}')
    migrate_legacy(store)
    want = '{"n":123456789012345678901234567890,"f":1.10,"s":"\\ud800 \\u003c \\" ","e":[]}\n'
    assert (directory / "k.jsonl").read_bytes() == sealed_line(want.encode())
    assert store.get_history("k") == [json.loads(message)]


def test_a_file_that_cannot_be_imported_does_not_keep_the_others(
    store: JSONLStore, directory: Path
) -> None:
    legacy(directory, "1.json", key="\ud800")
    legacy(directory, "2.json", key="two")
    (directory / "3.json").mkdir()
    report = migrate_legacy(store)
    assert report.migrated == ("2.json",)
    ((name, reason),) = report.failed
    assert name == "1.json"
    assert "lone surrogate" in reason
    assert (directory / "1.json").exists()


def test_legacy_files_may_be_elsewhere(store: JSONLStore, directory: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    legacy(elsewhere)
    assert migrate_legacy(store, elsewhere).migrated == ("a_b.json",)
    assert [path.name for path in elsewhere.iterdir()] == ["a_b.json.migrated"]
    assert store.get_history("a:b") == MESSAGES
    assert migrate_legacy(store, tmp_path / "missing") == MigrationReport()


def test_an_empty_legacy_session_still_brings_its_summary(
    store: JSONLStore, directory: Path
) -> None:
    legacy(directory, messages=[])
    migrate_legacy(store)
    assert (store.get_history("a:b"), store.get_summary("a:b")) == ([], "old")


def held(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    lines = b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in messages)
    return {"messages": len(messages), "sha256": hashlib.sha256(lines).hexdigest(), **more}


OWN = ({"n": 1}, {"n": 2}, {"n": 3})


@pytest.mark.parametrize(
    ("holds", "want"),
    [
        (held(), [*MESSAGES, *OWN]),
        (held(*OWN[:1]), [*MESSAGES, *OWN[1:]]),
        (held(*OWN), MESSAGES),
        (held(*OWN, {"n": 4}), [*MESSAGES, *OWN]),
        (held(*OWN[1:]), [*MESSAGES, *OWN]),
        ({"messages": -1, "sha256": ""}, [*MESSAGES, *OWN]),
        ({"messages": 3}, [*MESSAGES, *OWN]),
        (5, [*MESSAGES, *OWN]),
    ],
    ids=["nothing", "some", "all", "more", "others", "a negative number", "no digest", "no object"],
)
def test_messages_that_a_file_says_it_holds_count_once(
    store: JSONLStore, directory: Path, holds: Any, want: list[Any]
) -> None:
    store.set_history("a:b", [{"n": 0}, *OWN])
    store.truncate_history("a:b", 3)
    legacy(directory, holds=holds)
    for _ in range(2):
        migrate_legacy(store)
        assert store.get_history("a:b") == want


@pytest.mark.parametrize(
    ("holds", "want"),
    [
        (held(*OWN), "old"),
        (held(*OWN[:1]), "own"),
        (held(*OWN, summary="own"), "old"),
        (held(*OWN[:1], summary="own"), "old"),
        (held(*OWN[:1], summary="another"), "own"),
        (held(*OWN, summary="another"), "own"),
        (held({"n": 5}, summary="own"), "old"),
    ],
)
def test_the_summary_of_a_file_wins_over_the_one_that_it_has_seen(
    store: JSONLStore, directory: Path, holds: Any, want: str
) -> None:
    store.set_history("a:b", OWN)
    store.set_summary("a:b", "own")
    legacy(directory, holds=holds)
    migrate_legacy(store)
    assert store.get_summary("a:b") == want


def test_a_file_that_holds_everything_may_have_emptied_it(
    store: JSONLStore, directory: Path
) -> None:
    store.set_history("a:b", OWN)
    store.set_summary("a:b", "own")
    legacy(directory, messages=[], summary="", holds=held(*OWN))
    assert migrate_legacy(store).migrated == ("a_b.json",)
    assert (store.get_history("a:b"), store.get_summary("a:b")) == ([], "")
    legacy(directory, messages=[{"n": 9}], summary="", holds=held())
    migrate_legacy(store)
    assert store.get_history("a:b") == [{"n": 9}]


def test_files_with_a_hashed_name_are_imported_before_plain_ones(
    store: JSONLStore, directory: Path
) -> None:
    legacy(directory, f"a_b~{'0' * 32}.json", messages=[{"n": "newer"}])
    legacy(directory, "a_b.json", messages=[{"n": "older"}])
    legacy(directory, "zz.json", messages=[{"n": "zz"}], key="zz")
    assert len(migrate_legacy(store).migrated) == 3
    assert store.get_history("a:b") == [{"n": "older"}, {"n": "newer"}]


def test_a_file_that_holds_messages_is_imported_before_those_that_would_hide_them(
    store: JSONLStore, directory: Path
) -> None:
    store.set_history("a:b", OWN)
    legacy(directory, f"a_b~{'0' * 32}.json", messages=[{"n": "newer"}])
    legacy(directory, "a_b.json", messages=[*OWN, {"n": 4}], holds=held(*OWN))
    migrate_legacy(store)
    assert store.get_history("a:b") == [{"n": "newer"}, *OWN, {"n": 4}]


def test_a_file_that_is_changed_while_it_is_imported_is_left_for_the_next_time(
    store: JSONLStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = legacy(directory)
    opened = store._sessions.session_to_write

    def changed_just_before(key: str) -> Any:
        legacy(directory, messages=[{"n": "changed"}])
        return opened(key)

    with monkeypatch.context() as patched:
        patched.setattr(store._sessions, "session_to_write", changed_just_before)
        ((name, reason),) = migrate_legacy(store).failed
    assert (name, path.exists()) == ("a_b.json", True)
    assert "changed it meanwhile" in reason
    assert migrate_legacy(store).migrated == ("a_b.json",)
    assert store.get_history("a:b") == [{"n": "changed"}]

"""The gate as JSON: everything, by the names of its fields."""

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tornwrite.model.results import Finding, GateResult, Row, StepLine
from tornwrite.model.verdict import Kind, Promise, Verdict, Violation
from tornwrite.reports import json_report

ROW = Row(
    "append", "ext4", Verdict.NOT_MEASURED, 5, 123, 10, 11, False, "budget of 10 reached", 1, 1.25
)
FINDING = Finding(
    scenario="append",
    profile="ext4",
    profiles=("ext4", "posix"),
    violation=Violation(Kind.NOT_IDEMPOTENT, Promise("name", "text"), "k", "this", "that", "after"),
    images=7,
    point=2,
    cut=None,
    image="0123456789abcdef",
    acknowledged=("open()",),
    in_flight=("add()",),
    steps=(StepLine(0, "open f", "on disk", ("a.py:1 in f", "b.py:2 in g"), "add()"),),
    protect=0,
    files=(("f", "0 B b''"),),
    replay="tornwrite replay …",
    also_in=("compact",),
)
RESULT = GateResult(
    subject="mine:store",
    weakened=("a prefix only",),
    seed=3,
    budget=10,
    verdict=Verdict.VIOLATED,
    rows=(ROW,),
    findings=(FINDING,),
    notes=("a note",),
    seconds=1.5,
)


def read(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(file.read_bytes())
    return loaded


def test_what_is_written_is_what_as_plain_gives(tmp_path: Path) -> None:
    json_report.write([RESULT], tmp_path / "r.json")
    plain = orjson.loads(orjson.dumps(json_report.as_plain(RESULT)))
    assert read(tmp_path / "r.json") == plain


def test_the_format_and_its_version_come_first(tmp_path: Path) -> None:
    json_report.write([RESULT], tmp_path / "r.json")
    assert list(read(tmp_path / "r.json"))[:2] == ["format", "version"]
    assert read(tmp_path / "r.json")["format"] == "tornwrite-gate"


def test_every_field_of_the_result_is_there_by_its_name() -> None:
    def check(value: Any, plain: Any) -> None:
        if is_dataclass(value):
            for field in fields(value):
                check(getattr(value, field.name), plain[field.name])
            assert plain.keys() - {"format", "version"} == {f.name for f in fields(value)}
        elif isinstance(value, tuple):
            assert len(value) == len(plain)
            for one, other in zip(value, plain, strict=True):
                check(one, other)
        elif isinstance(value, Verdict | Kind):
            assert plain == value.value
        else:
            assert plain == value

    check(RESULT, orjson.loads(orjson.dumps(json_report.as_plain(RESULT))))


def test_verdicts_and_kinds_are_words() -> None:
    plain = json_report.as_plain(RESULT)
    assert plain["verdict"] == "violated"
    assert plain["rows"][0]["verdict"] == "not measured"
    assert plain["findings"][0]["violation"]["kind"] == "not idempotent"


def test_a_report_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("older")
    json_report.write([RESULT], tmp_path / "r.json")
    assert read(tmp_path / "r.json")["subject"] == "mine:store"
    assert os.listdir(tmp_path) == ["r.json"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_report_that_cannot_be_written_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "r.json").write_text("older")
    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(OSError, match="No space left"):
        json_report.write([RESULT], tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "older"
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_report_into_a_directory_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        json_report.write([RESULT], tmp_path / "none" / "r.json")


def test_a_file_name_that_is_no_utf_8_can_be_reported(tmp_path: Path) -> None:
    from dataclasses import replace

    strange = replace(FINDING, files=((os.fsdecode(b"\xff"), "0 B"),))
    json_report.write([replace(RESULT, findings=(strange,))], tmp_path / "r.json")

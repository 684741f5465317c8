"""What reports are tried on, and what a terminal shows of it."""

import io
from dataclasses import replace

from rich.console import Console

from tornwrite.model.results import Finding, GateResult, Row, StepLine
from tornwrite.model.verdict import Kind, Promise, Verdict, Violation
from tornwrite.reports import console as report

ROW = Row(
    scenario="append",
    profile="ext4",
    verdict=Verdict.PASSED,
    operations=5,
    points=123,
    judged=4567,
    possible=4567,
    complete=True,
    stopped="",
    findings=0,
    seconds=1.25,
)

FINDING = Finding(
    scenario="append",
    profile="ext4",
    profiles=("ext4", "posix"),
    violation=Violation(
        Kind.LOST,
        Promise("durable", "an acknowledged change survives"),
        "chat:1",
        "2 messages ['a', 'b']",
        "1 message ['a']; 1 missing",
        "the recovery, then compact(key='chat:1')",
    ),
    images=7,
    point=2,
    cut=None,
    image="0123456789abcdef",
    acknowledged=("open()", "add_message(key='chat:1')"),
    in_flight=("truncate_history(key='chat:1')",),
    steps=(
        StepLine(0, "open chat_1.jsonl (create)", "on disk", ("store.py:7 in Store.add",), "add()"),
        StepLine(1, "write 9 B at end of chat_1.jsonl", "not on disk",
                 ("store.py:8 in Store.add", "driver.py:3 in apply"), "add()"),
        StepLine(2, "write 1 B at 0 of chat_1.jsonl", "in part", (), "cut()"),
        StepLine(3, "fsync chat_1.jsonl", "", (), "cut()"),
    ),
    protect=1,
    files=(("chat_1.jsonl", "9 B b'{...}'"), ("folder", "directory")),
    replay="tornwrite replay tornwrite.scenarios.stores:reference --scenario append --profile ext4 "
    "--epoch 3 --point 2 --image 0123456789abcdef",
    also_in=("compact", "replace"),
    judged=("kill", "ext4", "xfs", "btrfs", "posix"),
)  # fmt: skip

RESULT = GateResult(
    subject="mine:store",
    weakened=(),
    seed=42,
    budget=50_000,
    verdict=Verdict.VIOLATED,
    rows=(ROW, replace(ROW, profile="posix", verdict=Verdict.VIOLATED, findings=1)),
    findings=(FINDING,),
    notes=("append: something broke",),
    seconds=12.34,
)


def shown(what: object, width: int = 200) -> str:
    """As a terminal of that many columns shows it, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    if isinstance(what, GateResult):
        report.show(what, console)
    else:
        console.print(what)
    return out.getvalue()


def line_with(text: str, lines: list[str]) -> str:
    (line,) = [line for line in lines if text in line]
    return line

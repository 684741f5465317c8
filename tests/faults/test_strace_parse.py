"""Lines of strace: those that it writes are understood, all others are errors."""

import pytest

from tornwrite.faults.steps import Write
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_follow import Follower
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Call, Ended, Entered, Event, Superseded, parse

END = b"7     +++ exited with 0 +++\n"


def events_of(*lines: bytes) -> list[Event]:
    return list(parse(lines))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (rb'write(3<\x2f\x61>, "\x61\x22", 2) = 2', ("write", (r"3<\x2f\x61>", b'a"', "2"), 2)),
        (b"close(0x3)                        = 0", ("close", ("0x3",), 0)),
        (b"sync()                            = 0", ("sync", (), 0)),
        (b"lseek(0x3, 0, 0x2)  = 0x14", ("lseek", ("0x3", "0", "0x2"), 0x14)),
        (
            rb'writev(3, [{iov_base="\x61", iov_len=1}, {iov_base="\x62", iov_len=1}], 2) = 2',
            ("writev", ("3", b"ab", "2"), 2),
        ),
        (
            rb'writev(3, [{iov_base=NULL, iov_len=0}, {iov_base="\x62", iov_len=1}], 2) = 1',
            ("writev", ("3", b"b", "2"), 1),
        ),
        (
            b"clone3({flags=0x3d0f00, stack=0x7f} => {parent_tid=[9]}, 88) = 9",
            ("clone3", ("{flags=0x3d0f00, stack=0x7f} => {parent_tid=[9]}", "88"), 9),
        ),
    ],
)
def test_whole_call(line: bytes, expected: tuple[str, tuple[str | bytes, ...], int]) -> None:
    assert events_of(b"7     " + line + b"\n", END) == [Call(7, *expected), Ended(7)]


def test_call_that_fails_or_is_interrupted() -> None:
    calls = events_of(
        b"7     fsync(3) = -1 EIO (Input/output error)\n",
        b"7     read(0x3, 0x7f, 0x1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n",
        b"7     close(0x3) = -1 EIO (Input/output error) (INJECTED)\n",
        END,
    )
    assert [call.failed for call in calls if isinstance(call, Call)] == [True, True, True]


def test_path_of_a_returned_descriptor() -> None:
    line = rb'7     openat(-100<\x2f>, "\x61", 0x41, 0666) = 3<\x2f\x61>(deleted)' + b"\n"
    assert events_of(line, END)[0] == Call(
        7, "openat", (r"-100<\x2f>", b"a", "0x41", "0666"), 3, returned="/a"
    )


def test_calls_end_in_the_order_of_their_resumed_lines() -> None:
    first, second = (r"3", b"a", "1"), (r"4", b"b", "1")
    assert events_of(
        rb'7     write(3, "\x61", 1 <unfinished ...>' + b"\n",
        rb'8     write(4, "\x62", 1 <unfinished ...>' + b"\n",
        b"7     --- SIGCHLD {si_signo=SIGCHLD} ---\n",
        b"8     <... write resumed>)              = 1\n",
        b"7     <... write resumed>)              = 1\n",
        b"8     +++ killed by SIGSEGV (core dumped) +++\n",
        END,
    ) == [
        Entered(7, "write", first),
        Entered(8, "write", second),
        Call(8, "write", second, 1),
        Call(7, "write", first, 1),
        Ended(8),
        Ended(7),
    ]


def test_call_in_which_the_process_ended_has_no_result() -> None:
    for lines in (
        [b"7     fsync(3 <unfinished ...>\n"],
        [b"7     fsync(3 <detached ...>\n"],
        [b"7     fsync(3 <unfinished ...>\n", b"7     <... fsync resumed>) = ?\n"],
        [b"7     fsync(3) = ? <unavailable>\n"],
    ):
        assert Call(7, "fsync", ("3",), None) in events_of(*lines, END)


def test_exec_of_a_thread_takes_over_its_process() -> None:
    assert events_of(
        b"7     read(0x0, 0x7f, 0x1 <unfinished ...>\n",
        b"8     execve(0x7f, 0x7f, 0x7f <pid changed to 7 ...>\n",
        b"7     +++ superseded by execve in pid 8 +++\n",
        b"7     <... execve resumed>)             = 0\n",
        END,
    )[2:] == [Superseded(7, 8), Call(7, "execve", ("0x7f", "0x7f", "0x7f"), 0), Ended(7)]


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish\n",
        b"7     rubbish\n",
        b"\n",
        b"7     write(3, \n",
        b"7     close(0x3)\n",
        b"7     close(0x3) = zero\n",
        b"7     close(0x3) = 0 and more\n",
        b"7     writev(3, [{iov_base= = 3\n",
        b"7     writev(3, [{iov_base=1) = 3\n",
        b"7     <... write resumed>) = 1\n",
        b"7     +++ vanished +++\n",
        b"7     +++ superseded by execve in pid 8 +++\n",
        b"strace: [ Process PID=7 runs in 32 bit mode. ]\n",
        b"7     close(0x3) = 0",
        b"7     close(\xff) = 0 \n",
    ],
)
def test_line_that_is_not_understood_is_an_error_with_the_line(line: bytes) -> None:
    with pytest.raises(StraceOutputError) as caught:
        events_of(b"7     sync() = 0\n", line, END)
    assert repr(line.decode("ascii", "replace")) in str(caught.value)


def test_second_call_under_way_in_one_thread_is_an_error() -> None:
    unfinished = b"7     fsync(3 <unfinished ...>\n"
    with pytest.raises(StraceOutputError, match="fsync"):
        events_of(unfinished, unfinished, END)
    with pytest.raises(StraceOutputError, match="resumed"):
        events_of(unfinished, b"7     <... write resumed>) = 1\n", END)


def test_output_that_stops_early_is_an_error() -> None:
    with pytest.raises(StraceOutputError, match="ends before process 7"):
        events_of(b"7     close(0x3) = 0\n")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"7     mystery(0x3) = 0\n"], "mystery"),
        ([rb'7     write(3<\x2f\x72\x2f\x61>, "\x61"..., 9) = 9' + b"\n"], "64 MiB"),
        ([rb'7     write(3<\x2f\x72\x2f\x61>, "\x61", 1) = 9' + b"\n"], "not understood"),
        ([b"7     write(3</r/a>, 0x7fff, 1) = 1\n"], "should be a"),
        ([b"7     write(3<socket:[12]>, 0x7fff, 1) = 1\n"], "should be a"),
        ([rb'7     creat("\x2f\x72\x2f\x62", 0666) = 3<\x2f\x72\x2f\x62>' + b"\n"], "no close"),
        ([rb'7     openat(-100, "\x2f\x65", 0) = 3<\x2f\x65>' + b"\n"], "no close"),
        ([rb'7     creat("\x2f\x72\x2f\x62", 0666) = 4<\x2f\x65>' + b"\n"], "kernel says /e"),
        ([b"8     sync() = 0\n", b"8     +++ exited with 0 +++\n"], "none has started it"),
        ([b"7     close(x) = 0\n"], "not understood"),
    ],
)  # fmt: skip
def test_lines_that_contradict_each_other_are_an_error(lines: list[bytes], message: str) -> None:
    opened = rb'7     openat(-100, "\x2f\x72\x2f\x61", 0x41) = 3<\x2f\x72\x2f\x61>' + b"\n"
    follower = Follower(Names("/r"), "/")
    with pytest.raises(StraceOutputError, match=message):
        follower.follow(parse([opened, *lines, END]))


def test_child_seen_before_its_fork_ends_belongs_to_the_right_parent() -> None:
    """Two processes fork at once; only the ends of the forks say whose the children are."""
    lines = [
        b"7     fork() = 8\n",
        rb'7     openat(-100, "\x2f\x72\x2f\x61", 0x41) = 3<\x2f\x72\x2f\x61>' + b"\n",
        rb'8     openat(-100, "\x2f\x72\x2f\x62", 0x41) = 3<\x2f\x72\x2f\x62>' + b"\n",
        b"7     fork( <unfinished ...>\n",
        b"8     fork( <unfinished ...>\n",
        rb'10    write(3<\x2f\x72\x2f\x62>, "\x62", 1) = 1' + b"\n",
        rb'9     write(3<\x2f\x72\x2f\x61>, "\x61", 1) = 1' + b"\n",
        b"9     +++ exited with 0 +++\n",
        b"7     <... fork resumed>) = 9\n",
        b"8     <... fork resumed>) = 10\n",
        *(b"%d     +++ exited with 0 +++\n" % pid for pid in (7, 8, 10)),
    ]
    steps = Follower(Names("/r"), "/").follow(parse(lines))
    assert steps[2:] == [Write(2, 0, b"b"), Write(1, 0, b"a")]


def test_descriptor_given_out_again_before_its_close_is_seen_to_end() -> None:
    lines = [
        rb'7     openat(-100, "\x2f\x72\x2f\x61", 0x41) = 3<\x2f\x72\x2f\x61>' + b"\n",
        b"7     clone(child_stack=0x7f, flags=0x10f00) = 8\n",
        b"7     close(0x3 <unfinished ...>\n",
        rb'8     openat(-100, "\x2f\x72\x2f\x62", 0x41) = 3<\x2f\x72\x2f\x62>' + b"\n",
        b"7     <... close resumed>) = 0\n",
        rb'8     write(3<\x2f\x72\x2f\x62>, "\x62", 1) = 1' + b"\n",
        b"8     +++ exited with 0 +++\n",
        END,
    ]
    steps = Follower(Names("/r"), "/").follow(parse(lines))
    assert [type(step).__name__ for step in steps] == ["Open", "Open", "Close", "Write"]
    assert steps[2].handle == 1  # type: ignore[union-attr]


def test_close_in_which_the_process_was_killed_is_no_step() -> None:
    lines = [
        rb'7     openat(-100, "\x2f\x72\x2f\x61", 0x41) = 3<\x2f\x72\x2f\x61>' + b"\n",
        b"7     close(0x3 <unfinished ...>\n",
        b"7     +++ killed by SIGKILL +++\n",
    ]
    steps = Follower(Names("/r"), "/").follow(parse(lines))
    assert [type(step).__name__ for step in steps] == ["Open"]

"""What comes up over and over is tried once."""

from itertools import count, islice

from tornwrite.scenarios.once_each import once_each


def test_the_first_of_each_kind_comes_in_its_place() -> None:
    words = ["bread", "butter", "cheese", "bun", "apple", "cherry"]
    assert list(once_each(words, lambda word: word[0])) == ["bread", "cheese", "apple"]


def test_no_more_is_taken_than_is_asked_for() -> None:
    assert list(islice(once_each(count(), lambda number: number // 2), 3)) == [0, 2, 4]

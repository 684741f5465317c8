"""Alphabets: every sequence once, symmetric ones too, and the strategies that come of them."""

from collections.abc import Iterator
from itertools import pairwise, permutations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornwrite.model import alphabets
from tornwrite.model.alphabets import (
    Alphabet,
    Content,
    Key,
    Message,
    Messages,
    OneOf,
    Template,
    count,
    sequences,
)
from tornwrite.model.operation import Operation, canonical
from tornwrite.model.strategies import arguments_of

RUN = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

SMALL = Alphabet(
    (
        Template("put", {"key": Key(2), "value": Content()}),
        Template("delete", {"key": Key(2)}),
        Template("trim", {"keep": OneOf((0, 1), more=(7,))}),
        Template("sweep", at_random_only=True),
        Template("reopen"),
    )
)


def said(found: Iterator[tuple[Operation, ...]]) -> list[str]:
    return ["; ".join(map(str, operations)) for operations in found]


def test_sequences_of_one_operation_are_the_operations() -> None:
    assert said(sequences(SMALL, 1)) == [
        "put(key='k0', value='c0')",
        "delete(key='k0')",
        "trim(keep=0)",
        "trim(keep=1)",
        "reopen()",
    ]


def test_a_new_key_is_the_next_and_contents_are_numbered() -> None:
    puts = Alphabet((Template("put", {"key": Key(2), "value": Content()}),))
    assert said(sequences(puts, 2)) == [
        "put(key='k0', value='c0'); put(key='k0', value='c1')",
        "put(key='k0', value='c0'); put(key='k1', value='c1')",
    ]


def test_messages_are_lists_of_every_length() -> None:
    replaced = Alphabet((Template("replace", {"history": Messages(2)}),))
    lengths = [len(one.arguments["history"]) for (one,) in sequences(replaced, 1)]
    assert lengths == [0, 1, 2]
    *_, (last,) = sequences(replaced, 1)
    assert [message["content"] for message in last.arguments["history"]] == ["c0", "c1"]


def test_what_is_only_for_random_runs_is_in_no_sequence() -> None:
    assert not any("sweep" in text for text in said(sequences(SMALL, 2)))


def test_sequences_that_begin_alike_come_one_after_the_other() -> None:
    beginnings = [str(operations[:2]) for operations in sequences(SMALL, 3)]
    assert len(list(dict.fromkeys(beginnings))) == 1 + sum(
        one != other for one, other in pairwise(beginnings)
    )


# The counts, against all sequences with symmetry taken out by hand


@st.composite
def any_alphabet(draw: st.DrawFn) -> Alphabet:
    keys = Key(draw(st.integers(1, 3)))
    argument = st.sampled_from((keys, Content(), OneOf(("x", "y")), Messages(1), "fixed"))
    arguments = st.dictionaries(st.sampled_from("abc"), argument, max_size=2)
    drawn = draw(st.lists(arguments, min_size=1, max_size=3))
    return Alphabet(tuple(Template(f"do{at}", given) for at, given in enumerate(drawn)))


def all_of_them(alphabet: Alphabet, length: int) -> Iterator[tuple[Operation, ...]]:
    """Every sequence with each key and each content at each place; contents may come twice."""
    contents = [f"c{number}" for number in range(2 * length)]
    operations = [
        Operation(template.name, dict(zip(template.arguments, values, strict=True)))
        for template in alphabet.operations
        for values in product(
            *(choices(argument, contents) for argument in template.arguments.values())
        )
    ]
    yield from product(operations, repeat=length)


def choices(argument: Any, contents: list[str]) -> list[Any]:
    match argument:
        case Key(most):
            return [f"k{number}" for number in range(most)]
        case Content():
            return list(contents)
        case OneOf(values):
            return list(values)
        case Messages():
            return [[], *([{"role": "user", "content": content}] for content in contents)]
        case _:
            return [argument]


def atoms(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from atoms(one)
        case list() | tuple():
            for one in value:
                yield from atoms(one)
        case Operation():
            yield from atoms(dict(value.arguments))


def used(operations: tuple[Operation, ...], letter: str) -> list[str]:
    return [atom for atom in atoms(operations) if atom[0] == letter and atom[1:].isdigit()]


def renamed(operations: tuple[Operation, ...]) -> bytes:
    """The same for sequences that differ only in names: those are given as they are met."""
    names: dict[str, str] = {}
    for letter in "kc":
        for atom in used(operations, letter):
            names.setdefault(atom, f"{letter}{sum(name[0] == letter for name in names)}")
    return canonical([[one.name, replaced(dict(one.arguments), names)] for one in operations])


def replaced(value: Any, names: dict[str, str]) -> Any:
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: replaced(one, names) for key, one in value.items()}
        case list():
            return [replaced(one, names) for one in value]
        case _:
            return value


@RUN
@given(alphabet=any_alphabet(), length=st.integers(1, 2))
def test_the_sequences_are_all_there_are_with_symmetric_ones_once(
    alphabet: Alphabet, length: int
) -> None:
    expected = {
        renamed(operations)
        for operations in all_of_them(alphabet, length)
        # Contents are numbered by use: none comes twice.
        if len(used(operations, "c")) == len(set(used(operations, "c")))
    }
    found = [renamed(operations) for operations in sequences(alphabet, length)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@RUN
@given(alphabet=any_alphabet(), bound=st.integers(1, 3))
def test_the_count_is_that_of_the_sequences(alphabet: Alphabet, bound: int) -> None:
    counted = count(alphabet, bound)
    every = [one for length in range(1, bound + 1) for one in sequences(alphabet, length)]
    assert counted.distinct == len(every)
    most = alphabet.keys()

    def orbit(operations: tuple[Operation, ...]) -> int:
        keys, contents = (len(set(used(operations, letter))) for letter in "kc")
        return len(list(permutations(range(most), keys))) * len(list(permutations(range(contents))))

    assert counted.renamed == sum(map(orbit, every))


# The strategies


def drawn(alphabet: Alphabet) -> dict[str, list[Any]]:
    """Some arguments of each operation."""
    return {name: examples(strategies) for name, strategies in arguments_of(alphabet).items()}


def examples(strategies: dict[str, st.SearchStrategy[Any]]) -> list[Any]:
    found: list[Any] = []

    @settings(RUN, max_examples=60)
    @given(st.fixed_dictionaries(strategies))
    def take(values: Any) -> None:
        found.append(values)

    take()
    return found


def test_random_operations_have_more_values_and_more_operations() -> None:
    found = drawn(SMALL)
    assert found.keys() == {"put", "delete", "trim", "sweep"}
    assert {values["keep"] for values in found["trim"]} == {0, 1, 7}
    assert len({values["key"] for values in found["put"]}) > 2
    assert all(type(values["value"]) is str for values in found["put"])


def test_arguments_may_be_nested() -> None:
    nested = Alphabet(
        (Template("do", {"to": {"who": Key(), "what": [Message(), OneOf((1, Content()))]}}),)
    )
    assert len(list(sequences(nested, 1))) == 2
    for values in drawn(nested)["do"]:
        message, other = values["to"]["what"]
        assert {"role", "content"} <= message.keys()
        assert other == 1 or type(other) is str


@pytest.mark.parametrize(
    "alphabet",
    [
        alphabets.SESSIONS,
        alphabets.MANAGER,
        alphabets.BACKEND,
        alphabets.ARCHIVE,
        alphabets.TRANSCRIPTS,
    ],
)
def test_every_store_is_reopened_in_some_sequence(alphabet: Alphabet) -> None:
    assert any("reopen" in text for text in said(sequences(alphabet, 1)))

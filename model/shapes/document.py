"""Stores that hold one thing, replaced as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tornwrite.model.alphabets import Part
from tornwrite.model.message_differences import either
from tornwrite.model.operation import Operation, canonical, shortened
from tornwrite.model.shapes.differences import Told, wrong_value
from tornwrite.model.shapes.shape import Shape, Signature
from tornwrite.model.verdict import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Shape[Any]):
    """One document: each save replaces it. It shows any plain value, None before the first save.

    save: the name of its operation, content: of that one's argument. The others: see `Shape`.
    """

    save: str = "save"
    content: str = "content"

    @property
    def changing(self) -> Mapping[str, Signature]:
        return {self.save: {self.content: Part.CONTENT}}

    def changed(self, state: Any, operation: Operation) -> Any:
        return operation.arguments[self.content]

    def read(self, content: Any) -> Any:
        return content

    def shown(self, state: Any) -> Any:
        return state

    def misshapen(self, content: Any) -> str:
        return ""

    def told(self, content: Any, permitted: Sequence[Any], past: Sequence[Any]) -> Told:
        kind, detail = _kind_of(content, permitted, past)
        promised = either(map(shortened, permitted))
        return Told(kind, "the document", promised, f"{shortened(content)}: {detail}")

    def probes(self, state: Any, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """It is saved twice."""
        return ((self._saved(0),), (self._saved(1),))

    def continuations(self, state: Any, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return ((self._saved(1),),)

    def _saved(self, number: int) -> Operation:
        return Operation(self.save, {self.content: self.samples.content(number)})


def _kind_of(content: Any, permitted: Sequence[Any], past: Sequence[Any]) -> tuple[Kind, str]:
    known = {canonical(one) for one in past}
    if canonical(content) in known:
        return Kind.LOST, "it is an older one" if content else "nothing is left of what was saved"
    if content is None or content in ("", [], {}):
        return Kind.LOST, "nothing is left of what was saved"
    return wrong_value(content, permitted, past)

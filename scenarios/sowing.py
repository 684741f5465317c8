"""Faults sown into source: what a careless change could do to a store, one place at a time.

A sown fault is a module's syntax tree with one thing changed: a sync removed, two statements
swapped, an error swallowed, a lock dropped, a number off by one. They are found by looking at the
source, not by knowing the store, so anybody's store can be sown.

Named after what mutation testing calls them (DeMillo, Lipton and Sayward, "Hints on Test Data
Selection", 1978): a mutant that nothing catches is either equivalent or a hole in the tests.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tornwrite.model.results import SownKind

_LOCKS = ("lock", "flock", "lockf", "writing", "reading", "acquire")
_NEXT = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


@dataclass(frozen=True, slots=True)
class Sown:
    """One fault: where it is and what it changes, and the whole module with it.

    module: dotted name. function: qualified name within it. line, last_line: of what is changed, in
    the unchanged source. around: the first and last line of the whole function. before, after: the
    statement or expression as source text. number: tells equal ones of one function apart. tree:
    the module's changed syntax tree.
    """

    module: str
    function: str
    line: int
    last_line: int
    around: tuple[int, int]
    kind: SownKind
    before: str
    after: str
    tree: ast.Module
    number: int = 0

    @property
    def name(self) -> str:
        """What stays the same when lines move."""
        again = f" #{self.number}" if self.number else ""
        return f"{self.module}:{self.function}: {self.kind.value}: {self.before}{again}"


def sow(source: str, module: str) -> list[Sown]:
    """Every fault that can be sown in the source of a module, in the order of its lines.

    Raises SyntaxError for source that is none.
    """
    found: list[Sown] = []
    met: dict[str, int] = {}
    tree = ast.parse(source)
    for function, body in _bodies(tree, ""):
        for kind, (line, last), before, after, changed in _of_body(tree, body):
            around = body.lineno, body.end_lineno or body.lineno
            one = Sown(module, function, line, last, around, kind, before, after, changed)
            met[one.name] = met.get(one.name, -1) + 1
            found.append(replace(one, number=met[one.name]))
    return sorted(found, key=lambda one: one.line)


_Change = tuple[SownKind, tuple[int, int], str, str, ast.Module]


def _bodies(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield f"{prefix}{child.name}", child
            yield from _bodies(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _bodies(child, f"{prefix}{child.name}.")
        else:
            yield from _bodies(child, prefix)


def _of_body(tree: ast.Module, function: ast.FunctionDef) -> Iterator[_Change]:
    for owner, name, statements in _blocks(function):
        for at, statement in enumerate(statements):
            for kind, new in _instead_of(statement):
                yield _changed(tree, owner, name, at, 1, kind, new)
            if at + 1 < len(statements) and _may_swap(statement, statements[at + 1]):
                new = [statements[at + 1], statement]
                yield _changed(tree, owner, name, at, 2, SownKind.SWAPPED, new)


def _blocks(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, list[ast.stmt]]]:
    """Every list of statements of the function itself, not of those defined in it."""
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop(0)
        for name, value in ast.iter_fields(node):
            if not isinstance(value, list):
                continue
            if value and isinstance(value[0], ast.stmt):
                yield node, name, value
            for item in value:
                own = isinstance(item, ast.stmt | ast.ExceptHandler | ast.match_case)
                if own and not isinstance(item, ast.FunctionDef | ast.ClassDef):
                    waiting.append(item)


def _instead_of(statement: ast.stmt) -> Iterator[tuple[SownKind, list[ast.stmt]]]:
    """What may stand where the statement stands, and what kind of fault that is."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        name = _called(statement.value)
        if "sync" in name:
            yield SownKind.SYNC, [ast.Pass()]
        elif name in _LOCKS:
            yield SownKind.LOCK, [ast.Pass()]
        if _is_of_os(statement.value) or "sync" in name:
            yield SownKind.SWALLOWED, [_suppressing(statement)]
    if isinstance(statement, ast.With):
        for at, item in enumerate(statement.items):
            if _is_lock(item.context_expr) and item.optional_vars is None:
                without = copy.deepcopy(statement)
                del without.items[at]
                yield SownKind.LOCK, [without] if without.items else without.body
    if isinstance(statement, ast.Raise) and statement.exc is None:
        yield SownKind.SWALLOWED, [ast.Pass()]
    for new in _off_by_one(statement):
        yield SownKind.OFF_BY_ONE, [new]


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2].lower()


def _is_of_os(call: ast.Call) -> bool:
    return ast.unparse(call.func).startswith("os.") and "close" not in _called(call)


def _is_lock(expression: ast.expr) -> bool:
    if isinstance(expression, ast.Call):
        return any(word in _called(expression) for word in _LOCKS)
    return "lock" in ast.unparse(expression).rpartition(".")[2].lower()


def _suppressing(statement: ast.stmt) -> ast.stmt:
    """The statement in a try that catches OSError and goes on."""
    handler = ast.ExceptHandler(ast.Name("OSError", ast.Load()), None, [ast.Pass()])
    return ast.Try([statement], [handler], [], [])


def _off_by_one(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statement with one number in its own expressions one further, or a bound moved."""
    count = len(list(_numbers(statement)))
    for chosen in range(count):
        new = copy.deepcopy(statement)
        list(_numbers(new))[chosen][1]()
        yield new


def _numbers(statement: ast.stmt) -> Iterator[tuple[ast.AST, "_Mover"]]:
    for node in _own_expressions(statement):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _NEXT:
            yield node, _Mover(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            right = node.right
            if isinstance(right, ast.Constant) and type(right.value) is int:
                yield node, _Mover(right)
        elif isinstance(node, ast.Slice) and node.lower is not None:
            yield node, _Mover(node)


class _Mover:
    """Moves a bound by one, when called."""

    def __init__(self, node: ast.Compare | ast.Constant | ast.Slice) -> None:
        self._node = node

    def __call__(self) -> None:
        node = self._node
        match node:
            case ast.Compare():
                node.ops[0] = _NEXT[type(node.ops[0])]()
            case ast.Constant():
                node.value = int(str(node.value)) + 1
            case ast.Slice():
                assert node.lower is not None
                node.lower = ast.BinOp(node.lower, ast.Add(), ast.Constant(1))


def _own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of the statement, without those of the statements inside it."""
    for _, value in ast.iter_fields(statement):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.expr | ast.withitem | ast.keyword):
                yield from ast.walk(item)


def _may_swap(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether both do something, and neither plainly needs what the other one names."""
    simple = (ast.Expr, ast.Assign, ast.AugAssign)
    if not (isinstance(first, simple) and isinstance(second, simple)):
        return False
    if not (_has_call(first) and _has_call(second)):
        return False
    return not (_stored(first) & _named(second) or _stored(second) & _named(first))


def _has_call(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Call) for node in ast.walk(statement))


def _stored(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Assign):
        return {ast.unparse(target) for target in statement.targets}
    return {ast.unparse(statement.target)} if isinstance(statement, ast.AugAssign) else set()


def _named(statement: ast.stmt) -> set[str]:
    return {
        ast.unparse(node)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name | ast.Attribute)
    }


def _changed(
    tree: ast.Module,
    owner: ast.AST,
    name: str,
    at: int,
    count: int,
    kind: SownKind,
    new: list[ast.stmt],
) -> _Change:
    """The module with statements `at` and on of one block replaced by the new ones."""
    block: list[ast.stmt] = getattr(owner, name)
    old = block[at : at + count]
    block[at : at + count] = new
    changed = ast.fix_missing_locations(copy.deepcopy(tree))
    block[at : at + len(new)] = old
    before = "; ".join(_text(one) for one in old)
    lines = old[0].lineno, _last_line(old[-1])
    return kind, lines, before, "; ".join(_text(one) for one in new), changed


def _last_line(statement: ast.stmt) -> int:
    """The last line of the statement itself, without the statements inside it."""
    if isinstance(statement, ast.With | ast.If | ast.For | ast.While):
        return max(statement.lineno, statement.body[0].lineno - 1)
    return statement.end_lineno or statement.lineno


def _text(statement: ast.stmt) -> str:
    """The statement as source on one line, without the statements inside it."""
    lines = ast.unparse(statement).splitlines()
    inside = isinstance(statement, ast.With | ast.If | ast.For | ast.While)
    return lines[0] if inside else " ".join(line.strip() for line in lines)

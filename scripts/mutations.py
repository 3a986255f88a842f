"""Mutants of the product: one small change of one module each, which has the same name in any checkout."""

from __future__ import annotations

import ast
import copy
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDERS = (
    *(f"JumpstarterLibrary/{name}" for name in ("client", "exporter", "lab", "keywords")),
    "shim/pytest_jumpstarter",
)
"""Folders of which as many mutants each are chosen."""

PRODUCT = ("JumpstarterLibrary", "shim/pytest_jumpstarter")
"""Folders in which a chosen mutant of another checkout may be: code moves."""

UNTOUCHED = ("annotation", "returns", "decorator_list")
"""Fields of syntax nodes that change nothing at run time, or too much."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}

Change = tuple[str, ast.expr | ast.stmt, str]
"""Kind of the change, changed node, source that stands there instead."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        name: File, qualified name of the function, kind of the change, source before and after it, and which of several
            such changes in the function it is.
        file: Path of the module in the checkout.
        kind: What sort of change.
        source: The changed module.
        lines: Lines of the changed statement.
        around: Lines of the function's body; None if the statement is executed when the module is imported.
    """

    name: str
    file: str
    kind: str
    source: bytes
    lines: range
    around: range | None


def mutants_in(tree: Path, folder: str) -> list[Mutant]:
    """Return all mutants of a folder of a checkout."""
    paths = [path.relative_to(tree).as_posix() for path in sorted((tree / folder).rglob("*.py"))]
    return [mutant for path in paths for mutant in mutants_of(path, (tree / path).read_bytes())]


def choose(tree: Path, count: int, seed: int) -> list[str]:
    """Choose mutants of a checkout: as many of each folder, and in it of each kind, as far as there are."""
    dice = random.Random(seed)
    chosen: list[str] = []
    for folder in FOLDERS:
        kinds: dict[str, list[str]] = defaultdict(list)
        for mutant in mutants_in(tree, folder):
            kinds[mutant.kind].append(mutant.name)
        ranked = []
        for kind, names in kinds.items():
            ranked += [(rank, kind, name) for rank, name in enumerate(dice.sample(names, len(names)))]
        chosen += [name for _, _, name in sorted(ranked)[: count // len(FOLDERS)]]
    return chosen


def mutants_of(file: str, source: bytes) -> Iterator[Mutant]:
    """Yield all mutants of a module."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: Counter[str] = Counter()
    for node, function, around, statement in _nodes(ast.parse(source), "", None, None):
        for kind, target, after in (*_changes(node), *_changes_of_flow(node)):
            begin = starts[target.lineno - 1] + target.col_offset
            end = starts[(target.end_lineno or 0) - 1] + (target.end_col_offset or 0)
            text = after if isinstance(target, ast.stmt) else f"({after})"
            name = f"{file} {function} {kind}: {ast.unparse(target)} -> {after}"
            whole = statement or target
            yield Mutant(
                f"{name} #{seen[name]}",
                file,
                kind,
                source[:begin] + text.encode() + source[end:],
                range(whole.lineno, (whole.end_lineno or 0) + 1),
                around,
            )
            seen[name] += 1


def _nodes(
    node: ast.AST, function: str, around: range | None, statement: ast.stmt | None
) -> Iterator[tuple[ast.AST, str, range | None, ast.stmt | None]]:
    """Yield nodes that may be changed, each with its function and its statement, if that has no statements in it."""
    yield node, function, around, statement
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or name in UNTOUCHED or _is_untouched(child):
                continue
            inner, body, own = function, around, statement
            if name == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{function}.{child.name}".lstrip(".")
            if isinstance(child, ast.stmt):
                own = None if hasattr(child, "body") or hasattr(child, "cases") else child
            yield from _nodes(child, inner, body, own)


def _is_untouched(node: ast.AST) -> bool:
    """Return whether a node is a docstring, is for type checkers only, or has no positions of its own."""
    match node:
        case ast.JoinedStr() | ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec" | "cast")):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of an expression."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in COMPARISONS[type(operator)]:
                yield "comparison", node, _with(node, ops=[other()])
        case ast.BoolOp(op=operator):
            yield "connective", node, _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "negation", node, ast.unparse(operand)
        case ast.BinOp(op=ast.Add() | ast.Sub() as operator, right=ast.Constant(value=int() | float())):
            yield "arithmetic", node, _with(node, op=ast.Sub() if isinstance(operator, ast.Add) else ast.Add())
        case ast.Constant(value=bool() | int() | float() | str() | bytes() as value):
            yield "constant", node, repr(_other(value))
        case ast.IfExp(test=test) | ast.comprehension(ifs=[test, *_]):
            yield from _negated(test)


def _changes_of_flow(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of a statement."""
    match node:
        case ast.If(test=test) | ast.While(test=test):
            yield from _negated(test)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return", value, "None"
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield "statement", node, "pass"
        case ast.Raise(exc=ast.Call(func=raised)):
            yield "exception", raised, "ArithmeticError"
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield "handler", caught, "ZeroDivisionError"
        case ast.Break() | ast.Continue():
            yield "loop", node, "continue" if isinstance(node, ast.Break) else "break"


def _negated(test: ast.expr) -> Iterator[Change]:
    # The others have a change of their own that does the same.
    if not isinstance(test, ast.Compare | ast.Constant | ast.UnaryOp):
        yield "condition", test, ast.unparse(ast.UnaryOp(ast.Not(), test))


def _with(node: ast.expr, **fields: Any) -> str:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return ast.unparse(changed)


def _other(value: bool | float | str | bytes) -> bool | float | str | bytes:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return type(value)() if value else ("mutant" if isinstance(value, str) else b"mutant")

"""Editions of a notebook: the learner's, with solutions filled in for the instructor (or any other answer, for the tests).

An answer goes where a learner would put it, in the cell that says `check("topic.name", ...)`:

- `check("id", ...)`: in place of the dots;
- `check("id", name)`: in place of the statement in that cell that binds `name`;
- `check("id")`, for what is done on the wire: in place of a line of dots in that cell.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

from protolab.errors import LabError
from protolab.lesson import library
from protolab.lesson.exercise import Exercise, Outcome, source
from protolab.lesson.result import SIGNS


def checks(code: str) -> list[str]:
    """The ids that a cell checks, in order.

    >>> checks('check("frames.second", ...)')
    ['frames.second']
    """
    return [id for id, _ in _calls(_parsed(code))]


def fill(code: str, id: str, answer: str) -> str:
    """The cell with an answer in it. LabError: it does not say where the answer goes.

    >>> fill('check("a.b", ...)  # a number', "a.b", "1 + 1")
    'check("a.b", 1 + 1)  # a number'
    >>> print(fill('mine = ...\\n\\ncheck("a.b", mine)', "a.b", "1 + 1"))
    mine = 1 + 1
    <BLANKLINE>
    check("a.b", mine)
    """
    tree = _parsed(code)
    for found, call in _calls(tree):
        if found != id:
            continue
        match call.args[1:]:
            case [ast.Constant(value=value) as dots] if value is ...:
                return _replaced(code, dots, answer)
            case [ast.Name(id=name)]:
                for node in tree.body:
                    if name in _bound(node):
                        return _replaced(code, node, answer if _statement(answer) else f"{name} = {answer}")
            case []:
                for node in tree.body:
                    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...:
                        return _replaced(code, node, answer)
    raise LabError(
        f"The cell of {id!r} does not say where its answer goes.",
        'Write check("id", ...), or bind the name that is checked in the same cell, or leave a line of dots in it.',
    )


def filled(notebook: dict[str, Any]) -> dict[str, Any]:
    """The instructor's edition of a notebook (as JSON): solutions filled in, and below each its hints and wrong answers."""
    edition = copy.deepcopy(notebook)
    cells = []
    for cell in edition["cells"]:
        cells.append(cell)
        if cell["cell_type"] != "code":
            continue
        code = "".join(cell["source"])
        ids = checks(code) if "check(" in code else []
        for id in ids:
            code = fill(code, id, _exercise(id).solution)
        if ids:
            cell.update(source=code, outputs=[], execution_count=None)
            cells += [_notes(cell.get("id", ""), number, id) for number, id in enumerate(ids)]
    edition["cells"] = cells
    return edition


def _notes(beside: str, number: int, id: str) -> dict[str, Any]:
    exercise = _exercise(id)
    lines = [f"**For instructors: `{id}`.** {exercise.question}", "", "Hints, in order:", ""]
    lines += [f"{place}. {text}" for place, text in enumerate(exercise.hints, 1)]
    lines += ["", "Known wrong answers:", ""]
    for answer, says in exercise.wrong.items():
        typed = source(answer) if isinstance(answer, str) else answer.__name__.replace("_", " ")
        lines.append(f"- {SIGNS[Outcome.WRONG]} `{typed}`: {says}" if "\n" not in typed else f"- {says}")
    cell = {"cell_type": "markdown", "metadata": {"tags": ["instructor"]}, "source": "\n".join(lines)}
    return {**cell, "id": f"{beside}-{number}"} if beside else cell


def _exercise(id: str) -> Exercise:
    question = library.find(id)
    if not isinstance(question, Exercise):
        raise LabError(f"{id!r} is something to predict.", f'Write predict("{id}", ...), and reveal("{id}").')
    return question


def _parsed(code: str) -> ast.Module:
    tree: ast.Module = compile(code, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return tree


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call of `check`, or `lesson.check`, with a plain id."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "check":
                yield str(node.args[0].value), node


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()


def _statement(answer: str) -> bool:
    """Whether the answer is a statement rather than a value."""
    try:
        ast.parse(answer, mode="eval")
    except SyntaxError:
        return True
    return False


def _replaced(code: str, node: ast.stmt | ast.expr, answer: str) -> str:
    """The code with that node's text replaced. Offsets of the syntax tree count bytes of UTF-8."""
    lines = code.encode().splitlines(keepends=True)
    assert node.end_lineno is not None and node.end_col_offset is not None
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (before + answer.encode() + after).decode()

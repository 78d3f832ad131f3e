"""The ground that widgets stand on: how Python and an ES module talk, and what is there when no widget is drawn.

A widget is three files side by side in this folder, without a build step:

    name.py    class Name(Widget), with `_esm = module("name")` and `_css = sheet("common", "name")`
    name.js    an ES module that ends in `export default { render }`; it may `import { ... } from "./common.js"`
    name.css   its looks, every selector below `.protolab`, colours from the variables that common.css sets

anywidget takes one ES module for each widget, so `module` puts the files that a module imports before it, each once, and
drops the `import` lines. Names are therefore shared: no two files may declare the same one at their top level.

What Python knows goes to the browser in two ways. Columns and small facts are traits, bytes as `Bytes` traits. Everything
else is asked for: `kernel.ask("unit", {...})` in JavaScript resolves to what the method `ask_unit(self, body)` returns
here: JSON, or a pair of JSON and a list of buffers. Questions are gathered and only one message is on its way at a time, so a
widget sends at most some ten messages a second, and a scroll that outruns the kernel asks for what is visible, not for
what went by. JavaScript draws what it was given and decodes nothing (law 7).

A widget stands on a static view (`static()`), whose text and HTML go into the same output under the widget: where widgets
are not drawn (GitHub, nbviewer, nbconvert, a notebook that is not trusted), nothing is lost.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

import anywidget

from protolab.errors import LabError
from protolab.view.base import View

# What an `ask_...` method returns: JSON-compatible data, perhaps with buffers beside it.
Answer = dict[str, Any] | tuple[dict[str, Any], list[bytes]]
VIEW = "application/vnd.jupyter.widget-view+json"
_IMPORT = re.compile(r'^import\s[^;]*?"\./(\w+)\.js";\n', re.MULTILINE)


@cache
def module(name: str) -> str:
    """The ES module `name`.js with what it imports put before it, each file once."""
    found: dict[str, str] = {}

    def read(name: str) -> None:
        source = files(__package__).joinpath(f"{name}.js").read_text(encoding="utf-8")
        for needed in _IMPORT.findall(source):
            if needed not in found:
                read(needed)
        found[name] = _IMPORT.sub("", source)

    read(name)
    return "\n".join(found.values())


@cache
def sheet(*names: str) -> str:
    """The style sheets of those names, one after another."""
    return "\n".join(files(__package__).joinpath(f"{name}.css").read_text(encoding="utf-8") for name in names)


class Widget(anywidget.AnyWidget):
    """A view that answers. A subclass says what it is called (`kind`), what stands under it (`static`), and answers."""

    kind: ClassVar[str]

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._asked)

    def static(self) -> View:
        """The static view that says the same."""
        raise NotImplementedError

    def _asked(self, _: object, content: Any, buffers: list[memoryview]) -> None:
        """Answer the questions in one message with one message; a question that fails says why, and harms no other."""
        answers: list[dict[str, Any]] = []
        sent: list[bytes] = []
        for question in content.get("questions", ()):
            body = question["body"]
            body["buffers"] = [bytes(buffers[index]) for index in question.get("buffers", ())]
            data, own = self._answer(question["name"], body)
            answers.append({"id": question["id"], "buffers": [len(sent), len(sent) + len(own)], **data})
            sent += own
        self.send({"answers": answers}, sent)

    def _answer(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        try:
            found: Answer = getattr(self, f"ask_{name}")(body)
        except LabError as error:
            return {"error": str(error)}, []
        except Exception as error:
            # Raised in a comm's handler it would end in a log that no learner opens: the widget's own line says it.
            return {"error": f"{type(error).__name__}: {error}"}, []
        data, own = found if isinstance(found, tuple) else (found, [])
        return {"data": data}, own

    def __repr__(self) -> str:
        return f"<{self.kind} widget>"

    def __str__(self) -> str:
        return self.static().text()

    def _repr_mimebundle_(self, **asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        live, metadata = super()._repr_mimebundle_(**asked) or ({}, {})
        return {**self.static().bundle(), VIEW: live[VIEW]} if VIEW in live else self.static().bundle(), metadata

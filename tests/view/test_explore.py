"""What `explore` tells the browser, asked as its JavaScript asks; and what stands there without widgets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from protolab import scenes, show, view
from protolab.capture import Capture
from protolab.fields import Side
from protolab.view.widget import VIEW, Widget, module, sheet
from protolab.wire.websocket_frames import TEXT, Frame

VIEWS = Path(view.__file__).parent


def frame(text, side=Side.CLIENT):
    return Frame(TEXT, text.encode(), key=None if side else b"abcd").encode()


def chat(*texts, capture=None):
    capture = Capture("chat") if capture is None else capture
    connection = capture.connect(midway=True)
    for number, text in enumerate(texts):
        side = Side(number % 2)
        connection.add(side, frame(text, side), float(number))
    return capture


def asked(widget, name, **body):
    """The answer to one question, as it goes out."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    question = {"id": "1", "name": name, "body": {"version": widget.version, **body}}
    widget._asked(widget, {"questions": [question]}, [])
    ((content, buffers),) = sent
    (answer,) = content["answers"]
    return answer.get("data", answer), buffers


def test_without_widgets_the_ladder_stands_there():
    capture = scenes.recording("websocket/hello")
    widget = show.explore(capture)
    data, _ = widget._repr_mimebundle_()
    assert data.pop(VIEW)["model_id"] == widget.model_id
    assert data == show.ladder(capture).bundle()
    assert repr(widget) == "<explore widget>"
    assert str(widget) == show.ladder(capture).text()


def test_scripts_and_the_other_views_import_no_widgets():
    code = "import sys, protolab; from protolab import show, lab, scenes; print(show.ladder(scenes.recording('websocket/hello')))"
    code += "; print({'ipywidgets', 'anywidget', 'IPython'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.endswith("set()\n"), result.stderr


def test_the_module_holds_what_it_imports_once_and_imports_nothing():
    source = module("explore")
    assert source.count("export class Rows ") == source.count("export class Table ") == 1
    assert "\nimport " not in source and "http" not in source
    assert ".protolab {" in sheet("common", "explore")


@pytest.mark.parametrize("path", sorted(VIEWS.glob("*.js")), ids=lambda path: path.stem)
def test_no_two_files_of_a_module_declare_the_same_name(path):
    declared = re.findall(
        r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", module(path.stem), re.MULTILINE
    )
    assert [name for name, count in Counter(declared).items() if count > 1] == []


def test_lines_of_the_ladder_are_told_for_the_rows_that_are_asked_for():
    widget = show.explore(chat("a", "b", "c", "d"))
    data, _ = asked(widget, "rows", rows=[3, 0, 99])
    assert [(line["row"], line["title"]) for line in data["rows"]] == [(0, 'text "a"'), (3, 'text "d"')]
    assert data["kinds"] == ["frame"]


def test_rows_of_connections_that_spoke_in_turn_are_told_for_each():
    capture = chat("a", "b")
    chat("x", "y", capture=capture)
    widget = show.explore(capture)
    data, _ = asked(widget, "rows", rows=[0, 1, 2, 3])
    titles = {line["row"]: line["title"] for line in data["rows"]}
    assert [titles[row] for row in range(4)] == ['text "a"', 'text "x"', 'text "b"', 'text "y"']
    widget.selected = 3
    assert widget.unit.title == 'text "y"'


def test_the_end_of_a_side_is_a_row_and_no_unit():
    capture = chat("a")
    capture[0].end(Side.CLIENT, "FIN", 2.0)
    widget = show.explore(capture)
    data, buffers = asked(widget, "unit", row=1)
    assert (data["title"], buffers) == ("FIN: no more from the client", [])
    widget.selected = 1
    assert widget.unit is None


def test_a_unit_comes_with_its_fields_and_its_buffers():
    data, buffers = asked(show.explore(chat("Hello")), "unit", row=0)
    assert [each["name"] for each in data["buffers"]] == ["bytes", "unmasked payload"]
    assert buffers == [frame("Hello"), b"Hello"]
    assert "masking key" in [field["name"] for field in data["fields"]]


@pytest.mark.parametrize(
    ("text", "hexadecimal", "hits"),
    [("hello", False, [0, 2]), ("8185", True, [0]), ("48 65", True, [0, 1]), ("nothing of it", False, [])],
)
def test_search_looks_in_lines_and_in_every_buffer(text, hexadecimal, hits):
    widget = show.explore(chat("Hello", "He", "say HELLO to her"))
    data, _ = asked(widget, "search", owner=0, first=0, text=text, hex=hexadecimal)
    assert (data["hits"], data["count"], data["done"]) == (hits, 3, True)


def test_a_question_that_fails_says_why_and_harms_no_other():
    widget = show.explore(chat("a"))
    data, _ = asked(widget, "search", owner=0, first=0, text="8", hex=True)
    assert "pairs of digits" in data["error"]
    sent = []
    widget.send = lambda content, buffers=None: sent.append(content)
    bad, good = (
        {"id": "1", "name": "unknown", "body": {}},
        {"id": "2", "name": "unit", "body": {"version": 1, "row": 0}},
    )
    widget._asked(widget, {"questions": [bad, good]}, [])
    first, second = sent[0]["answers"]
    assert "AttributeError" in first["error"] and second["data"]["title"] == 'unit 0: text "a"'


def test_buffers_are_counted_across_the_answers_of_one_message():
    class Echo(Widget):
        kind = "echo"
        _esm = "export default {}"

        def ask_back(self, body):
            return {}, [*body["buffers"], b"end"]

    widget, sent = Echo(), []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    questions = [{"id": str(i), "name": "back", "body": {}, "buffers": [i]} for i in range(2)]
    widget._asked(widget, {"questions": questions}, [memoryview(b"one"), memoryview(b"two")])
    ((content, buffers),) = sent
    assert [buffers[slice(*answer["buffers"])] for answer in content["answers"]] == [[b"one", b"end"], [b"two", b"end"]]


def test_an_answer_to_older_columns_is_none():
    widget = show.explore(chat("a"))
    widget.update()
    assert asked(widget, "unit", version=1, row=0)[0] == {"stale": True}


def test_update_takes_in_new_bytes_new_connections_and_a_connection_that_only_now_speaks():
    capture = Capture("live")
    connection = capture.connect()
    widget = show.explore(capture)
    assert len(widget.sides) == 0 and widget.unit is None
    for unit in show.conversation(scenes.recording("websocket/hello"))[:3]:
        connection.add(unit.side, unit.data)
    widget.update()
    assert (len(widget.sides), widget.version) == (3, 2)
    chat("x", capture=capture)
    widget.update()
    assert len(widget.sides) == 4 and len(widget.facts["connections"]) == 2


def test_a_logical_capture_tells_no_times_and_no_addresses():
    widget = show.explore(scenes.recording("websocket/hello"))
    assert widget.times == b"" and widget.facts["connections"] == ["connection 1: websocket"]


def test_what_was_lost_is_said():
    capture = Capture("small", limit=10)
    capture.connect(midway=True).add(Side.CLIENT, frame("too much for it"), 0.0)
    assert show.explore(capture).facts["lost"] == "The capture was full: 11 bytes were not kept."


def test_what_cannot_be_explored_is_named():
    with pytest.raises(TypeError, match="a int cannot be explored"):
        show.explore(5)

"""What the tests of views share: fabricated units, a toy protocol over real captures, any tree, a reader of HTML."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from itertools import pairwise

from hypothesis import strategies as st

from protolab.capture import Capture, Connection
from protolab.conversation import Conversation
from protolab.fields import Derived, Field, Side
from protolab.findings import Discard, Finding, Rule
from protolab.units import Place, Unit

SHOUTING = Rule("shouting", "a line must not end in '!'", "Toy 2.1", "code 7", "end it with a full stop")
KEY = bytes.fromhex("37fa213d")
HELLO = b"\x81\x85" + KEY + bytes.fromhex("7f9f4d5158")


def hello_tree() -> Field:
    """The tree of RFC 6455's masked "Hello" frame, as a decoder would hand it over."""
    text = Field("text", 0, 5, "Hello")
    return Field(
        "frame",
        0,
        11,
        children=(
            Field("FIN", 0, 1, True, "the last fragment", bits=(0, 1)),
            Field("RSV1", 0, 1, False, bits=(1, 2)),
            Field("RSV2", 0, 1, False, bits=(2, 3)),
            Field("RSV3", 0, 1, False, bits=(3, 4)),
            Field("opcode", 0, 1, 1, "text", bits=(4, 8)),
            Field("MASK", 1, 2, True, bits=(0, 1)),
            Field("payload length", 1, 2, 5, bits=(1, 8)),
            Field("masking key", 2, 6, KEY),
            Field("payload", 6, 11, "Hello", derived=(Derived("unmasked", b"Hello", text, "XOR with the key"),)),
        ),
    )


def unit(
    data: bytes,
    field: Field,
    title: str = "a title",
    findings: tuple[Finding, ...] = (),
    discards: tuple[Discard, ...] = (),
    side: Side = Side.CLIENT,
    lane: int | None = None,
    complete: bool = True,
) -> Unit:
    """A unit of the toy protocol: number 3, 100 bytes into its stream."""
    place = Place(3, side, 100, 100 + len(data), 0.25, complete)
    return Unit("toy", "frame", place, data, field, findings, discards, lambda _: title, lane)


class Lines(Conversation[None, None]):
    """A toy: a unit is a line. One that ends in "!" breaks a rule, "#..." is thrown away, "7:..." is on lane 7."""

    protocol = "lines"

    def scan(self) -> None:
        for side in Side:
            while (end := self.connection.streams[side].find(b"\n", self.scanned[side])) >= 0:
                self.starts[side].append(self.scanned[side])
                self.scanned[side] = end + 1

    def begin(self) -> None:
        return None

    def advance(self, state: None, place: Place, data: bytes) -> None:
        return None

    def explain(self, place: Place, data: bytes, context: None) -> Unit:
        line = data.rstrip(b"\n")
        says = line.decode(errors="replace")
        loud = (SHOUTING.at(len(line) - 1, len(line), place.side),) if line.endswith(b"!") else ()
        comment = (Discard(0, len(data), "a comment", "Toy 3"),) if line.startswith(b"#") else ()
        lane = int(says[0]) if re.match(r"[0-9]:", says) else None
        end = (Field("line end", len(line), len(data)),) if len(line) < len(data) else ()
        children = (Field("line", 0, len(line), says), *end)
        tree = Field("all", 0, len(data), None, "", children)
        return Unit(self.protocol, "line", place, data, tree, loud, comment, lambda _: says, lane)


def talk(*said: tuple[Side, bytes, float], capture: Capture | None = None) -> Connection:
    """A connection in which this was said, each piece one segment at its time."""
    capture = Capture("toy") if capture is None else capture
    connection = capture.connect("10.0.0.1:49152", "10.0.0.2:7070")
    for side, data, at in said:
        connection.add(side, data, at)
    return connection


# Any tree over any bytes.

_words = st.text(max_size=12)
_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), _words, st.binary(max_size=9), st.lists(_words, max_size=3),
    st.dictionaries(_words, st.integers(), max_size=2), st.just(2**10000), st.just("\ud800\u202e<script>"),
)  # fmt: skip


@st.composite
def trees(draw: st.DrawFn, start: int, end: int, depth: int = 3) -> Field:
    """A tree that tiles [start, end)."""
    children: tuple[Field, ...] = ()
    derived: tuple[Derived, ...] = ()
    if depth and end > start and draw(st.booleans()):
        if end - start <= 2 and draw(st.booleans()):
            edges = [0, *sorted(draw(st.sets(st.integers(1, (end - start) * 8 - 1), max_size=4))), (end - start) * 8]
            children = tuple(
                Field(draw(_words), start, end, draw(_values), draw(_words), bits=bits) for bits in pairwise(edges)
            )
        else:
            cuts = [start, *sorted(draw(st.sets(st.integers(start, end), max_size=3))), end]
            children = tuple(draw(trees(a, b, depth - 1)) for a, b in pairwise(cuts))
    if depth and draw(st.integers(0, 5)) == 0:
        data = draw(st.binary(max_size=12))
        derived = (Derived(draw(_words), data, draw(trees(0, len(data), depth - 1)), draw(_words)),)
    return Field(draw(_words), start, end, draw(_values), draw(_words), children, None, derived)


@st.composite
def units(draw: st.DrawFn) -> Unit:
    """Any unit: any bytes, any tree over them, findings and discards anywhere, a hostile title."""
    data = draw(st.binary(max_size=40) | st.binary(min_size=300, max_size=600))
    spots = st.tuples(st.integers(0, len(data)), st.integers(0, len(data))).map(sorted)
    found = draw(st.lists(spots, max_size=2))
    findings = tuple(SHOUTING.at(a, b, draw(st.sampled_from(Side)), draw(_words)) for a, b in found)
    discards = tuple(Discard(a, b, draw(_words), draw(_words)) for a, b in found)
    return unit(data, draw(trees(0, len(data))), draw(_words), findings, discards, complete=draw(st.booleans()))


# What survives on GitHub and in an untrusted JupyterLab.

TAGS = {
    "p",
    "b",
    "br",
    "span",
    "div",
    "code",
    "pre",
    "table",
    "caption",
    "colgroup",
    "col",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "img",
}
ATTRIBUTES = {"style", "title", "scope", "colspan", "align", "span", "nowrap"}


class Page(HTMLParser):
    """Reads a view's HTML as a browser without its styles would; refuses what would not survive, and tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []
        self.cells: list[list[int]] = []  # for each table row, the colspan of each cell
        self.headers: list[str | None] = []
        self.pictures: list[ElementTree.Element] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES | ({"alt", "src"} if tag == "img" else set()), attrs
        given = dict(attrs)
        for name, value in re.findall(r"([a-z-]+):([^;]*)", given.get("style") or ""):
            if name in ("color", "background"):  # a fixed colour would be unreadable in one theme or the other
                assert value == "none" or re.fullmatch(r"var\(--jp-[a-z0-9-]+,inherit\)", value), (name, value)
        if tag == "img":  # law 8: a picture is a data URI, and says the same in words
            kind, _, data = (given.get("src") or "").partition(",")
            assert kind == "data:image/svg+xml;base64" and given.get("alt"), attrs
            self.pictures.append(ElementTree.fromstring(base64.b64decode(data, validate=True)))
            self.said.append(given["alt"] or "")
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append(int(given.get("colspan") or 1))
        if tag == "th":
            self.headers.append(given.get("scope"))
        if tag not in ("br", "col", "img"):
            self.open.append(tag)
        if tag in ("br", "td", "th", "p", "div", "pre"):
            self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return squeezed("".join(self.said))


def squeezed(text: str) -> str:
    """The text with each run of spaces as one."""
    return re.sub(r"\s+", " ", text).strip()

"""What pictures of time and of numbers share: an SVG that stands alone, as an image that says the same in words.

Black on white whatever the page's theme, since a picture cannot know it; groups differ in pattern and lightness, not in
colour alone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from xml.sax.saxutils import escape

from protolab.plain import printable
from protolab.view import html

TONES = ("#56b4e9", "#e69f00", "#999999", "#004d7a", "#f0e442", "#cc79a7", "#009e73", "#d55e00")
CHAR = 7.2  # pixels of a character


def image(wide: float, high: float, drawn: Iterable[str], words: str, patterns: int = 0) -> str:
    """A paragraph with the picture; `words` are for who does not see it."""
    source = base64.b64encode(svg(wide, high, drawn, patterns).encode()).decode()
    return html.paragraph(
        f'<img style="max-width:100%" alt="{html.escape(words)}" src="data:image/svg+xml;base64,{source}">'
    )


def svg(wide: float, high: float, drawn: Iterable[str], patterns: int = 0) -> str:
    """The picture; its first `patterns` patterns can be filled with as `url(#p0)` and so on."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}"'
        f' viewBox="0 0 {wide:.0f} {high:.0f}" font-family="sans-serif" font-size="13">'
        f"<defs>{''.join(map(pattern, range(patterns)))}</defs>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>'
    )


def pattern(number: int) -> str:
    """A tone with lines whose direction and density tell groups apart without colour; the first has none."""
    tone = TONES[number % len(TONES)]
    turn, gap = ((0, 0), (0, 8), (45, 6), (135, 5), (90, 5), (0, 4), (45, 4), (135, 3))[number % len(TONES)]
    lines = f'<path d="M0 0H{gap}" stroke="#000" stroke-width="1.5"/>' if gap else ""
    side = gap or 6
    return (
        f'<pattern id="p{number}" width="{side}" height="{side}" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate({turn})"><rect width="{side}" height="{side}" fill="{tone}"/>{lines}</pattern>'
    )


def box(x: float, y: float, wide: float, high: float, fill: str) -> str:
    """A rectangle with a thin edge."""
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{wide:.1f}" height="{high:g}" fill="{fill}" stroke="#000"'
        ' stroke-width="0.5"/>'
    )


def label(x: float, y: float, text: str, anchor: str = "start", size: int = 13) -> str:
    """A line of text; `anchor` is "start", "middle" or "end"."""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    small = "" if size == 13 else f' font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:g}"{place}{small}>{escape(printable(text))}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, dash: str = "", wide: float = 1, tone: str = "#000") -> str:
    """A straight line."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{tone}" stroke-width="{wide}"{dashes}/>'
    )

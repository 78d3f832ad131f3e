"""HTML that survives: escaped, static, and complete without its styles.

GitHub strips every `style`; JupyterLab keeps layout properties in untrusted notebooks but drops each `var(...)`.
So layout is written plainly, and every colour is a `var(--jp-..., inherit)` that falls back to the colour of the text
around it. JupyterLab's own style sheet aligns table cells right and stripes rows; cells here say `left` themselves.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from protolab.view.text import printable

# Those of JupyterLab's colours that keep a contrast of 4.5 in both of its themes; elsewhere the text's own.
CLIENT = "color:var(--jp-brand-color1, inherit)"
SERVER = "color:var(--jp-mirror-editor-keyword-color, inherit)"
TROUBLE = "color:var(--jp-error-color1, inherit)"
QUIET = "color:var(--jp-content-font-color2, inherit)"
LIFELINES = "border-left:1px solid #888;border-right:1px solid #888;min-width:9em;padding:1px 0"
_CODE = "background:none;padding:0;white-space:pre"
_PRE = "margin:4px 0 4px 8px;white-space:pre;overflow-x:auto"
_CELL = "text-align:left;vertical-align:top;padding:1px 8px"


def escape(text: str) -> str:
    """Text for HTML, inside a tag or between two; what could hide or reorder it is written as an escape."""
    return html.escape(printable(text))


def spaced(text: str) -> str:
    """Escaped text whose runs of spaces survive without `white-space: pre`."""
    return escape(text).replace("  ", " \N{NO-BREAK SPACE}")


def code(text: str, style: str = "") -> str:
    """Bytes, bits or source in a monospace face, lines kept."""
    if not text:
        return ""
    body = "<br>".join(spaced(line) for line in text.split("\n"))
    return f'<code style="{_CODE}{";" if style else ""}{style}">{body}</code>'


def toned(content: str, style: str) -> str:
    """Content that is HTML already, in a colour: a second cue only, so a word or a sign must say the same."""
    return f'<span style="{style}">{content}</span>' if content and style else content


def cell(content: str, *, style: str = "", head: str = "", span: int = 1, title: str = "", right: bool = False) -> str:
    """A table cell of HTML content; `head` is the scope of a header cell ("col", "row")."""
    look = _CELL.replace("left", "right") if right else _CELL
    attributes = f' scope="{head}"' if head else ""
    if span > 1:
        attributes += f' colspan="{span}"'
    if title:
        attributes += f' title="{escape(title)}"'
    if head == "row":
        look += ";font-weight:normal"
    tag = "th" if head else "td"
    return f'<{tag}{attributes} style="{look}{";" if style else ""}{style}">{content}</{tag}>'


def row(cells: Iterable[str]) -> str:
    """A table row; JupyterLab's stripes are taken off, since they lower the contrast of what stands on them."""
    return f'<tr style="background:none">{"".join(cells)}</tr>\n'


def table(caption: str, headers: Iterable[tuple[str, bool]], rows: Iterable[str]) -> str:
    """A table with a caption (HTML), column headers as (text, right-aligned) and rows made by `row`."""
    head = "".join(cell(escape(text), head="col", right=right) for text, right in headers)
    top = f'<caption style="text-align:left;padding:4px 8px;caption-side:top">{caption}</caption>\n' if caption else ""
    return (
        f'<table style="border-collapse:collapse;margin:4px 0">\n{top}<thead>{row([head])}</thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody></table>\n"
    )


def paragraph(content: str, style: str = "") -> str:
    """A paragraph of HTML content."""
    return f'<p style="margin:4px 0 4px 8px{";" if style else ""}{style}">{content}</p>\n'


def pre(lines: Iterable[str], style: str = "") -> str:
    """Lines that must stay as they stand, such as carets under bytes. Each line is escaped on its own."""
    body = "\n".join(html.escape(printable(line)) for line in lines)
    return f'<pre style="{_PRE}{";" if style else ""}{style}">{body}</pre>\n'

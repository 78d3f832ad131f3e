"""HTML that survives: escaped, static, and complete without its styles.

GitHub strips every `style`; JupyterLab keeps layout properties in untrusted notebooks but drops each `var(...)`.
So layout is written plainly, and every colour is a `var(--jp-...,inherit)` that falls back to the colour of the text
around it. JupyterLab's own style sheet aligns table cells right and stripes rows; cells here say `left` themselves.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from protolab.plain import printable

# Those of JupyterLab's colours that keep a contrast of 4.5 in both of its themes; elsewhere the text's own.
CLIENT = "color:var(--jp-brand-color1,inherit)"
SERVER = "color:var(--jp-mirror-editor-keyword-color,inherit)"
TROUBLE = "color:var(--jp-error-color1,inherit)"
QUIET = "color:var(--jp-content-font-color2,inherit)"
LIFELINES = "border:solid #888;border-width:0 1px;padding:0"
_CODE = "background:none;padding:0;white-space:pre"
_CAPTION = "text-align:left;padding:4px 8px;caption-side:top"
_PRE = "margin:4px 0 4px 8px;white-space:pre;overflow-x:auto"


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


def cell(
    content: str,
    *,
    style: str = "",
    head: str = "",
    span: int = 1,
    title: str = "",
    right: bool = False,
    whole: bool = False,
) -> str:
    """A table cell of HTML content; `head` is the scope of a header cell ("col", "row"). Where JupyterLab does right by
    itself nothing is said, since every character counts five hundred times: it aligns right, and an empty cell needs no look.
    The lines of a `whole` one are not broken where styles are stripped either, so that they stay beside those of the next.
    """
    tag = "th" if head else "td"
    looks = [
        "" if right else "text-align:left",
        "padding:1px 8px",
        "font-weight:normal" if head == "row" else "",
        style,
    ]
    attributes = f' scope="{head}"' if head else ""
    if head == "row" and not right:
        attributes += ' align="left"'  # for where styles are stripped: header cells are centred by default
    if whole and content:
        attributes += " nowrap"
    if span > 1:
        attributes += f' colspan="{span}"'
    if title:
        attributes += f' title="{escape(title)}"'
    if content or style:
        attributes += f' style="{";".join(look for look in looks if look)}"'
    return f"<{tag}{attributes}>{content}</{tag}>"


def row(cells: Iterable[str]) -> str:
    """A table row; JupyterLab's stripes are taken off, since they lower the contrast of what stands on them."""
    return f'<tr style="background:none">{"".join(cells)}</tr>\n'


def table(caption: str, headers: Iterable[tuple[str, bool]], rows: Iterable[str]) -> str:
    """A table with a caption (HTML), column headers as (text, right-aligned) and rows made by `row`."""
    head = (cell(escape(text), head="col", right=right) for text, right in headers)
    return grid(caption, "", [row(head), *rows])


def grid(caption: str, columns: str, rows: Iterable[str], style: str = "") -> str:
    """A table whose first row is its head; `columns` is a `<colgroup>` or nothing."""
    head, *body = rows
    top = f'<caption style="{_CAPTION}">{caption}</caption>\n' if caption else ""
    return (
        f'<table style="border-collapse:collapse;margin:4px 0{";" if style else ""}{style}">\n{top}{columns}'
        f"<thead>{head}</thead>\n<tbody>\n{''.join(body)}</tbody></table>\n"
    )


def spread(items: Iterable[str]) -> str:
    """Short texts side by side, each in an equal share of the width; without styles a space parts them."""
    share = f'<code style="{_CODE};flex:1;text-align:center">'
    return f'<div style="display:flex">{" ".join(f"{share}{escape(item)}</code>" for item in items)}</div>'


def paragraph(content: str, style: str = "") -> str:
    """A paragraph of HTML content."""
    return f'<p style="margin:4px 0 4px 8px;font-size:13px{";" if style else ""}{style}">{content}</p>\n'


def pre(lines: Iterable[str], style: str = "") -> str:
    """Lines that must stay as they stand, such as carets under bytes. Each line is escaped on its own."""
    body = "\n".join(html.escape(printable(line)) for line in lines)
    return f'<pre style="{_PRE}{";" if style else ""}{style}">{body}</pre>\n'

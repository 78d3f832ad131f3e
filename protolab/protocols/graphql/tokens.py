"""The lexical tokens of a GraphQL document (GraphQL specification, September 2025, section 2.1), each with its bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

IGNORED = frozenset(("space", "line end", "byte order mark", "comment", "comma"))  # section 2.1.7

_TOKEN = re.compile(
    rb"(?P<space>[ \t]+)|(?P<line_end>\r\n|\n|\r)|(?P<byte_order_mark>\xef\xbb\xbf)|(?P<comment>\#[^\r\n]*)|(?P<comma>,)"
    rb"|(?P<mark>\.\.\.|[]!$&():=@[{|}])"
    rb"|(?P<name>[_A-Za-z][_0-9A-Za-z]*+)"
    rb"|(?P<float>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++)(?![0-9A-Za-z_.]))"
    rb"|(?P<int>-?(?:0|[1-9][0-9]*+)(?![0-9A-Za-z_.]))"
    rb'|(?P<block_string>"""(?:[^"\\]++|\\"""|\\|"(?!""))*+""")'
    rb'|(?P<string>"(?!"")(?:[^"\\\r\n]++|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]++\})*+")'
    rb'|(?P<open_block>""".*)|(?P<open_string>"(?:[^"\\\r\n]++|\\[^\r\n])*+"?\\?)'
    rb"|(?P<number>-[0-9A-Za-z_.]*|[0-9][0-9A-Za-z_.]*)|(?P<dots>\.\.?)|(?P<other>[\xc0-\xff][\x80-\xbf]*|.)",
    re.S,
)
_WRONG = {
    "open_block": "this block string has no end",
    "open_string": "this string has no end, or an escape that GraphQL does not have",
    "number": "this is not how GraphQL writes a number",
    "dots": "a spread is written with three dots",
    "other": "this character means nothing here",
}
_ESCAPE = re.compile(r'\\(?:u\{([0-9A-Fa-f]+)\}|u([dD][89abAB]..)\\u([dD][c-fC-F]..)|u(....)|(["\\/bfnrt]))')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Token(NamedTuple):
    """One token: `kind` is a word for it ("name", "int", "space"), or for a punctuator the sign itself.

    `wrong` says what is the matter with what is no token.
    """

    kind: str
    start: int
    end: int
    wrong: str = ""


def tokens(data: bytes) -> list[Token]:
    """All tokens of a document, ignored ones too: they tile its bytes, whatever those are.

    >>> [(token.kind, token.start) for token in tokens(b"{ user(id: 1) }")][:6]
    [('{', 0), ('space', 1), ('name', 2), ('(', 6), ('name', 7), (':', 9)]
    """
    found = []
    for match in _TOKEN.finditer(data):
        kind = str(match.lastgroup)
        if kind == "mark":
            kind = match[0].decode()
        wrong = _WRONG.get(kind, "")
        if kind == "string" and b"\\u" in match[0]:
            wrong = _surrogates(match[0].decode())
        found.append(Token("unparsed" if wrong else kind.replace("_", " "), *match.span(), wrong))
    return found


def string_value(token: str) -> str:
    """What a string token says (section 2.9.4).

    >>> string_value('"caf\\\\u00e9"')
    'café'
    """
    return _ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else token[1:-1]


def block_value(token: str) -> str:
    """What a block string says (section 2.9.4, BlockStringValue): without its common indentation and its blank ends.

    >>> block_value('\"\"\"\\n    a\\n      b\\n  \"\"\"')
    'a\\n  b'
    """
    lines = re.split(r"\r\n|\n|\r", token[3:-3].replace('\\"""', '"""'))
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip(" \t")]
    common = min(indents, default=0)
    lines = lines[:1] + [line[common:] for line in lines[1:]]
    while lines and not lines[0].strip(" \t"):
        del lines[0]
    while lines and not lines[-1].strip(" \t"):
        del lines[-1]
    return "\n".join(lines)


def _unescaped(match: re.Match[str]) -> str:
    braced, high, low, code, short = match.groups()
    if high is not None:
        return chr((int(high, 16) - 0xD800 << 10) + int(low, 16) - 0xDC00 + 0x10000)
    if short is not None:
        return _SHORT.get(short, short)
    number = int(braced or code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def _surrogates(token: str) -> str:
    """Section 2.9.4: an escape must stand for a Unicode scalar value; half of a surrogate pair is none."""
    for match in _ESCAPE.finditer(token):
        if _unescaped(match) == "\N{REPLACEMENT CHARACTER}" and int(match[1] or match[4] or "0", 16) != 0xFFFD:
            return f"{match[0]} is no character"
    return ""
